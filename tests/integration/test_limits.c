/* Peers that do no wrong in any single frame: fragments and Pings without end, a message that never ends, silence. */
#include <string.h>

#include "api/conn_rest.h"
#include "integration/raw_peer.h"

enum { WINDOW_MS = 60, IDLE_MS = 100 };

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
  struct talker *t;
  uv_timer_t timer;
  int nticks;
};

static void open_host(struct rig *rig, const wsuv_conn_options_t *conn) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  options.conn = conn;
  CHECK_ERR(0, host_listen(&rig->host, &options));
}

static void open_rig(struct rig *rig, const wsuv_conn_options_t *conn) {
  open_host(rig, conn);
  raw_open(&rig->raw, &rig->host);
  RUN_UNTIL(&rig->lb, rig->host.ntalkers == 1 && rig->host.talkers[0]->n[EV_OPEN] == 1);
  rig->t = rig->host.talkers[0];
}

static void start_timer(struct rig *rig, uv_timer_cb cb, uint64_t every_ms) {
  CHECK_ERR(0, uv_timer_init(&rig->lb.uv, &rig->timer));
  rig->timer.data = rig;
  CHECK_ERR(0, uv_timer_start(&rig->timer, cb, every_ms, every_ms));
}

static void stop_timer(struct rig *rig) {
  uv_close((uv_handle_t *)&rig->timer, NULL);
}

static void expect_end(struct rig *rig, int error, int code, const char *detail) {
  raw_end(&rig->raw);
  RUN_UNTIL(&rig->lb, rig->t->n[EV_CLOSE] == 1);
  CHECK_ERR(error, rig->t->end.error);
  CHECK_INT(code, rig->t->end.sent_code);
  CHECK_NOT_NULL(strstr(rig->t->end.detail, detail));
}

/* ---- floods ---- */

static size_t put_fragments(uint8_t *out, size_t n) {
  size_t len = 0;
  size_t i;

  for (i = 0; i < n; i++) {
    size_t frame_len =
        frame_put(out + len, WSUV_CLIENT, i == 0 ? WSUV_BINARY : WSUV_CONTINUATION, "x", 1);
    out[len] &= 0x7f; /* none is the last */
    len += frame_len;
  }
  return len;
}

static void test_fragments_without_end(void **state) {
  static uint8_t frames[20000 * 7];
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  raw_send(&rig.raw, frames, put_fragments(frames, 20000));
  raw_expect_close(&rig.raw, 1008);
  expect_end(&rig, WSUV_EFRAGMENTS, 1008, "max_fragments (16384)");
  CHECK_SIZE(0, rig.t->n[EV_MESSAGE]);
  loopback_close(&rig.lb);
}

static void test_as_many_fragments_as_are_allowed(void **state) {
  static uint8_t frames[16384 * 7];
  struct rig rig;
  size_t len;
  (void)state;

  open_rig(&rig, NULL);
  len = put_fragments(frames, 16384);
  frames[len - 7] |= 0x80;
  raw_send(&rig.raw, frames, len);
  RUN_UNTIL(&rig.lb, rig.t->n[EV_MESSAGE] == 1);
  CHECK_SIZE(16384, rig.t->len);
  loopback_close(&rig.lb);
}

struct collector {
  size_t received;
  int nclosed;
};

static void count_piece(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                        int flags) {
  struct collector *collector = wsuv_server_data(wsuv_conn_server(conn));
  (void)type;
  (void)payload;
  (void)flags;
  collector->received += len;
}

static void count_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct collector *collector = wsuv_server_data(wsuv_conn_server(conn));
  (void)info;
  collector->nclosed++;
}

/* Who takes pieces keeps nothing, and has no limit unless there is one in the options. */
static void test_fragments_that_are_not_kept(void **state) {
  static const wsuv_handler_t handler = {
      .size = sizeof handler, .on_fragment = count_piece, .on_close = count_close};
  static const wsuv_server_handler_t server_handler = {.size = sizeof server_handler,
                                                       .conn = &handler};
  static uint8_t frames[20000 * 7];
  struct rig rig;
  struct collector collector = {0, 0};
  (void)state;

  memset(&rig, 0, sizeof rig);
  loopback_open(&rig.lb);
  host_init(&rig.host, &rig.lb);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_server_listen(rig.lb.loop, &rig.host.server, NULL,
                                                &server_handler, &collector)));
  rig.host.port = wsuv_server_port(rig.host.server);
  raw_open(&rig.raw, &rig.host);
  raw_send(&rig.raw, frames, put_fragments(frames, 20000));
  RUN_UNTIL(&rig.lb, collector.received == 20000);
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, collector.nclosed == 1);
  loopback_close(&rig.lb);
}

