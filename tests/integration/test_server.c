/* Late decisions, limits, listening and its errors, and the end of a server. */
#include <stdio.h>
#include <string.h>

#include "api/server.h"
#include "integration/raw_peer.h"

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
};

/* A peer that has said nothing yet. */
static void open_rig(struct rig *rig, void (*on_upgrade)(struct host *, wsuv_upgrade_t *),
                     int64_t handshake_timeout_ms) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;

  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_upgrade = on_upgrade;
  conn.handshake_timeout_ms = handshake_timeout_ms;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&rig->host, &options));
  raw_connect(&rig->raw, &rig->lb, rig->host.port);
}

/* A request that awaits its decision in rig->host.upgrade. */
static void open_late(struct rig *rig, int64_t handshake_timeout_ms) {
  open_rig(rig, host_decide_late, handshake_timeout_ms);
  rig->host.on_event = talker_echo;
  raw_say(&rig->raw, RAW_REQUEST);
  RUN_UNTIL(&rig->lb, rig->host.upgrade != NULL);
}

static int accept_it(struct rig *rig) {
  return CALL(&rig->lb, wsuv_upgrade_accept(rig->host.upgrade, NULL));
}

static int reject_it(struct rig *rig) {
  return CALL(&rig->lb, wsuv_upgrade_reject(rig->host.upgrade, 404, NULL, 0, "no", 2));
}

static void test_accept_late(void **state) {
  struct rig rig;
  (void)state;

  open_late(&rig, 0);
  CHECK_ERR(0, accept_it(&rig));
  RUN_UNTIL(&rig.lb, raw_took_head(&rig.raw));
  raw_frame(&rig.raw, WSUV_TEXT, "hi", 2);
  raw_expect_frame(&rig.raw, WSUV_TEXT, "hi", 2);
  loopback_close(&rig.lb);
}

static void test_reject_late(void **state) {
  struct rig rig;
  (void)state;

  open_late(&rig, 0);
  CHECK_ERR(0, reject_it(&rig));
  raw_expect_eof(&rig.raw);
  CHECK_NOT_NULL(strstr(raw_text(&rig.raw), "HTTP/1.1 404 Not Found\r\n"));
  CHECK_SIZE(0, rig.host.ntalkers);
  loopback_close(&rig.lb);
}

/* Handed out by accept, and never opened: on_close is owed all the same. */
static void test_accept_and_loop_close(void **state) {
  struct rig rig;
  (void)state;

  open_late(&rig, 0);
  CHECK_ERR(0, accept_it(&rig));
  loopback_end(&rig.lb);
  RUN_UNTIL(&rig.lb, rig.lb.loop_closed);
  CHECK_SIZE(1, rig.host.ntalkers);
  CHECK_STR("c", rig.host.talkers[0]->log);
  CHECK_ERR(WSUV_ECANCELED, rig.host.talkers[0]->end.error);
  loopback_close(&rig.lb);
}

struct departure {
  const char *name;
  void (*leave)(struct rig *rig);
  int (*decide)(struct rig *rig);
};

static void peer_closes(struct rig *rig) {
  raw_close(&rig->raw);
}

static void peer_ends(struct rig *rig) {
  raw_end(&rig->raw);
}

static void peer_resets(struct rig *rig) {
  raw_reset(&rig->raw);
}

static void nothing(struct rig *rig) {
  (void)rig;
}

static void server_stops(struct rig *rig) {
  CALL_VOID(&rig->lb, wsuv_server_close(rig->host.server));
  raw_close(&rig->raw);
}

static const struct departure departures[] = {
    {"accept after the peer closed", peer_closes, accept_it},
    {"reject after the peer closed", peer_closes, reject_it},
    {"accept after the peer's FIN", peer_ends, accept_it},
    {"reject after the peer's RST", peer_resets, reject_it},
    {"accept after the deadline", nothing, accept_it},
    {"reject after the deadline", nothing, reject_it},
    {"accept after the server is gone", server_stops, accept_it},
};

static void test_departure(const void *row) {
  const struct departure *departure = row;
  struct rig rig;
  char peer[64];

  open_late(&rig, departure->leave == nothing ? 50 : WSUV_OFF);
  departure->leave(&rig);
  RUN_UNTIL(&rig.lb, rig.host.server == NULL || wsuv_server_nconns(rig.host.server) == 0);
  CHECK_STR("/chat", wsuv_upgrade_target(rig.host.upgrade));
  CHECK_ERR(WSUV_ECANCELED, wsuv_upgrade_peer(rig.host.upgrade, peer, sizeof peer));
  CHECK_ERR(WSUV_ECANCELED, departure->decide(&rig));
  CHECK_SIZE(0, rig.host.ntalkers);
  loopback_close(&rig.lb);
}

