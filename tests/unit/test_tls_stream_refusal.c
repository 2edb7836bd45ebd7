/* Handshakes of a TLS stream that fail: what the peer is sent, what the owner is told, and what happens then. */
#include <string.h>

#include "io/tls_io.h"
#include "support/tls_rig.h"
#include "wsuv/errno.h"

/* The level, 2 for fatal, and the alert of a record without protection; -1: there is none at `at`. */
static int plain_alert(const struct tls_rig *rig, size_t at) {
  const struct tls_octets *out = &rig->lower.out;
  return out->len == at + 7 && out->base[at] == 21 && out->base[at + 5] == 2 ? out->base[at + 6]
                                                                             : -1;
}

struct first_row {
  const char *name;
  const char *octets;
  size_t len;
  int got_http;
};

static const struct first_row first_rows[] = {
    {"GET", "GET / HTTP/1.1\r\n", 16, 1},
    {"lower case", "get", 3, 0},
    {"answer", "HTTP/1.1 200 OK\r\n", 17, 1},
    {"A", "A", 1, 1},
    {"Z", "Z", 1, 1},
    {"a", "a", 1, 0},
    {"z", "z", 1, 0},
    {"another protocol", "SSH-2.0-x\r\n", 11, 0},
    {"before A", "@", 1, 0},
    {"behind Z", "[", 1, 0},
    {"before a", "`", 1, 0},
    {"behind z", "{", 1, 0},
    {"NUL", "\0\0\0", 3, 0},
    {"SSL 2", "\x80\x2e\x01\0\2", 5, 0},
    {"change_cipher_spec", "\x14\3\3\0\1\1", 6, 0},
    {"application data", "\x17\3\3\0\1\1", 6, 0},
    {"octet 255", "\xff", 1, 0},
};

/* Who speaks something else is told apart by the first octet, whether or not others come with it. */
static void no_tls_at_all(const void *arg) {
  const struct first_row *row = arg;
  struct tls_rig rig;
  int role;

  for (role = 0; role < 2; role++) {
    tls_rig_open(&rig, role == 0 ? WSUV_SERVER : WSUV_CLIENT, TLS1_3_VERSION);
    tls_rig_start(&rig);
    tls_rig_receive(&rig, row->octets, row->len);
    CHECK_ERR(WSUV_ENOTTLS, rig.owner.connected);
    CHECK_INT(row->got_http, wsuv__tls_stream_got_http(rig.tls));
    CHECK_INT(1, wsuv__tls_stream_has_failed(rig.tls));
    CHECK_STR(row->got_http ? "no TLS: the peer speaks plain HTTP"
                            : "no TLS: what the peer sent is no TLS record",
              wsuv__tls_stream_detail(rig.tls));
    CHECK_INT(TLS_FAILED, wsuv__tls_stream_state(rig.tls));
    CHECK_INT(0, rig.lower.reading);
    tls_rig_close(&rig);
  }
}

/* A handshake's first octet, and then something else: that is OpenSSL's to judge, with an alert to the peer. */
static void a_damaged_first_record(void **state) {
  struct tls_rig rig;
  (void)state;

  tls_rig_open(&rig, WSUV_SERVER, TLS1_3_VERSION);
  tls_rig_start(&rig);
  tls_rig_receive(&rig, "\x16", 1);
  CHECK_INT(1, rig.owner.connected);
  tls_rig_receive(&rig, "\3\1\0\6\x63\0\0\2\3\3", 10); /* a message of no known type */
  CHECK_ERR(WSUV_ETLS, rig.owner.connected);
  CHECK_INT(0, wsuv__tls_stream_got_http(rig.tls));
  CHECK_INT(SSL_AD_UNEXPECTED_MESSAGE, plain_alert(&rig, 0));
  tls_rig_close(&rig);
}

/* The alert is on its way before the owner hears of the failure. covers: T017 */
static void check_alert_is_out(struct tls_rig *rig, enum tls_event event) {
  if (event == TLS_EV_CONNECTED) {
    CHECK_ERR(WSUV_ETLSVERSION, rig->owner.connected);
    CHECK_INT(SSL_AD_PROTOCOL_VERSION,
              plain_alert(rig, rig->role == WSUV_SERVER ? 0 : rig->peer_has));
  }
}