static void test_pings_without_end(void **state) {
  static uint8_t frames[10000 * 6];
  struct rig rig;
  size_t len = 0;
  size_t i;
  (void)state;

  open_rig(&rig, NULL);
  for (i = 0; i < 10000; i++)
    len += frame_put(frames + len, WSUV_CLIENT, i % 2 == 0 ? WSUV_PING : WSUV_PONG, NULL, 0);
  raw_send(&rig.raw, frames, len);
  RUN_UNTIL(&rig.lb, wsuv_conn_state(rig.t->conn) > WSUV_STATE_OPEN);
  expect_end(&rig, WSUV_ECONTROLRATE, 1008, "max_control_rate (1000)");
  CHECK_TRUE(rig.t->n[EV_PING] + rig.t->n[EV_PONG] >= 1000);
  CHECK_TRUE(rig.t->n[EV_PING] + rig.t->n[EV_PONG] < 10000);
  loopback_close(&rig.lb);
}

/* ---- slowness ---- */

/* The window is no option; it is long enough there for any network, and too long for a test. */
static void shorten_window(struct rig *rig, uint64_t window_ms) {
  struct wsuv__endpoint_config *config =
      (struct wsuv__endpoint_config *)(uintptr_t)rig->t->conn->awake->endpoint.config;
  config->progress_window_ms = window_ms;
}

static void open_slow_rig(struct rig *rig, uint64_t window_ms) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;

  conn.min_receive_rate = 1000;
  open_rig(rig, &conn);
  shorten_window(rig, window_ms);
}

static void begin_message(struct rig *rig) {
  raw_send(&rig->raw, "\x82\xfe\x40\x00\0\0\0\0", 8); /* of 16 KiB */
  RUN_UNTIL(&rig->lb, wsuv__frame_parser_is_midframe(&rig->t->conn->awake->endpoint.parser));
}

static void trickle(uv_timer_t *timer) {
  struct rig *rig = timer->data;
  rig->nticks++;
  if (rig->t->n[EV_CLOSE] == 0)
    raw_send(&rig->raw, "x", 1);
}

static void test_an_octet_now_and_then(void **state) {
  struct rig rig;
  (void)state;

  open_slow_rig(&rig, WINDOW_MS);
  begin_message(&rig);
  start_timer(&rig, trickle, WINDOW_MS / 3);
  raw_expect_close(&rig.raw, 1008);
  stop_timer(&rig);
  expect_end(&rig, WSUV_EPROGRESS, 1008, "min_receive_rate (1000 octets a second)");
  loopback_close(&rig.lb);
}

static void tick(uv_timer_t *timer) {
  struct rig *rig = timer->data;
  rig->nticks++;
}

/* An application that does not read makes no peer slow. */
static void test_slow_while_reading_is_stopped(void **state) {
  struct rig rig;
  (void)state;

  open_slow_rig(&rig, WINDOW_MS);
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(rig.t->conn));
  raw_send(&rig.raw, "\x82\xfe\x40\x00\0\0\0\0x", 9);
  start_timer(&rig, tick, WINDOW_MS);
  RUN_UNTIL(&rig.lb, rig.nticks == 5);
  CHECK_INT(WSUV_STATE_OPEN, wsuv_conn_state(rig.t->conn));
  CALL_VOID(&rig.lb, wsuv_conn_read_start(rig.t->conn));
  raw_expect_close(&rig.raw, 1008);
  stop_timer(&rig);
  expect_end(&rig, WSUV_EPROGRESS, 1008, "min_receive_rate");
  loopback_close(&rig.lb);
}

static void hold_up(uv_check_t *check) {
  static const uint8_t rest[16384];
  struct rig *rig = check->data;

  raw_send(&rig->raw, rest, sizeof rest); /* in the kernel; then a program that computes */
  uv_sleep(5 * WINDOW_MS);
  (void)uv_check_stop(check);
}

/* Our own stall is not the peer's slowness: what came meanwhile is read before it is judged. */
static void test_slow_by_a_loop_that_was_held_up(void **state) {
  struct rig rig;
  uv_check_t check;
  (void)state;

  open_slow_rig(&rig, WINDOW_MS);
  begin_message(&rig);
  CHECK_ERR(0, uv_check_init(&rig.lb.uv, &check));
  check.data = &rig;
  CHECK_ERR(0, uv_check_start(&check, hold_up));
  RUN_UNTIL(&rig.lb, rig.t->n[EV_MESSAGE] == 1 || rig.t->n[EV_CLOSE] == 1);
  CHECK_SIZE(0, rig.t->n[EV_CLOSE]);
  CHECK_SIZE(16384, rig.t->len);
  uv_close((uv_handle_t *)&check, NULL);
  loopback_close(&rig.lb);
}

