#include "io/tls_source.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "wsuv/errno.h"

#define MAX_FILE_SIZE \
  (16u * 1024 * 1024) /* a bundle of all the system's authorities has 0.25 MiB */
#define READ_SIZE (16u * 1024)

/* What is read, as OpenSSL reads it; the memory may hold a key. */
struct text {
  struct wsuv__buf copy; /* of a file */
  BIO *bio;
  char name[WSUV__TLS_DETAIL_SIZE - 64]; /* for errors: "key file x" */
};

static int read_all(uv_file fd, struct wsuv__buf *copy, const wsuv_allocator_t *a) {
  uv_fs_t req;
  uv_buf_t buf;
  int n;

  do {
    if (copy->len >= MAX_FILE_SIZE)
      return UV_EFBIG;
    if (wsuv__buf_reserve(copy, a, READ_SIZE) != 0)
      return WSUV_ENOMEM;
    buf = uv_buf_init((char *)copy->base + copy->len, READ_SIZE);
    n = uv_fs_read(NULL, &req, fd, &buf, 1, -1, NULL);
    uv_fs_req_cleanup(&req);
    if (n > 0)
      copy->len += (size_t)n;
  } while (n > 0);
  return n;
}

static int read_file(const char *path, struct wsuv__buf *copy, const wsuv_allocator_t *a) {
  uv_fs_t req;
  int fd = uv_fs_open(NULL, &req, path, UV_FS_O_RDONLY, 0, NULL);
  int err;

  uv_fs_req_cleanup(&req);
  if (fd < 0)
    return fd;
  err = read_all(fd, copy, a);
  (void)uv_fs_close(NULL, &req, fd, NULL);
  uv_fs_req_cleanup(&req);
  return err;
}

static void close_text(struct text *text, const wsuv_allocator_t *a) {
  BIO_free(text->bio);
  if (text->copy.base != NULL)
    OPENSSL_cleanse(text->copy.base, text->copy.cap);
  wsuv__buf_free(&text->copy, a);
}

static int open_text(struct text *text, const struct wsuv__tls_source *source,
                     const wsuv_allocator_t *a, struct wsuv__tls_fault *fault) {
  const void *data = source->data;
  size_t len = source->len;
  int err = 0;

  memset(text, 0, sizeof *text);
  (void)snprintf(text->name, sizeof text->name, "%s%s%s", source->what,
                 source->file != NULL ? " file " : "", source->file != NULL ? source->file : "");
  if (source->file != NULL) {
    err = read_file(source->file, &text->copy, a);
    data = text->copy.base;
    len = text->copy.len;
  }
  if (err == 0 && (len == 0 || len > MAX_FILE_SIZE))
    err = WSUV_EPEM;
  if (err == 0) {
    text->bio = BIO_new_mem_buf(data, (int)len);
    err = text->bio != NULL ? 0 : WSUV_ENOMEM;
  }
  if (err != 0) {
    wsuv__tls_fault_of_setup(fault, err, text->name);
    close_text(text, a);
  }
  return err;
}

/* Whether the reading ended for want of more, and not over something broken. Zero entries are told by the caller. */
static int is_at_end(void) {
  unsigned long code = ERR_peek_last_error();
  int at_end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;

  if (at_end)
    ERR_clear_error();
  return at_end;
}

static int fail(struct wsuv__tls_fault *fault, int err, const struct text *text) {
  wsuv__tls_fault_of_setup(fault, err, text->name);
  return fault->error;
}

/* ---- an identity ---- */

static int use_chain(SSL_CTX *ctx, struct text *text, struct wsuv__tls_fault *fault) {
  X509 *cert = PEM_read_bio_X509(text->bio, NULL, NULL, NULL);
  int ok;

  if (cert == NULL)
    return fail(fault, WSUV_EPEM, text);
  ok = SSL_CTX_use_certificate(ctx, cert);
  X509_free(cert);
  while (ok == 1 && (cert = PEM_read_bio_X509(text->bio, NULL, NULL, NULL)) != NULL) {
    ok = SSL_CTX_add0_chain_cert(ctx, cert) == 1;
    if (!ok)
      X509_free(cert);
  }
  if (!ok)
    return fail(fault, WSUV_ETLS, text);
  return is_at_end() ? 0 : fail(fault, WSUV_EPEM, text);
}

struct password {
  const wsuv_tls_identity_t *identity;
  int was_asked;
};

static int give_password(char *out, int size, int is_writing, void *arg) {
  struct password *password = arg;
  const wsuv_tls_identity_t *identity = password->identity;
  int len;

  (void)is_writing;
  password->was_asked = 1;
  if (identity->password == NULL)
    return -1;
  len = identity->password(identity->password_arg, out, (size_t)size);
  return len <= size ? len : -1;
}

