/* Heartbeats against a clock that is not ours: short intervals, and no assertion on how long anything took. */
#include <stdio.h>
#include <string.h>

#include "integration/raw_peer.h"

struct rig {
  struct loopback lb;
  struct host host;
  struct talker *t;
  struct talker client;
  uv_timer_t timer;
  int nticks;
};

static void open_rig(struct rig *rig, int64_t interval_ms, int max_pings) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  conn.ping_interval_ms = interval_ms;
  conn.max_pings = max_pings;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&rig->host, &options));
}

/* covers: W138 */
static void test_answering_peer_lives(void **state) {
  struct rig rig;
  struct talker client;
  (void)state;

  open_rig(&rig, 50, 3);
  connect_pair(&rig.host, &client);
  RUN_UNTIL(&rig.lb, client.n[EV_PING] == 5);
  RUN_UNTIL(&rig.lb, rig.host.talkers[0]->n[EV_PONG] == 5);
  CHECK_SIZE(0, client.n[EV_CLOSE]);
  loopback_close(&rig.lb);
}

/* covers: UV.7 EPT.16 */
static void test_silent_peer_ends(void **state) {
  struct rig rig;
  struct raw raw;
  wsuv_frame_header_t header;
  const uint8_t *payload;
  uint8_t first[125];
  size_t first_len;
  (void)state;

  open_rig(&rig, 50, 2);
  raw_open(&raw, &rig.host);
  RUN_UNTIL(&rig.lb, raw_took_frame(&raw, &header, &payload));
  CHECK_INT(WSUV_PING, header.opcode);
  first_len = header.payload_len;
  memcpy(first, payload, first_len);
  RUN_UNTIL(&rig.lb, raw_took_frame(&raw, &header, &payload));
  CHECK_INT(WSUV_PING, header.opcode);
  CHECK_TRUE(header.payload_len != first_len || memcmp(first, payload, first_len) != 0);
  raw_expect_close(&raw, 1008);
  raw_expect_eof(&raw);
  raw_end(&raw);
  RUN_UNTIL(&rig.lb, rig.host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ETIMEDOUT, rig.host.talkers[0]->end.error);
  CHECK_INT(1008, rig.host.talkers[0]->end.sent_code);
  CHECK_INT(1006, rig.host.talkers[0]->end.code);
  loopback_close(&rig.lb);
}

static void trickle(uv_timer_t *timer) {
  struct raw *raw = timer->data;
  raw_send(raw, "x", 1);
}

/* A pong cannot interrupt one long frame: bytes are life. */
static void test_slow_message_is_life(void **state) {
  struct rig rig;
  struct raw raw;
  (void)state;

  open_rig(&rig, 50, 3);
  raw_open(&raw, &rig.host);
  raw_send(&raw, "\x82\xfe\x00\xff\0\0\0\0", 8);
  CHECK_ERR(0, uv_timer_init(&rig.lb.uv, &rig.timer));
  rig.timer.data = &raw;
  CHECK_ERR(0, uv_timer_start(&rig.timer, trickle, 1, 2));
  RUN_UNTIL(&rig.lb, rig.host.talkers[0]->n[EV_MESSAGE] == 1);
  uv_close((uv_handle_t *)&rig.timer, NULL);
  CHECK_SIZE(255, rig.host.talkers[0]->len);
  CHECK_SIZE(0, rig.host.talkers[0]->n[EV_CLOSE]);
  loopback_close(&rig.lb);
}

static void tick(uv_timer_t *timer) {
  struct rig *rig = timer->data;
  rig->nticks++;
}

static void hold_up(uv_check_t *check) {
  struct rig *rig = check->data;

  if (rig->client.n[EV_PING] == 0)
    return;
  uv_sleep(450); /* a program that computes; the Pong waits in the kernel */
  (void)uv_check_stop(check);
}

/* Our own stall is not the peer's silence. */
static void test_held_up_loop(void **state) {
  struct rig rig;
  uv_check_t check;
  (void)state;

  open_rig(&rig, 200, 1);
  CHECK_ERR(0, uv_check_init(&rig.lb.uv, &check));
  check.data = &rig;
  CHECK_ERR(0, uv_check_start(&check, hold_up));
  connect_pair(&rig.host, &rig.client);
  RUN_UNTIL(&rig.lb, rig.client.n[EV_PING] == 2 || rig.client.n[EV_CLOSE] == 1);
  CHECK_SIZE(0, rig.client.n[EV_CLOSE]);
  uv_close((uv_handle_t *)&check, NULL);
  loopback_close(&rig.lb);
}

/* Who does not read cannot hear pongs: that is no fault of the peer's. */
static void test_reading_stopped(void **state) {
  struct rig rig;
  struct talker client;
  (void)state;

  open_rig(&rig, 50, 2);
  connect_pair(&rig.host, &client);
  rig.t = rig.host.talkers[0];
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(rig.t->conn));
  CHECK_ERR(0, uv_timer_init(&rig.lb.uv, &rig.timer));
  rig.timer.data = &rig;
  CHECK_ERR(0, uv_timer_start(&rig.timer, tick, 50, 50));
  RUN_UNTIL(&rig.lb, rig.nticks == 8);
  CHECK_INT(WSUV_STATE_OPEN, wsuv_conn_state(rig.t->conn));
  CALL_VOID(&rig.lb, wsuv_conn_read_start(rig.t->conn));
  RUN_UNTIL(&rig.lb, client.n[EV_PING] >= 3);
  CHECK_SIZE(0, rig.t->n[EV_CLOSE]);
  uv_close((uv_handle_t *)&rig.timer, NULL);
  loopback_close(&rig.lb);
}

/* With reading stopped nothing but the heartbeat's timer is left, and that keeps no program from ending. covers: UV.7 */
static void test_keeps_no_loop_alive(void **state) {
  struct loopback lb;
  struct raw_server server;
  struct talker client;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  (void)state;

  conn.ping_interval_ms = 50;
  loopback_open(&lb);
  raw_listen(&server, &lb);
  raw_serve(&server, &client, &conn);
  raw_close(&server.peers[0]);
  raw_close(&server.listener);
  CALL_VOID(&lb, wsuv_conn_read_stop(client.conn));
  loopback_run_out(&lb);
  CHECK_SIZE(0, client.n[EV_CLOSE]);
  loopback_close(&lb);
}

static void test_off(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  conn.ping_interval_ms = WSUV_OFF;
  conn.max_pings = WSUV_OFF;
  conn.close_timeout_ms = WSUV_OFF;
  conn.handshake_timeout_ms = WSUV_OFF;
  conn.write_limit = WSUV_OFF;
  conn.max_message_size = WSUV_OFF;
  to.conn = &conn;
  talker_init(&client, &lb);
  CHECK_ERR(0, talker_connect(&client, &host, &to));
  RUN_UNTIL(&lb, client.n[EV_OPEN] == 1);
  CHECK_ERR(0, talker_say(&client, "x"));
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1);
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(client.conn, 0, NULL)));
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1);
  CHECK_STR("omc", client.log);
  loopback_close(&lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_answering_peer_lives),
      cmocka_unit_test(test_silent_peer_ends),
      cmocka_unit_test(test_slow_message_is_life),
      cmocka_unit_test(test_held_up_loop),
      cmocka_unit_test(test_reading_stopped),
      cmocka_unit_test(test_keeps_no_loop_alive),
      cmocka_unit_test(test_off),
  };
  return cmocka_run_group_tests_name("liveness", tests, NULL, NULL);
}
