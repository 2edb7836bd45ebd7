/* Connections that rest: what they cost, and that nobody can tell them from others. */
#include <string.h>

#include "api/conn_rest.h"
#include "integration/raw_peer.h"
#include "wsuv/stats.h"
#include "wsuv/topic.h"

/* Octets of an idle connection over TCP, whatever they are for. */
#define IDLE_BUDGET 520u

enum { NCONNS = 100 };

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
};

static int rests(const struct host *host, size_t i) {
  return host->talkers[i]->conn->awake == NULL;
}

/* Who had time enough. */
static int comes_to_rest(struct loopback *lb, const struct host *host, size_t i) {
  loopback_sweep(lb);
  loopback_sweep(lb);
  return rests(host, i);
}

static void open_host(struct rig *rig, const wsuv_conn_options_t *conn) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  rig->lb.loop->awake.max = 0;
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = talker_echo;
  options.conn = conn;
  CHECK_ERR(0, host_listen(&rig->host, &options));
}

static void open_rig(struct rig *rig, const wsuv_conn_options_t *conn) {
  open_host(rig, conn);
  raw_open(&rig->raw, &rig->host);
  RUN_UNTIL(&rig->lb, comes_to_rest(&rig->lb, &rig->host, 0));
}

static wsuv_conn_t *conn_of(const struct rig *rig) {
  return rig->host.talkers[0]->conn;
}

static void sweep(struct rig *rig) {
  loopback_sweep(&rig->lb);
}

static int is_swept(const struct rig *rig) {
  return !wsuv__list_is_empty(&rig->lb.loop->awake.sweep.link);
}

static void never_detached(wsuv_conn_t *conn, uv_stream_t *stream, const void *leftover,
                           size_t len) {
  (void)conn;
  (void)stream;
  (void)leftover;
  (void)len;
  CHECK_TRUE(0);
}

static void test_costs(void **state) {
  static struct raw raws[NCONNS];
  struct rig rig;
  size_t before;
  size_t i;
  (void)state;

  open_rig(&rig, NULL);
  wsuv__loop_free_spares(rig.lb.loop);
  before = rig.lb.fa.outstanding_size;
  for (i = 0; i < NCONNS; i++)
    raw_open(&raws[i], &rig.host);
  for (i = 0; i < NCONNS; i++)
    RUN_UNTIL(&rig.lb, comes_to_rest(&rig.lb, &rig.host, i + 1));
  wsuv__loop_free_spares(rig.lb.loop); /* which are the loop's */
  print_message("%zu octets\n", (rig.lb.fa.outstanding_size - before) / NCONNS);
  if (sizeof(void *) == 8)
    CHECK_TRUE(rig.lb.fa.outstanding_size - before <= NCONNS * IDLE_BUDGET);
  loopback_close(&rig.lb);
}

/* So many need not rest, and the next one has memory waiting. */
static void test_some_stay_awake(void **state) {
  struct rig rig;
  struct raw second;
  (void)state;

  open_rig(&rig, NULL);
  rig.lb.loop->awake.max = 1;
  CHECK_SIZE(1, rig.lb.loop->awake.nspares);
  raw_open(&second, &rig.host);
  CHECK_INT(0, rests(&rig.host, 1));
  raw_frame(&rig.raw, WSUV_TEXT, "a", 1);
  raw_expect_frame(&rig.raw, WSUV_TEXT, "a", 1);
  RUN_UNTIL(&rig.lb, rests(&rig.host, 0) || rests(&rig.host, 1));
  sweep(&rig);
  sweep(&rig);
  CHECK_SIZE(1, rig.lb.loop->awake.n);
  loopback_close(&rig.lb);
}

