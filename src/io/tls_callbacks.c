#include "io/tls_callbacks.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "io/tls_hello.h"
#include "io/tls_stream.h"

#define NS_PER_S 1000000000u

static const unsigned char http_1_1[] = "\x08http/1.1"; /* RFC 7301 3.1 */

static struct wsuv__tls_setup *setup_of(const SSL *ssl) {
  return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* ---- which certificate ---- */

static size_t choose_identity(const struct wsuv__tls_setup *setup, const char *name, size_t len) {
  size_t i;

  for (i = 0; len > 0 && i < setup->nctxs; i++)
    if (X509_check_host(SSL_CTX_get0_certificate(setup->ctxs[i]), name, len,
                        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                        NULL) == 1)
      return i;
  return 0;
}

/* A session is good for the name that it was made for, and for what was configured then (RFC 6066 3). */
static int set_session_scope(SSL *ssl, const struct wsuv__tls_setup *setup, const char *name,
                             size_t len) {
  unsigned char text[sizeof setup->id + WSUV__SERVER_NAME_MAX];
  unsigned char scope[EVP_MAX_MD_SIZE];
  unsigned size;

  memcpy(text, setup->id, sizeof setup->id);
  memcpy(text + sizeof setup->id, name, len);
  return EVP_Digest(text, sizeof setup->id + len, scope, &size, EVP_sha256(), NULL) == 1 &&
         SSL_set_session_id_context(ssl, scope, size) == 1;
}

/* Before OpenSSL looks at a ticket or chooses anything. */
static int on_client_hello(SSL *ssl, int *alert, void *arg) {
  struct wsuv__tls_setup *setup = arg;
  char name[WSUV__SERVER_NAME_MAX + 1];
  const unsigned char *extension;
  size_t size;
  size_t len = 0;
  size_t chosen;

  name[0] = '\0';
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size) == 1)
    len = wsuv__tls_hello_name(extension, size, name);
  chosen = choose_identity(setup, name, len);
  if ((chosen > 0 && SSL_set_SSL_CTX(ssl, setup->ctxs[chosen]) == NULL) ||
      !set_session_scope(ssl, setup, name, len)) {
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

/* The choice was made already; this has OpenSSL keep the name. */
static int on_server_name(SSL *ssl, int *alert, void *arg) {
  (void)ssl;
  (void)alert;
  (void)arg;
  return SSL_TLSEXT_ERR_OK;
}

static int on_status_request(SSL *ssl, void *arg) {
  const struct wsuv__tls_staple *staple = arg;
  unsigned char *copy = OPENSSL_memdup(staple->response, staple->len);

  if (copy == NULL)
    return SSL_TLSEXT_ERR_NOACK;
  if (SSL_set_tlsext_status_ocsp_resp(ssl, copy, (int)staple->len) != 1) {
    OPENSSL_free(copy);
    return SSL_TLSEXT_ERR_NOACK;
  }
  return SSL_TLSEXT_ERR_OK;
}

/* ---- which protocol ---- */

/* A client that speaks only others is refused (RFC 7301 3.2); what it offers was checked by OpenSSL. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *offer, unsigned offer_len, void *arg) {
  unsigned at = 0;

  (void)ssl;
  (void)arg;
  while (at < offer_len && offer[at] < offer_len - at) {
    if (offer[at] == http_1_1[0] && memcmp(offer + at, http_1_1, sizeof http_1_1 - 1) == 0) {
      *out = offer + at + 1;
      *out_len = offer[at];
      return SSL_TLSEXT_ERR_OK;
    }
    at += 1u + offer[at];
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- sessions ---- */

/* Results of a ticket that was opened. */
enum { NOT_OURS, OPENED, OPENED_AND_TO_BE_REPLACED };

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int is_sealing) {
  struct wsuv__tls_setup *setup = setup_of(ssl);
  int result = NOT_OURS;

  uv_mutex_lock(&setup->lock);
  if (wsuv__tickets_rotate(&setup->tickets, uv_hrtime() / NS_PER_S) == 0)
    result = is_sealing ? wsuv__tickets_seal(&setup->tickets, name, iv, cipher, mac)
                        : wsuv__tickets_open(&setup->tickets, name, iv, cipher, mac);
  uv_mutex_unlock(&setup->lock);
  if (!is_sealing && result == OPENED && SSL_version(ssl) >= TLS1_3_VERSION)
    result = OPENED_AND_TO_BE_REPLACED; /* it is not used again (RFC 8446 C.4) */
  return result;
}

