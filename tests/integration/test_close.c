/* How an open connection ends: from either side, orderly and not, and what on_close says of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/raw_peer.h"

struct closing {
  const char *name;
  int from_server;
  int code; /* given to wsuv_conn_close; 0: 1000 is sent */
  const char *reason;
};

static const struct closing closings[] = {
    {"the client closes", 0, 0, NULL},
    {"the client closes with a reason", 0, 1001, "going \xc3\xbc away"},
    {"the client closes with a private code", 0, 4999, ""},
    {"the server closes", 1, 0, NULL},
    {"the server closes with a reason", 1, 3000, "enough"},
};

/* covers: W128 W129 W134 W159 W160 W162 W163 W164 W188 */
static void test_closing(const void *row) {
  const struct closing *closing = row;
  struct loopback lb;
  struct host host;
  struct talker client;
  struct talker *closer;
  struct talker *other;
  int code = closing->code != 0 ? closing->code : 1000;

  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  closer = closing->from_server ? host.talkers[0] : &client;
  other = closing->from_server ? &client : host.talkers[0];
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(closer->conn, closing->code, closing->reason)));
  CHECK_ERR(WSUV_ESTATE, CALL(&lb, wsuv_conn_close(closer->conn, 1000, NULL)));
  CHECK_ERR(WSUV_ESTATE, talker_say(closer, "too late"));
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1 && other->n[EV_CLOSE] == 1 && closer->n[EV_CLOSE] == 1);
  CHECK_INT(code, closer->end.sent_code);
  CHECK_INT(code, closer->end.code);
  CHECK_INT(code, other->end.sent_code);
  CHECK_INT(code, other->end.code);
  CHECK_STR(closing->reason != NULL ? closing->reason : "", other->end.reason);
  CHECK_INT(1, closer->end.clean);
  CHECK_INT(1, other->end.clean);
  CHECK_ERR(0, closer->end.error);
  CHECK_ERR(0, other->end.error);
  loopback_close(&lb);
}

static void test_bad_arguments(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  char reason[125];
  (void)state;

  memset(reason, 'r', 124);
  reason[124] = '\0';
  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_conn_close(client.conn, 1005, NULL)));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_conn_close(client.conn, 999, NULL)));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_conn_close(client.conn, 5000, NULL)));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_conn_close(client.conn, -1, NULL)));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_conn_close(client.conn, 1000, reason)));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_conn_close(client.conn, 1000, "\xff")));
  CHECK_INT(WSUV_STATE_OPEN, wsuv_conn_state(client.conn));
  reason[123] = '\0';
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(client.conn, 1000, reason)));
  RUN_UNTIL(&lb, host.ntalkers == 1 && host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_STR(reason, host.talkers[0]->end.reason);
  loopback_close(&lb);
}

static void test_both_at_once(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(client.conn, 4001, "client")));
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(host.talkers[0]->conn, 4002, "server")));
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1 && host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_INT(4002, client.end.code);
  CHECK_INT(4001, client.end.sent_code);
  CHECK_INT(4001, host.talkers[0]->end.code);
  CHECK_INT(4002, host.talkers[0]->end.sent_code);
  CHECK_STR("4002: server", client.end.detail);
  CHECK_STR("4001: client", host.talkers[0]->end.detail);
  CHECK_INT(1, client.end.clean);
  CHECK_INT(1, host.talkers[0]->end.clean);
  loopback_close(&lb);
}

/* covers: W158 */
static void test_terminate(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  CALL_VOID(&lb, wsuv_conn_terminate(client.conn));
  CALL_VOID(&lb, wsuv_conn_terminate(client.conn));
  CHECK_INT(WSUV_STATE_RELEASING, wsuv_conn_state(client.conn));
  CHECK_ERR(WSUV_ESTATE, talker_say(&client, "x"));
  CHECK_ERR(WSUV_ESTATE, CALL(&lb, wsuv_conn_ping(client.conn, NULL, 0)));
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1 && host.talkers[0]->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ECANCELED, client.end.error);
  CHECK_INT(1006, client.end.code);
  CHECK_INT(0, client.end.sent_code);
  CHECK_INT(0, client.end.clean);
  CHECK_INT(1006, host.talkers[0]->end.code);
  CHECK_ERR(WSUV_EABNORMAL, host.talkers[0]->end.error);
  loopback_close(&lb);
}

