/* One server on several threads: starting, spreading, echoing, stopping, and what is left after each error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wsuv/deflate.h>

#include "integration/crew.h"

struct spread_row {
  const char *name;
  int nloops;
  int hand_off;
  int by_path;
};

static const struct spread_row spreads[] = {
    {"1 loop", 1, 0, 0},
    {"2 loops", 2, 0, 0},
    {"4 loops", 4, 0, 0},
    {"1 loop, handed off", 1, 1, 0},
    {"2 loops, handed off", 2, 1, 0},
    {"4 loops, handed off", 4, 1, 0},
    {"1 loop, unix socket", 1, 0, 1},
    {"4 loops, unix socket", 4, 0, 1},
};

static char socket_path[64];

static void open_row(struct crew *crew, const struct spread_row *row) {
  crew_open(crew, row->nloops);
  crew->options.hand_off = row->hand_off;
  if (row->by_path) {
    (void)snprintf(socket_path, sizeof socket_path, "/tmp/wsuv-threads-%d", (int)getpid());
    (void)unlink(socket_path);
    crew->server.path = socket_path;
  }
}

static void check_spread(struct crew *crew, const struct spread_row *row) {
  int is_in_turn = row->nloops > 1 && (row->hand_off || row->by_path);
  int sum = 0;
  int i;

  for (i = 0; i < row->nloops; i++) {
    int n = crew_read(crew, &crew->nopen[i]);
    print_message("loop %d: %d connections\n", i, n);
    if (is_in_turn)
      CHECK_INT(crew->nclients / row->nloops, n);
    sum += n;
  }
  CHECK_INT(crew->nclients, sum);
}

/* Echo through all of them, then a stop while they are open. */
static void run_spread(const void *data) {
  const struct spread_row *row = data;
  struct crew crew;
  int i;

  open_row(&crew, row);
  crew_start(&crew);
  CHECK_INT(row->by_path, wsuv_threads_port(crew.threads) == 0);
  for (i = 0; i < row->nloops; i++)
    CHECK_NOT_NULL(wsuv_threads_loop(crew.threads, i));
  CHECK_NULL(wsuv_threads_loop(crew.threads, row->nloops));
  CHECK_NULL(wsuv_threads_loop(crew.threads, -1));
  while (crew.nclients < 24)
    (void)crew_connect(&crew);
  crew_echo(&crew);
  check_spread(&crew, row);
  CHECK_ERR(0, wsuv_threads_stop(crew.threads, &crew_at_once));
  CHECK_ERR(WSUV_ESTATE, wsuv_threads_stop(crew.threads, &crew_at_once));
  crew_await_close(&crew);
  for (i = 0; i < crew.nclients; i++) {
    CHECK_INT(WSUV_CLOSE_GOING_AWAY, crew.clients[i].end.code);
    CHECK_INT(1, crew.clients[i].end.clean);
  }
  crew_join(&crew);
  crew_close(&crew);
  if (row->by_path)
    CHECK_INT(-1, access(socket_path, F_OK));
}

/* ---- ends ---- */

static void talk_on(struct talker *t, enum event event) {
  if (event == EV_OPEN || event == EV_MESSAGE)
    (void)talker_say(t, "again and again");
}

/* Stopped and terminated by a message, in a callback of a thread's, while all others talk. */
static void end_by_message(int nloops, int hand_off, const char *message) {
  struct crew crew;
  int i;

  crew_open(&crew, nloops);
  crew.options.hand_off = hand_off;
  crew_start(&crew);
  for (i = 0; i < 24; i++)
    crew_connect(&crew)->on_event = talk_on;
  for (i = 0; i < 24; i++)
    CHECK_ERR(0, talker_say(&crew.clients[i], "the first"));
  for (i = 0; i < 24; i++)
    RUN_UNTIL(&crew.lb, crew.clients[i].n[EV_MESSAGE] > 10);
  CHECK_ERR(0, talker_say(&crew.clients[7], message));
  crew_await_close(&crew);
  crew_join(&crew);
  crew_close(&crew);
}

static void test_stop_while_busy(void **state) {
  (void)state;
  end_by_message(4, 0, "stop");
  end_by_message(3, 1, "stop");
}