/* Where too many are awake, who had an event does not wait for a sweep; a call alone is no event. */
static void test_too_many_rest_at_once(void **state) {
  struct rig rig;
  struct raw second;
  (void)state;

  open_rig(&rig, NULL);
  rig.lb.loop->awake.most = 1;
  raw_open(&second, &rig.host);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_text(rig.host.talkers[0]->conn, "a", 1)));
  CHECK_INT(0, rests(&rig.host, 0));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_text(rig.host.talkers[1]->conn, "b", 1)));
  raw_expect_frame(&rig.raw, WSUV_TEXT, "a", 1);
  raw_expect_frame(&second, WSUV_TEXT, "b", 1);
  CHECK_SIZE(1, rig.lb.loop->awake.n);
  raw_frame(&rig.raw, WSUV_TEXT, "c", 1);
  raw_expect_frame(&rig.raw, WSUV_TEXT, "c", 1);
  raw_frame(&second, WSUV_TEXT, "d", 1);
  raw_expect_frame(&second, WSUV_TEXT, "d", 1);
  CHECK_SIZE(1, rig.lb.loop->awake.n);
  loopback_close(&rig.lb);
}

/* Who is used between two sweeps stays awake, and with it the sweeping goes on. */
static void test_who_is_used_stays_awake(void **state) {
  struct rig rig;
  int i;
  (void)state;

  open_rig(&rig, NULL);
  for (i = 0; i < 3; i++) {
    CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_text(conn_of(&rig), "news", 4)));
    sweep(&rig);
    CHECK_INT(0, rests(&rig.host, 0));
    CHECK_INT(1, is_swept(&rig));
    raw_expect_frame(&rig.raw, WSUV_TEXT, "news", 4);
  }
  RUN_UNTIL(&rig.lb, rests(&rig.host, 0));
  sweep(&rig);
  CHECK_INT(0, is_swept(&rig));
  loopback_close(&rig.lb);
}

/* What may not rest is looked at again behind its next event, not all the time. */
static void test_who_waits_is_not_swept(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_begin(conn_of(&rig), WSUV_TEXT, 0)));
  sweep(&rig);
  sweep(&rig);
  CHECK_INT(0, rests(&rig.host, 0));
  CHECK_INT(0, is_swept(&rig));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_end(conn_of(&rig), "a", 1)));
  raw_expect_frame(&rig.raw, WSUV_TEXT, "a", 1);
  RUN_UNTIL(&rig.lb, rests(&rig.host, 0));
  loopback_close(&rig.lb);
}

/* It was woken for nothing. */
static void test_call_that_fails(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_detach(conn_of(&rig), never_detached)));
  CHECK_INT(0, rests(&rig.host, 0));
  RUN_UNTIL(&rig.lb, rests(&rig.host, 0));
  loopback_close(&rig.lb);
}

static void test_messages(void **state) {
  wsuv_conn_stats_t stats = {.size = sizeof stats};
  struct rig rig;
  int i;
  (void)state;

  open_rig(&rig, NULL);
  for (i = 0; i < 3; i++) {
    raw_frame(&rig.raw, WSUV_TEXT, "hello", 5);
    raw_expect_frame(&rig.raw, WSUV_TEXT, "hello", 5);
    RUN_UNTIL(&rig.lb, rests(&rig.host, 0));
    CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_text(conn_of(&rig), "news", 4)));
    CHECK_INT(0, rests(&rig.host, 0));
    raw_expect_frame(&rig.raw, WSUV_TEXT, "news", 4);
    RUN_UNTIL(&rig.lb, rests(&rig.host, 0));
  }
  CHECK_SIZE(0, wsuv_conn_queued(conn_of(&rig)));
  CHECK_SIZE(0, wsuv_conn_held_back(conn_of(&rig)));
  CHECK_INT(0, wsuv_conn_message_rsv(conn_of(&rig)));
  CHECK_SIZE(0, wsuv_conn_trace(conn_of(&rig), NULL, 0));
  CHECK_INT(WSUV_SERVER, wsuv_conn_role(conn_of(&rig)));
  CHECK_ERR(0, wsuv_conn_stats(conn_of(&rig), &stats));
  CHECK_SIZE(3, stats.received.text);
  CHECK_SIZE(6, stats.sent.text);
  loopback_close(&rig.lb);
}

