/* How a TLS connection ends: close_notify, truncation, resets, broken records, and calls amid the handshake. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if !defined(_WIN32)
#include <dirent.h>
#endif

#include "integration/ssl_peer.h"
#include "integration/tls_loopback.h"

static void open_raw(struct tls_rig *rig, struct ssl_peer *peer, int version) {
  SSL_CTX *ctx = ssl_ctx_new(WSUV_CLIENT, NULL);

  CHECK_INT(1, SSL_CTX_set_max_proto_version(ctx, version));
  rig_open(rig);
  rig_listen(rig);
  ssl_connect(peer, &rig->host.host, ctx);
  ssl_open(peer);
  RUN_UNTIL(&rig->lb, rig->host.host.ntalkers == 1);
}

static void close_raw(struct tls_rig *rig, struct ssl_peer *peer) {
  ssl_peer_free(peer);
  rig_close(rig);
}

static const struct ending *end_of(struct tls_rig *rig) {
  struct talker *server = rig->host.host.talkers[0];

  RUN_UNTIL(&rig->lb, server->n[EV_CLOSE] == 1);
  return &server->end;
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* covers: T019 W155 */
static void test_clean_end(void **state) {
  size_t i;
  (void)state;

  for (i = 0; i < 2; i++) {
    struct tls_rig rig;
    struct ssl_peer peer;
    wsuv_frame_header_t header;
    const uint8_t *payload;
    open_raw(&rig, &peer, versions[i]);
    ssl_frame(&peer, WSUV_CLOSE, "\x03\xe8", 2);
    payload = ssl_expect_frame(&peer, &header);
    CHECK_INT(WSUV_CLOSE, header.opcode);
    CHECK_BYTES("\x03\xe8", 2, payload, header.payload_len);
    ssl_run_to_end(&peer);
    CHECK_ERR(0, peer.raw->error);
    CHECK_INT(1, peer.got_close_notify);
    ssl_goodbye(&peer);
    raw_close(peer.raw);
    CHECK_INT(1, end_of(&rig)->clean);
    CHECK_INT(1000, end_of(&rig)->code);
    CHECK_ERR(0, end_of(&rig)->error);
    close_raw(&rig, &peer);
  }
}

/* FIN alone: without a Close it is a truncation, behind one it does no harm.
 * covers: T020 W172 */
static void test_truncated(void **state) {
  size_t i;
  (void)state;

  for (i = 0; i < 2; i++) {
    struct tls_rig rig;
    struct ssl_peer peer;
    open_raw(&rig, &peer, versions[i]);
    ssl_send(&peer, "\x81\x85\x01\x02\x03\x04xy", 8); /* two of five octets */
    raw_end(peer.raw);
    CHECK_ERR(WSUV_ETRUNCATED, end_of(&rig)->error);
    CHECK_INT(1006, end_of(&rig)->code);
    CHECK_INT(0, end_of(&rig)->clean);
    CHECK_SIZE(0, rig.host.host.talkers[0]->n[EV_MESSAGE]);
    close_raw(&rig, &peer);
  }
}

static void test_fin_behind_close(void **state) {
  struct tls_rig rig;
  struct ssl_peer peer;
  (void)state;

  open_raw(&rig, &peer, TLS1_3_VERSION);
  ssl_frame(&peer, WSUV_CLOSE, "\x03\xe8", 2);
  raw_end(peer.raw);
  CHECK_ERR(0, end_of(&rig)->error);
  CHECK_INT(1000, end_of(&rig)->code);
  CHECK_INT(1, end_of(&rig)->clean);
  close_raw(&rig, &peer);
}

/* close_notify without a Close is an end without a closing handshake, and no truncation. What comes behind it is nothing.
 * covers: T021 */
static void test_data_behind_close_notify(void **state) {
  size_t i;
  (void)state;

  for (i = 0; i < 2; i++) {
    struct tls_rig rig;
    struct ssl_peer peer;
    open_raw(&rig, &peer, versions[i]);
    (void)SSL_shutdown(peer.ssl);
    (void)BIO_write(SSL_get_wbio(peer.ssl), "\x17\x03\x03\x00\x05hello", 10);
    ssl_pump(&peer);
    CHECK_ERR(WSUV_EABNORMAL, end_of(&rig)->error);
    CHECK_INT(1006, end_of(&rig)->code);
    CHECK_SIZE(0, rig.host.host.talkers[0]->n[EV_MESSAGE]);
    close_raw(&rig, &peer);
  }
}

