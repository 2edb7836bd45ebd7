#include "io/tls_peer.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "io/tls_callbacks.h"
#include "wsuv/errno.h"

static int is_verified(const SSL *ssl) {
  X509 *cert = SSL_get1_peer_certificate(ssl);
  int has_cert = cert != NULL;

  X509_free(cert);
  return has_cert && (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0 &&
         SSL_get_verify_result(ssl) == X509_V_OK;
}

/* OpenSSL passes on whatever a client sends. */
static const char *plain_or_null(const char *name) {
  const char *at = name;

  while (at != NULL && *at != '\0')
    if (*at <= ' ' || *at++ > '~')
      return NULL;
  return name;
}

void wsuv__tls_peer_info(const SSL *ssl, int skips_verification, wsuv_tls_info_t *info) {
  const unsigned char *alpn;
  unsigned alpn_len;

  memset(info, 0, sizeof *info);
  info->version = SSL_get_version(ssl);
  info->cipher = SSL_get_cipher_name(ssl);
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
  if (alpn_len == 8 && memcmp(alpn, "http/1.1", 8) == 0)
    info->alpn = "http/1.1";
  info->server_name = plain_or_null(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
  info->resumed = SSL_session_reused(ssl);
  info->peer_verified = !skips_verification && is_verified(ssl);
}

/* ---- facts, written to a memory BIO ---- */

static int write_name(BIO *bio, const X509_NAME *name) {
  return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0;
}

static int write_serial(BIO *bio, const X509 *cert) {
  return i2a_ASN1_INTEGER(bio, X509_get0_serialNumber(cert)) > 0;
}

static int write_fingerprint(BIO *bio, const X509 *cert) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned len;
  unsigned i;

  if (X509_digest(cert, EVP_sha256(), digest, &len) != 1)
    return 0;
  for (i = 0; i < len; i++)
    if (BIO_printf(bio, "%02x", digest[i]) != 2)
      return 0;
  return 1;
}

static int write_pin(BIO *bio, const X509 *cert) {
  unsigned char pin[WSUV__TLS_PIN_SIZE];
  unsigned char text[48];

  if (!wsuv__tls_callbacks_pin_of(cert, pin))
    return 0;
  (void)EVP_EncodeBlock(text, pin, sizeof pin);
  return BIO_printf(bio, "sha256//%s", (const char *)text) > 0;
}

/* One name must not pass for two, nor end a line of a log: escapes as in RFC 4514 2.4. */
static int write_escaped(BIO *bio, const char *text, long len) {
  long i;

  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    int n = c < ' ' || c > '~'                  ? BIO_printf(bio, "\\%02X", c)
            : c == ',' || c == '"' || c == '\\' ? BIO_printf(bio, "\\%c", c)
                                                : BIO_write(bio, &c, 1);
    if (n <= 0)
      return 0;
  }
  return 1;
}

static int write_alt_name(BIO *bio, GENERAL_NAME *name) {
  BIO *raw = BIO_new(BIO_s_mem());
  char *text;
  long len;
  int ok = 0;

  if (raw != NULL && GENERAL_NAME_print(raw, name) > 0) {
    len = BIO_get_mem_data(raw, &text);
    ok = write_escaped(bio, text, len);
  }
  BIO_free(raw);
  return ok;
}

static int write_alt_names(BIO *bio, const X509 *cert) {
  GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
  int n = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
  int ok = 1;
  int i;

  for (i = 0; ok && i < n; i++)
    ok =
        (i == 0 || BIO_puts(bio, ", ") > 0) && write_alt_name(bio, sk_GENERAL_NAME_value(names, i));
  GENERAL_NAMES_free(names);
  return ok;
}

static int write_fact(BIO *bio, const X509 *cert, wsuv_tls_peer_fact_t fact) {
  switch (fact) {
  case WSUV_TLS_PEER_SUBJECT:
    return write_name(bio, X509_get_subject_name(cert));
  case WSUV_TLS_PEER_ISSUER:
    return write_name(bio, X509_get_issuer_name(cert));
  case WSUV_TLS_PEER_SERIAL:
    return write_serial(bio, cert);
  case WSUV_TLS_PEER_FINGERPRINT:
    return write_fingerprint(bio, cert);
  case WSUV_TLS_PEER_PIN:
    return write_pin(bio, cert);
  case WSUV_TLS_PEER_ALT_NAMES:
    return write_alt_names(bio, cert);
  }
  return 0;
}

static int copy_out(BIO *bio, char *out, size_t size) {
  char *text;
  long len = BIO_get_mem_data(bio, &text);

  if (len < 0 || (size_t)len >= size)
    return WSUV_ENOBUFS;
  if (len > 0)
    memcpy(out, text, (size_t)len);
  out[len] = '\0';
  return 0;
}

int wsuv__tls_peer_fact(const SSL *ssl, wsuv_tls_peer_fact_t fact, char *out, size_t size) {
  X509 *cert;
  BIO *bio;
  int err;

  if (fact < WSUV_TLS_PEER_SUBJECT || fact > WSUV_TLS_PEER_ALT_NAMES)
    return WSUV_EINVAL;
  cert = SSL_get1_peer_certificate(ssl);
  if (cert == NULL)
    return WSUV_ENOCERT;
  bio = BIO_new(BIO_s_mem());
  err = bio != NULL && write_fact(bio, cert, fact) ? copy_out(bio, out, size) : WSUV_ENOMEM;
  BIO_free(bio);
  X509_free(cert);
  ERR_clear_error();
  return err;
}
