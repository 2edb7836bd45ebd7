/* TLS on streams that the application opened, with what it has read of them already; and calls amid the handshake. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/given_stream.h"
#include "integration/ssl_peer.h"
#include "integration/tls_loopback.h"

static void open_adopting(struct tls_rig *rig) {
  rig_open(rig);
  rig_make_contexts(rig);
  rig->options.tls = rig->server_tls;
  CHECK_ERR(0, tls_host_create(&rig->host, &rig->options));
}

/* The first `at` octets of the ClientHello were read by the application, to see what it is. Returns its length. */
static size_t play_adopt(enum given_kind kind, size_t at, int own) {
  struct tls_rig rig;
  struct given given;
  struct raw raw;
  struct ssl_peer peer;
  wsuv_adopt_options_t adopt;
  wsuv_frame_header_t header;
  const uint8_t *payload;
  char *hello;
  size_t len;

  open_adopting(&rig);
  CHECK_INT(0, given_open(&given, &raw, &rig.lb, kind));
  ssl_peer_init(&peer, &raw, WSUV_CLIENT, ssl_ctx_new(WSUV_CLIENT, NULL));
  (void)SSL_do_handshake(peer.ssl);
  len = (size_t)BIO_get_mem_data(SSL_get_wbio(peer.ssl), &hello);
  at = at < len ? at : len;
  adopt = given_options(own, hello, at);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_server_adopt(rig.host.host.server, given.stream, &adopt)));
  if (at < len)
    raw_send(&raw, hello + at, len - at);
  (void)BIO_reset(SSL_get_wbio(peer.ssl));
  ssl_open(&peer);
  ssl_frame(&peer, WSUV_TEXT, "hello", 5);
  payload = ssl_expect_frame(&peer, &header);
  CHECK_BYTES("hello", 5, payload, header.payload_len);
  ssl_frame(&peer, WSUV_CLOSE, "\x03\xe8", 2);
  ssl_run_to_end(&peer);
  CHECK_INT(1, peer.got_close_notify);
  ssl_goodbye(&peer);
  raw_close(&raw);
  RUN_UNTIL(&rig.lb, given.ndone == 1);
  CHECK_INT(own, given.closed_by_library);
  CHECK_STR("omc", rig.host.host.talkers[0]->log);
  CHECK_INT(1, rig.host.host.talkers[0]->end.clean);
  ssl_peer_free(&peer);
  rig_close(&rig);
  return len;
}

static void test_adopt(void **state) {
  static const size_t cuts[] = {0, 1, 2, 4, 5, 6, 9, 43, 100};
  size_t len = play_adopt(GIVEN_TCP, 10000, 1);
  size_t i;
  (void)state;

  for (i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
    (void)play_adopt(i % 2 ? GIVEN_TCP : GIVEN_PIPE, cuts[i], (int)(i / 2 % 2));
  (void)play_adopt(GIVEN_TCP, len - 1, 0);
  (void)play_adopt(GIVEN_PIPE, len, 0);
}

/* What was read is no TLS. */
static void test_adopt_http(void **state) {
  struct tls_rig rig;
  struct given given;
  struct raw raw;
  wsuv_adopt_options_t adopt = given_options(1, "GET / ", 6);
  (void)state;

  open_adopting(&rig);
  CHECK_INT(0, given_open(&given, &raw, &rig.lb, GIVEN_TCP));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_server_adopt(rig.host.host.server, given.stream, &adopt)));
  raw_expect_eof(&raw);
  CHECK_NOT_NULL(strstr(raw_text(&raw), "HTTP/1.1 400 "));
  CHECK_ERR(WSUV_ENOTTLS, rig.host.error);
  raw_close(&raw);
  RUN_UNTIL(&rig.lb, given.ndone == 1);
  rig_close(&rig);
}

/* ---- a client's stream, a proxy's tunnel for example ---- */

static void play_tunnel(enum given_kind kind, int own, const char *name, int error) {
  struct tls_rig rig;
  struct given given;
  struct raw raw;
  wsuv_adopt_options_t adopt = given_options(own, NULL, 0);

  open_adopting(&rig);
  CHECK_INT(0, given_open(&given, &raw, &rig.lb, kind));
  raw_stop_reading(&raw);
  given.talker = &rig.client;
  rig.to.url = "wss://localhost:8443/chat";
  rig.to.tls_name = name;
  rig.to.stream = given.stream;
  rig.to.adopt = &adopt;
  CHECK_ERR(0, rig_connect_as(&rig, &rig.client));
  CHECK_INT(WSUV_STATE_TLS_HANDSHAKE, wsuv_conn_state(rig.client.conn));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_server_adopt(rig.host.host.server, &raw.uv.stream, NULL)));
  RUN_UNTIL(&rig.lb, rig.client.n[EV_OPEN] + rig.client.n[EV_CLOSE] > 0);
  if (error == 0) {
    CHECK_SIZE(1, rig.client.n[EV_OPEN]);
    CHECK_ERR(0, talker_say(&rig.client, "through a tunnel"));
    RUN_UNTIL(&rig.lb, rig.client.n[EV_MESSAGE] == 1);
    CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_close(rig.client.conn, 1000, NULL)));
  }
  RUN_UNTIL(&rig.lb, given.ndone == 1);
  CHECK_ERR(error, rig.client.end.error);
  CHECK_INT(error == 0, rig.client.end.clean);
  loopback_end(&rig.lb);
  RUN_UNTIL(&rig.lb, rig.lb.loop_closed);
  rig_close(&rig);
}

