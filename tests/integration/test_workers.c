/* One server on several threads: starting, spreading, echoing, stopping, and what is left after each error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "integration/workers_rig.h"

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

static void open_row(struct workers_rig *rig, const struct spread_row *row) {
  rig_open(rig, row->nloops);
  rig->options.hand_off = row->hand_off;
  if (row->by_path) {
    (void)snprintf(socket_path, sizeof socket_path, "/tmp/wsuv-workers-%d", (int)getpid());
    (void)unlink(socket_path);
    rig->server.path = socket_path;
  }
}

static void check_spread(struct workers_rig *rig, const struct spread_row *row) {
  int is_in_turn = row->nloops > 1 && (row->hand_off || row->by_path);
  int sum = 0;
  int i;

  for (i = 0; i < row->nloops; i++) {
    int n = rig_read(rig, &rig->nopen[i]);
    print_message("loop %d: %d connections\n", i, n);
    if (is_in_turn)
      CHECK_INT(rig->nclients / row->nloops, n);
    sum += n;
  }
  CHECK_INT(rig->nclients, sum);
}

/* Echo through all of them, then a stop while they are open. */
static void run_spread(const void *data) {
  const struct spread_row *row = data;
  struct workers_rig rig;
  int i;

  open_row(&rig, row);
  rig_start(&rig);
  CHECK_INT(row->by_path, wsuv_workers_port(rig.workers) == 0);
  for (i = 0; i < row->nloops; i++)
    CHECK_NOT_NULL(wsuv_workers_loop(rig.workers, i));
  CHECK_NULL(wsuv_workers_loop(rig.workers, row->nloops));
  CHECK_NULL(wsuv_workers_loop(rig.workers, -1));
  while (rig.nclients < 24)
    (void)rig_connect(&rig);
  rig_echo(&rig);
  check_spread(&rig, row);
  CHECK_ERR(0, wsuv_workers_stop(rig.workers));
  CHECK_ERR(WSUV_ESTATE, wsuv_workers_stop(rig.workers));
  rig_await_close(&rig);
  for (i = 0; i < rig.nclients; i++) {
    CHECK_INT(WSUV_CLOSE_GOING_AWAY, rig.clients[i].end.code);
    CHECK_INT(1, rig.clients[i].end.clean);
  }
  rig_join(&rig);
  rig_close(&rig);
  if (row->by_path)
    CHECK_INT(-1, access(socket_path, F_OK));
}

/* ---- ends ---- */

static void talk_on(struct talker *t, enum event event) {
  if (event == EV_OPEN || event == EV_MESSAGE)
    (void)talker_say(t, "again and again");
}

