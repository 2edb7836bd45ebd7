/* Text that is sent from where it was delivered is not judged again. Nothing else goes unjudged by that, whatever lies there
 * later, and whoever sends it. */
#include <string.h>

#include "api/conn.h"
#include "integration/raw_peer.h"

#define WORD "gr\xc3\xbc\xc3\x9f"

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
  wsuv_conn_t *other; /* open, and not the one that hears */
  const void *last;   /* where a message lay that is over */
  size_t last_len;
  int nchecked;
};

static struct rig rig;

static void open_rig(void (*on_event)(struct talker *t, enum event event)) {
  memset(&rig, 0, sizeof rig);
  loopback_open(&rig.lb);
  host_init(&rig.host, &rig.lb);
  rig.host.on_event = on_event;
  CHECK_ERR(0, host_listen(&rig.host, NULL));
  raw_open(&rig.raw, &rig.host);
}

static const void *delivered(const struct talker *t) {
  return wsuv_conn_loop(t->conn)->io.cork.text;
}

static int send_text(struct talker *t, const void *text, size_t len) {
  rig.nchecked++;
  return CALL(t->lb, wsuv_conn_send_text(t->conn, text, len));
}

static void refuses(struct talker *t, const void *text, size_t len) {
  wsuv_send_options_t options = WSUV_SEND_OPTIONS_INIT;
  wsuv_frame_header_t frame = {.opcode = WSUV_TEXT, .fin = 1};

  CHECK_ERR(WSUV_EENCODING, send_text(t, text, len));
  CHECK_ERR(WSUV_EENCODING,
            CALL(t->lb, wsuv_conn_send_with(t->conn, WSUV_TEXT, text, len, &options)));
  CHECK_ERR(WSUV_EENCODING, CALL(t->lb, wsuv_conn_send_frame(t->conn, &frame, text, len)));
}

/* ---- what is delivered ---- */

static void send_parts(struct talker *t, enum event event) {
  const uint8_t *text;

  if (event != EV_MESSAGE)
    return;
  text = delivered(t);
  CHECK_BYTES(WORD, strlen(WORD), text, t->len);
  refuses(t, text, t->len - 1);
  refuses(t, text + 3, t->len - 3);
  refuses(t, text + 1, t->len - 2);
  CHECK_ERR(0, send_text(t, text, t->len));
  CHECK_ERR(0, send_text(t, text + 2, t->len - 2));
  CHECK_ERR(WSUV_EINVAL, send_text(t, NULL, t->len));
}

static void only_the_whole_of_it_goes_unjudged(void **state) {
  (void)state;
  open_rig(send_parts);
  raw_frame(&rig.raw, WSUV_TEXT, WORD, strlen(WORD));
  raw_expect_frame(&rig.raw, WSUV_TEXT, WORD, strlen(WORD));
  raw_expect_frame(&rig.raw, WSUV_TEXT, &WORD[2], strlen(WORD) - 2);
  loopback_close(&rig.lb);
}

/* ---- what lies there later ---- */

/* A text, then what is no text, of the same length at the same place. */
static void send_what_is_there(struct talker *t, enum event event) {
  if (event == EV_MESSAGE && t->type == WSUV_TEXT) {
    rig.last = delivered(t);
    rig.last_len = t->len;
  } else if (event == EV_MESSAGE) {
    CHECK_NULL(delivered(t));
    CHECK_BYTES("\xff\xfe\xfd\xfc", 4, rig.last, rig.last_len);
    refuses(t, rig.last, rig.last_len);
  }
}

static void what_lies_there_later_is_judged(void **state) {
  (void)state;
  open_rig(send_what_is_there);
  raw_frame(&rig.raw, WSUV_TEXT, "text", 4);
  RUN_UNTIL(&rig.lb, rig.last != NULL);
  raw_frame(&rig.raw, WSUV_BINARY, "\xff\xfe\xfd\xfc", 4);
  RUN_UNTIL(&rig.lb, rig.nchecked > 0);
  loopback_close(&rig.lb);
}

/* In the same read, by the next event, which is no message. */
static void send_at_the_ping(struct talker *t, enum event event) {
  if (event == EV_MESSAGE)
    rig.last = delivered(t);
  if (event != EV_PING)
    return;
  CHECK_NULL(delivered(t));
  memset((void *)(uintptr_t)rig.last, 0xff,
         4); /* the library's again, and anything may lie there */
  refuses(t, rig.last, 4);
}

