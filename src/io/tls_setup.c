#include "io/tls_setup.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/option.h"
#include "io/tls_callbacks.h"
#include "io/tls_source.h"
#include "wsuv/errno.h"

#define DEFAULT_SESSION_LIFETIME_S 7200u
#define MAX_SESSION_LIFETIME_S     604800u /* RFC 8446 4.6.1 */

/* Authenticated encryption with forward secrecy (RFC 9325 4.2); TLS 1.3 has nothing else. */
#define CIPHERS_OF_TLS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

static int judge_part(const char *file, const void *data, size_t len) {
  return !(file != NULL && data != NULL) && (data == NULL) == (len == 0);
}

static int judge_identities(const wsuv_tls_options_t *o) {
  size_t i;

  if (o->identities == NULL && o->nidentities > 0)
    return 0;
  for (i = 0; i < o->nidentities; i++) {
    const wsuv_tls_identity_t *identity = &o->identities[i];
    if (identity->size < sizeof *identity ||
        !judge_part(identity->cert_file, identity->cert, identity->cert_len) ||
        !judge_part(identity->key_file, identity->key, identity->key_len) ||
        !judge_part(identity->ocsp_file, identity->ocsp, identity->ocsp_len) ||
        (identity->cert_file == NULL && identity->cert == NULL))
      return 0;
  }
  return 1;
}

static int judge_role(wsuv_role_t role, const wsuv_tls_options_t *o) {
  int has_ca = o->ca_file != NULL || o->ca != NULL || o->system_ca;

  if (role == WSUV_CLIENT)
    return o->nidentities <= 1 && o->client_auth == WSUV_TLS_CLIENT_NONE;
  return o->nidentities > 0 && !o->dangerously_skip_verification &&
         (o->client_auth == WSUV_TLS_CLIENT_NONE || has_ca);
}

/* NULL, or what is wrong with them. */
static const char *judge_options(wsuv_role_t role, const wsuv_tls_options_t *o) {
  if (o->size < sizeof *o)
    return "size";
  if (!judge_identities(o))
    return "identities (each needs a certificate, from a file or from memory)";
  if (!judge_part(o->ca_file, o->ca, o->ca_len) || !judge_part(o->crl_file, o->crl, o->crl_len))
    return "ca or crl (from a file or from memory, not both)";
  if ((o->pins == NULL) != (o->npins == 0))
    return "pins";
  if (o->client_auth < WSUV_TLS_CLIENT_NONE || o->client_auth > WSUV_TLS_CLIENT_REQUIRED)
    return "client_auth";
  if (o->min_version != WSUV_TLS_DEFAULT && o->min_version != WSUV_TLS_1_2 &&
      o->min_version != WSUV_TLS_1_3)
    return "min_version";
  if (!judge_role(role, o))
    return role == WSUV_SERVER
               ? "a server needs an identity, and authorities to ask for certificates"
               : "a client has one identity at most, and no client_auth";
  return NULL;
}

static int take_lifetime(struct wsuv__tls_setup *setup, const wsuv_tls_options_t *o) {
  return wsuv__option_take(&setup->session_lifetime_s, o->session_lifetime_s,
                           DEFAULT_SESSION_LIFETIME_S, 0) != 0 ||
                 setup->session_lifetime_s > MAX_SESSION_LIFETIME_S
             ? WSUV_EINVAL
             : 0;
}

/* "sha256//" and 44 octets of base64 with one "=": 32 octets. */
static int parse_pin(unsigned char *out, const char *text) {
  static const char prefix[] = "sha256//";
  unsigned char decoded[33];

  if (text == NULL || strncmp(text, prefix, sizeof prefix - 1) != 0)
    return WSUV_EINVAL;
  text += sizeof prefix - 1;
  if (strlen(text) != 44 || text[43] != '=' || text[42] == '=' ||
      EVP_DecodeBlock(decoded, (const unsigned char *)text, 44) != (int)sizeof decoded)
    return WSUV_EINVAL;
  memcpy(out, decoded, WSUV__TLS_PIN_SIZE);
  return 0;
}