static void an_old_version(const void *arg) {
  const struct tls_rig_row *row = arg;
  SSL_CTX *ctx = tls_rig_new_peer_ctx(row->role, row->version);
  struct tls_rig rig;

  tls_rig_open_with(&rig, row->role, tls_rig_context(row->role), ctx);
  rig.owner.on_event = check_alert_is_out;
  tls_rig_start(&rig);
  if (row->role == WSUV_SERVER) {
    CHECK_INT(0, tls_rig_peer_shake(&rig));
    tls_rig_deliver_all(&rig);
    CHECK_ERR(WSUV_ETLSVERSION, rig.owner.connected);
    CHECK_INT(-1, tls_rig_peer_shake(&rig));
  } else { /* the peer refuses at once, and its alert says why */
    rig.owner.on_event = NULL;
    CHECK_INT(-1, tls_rig_peer_shake(&rig));
    tls_rig_deliver_all(&rig);
    CHECK_ERR(WSUV_ETLSVERSION, rig.owner.connected);
    CHECK_STR("the peer sent a TLS alert: protocol version", wsuv__tls_stream_detail(rig.tls));
  }
  tls_rig_close(&rig);
  SSL_CTX_free(ctx);
}

static const struct tls_rig_row old_rows[] = {
    {"server, TLS 1.0", WSUV_SERVER, TLS1_VERSION},
    {"server, TLS 1.1", WSUV_SERVER, TLS1_1_VERSION},
    {"client, TLS 1.0", WSUV_CLIENT, TLS1_VERSION},
    {"client, TLS 1.1", WSUV_CLIENT, TLS1_1_VERSION},
};

/* A server that answers in an old version although none was offered. covers: T017 */
static void an_old_server_hello(void **state) {
  /* ServerHello of TLS 1.1: random of zeroes, no session, ECDHE-RSA-AES128-SHA, no compression */
  static const char hello[] = "\x16\3\2\0\x2a\2\0\0\x26\3\2"
                              "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                              "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                              "\0\xc0\x13\0";
  struct tls_rig rig;
  (void)state;

  tls_rig_open(&rig, WSUV_CLIENT, TLS1_2_VERSION);
  tls_rig_start(&rig);
  tls_rig_to_peer(&rig);
  rig.owner.on_event = check_alert_is_out;
  tls_rig_receive(&rig, hello, sizeof hello - 1);
  CHECK_ERR(WSUV_ETLSVERSION, rig.owner.connected);
  tls_rig_close(&rig);
}

/* The input ends, or the transport breaks, behind each octet of it. */
static void the_end_amid_it(const void *arg) {
  static const int ends[] = {UV_EOF, UV_ECONNRESET};
  const struct tls_rig_row *row = arg;
  size_t i;
  size_t at;

  for (i = 0; i < 2; i++) {
    for (at = 0; at < 100; at += 9) {
      struct tls_rig rig;
      size_t sent;
      tls_rig_open(&rig, row->role, row->version);
      tls_rig_start(&rig);
      (void)tls_rig_peer_shake(&rig);
      tls_rig_deliver(&rig, at);
      sent = rig.lower.out.len;
      tls_rig_receive_end(&rig, ends[i]);
      CHECK_ERR(ends[i] == UV_EOF ? WSUV_ETLS : ends[i], rig.owner.connected);
      CHECK_INT(0, rig.owner.nends);
      CHECK_SIZE(sent, rig.lower.out.len); /* no close_notify in a handshake */
      CHECK_NOT_NULL(wsuv__tls_stream_detail(rig.tls));
      tls_rig_end(&rig);
      CHECK_SIZE(sent, rig.lower.out.len);
      tls_rig_close(&rig);
    }
  }
}

