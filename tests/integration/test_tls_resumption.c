/* Resumption, ALPN, the key log and stapled OCSP responses. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/ssl_peer.h"
#include "integration/tls_loopback.h"

/* ---- resumption ---- */

static void converse(struct tls_rig *rig, struct talker *client) {
  unsigned before;

  CHECK_ERR(0, rig_connect_as(rig, client));
  RUN_UNTIL(&rig->lb, client->n[EV_OPEN] == 1);
  before = client->n[EV_MESSAGE];
  CHECK_ERR(0, talker_say(client, "hello"));
  RUN_UNTIL(&rig->lb, client->n[EV_MESSAGE] > before); /* tickets came before it */
}

static void check_resumed(struct tls_rig *rig, const struct talker *client, int resumed) {
  wsuv_tls_info_t info;

  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_tls(client->conn, &info)));
  CHECK_INT(resumed, info.resumed);
  CHECK_INT(resumed, rig->host.resumed);
  CHECK_INT(1, info.peer_verified);
}

struct row {
  const char *title;
  int version;
  int64_t server_lifetime;
  int64_t client_lifetime;
  int resumed;
};

static const struct row rows[] = {
    {"TLS 1.3", TLS1_3_VERSION, 0, 0, 1},
    {"TLS 1.2", TLS1_2_VERSION, 0, 0, 1},
    {"TLS 1.3, lifetimes", TLS1_3_VERSION, 604800, 60, 1},
    {"TLS 1.3, off in the server", TLS1_3_VERSION, WSUV_OFF, 0, 0},
    {"TLS 1.2, off in the server", TLS1_2_VERSION, WSUV_OFF, 0, 0},
    {"TLS 1.3, off in the client", TLS1_3_VERSION, 0, WSUV_OFF, 0},
    {"TLS 1.2, off in the client", TLS1_2_VERSION, 0, WSUV_OFF, 0},
};

static void test_resumption(const void *given) {
  const struct row *row = given;
  struct tls_rig rig;
  struct talker again;
  struct talker third;

  rig_open(&rig);
  rig.server_side.options.session_lifetime_s = row->server_lifetime;
  rig.client_side.options.session_lifetime_s = row->client_lifetime;
  rig_make_contexts(&rig);
  tls_limit(rig.client_tls, row->version);
  rig_listen(&rig);
  converse(&rig, &rig.client);
  check_resumed(&rig, &rig.client, 0);
  converse(&rig, &again);
  check_resumed(&rig, &again, row->resumed);
  rig_hang_up(&rig, &again);
  converse(&rig, &third);
  check_resumed(&rig, &third, row->resumed);
  rig_close(&rig);
}

/* After a reload of either side. */
static void test_not_after_reload(void **state) {
  struct tls_rig rig;
  struct talker again;
  struct talker third;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  converse(&rig, &rig.client);
  party_reload(&rig.server_side, rig.server_tls);
  converse(&rig, &again);
  check_resumed(&rig, &again, 0);
  party_reload(&rig.client_side, rig.client_tls);
  converse(&rig, &third);
  check_resumed(&rig, &third, 0);
  rig_close(&rig);
}

/* Offers a session to the server under another name than it was made for. */
static SSL_SESSION *play_name(struct tls_rig *rig, const char *name, SSL_SESSION *session,
                              int version, int resumed) {
  struct ssl_peer peer;
  SSL_CTX *ctx = ssl_ctx_new(WSUV_CLIENT, NULL);

  CHECK_INT(1, SSL_CTX_set_max_proto_version(ctx, version));
  ssl_connect(&peer, &rig->host.host, ctx);
  CHECK_INT(1, SSL_set_tlsext_host_name(peer.ssl, (uintptr_t)name)); /* it casts const away */
  if (session != NULL)
    CHECK_INT(1, SSL_set_session(peer.ssl, session));
  SSL_SESSION_free(session);
  ssl_open(&peer);
  CHECK_INT(resumed, SSL_session_reused(peer.ssl));
  CHECK_INT(resumed, rig->host.resumed);
  CHECK_STR(name, rig->host.server_name);
  session = SSL_get1_session(peer.ssl);
  ssl_goodbye(&peer);
  raw_close(peer.raw);
  loopback_turn(&rig->lb);
  RUN_UNTIL(&rig->lb, wsuv_server_nconns(rig->host.host.server) == 0);
  free(peer.own.in);
  rig->lb.nraws--;
  ssl_peer_free(&peer);
  return session;
}