/* ---- idleness ---- */

static void open_idle_host(struct rig *rig, int64_t idle_timeout_ms) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;

  conn.idle_timeout_ms = idle_timeout_ms;
  conn.ping_interval_ms = 30; /* they are answered all the time, and are no messages */
  open_host(rig, &conn);
}

static void test_idle_connection_ends_in_order(void **state) {
  struct rig rig;
  struct talker client;
  (void)state;

  open_idle_host(&rig, IDLE_MS);
  connect_pair(&rig.host, &client);
  rig.t = rig.host.talkers[0];
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1 && client.n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_EIDLE, rig.t->end.error);
  CHECK_INT(1, rig.t->end.clean);
  CHECK_INT(1001, rig.t->end.sent_code);
  CHECK_INT(1001, rig.t->end.code);
  CHECK_NOT_NULL(strstr(rig.t->end.detail, "idle_timeout_ms (100)"));
  CHECK_ERR(0, client.end.error);
  CHECK_INT(1, client.end.clean);
  CHECK_INT(1001, client.end.code);
  CHECK_STR("idle", client.end.reason);
  loopback_close(&rig.lb);
}

static void test_idle_peer_that_does_not_answer(void **state) {
  struct rig rig;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  (void)state;

  conn.idle_timeout_ms = IDLE_MS;
  conn.close_timeout_ms = 50;
  open_rig(&rig, &conn);
  raw_expect_close(&rig.raw, 1001);
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_EIDLE, rig.t->end.error);
  CHECK_INT(0, rig.t->end.clean);
  CHECK_INT(1006, rig.t->end.code);
  loopback_close(&rig.lb);
}

static void say(uv_timer_t *timer) {
  struct rig *rig = timer->data;
  if (rig->nticks++ < 12)
    CHECK_ERR(0, talker_say(rig->t, "news"));
}

/* From a timer of the application's, where nothing else tells the endpoint the time. */
static void test_sending_is_not_idle(void **state) {
  struct rig rig;
  struct talker client;
  (void)state;

  open_idle_host(&rig, 4 * IDLE_MS);
  connect_pair(&rig.host, &client);
  rig.t = rig.host.talkers[0];
  start_timer(&rig, say, IDLE_MS / 2);
  RUN_UNTIL(&rig.lb, rig.nticks == 12);
  CHECK_INT(WSUV_STATE_OPEN, wsuv_conn_state(rig.t->conn));
  RUN_UNTIL(&rig.lb, client.n[EV_CLOSE] == 1 && rig.t->n[EV_CLOSE] == 1);
  CHECK_SIZE(12, client.n[EV_MESSAGE]);
  CHECK_ERR(WSUV_EIDLE, rig.t->end.error);
  stop_timer(&rig);
  loopback_close(&rig.lb);
}

/* ---- options ---- */

static void refuse(const wsuv_conn_options_t *conn) {
  struct loopback lb;
  struct host host;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;

  loopback_open(&lb);
  host_init(&host, &lb);
  options.conn = conn;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &options));
  loopback_close(&lb);
}

static void test_wrong_options(void **state) {
  const wsuv_conn_options_t defaults = WSUV_CONN_OPTIONS_INIT;
  wsuv_conn_options_t conn = defaults;
  (void)state;

  conn.max_fragments = -1;
  refuse(&conn);
  conn = defaults;
  conn.max_control_rate = -1;
  refuse(&conn);
  conn = defaults;
  conn.min_receive_rate = -1;
  refuse(&conn);
  conn = defaults;
  conn.idle_timeout_ms = -1;
  refuse(&conn);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fragments_without_end),
      cmocka_unit_test(test_as_many_fragments_as_are_allowed),
      cmocka_unit_test(test_fragments_that_are_not_kept),
      cmocka_unit_test(test_pings_without_end),
      cmocka_unit_test(test_an_octet_now_and_then),
      cmocka_unit_test(test_slow_while_reading_is_stopped),
      cmocka_unit_test(test_slow_by_a_loop_that_was_held_up),
      cmocka_unit_test(test_idle_connection_ends_in_order),
      cmocka_unit_test(test_idle_peer_that_does_not_answer),
      cmocka_unit_test(test_sending_is_not_idle),
      cmocka_unit_test(test_wrong_options),
  };
  return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