/* A frame that has begun is not forgotten. */
static void test_in_pieces(void **state) {
  uint8_t frame[16];
  struct rig rig;
  size_t len = frame_put(frame, WSUV_CLIENT, WSUV_BINARY, "abc", 3);
  size_t i;
  (void)state;

  open_rig(&rig, NULL);
  for (i = 0; i + 1 < len; i++) {
    raw_send(&rig.raw, frame + i, 1);
    RUN_UNTIL(&rig.lb, !rests(&rig.host, 0));
  }
  CHECK_SIZE(0, rig.host.talkers[0]->n[EV_MESSAGE]);
  raw_send(&rig.raw, frame + i, 1);
  raw_expect_frame(&rig.raw, WSUV_BINARY, "abc", 3);
  RUN_UNTIL(&rig.lb, rests(&rig.host, 0));
  loopback_close(&rig.lb);
}

static void test_heartbeat(void **state) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct rig rig;
  struct talker client;
  wsuv_rtt_t rtt;
  size_t i;
  (void)state;

  conn.ping_interval_ms = 50;
  open_host(&rig, &conn);
  connect_pair(&rig.host, &client);
  CHECK_ERR(WSUV_ESTATE, wsuv_conn_rtt(conn_of(&rig), &rtt));
  for (i = 1; i <= 3; i++) {
    RUN_UNTIL(&rig.lb, rig.host.talkers[0]->n[EV_PONG] == i);
    sweep(&rig);
    sweep(&rig);
    CHECK_INT(1, rests(&rig.host, 0));
  }
  CHECK_ERR(0, wsuv_conn_rtt(conn_of(&rig), &rtt));
  CHECK_TRUE(rtt.last_ms >= 0 && rtt.min_ms <= rtt.last_ms);
  loopback_close(&rig.lb);
}

/* A loop that was held up lets the peer be heard first, once: a heartbeat that is overdue does not stay so. */
static void test_overdue_heartbeat(void **state) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct rig rig;
  (void)state;

  conn.ping_interval_ms = 60000;
  open_rig(&rig, &conn);
  conn_of(&rig)->folded.heard_ms -= 120000;
  wsuv__loop_set_deadline(&rig.lb.loop->io, &conn_of(&rig)->deadline, 0);
  RUN_UNTIL(&rig.lb, !rests(&rig.host, 0));
  CHECK_INT(1, conn_of(&rig)->awake->excused);
  sweep(&rig);
  sweep(&rig);
  CHECK_INT(0, rests(&rig.host, 0));
  RUN_UNTIL(&rig.lb, conn_of(&rig)->awake->endpoint.heartbeat.outstanding == 1);
  loopback_close(&rig.lb);
}

static void test_reading_stops(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(conn_of(&rig)));
  raw_frame(&rig.raw, WSUV_TEXT, "a", 1);
  RUN_UNTIL(&rig.lb, rig.raw.nwriting == 0 && !rests(&rig.host, 0) &&
                         conn_of(&rig)->awake->endpoint.hold != NULL);
  CHECK_SIZE(0, rig.host.talkers[0]->n[EV_MESSAGE]);
  CALL_VOID(&rig.lb, wsuv_conn_read_start(conn_of(&rig)));
  raw_expect_frame(&rig.raw, WSUV_TEXT, "a", 1);
  loopback_close(&rig.lb);
}

static void test_publication(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_subscribe(conn_of(&rig), "t")));
  CHECK_INT(1, rests(&rig.host, 0));
  CHECK_ERR(
      0, CALL(&rig.lb, wsuv_server_publish(rig.host.server, "t", WSUV_TEXT, "a", 1, NULL, NULL)));
  raw_expect_frame(&rig.raw, WSUV_TEXT, "a", 1);
  RUN_UNTIL(&rig.lb, rests(&rig.host, 0));
  loopback_close(&rig.lb);
}

/* ---- ends ---- */