static int take_pins(struct wsuv__tls_setup *setup, const wsuv_tls_options_t *o,
                     struct wsuv__tls_fault *fault) {
  size_t i;

  if (o->npins == 0)
    return 0;
  setup->pins = wsuv__alloc(&setup->allocator, o->npins * sizeof *setup->pins);
  if (setup->pins == NULL) {
    wsuv__tls_fault_of_setup(fault, WSUV_ENOMEM, "pins");
    return WSUV_ENOMEM;
  }
  for (i = 0; i < o->npins; i++) {
    if (parse_pin(setup->pins[i], o->pins[i]) != 0) {
      wsuv__tls_fault_set(fault, WSUV_EINVAL, "option pins",
                          "not \"sha256//\" and 44 characters of base64");
      return WSUV_EINVAL;
    }
  }
  setup->npins = o->npins;
  return 0;
}

static int open_keylog(struct wsuv__tls_setup *setup, const char *path,
                       struct wsuv__tls_fault *fault) {
  uv_fs_t req;
  int fd;

  if (path == NULL)
    return 0;
  fd = uv_fs_open(NULL, &req, path, UV_FS_O_WRONLY | UV_FS_O_CREAT | UV_FS_O_APPEND, 0600, NULL);
  uv_fs_req_cleanup(&req);
  if (fd < 0) {
    wsuv__tls_fault_of_setup(fault, fd, "keylog_file");
    return fd;
  }
  setup->keylog = fd;
  return 0;
}

/* ---- an SSL_CTX ---- */

static int set_versions(SSL_CTX *ctx, const wsuv_tls_options_t *o) {
  int version = o->min_version == WSUV_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;

  return SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
         SSL_CTX_set_cipher_list(ctx, CIPHERS_OF_TLS_1_2) == 1;
}

static void set_options(SSL_CTX *ctx, const struct wsuv__tls_setup *setup) {
  SSL_CTX_set_security_level(ctx, 2);
  (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  (void)SSL_CTX_set_max_early_data(ctx, 0);
  if (setup->session_lifetime_s == 0)
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
}

static int set_sessions(SSL_CTX *ctx, const struct wsuv__tls_setup *setup) {
  long mode = SSL_SESS_CACHE_OFF;

  if (setup->session_lifetime_s > 0 && setup->role == WSUV_CLIENT)
    mode = SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL;
  (void)SSL_CTX_set_session_cache_mode(ctx, mode);
  if (setup->session_lifetime_s > 0)
    (void)SSL_CTX_set_timeout(ctx, (long)setup->session_lifetime_s);
  return setup->role == WSUV_CLIENT ||
         SSL_CTX_set_num_tickets(ctx, setup->session_lifetime_s > 0 ? 1 : 0) == 1;
}

static int set_verification(SSL_CTX *ctx, const struct wsuv__tls_setup *setup,
                            const wsuv_tls_options_t *o) {
  int mode = SSL_VERIFY_NONE;
  int has_ca = o->ca_file != NULL || o->ca != NULL;

  if (setup->role == WSUV_CLIENT || o->client_auth != WSUV_TLS_CLIENT_NONE)
    mode = SSL_VERIFY_PEER;
  if (o->client_auth == WSUV_TLS_CLIENT_REQUIRED)
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(ctx, mode, NULL);
  (void)X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx), X509_V_FLAG_PARTIAL_CHAIN);
  if (o->system_ca || (setup->role == WSUV_CLIENT && !has_ca))
    return SSL_CTX_set_default_verify_paths(ctx) == 1;
  return 1;
}

static SSL_CTX *new_ctx(const struct wsuv__tls_setup *setup, const wsuv_tls_options_t *o) {
  SSL_CTX *ctx =
      SSL_CTX_new(setup->role == WSUV_SERVER ? TLS_server_method() : TLS_client_method());

  if (ctx == NULL)
    return NULL;
  set_options(ctx, setup);
  if (set_versions(ctx, o) && set_sessions(ctx, setup) && set_verification(ctx, setup, o))
    return ctx;
  SSL_CTX_free(ctx);
  return NULL;
}