static void test_terminate_while_busy(void **state) {
  (void)state;
  end_by_message(4, 0, "terminate");
  end_by_message(3, 1, "terminate");
}

/* Connections that are made while the threads stop: each ends, in whatever way. */
static void test_stop_while_connecting(void **state) {
  int hand_off;
  (void)state;

  for (hand_off = 0; hand_off < 2; hand_off++) {
    struct crew crew;
    crew_open(&crew, 4);
    crew.options.hand_off = hand_off;
    crew_start(&crew);
    for (; crew.nclients < CREW_CLIENTS; crew.nclients++) {
      CHECK_ERR(0, crew_try_connect(&crew, &crew.clients[crew.nclients]));
      if (crew.nclients == CREW_CLIENTS / 2)
        RUN_UNTIL(&crew.lb, crew.clients[0].n[EV_OPEN] == 1);
    }
    CHECK_ERR(0, wsuv_threads_stop(crew.threads, &crew_at_once));
    crew_await_close(&crew);
    crew_join(&crew);
    crew_close(&crew);
  }
}

static void test_stop_and_terminate_from_start(void **state) {
  struct crew crew;
  (void)state;

  crew_open(&crew, 2);
  crew_start(&crew);
  CHECK_ERR(0, wsuv_threads_stop(crew.threads, &crew_at_once));
  wsuv_threads_terminate(crew.threads);
  wsuv_threads_terminate(crew.threads);
  crew_join(&crew);
  crew_close(&crew);
}

static int stop_at_once(wsuv_threads_t *threads, wsuv_loop_t *loop, wsuv_server_t *server,
                        int index, void *data) {
  struct crew *crew = data;

  (void)loop;
  (void)server;
  crew->nstarted++; /* one after the other, and before the test goes on */
  crew->selves[index] = uv_thread_self();
  crew->threads = threads;
  if (index > 0)
    CHECK_ERR(index == 1 ? 0 : WSUV_ESTATE, wsuv_threads_stop(threads, &crew_at_once));
  return 0;
}

static void test_stop_in_on_start(void **state) {
  struct crew crew;
  (void)state;

  crew_open(&crew, 3);
  crew.options.on_start = stop_at_once;
  crew_start(&crew);
  crew_join(&crew);
  crew_close(&crew);
}

/* A handle of the application's that it forgets, and a server that it closes itself. */
struct forgetful {
  struct crew crew;
  uv_timer_t timers[2];
};

static void close_server(uv_timer_t *timer) {
  wsuv_server_close(timer->data);
}

static void never(uv_timer_t *timer) {
  (void)timer;
  fail();
}

static int start_timers(wsuv_threads_t *threads, wsuv_loop_t *loop, wsuv_server_t *server,
                        int index, void *data) {
  struct forgetful *f = data;
  uv_timer_t *timer = &f->timers[index];

  f->crew.nstarted++;
  f->crew.selves[index] = uv_thread_self();
  f->crew.threads = threads;
  CHECK_ERR(WSUV_ESTATE, wsuv_loop_close(loop, NULL, NULL));
  CHECK_INT(0, uv_timer_init(wsuv_loop_uv(loop), timer));
  timer->data = server;
  return uv_timer_start(timer, index == 0 ? close_server : never, index == 0 ? 0 : 3600000, 0);
}

static void test_server_closed_and_handles_left(void **state) {
  static struct forgetful f;
  (void)state;

  crew_open(&f.crew, 2);
  f.crew.options.on_start = start_timers;
  crew_start(&f.crew);
  crew_await(&f.crew, &f.crew.nstopped, 1);
  CHECK_INT(1, crew_read(&f.crew, &f.crew.nstopped));
  CHECK_NOT_NULL(wsuv_threads_loop(f.crew.threads, 0)); /* it waits for the others */
  CHECK_ERR(0, wsuv_threads_stop(f.crew.threads, &crew_at_once));
  crew_join(&f.crew);
  crew_close(&f.crew);
}

/* ---- errors of the start ---- */