/* The loop may be gone before the application decides. */
static void test_decide_after_the_loop(void **state) {
  struct rig rig;
  (void)state;

  open_late(&rig, 0);
  loopback_end(&rig.lb);
  RUN_UNTIL(&rig.lb, rig.lb.loop_closed);
  CHECK_ERR(WSUV_ECANCELED, accept_it(&rig));
  loopback_close(&rig.lb);
}

/* covers: UV.8 HSS.14 W173 */
static void test_slow_request(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL, 50);
  raw_say(&rig.raw, "GET / HT");
  raw_expect_eof(&rig.raw);
  CHECK_NOT_NULL(strstr(raw_text(&rig.raw), "HTTP/1.1 408 "));
  CHECK_NOT_NULL(strstr(raw_text(&rig.raw), "Connection: close\r\n"));
  CHECK_SIZE(0, rig.host.ntalkers);
  loopback_close(&rig.lb);
}

/* covers: W173 */
static void test_silent_client(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, NULL, 50);
  raw_expect_eof(&rig.raw);
  CHECK_STR("", raw_text(&rig.raw));
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 0);
  loopback_close(&rig.lb);
}

/* covers: UV.17 */
static void test_max_connections(void **state) {
  struct loopback lb;
  struct host host;
  struct talker clients[4];
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  size_t i;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  options.max_connections = 2;
  CHECK_ERR(0, host_listen(&host, &options));
  connect_pair(&host, &clients[0]);
  connect_pair(&host, &clients[1]);
  talker_init(&clients[2], &lb);
  CHECK_ERR(0, talker_connect(&clients[2], &host, NULL));
  RUN_UNTIL(&lb, clients[2].n[EV_CLOSE] == 1);
  CHECK_INT(503, clients[2].end.http_status);
  CHECK_ERR(WSUV_ESTATUS, clients[2].end.error);
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(clients[0].conn, 0, NULL)));
  RUN_UNTIL(&lb, wsuv_server_nconns(host.server) == 1);
  connect_pair(&host, &clients[3]);
  for (i = 1; i < 4; i += 2)
    CHECK_SIZE(1, clients[i].n[EV_OPEN]);
  loopback_close(&lb);
}

/* covers: UV.17 */
static void test_server_close(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  struct talker late;
  int port;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  port = host.port;
  CALL_VOID(&lb, wsuv_server_close(host.server));
  CALL_VOID(&lb, wsuv_server_close(host.server));
  CHECK_ERR(0, talker_say(&client, "still here"));
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1);
  CHECK_INT(0, host.nclosed);
  host.port = port;
  talker_init(&late, &lb);
  CHECK_ERR(0, talker_connect(&late, &host, NULL));
  RUN_UNTIL(&lb, late.n[EV_CLOSE] == 1);
  CHECK_ERR(UV_ECONNREFUSED, late.end.error);
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(client.conn, 1000, NULL)));
  RUN_UNTIL(&lb, host.nclosed == 1);
  CHECK_SIZE(1, host.talkers[0]->n[EV_CLOSE]);
  loopback_close(&lb);
}

/* Between the end of the transport and the close of its handle: the turn in which the peer's end was read. */
static void on_check(uv_check_t *check) {
  struct rig *rig = check->data;
  struct wsuv__list *first = rig->host.server->conns.next;

  if (rig->host.server->nconns == 0 ||
      WSUV__LIST_ENTRY(first, wsuv_conn_t, link)->phase != WSUV_STATE_RELEASING)
    return;
  CALL_VOID(&rig->lb, wsuv_server_close(rig->host.server));
  (void)uv_check_stop(check);
}

static void test_server_close_amid_a_release(void **state) {
  struct rig rig;
  uv_check_t check;
  (void)state;

  loopback_open(&rig.lb);
  host_echo(&rig.host, &rig.lb);
  CHECK_ERR(0, uv_check_init(&rig.lb.uv, &check));
  check.data = &rig;
  CHECK_ERR(0, uv_check_start(&check, on_check));
  raw_connect(&rig.raw, &rig.lb, rig.host.port);
  raw_say(&rig.raw, "GET / HT");
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.host.nclosed == 1);
  uv_close((uv_handle_t *)&check, NULL);
  loopback_close(&rig.lb);
}