static int use_trust(SSL_CTX *ctx, const struct wsuv__tls_setup *setup, const wsuv_tls_options_t *o,
                     struct wsuv__tls_fault *fault) {
  const struct wsuv__tls_source ca = {"authority", o->ca_file, o->ca, o->ca_len};
  const struct wsuv__tls_source crl = {"revocation list", o->crl_file, o->crl, o->crl_len};
  int shown = setup->role == WSUV_SERVER && o->client_auth != WSUV_TLS_CLIENT_NONE;
  int err = 0;

  if (wsuv__tls_source_is_set(&ca))
    err = wsuv__tls_source_use_authorities(ctx, &ca, shown, &setup->allocator, fault);
  if (err == 0 && wsuv__tls_source_is_set(&crl))
    err = wsuv__tls_source_use_crls(ctx, &crl, &setup->allocator, fault);
  return err;
}

static int use_identity(struct wsuv__tls_setup *setup, size_t i,
                        const wsuv_tls_identity_t *identity, struct wsuv__tls_fault *fault) {
  const struct wsuv__tls_source ocsp = {"OCSP response", identity->ocsp_file, identity->ocsp,
                                        identity->ocsp_len};
  struct wsuv__tls_staple *staple = &setup->staples[i];
  int err = wsuv__tls_source_use_identity(setup->ctxs[i], identity, &setup->allocator, fault);

  if (err == 0 && wsuv__tls_source_is_set(&ocsp))
    err = wsuv__tls_source_read_ocsp(&ocsp, &staple->response, &staple->len, &setup->allocator,
                                     fault);
  return err;
}

static int add_ctx(struct wsuv__tls_setup *setup, size_t i, const wsuv_tls_options_t *o,
                   struct wsuv__tls_fault *fault) {
  SSL_CTX *ctx = new_ctx(setup, o);
  int err;

  if (ctx == NULL) {
    wsuv__tls_fault_of_setup(fault, WSUV_ENOMEM, "SSL_CTX");
    return fault->error;
  }
  setup->ctxs[i] = ctx;
  setup->nctxs = i + 1;
  err = use_trust(ctx, setup, o, fault);
  if (err == 0 && o->nidentities > 0)
    err = use_identity(setup, i, &o->identities[i], fault);
  if (err == 0 && wsuv__tls_callbacks_set(ctx, setup, i) != 0) {
    wsuv__tls_fault_of_setup(fault, WSUV_ENOMEM, "SSL_CTX");
    err = fault->error;
  }
  return err;
}

static int add_ctxs(struct wsuv__tls_setup *setup, const wsuv_tls_options_t *o,
                    struct wsuv__tls_fault *fault) {
  size_t n = o->nidentities > 0 ? o->nidentities : 1;
  size_t i;
  int err = 0;

  setup->ctxs = wsuv__alloc_zeroed(&setup->allocator, n * sizeof(SSL_CTX *));
  setup->staples = wsuv__alloc_zeroed(&setup->allocator, n * sizeof *setup->staples);
  if (setup->ctxs == NULL || setup->staples == NULL) {
    wsuv__tls_fault_of_setup(fault, WSUV_ENOMEM, "TLS context");
    return WSUV_ENOMEM;
  }
  for (i = 0; err == 0 && i < n; i++)
    err = add_ctx(setup, i, o, fault);
  return err;
}

static struct wsuv__tls_setup *new_setup(wsuv_role_t role, const wsuv_allocator_t *a) {
  struct wsuv__tls_setup *setup = wsuv__alloc_zeroed(a, sizeof *setup);

  if (setup == NULL)
    return NULL;
  if (uv_mutex_init(&setup->lock) != 0) {
    wsuv__release(a, setup);
    return NULL;
  }
  setup->allocator = *a;
  setup->nrefs = 1;
  setup->role = role;
  setup->keylog = -1;
  return setup;
}