static void test_arguments(void **state) {
  wsuv_threads_t *threads = NULL;
  wsuv_threads_options_t good;
  wsuv_server_handler_t handler;
  struct crew crew;
  int i;
  (void)state;

  crew_open(&crew, 2);
  good = crew.options;
  for (i = 0; i < 8; i++) {
    crew.options = good;
    switch (i) {
    case 0:
      crew.options.size--;
      break;
    case 1:
      crew.options.nloops = -1;
      break;
    case 2:
      crew.options.nloops = 1025;
      break;
    case 3:
      crew.options.handler = NULL;
      break;
    case 4:
      crew.server.size--;
      break;
    case 5:
      crew.server.size++;
      crew.server.port = 65536;
      break;
    case 6:
      crew.server.port = 0;
      crew.loop.max_posts = -2;
      break;
    default:
      crew.loop.max_posts = 0;
      handler = *good.handler;
      handler.conn = NULL;
      crew.options.handler = &handler;
    }
    CHECK_ERR(WSUV_EINVAL, wsuv_threads_start(&threads, &crew.options));
    CHECK_NULL(threads);
  }
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_start(&threads, NULL));
  CHECK_INT(0, crew.nstarted);
  crew_close(&crew);
}

static void test_port_in_use(void **state) {
  wsuv_threads_t *threads;
  struct crew crew;
  struct host host;
  int hand_off;
  (void)state;

  for (hand_off = 0; hand_off < 2; hand_off++) {
    crew_open(&crew, 3);
    host_echo(&host, &crew.lb);
    crew.server.port = host.port;
    crew.options.hand_off = hand_off;
    CHECK_ERR(UV_EADDRINUSE, wsuv_threads_start(&threads, &crew.options));
    CHECK_NULL(threads);
    CHECK_INT(0, crew.nstarted);
    failing_alloc_check_no_leaks(&crew.fa);
    crew_close(&crew);
  }
}

/* Of the third of four: the first two have listened, and are gone. */
static void test_on_start_fails(void **state) {
  wsuv_threads_t *threads;
  struct crew crew;
  int hand_off;
  (void)state;

  for (hand_off = 0; hand_off < 2; hand_off++) {
    crew_open(&crew, 4);
    crew.options.hand_off = hand_off;
    crew.fail_start_at = 2;
    CHECK_ERR(UV_EIO, wsuv_threads_start(&threads, &crew.options));
    CHECK_NULL(threads);
    CHECK_INT(2, crew.nstarted);
    CHECK_INT(2, crew.nstopped);
    CHECK_INT(3, crew.nclosed);
    failing_alloc_check_no_leaks(&crew.fa);
    crew_close(&crew);
  }
}

static int change_options(wsuv_threads_t *threads, wsuv_server_options_t *o, int index,
                          void *data) {
  static const char *const names[] = {"zero", "one"};
  struct crew *crew = data;

  CHECK_NOT_NULL(threads);
  if (crew->fail_start_at == index)
    return UV_EPERM;
  o->subprotocols = &names[index];
  o->nsubprotocols = 1;
  o->host = "no-such-host.invalid"; /* where it listens is not to be changed */
  o->port = 1;
  o->path = "/nowhere";
  return 0;
}

static void test_options_of_each_loop(void **state) {
  static const char *const names[] = {"zero", "one"};
  wsuv_threads_t *threads;
  struct crew crew;
  int i;
  (void)state;

  crew_open(&crew, 2);
  crew.options.on_options = change_options;
  crew.options.hand_off = 1; /* in turn: which one it will be is known */
  crew.fail_start_at = 1;
  CHECK_ERR(UV_EPERM, wsuv_threads_start(&threads, &crew.options));
  crew.fail_start_at = -1;
  crew.nstarted = crew.nstopped = crew.nclosed = 0;
  crew_start(&crew);
  crew.to.subprotocols = names;
  crew.to.nsubprotocols = 2;
  for (i = 0; i < 2; i++)
    CHECK_STR(names[i], wsuv_conn_subprotocol(crew_connect(&crew)->conn));
  CHECK_ERR(0, wsuv_threads_stop(crew.threads, &crew_at_once));
  crew_await_close(&crew);
  crew_join(&crew);
  crew_close(&crew);
}

/* One for each loop, since it belongs to one thread. */
struct compressing {
  struct crew crew;
  wsuv_deflate_t *deflates[2];
  const wsuv_extension_t *extensions[2];
};