/* Who has not asked yet is told to come back; who awaits a decision gets it. */
static void test_server_close_amid_requests(void **state) {
  struct rig rig;
  struct raw half;
  (void)state;

  open_late(&rig, 0);
  raw_connect(&half, &rig.lb, rig.host.port);
  raw_say(&half, "GET / HT");
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 2);
  CALL_VOID(&rig.lb, wsuv_server_close(rig.host.server));
  raw_expect_eof(&half);
  CHECK_NOT_NULL(strstr(raw_text(&half), "HTTP/1.1 503 "));
  CHECK_ERR(0, accept_it(&rig));
  RUN_UNTIL(&rig.lb, raw_took_head(&rig.raw));
  raw_frame(&rig.raw, WSUV_TEXT, "hi", 2);
  raw_expect_frame(&rig.raw, WSUV_TEXT, "hi", 2);
  loopback_close(&rig.lb);
}

static void test_port_in_use(void **state) {
  struct loopback lb;
  struct host first;
  struct host second;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  (void)state;

  loopback_open(&lb);
  host_echo(&first, &lb);
  CHECK_TRUE(first.port > 0);
  options.port = first.port;
  host_init(&second, &lb);
  CHECK_ERR(UV_EADDRINUSE, host_listen(&second, &options));
  loopback_close(&lb);
  CHECK_INT(0, second.nclosed);
}

static void test_no_such_address(void **state) {
  struct loopback lb;
  struct host host;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  options.host = "192.0.2.1"; /* RFC 5737: nobody's */
  CHECK_ERR(UV_EADDRNOTAVAIL, host_listen(&host, &options));
  options.host = "no such host.invalid";
  CHECK_TRUE(host_listen(&host, &options) < 0);
  options.path = "/nowhere/at/all/socket";
  CHECK_TRUE(host_listen(&host, &options) < 0);
  loopback_close(&lb);
}

static void test_bad_options(void **state) {
  static const char *const twice[] = {"a", "a"};
  static const char *const empty[] = {""};
  static const char *const null[] = {NULL};
  static const wsuv_handler_t deaf = {.size = sizeof(wsuv_handler_t)};
  static const wsuv_server_handler_t bad = {
      sizeof(wsuv_server_handler_t), &deaf, NULL, NULL, NULL, NULL};
  struct loopback lb;
  struct host host;
  wsuv_server_options_t o = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  wsuv_server_t *server = (wsuv_server_t *)(void *)&lb;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  o.port = 65536;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &o));
  o.port = 0;
  o.max_connections = -5;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &o));
  o.max_connections = WSUV_OFF;
  o.subprotocols = twice;
  o.nsubprotocols = 2;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &o));
  o.nsubprotocols = 0;
  o.norigins = 1;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &o));
  o.origins = empty;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &o));
  o.origins = null;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &o));
  o.norigins = 0;
  o.conn = &conn;
  conn.ping_interval_ms = -3;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &o));
  conn.ping_interval_ms = 0;
  conn.write_high_water = 10;
  conn.write_low_water = 11;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &o));
  conn.write_low_water = 10;
  o.size--;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &o));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_server_listen(lb.loop, &server, NULL, &bad, NULL)));
  CHECK_NULL(server);
  o.size++;
  CHECK_ERR(0, host_listen(&host, &o));
  loopback_close(&lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accept_late),
      cmocka_unit_test(test_reject_late),
      cmocka_unit_test(test_decide_after_the_loop),
      cmocka_unit_test(test_slow_request),
      cmocka_unit_test(test_silent_client),
      cmocka_unit_test(test_max_connections),
      cmocka_unit_test(test_server_close),
      cmocka_unit_test(test_port_in_use),
      cmocka_unit_test(test_no_such_address),
      cmocka_unit_test(test_server_close_amid_a_release),
      cmocka_unit_test(test_server_close_amid_requests),
      cmocka_unit_test(test_bad_options),
      cmocka_unit_test(test_accept_and_loop_close),
  };
  int failures = CHECK_RUN_TABLE("departures", departures, test_departure);

  failures += cmocka_run_group_tests_name("server", tests, NULL, NULL);
  return failures;
}