/* covers: T005 */
static void test_not_for_another_name(void **state) {
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  wsuv_tls_identity_t identities[2];
  struct tls_rig rig;
  size_t i;
  (void)state;

  rig_open(&rig);
  party_init(&rig.server_side, "a", NULL);
  identities[0] = rig.server_side.identity;
  identities[1] = rig.server_side.identity;
  identities[1].cert_file = CERTS("b.pem");
  identities[1].key_file = CERTS("b.key");
  rig.server_side.options.identities = identities;
  rig.server_side.options.nidentities = 2;
  rig_listen(&rig);
  for (i = 0; i < 2; i++) {
    SSL_SESSION *session = play_name(&rig, "a.example", NULL, versions[i], 0);
    session = play_name(&rig, "a.example", session, versions[i], 1);
    session = play_name(&rig, "b.example", session, versions[i], 0);
    session = play_name(&rig, "b.example", session, versions[i], 1);
    session = play_name(&rig, "nobody.example", session, versions[i], 0);
    SSL_SESSION_free(session);
  }
  rig_close(&rig);
}

/* ---- ALPN ---- */

struct alpn_row {
  const char *title;
  const char *offer; /* as on the wire */
  unsigned len;
  const char *agreed; /* NULL: refused */
};

static const struct alpn_row alpn_rows[] = {
    {"none", "", 0, ""},
    {"http/1.1", "\x08http/1.1", 9, "http/1.1"},
    {"h2", "\x02h2", 3, NULL},
    {"h2, http/1.1", "\x02h2\x08http/1.1", 12, "http/1.1"},
    {"http/1.1, h2", "\x08http/1.1\x02h2", 12, "http/1.1"},
    {"http/1.0", "\x08http/1.0", 9, NULL},
    {"a longer one", "\x09http/1.1x", 10, NULL},
    {"one inside of another", "\x0a\x08http/1.1x", 11, NULL},
    {"a shorter one", "\x06http/1", 7, NULL},
};

/* covers: T025 */
static void test_alpn(const void *given) {
  const struct alpn_row *row = given;
  struct tls_rig rig;
  struct ssl_peer peer;

  rig_open(&rig);
  rig_listen(&rig);
  ssl_connect(&peer, &rig.host.host, ssl_ctx_new(WSUV_CLIENT, NULL));
  if (row->len > 0)
    CHECK_INT(0, SSL_set_alpn_protos(peer.ssl, (const unsigned char *)row->offer, row->len));
  if (row->agreed != NULL) {
    ssl_open(&peer);
    CHECK_STR(row->agreed, rig.host.alpn);
  } else {
    ssl_try_handshake(&peer);
    CHECK_INT(SSL_AD_NO_APPLICATION_PROTOCOL, ssl_alert(&peer));
    RUN_UNTIL(&rig.lb, rig.host.nfailed == 1);
    CHECK_ERR(WSUV_ETLS, rig.host.error);
    CHECK_SIZE(0, rig.host.nupgrades);
  }
  ssl_peer_free(&peer);
  rig_close(&rig);
}

/* What the client offers, and a server's answer that it did not. */
struct offer {
  const char *pick;
  char seen[64];
  unsigned seen_len;
};

static int pick_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                     const unsigned char *in, unsigned in_len, void *arg) {
  struct offer *offer = arg;

  (void)ssl;
  offer->seen_len = in_len;
  memcpy(offer->seen, in, in_len < sizeof offer->seen ? in_len : sizeof offer->seen);
  *out = (const unsigned char *)offer->pick;
  *out_len = (unsigned char)strlen(offer->pick);
  return SSL_TLSEXT_ERR_OK;
}

static void play_pick(const char *pick, int version, int accepted) {
  struct tls_rig rig;
  struct raw_server server;
  struct ssl_peer peer;
  struct offer offer = {pick, "", 0};
  SSL_CTX *ctx = ssl_ctx_new(WSUV_SERVER, "server");

  SSL_CTX_set_alpn_select_cb(ctx, pick_alpn, &offer);
  CHECK_INT(1, SSL_CTX_set_max_proto_version(ctx, version));
  rig_open(&rig);
  rig_make_contexts(&rig);
  raw_listen(&server, &rig.lb);
  rig.host.host.port = server.port;
  CHECK_ERR(0, rig_connect_as(&rig, &rig.client));
  RUN_UNTIL(&rig.lb, server.npeers == 1);
  ssl_peer_init(&peer, &server.peers[0], WSUV_SERVER, ctx);
  if (accepted) {
    ssl_accept_upgrade(&peer);
    RUN_UNTIL(&rig.lb, rig.client.n[EV_OPEN] == 1);
  } else {
    ssl_try_handshake(&peer);
    RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1 || peer.raw->eof || peer.raw->error != 0);
    raw_close(peer.raw);
    RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1);
    CHECK_INT(1015, rig.client.end.code);
    CHECK_ERR(WSUV_ETLS, rig.client.end.error);
    CHECK_SIZE(0, peer.len);
  }
  CHECK_BYTES("\x08http/1.1", 9, offer.seen, offer.seen_len);
  ssl_peer_free(&peer);
  rig_close(&rig);
}

