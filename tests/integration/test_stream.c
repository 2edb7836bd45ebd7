/* A connection over a transport that takes as little, and breaks where, the test says. */
#include <string.h>
#include <wsuv/frame.h>

#include "integration/raw_peer.h"
#include "support/fake_stream.h"

#define LARGE 20000u /* leaves by reference */

struct rig {
  struct loopback lb;
  struct talker t;
  struct fake_stream fake;
};

static void open_rig(struct rig *rig, size_t room) {
  loopback_open(&rig->lb);
  talker_init(&rig->t, &rig->lb);
  fake_open(&rig->fake, &rig->t, WSUV_SERVER, NULL);
  rig->fake.room = room;
}

static void close_rig(struct rig *rig) {
  fake_end(&rig->fake, &rig->lb);
  loopback_close(&rig->lb);
}

static uint8_t large[LARGE];
static wsuv_send_t req;
static int nsent;

static void on_sent(wsuv_send_t *done, int status) {
  CHECK_PTR(&req, done);
  CHECK_ERR(0, status);
  nsent++;
}

/* Data frames '1' to '5' by every way there is, and a ping amid them. */
static void send_all(struct rig *rig) {
  wsuv_conn_t *conn = rig->t.conn;

  nsent = 0;
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_text(conn, "1", 1)));
  memset(large, '2', sizeof large);
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_binary(conn, large, sizeof large)));
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_text(conn, "3333", 4)));
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_ping(conn, "ping", 4)));
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send(conn, &req, WSUV_TEXT, "44", 2, 0, on_sent)));
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_text(conn, "5", 1)));
}

/* Everything that leaves is whole frames: the data in order, the ping in between. covers: W113 W114 W115 W147 W149 */
static void check_output(const struct fake_stream *fake) {
  static const size_t lens[] = {1, LARGE, 4, 2, 1};
  size_t at = 0;
  size_t ndata = 0;
  size_t npings = 0;

  while (at < fake->out_len) {
    wsuv_frame_header_t header;
    int n = wsuv_frame_header_decode(&header, fake->out + at, fake->out_len - at);
    CHECK_TRUE(n > 0 && fake->out_len - at - (size_t)n >= header.payload_len);
    if (header.opcode == WSUV_PING) {
      CHECK_BYTES("ping", 4, fake->out + at + n, header.payload_len);
      npings++;
    } else {
      CHECK_TRUE(ndata < 5);
      CHECK_SIZE(lens[ndata++], header.payload_len);
      CHECK_INT('0' + (int)ndata, fake->out[at + (size_t)n]);
      CHECK_INT('0' + (int)ndata, fake->out[at + (size_t)n + header.payload_len - 1]);
    }
    at += (size_t)n + header.payload_len;
  }
  CHECK_SIZE(5, ndata);
  CHECK_SIZE(1, npings);
}

static void finish(struct rig *rig) {
  (void)uv_run(&rig->lb.uv, UV_RUN_NOWAIT);
  while (rig->fake.wants_write)
    fake_finish_write(&rig->fake, 0);
  CHECK_SIZE(0, wsuv_conn_queued(rig->t.conn));
  CHECK_INT(1, nsent);
  check_output(&rig->fake);
}

/* The places of interest: all near the ends of frames, few inside of the large one. */
static size_t next_room(size_t room) {
  return room > 60 && room < LARGE - 60 ? room + 997 : room + 1;
}

/* covers: UV.2 UV.6 IOC.4 */
static void test_partial_writes(void **state) {
  struct rig rig;
  size_t room;
  (void)state;

  for (room = 0; room < LARGE + 60; room = next_room(room)) {
    open_rig(&rig, room);
    send_all(&rig);
    finish(&rig);
    close_rig(&rig);
  }
}

static void send_on_message(struct talker *t, enum event event) {
  if (event == EV_MESSAGE)
    send_all(WSUV__LIST_ENTRY(t, struct rig, t));
}

/* The same through the cork. */
static void test_partial_writes_in_a_callback(void **state) {
  struct rig rig;
  size_t room;
  (void)state;

  for (room = 0; room < LARGE + 60; room = next_room(room)) {
    open_rig(&rig, room);
    rig.t.on_event = send_on_message;
    fake_receive(&rig.fake, "\x81\x80\0\0\0\0", 6);
    finish(&rig);
    close_rig(&rig);
  }
}

/* While a write is under way its memory stays as it is, whatever is queued behind it. */
static void test_queue_behind_a_write(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, 1);
  send_all(&rig);
  (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  CHECK_INT(1, rig.fake.wants_write);
  fake_receive(&rig.fake, "\x89\x81\0\0\0\0a\x89\x81\0\0\0\0b", 14); /* their Pongs, too */
  fake_receive(&rig.fake, "\x88\x80\0\0\0\0", 6);
  while (rig.fake.wants_write)
    fake_finish_write(&rig.fake, 0);
  CHECK_BYTES("\x88\0", 2, rig.fake.out + rig.fake.out_len - 2, 2);
  CHECK_SIZE(2 + 1 + 2 + 2 + LARGE + 6 + 6 + 4 + 3 + 3 + 2, rig.fake.out_len);
  close_rig(&rig);
}