/* covers: T018 W172 */
static void test_flipped_bit(void **state) {
  size_t i;
  (void)state;

  for (i = 0; i < 2; i++) {
    struct tls_rig rig;
    struct ssl_peer peer;
    uint8_t frame[64];
    char *bytes;
    long len;
    size_t written;
    open_raw(&rig, &peer, versions[i]);
    written = frame_put(frame, WSUV_CLIENT, WSUV_TEXT, "hello", 5);
    CHECK_INT(1, SSL_write_ex(peer.ssl, frame, written, &written));
    len = BIO_get_mem_data(SSL_get_wbio(peer.ssl), &bytes);
    bytes[len - 1] ^= 1;
    ssl_pump(&peer);
    ssl_run_to_end(&peer);
    CHECK_INT(SSL_AD_BAD_RECORD_MAC, ssl_alert(&peer));
    raw_close(peer.raw);
    CHECK_ERR(WSUV_ETLS, end_of(&rig)->error);
    CHECK_INT(1006, end_of(&rig)->code);
    CHECK_NOT_NULL(strstr(end_of(&rig)->detail, "TLS"));
    CHECK_SIZE(0, rig.host.host.talkers[0]->n[EV_MESSAGE]);
    close_raw(&rig, &peer);
  }
}

/* covers: W172 */
static void test_reset(void **state) {
  struct tls_rig rig;
  struct ssl_peer peer;
  (void)state;

  open_raw(&rig, &peer, TLS1_3_VERSION);
  raw_reset(peer.raw);
  CHECK_ERR(UV_ECONNRESET, end_of(&rig)->error);
  CHECK_INT(1006, end_of(&rig)->code);
  close_raw(&rig, &peer);
}

/* ---- post-handshake messages ---- */

/* covers: T023 */
static void test_key_updates(void **state) {
  struct tls_rig rig;
  struct ssl_peer peer;
  wsuv_frame_header_t header;
  char text[16];
  int i;
  (void)state;

  open_raw(&rig, &peer, TLS1_3_VERSION);
  for (i = 0; i < 20; i++) {
    const uint8_t *payload;
    int n = snprintf(text, sizeof text, "message %d", i);
    CHECK_INT(1, SSL_key_update(peer.ssl,
                                i % 3 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED));
    ssl_frame(&peer, WSUV_TEXT, text, (size_t)n);
    if (i % 4 == 0) /* ours, asked for from above */
      CHECK_INT(1, SSL_key_update(wsuv_conn_tls_ssl(rig.host.host.talkers[0]->conn),
                                  SSL_KEY_UPDATE_REQUESTED));
    payload = ssl_expect_frame(&peer, &header);
    CHECK_BYTES(text, (size_t)n, payload, header.payload_len);
  }
  ssl_goodbye(&peer);
  raw_close(peer.raw);
  CHECK_INT(1006, end_of(&rig)->code);
  close_raw(&rig, &peer);
}

/* A peer that asks for answers and reads none is let go. */
static void test_key_update_flood(void **state) {
  struct tls_rig rig;
  struct ssl_peer peer;
  int i;
  (void)state;

  open_raw(&rig, &peer, TLS1_3_VERSION);
  raw_stop_reading(peer.raw);
  for (i = 0; i < 2000; i++) {
    CHECK_INT(1, SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED));
    CHECK_INT(1, SSL_do_handshake(peer.ssl));
  }
  ssl_pump(&peer);
  RUN_UNTIL(&rig.lb, peer.raw->nwriting == 0);
  raw_start_reading(peer.raw);
  raw_close(peer.raw);
  CHECK_INT(1006, end_of(&rig)->code);
  close_raw(&rig, &peer);
}

/* covers: T024 */
static void test_renegotiation(void **state) {
  struct tls_rig rig;
  struct ssl_peer peer;
  (void)state;

  open_raw(&rig, &peer, TLS1_2_VERSION);
  CHECK_INT(1, SSL_renegotiate(peer.ssl));
  (void)SSL_do_handshake(peer.ssl);
  ssl_pump(&peer);
  while (peer.reason == 0 && !peer.raw->eof && peer.raw->error == 0) {
    loopback_turn(&rig.lb);
    ssl_pump(&peer);
  }
  CHECK_INT(1, SSL_num_renegotiations(peer.ssl) <= 1);
  CHECK_INT(SSL_R_NO_RENEGOTIATION, peer.reason);
  raw_close(peer.raw);
  CHECK_INT(1006, end_of(&rig)->code);
  close_raw(&rig, &peer);
}

/* The ticket says nothing of early data; who sends it all the same is read without it.
 * covers: T022 */
static void test_early_data(void **state) {
  static const char request[] = RAW_REQUEST;
  struct tls_rig rig;
  struct ssl_peer peer;
  struct ssl_peer again;
  SSL_SESSION *session;
  size_t written;
  (void)state;

  open_raw(&rig, &peer, TLS1_3_VERSION);
  ssl_frame(&peer, WSUV_PING, "", 0);
  {
    wsuv_frame_header_t header;
    (void)ssl_expect_frame(&peer, &header);
  }
  session = SSL_get1_session(peer.ssl);
  CHECK_SIZE(0, SSL_SESSION_get_max_early_data(session));
  CHECK_INT(1, SSL_SESSION_set_max_early_data(session, 16384));
  ssl_connect(&again, &rig.host.host, ssl_ctx_new(WSUV_CLIENT, NULL));
  CHECK_INT(1, SSL_set_session(again.ssl, session));
  CHECK_INT(1, SSL_write_early_data(again.ssl, request, sizeof request - 1, &written));
  ssl_handshake(&again);
  CHECK_INT(SSL_EARLY_DATA_REJECTED, SSL_get_early_data_status(again.ssl));
  CHECK_SIZE(1, rig.host.nupgrades);
  ssl_open(&again);
  CHECK_SIZE(2, rig.host.nupgrades);
  SSL_SESSION_free(session);
  ssl_peer_free(&again);
  close_raw(&rig, &peer);
}