static void the_transport_breaks(void **state) {
  struct tls_rig rig;
  (void)state;

  tls_rig_open(&rig, WSUV_CLIENT, TLS1_3_VERSION); /* at the first octet */
  rig.lower.error = UV_EPIPE;
  tls_rig_start(&rig);
  CHECK_ERR(UV_EPIPE, rig.owner.connected);
  tls_rig_close(&rig);

  tls_rig_open(&rig, WSUV_CLIENT, TLS1_3_VERSION); /* before */
  rig.lower.read_error = UV_ENOTCONN;
  tls_rig_start(&rig);
  CHECK_ERR(UV_ENOTCONN, rig.owner.connected);
  CHECK_SIZE(0, rig.lower.nwrites);
  tls_rig_close(&rig);

  tls_rig_open(&rig, WSUV_CLIENT, TLS1_3_VERSION); /* amid a write */
  rig.lower.room = 10;
  tls_rig_start(&rig);
  CHECK_INT(1, rig.lower.writing);
  tls_rig_finish_write(&rig, UV_ECONNRESET);
  CHECK_ERR(UV_ECONNRESET, rig.owner.connected);
  tls_rig_close(&rig);

  tls_rig_open(&rig, WSUV_SERVER, TLS1_3_VERSION); /* amid the server's first flight */
  tls_rig_start(&rig);
  (void)tls_rig_peer_shake(&rig);
  rig.lower.error = UV_EPIPE;
  tls_rig_deliver_all(&rig);
  CHECK_ERR(UV_EPIPE, rig.owner.connected);
  tls_rig_close(&rig);
}

/* After a failure, what comes is discarded until the end, which is told once more for who waits for it. */
static void reading_on_after_a_failure(void **state) {
  struct tls_rig rig;
  size_t before;
  (void)state;

  tls_rig_open(&rig, WSUV_SERVER, TLS1_3_VERSION);
  tls_rig_start(&rig);
  tls_rig_receive(&rig, "GET /", 5);
  CHECK_INT(0, tls_rig_shutdown(&rig));
  CHECK_INT(1, rig.lower.shut);
  CHECK_SIZE(0, rig.lower.out.len); /* no close_notify */
  CHECK_ERR(0, tls_rig_read_start(&rig));
  before = rig.fa.outstanding_size;
  tls_rig_receive(&rig, " HTTP/1.1\r\n\r\n", 13);
  tls_rig_turn(&rig);
  CHECK_SIZE(before, rig.fa.outstanding_size); /* nor is it kept */
  CHECK_SIZE(0, rig.owner.in.len);
  CHECK_INT(0, rig.owner.nends);
  tls_rig_receive_end(&rig, UV_EOF);
  CHECK_INT(1, rig.owner.nends);
  CHECK_ERR(UV_EOF, rig.owner.end);
  tls_rig_close(&rig);
}

/* ---- encryption that fails, here for want of the memory it goes to ---- */

static void lose_output(struct tls_rig *rig) {
  wsuv__buf_free(&rig->loop.tls->out, &rig->fa.allocator);
  failing_alloc_fail_once(&rig->fa, 1);
}

static void check_lost(struct tls_rig *rig) {
  CHECK_INT(TLS_FAILED, wsuv__tls_stream_state(rig->tls));
  CHECK_INT(1, wsuv__tls_stream_has_failed(rig->tls));
  CHECK_STR("TLS failed: for want of memory", wsuv__tls_stream_detail(rig->tls));
  tls_rig_close(rig);
}

static void encryption_fails(void **state) {
  struct tls_rig rig;
  (void)state;

  tls_rig_connect(&rig, WSUV_SERVER, TLS1_3_VERSION);
  lose_output(&rig);
  CHECK_ERR(WSUV_ENOMEM, tls_rig_try_write(&rig, "x", 1));
  check_lost(&rig);

  tls_rig_connect(&rig, WSUV_SERVER, TLS1_3_VERSION);
  CHECK_ERR(0, tls_rig_write(&rig, "x", 1));
  lose_output(&rig);
  tls_rig_turn(&rig);
  CHECK_INT(1, rig.owner.nwritten);
  CHECK_ERR(WSUV_ENOMEM, rig.owner.written);
  check_lost(&rig);
}

/* ---- ALPN ---- */

struct alpn_row {
  const char *name;
  const char *offer;
  unsigned len;
  const char *chosen; /* NULL: no ALPN */
  int error;
};