/* A broken transport is found out inside a call of the program's: nothing runs there, on_close comes later.
 * covers: IOC.4 ERR.20 */
static void test_write_error(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, 100);
  rig.fake.error = UV_EPIPE;
  (void)CALL(&rig.lb, wsuv_conn_send_binary(rig.t.conn, large, sizeof large));
  CHECK_STR("o", rig.t.log);
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_send_text(rig.t.conn, "x", 1)));
  CHECK_INT(1, rig.fake.closing);
  fake_end(&rig.fake, &rig.lb);
  CHECK_STR("oc", rig.t.log);
  CHECK_ERR(UV_EPIPE, rig.t.end.error);
  loopback_close(&rig.lb);
}

static void test_write_ends_with_an_error(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, 0);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_text(rig.t.conn, "x", 1)));
  (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  fake_finish_write(&rig.fake, UV_ECONNRESET);
  CHECK_INT(1, rig.fake.closing);
  fake_end(&rig.fake, &rig.lb);
  CHECK_ERR(UV_ECONNRESET, rig.t.end.error);
  loopback_close(&rig.lb);
}

static void test_shutdown_error(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, 100);
  fake_receive(&rig.fake, "\xff\xff", 2);
  CHECK_INT(1, rig.fake.shut);
  fake_receive_error(&rig.fake, UV_ECONNRESET);
  fake_end(&rig.fake, &rig.lb);
  CHECK_ERR(WSUV_ERSV, rig.t.end.error); /* the first one counts */
  CHECK_INT(1002, rig.t.end.sent_code);
  loopback_close(&rig.lb);
}

/* The rest of a frame that has begun to leave cannot be kept: nothing may follow it, the peer would take it for that rest. */
static void test_rest_is_lost(void **state) {
  struct rig rig;
  size_t out_len;
  (void)state;

  open_rig(&rig, 0);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send(rig.t.conn, &req, WSUV_TEXT, "44", 2, 0, on_sent)));
  (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  fake_finish_write(&rig.fake, 0);
  rig.fake.room = 1000;
  failing_alloc_fail_from(&rig.lb.fa, 1);
  CHECK_ERR(WSUV_ENOMEM, CALL(&rig.lb, wsuv_conn_send_binary(rig.t.conn, large, sizeof large)));
  out_len = rig.fake.out_len;
  CHECK_SIZE(4 + 1000, out_len);
  failing_alloc_fail_from(&rig.lb.fa, 0);
  rig.fake.room = 1000;
  (void)CALL(&rig.lb, wsuv_conn_send_text(rig.t.conn, "x", 1));
  (void)CALL(&rig.lb, wsuv_conn_send(rig.t.conn, &req, WSUV_TEXT, "44", 2, 0, on_sent));
  (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  CHECK_SIZE(out_len, rig.fake.out_len);
  CHECK_INT(0, rig.fake.wants_write);
  CHECK_INT(1, rig.fake.closing);
  fake_end(&rig.fake, &rig.lb);
  CHECK_ERR(WSUV_ENOMEM, rig.t.end.error);
  loopback_close(&rig.lb);
}

#define HOT_PAYLOAD "twenty octets of it."

static void receive_32(struct rig *rig) {
  static const char payload[] = HOT_PAYLOAD;
  uint8_t frames[32 * (WSUV_FRAME_HEADER_MAX + sizeof payload)];
  size_t len = 0;
  int i;

  for (i = 0; i < 32; i++)
    len += frame_put(frames + len, WSUV_CLIENT, WSUV_TEXT, payload, sizeof payload - 1);
  fake_receive(&rig->fake, frames, len);
}

/* The hot path: 32 messages that came in one read are answered by one write, without a single allocation. The connection's
 * first message makes one, for its counts. */
static void test_one_write_and_no_allocation_an_event(void **state) {
  struct rig rig;
  size_t ncalls;
  (void)state;

  open_rig(&rig, SIZE_MAX);
  rig.t.on_event = talker_echo;
  ncalls = rig.lb.fa.ncalls;
  receive_32(&rig);
  CHECK_SIZE(ncalls + 1, rig.lb.fa.ncalls);
  receive_32(&rig);
  CHECK_INT(64, (int)rig.t.n[EV_MESSAGE]);
  CHECK_SIZE(64 * (2 + sizeof HOT_PAYLOAD - 1), rig.fake.out_len);
  CHECK_SIZE(2, rig.fake.nwrites);
  CHECK_SIZE(ncalls + 1, rig.lb.fa.ncalls);
  close_rig(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_partial_writes),
      cmocka_unit_test(test_partial_writes_in_a_callback),
      cmocka_unit_test(test_queue_behind_a_write),
      cmocka_unit_test(test_write_error),
      cmocka_unit_test(test_write_ends_with_an_error),
      cmocka_unit_test(test_shutdown_error),
      cmocka_unit_test(test_rest_is_lost),
      cmocka_unit_test(test_one_write_and_no_allocation_an_event),
  };
  return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
