/* Certificates, revocation lists and OCSP responses as OpenSSL objects, for make_certs. What fails ends the program
 * with one line on standard error and status 1. */
#ifndef WSUV_TESTS_CERTS_X509_H
#define WSUV_TESTS_CERTS_X509_H

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>

/* Days from now, for everything that does not say otherwise. */
enum { CERTS_FROM_DAY = -1, CERTS_TO_DAY = 365 };

/* Extensions are in the notation of x509v3_config(5); NULL: not there. */
struct cert_spec {
  const char *name;         /* of its files */
  const char *issuer;       /* name; NULL: signed by itself */
  const char *followed_by;  /* name of what comes after it in its file, or NULL */
  const char *organization; /* NULL: none */
  const char *common_name;  /* NULL: its name */
  const char *basic_constraints;
  const char *key_usage;
  const char *extended_key_usage;
  const char *subject_alt_name;
  const char *name_constraints;
  int rsa;      /* 2048 bits; otherwise ECDSA P-256 */
  int from_day; /* both 0: CERTS_FROM_DAY, CERTS_TO_DAY */
  int to_day;
};

struct cert {
  X509 *x509;
  EVP_PKEY *key;
};

/* Ends the program unless `ok`. `which` may be NULL. */
void certs_require(int ok, const char *what, const char *which);

/* `issuer` NULL: signed by itself. To be freed with certs_free. */
void certs_make(struct cert *cert, const struct cert_spec *spec, const struct cert *issuer);
void certs_free(struct cert *cert);

/* A revocation list of `ca`; the caller frees it. */
X509_CRL *certs_make_crl(const struct cert *ca, long number, const struct cert *const *revoked,
                         size_t nrevoked);

/* The word of `ca` that `cert` is good; the caller frees it. */
OCSP_RESPONSE *certs_make_ocsp(const struct cert *ca, const struct cert *cert);

/* "sha256//" and the base64 of the hash of the public key; `out` has 64 octets of room. */
enum { CERTS_PIN_SIZE = 64 };
void certs_pin(const struct cert *cert, char *out);

#endif