static void test_tunnel(void **state) {
  (void)state;
  play_tunnel(GIVEN_TCP, 1, NULL, 0);
  play_tunnel(GIVEN_TCP, 0, NULL, 0);
  play_tunnel(GIVEN_PIPE, 1, "localhost", 0);
  play_tunnel(GIVEN_PIPE, 0, "127.0.0.1", 0);
  play_tunnel(GIVEN_TCP, 1, "other.example", WSUV_ECERTHOST);
  play_tunnel(GIVEN_PIPE, 0, "other.example", WSUV_ECERTHOST);
}

/* ---- calls amid the handshake ---- */

typedef void (*call_fn)(struct tls_rig *rig);

static void terminate(struct tls_rig *rig) {
  CALL_VOID(&rig->lb, wsuv_conn_terminate(rig->client.conn));
}

static void close_conn(struct tls_rig *rig) {
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_close(rig->client.conn, 1000, NULL)));
}

static void close_loop(struct tls_rig *rig) {
  loopback_end(&rig->lb);
}

static void end_when_open(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
}

/* Who was under way may still get through; who is open would stay. */
static void close_server(struct tls_rig *rig) {
  CALL_VOID(&rig->lb, wsuv_server_close(rig->host.host.server));
  rig->client.on_event = end_when_open;
  if (rig->client.n[EV_OPEN] == 1)
    terminate(rig);
}

/* The handshake does not wait for the application to read on. */
static void stop_reading(struct tls_rig *rig) {
  CALL_VOID(&rig->lb, wsuv_conn_read_stop(rig->client.conn));
  RUN_UNTIL(&rig->lb, rig->client.n[EV_OPEN] == 1);
  terminate(rig);
}

/* The call comes after so many turns of the loop, or at on_open. Non-zero while there is a later one. */
static int play_call(call_fn call, int turn, int error) {
  struct tls_rig rig;
  int i;

  rig_open(&rig);
  rig_listen(&rig);
  CHECK_ERR(0, rig_connect_as(&rig, &rig.client));
  for (i = 0; i < turn && rig.client.n[EV_OPEN] == 0; i++)
    (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  call(&rig);
  RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1);
  if (error != 0)
    CHECK_ERR(error, rig.client.end.error);
  rig_close(&rig);
  return i == turn;
}

static void play_calls(call_fn call, int error) {
  int turn = 0;

  while (play_call(call, turn, error))
    turn++;
  CHECK_TRUE(turn > 2);
}

static void test_terminate(void **state) {
  (void)state;
  play_calls(terminate, WSUV_ECANCELED);
}

static void test_close(void **state) {
  (void)state;
  play_calls(close_conn, 0);
}

static void test_loop_close(void **state) {
  (void)state;
  play_calls(close_loop, WSUV_ECANCELED);
}

static void test_server_close(void **state) {
  (void)state;
  play_calls(close_server, 0);
}

static void test_read_stop(void **state) {
  (void)state;
  play_calls(stop_reading, WSUV_ECANCELED);
}

/* Connections that wait to be accepted, too. */
static void test_server_close_with_handshakes(void **state) {
  struct tls_rig rig;
  struct raw silent[4];
  size_t i;
  (void)state;

  rig_open(&rig);
  rig.options.max_tls_handshakes = 2;
  rig_listen(&rig);
  for (i = 0; i < 4; i++)
    raw_connect(&silent[i], &rig.lb, rig.host.host.port);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.host.server) == 2);
  CALL_VOID(&rig.lb, wsuv_server_close(rig.host.host.server));
  for (i = 0; i < 4; i++)
    raw_close(&silent[i]);
  RUN_UNTIL(&rig.lb, rig.host.host.nclosed == 1);
  rig_close(&rig);
}

/* ---- on_tls_failed ---- */

static void end_server(struct tls_host *host) {
  CALL_VOID(host->host.lb, wsuv_server_close(host->host.server));
}

static void end_loop(struct tls_host *host) {
  loopback_end(host->host.lb);
}

static void connect_anew(struct tls_host *host) {
  struct tls_rig *rig = host->host.arg;

  CHECK_ERR(0, rig_connect_as(rig, &rig->client));
}

static void test_calls_in_on_tls_failed(void **state) {
  static void (*const calls[])(struct tls_host * host) = {end_server, end_loop, connect_anew};
  static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\n", "\xff", "\x16\x03\x01\xff\xff"};
  size_t i;
  (void)state;

  for (i = 0; i < 9; i++) {
    struct tls_rig rig;
    struct raw raw;
    rig_open(&rig);
    rig.host.host.arg = &rig;
    rig.host.on_failed = calls[i / 3];
    rig_listen(&rig);
    raw_connect(&raw, &rig.lb, rig.host.host.port);
    raw_say(&raw, texts[i % 3]);
    RUN_UNTIL(&rig.lb, raw.eof || raw.error != 0);
    CHECK_SIZE(1, rig.host.nfailed);
    raw_close(&raw);
    if (i / 3 == 2)
      RUN_UNTIL(&rig.lb, rig.client.n[EV_OPEN] == 1);
    rig_close(&rig);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_adopt),
      cmocka_unit_test(test_adopt_http),
      cmocka_unit_test(test_tunnel),
      cmocka_unit_test(test_terminate),
      cmocka_unit_test(test_close),
      cmocka_unit_test(test_loop_close),
      cmocka_unit_test(test_server_close),
      cmocka_unit_test(test_read_stop),
      cmocka_unit_test(test_server_close_with_handshakes),
      cmocka_unit_test(test_calls_in_on_tls_failed),
  };
  return cmocka_run_group_tests_name("tls streams", tests, NULL, NULL);
}