static const struct alpn_row alpn_rows[] = {
    {"no ALPN", "", 0, NULL, 0},
    {"http/1.1", "\x08http/1.1", 9, "http/1.1", 0},
    {"h2 and http/1.1", "\x02h2\x08http/1.1", 12, "http/1.1", 0},
    {"http/1.1 and h2", "\x08http/1.1\x02h2", 12, "http/1.1", 0},
    {"h2", "\x02h2", 3, NULL, WSUV_ETLS},
    {"http/1.0", "\x08http/1.0", 9, NULL, WSUV_ETLS},
    {"a longer one", "\x09http/1.1x", 10, NULL, WSUV_ETLS},
    {"a shorter one", "\x07http/1.", 8, NULL, WSUV_ETLS},
    {"one amid another", "\x0b\x08http/1.1ab", 12, NULL, WSUV_ETLS},
};

/* Never another protocol than ours: no overlap is no_application_protocol. covers: T025 */
static void what_a_client_offers(const void *arg) {
  const struct alpn_row *row = arg;
  struct tls_rig rig;
  wsuv_tls_info_t info;

  tls_rig_open(&rig, WSUV_SERVER, TLS1_3_VERSION);
  if (row->len > 0)
    CHECK_INT(0, SSL_set_alpn_protos(rig.peer, (const unsigned char *)row->offer, row->len));
  tls_rig_start(&rig);
  if (row->error == 0) {
    tls_rig_shake(&rig);
    CHECK_ERR(0, wsuv__tls_stream_info(rig.tls, &info));
    CHECK_STR(row->chosen, info.alpn);
  } else {
    CHECK_INT(0, tls_rig_peer_shake(&rig));
    tls_rig_deliver_all(&rig);
    CHECK_ERR(row->error, rig.owner.connected);
    CHECK_INT(SSL_AD_NO_APPLICATION_PROTOCOL, plain_alert(&rig, 0));
  }
  tls_rig_close(&rig);
}

static int choose(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                  const unsigned char *offer, unsigned offer_len, void *arg) {
  const char *chosen = arg;
  (void)ssl;
  CHECK_BYTES("\x08http/1.1", 9, offer, offer_len);
  *out = (const unsigned char *)chosen;
  *out_len = (unsigned char)strlen(chosen);
  return SSL_TLSEXT_ERR_OK;
}

/* What a client of ours offers, and a server that picks something else. covers: T026 */
static void what_a_server_chooses(void **state) {
  static char choices[][9] = {"http/1.1", "h2", "http/1.0", "http/1."};
  size_t i;
  (void)state;

  for (i = 0; i < 4; i++) {
    SSL_CTX *ctx = tls_rig_new_peer_ctx(WSUV_CLIENT, TLS1_2_VERSION);
    struct tls_rig rig;
    int rounds;
    SSL_CTX_set_alpn_select_cb(ctx, choose, choices[i]);
    tls_rig_open_with(&rig, WSUV_CLIENT, tls_rig_context(WSUV_CLIENT), ctx);
    tls_rig_start(&rig);
    for (rounds = 0; rounds < 3 && rig.owner.connected == 1; rounds++) {
      CHECK_TRUE(tls_rig_peer_shake(&rig) >= 0);
      tls_rig_deliver_all(&rig);
    }
    CHECK_ERR(i == 0 ? 0 : WSUV_ETLS, rig.owner.connected);
    CHECK_INT(i == 0 ? TLS_CONNECTED : TLS_FAILED, wsuv__tls_stream_state(rig.tls));
    tls_rig_close(&rig);
    SSL_CTX_free(ctx);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_damaged_first_record), cmocka_unit_test(an_old_server_hello),
      cmocka_unit_test(the_transport_breaks),   cmocka_unit_test(reading_on_after_a_failure),
      cmocka_unit_test(what_a_server_chooses),  cmocka_unit_test(encryption_fails),
  };
  int failures = CHECK_RUN_TABLE("first octets", first_rows, no_tls_at_all);

  failures += CHECK_RUN_TABLE("old versions", old_rows, an_old_version);
  failures += CHECK_RUN_TABLE("ALPN", alpn_rows, what_a_client_offers);
  failures += CHECK_RUN_TABLE("the end amid it", tls_rig_rows, the_end_amid_it);
  failures += cmocka_run_group_tests_name("TLS handshakes that fail", tests, NULL, NULL);
  tls_rig_forget_contexts();
  return failures;
}
