/* The handshake of a TLS stream, in both roles and versions: its input in every piece that it can come in. */
#include <stdlib.h>
#include <string.h>

#include "io/tls_stream_parts.h"
#include "support/tls_rig.h"
#include "wsuv/errno.h"

/* The first places, with all records' heads, are all tried; of certificates and under valgrind fewer will do. */
static size_t next_cut(size_t cut, int version) {
  if (getenv("WSUV_SLOW_RUN") != NULL)
    return cut + 17;
  return cut + (cut < 200 ? 1u : version == TLS1_3_VERSION ? 3u : 7u);
}

/* Both know of one another, and a word passes each way. */
static void check_connected(struct tls_rig *rig, int version) {
  wsuv_tls_info_t info;

  CHECK_ERR(0, rig->owner.connected);
  CHECK_INT(TLS_CONNECTED, wsuv__tls_stream_state(rig->tls));
  CHECK_INT(0, rig->lower.reading); /* the owner has not asked for it yet */
  CHECK_ERR(0, wsuv__tls_stream_info(rig->tls, &info));
  CHECK_STR(version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2", info.version);
  CHECK_INT(0, info.resumed);
  CHECK_INT(rig->role == WSUV_CLIENT, info.peer_verified);
  CHECK_INT(4, tls_rig_try_write(rig, "ours", 4));
  tls_rig_settle(rig);
  CHECK_INT(SSL_ERROR_WANT_READ, tls_rig_peer_read(rig));
  CHECK_BYTES("ours", 4, rig->peer_in.base, rig->peer_in.len);
  tls_rig_peer_write(rig, "theirs", 6);
  CHECK_ERR(0, tls_rig_read_start(rig));
  tls_rig_deliver_all(rig);
  CHECK_BYTES("theirs", 6, rig->owner.in.base, rig->owner.in.len);
  CHECK_INT(0, wsuv__tls_stream_has_failed(rig->tls));
  CHECK_NULL(wsuv__tls_stream_detail(rig->tls));
}

/* The handshake with the input in two pieces at `cut` of all of it, or in pieces of `piece`. How much input there was. */
static size_t shake_in_pieces(const struct tls_rig_row *row, size_t cut, size_t piece,
                              size_t room) {
  struct tls_rig rig;
  size_t total = 0;
  int rounds;

  tls_rig_open(&rig, row->role, row->version);
  rig.lower.room = room;
  tls_rig_start(&rig);
  for (rounds = 0; rounds < 10 && rig.owner.connected == 1; rounds++) {
    tls_rig_settle(&rig);
    CHECK_TRUE(tls_rig_peer_shake(&rig) >= 0);
    while (rig.wire.len > 0 && rig.lower.reading) {
      size_t n = piece < rig.wire.len ? piece : rig.wire.len;
      if (cut > total && cut < total + n)
        n = cut - total;
      tls_rig_deliver(&rig, n);
      total += n;
    }
  }
  tls_rig_settle(&rig);
  CHECK_INT(1, tls_rig_peer_shake(&rig));
  check_connected(&rig, row->version);
  tls_rig_close(&rig);
  return total;
}

static void every_cut(const void *arg) {
  const struct tls_rig_row *row = arg;
  size_t total = shake_in_pieces(row, 0, SIZE_MAX, TLS_RIG_NO_LIMIT);
  size_t cut;

  CHECK_TRUE(total > 200);
  /* Signatures are not all of one length; a few octets more do no harm. */
  for (cut = 1; cut < total + 8; cut = next_cut(cut, row->version))
    (void)shake_in_pieces(row, cut, SIZE_MAX, TLS_RIG_NO_LIMIT);
}

static void small_pieces(const void *arg) {
  const struct tls_rig_row *row = arg;
  size_t piece;

  for (piece = 1; piece < 8; piece++)
    (void)shake_in_pieces(row, 0, piece, TLS_RIG_NO_LIMIT);
}

/* Output that the transport takes late: what is made meanwhile waits behind it. */
static void little_room(const void *arg) {
  const struct tls_rig_row *row = arg;
  size_t room;

  for (room = 0; room < 2000; room += room < 16 ? 1 : 197)
    (void)shake_in_pieces(row, 0, SIZE_MAX, room);
}

/* ---- it is given what was received before, and owners that read or write early ---- */

static void what_was_received_before_counts(void **state) {
  struct tls_rig rig;
  size_t split;
  (void)state;

  for (split = 1; split < 180; split += 50) {
    tls_rig_open(&rig, WSUV_SERVER, TLS1_3_VERSION);
    CHECK_INT(0, tls_rig_peer_shake(&rig));
    CHECK_TRUE(rig.wire.len > split);
    CHECK_ERR(0, wsuv__tls_stream_give(rig.tls, rig.wire.base, split));
    tls_octets_drop(&rig.wire, split);
    CHECK_INT(0, rig.lower.reading); /* not touched before the start */
    CHECK_SIZE(0, rig.lower.nwrites);
    tls_rig_start(&rig);
    tls_rig_deliver_all(&rig);
    tls_rig_shake(&rig);
    check_connected(&rig, TLS1_3_VERSION);
    tls_rig_close(&rig);
  }
}

static void data_behind_the_handshake_waits_for_the_owner(void **state) {
  struct tls_rig rig;
  (void)state;

  tls_rig_open(&rig, WSUV_SERVER, TLS1_3_VERSION);
  tls_rig_start(&rig);
  CHECK_INT(0, tls_rig_peer_shake(&rig));
  tls_rig_deliver_all(&rig);
  CHECK_INT(1, tls_rig_peer_shake(&rig)); /* its Finished, and at once: */
  tls_rig_peer_write(&rig, "early", 5);
  tls_rig_deliver_all(&rig);
  CHECK_ERR(0, rig.owner.connected);
  CHECK_SIZE(0, rig.owner.in.len);
  CHECK_INT(0, rig.lower.reading);
  CHECK_ERR(0, tls_rig_read_start(&rig));
  CHECK_SIZE(0, rig.owner.in.len); /* not inside of the call */
  CHECK_INT(1, rig.lower.reading);
  tls_rig_turn(&rig);
  CHECK_BYTES("early", 5, rig.owner.in.base, rig.owner.in.len);
  tls_rig_close(&rig);
}

static void nothing_is_written_before_it_is_connected(void **state) {
  struct tls_rig rig;
  wsuv_tls_info_t info;
  char out[64];
  (void)state;

  tls_rig_open(&rig, WSUV_CLIENT, TLS1_3_VERSION);
  CHECK_ERR(WSUV_ESTATE, wsuv__tls_stream_info(rig.tls, &info));
  tls_rig_start(&rig);
  CHECK_INT(0, tls_rig_try_write(&rig, "x", 1));
  CHECK_ERR(WSUV_ETLS, tls_rig_write(&rig, "x", 1));
  CHECK_ERR(WSUV_ESTATE, wsuv__tls_stream_peer(rig.tls, WSUV_TLS_PEER_SUBJECT, out, sizeof out));
  CHECK_ERR(0, rig.top->ops->peer(rig.top, out, sizeof out));
  CHECK_STR("fake", out);
  tls_rig_shake(&rig);
  check_connected(&rig, TLS1_3_VERSION);
  CHECK_ERR(0, wsuv__tls_stream_peer(rig.tls, WSUV_TLS_PEER_SUBJECT, out, sizeof out));
  CHECK_PTR(rig.tls, wsuv__tls_stream_of(rig.top));
  CHECK_NOT_NULL(wsuv__tls_stream_ssl(rig.tls));
  tls_rig_close(&rig);
}

/* ---- sessions ---- */

/* Connects, takes what the server has to say of sessions, and ends as it should. Whether a session was resumed. */
static int connect_once(wsuv_tls_context_t *context, SSL_CTX *peer_ctx) {
  struct tls_rig rig;
  wsuv_tls_info_t info;

  tls_rig_open_with(&rig, WSUV_CLIENT, context, peer_ctx);
  tls_rig_start(&rig);
  tls_rig_shake(&rig);
  CHECK_ERR(0, tls_rig_read_start(&rig));
  tls_rig_turn(&rig);
  tls_rig_deliver_all(&rig);
  CHECK_ERR(0, wsuv__tls_stream_info(rig.tls, &info));
  CHECK_INT(1, info.peer_verified); /* then as well as now */
  CHECK_ERR(0, tls_rig_shutdown(&rig));
  tls_rig_close(&rig);
  return info.resumed;
}

static void a_client_resumes(const void *arg) {
  const struct tls_rig_row *row = arg;
  SSL_CTX *peer_ctx = tls_rig_new_peer_ctx(WSUV_CLIENT, row->version);
  wsuv_tls_context_t *context = tls_rig_new_context(WSUV_CLIENT, NULL);

  CHECK_INT(0, connect_once(context, peer_ctx));
  CHECK_INT(1, connect_once(context, peer_ctx));
  CHECK_INT(1, connect_once(context, peer_ctx));
  wsuv_tls_context_release(context);
  SSL_CTX_free(peer_ctx);
}

static const struct tls_rig_row resumption_rows[] = {
    {"TLS 1.2", WSUV_CLIENT, TLS1_2_VERSION},
    {"TLS 1.3", WSUV_CLIENT, TLS1_3_VERSION},
};

/* ---- a client's host ---- */

struct host_row {
  const char *name;
  const char *host;
  unsigned port;
  const char *sent; /* as server_name, or NULL */
  const char *kept;
};

static const struct host_row host_rows[] = {
    {"a name", "localhost", 443, "localhost", "localhost:443"},
    {"the largest port", "a.example", 65535, "a.example", "a.example:65535"},
    {"a trailing dot", "localhost.", 1, "localhost", "localhost.:1"},
    {"one letter", "a", 1, "a", "a:1"},
    {"IPv4", "127.0.0.1", 443, NULL, "127.0.0.1:443"},
    {"IPv6", "::1", 443, NULL, "::1:443"},
};

/* covers: T001 T002 T003 */
static void hosts(const void *arg) {
  const struct host_row *row = arg;
  struct tls_rig rig;
  struct wsuv__tls_stream *tls;
  const char *expected = row->sent != NULL ? row->sent : row->host;
  X509_VERIFY_PARAM *param;
  char *ip;

  tls_rig_open(&rig, WSUV_CLIENT, TLS1_3_VERSION);
  CHECK_ERR(
      0, wsuv__tls_stream_new(&tls, &rig.loop, tls_rig_context(WSUV_CLIENT), row->host, row->port));
  CHECK_STR(row->sent, SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name));
  CHECK_STR(row->kept, tls->host);
  param = SSL_get0_param(tls->ssl);
  ip = X509_VERIFY_PARAM_get1_ip_asc(param);
  if (row->sent != NULL)
    CHECK_STR(expected, X509_VERIFY_PARAM_get0_host(param, 0));
  else
    CHECK_NOT_NULL(ip);
  OPENSSL_free(ip);
  wsuv__tls_stream_free(tls);
  tls_rig_close(&rig);
}