static void expect_end(struct rig *rig, int code, int error) {
  const struct ending *end = &rig->host.talkers[0]->end;

  RUN_UNTIL(&rig->lb, rig->host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_INT(code, end->code);
  CHECK_ERR(error, end->error);
  CHECK_INT(1, end->opened);
  CHECK_STR(wsuv_strerror(error), end->detail);
  loopback_close(&rig->lb);
}

static void test_terminated(void **state) {
  struct rig rig;
  wsuv_rtt_t rtt;
  (void)state;

  open_rig(&rig, NULL);
  CALL_VOID(&rig.lb, wsuv_conn_terminate(conn_of(&rig)));
  CHECK_INT(1, rests(&rig.host, 0));
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_send_text(conn_of(&rig), "a", 1)));
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_close(conn_of(&rig), 1000, NULL)));
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_send_begin(conn_of(&rig), WSUV_TEXT, 0)));
  CHECK_ERR(WSUV_ESTATE, wsuv_conn_rtt(conn_of(&rig), &rtt));
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(conn_of(&rig)));
  expect_end(&rig, 1006, WSUV_ECANCELED);
}

static void test_peer_goes(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  raw_end(&rig.raw);
  expect_end(&rig, 1006, WSUV_EABNORMAL);
}

static void test_closed(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(conn_of(&rig), 1001, "bye")));
  raw_expect_close(&rig.raw, 1001);
  raw_close_frame(&rig.raw, 1001, NULL);
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_INT(1, rig.host.talkers[0]->end.clean);
  loopback_close(&rig.lb);
}

/* ---- without memory ---- */

static void lose_spares(struct rig *rig) {
  wsuv__loop_free_spares(rig->lb.loop);
}

static void test_message_without_memory(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  lose_spares(&rig);
  failing_alloc_fail_once(&rig.lb.fa, 1);
  raw_frame(&rig.raw, WSUV_TEXT, "a", 1);
  expect_end(&rig, 1006, WSUV_ENOMEM);
}

static void test_calls_without_memory(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  lose_spares(&rig);
  failing_alloc_fail_once(&rig.lb.fa, 1);
  CHECK_ERR(WSUV_ENOMEM, CALL(&rig.lb, wsuv_conn_send_text(conn_of(&rig), "a", 1)));
  failing_alloc_fail_once(&rig.lb.fa, 1);
  CHECK_ERR(WSUV_ENOMEM, CALL(&rig.lb, wsuv_conn_send_begin(conn_of(&rig), WSUV_TEXT, 0)));
  failing_alloc_fail_once(&rig.lb.fa, 1);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(conn_of(&rig), 1000, NULL)));
  expect_end(&rig, 1006, WSUV_ENOMEM);
}

/* The pause could not be kept. */
static void test_pause_without_memory(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  lose_spares(&rig);
  failing_alloc_fail_once(&rig.lb.fa, 1);
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(conn_of(&rig)));
  expect_end(&rig, 1006, WSUV_ENOMEM);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_costs),
      cmocka_unit_test(test_some_stay_awake),
      cmocka_unit_test(test_too_many_rest_at_once),
      cmocka_unit_test(test_who_is_used_stays_awake),
      cmocka_unit_test(test_who_waits_is_not_swept),
      cmocka_unit_test(test_call_that_fails),
      cmocka_unit_test(test_messages),
      cmocka_unit_test(test_in_pieces),
      cmocka_unit_test(test_heartbeat),
      cmocka_unit_test(test_overdue_heartbeat),
      cmocka_unit_test(test_reading_stops),
      cmocka_unit_test(test_publication),
      cmocka_unit_test(test_terminated),
      cmocka_unit_test(test_peer_goes),
      cmocka_unit_test(test_closed),
      cmocka_unit_test(test_message_without_memory),
      cmocka_unit_test(test_calls_without_memory),
      cmocka_unit_test(test_pause_without_memory),
  };
  return cmocka_run_group_tests_name("rest", tests, NULL, NULL);
}
