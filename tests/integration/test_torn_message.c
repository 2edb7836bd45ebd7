/* A large message of which a part has come, so that the rest will be read to where it belongs, when something else happens to
 * the connection first. */
#include <string.h>

#include "api/conn_rest.h"
#include "integration/raw_peer.h"

enum { LEN = 200000, PART = 60000 };

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
  struct talker *t;
};

static uint8_t payload[LEN];
static uint8_t frame[LEN + WSUV_FRAME_HEADER_MAX];
static size_t frame_len;

static const struct wsuv__message *message_of(const struct talker *t) {
  return &t->conn->awake->endpoint.message;
}

static void open_torn(struct rig *rig) {
  size_t i;

  for (i = 0; i < LEN; i++)
    payload[i] = (uint8_t)(i * 7 % 251);
  frame_len = frame_put(frame, WSUV_CLIENT, WSUV_BINARY, payload, LEN);
  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = talker_echo;
  CHECK_ERR(0, host_listen(&rig->host, NULL));
  raw_open(&rig->raw, &rig->host);
  rig->t = rig->host.talkers[0];
  raw_send(&rig->raw, frame, PART);
  RUN_UNTIL(&rig->lb, message_of(rig->t)->buf.len + WSUV_FRAME_HEADER_MAX >= PART);
  CHECK_INT(1, rig->t->conn->stream.asks_owner);
  CHECK_TRUE(message_of(rig->t)->buf.cap <= 2 * PART + WSUV__MESSAGE_SLACK);
}

static void send_rest(struct rig *rig) {
  raw_send(&rig->raw, frame + PART, frame_len - PART);
}

static void expect_message(struct rig *rig) {
  RUN_UNTIL(&rig->lb, rig->t->n[EV_MESSAGE] == 1);
  CHECK_BYTES(payload, LEN, rig->t->payload, rig->t->len);
}

static void reading_is_stopped_and_goes_on(void **state) {
  struct rig rig;
  int i;
  (void)state;
  open_torn(&rig);
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(rig.t->conn));
  send_rest(&rig);
  for (i = 0; i < 5; i++)
    (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  CHECK_SIZE(0, rig.t->n[EV_MESSAGE]);
  CALL_VOID(&rig.lb, wsuv_conn_read_start(rig.t->conn));
  expect_message(&rig);
  raw_expect_frame(&rig.raw, WSUV_BINARY, payload, LEN);
  loopback_close(&rig.lb);
}

static void what_is_sent_in_between_and_behind_is_no_part_of_it(void **state) {
  struct rig rig;
  uint8_t behind[64];
  size_t len = frame_put(behind, WSUV_CLIENT, WSUV_TEXT, "behind", 6);
  (void)state;
  open_torn(&rig);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_text(rig.t->conn, "between", 7)));
  raw_send(&rig.raw, frame + PART, frame_len - PART);
  raw_send(&rig.raw, behind, len);
  raw_expect_frame(&rig.raw, WSUV_TEXT, "between", 7);
  raw_expect_frame(&rig.raw, WSUV_BINARY, payload, LEN);
  raw_expect_frame(&rig.raw, WSUV_TEXT, "behind", 6);
  loopback_close(&rig.lb);
}

static void it_is_closed_by_us(void **state) {
  struct rig rig;
  (void)state;
  open_torn(&rig);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(rig.t->conn, 1000, "enough")));
  send_rest(&rig);
  expect_message(&rig);
  raw_expect_close(&rig.raw, 1000);
  raw_close_frame(&rig.raw, 1000, NULL);
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1);
  CHECK_INT(1, rig.t->end.clean);
  loopback_close(&rig.lb);
}

static void it_is_terminated(void **state) {
  struct rig rig;
  (void)state;
  open_torn(&rig);
  send_rest(&rig);
  CALL_VOID(&rig.lb, wsuv_conn_terminate(rig.t->conn));
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1);
  CHECK_SIZE(0, rig.t->n[EV_MESSAGE]);
  loopback_close(&rig.lb);
}

static void the_peer_ends_or_resets(void **state) {
  struct rig rig;
  (void)state;
  open_torn(&rig);
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_EABNORMAL, rig.t->end.error);
  loopback_close(&rig.lb);
  open_torn(&rig);
  raw_reset(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.t->n[EV_CLOSE] == 1);
  CHECK_INT(1006, rig.t->end.code);
  loopback_close(&rig.lb);
}

/* One octet too many for text, in the last piece. */
static void what_is_wrong_at_its_end_is_seen(void **state) {
  struct rig rig;
  (void)state;
  open_torn(&rig);
  send_rest(&rig);
  expect_message(&rig);
  raw_expect_frame(&rig.raw, WSUV_BINARY, payload, LEN);
  memset(payload, 'x', LEN);
  payload[LEN - 1] = 0xC3;
  frame_len = frame_put(frame, WSUV_CLIENT, WSUV_TEXT, payload, LEN);
  raw_send(&rig.raw, frame, PART);
  RUN_UNTIL(&rig.lb, message_of(rig.t)->buf.len > 0);
  send_rest(&rig);
  raw_expect_close(&rig.raw, WSUV_CLOSE_INVALID_PAYLOAD);
  CHECK_SIZE(1, rig.t->n[EV_MESSAGE]);
  loopback_close(&rig.lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reading_is_stopped_and_goes_on),
      cmocka_unit_test(what_is_sent_in_between_and_behind_is_no_part_of_it),
      cmocka_unit_test(it_is_closed_by_us),
      cmocka_unit_test(it_is_terminated),
      cmocka_unit_test(the_peer_ends_or_resets),
      cmocka_unit_test(what_is_wrong_at_its_end_is_seen),
  };
  return cmocka_run_group_tests_name("torn message", tests, NULL, NULL);
}
