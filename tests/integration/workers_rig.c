#include "integration/workers_rig.h"

#include <stdio.h>
#include <string.h>

int rig_index(struct workers_rig *rig) {
  uv_thread_t self = uv_thread_self();
  int n = wsuv_workers_nloops(rig->workers);
  int i;

  for (i = 0; i < n; i++)
    if (uv_thread_equal(&rig->threads[i], &self))
      return i;
  print_error("this is no worker's thread\n");
  fail();
  return -1;
}

int rig_read(struct workers_rig *rig, const int *count) {
  int value;

  uv_mutex_lock(&rig->lock);
  value = *count;
  uv_mutex_unlock(&rig->lock);
  return value;
}

void rig_await(struct workers_rig *rig, const int *count, int n) {
  uv_mutex_lock(&rig->lock);
  while (*count < n)
    uv_cond_wait(&rig->changed, &rig->lock);
  uv_mutex_unlock(&rig->lock);
}

static void add(struct workers_rig *rig, int *count, int n) {
  uv_mutex_lock(&rig->lock);
  *count += n;
  uv_cond_broadcast(&rig->changed);
  uv_mutex_unlock(&rig->lock);
}

/* ---- on the workers' threads ---- */

static int on_start(wsuv_workers_t *workers, wsuv_loop_t *loop, wsuv_server_t *server, int index,
                    void *data) {
  struct workers_rig *rig = data;

  CHECK_NOT_NULL(workers);
  CHECK_PTR(rig, wsuv_server_data(server));
  CHECK_TRUE(wsuv_workers_port(workers) != 0 || rig->server.path != NULL);
  CHECK_NOT_NULL(wsuv_loop_uv(loop));
  rig->threads[index] = uv_thread_self();
  if (index == 0)
    rig->workers = workers;
  CHECK_PTR(rig->workers, workers);
  if (index == rig->fail_start_at)
    return UV_EIO;
  add(rig, &rig->nstarted, 1);
  return 0;
}

static void on_stop(wsuv_workers_t *workers, wsuv_loop_t *loop, int index, void *data) {
  struct workers_rig *rig = data;

  CHECK_INT(index, rig_index(rig));
  CHECK_PTR(rig->workers, workers);
  CHECK_NOT_NULL(wsuv_loop_uv(loop));
  add(rig, &rig->nstopped, 1);
}

static struct workers_rig *rig_of(wsuv_conn_t *conn) {
  return wsuv_server_data(wsuv_conn_server(conn));
}

static void on_open(wsuv_conn_t *conn) {
  struct workers_rig *rig = rig_of(conn);

  add(rig, &rig->nopen[rig_index(rig)], 1);
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  struct workers_rig *rig = rig_of(conn);

  if (len == 4 && memcmp(payload, "stop", 4) == 0)
    (void)wsuv_workers_stop(rig->workers);
  else if (len == 9 && memcmp(payload, "terminate", 9) == 0)
    wsuv_workers_terminate(rig->workers);
  else
    (void)wsuv_conn_send_message(conn, type, payload, len, 0);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  (void)info;
}

static void on_server_close(wsuv_server_t *server) {
  struct workers_rig *rig = wsuv_server_data(server);

  CHECK_SIZE(0, wsuv_server_nconns(server));
  add(rig, &rig->nclosed, 1);
}

static const wsuv_handler_t conn_handler = {.size = sizeof conn_handler,
                                            .on_open = on_open,
                                            .on_message = on_message,
                                            .on_close = on_close};
static const wsuv_server_handler_t handler = {
    .size = sizeof handler, .conn = &conn_handler, .on_close = on_server_close};

/* ---- on the test's ---- */

void rig_open(struct workers_rig *rig, int nloops) {
  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  failing_alloc_init(&rig->fa);
  CHECK_INT(0, uv_mutex_init(&rig->lock));
  CHECK_INT(0, uv_cond_init(&rig->changed));
  rig->fail_start_at = -1;
  rig->options = (wsuv_workers_options_t)WSUV_WORKERS_OPTIONS_INIT;
  rig->server = (wsuv_server_options_t)WSUV_SERVER_OPTIONS_INIT;
  rig->loop = (wsuv_loop_options_t)WSUV_LOOP_OPTIONS_INIT;
  rig->loop.allocator = &rig->fa.allocator;
  rig->options.nloops = nloops;
  rig->options.server = &rig->server;
  rig->options.loop = &rig->loop;
  rig->options.handler = &handler;
  rig->options.data = rig;
  rig->options.on_start = on_start;
  rig->options.on_stop = on_stop;
}

void rig_start(struct workers_rig *rig) {
  wsuv_workers_t *workers;

  CHECK_ERR(0, wsuv_workers_start(&workers, &rig->options));
  CHECK_PTR(rig->workers, workers);
  CHECK_INT(rig->options.nloops, wsuv_workers_nloops(workers));
  CHECK_INT(rig->options.nloops, rig->nstarted);
}

void rig_join(struct workers_rig *rig) {
  wsuv_workers_join(rig->workers);
  CHECK_INT(rig->nstarted, rig->nstopped);
  CHECK_INT(rig->nstarted, rig->nclosed);
  failing_alloc_check_no_leaks(&rig->fa);
}

void rig_close(struct workers_rig *rig) {
  loopback_close(&rig->lb);
  uv_cond_destroy(&rig->changed);
  uv_mutex_destroy(&rig->lock);
  failing_alloc_check_no_leaks(&rig->fa);
}

static int connect_client(struct workers_rig *rig, struct talker *client) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  char url[64];

  (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", wsuv_workers_port(rig->workers));
  options.url = rig->server.path != NULL ? "ws://localhost/" : url;
  options.path = rig->server.path;
  talker_init(client, &rig->lb);
  return talker_connect(client, NULL, &options);
}

struct talker *rig_connect(struct workers_rig *rig) {
  struct talker *client = &rig->clients[rig->nclients++];

  CHECK_TRUE(rig->nclients <= RIG_CLIENTS);
  CHECK_ERR(0, connect_client(rig, client));
  RUN_UNTIL(&rig->lb, client->n[EV_OPEN] == 1);
  return client;
}

void rig_echo(struct workers_rig *rig) {
  int i;

  for (i = 0; i < rig->nclients; i++) {
    struct talker *client = &rig->clients[i];
    unsigned before = client->n[EV_MESSAGE];
    CHECK_ERR(0, talker_say(client, "hello"));
    RUN_UNTIL(&rig->lb, client->n[EV_MESSAGE] == before + 1);
    CHECK_BYTES("hello", 5, client->payload, client->len);
  }
}

void rig_await_close(struct workers_rig *rig) {
  int i;

  for (i = 0; i < rig->nclients; i++)
    RUN_UNTIL(&rig->lb, rig->clients[i].n[EV_CLOSE] == 1);
}