static int on_new_session(SSL *ssl, SSL_SESSION *session) {
  struct wsuv__tls_setup *setup = setup_of(ssl);
  const char *host = wsuv__tls_stream_host_of(ssl);

  if (host == NULL)
    return 0;
  uv_mutex_lock(&setup->lock);
  wsuv__tls_sessions_put(&setup->sessions, &setup->allocator, host, session);
  uv_mutex_unlock(&setup->lock);
  return 1;
}

/* ---- whether the peer will do ---- */

int wsuv__tls_callbacks_pin_of(const X509 *cert, unsigned char out[WSUV__TLS_PIN_SIZE]) {
  unsigned char *der = NULL;
  int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
  int ok = len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;

  OPENSSL_free(der);
  return ok;
}

static int is_pinned(const struct wsuv__tls_setup *setup, const X509 *cert) {
  unsigned char pin[WSUV__TLS_PIN_SIZE];
  size_t i;

  if (setup->npins == 0)
    return 1;
  if (cert == NULL || !wsuv__tls_callbacks_pin_of(cert, pin))
    return 0;
  for (i = 0; i < setup->npins; i++)
    if (memcmp(pin, setup->pins[i], sizeof pin) == 0)
      return 1;
  return 0;
}

static int on_verify(X509_STORE_CTX *store, void *arg) {
  const struct wsuv__tls_setup *setup = arg;
  int ok = setup->skips_verification ? 1 : X509_verify_cert(store);

  if (ok != 1 || is_pinned(setup, X509_STORE_CTX_get0_cert(store)))
    return ok;
  X509_STORE_CTX_set_error(store, WSUV__TLS_NOT_PINNED);
  return 0;
}

/* ---- secrets ---- */

/* One write for a line, so that lines of several threads and processes stay whole. */
static void on_secret(const SSL *ssl, const char *line) {
  const struct wsuv__tls_setup *setup = setup_of(ssl);
  uv_buf_t bufs[2];
  char newline[] = "\n";
  uv_fs_t req;

  bufs[0] = uv_buf_init((char *)(uintptr_t)line, (unsigned)strlen(line));
  bufs[1] = uv_buf_init(newline, 1);
  (void)uv_fs_write(NULL, &req, setup->keylog, bufs, 2, -1, NULL);
  uv_fs_req_cleanup(&req);
}

static void set_for_server(SSL_CTX *ctx, struct wsuv__tls_setup *setup, size_t i) {
  SSL_CTX_set_client_hello_cb(ctx, on_client_hello, setup);
  (void)SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
  SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
  (void)SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
  if (setup->staples[i].response == NULL)
    return;
  (void)SSL_CTX_set_tlsext_status_cb(ctx, on_status_request);
  (void)SSL_CTX_set_tlsext_status_arg(ctx, &setup->staples[i]);
}

static int set_for_client(SSL_CTX *ctx, const struct wsuv__tls_setup *setup) {
  if (setup->session_lifetime_s > 0)
    SSL_CTX_sess_set_new_cb(ctx, on_new_session);
  return SSL_CTX_set_alpn_protos(ctx, http_1_1, sizeof http_1_1 - 1) == 0 ? 0 : -1;
}

int wsuv__tls_callbacks_set(SSL_CTX *ctx, struct wsuv__tls_setup *setup, size_t i) {
  if (SSL_CTX_set_app_data(ctx, setup) != 1)
    return -1;
  if (setup->npins > 0 || setup->skips_verification)
    SSL_CTX_set_cert_verify_callback(ctx, on_verify, setup);
  if (setup->keylog >= 0)
    SSL_CTX_set_keylog_callback(ctx, on_secret);
  if (setup->role == WSUV_CLIENT)
    return set_for_client(ctx, setup);
  set_for_server(ctx, setup, i);
  return 0;
}
