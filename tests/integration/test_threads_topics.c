/* Publications on all loops: in the same order everywhere, to all loops or to none. */
#include <stdlib.h>
#include <string.h>

#include "integration/crew.h"

#define NLOOPS    4
#define NCLIENTS  12
#define NTHREADS  4
#define MAX_POSTS 500

struct rig {
  struct crew crew; /* first: wsuv_server_data */
  int nposts;       /* of each thread */
  int heard[NCLIENTS][NTHREADS * MAX_POSTS];
  int nheard[NCLIENTS];
};

struct publisher {
  struct rig *rig;
  int index;
};

/* ---- on the threads ---- */

static void subscribe(wsuv_conn_t *conn) {
  struct crew *crew = wsuv_server_data(wsuv_conn_server(conn));

  CHECK_ERR(0, wsuv_conn_subscribe(conn, "news"));
  crew_add(crew, &crew->nopen[crew_index(crew)]);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  (void)info;
}

static const wsuv_handler_t conn_handler = {
    .size = sizeof conn_handler, .on_open = subscribe, .on_close = on_close};
static const wsuv_server_handler_t handler = {
    .size = sizeof handler, .conn = &conn_handler, .on_close = crew_on_server_close};

/* ---- on the test's ---- */

static struct rig *rig_new(int64_t max_posts) {
  struct rig *rig = calloc(1, sizeof *rig);

  CHECK_NOT_NULL(rig);
  crew_open(&rig->crew, NLOOPS);
  rig->nposts = loopback_is_slow() ? MAX_POSTS / 20 : MAX_POSTS;
  rig->crew.loop.max_posts = max_posts;
  rig->crew.options.handler = &handler;
  rig->crew.options.hand_off = 1; /* as many subscribers on each */
  crew_start(&rig->crew);
  return rig;
}

static void rig_free(struct rig *rig) {
  CHECK_ERR(0, wsuv_threads_stop(rig->crew.threads, &crew_at_once));
  crew_await_close(&rig->crew);
  crew_join(&rig->crew);
  crew_close(&rig->crew);
  free(rig);
}

static void hear(struct talker *t, enum event event) {
  struct rig *rig = (struct rig *)(void *)t->lb;
  int i = (int)(t - rig->crew.clients);

  if (event != EV_MESSAGE)
    return;
  CHECK_SIZE(sizeof(int), t->len);
  CHECK_TRUE(rig->nheard[i] < NTHREADS * rig->nposts);
  memcpy(&rig->heard[i][rig->nheard[i]++], t->payload, sizeof(int));
}

static void connect_all(struct rig *rig) {
  int i;

  for (i = 0; i < NCLIENTS; i++)
    crew_connect(&rig->crew)->on_event = hear;
  for (i = 0; i < NLOOPS; i++)
    CHECK_INT(NCLIENTS / NLOOPS, crew_read(&rig->crew, &rig->crew.nopen[i]));
}

static int publish(struct rig *rig, int number) {
  wsuv_publish_options_t options = WSUV_PUBLISH_OPTIONS_INIT;

  options.slow = WSUV_SLOW_DROP_OLDEST;
  return wsuv_threads_publish(rig->crew.threads, "news", WSUV_BINARY, &number, sizeof number,
                              number % 2 ? &options : NULL);
}

static void publish_all(void *arg) {
  struct publisher *publisher = arg;
  int i;

  for (i = 0; i < publisher->rig->nposts; i++)
    CHECK_ERR(0, publish(publisher->rig, publisher->index * publisher->rig->nposts + i));
}

static void check_order(const struct rig *rig) {
  size_t size = sizeof(int) * NTHREADS * (size_t)rig->nposts;
  int next[NTHREADS] = {0};
  int i;

  for (i = 0; i < NTHREADS * rig->nposts; i++)
    CHECK_INT(next[rig->heard[0][i] / rig->nposts]++, rig->heard[0][i] % rig->nposts);
  for (i = 1; i < NCLIENTS; i++)
    CHECK_BYTES(rig->heard[0], size, rig->heard[i], size);
}