static int use_own_deflate(wsuv_threads_t *threads, wsuv_server_options_t *o, int index,
                           void *data) {
  struct compressing *c = data;
  int err = wsuv_deflate_new(&c->deflates[index], NULL);

  (void)threads;
  if (err != 0)
    return err;
  c->extensions[index] = wsuv_deflate_extension(c->deflates[index]);
  o->extensions = &c->extensions[index];
  o->nextensions = 1;
  return 0;
}

static void test_compression(void **state) {
  static struct compressing c;
  const wsuv_extension_t *extension;
  wsuv_deflate_t *deflate;
  int i;
  (void)state;

  if (wsuv_deflate_new(&deflate, NULL) == WSUV_ENODEFLATE) {
    print_message("skipped: no compression in this build\n");
    return;
  }
  extension = wsuv_deflate_extension(deflate);
  crew_open(&c.crew, 2);
  c.crew.options.on_options = use_own_deflate;
  c.crew.options.hand_off = 1;
  c.crew.to.extensions = &extension;
  c.crew.to.nextensions = 1;
  crew_start(&c.crew);
  for (i = 0; i < 8; i++)
    CHECK_SIZE(1, wsuv_conn_nextensions(crew_connect(&c.crew)->conn));
  for (i = 0; i < 20; i++)
    crew_echo(&c.crew);
  CHECK_ERR(0, wsuv_threads_stop(c.crew.threads, &crew_at_once));
  crew_await_close(&c.crew);
  crew_join(&c.crew);
  crew_close(&c.crew);
  wsuv_deflate_free(c.deflates[0]);
  wsuv_deflate_free(c.deflates[1]);
  wsuv_deflate_free(deflate);
}

/* Every allocation of the start fails once. */
static void test_no_memory(void **state) {
  int hand_off;
  (void)state;

  for (hand_off = 0; hand_off < 2; hand_off++) {
    int has_failed = 1;
    size_t n;
    for (n = 1; has_failed; n++) {
      wsuv_threads_t *threads;
      struct crew crew;
      int err;
      crew_open(&crew, 2);
      crew.options.hand_off = hand_off;
      failing_alloc_fail_once(&crew.fa, n);
      err = wsuv_threads_start(&threads, &crew.options);
      if (err == 0) {
        wsuv_threads_terminate(threads);
        wsuv_threads_join(threads);
      }
      has_failed = failing_alloc_has_failed(&crew.fa);
      CHECK_ERR(has_failed ? WSUV_ENOMEM : 0, err);
      CHECK_INT(crew.nstarted, crew.nstopped);
      crew_close(&crew);
    }
    print_message("%d allocations\n", (int)n - 2);
  }
}

/* Each allocation on the way of a connection that is handed over fails once: it is closed, and the next one comes through. */
static void test_no_memory_for_a_connection(void **state) {
  struct crew crew;
  size_t n;
  (void)state;

  crew_open(&crew, 2);
  crew.options.hand_off = 1;
  crew_start(&crew);
  for (n = 1; n <= 4; n++) {
    struct talker *client = &crew.clients[crew.nclients++];
    failing_alloc_fail_once(&crew.fa, n);
    CHECK_ERR(0, crew_try_connect(&crew, client));
    RUN_UNTIL(&crew.lb, client->n[EV_CLOSE] == 1 || client->n[EV_OPEN] == 1);
    CHECK_SIZE(0, client->n[EV_OPEN]);
    (void)crew_connect(&crew);
  }
  wsuv_threads_terminate(crew.threads);
  crew_await_close(&crew);
  crew_join(&crew);
  crew_close(&crew);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stop_while_busy),
      cmocka_unit_test(test_terminate_while_busy),
      cmocka_unit_test(test_stop_while_connecting),
      cmocka_unit_test(test_stop_and_terminate_from_start),
      cmocka_unit_test(test_stop_in_on_start),
      cmocka_unit_test(test_server_closed_and_handles_left),
      cmocka_unit_test(test_arguments),
      cmocka_unit_test(test_port_in_use),
      cmocka_unit_test(test_on_start_fails),
      cmocka_unit_test(test_options_of_each_loop),
      cmocka_unit_test(test_compression),
      cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_no_memory_for_a_connection),
  };
  return CHECK_RUN_TABLE("threads spread", spreads, run_spread) +
         cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