/* ---- a raw client of an echoing server ---- */

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
  struct talker *server;
};

static void open_rig(struct rig *rig, const wsuv_conn_options_t *conn) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;

  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_event = talker_echo;
  options.conn = conn;
  CHECK_ERR(0, host_listen(&rig->host, &options));
  raw_open(&rig->raw, &rig->host);
  rig->server = rig->host.talkers[0];
}

static void close_rig(struct rig *rig, int code, int clean, int error) {
  RUN_UNTIL(&rig->lb, rig->server->n[EV_CLOSE] == 1);
  CHECK_INT(code, rig->server->end.code);
  CHECK_INT(clean, rig->server->end.clean);
  CHECK_ERR(error, rig->server->end.error);
  CHECK_INT(1, rig->server->end.opened);
  loopback_close(&rig->lb);
}

/* covers: W132 W156 */
static void test_close_without_code(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  raw_close_frame(&rig.raw, 0, NULL);
  raw_expect_close(&rig.raw, WSUV_CLOSE_NO_STATUS);
  raw_expect_eof(&rig.raw); /* the server ends first: we have not */
  CHECK_INT(WSUV_STATE_CLOSING_TRANSPORT, wsuv_conn_state(rig.server->conn));
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.server->n[EV_CLOSE] == 1);
  CHECK_INT(1005, rig.server->end.sent_code);
  close_rig(&rig, 1005, 1, 0);
}

/* covers: W172 */
static void test_eof_without_close(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  raw_end(&rig.raw);
  close_rig(&rig, 1006, 0, WSUV_EABNORMAL);
}

static void test_eof_inside_a_message(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  raw_send(&rig.raw, "\x81\x85\x01\x02\x03\x04he", 8);
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.server->n[EV_CLOSE] == 1);
  CHECK_STR("oc", rig.server->log);
  close_rig(&rig, 1006, 0, WSUV_EABNORMAL);
}

/* The peer closes and ends without ever having read: our Close stays in the queue, and is not reported as sent. */
static void test_close_that_cannot_be_answered(void **state) {
  struct rig rig;
  size_t len = 16u * 1024 * 1024;
  uint8_t *payload = calloc(1, len);
  (void)state;

  open_rig(&rig, NULL);
  raw_stop_reading(&rig.raw);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.server->conn, payload, len)));
  free(payload);
  raw_close_frame(&rig.raw, 1000, "bye");
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.server->n[EV_CLOSE] == 1);
  CHECK_INT(0, rig.server->end.sent_code);
  close_rig(&rig, 1000, 0, WSUV_EABNORMAL);
}

static void test_reset(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  raw_reset(&rig.raw);
  close_rig(&rig, 1006, 0, UV_ECONNRESET);
}

/* covers: W093 W166 W167 W168 W170 W211 */
static void test_protocol_error(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL);
  raw_send(&rig.raw, "\x81\x02hi\x81\x80\1\2\3\4",
           10); /* not masked, and one that would be right */
  raw_expect_close(&rig.raw, 1002);
  raw_close_frame(&rig.raw, 1000, "ignored");
  raw_expect_eof(&rig.raw);
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.server->n[EV_CLOSE] == 1);
  CHECK_STR("oc", rig.server->log);
  CHECK_INT(1002, rig.server->end.sent_code);
  CHECK_NOT_NULL(strstr(rig.server->end.detail, "RFC 6455 5.1"));
  close_rig(&rig, 1006, 0, WSUV_EUNMASKED);
}

static void test_silent_peer(void **state) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct rig rig;
  (void)state;

  conn.close_timeout_ms = 50;
  open_rig(&rig, &conn);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(rig.server->conn, 1001, NULL)));
  CHECK_INT(1001, (raw_expect_close(&rig.raw, 1001), 1001));
  close_rig(&rig, 1006, 0, WSUV_ETIMEDOUT);
}

/* The Closes passed, but the peer does not end its side. */
static void test_peer_stays(void **state) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct rig rig;
  (void)state;

  conn.close_timeout_ms = 50;
  open_rig(&rig, &conn);
  raw_close_frame(&rig.raw, 1000, NULL);
  raw_expect_close(&rig.raw, 1000);
  raw_expect_eof(&rig.raw);
  close_rig(&rig, 1000, 1, 0);
}