static int fill_in(struct wsuv__tls_setup *setup, const wsuv_tls_options_t *o,
                   struct wsuv__tls_fault *fault) {
  int err;

  setup->skips_verification = o->dangerously_skip_verification;
  if (take_lifetime(setup, o) != 0) {
    wsuv__tls_fault_set(fault, WSUV_EINVAL, "TLS option", "session_lifetime_s");
    return WSUV_EINVAL;
  }
  wsuv__tickets_init(&setup->tickets, setup->session_lifetime_s);
  if (RAND_bytes(setup->id, sizeof setup->id) != 1) {
    wsuv__tls_fault_of_setup(fault, WSUV_ERANDOM, "TLS context");
    return WSUV_ERANDOM;
  }
  err = take_pins(setup, o, fault);
  if (err == 0)
    err = open_keylog(setup, o->keylog_file, fault);
  return err != 0 ? err : add_ctxs(setup, o, fault);
}

int wsuv__tls_setup_new(struct wsuv__tls_setup **out, wsuv_role_t role,
                        const wsuv_tls_options_t *options, const wsuv_allocator_t *a,
                        struct wsuv__tls_fault *fault) {
  const char *wrong = judge_options(role, options);
  int err;

  *out = NULL;
  ERR_clear_error();
  if (wrong != NULL) {
    wsuv__tls_fault_set(fault, WSUV_EINVAL, "TLS option", wrong);
    return WSUV_EINVAL;
  }
  *out = new_setup(role, a);
  if (*out == NULL) {
    wsuv__tls_fault_of_setup(fault, WSUV_ENOMEM, "TLS context");
    return WSUV_ENOMEM;
  }
  err = fill_in(*out, options, fault);
  if (err != 0) {
    wsuv__tls_setup_unref(*out);
    *out = NULL;
  }
  return err;
}

int wsuv__tls_setup_of_ssl_ctx(struct wsuv__tls_setup **out, wsuv_role_t role, SSL_CTX *ssl_ctx,
                               const wsuv_allocator_t *a) {
  struct wsuv__tls_setup *setup = new_setup(role, a);

  *out = NULL;
  if (setup == NULL)
    return WSUV_ENOMEM;
  setup->ctxs = wsuv__alloc(a, sizeof(SSL_CTX *));
  if (setup->ctxs == NULL || !SSL_CTX_up_ref(ssl_ctx)) {
    wsuv__tls_setup_unref(setup);
    return WSUV_ENOMEM;
  }
  setup->ctxs[0] = ssl_ctx;
  setup->nctxs = 1;
  setup->is_foreign = 1;
  *out = setup;
  return 0;
}

static void free_setup(struct wsuv__tls_setup *setup) {
  wsuv_allocator_t a = setup->allocator;
  uv_fs_t req;
  size_t i;

  for (i = 0; i < setup->nctxs; i++) {
    SSL_CTX_free(setup->ctxs[i]);
    if (setup->staples != NULL)
      OPENSSL_free(setup->staples[i].response);
  }
  if (setup->keylog >= 0) {
    (void)uv_fs_close(NULL, &req, setup->keylog, NULL);
    uv_fs_req_cleanup(&req);
  }
  wsuv__tickets_wipe(&setup->tickets);
  wsuv__tls_sessions_clear(&setup->sessions, &a);
  uv_mutex_destroy(&setup->lock);
  wsuv__release(&a, setup->ctxs);
  wsuv__release(&a, setup->staples);
  wsuv__release(&a, setup->pins);
  wsuv__release(&a, setup);
}

void wsuv__tls_setup_ref(struct wsuv__tls_setup *setup) {
  uv_mutex_lock(&setup->lock);
  setup->nrefs++;
  uv_mutex_unlock(&setup->lock);
}

void wsuv__tls_setup_unref(struct wsuv__tls_setup *setup) {
  unsigned left;

  uv_mutex_lock(&setup->lock);
  left = --setup->nrefs;
  uv_mutex_unlock(&setup->lock);
  if (left == 0)
    free_setup(setup);
}