static void when_the_callback_has_returned_it_is_judged(void **state) {
  uint8_t octets[64];
  size_t len = frame_put(octets, WSUV_CLIENT, WSUV_TEXT, "text", 4);
  (void)state;
  open_rig(send_at_the_ping);
  len += frame_put(octets + len, WSUV_CLIENT, WSUV_PING, "", 0);
  raw_send(&rig.raw, octets, len);
  RUN_UNTIL(&rig.lb, rig.nchecked > 0);
  CHECK_NULL(wsuv_conn_loop(rig.host.talkers[0]->conn)->io.cork.text);
  refuses(rig.host.talkers[0], rig.last, 4); /* outside of events */
  loopback_close(&rig.lb);
}

/* ---- ways out of the callback ---- */

static void stop_reading(struct talker *t, enum event event) {
  if (event != EV_MESSAGE)
    return;
  CALL_VOID(t->lb, wsuv_conn_read_stop(t->conn));
  CHECK_ERR(0, send_text(t, delivered(t), t->len));
}

/* What was held lies elsewhere, in memory that goes. */
static void what_was_held_is_sent_back_as_well(void **state) {
  uint8_t octets[64];
  size_t len = frame_put(octets, WSUV_CLIENT, WSUV_TEXT, WORD, strlen(WORD));
  struct talker *t;
  unsigned i;
  (void)state;
  open_rig(stop_reading);
  len += frame_put(octets + len, WSUV_CLIENT, WSUV_TEXT, WORD, strlen(WORD));
  len += frame_put(octets + len, WSUV_CLIENT, WSUV_TEXT, "\xff", 1);
  raw_send(&rig.raw, octets, len);
  t = rig.host.talkers[0];
  for (i = 1; i <= 2; i++) {
    RUN_UNTIL(&rig.lb, t->n[EV_MESSAGE] == i);
    raw_expect_frame(&rig.raw, WSUV_TEXT, WORD, strlen(WORD));
    CALL_VOID(&rig.lb, wsuv_conn_read_start(t->conn));
  }
  raw_expect_close(&rig.raw, WSUV_CLOSE_INVALID_PAYLOAD);
  CHECK_INT(2, (int)t->n[EV_MESSAGE]);
  loopback_close(&rig.lb);
}

static void send_to_the_other_and_end(struct talker *t, enum event event) {
  if (event != EV_MESSAGE)
    return;
  rig.nchecked++;
  rig.last = delivered(t);
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_text(rig.other, rig.last, t->len)));
  CHECK_ERR(WSUV_EENCODING, CALL(t->lb, wsuv_conn_send_text(rig.other, "\xff", 1)));
  CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
  CHECK_ERR(WSUV_ESTATE, CALL(t->lb, wsuv_conn_send_text(t->conn, rig.last, t->len)));
}

static void another_connection_is_sent_it_and_this_one_ends(void **state) {
  struct raw other;
  (void)state;
  open_rig(send_to_the_other_and_end);
  raw_open(&other, &rig.host);
  rig.other = rig.host.talkers[1]->conn;
  raw_frame(&rig.raw, WSUV_TEXT, WORD, strlen(WORD));
  raw_expect_frame(&other, WSUV_TEXT, WORD, strlen(WORD));
  CHECK_NULL(wsuv_conn_loop(rig.other)->io.cork.text);
  loopback_close(&rig.lb);
}

/* ---- opening ---- */

static void without_a_timeout_reads_become_large_as_well(void **state) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  (void)state;
  memset(&rig, 0, sizeof rig);
  conn.handshake_timeout_ms = WSUV_OFF;
  options.conn = &conn;
  loopback_open(&rig.lb);
  host_init(&rig.host, &rig.lb);
  rig.host.on_event = talker_echo;
  CHECK_ERR(0, host_listen(&rig.host, &options));
  raw_open(&rig.raw, &rig.host);
  raw_frame(&rig.raw, WSUV_TEXT, "text", 4);
  raw_expect_frame(&rig.raw, WSUV_TEXT, "text", 4);
  CHECK_INT(0, (int)rig.host.talkers[0]->conn->stream.read_max);
  loopback_close(&rig.lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_the_whole_of_it_goes_unjudged),
      cmocka_unit_test(what_lies_there_later_is_judged),
      cmocka_unit_test(when_the_callback_has_returned_it_is_judged),
      cmocka_unit_test(what_was_held_is_sent_back_as_well),
      cmocka_unit_test(another_connection_is_sent_it_and_this_one_ends),
      cmocka_unit_test(without_a_timeout_reads_become_large_as_well),
  };
  return cmocka_run_group_tests_name("text back", tests, NULL, NULL);
}
