/* Peers that do not speak TLS, or not a kind that is spoken here, or not in time; and ends amid a handshake. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv/drain.h>

#include "api/server.h"
#include "integration/ssl_peer.h"
#include "integration/tls_loopback.h"

static void open_silent(struct tls_rig *rig, int64_t timeout_ms) {
  static wsuv_conn_options_t conn;
  static const wsuv_conn_options_t presets = WSUV_CONN_OPTIONS_INIT;

  conn = presets;
  conn.handshake_timeout_ms = timeout_ms;
  rig_open(rig);
  rig->options.conn = &conn;
}

/* ---- no TLS ---- */

struct row {
  const char *title;
  const char *text;
  size_t len;
  int is_http;
};

static const struct row rows[] = {
    {"HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, 1},
    {"an upgrade", RAW_REQUEST, sizeof RAW_REQUEST - 1, 1},
    {"one letter", "G", 1, 1},
    {"lower case", "get", 3, 0},
    {"NUL", "\0\0\0\0\0\0\0\0", 8, 0},
    {"octets", "\xff\xfe\xfd", 3, 0},
    {"application data", "\x17\x03\x03\x00\x01x", 6, 0},
    {"a frame", "\x81\x80\x01\x02\x03\x04", 6, 0},
};

/* covers: W059 */
static void test_no_tls(const void *given) {
  const struct row *row = given;
  struct tls_rig rig;
  struct raw raw;

  rig_open(&rig);
  rig_listen(&rig);
  raw_connect(&raw, &rig.lb, rig.host.host.port);
  raw_send(&raw, row->text, row->len);
  raw_expect_eof(&raw);
  if (row->is_http) {
    CHECK_INT(0, strncmp("HTTP/1.1 400 Bad Request\r\n", raw_text(&raw), 26));
    CHECK_NOT_NULL(strstr(raw_text(&raw), "This port speaks TLS: use wss:// or https://"));
  } else {
    CHECK_NULL(strstr(raw_text(&raw), "HTTP"));
  }
  CHECK_SIZE(1, rig.host.nfailed);
  CHECK_ERR(WSUV_ENOTTLS, rig.host.error);
  CHECK_NOT_NULL(strstr(rig.host.detail, row->is_http ? "HTTP" : "no TLS record"));
  raw_close(&raw);
  rig_connect(&rig); /* others are none the worse */
  rig_close(&rig);
}

/* A handshake record with nonsense in it; an alert at the beginning. */
static void test_broken_hello(void **state) {
  static const struct row hellos[] = {
      {"", "\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9, 0},
      {"", "\x16\x03\x01\xff\xff", 5, 0},
      {"", "\x16GET / HTTP/1.1\r\n\r\n", 20, 0},
      {"", "\x15\x03\x01\x00\x02\x02\x28", 7, 0},
  };
  size_t i;
  (void)state;

  for (i = 0; i < 4; i++) {
    struct tls_rig rig;
    struct raw raw;
    rig_open(&rig);
    rig_listen(&rig);
    raw_connect(&raw, &rig.lb, rig.host.host.port);
    raw_send(&raw, hellos[i].text, hellos[i].len);
    raw_expect_eof(&raw);
    CHECK_SIZE(1, rig.host.nfailed);
    CHECK_TRUE(rig.host.error < 0);
    CHECK_NULL(strstr(raw_text(&raw), "HTTP"));
    rig_close(&rig);
  }
}

/* Nothing at all; a part of a ClientHello; and an end. */
static void test_silence(void **state) {
  struct tls_rig rig;
  struct raw silent;
  struct raw slow;
  (void)state;

  open_silent(&rig, 50);
  rig_listen(&rig);
  raw_connect(&silent, &rig.lb, rig.host.host.port);
  raw_connect(&slow, &rig.lb, rig.host.host.port);
  raw_send(&slow, "\x16\x03\x01\x02", 4);
  RUN_UNTIL(&rig.lb, (silent.eof || silent.error != 0) && (slow.eof || slow.error != 0));
  CHECK_SIZE(2, rig.host.nfailed);
  CHECK_ERR(WSUV_ETIMEDOUT, rig.host.error);
  CHECK_NOT_NULL(strstr(rig.host.detail, "handshake_timeout_ms"));
  CHECK_NOT_NULL(strstr(rig.host.peer, "127.0.0.1:"));
  rig_close(&rig);
}

static void test_end_amid_handshake(void **state) {
  struct tls_rig rig;
  struct raw silent;
  struct raw slow;
  struct raw reset;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  raw_connect(&silent, &rig.lb, rig.host.host.port);
  raw_connect(&slow, &rig.lb, rig.host.host.port);
  raw_connect(&reset, &rig.lb, rig.host.host.port);
  raw_send(&slow, "\x16\x03\x01\x02", 4);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.host.server) == 3);
  raw_end(&silent);
  raw_end(&slow);
  raw_reset(&reset);
  RUN_UNTIL(&rig.lb, rig.host.nfailed == 3);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.host.server) == 0);
  rig_close(&rig);
}

