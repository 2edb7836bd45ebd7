/* The other side of a rig: OpenSSL by itself, on memory BIOs. */
#include <openssl/err.h>
#include <string.h>

#include "support/tls_rig.h"

#define CERTS(name) WSUV_TEST_CERTS "/" name

static wsuv_tls_context_t *contexts[2];
static SSL_CTX *peer_ctxs[2][2];

/* ---- contexts ---- */

wsuv_tls_context_t *tls_rig_new_context(wsuv_role_t role, const wsuv_tls_options_t *more) {
  wsuv_tls_options_t o = WSUV_TLS_OPTIONS_INIT;
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  wsuv_tls_context_t *context;
  char why[160];

  if (more != NULL)
    o = *more;
  identity.cert_file = CERTS("server.pem");
  identity.key_file = CERTS("server.key");
  o.ca_file = CERTS("ca.pem");
  if (role == WSUV_SERVER && o.identities == NULL) {
    o.identities = &identity;
    o.nidentities = 1;
  }
  if (wsuv_tls_context_new(&context, role, &o, why, sizeof why) != 0)
    fail_msg("context: %s", why);
  return context;
}

wsuv_tls_context_t *tls_rig_context(wsuv_role_t role) {
  wsuv_tls_context_t **context = &contexts[role == WSUV_CLIENT];

  wsuv_tls_options_t o = WSUV_TLS_OPTIONS_INIT;

  o.session_lifetime_s = WSUV_OFF; /* every handshake is to be like the first */
  if (*context == NULL)
    *context = tls_rig_new_context(role, &o);
  return *context;
}

SSL_CTX *tls_rig_new_peer_ctx(wsuv_role_t role_of_ours, int version) {
  SSL_CTX *ctx =
      SSL_CTX_new(role_of_ours == WSUV_SERVER ? TLS_client_method() : TLS_server_method());

  CHECK_NOT_NULL(ctx);
  if (version < TLS1_2_VERSION) {
    SSL_CTX_set_security_level(ctx, 0); /* what OpenSSL 3 wants for the old ones */
    CHECK_INT(1, SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0"));
  }
  CHECK_INT(1, SSL_CTX_set_min_proto_version(ctx, version));
  CHECK_INT(1, SSL_CTX_set_max_proto_version(ctx, version));
  CHECK_INT(1, SSL_CTX_load_verify_file(ctx, CERTS("ca.pem")));
  if (role_of_ours == WSUV_SERVER) {
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  } else {
    CHECK_INT(1, SSL_CTX_use_certificate_chain_file(ctx, CERTS("server.pem")));
    CHECK_INT(1, SSL_CTX_use_PrivateKey_file(ctx, CERTS("server.key"), SSL_FILETYPE_PEM));
  }
  return ctx;
}

void tls_rig_open(struct tls_rig *rig, wsuv_role_t role, int version) {
  SSL_CTX **ctx = &peer_ctxs[role == WSUV_CLIENT][version == TLS1_3_VERSION];

  if (*ctx == NULL)
    *ctx = tls_rig_new_peer_ctx(role, version);
  tls_rig_open_with(rig, role, tls_rig_context(role), *ctx);
}

void tls_rig_forget_contexts(void) {
  int i;

  for (i = 0; i < 2; i++) {
    wsuv_tls_context_release(contexts[i]);
    contexts[i] = NULL;
    SSL_CTX_free(peer_ctxs[i][0]);
    SSL_CTX_free(peer_ctxs[i][1]);
    memset(peer_ctxs[i], 0, sizeof peer_ctxs[i]);
  }
}

/* ---- to and fro ---- */

void tls_rig_to_peer(struct tls_rig *rig) {
  size_t n = rig->lower.out.len - rig->peer_has;

  if (n > 0)
    CHECK_INT(n, BIO_write(rig->to_peer, rig->lower.out.base + rig->peer_has, (int)n));
  rig->peer_has = rig->lower.out.len;
}

void tls_rig_from_peer(struct tls_rig *rig) {
  char *bytes;
  long n = BIO_get_mem_data(rig->from_peer, &bytes);

  if (n > 0)
    tls_octets_add(&rig->wire, bytes, (size_t)n);
  CHECK_INT(1, BIO_reset(rig->from_peer));
}

void tls_rig_deliver(struct tls_rig *rig, size_t len) {
  struct tls_octets now = {NULL, 0, 0};

  if (len > rig->wire.len)
    len = rig->wire.len;
  tls_octets_add(&now, rig->wire.base, len);
  tls_octets_drop(&rig->wire, len);
  tls_rig_receive(rig, now.base, now.len);
  tls_octets_free(&now);
}

void tls_rig_deliver_all(struct tls_rig *rig) {
  tls_rig_from_peer(rig);
  tls_rig_deliver(rig, SIZE_MAX);
}

int tls_rig_peer_shake(struct tls_rig *rig) {
  int rc;

  tls_rig_to_peer(rig);
  ERR_clear_error();
  rc = SSL_do_handshake(rig->peer);
  if (rc != 1 && SSL_get_error(rig->peer, rc) != SSL_ERROR_WANT_READ)
    rc = -1;
  else if (rc != 1)
    rc = 0;
  ERR_clear_error();
  tls_rig_from_peer(rig);
  return rc;
}

void tls_rig_shake(struct tls_rig *rig) {
  int rounds;
  int rc = 0;

  for (rounds = 0; rounds < 10 && (rc != 1 || rig->wire.len > 0); rounds++) {
    tls_rig_settle(rig);
    rc = tls_rig_peer_shake(rig);
    CHECK_TRUE(rc >= 0);
    if (rig->lower.reading)
      tls_rig_deliver(rig, SIZE_MAX);
    else
      break;
  }
  tls_rig_settle(rig);
  (void)tls_rig_peer_shake(rig);
  CHECK_ERR(0, rig->owner.connected);
  CHECK_INT(1, SSL_is_init_finished(rig->peer));
}

void tls_rig_peer_write(struct tls_rig *rig, const void *bytes, size_t len) {
  size_t written;

  if (len > 0)
    CHECK_INT(1, SSL_write_ex(rig->peer, bytes, len, &written));
  tls_rig_from_peer(rig);
}

int tls_rig_peer_read(struct tls_rig *rig) {
  static uint8_t bytes[16384];
  int rc;

  tls_rig_to_peer(rig);
  ERR_clear_error();
  for (;;) {
    size_t n;
    rc = SSL_read_ex(rig->peer, bytes, sizeof bytes, &n);
    if (rc != 1)
      break;
    tls_octets_add(&rig->peer_in, bytes, n);
  }
  rc = SSL_get_error(rig->peer, rc);
  ERR_clear_error();
  tls_rig_from_peer(rig);
  return rc;
}
