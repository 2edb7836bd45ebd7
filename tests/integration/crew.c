#include "integration/crew.h"

#include <stdio.h>
#include <string.h>

const wsuv_drain_options_t crew_at_once = {.size = sizeof crew_at_once, .window_ms = WSUV_OFF};

/* Long enough to be compressed. */
#define HELLO \
  "hello, hello, hello, hello, hello, hello, hello, hello, hello, hello, hello, hello, hello"

int crew_index(struct crew *crew) {
  uv_thread_t self = uv_thread_self();
  int n = wsuv_threads_nloops(crew->threads);
  int i;

  for (i = 0; i < n; i++)
    if (uv_thread_equal(&crew->selves[i], &self))
      return i;
  print_error("this is no thread's thread\n");
  fail();
  return -1;
}

int crew_read(struct crew *crew, const int *count) {
  int value;

  uv_mutex_lock(&crew->lock);
  value = *count;
  uv_mutex_unlock(&crew->lock);
  return value;
}

void crew_await(struct crew *crew, const int *count, int n) {
  uv_mutex_lock(&crew->lock);
  while (*count < n)
    uv_cond_wait(&crew->changed, &crew->lock);
  uv_mutex_unlock(&crew->lock);
}

void crew_add(struct crew *crew, int *count) {
  uv_mutex_lock(&crew->lock);
  (*count)++;
  uv_cond_broadcast(&crew->changed);
  uv_mutex_unlock(&crew->lock);
}

/* ---- on the threads ---- */

static int on_start(wsuv_threads_t *threads, wsuv_loop_t *loop, wsuv_server_t *server, int index,
                    void *data) {
  struct crew *crew = data;

  CHECK_NOT_NULL(threads);
  CHECK_PTR(crew, wsuv_server_data(server));
  CHECK_TRUE(wsuv_threads_port(threads) != 0 || crew->server.path != NULL);
  CHECK_NOT_NULL(wsuv_loop_uv(loop));
  crew->selves[index] = uv_thread_self();
  if (index == 0)
    crew->threads = threads;
  CHECK_PTR(crew->threads, threads);
  if (index == crew->fail_start_at)
    return UV_EIO;
  crew_add(crew, &crew->nstarted);
  return 0;
}

static void on_stop(wsuv_threads_t *threads, wsuv_loop_t *loop, int index, void *data) {
  struct crew *crew = data;

  CHECK_INT(index, crew_index(crew));
  CHECK_PTR(crew->threads, threads);
  CHECK_NOT_NULL(wsuv_loop_uv(loop));
  crew_add(crew, &crew->nstopped);
}

static struct crew *crew_of(wsuv_conn_t *conn) {
  return wsuv_server_data(wsuv_conn_server(conn));
}

static void on_open(wsuv_conn_t *conn) {
  struct crew *crew = crew_of(conn);

  crew_add(crew, &crew->nopen[crew_index(crew)]);
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  struct crew *crew = crew_of(conn);

  if (len == 4 && memcmp(payload, "stop", 4) == 0)
    (void)wsuv_threads_stop(crew->threads, &crew_at_once);
  else if (len == 9 && memcmp(payload, "terminate", 9) == 0)
    wsuv_threads_terminate(crew->threads);
  else
    (void)wsuv_conn_send_message(conn, type, payload, len, 0);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  (void)info;
}

void crew_on_server_close(wsuv_server_t *server) {
  struct crew *crew = wsuv_server_data(server);

  CHECK_SIZE(0, wsuv_server_nconns(server));
  crew_add(crew, &crew->nclosed);
}

static const wsuv_handler_t conn_handler = {.size = sizeof conn_handler,
                                            .on_open = on_open,
                                            .on_message = on_message,
                                            .on_close = on_close};
static const wsuv_server_handler_t handler = {
    .size = sizeof handler, .conn = &conn_handler, .on_close = crew_on_server_close};

/* ---- on the test's ---- */