/* covers: T026 */
static void test_alpn_unasked(void **state) {
  (void)state;
  play_pick("http/1.1", TLS1_3_VERSION, 1);
  play_pick("http/1.1", TLS1_2_VERSION, 1);
  play_pick("h2", TLS1_3_VERSION, 0);
  play_pick("h2", TLS1_2_VERSION, 0);
}

/* ---- OCSP ---- */

static void test_staple(void **state) {
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  size_t len;
  char *expected = read_file(CERTS("ocsp.der"), &len);
  size_t i;
  (void)state;

  for (i = 0; i < 4; i++) {
    struct tls_rig rig;
    struct ssl_peer peer;
    const unsigned char *response = NULL;
    long n;
    int asks = i < 2;

    rig_open(&rig);
    rig.server_side.identity.ocsp_file = CERTS("ocsp.der");
    rig_listen(&rig);
    ssl_connect(&peer, &rig.host.host, ssl_ctx_new(WSUV_CLIENT, NULL));
    CHECK_INT(1, SSL_set_max_proto_version(peer.ssl, versions[i % 2]));
    if (asks)
      CHECK_INT(1, SSL_set_tlsext_status_type(peer.ssl, TLSEXT_STATUSTYPE_ocsp));
    ssl_open(&peer);
    n = SSL_get_tlsext_status_ocsp_resp(peer.ssl, &response);
    CHECK_INT(asks ? (long)len : -1, n);
    if (asks)
      CHECK_BYTES(expected, len, response, (size_t)n);
    ssl_peer_free(&peer);
    rig_close(&rig);
  }
  free(expected);
}

/* ---- the key log ---- */

static void make_name(char *out, size_t size) {
  char path[] = "/tmp/wsuv-keylog-XXXXXX";
  uv_fs_t req;
  int fd = uv_fs_mkstemp(NULL, &req, path, NULL);

  CHECK_TRUE(fd >= 0);
  (void)snprintf(out, size, "%s", req.path);
  uv_fs_req_cleanup(&req);
  (void)uv_fs_close(NULL, &req, fd, NULL);
}

static int count(const char *text, const char *word) {
  int n = 0;

  while ((text = strstr(text, word)) != NULL) {
    text += strlen(word);
    n++;
  }
  return n;
}

/* Appended to what is there, by both sides. */
static void test_keylog(void **state) {
  struct tls_rig rig;
  char name[100];
  char *text;
  size_t len;
  uv_fs_t req;
  (void)state;

  make_name(name, sizeof name);
  rig_open(&rig);
  rig.server_side.options.keylog_file = name;
  rig.client_side.options.keylog_file = name;
  rig_listen(&rig);
  rig_connect(&rig);
  text = read_file(name, &len);
  CHECK_INT(2, count(text, "CLIENT_TRAFFIC_SECRET_0 "));
  CHECK_INT(2, count(text, "SERVER_HANDSHAKE_TRAFFIC_SECRET "));
  CHECK_INT('\n', text[len - 1]);
  free(text);
  rig_close(&rig);
  (void)uv_fs_unlink(NULL, &req, name, NULL);
}

static void test_keylog_in_no_folder(void **state) {
  struct tls_party party;
  wsuv_tls_context_t *context;
  char why[160];
  (void)state;

  party_init(&party, NULL, "ca");
  party.options.keylog_file = CERTS("nothing/keys.log");
  CHECK_ERR(UV_ENOENT,
            wsuv_tls_context_new(&context, WSUV_CLIENT, &party.options, why, sizeof why));
  CHECK_NULL(context);
  CHECK_NOT_NULL(strstr(why, "keylog"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_not_after_reload), cmocka_unit_test(test_not_for_another_name),
      cmocka_unit_test(test_alpn_unasked),     cmocka_unit_test(test_staple),
      cmocka_unit_test(test_keylog),           cmocka_unit_test(test_keylog_in_no_folder),
  };
  int failures = CHECK_RUN_TABLE("resumption", rows, test_resumption);

  failures += CHECK_RUN_TABLE("ALPN", alpn_rows, test_alpn);
  failures += cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
  return failures;
}