static void hosts_that_are_none(void **state) {
  struct tls_rig rig;
  struct wsuv__tls_stream *tls;
  char longest[258];
  (void)state;

  tls_rig_open(&rig, WSUV_CLIENT, TLS1_3_VERSION);
  memset(longest, 'a', sizeof longest);
  longest[256] = '\0';
  CHECK_ERR(WSUV_EINVAL,
            wsuv__tls_stream_new(&tls, &rig.loop, tls_rig_context(WSUV_CLIENT), "", 1));
  CHECK_NULL(tls);
  CHECK_ERR(WSUV_EINVAL,
            wsuv__tls_stream_new(&tls, &rig.loop, tls_rig_context(WSUV_CLIENT), ".", 1));
  CHECK_ERR(WSUV_EINVAL,
            wsuv__tls_stream_new(&tls, &rig.loop, tls_rig_context(WSUV_CLIENT), longest, 1));
  CHECK_NULL(tls);
  longest[255] = '.';
  CHECK_ERR(0, wsuv__tls_stream_new(&tls, &rig.loop, tls_rig_context(WSUV_CLIENT), longest, 1));
  wsuv__tls_stream_free(tls);
  tls_rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_received_before_counts),
      cmocka_unit_test(data_behind_the_handshake_waits_for_the_owner),
      cmocka_unit_test(nothing_is_written_before_it_is_connected),
      cmocka_unit_test(hosts_that_are_none),
  };
  int failures = CHECK_RUN_TABLE("every cut", tls_rig_rows, every_cut);

  failures += CHECK_RUN_TABLE("resumption", resumption_rows, a_client_resumes);
  failures += CHECK_RUN_TABLE("hosts", host_rows, hosts);
  failures += CHECK_RUN_TABLE("small pieces", tls_rig_rows, small_pieces);
  failures += CHECK_RUN_TABLE("little room", tls_rig_rows, little_room);
  failures += cmocka_run_group_tests_name("TLS handshake", tests, NULL, NULL);
  tls_rig_forget_contexts();
  return failures;
}