/* ---- F14 ---- */

#if !defined(_WIN32)
static int count_descriptors(void) {
  DIR *folder = opendir("/proc/self/fd");
  int n = 0;

  if (folder == NULL)
    return -1;
  while (readdir(folder) != NULL)
    n++;
  (void)closedir(folder);
  return n;
}
#else
static int count_descriptors(void) {
  return -1;
}
#endif

/* The request and a reset in one wake-up: the 101 cannot be written, and that ends it. */
static void test_reset_behind_request(void **state) {
  enum { N = 40 };
  struct tls_rig rig;
  struct ssl_peer peers[N];
  int before;
  int i;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  before = count_descriptors();
  for (i = 0; i < N; i++) {
    ssl_connect(&peers[i], &rig.host.host, ssl_ctx_new(WSUV_CLIENT, NULL));
    ssl_handshake(&peers[i]);
    CHECK_INT(1, SSL_write(peers[i].ssl, RAW_REQUEST, (int)strlen(RAW_REQUEST)) > 0);
    ssl_pump(&peers[i]);
    raw_reset(peers[i].raw);
  }
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.host.server) == 0);
  (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  CHECK_INT(before, count_descriptors());
  for (i = 0; i < N; i++)
    ssl_peer_free(&peers[i]);
  rig_close(&rig);
}

/* ---- on the wire ---- */

/* Records only, and a ClientHello first (RFC 8446 5.1). */
static void check_records(const uint8_t *bytes, size_t len) {
  size_t at = 0;

  CHECK_TRUE(len > 6);
  CHECK_INT(22, bytes[0]);
  CHECK_INT(1, bytes[5]);
  while (at < len) {
    CHECK_TRUE(len - at >= 5);
    CHECK_TRUE(bytes[at] >= 20 && bytes[at] <= 23);
    CHECK_INT(3, bytes[at + 1]);
    at += 5u + ((size_t)bytes[at + 3] << 8 | bytes[at + 4]);
  }
  CHECK_SIZE(len, at);
}

/* covers: W015 W017 W092 T019 */
static void test_what_a_client_sends(void **state) {
  struct tls_rig rig;
  struct raw_server server;
  struct ssl_peer peer;
  wsuv_frame_header_t header;
  const uint8_t *payload;
  (void)state;

  rig_open(&rig);
  rig_make_contexts(&rig);
  raw_listen(&server, &rig.lb);
  rig.host.host.port = server.port;
  CHECK_ERR(0, rig_connect_as(&rig, &rig.client));
  RUN_UNTIL(&rig.lb, server.npeers == 1);
  ssl_peer_init(&peer, &server.peers[0], WSUV_SERVER, ssl_ctx_new(WSUV_SERVER, "server"));
  ssl_accept_upgrade(&peer);
  RUN_UNTIL(&rig.lb, rig.client.n[EV_OPEN] == 1);
  CHECK_ERR(0, talker_say(&rig.client, "hello"));
  payload = ssl_expect_frame(&peer, &header);
  CHECK_INT(1, header.masked);
  CHECK_BYTES("hello", 5, payload, header.payload_len);
  ssl_frame(&peer, WSUV_CLOSE, "\x03\xe8", 2);
  ssl_goodbye(&peer);
  raw_end(peer.raw);
  ssl_run_to_end(&peer);
  CHECK_INT(1, peer.got_close_notify);
  RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1);
  CHECK_INT(1, rig.client.end.clean);
  check_records(peer.raw->in, peer.raw->in_len);
  CHECK_NULL(SSL_get_current_compression(peer.ssl));
  ssl_peer_free(&peer);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_clean_end),
      cmocka_unit_test(test_truncated),
      cmocka_unit_test(test_fin_behind_close),
      cmocka_unit_test(test_data_behind_close_notify),
      cmocka_unit_test(test_flipped_bit),
      cmocka_unit_test(test_reset),
      cmocka_unit_test(test_key_updates),
      cmocka_unit_test(test_key_update_flood),
      cmocka_unit_test(test_renegotiation),
      cmocka_unit_test(test_early_data),
      cmocka_unit_test(test_reset_behind_request),
      cmocka_unit_test(test_what_a_client_sends),
  };
  return cmocka_run_group_tests_name("tls ends", tests, NULL, NULL);
}