void crew_open(struct crew *crew, int nloops) {
  memset(crew, 0, sizeof *crew);
  loopback_open(&crew->lb);
  failing_alloc_init(&crew->fa);
  CHECK_INT(0, uv_mutex_init(&crew->lock));
  CHECK_INT(0, uv_cond_init(&crew->changed));
  CHECK_INT(0, uv_sem_init(&crew->held, 0));
  CHECK_INT(0, uv_sem_init(&crew->let_go, 0));
  crew->fail_start_at = -1;
  crew->options = (wsuv_threads_options_t)WSUV_THREADS_OPTIONS_INIT;
  crew->server = (wsuv_server_options_t)WSUV_SERVER_OPTIONS_INIT;
  crew->loop = (wsuv_loop_options_t)WSUV_LOOP_OPTIONS_INIT;
  crew->loop.allocator = &crew->fa.allocator;
  crew->to = (wsuv_connect_options_t)WSUV_CONNECT_OPTIONS_INIT;
  crew->options.nloops = nloops;
  crew->options.server = &crew->server;
  crew->options.loop = &crew->loop;
  crew->options.handler = &handler;
  crew->options.data = crew;
  crew->options.on_start = on_start;
  crew->options.on_stop = on_stop;
}

void crew_start(struct crew *crew) {
  wsuv_threads_t *threads;

  CHECK_ERR(0, wsuv_threads_start(&threads, &crew->options));
  CHECK_PTR(crew->threads, threads);
  CHECK_INT(crew->options.nloops, wsuv_threads_nloops(threads));
  CHECK_INT(crew->options.nloops, crew->nstarted);
}

void crew_join(struct crew *crew) {
  wsuv_threads_join(crew->threads);
  CHECK_INT(crew->nstarted, crew->nstopped);
  CHECK_INT(crew->nstarted, crew->nclosed);
  failing_alloc_check_no_leaks(&crew->fa);
}

void crew_close(struct crew *crew) {
  loopback_close(&crew->lb);
  uv_sem_destroy(&crew->let_go);
  uv_sem_destroy(&crew->held);
  uv_cond_destroy(&crew->changed);
  uv_mutex_destroy(&crew->lock);
  failing_alloc_check_no_leaks(&crew->fa);
}

static void hold(wsuv_loop_t *loop, void *arg, int status) {
  struct crew *crew = arg;

  (void)loop;
  CHECK_ERR(0, status);
  uv_sem_post(&crew->held);
  uv_sem_wait(&crew->let_go);
}

void crew_hold(struct crew *crew, int index) {
  CHECK_ERR(0, wsuv_loop_post(wsuv_threads_loop(crew->threads, index), hold, crew));
  uv_sem_wait(&crew->held);
}

void crew_let_go(struct crew *crew) {
  uv_sem_post(&crew->let_go);
}

void crew_run(uv_thread_cb entry, void *things, size_t n, size_t size) {
  uv_thread_t threads[CREW_LOOPS];
  size_t i;

  CHECK_TRUE(n <= CREW_LOOPS);
  for (i = 0; i < n; i++)
    CHECK_INT(0, uv_thread_create(&threads[i], entry, (char *)things + i * size));
  for (i = 0; i < n; i++)
    CHECK_INT(0, uv_thread_join(&threads[i]));
}

int crew_try_connect(struct crew *crew, struct talker *client) {
  char url[64];

  (void)snprintf(url, sizeof url, "%s://127.0.0.1:%d/", crew->to.tls != NULL ? "wss" : "ws",
                 wsuv_threads_port(crew->threads));
  crew->to.url = crew->server.path != NULL ? "ws://localhost/" : url;
  crew->to.path = crew->server.path;
  talker_init(client, &crew->lb);
  return talker_connect(client, NULL, &crew->to);
}

struct talker *crew_connect(struct crew *crew) {
  struct talker *client = &crew->clients[crew->nclients++];

  CHECK_TRUE(crew->nclients <= CREW_CLIENTS);
  CHECK_ERR(0, crew_try_connect(crew, client));
  RUN_UNTIL(&crew->lb, client->n[EV_OPEN] == 1);
  return client;
}

void crew_echo(struct crew *crew) {
  int i;

  for (i = 0; i < crew->nclients; i++) {
    struct talker *client = &crew->clients[i];
    unsigned before = client->n[EV_MESSAGE];
    CHECK_ERR(0, talker_say(client, HELLO));
    RUN_UNTIL(&crew->lb, client->n[EV_MESSAGE] == before + 1);
    CHECK_BYTES(HELLO, sizeof HELLO - 1, client->payload, client->len);
  }
}

void crew_await_close(struct crew *crew) {
  int i;

  for (i = 0; i < crew->nclients; i++)
    RUN_UNTIL(&crew->lb, crew->clients[i].n[EV_CLOSE] == 1);
}