/* ---- our client at the wrong port ---- */

static void test_client_at_plain_port(void **state) {
  struct tls_rig rig;
  struct host plain;
  (void)state;

  rig_open(&rig);
  rig_make_contexts(&rig);
  host_echo(&plain, &rig.lb);
  rig.host.host.port = plain.port;
  rig_refused(&rig, WSUV_ENOTTLS);
  CHECK_NOT_NULL(strstr(rig.client.end.detail, "HTTP"));
  rig_close(&rig);
}

static void test_plain_client_at_tls_port(void **state) {
  struct tls_rig rig;
  char url[64];
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  (void)snprintf(url, sizeof url, "ws://127.0.0.1:%d/", rig.host.host.port);
  CHECK_ERR(0, talker_connect_url(&rig.client, &rig.lb, url, NULL));
  RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ESTATUS, rig.client.end.error);
  CHECK_INT(400, rig.client.end.http_status);
  CHECK_NOT_NULL(strstr(rig.client.end.body, "This port speaks TLS"));
  rig_close(&rig);
}

/* ---- versions and ciphers ---- */

static void play_weak(int max_version, const char *ciphers, int alert, int error) {
  struct tls_rig rig;
  struct ssl_peer peer;
  SSL_CTX *ctx = ssl_ctx_new(WSUV_CLIENT, NULL);

  rig_open(&rig);
  party_init(&rig.server_side, "server_rsa", NULL);
  rig_listen(&rig);
  SSL_CTX_set_security_level(ctx, 0);
  CHECK_INT(1, SSL_CTX_set_min_proto_version(ctx, 0));
  CHECK_INT(1, SSL_CTX_set_max_proto_version(ctx, max_version));
  CHECK_INT(1, SSL_CTX_set_cipher_list(ctx, ciphers));
  ssl_connect(&peer, &rig.host.host, ctx);
  ssl_try_handshake(&peer);
  CHECK_INT(alert, ssl_alert(&peer));
  RUN_UNTIL(&rig.lb, rig.host.nfailed == 1);
  CHECK_ERR(error, rig.host.error);
  ssl_peer_free(&peer);
  rig_close(&rig);
}

/* covers: T017 */
static void test_old_versions(void **state) {
  (void)state;
  play_weak(TLS1_1_VERSION, "ALL:@SECLEVEL=0", SSL_AD_PROTOCOL_VERSION, WSUV_ETLSVERSION);
  play_weak(TLS1_VERSION, "ALL:@SECLEVEL=0", SSL_AD_PROTOCOL_VERSION, WSUV_ETLSVERSION);
}

/* covers: T027 */
static void test_weak_ciphers(void **state) {
  static const char *const lists[] = {
      "AES128-GCM-SHA256:AES256-GCM-SHA384", /* RSA key exchange */
      "AES128-SHA:AES256-SHA256",
      "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA384", /* CBC */
      "eNULL:@SECLEVEL=0",
      "aNULL:@SECLEVEL=0",
      "DHE-RSA-AES128-GCM-SHA256",
      "ECDHE-RSA-CAMELLIA128-SHA256:AES128-CCM",
  };
  size_t i;
  (void)state;

  for (i = 0; i < sizeof lists / sizeof lists[0]; i++)
    play_weak(TLS1_2_VERSION, lists[i], SSL_AD_HANDSHAKE_FAILURE, WSUV_ETLS);
}