static int use_key(SSL_CTX *ctx, const wsuv_tls_identity_t *identity, struct text *text,
                   struct wsuv__tls_fault *fault) {
  struct password password = {identity, 0};
  EVP_PKEY *key = PEM_read_bio_PrivateKey(text->bio, NULL, give_password, &password);
  int ok;

  if (key == NULL)
    return fail(fault, password.was_asked ? WSUV_EPASSWORD : WSUV_EPEM, text);
  ok = X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) == 1 &&
       SSL_CTX_use_PrivateKey(ctx, key) == 1;
  EVP_PKEY_free(key);
  return ok ? 0 : fail(fault, WSUV_ETLS, text);
}

int wsuv__tls_source_use_identity(SSL_CTX *ctx, const wsuv_tls_identity_t *identity,
                                  const wsuv_allocator_t *a, struct wsuv__tls_fault *fault) {
  struct wsuv__tls_source cert = {"certificate", identity->cert_file, identity->cert,
                                  identity->cert_len};
  struct wsuv__tls_source key = {"key", identity->key_file, identity->key, identity->key_len};
  struct text text;
  int err = open_text(&text, &cert, a, fault);

  if (err != 0)
    return err;
  err = use_chain(ctx, &text, fault);
  close_text(&text, a);
  if (err != 0)
    return err;
  if (!wsuv__tls_source_is_set(&key)) {
    key = cert;
    key.what = "key in certificate";
  }
  err = open_text(&text, &key, a, fault);
  if (err != 0)
    return err;
  err = use_key(ctx, identity, &text, fault);
  close_text(&text, a);
  return err;
}

/* ---- authorities ---- */

/* Authorities may stand in a list twice. */
static int add_authorities(SSL_CTX *ctx, struct text *text, int shown,
                           struct wsuv__tls_fault *fault) {
  X509_STORE *store = SSL_CTX_get_cert_store(ctx);
  X509 *cert;
  size_t n = 0;
  int ok = 1;

  while (ok && (cert = PEM_read_bio_X509(text->bio, NULL, NULL, NULL)) != NULL) {
    (void)X509_check_purpose(cert, -1, 0); /* caches what several threads will look at */
    ok = X509_STORE_add_cert(store, cert) == 1;
    if (ok && shown)
      ok = SSL_CTX_add_client_CA(ctx, cert) == 1;
    X509_free(cert);
    n++;
  }
  if (!ok)
    return fail(fault, WSUV_ETLS, text);
  return is_at_end() && n > 0 ? 0 : fail(fault, WSUV_EPEM, text);
}

int wsuv__tls_source_use_authorities(SSL_CTX *ctx, const struct wsuv__tls_source *source, int shown,
                                     const wsuv_allocator_t *a, struct wsuv__tls_fault *fault) {
  struct text text;
  int err = open_text(&text, source, a, fault);

  if (err != 0)
    return err;
  err = add_authorities(ctx, &text, shown, fault);
  close_text(&text, a);
  return err;
}

static int add_crls(SSL_CTX *ctx, struct text *text, struct wsuv__tls_fault *fault) {
  X509_STORE *store = SSL_CTX_get_cert_store(ctx);
  X509_CRL *crl;
  size_t n = 0;
  int ok = 1;

  while (ok && (crl = PEM_read_bio_X509_CRL(text->bio, NULL, NULL, NULL)) != NULL) {
    ok = X509_STORE_add_crl(store, crl) == 1;
    X509_CRL_free(crl);
    n++;
  }
  if (!ok || X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) != 1)
    return fail(fault, WSUV_ETLS, text);
  return is_at_end() && n > 0 ? 0 : fail(fault, WSUV_EPEM, text);
}

int wsuv__tls_source_use_crls(SSL_CTX *ctx, const struct wsuv__tls_source *source,
                              const wsuv_allocator_t *a, struct wsuv__tls_fault *fault) {
  struct text text;
  int err = open_text(&text, source, a, fault);

  if (err != 0)
    return err;
  err = add_crls(ctx, &text, fault);
  close_text(&text, a);
  return err;
}

/* Decoded for nothing but the check. */
int wsuv__tls_source_read_ocsp(const struct wsuv__tls_source *source, unsigned char **out,
                               size_t *len, const wsuv_allocator_t *a,
                               struct wsuv__tls_fault *fault) {
  struct text text;
  OCSP_RESPONSE *response;
  int n;
  int err = open_text(&text, source, a, fault);

  *out = NULL;
  if (err != 0)
    return err;
  response = d2i_OCSP_RESPONSE_bio(text.bio, NULL);
  n = response != NULL ? i2d_OCSP_RESPONSE(response, out) : 0;
  OCSP_RESPONSE_free(response);
  if (n <= 0)
    err = fail(fault, response != NULL ? WSUV_ENOMEM : WSUV_EPEM, &text);
  *len = n > 0 ? (size_t)n : 0;
  close_text(&text, a);
  return err;
}