/* Stopped and terminated by a message, in a callback of a worker's, while all others talk. */
static void end_by_message(int nloops, int hand_off, const char *message) {
  struct workers_rig rig;
  int i;

  rig_open(&rig, nloops);
  rig.options.hand_off = hand_off;
  rig_start(&rig);
  for (i = 0; i < 24; i++)
    rig_connect(&rig)->on_event = talk_on;
  for (i = 0; i < 24; i++)
    CHECK_ERR(0, talker_say(&rig.clients[i], "the first"));
  for (i = 0; i < 24; i++)
    RUN_UNTIL(&rig.lb, rig.clients[i].n[EV_MESSAGE] > 10);
  CHECK_ERR(0, talker_say(&rig.clients[7], message));
  rig_await_close(&rig);
  rig_join(&rig);
  rig_close(&rig);
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

/* Connections that are made while the workers stop: each ends, in whatever way. */
static void test_stop_while_connecting(void **state) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  int hand_off;
  (void)state;

  for (hand_off = 0; hand_off < 2; hand_off++) {
    struct workers_rig rig;
    char url[64];
    rig_open(&rig, 4);
    rig.options.hand_off = hand_off;
    rig_start(&rig);
    (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", wsuv_workers_port(rig.workers));
    options.url = url;
    for (; rig.nclients < RIG_CLIENTS; rig.nclients++) {
      talker_init(&rig.clients[rig.nclients], &rig.lb);
      CHECK_ERR(0, talker_connect(&rig.clients[rig.nclients], NULL, &options));
      if (rig.nclients == RIG_CLIENTS / 2)
        RUN_UNTIL(&rig.lb, rig.clients[0].n[EV_OPEN] == 1);
    }
    CHECK_ERR(0, wsuv_workers_stop(rig.workers));
    rig_await_close(&rig);
    rig_join(&rig);
    rig_close(&rig);
  }
}

static void test_stop_and_terminate_from_start(void **state) {
  struct workers_rig rig;
  (void)state;

  rig_open(&rig, 2);
  rig_start(&rig);
  CHECK_ERR(0, wsuv_workers_stop(rig.workers));
  wsuv_workers_terminate(rig.workers);
  wsuv_workers_terminate(rig.workers);
  rig_join(&rig);
  rig_close(&rig);
}

static int stop_at_once(wsuv_workers_t *workers, wsuv_loop_t *loop, wsuv_server_t *server,
                        int index, void *data) {
  struct workers_rig *rig = data;

  (void)loop;
  (void)server;
  rig->nstarted++; /* one after the other, and before the test goes on */
  rig->threads[index] = uv_thread_self();
  rig->workers = workers;
  if (index > 0)
    CHECK_ERR(index == 1 ? 0 : WSUV_ESTATE, wsuv_workers_stop(workers));
  return 0;
}

static void test_stop_in_on_start(void **state) {
  struct workers_rig rig;
  (void)state;

  rig_open(&rig, 3);
  rig.options.on_start = stop_at_once;
  rig_start(&rig);
  rig_join(&rig);
  rig_close(&rig);
}

/* A handle of the application's that it forgets, and a server that it closes itself. */
struct forgetful {
  struct workers_rig rig;
  uv_timer_t timers[2];
};

static void close_server(uv_timer_t *timer) {
  wsuv_server_close(timer->data);
}

static void never(uv_timer_t *timer) {
  (void)timer;
  fail();
}

static int start_timers(wsuv_workers_t *workers, wsuv_loop_t *loop, wsuv_server_t *server,
                        int index, void *data) {
  struct forgetful *f = data;
  uv_timer_t *timer = &f->timers[index];

  f->rig.nstarted++;
  f->rig.threads[index] = uv_thread_self();
  f->rig.workers = workers;
  CHECK_ERR(WSUV_ESTATE, wsuv_loop_close(loop, NULL, NULL));
  CHECK_INT(0, uv_timer_init(wsuv_loop_uv(loop), timer));
  timer->data = server;
  return uv_timer_start(timer, index == 0 ? close_server : never, index == 0 ? 0 : 3600000, 0);
}

static void test_server_closed_and_handles_left(void **state) {
  static struct forgetful f;
  (void)state;

  rig_open(&f.rig, 2);
  f.rig.options.on_start = start_timers;
  rig_start(&f.rig);
  rig_await(&f.rig, &f.rig.nstopped, 1);
  CHECK_INT(1, rig_read(&f.rig, &f.rig.nstopped));
  CHECK_NOT_NULL(wsuv_workers_loop(f.rig.workers, 0)); /* it waits for the others */
  CHECK_ERR(0, wsuv_workers_stop(f.rig.workers));
  rig_join(&f.rig);
  rig_close(&f.rig);
}

/* ---- errors of the start ---- */

static void test_arguments(void **state) {
  wsuv_workers_t *workers = NULL;
  wsuv_workers_options_t good;
  wsuv_server_handler_t handler;
  struct workers_rig rig;
  int i;
  (void)state;

  rig_open(&rig, 2);
  good = rig.options;
  for (i = 0; i < 8; i++) {
    rig.options = good;
    switch (i) {
    case 0:
      rig.options.size--;
      break;
    case 1:
      rig.options.nloops = -1;
      break;
    case 2:
      rig.options.nloops = 1025;
      break;
    case 3:
      rig.options.handler = NULL;
      break;
    case 4:
      rig.server.size--;
      break;
    case 5:
      rig.server.size++;
      rig.server.port = 65536;
      break;
    case 6:
      rig.server.port = 0;
      rig.loop.max_posts = -2;
      break;
    default:
      rig.loop.max_posts = 0;
      handler = *good.handler;
      handler.conn = NULL;
      rig.options.handler = &handler;
    }
    CHECK_ERR(WSUV_EINVAL, wsuv_workers_start(&workers, &rig.options));
    CHECK_NULL(workers);
  }
  CHECK_ERR(WSUV_EINVAL, wsuv_workers_start(&workers, NULL));
  CHECK_INT(0, rig.nstarted);
  rig_close(&rig);
}

static void test_port_in_use(void **state) {
  wsuv_workers_t *workers;
  struct workers_rig rig;
  struct host host;
  int hand_off;
  (void)state;

  for (hand_off = 0; hand_off < 2; hand_off++) {
    rig_open(&rig, 3);
    host_echo(&host, &rig.lb);
    rig.server.port = host.port;
    rig.options.hand_off = hand_off;
    CHECK_ERR(UV_EADDRINUSE, wsuv_workers_start(&workers, &rig.options));
    CHECK_NULL(workers);
    CHECK_INT(0, rig.nstarted);
    failing_alloc_check_no_leaks(&rig.fa);
    rig_close(&rig);
  }
}

/* Of the third of four: the first two have listened, and are gone. */
static void test_on_start_fails(void **state) {
  wsuv_workers_t *workers;
  struct workers_rig rig;
  int hand_off;
  (void)state;

  for (hand_off = 0; hand_off < 2; hand_off++) {
    rig_open(&rig, 4);
    rig.options.hand_off = hand_off;
    rig.fail_start_at = 2;
    CHECK_ERR(UV_EIO, wsuv_workers_start(&workers, &rig.options));
    CHECK_NULL(workers);
    CHECK_INT(2, rig.nstarted);
    CHECK_INT(2, rig.nstopped);
    CHECK_INT(3, rig.nclosed);
    failing_alloc_check_no_leaks(&rig.fa);
    rig_close(&rig);
  }
}

static int change_options(wsuv_workers_t *workers, wsuv_server_options_t *o, int index,
                          void *data) {
  static const char *const names[] = {"zero", "one"};
  struct workers_rig *rig = data;

  CHECK_NOT_NULL(workers);
  if (rig->fail_start_at == index)
    return UV_EPERM;
  o->subprotocols = &names[index];
  o->nsubprotocols = 1;
  o->host = "no-such-host.invalid"; /* where it listens is not to be changed */
  o->port = 1;
  o->path = "/nowhere";
  return 0;
}

static void test_options_of_each_loop(void **state) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  static const char *const names[] = {"zero", "one"};
  wsuv_workers_t *workers;
  struct workers_rig rig;
  char url[64];
  int i;
  (void)state;

  rig_open(&rig, 2);
  rig.options.on_options = change_options;
  rig.options.hand_off = 1; /* in turn: which one it will be is known */
  rig.fail_start_at = 1;
  CHECK_ERR(UV_EPERM, wsuv_workers_start(&workers, &rig.options));
  rig.fail_start_at = -1;
  rig.nstarted = rig.nstopped = rig.nclosed = 0;
  rig_start(&rig);
  (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", wsuv_workers_port(rig.workers));
  options.url = url;
  options.subprotocols = names;
  options.nsubprotocols = 2;
  for (i = 0; i < 2; i++) {
    struct talker *client = &rig.clients[rig.nclients++];
    talker_init(client, &rig.lb);
    CHECK_ERR(0, talker_connect(client, NULL, &options));
    RUN_UNTIL(&rig.lb, client->n[EV_OPEN] == 1);
    CHECK_STR(names[i], wsuv_conn_subprotocol(client->conn));
  }
  CHECK_ERR(0, wsuv_workers_stop(rig.workers));
  rig_await_close(&rig);
  rig_join(&rig);
  rig_close(&rig);
}

/* Every allocation of the start fails once. */
static void test_no_memory(void **state) {
  int hand_off;
  (void)state;

  for (hand_off = 0; hand_off < 2; hand_off++) {
    int has_failed = 1;
    size_t n;
    for (n = 1; has_failed; n++) {
      wsuv_workers_t *workers;
      struct workers_rig rig;
      int err;
      rig_open(&rig, 2);
      rig.options.hand_off = hand_off;
      failing_alloc_fail_once(&rig.fa, n);
      err = wsuv_workers_start(&workers, &rig.options);
      if (err == 0) {
        wsuv_workers_terminate(workers);
        wsuv_workers_join(workers);
      }
      has_failed = failing_alloc_has_failed(&rig.fa);
      CHECK_ERR(has_failed ? WSUV_ENOMEM : 0, err);
      CHECK_INT(rig.nstarted, rig.nstopped);
      rig_close(&rig);
    }
    print_message("%d allocations\n", (int)n - 2);
  }
}

/* Each allocation on the way of a connection that is handed over fails once: it is closed, and the next one comes through. */
static void test_no_memory_for_a_connection(void **state) {
  struct workers_rig rig;
  size_t n;
  (void)state;

  rig_open(&rig, 2);
  rig.options.hand_off = 1;
  rig_start(&rig);
  for (n = 1; n <= 4; n++) {
    wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
    struct talker *client = &rig.clients[rig.nclients++];
    char url[64];
    (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", wsuv_workers_port(rig.workers));
    options.url = url;
    talker_init(client, &rig.lb);
    failing_alloc_fail_once(&rig.fa, n);
    CHECK_ERR(0, talker_connect(client, NULL, &options));
    RUN_UNTIL(&rig.lb, client->n[EV_CLOSE] == 1 || client->n[EV_OPEN] == 1);
    CHECK_SIZE(0, client->n[EV_OPEN]);
    (void)rig_connect(&rig);
  }
  wsuv_workers_terminate(rig.workers);
  rig_await_close(&rig);
  rig_join(&rig);
  rig_close(&rig);
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
      cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_no_memory_for_a_connection),
  };
  return CHECK_RUN_TABLE("workers spread", spreads, run_spread) +
         cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