/* Our client and a server of old; the other way round above. */
static void play_old_server(int version, const char *ciphers, int error) {
  struct tls_rig rig;
  struct raw_server server;
  struct ssl_peer peer;
  SSL_CTX *ctx = ssl_ctx_new(WSUV_SERVER, "server_rsa");

  SSL_CTX_set_security_level(ctx, 0);
  CHECK_INT(1, SSL_CTX_set_min_proto_version(ctx, 0));
  CHECK_INT(1, SSL_CTX_set_max_proto_version(ctx, version));
  CHECK_INT(1, SSL_CTX_set_cipher_list(ctx, ciphers));
  rig_open(&rig);
  rig_make_contexts(&rig);
  raw_listen(&server, &rig.lb);
  rig.host.host.port = server.port;
  CHECK_ERR(0, rig_connect_as(&rig, &rig.client));
  RUN_UNTIL(&rig.lb, server.npeers == 1);
  ssl_peer_init(&peer, &server.peers[0], WSUV_SERVER, ctx);
  ssl_try_handshake(&peer);
  raw_close(peer.raw);
  RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1);
  CHECK_ERR(error, rig.client.end.error);
  CHECK_INT(1015, rig.client.end.code);
  ssl_peer_free(&peer);
  rig_close(&rig);
}

/* covers: T017 T027 */
static void test_old_server(void **state) {
  (void)state;
  play_old_server(TLS1_1_VERSION, "ALL:@SECLEVEL=0", WSUV_ETLSVERSION);
  play_old_server(TLS1_2_VERSION, "AES128-SHA:AES128-GCM-SHA256", WSUV_ETLS);
}

/* Both are ours, and one wants 1.3. */
static void test_min_version(void **state) {
  struct tls_rig rig;
  (void)state;

  rig_open(&rig);
  rig.server_side.options.min_version = WSUV_TLS_1_3;
  rig_make_contexts(&rig);
  tls_limit(rig.client_tls, TLS1_2_VERSION);
  rig_listen(&rig);
  rig_refused(&rig, WSUV_ETLSVERSION);
  CHECK_ERR(WSUV_ETLSVERSION, rig.host.error);
  rig_close(&rig);
  rig_open(&rig);
  rig.client_side.options.min_version = WSUV_TLS_1_3;
  rig_make_contexts(&rig);
  tls_limit(rig.server_tls, TLS1_2_VERSION);
  rig_listen(&rig);
  rig_refused(&rig, WSUV_ETLSVERSION);
  CHECK_ERR(WSUV_ETLSVERSION, rig.host.error);
  rig_close(&rig);
}

/* ---- limits ---- */

static void test_max_handshakes(void **state) {
  struct tls_rig rig;
  struct raw silent[3];
  size_t i;
  (void)state;

  rig_open(&rig);
  rig.options.max_tls_handshakes = 3;
  rig_listen(&rig);
  for (i = 0; i < 3; i++)
    raw_connect(&silent[i], &rig.lb, rig.host.host.port);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.host.server) == 3);
  CHECK_ERR(0, rig_connect_as(&rig, &rig.client));
  for (i = 0; i < 30; i++)
    (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  CHECK_SIZE(0, rig.client.n[EV_OPEN]);
  CHECK_SIZE(3, wsuv_server_nconns(rig.host.host.server));
  raw_close(&silent[1]);
  RUN_UNTIL(&rig.lb, rig.client.n[EV_OPEN] == 1);
  CHECK_SIZE(1, rig.host.nfailed);
  rig_close(&rig);
}

/* One at a time: all of them come through. */
static void test_one_handshake_at_a_time(void **state) {
  struct tls_rig rig;
  struct talker clients[10];
  size_t nopen = 0;
  size_t i;
  (void)state;

  rig_open(&rig);
  rig.options.max_tls_handshakes = 1;
  rig_listen(&rig);
  for (i = 0; i < 10; i++)
    CHECK_ERR(0, rig_connect_as(&rig, &clients[i]));
  while (nopen < 10) {
    loopback_turn(&rig.lb);
    for (nopen = i = 0; i < 10; i++)
      nopen += clients[i].n[EV_OPEN];
  }
  rig_close(&rig);
}