static void test_order(void **state) {
  struct rig *rig = rig_new(WSUV_OFF);
  struct publisher publishers[NTHREADS];
  int i;
  (void)state;

  connect_all(rig);
  for (i = 0; i < NTHREADS; i++) {
    publishers[i].rig = rig;
    publishers[i].index = i;
  }
  crew_run(publish_all, publishers, NTHREADS, sizeof publishers[0]);
  for (i = 0; i < NCLIENTS; i++)
    RUN_UNTIL(&rig->crew.lb, rig->nheard[i] == NTHREADS * rig->nposts);
  check_order(rig);
  rig_free(rig);
}

/* The third loop is held up: its mailbox is full with one publication, and nobody gets the next. */
static void test_all_or_none(void **state) {
  struct rig *rig = rig_new(1);
  int i;
  (void)state;

  connect_all(rig);
  crew_hold(&rig->crew, 2);
  CHECK_ERR(0, publish(rig, 1));
  CHECK_ERR(WSUV_EQUEUEFULL, publish(rig, 2));
  crew_let_go(&rig->crew);
  while (publish(rig, 3) != 0)
    uv_sleep(1);
  for (i = 0; i < NCLIENTS; i++) {
    RUN_UNTIL(&rig->crew.lb, rig->nheard[i] == 2);
    CHECK_INT(1, rig->heard[i][0]);
    CHECK_INT(3, rig->heard[i][1]);
  }
  rig_free(rig);
}

static void test_arguments(void **state) {
  static const char not_utf8[] = {(char)0xff};
  struct rig *rig = rig_new(0);
  wsuv_threads_t *threads = rig->crew.threads;
  wsuv_publish_options_t o = WSUV_PUBLISH_OPTIONS_INIT;
  const wsuv_publish_options_t good = o;
  char name[WSUV_TOPIC_MAX + 2];
  (void)state;

  memset(name, 'x', sizeof name);
  name[WSUV_TOPIC_MAX + 1] = '\0';
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_publish(threads, name, WSUV_TEXT, "x", 1, NULL));
  name[WSUV_TOPIC_MAX] = '\0';
  CHECK_ERR(0, wsuv_threads_publish(threads, name, WSUV_TEXT, "x", 1, NULL));
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_publish(threads, NULL, WSUV_TEXT, "x", 1, NULL));
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_publish(threads, "", WSUV_TEXT, "x", 1, NULL));
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_publish(threads, "x", WSUV_TEXT, NULL, 1, NULL));
  CHECK_ERR(0, wsuv_threads_publish(threads, "x", WSUV_TEXT, NULL, 0, NULL));
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_publish(threads, "x", WSUV_PING, "x", 1, NULL));
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_publish(threads, "x", (wsuv_opcode_t)0, "x", 1, NULL));
  CHECK_ERR(WSUV_EENCODING, wsuv_threads_publish(threads, "x", WSUV_TEXT, not_utf8, 1, NULL));
  CHECK_ERR(0, wsuv_threads_publish(threads, "x", WSUV_BINARY, not_utf8, 1, &o));
  o.except = (const wsuv_conn_t *)(const void *)&o; /* only looked at */
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_publish(threads, "x", WSUV_BINARY, "x", 1, &o));
  o = good;
  o.flags = WSUV_SEND_NO_COMPRESS;
  CHECK_ERR(0, wsuv_threads_publish(threads, "x", WSUV_BINARY, "x", 1, &o));
  o.flags = 0x100;
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_publish(threads, "x", WSUV_BINARY, "x", 1, &o));
  o = good;
  o.slow = (wsuv_slow_t)(WSUV_SLOW_CLOSE + 1);
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_publish(threads, "x", WSUV_BINARY, "x", 1, &o));
  o = good;
  o.size--;
  CHECK_ERR(WSUV_EINVAL, wsuv_threads_publish(threads, "x", WSUV_BINARY, "x", 1, &o));
  rig_free(rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_all_or_none),
      cmocka_unit_test(test_arguments),
  };
  return cmocka_run_group_tests_name("threads topics", tests, NULL, NULL);
}