/* Input that stays unread makes the kernel reset the connection, which can destroy our Close on its way.
 * covers: W155 H038 */
static void test_lingering(void **state) {
  static char noise[256 * 1024];
  struct rig rig;
  int i;
  (void)state;

  open_rig(&rig, NULL);
  raw_send(&rig.raw, "\xff\xff\xff\xff", 4); /* a reserved opcode */
  for (i = 0; i < 8; i++)
    raw_send(&rig.raw, noise, sizeof noise);
  raw_expect_close(&rig.raw, 1002);
  raw_expect_eof(&rig.raw);
  for (i = 0; i < 8; i++)
    raw_send(&rig.raw, noise, sizeof noise);
  RUN_UNTIL(&rig.lb, rig.raw.nwriting == 0);
  CHECK_ERR(0, rig.raw.error);
  CHECK_SIZE(0, rig.server->n[EV_CLOSE]);
  raw_end(&rig.raw);
  close_rig(&rig, 1006, 0, WSUV_ERSV);
}

/* ---- a client of a raw server ---- */

/* covers: W133 W157 */
static void test_client_leaves_the_end_to_the_server(void **state) {
  struct loopback lb;
  struct raw_server server;
  struct talker client;
  (void)state;

  loopback_open(&lb);
  raw_listen(&server, &lb);
  raw_serve(&server, &client, NULL);
  raw_close_frame(&server.peers[0], 1001, "restart");
  raw_expect_close(&server.peers[0], 1001);
  RUN_UNTIL(&lb, wsuv_conn_state(client.conn) == WSUV_STATE_CLOSING_TRANSPORT);
  CHECK_INT(0, server.peers[0].eof);
  raw_end(&server.peers[0]);
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1);
  CHECK_INT(1001, client.end.code);
  CHECK_STR("restart", client.end.reason);
  CHECK_INT(1, client.end.clean);
  raw_expect_eof(&server.peers[0]);
  loopback_close(&lb);
}

static void test_client_does_not_wait_for_ever(void **state) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct loopback lb;
  struct raw_server server;
  struct talker client;
  (void)state;

  conn.close_timeout_ms = 50;
  loopback_open(&lb);
  raw_listen(&server, &lb);
  raw_serve(&server, &client, &conn);
  raw_close_frame(&server.peers[0], 1000, NULL);
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1);
  CHECK_INT(1, client.end.clean);
  CHECK_ERR(0, client.end.error);
  raw_expect_close(&server.peers[0], 1000);
  loopback_close(&lb);
}

/* Nothing else keeps the loop alive here, and the promise of on_close holds all the same. */
static void test_close_while_reading_is_stopped(void **state) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct loopback lb;
  struct raw_server server;
  struct talker client;
  (void)state;

  conn.close_timeout_ms = 50;
  loopback_open(&lb);
  raw_listen(&server, &lb);
  raw_serve(&server, &client, &conn);
  raw_close(&server.peers[0]);
  raw_close(&server.listener);
  CALL_VOID(&lb, wsuv_conn_read_stop(client.conn));
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(client.conn, 1000, NULL)));
  loopback_run_out(&lb);
  CHECK_STR("oc", client.log);
  loopback_close(&lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bad_arguments),
      cmocka_unit_test(test_both_at_once),
      cmocka_unit_test(test_terminate),
      cmocka_unit_test(test_close_without_code),
      cmocka_unit_test(test_eof_without_close),
      cmocka_unit_test(test_eof_inside_a_message),
      cmocka_unit_test(test_close_that_cannot_be_answered),
      cmocka_unit_test(test_reset),
      cmocka_unit_test(test_protocol_error),
      cmocka_unit_test(test_silent_peer),
      cmocka_unit_test(test_peer_stays),
      cmocka_unit_test(test_lingering),
      cmocka_unit_test(test_client_leaves_the_end_to_the_server),
      cmocka_unit_test(test_client_does_not_wait_for_ever),
      cmocka_unit_test(test_close_while_reading_is_stopped),
  };
  int failures = CHECK_RUN_TABLE("closing", closings, test_closing);

  failures += cmocka_run_group_tests_name("close", tests, NULL, NULL);
  return failures;
}