static void test_max_connections(void **state) {
  struct tls_rig rig;
  struct talker more;
  (void)state;

  rig_open(&rig);
  rig.options.max_connections = 1;
  rig_listen(&rig);
  rig_connect(&rig);
  CHECK_ERR(0, rig_connect_as(&rig, &more));
  RUN_UNTIL(&rig.lb, more.n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ESTATUS, more.end.error);
  CHECK_INT(503, more.end.http_status);
  CHECK_INT(1006, more.end.code);
  rig_close(&rig);
}

/* Told after the handshake, as with max_connections. */
static void test_max_of_address(void **state) {
  struct tls_rig rig;
  struct talker more;
  (void)state;

  rig_open(&rig);
  rig.options.max_connections_per_address = 1;
  rig_listen(&rig);
  rig_connect(&rig);
  CHECK_ERR(0, rig_connect_as(&rig, &more));
  RUN_UNTIL(&rig.lb, more.n[EV_CLOSE] == 1);
  CHECK_INT(429, more.end.http_status);
  CHECK_SIZE(1, rig.host.host.server->rejected[WSUV_REJECTED_ADDRESS]);
  rig_close(&rig);
}

/* Dropped: an answer would cost the handshake that there are too many of. */
static void test_max_opening_handshakes(void **state) {
  struct tls_rig rig;
  struct raw silent[2];
  struct talker more;
  size_t i;
  (void)state;

  rig_open(&rig);
  rig.options.max_handshakes = 2;
  rig_listen(&rig);
  for (i = 0; i < 2; i++)
    raw_connect(&silent[i], &rig.lb, rig.host.host.port);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.host.server) == 2);
  CHECK_ERR(0, rig_connect_as(&rig, &more));
  RUN_UNTIL(&rig.lb, more.n[EV_CLOSE] == 1);
  CHECK_INT(0, more.end.http_status);
  CHECK_SIZE(1, rig.host.host.server->rejected[WSUV_REJECTED_HANDSHAKES]);
  raw_close(&silent[0]);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.host.server) == 1);
  CHECK_SIZE(1, rig.host.host.server->rejected[WSUV_REJECTED_TLS]);
  rig_connect(&rig);
  rig_close(&rig);
}

/* Who is in its handshake, and who comes later, is told behind it; who is open gets a Close. */
static void test_drain(void **state) {
  struct tls_rig rig;
  struct talker amid;
  struct talker late;
  struct raw silent;
  wsuv_drain_options_t options = WSUV_DRAIN_OPTIONS_INIT;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  rig_connect(&rig);
  raw_connect(&silent, &rig.lb, rig.host.host.port); /* which keeps the drain from its end */
  CHECK_ERR(0, rig_connect_as(&rig, &amid));
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.host.server) == 3);
  options.window_ms = WSUV_OFF;
  CHECK_SIZE(0, amid.n[EV_OPEN]);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_server_drain(rig.host.host.server, &options)));
  CHECK_ERR(0, rig_connect_as(&rig, &late));
  RUN_UNTIL(&rig.lb, amid.n[EV_CLOSE] == 1 && late.n[EV_CLOSE] == 1);
  CHECK_INT(503, amid.end.http_status);
  CHECK_INT(503, late.end.http_status);
  RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1);
  CHECK_INT(1001, rig.client.end.code);
  CHECK_INT(1, rig.client.end.clean);
  CHECK_SIZE(2, rig.host.host.server->rejected[WSUV_REJECTED_STOPPING]);
  raw_close(&silent);
  RUN_UNTIL(&rig.lb, rig.host.host.nclosed == 1);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_broken_hello),
      cmocka_unit_test(test_silence),
      cmocka_unit_test(test_end_amid_handshake),
      cmocka_unit_test(test_client_at_plain_port),
      cmocka_unit_test(test_plain_client_at_tls_port),
      cmocka_unit_test(test_old_versions),
      cmocka_unit_test(test_weak_ciphers),
      cmocka_unit_test(test_old_server),
      cmocka_unit_test(test_min_version),
      cmocka_unit_test(test_max_handshakes),
      cmocka_unit_test(test_one_handshake_at_a_time),
      cmocka_unit_test(test_max_connections),
      cmocka_unit_test(test_max_of_address),
      cmocka_unit_test(test_max_opening_handshakes),
      cmocka_unit_test(test_drain),
  };
  int failures = CHECK_RUN_TABLE("no TLS", rows, test_no_tls);

  failures += cmocka_run_group_tests_name("tls refusals", tests, NULL, NULL);
  return failures;
}
