#include "support/certs_x509.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void certs_require(int ok, const char *what, const char *which) {
  char reason[256];

  if (ok)
    return;
  /* The first error is the cause: of a file that cannot be made, the system's. */
  ERR_error_string_n(ERR_peek_error(), reason, sizeof reason);
  fprintf(stderr, "make_certs: %s%s%s: %s\n", what, which == NULL ? "" : " ",
          which == NULL ? "" : which, reason);
  exit(1);
}

static EVP_PKEY *make_key(const struct cert_spec *spec) {
  EVP_PKEY *key = NULL;
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(spec->rsa ? EVP_PKEY_RSA : EVP_PKEY_EC, NULL);

  certs_require(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0, "no key generator for", spec->name);
  if (spec->rsa)
    certs_require(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) > 0, "no RSA for", spec->name);
  else
    certs_require(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) > 0,
                  "no P-256 for", spec->name);
  certs_require(EVP_PKEY_keygen(ctx, &key) > 0, "no key for", spec->name);
  EVP_PKEY_CTX_free(ctx);
  return key;
}

static void set_serial(X509 *x509) {
  BIGNUM *number = BN_new();
  int ok = number != NULL && BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
           BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;

  certs_require(ok, "no serial number", NULL);
  BN_free(number);
}

static void set_validity(X509 *x509, const struct cert_spec *spec) {
  int from = spec->from_day;
  int to = spec->to_day;

  if (from == 0 && to == 0) {
    from = CERTS_FROM_DAY;
    to = CERTS_TO_DAY;
  }
  certs_require(X509_time_adj_ex(X509_getm_notBefore(x509), from, 0, NULL) != NULL &&
                    X509_time_adj_ex(X509_getm_notAfter(x509), to, 0, NULL) != NULL,
                "no validity for", spec->name);
}

static void add_name_part(X509_NAME *name, const char *type, const char *text) {
  certs_require(
      X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0),
      "no name", text);
}

static void set_subject(X509 *x509, const struct cert_spec *spec) {
  X509_NAME *name = X509_NAME_new();

  certs_require(name != NULL, "no subject for", spec->name);
  if (spec->organization != NULL)
    add_name_part(name, "O", spec->organization);
  add_name_part(name, "CN", spec->common_name != NULL ? spec->common_name : spec->name);
  certs_require(X509_set_subject_name(x509, name), "no subject for", spec->name);
  X509_NAME_free(name);
}

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value) {
  X509V3_CTX ctx;
  X509_EXTENSION *extension;

  if (value == NULL)
    return;
  X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
  X509V3_set_ctx_nodb(&ctx);
  extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  certs_require(extension != NULL && X509_add_ext(x509, extension, -1), "no extension", value);
  X509_EXTENSION_free(extension);
}

static void add_extensions(X509 *x509, const struct cert_spec *spec, X509 *issuer) {
  add_extension(x509, issuer, NID_basic_constraints, spec->basic_constraints);
  add_extension(x509, issuer, NID_key_usage, spec->key_usage);
  add_extension(x509, issuer, NID_ext_key_usage, spec->extended_key_usage);
  add_extension(x509, issuer, NID_subject_key_identifier, "hash");
  if (x509 != issuer)
    add_extension(x509, issuer, NID_authority_key_identifier, "keyid:always");
  add_extension(x509, issuer, NID_subject_alt_name, spec->subject_alt_name);
  add_extension(x509, issuer, NID_name_constraints, spec->name_constraints);
}

void certs_make(struct cert *cert, const struct cert_spec *spec, const struct cert *issuer) {
  if (issuer == NULL)
    issuer = cert;
  cert->key = make_key(spec);
  cert->x509 = X509_new();
  certs_require(cert->x509 != NULL && X509_set_version(cert->x509, 2) &&
                    X509_set_pubkey(cert->x509, cert->key),
                "no certificate", spec->name);
  set_serial(cert->x509);
  set_validity(cert->x509, spec);
  set_subject(cert->x509, spec);
  certs_require(X509_set_issuer_name(cert->x509, X509_get_subject_name(issuer->x509)),
                "no issuer for", spec->name);
  add_extensions(cert->x509, spec, issuer->x509);
  certs_require(X509_sign(cert->x509, issuer->key, EVP_sha256()) > 0, "no signature for",
                spec->name);
}

void certs_free(struct cert *cert) {
  X509_free(cert->x509);
  EVP_PKEY_free(cert->key);
  memset(cert, 0, sizeof *cert);
}

static void add_crl_extensions(X509_CRL *crl, const struct cert *ca, long number) {
  X509V3_CTX ctx;
  X509_EXTENSION *key_id;
  ASN1_INTEGER *crl_number = ASN1_INTEGER_new();

  certs_require(crl_number != NULL && ASN1_INTEGER_set(crl_number, number) &&
                    X509_CRL_add1_ext_i2d(crl, NID_crl_number, crl_number, 0, 0) > 0,
                "no CRL number", NULL);
  ASN1_INTEGER_free(crl_number);

  X509V3_set_ctx(&ctx, ca->x509, NULL, NULL, crl, 0);
  X509V3_set_ctx_nodb(&ctx);
  key_id = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
  certs_require(key_id != NULL && X509_CRL_add_ext(crl, key_id, -1), "no key of the CRL", NULL);
  X509_EXTENSION_free(key_id);
}

static void revoke(X509_CRL *crl, const struct cert *cert, const ASN1_TIME *when) {
  X509_REVOKED *entry = X509_REVOKED_new();
  ASN1_TIME *date = ASN1_STRING_dup(when);

  certs_require(entry != NULL && date != NULL &&
                    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert->x509)) &&
                    X509_REVOKED_set_revocationDate(entry, date) &&
                    X509_CRL_add0_revoked(crl, entry),
                "no entry of the CRL", NULL);
  ASN1_TIME_free(date);
}

X509_CRL *certs_make_crl(const struct cert *ca, long number, const struct cert *const *revoked,
                         size_t nrevoked) {
  X509_CRL *crl = X509_CRL_new();
  ASN1_TIME *from = X509_time_adj_ex(NULL, CERTS_FROM_DAY, 0, NULL);
  ASN1_TIME *to = X509_time_adj_ex(NULL, CERTS_TO_DAY, 0, NULL);
  size_t i;

  certs_require(crl != NULL && from != NULL && to != NULL && X509_CRL_set_version(crl, 1) &&
                    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->x509)) &&
                    X509_CRL_set1_lastUpdate(crl, from) && X509_CRL_set1_nextUpdate(crl, to),
                "no CRL", NULL);
  for (i = 0; i < nrevoked; i++)
    revoke(crl, revoked[i], from);
  add_crl_extensions(crl, ca, number);
  certs_require(X509_CRL_sort(crl) && X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0,
                "no signature for the CRL", NULL);
  ASN1_TIME_free(from);
  ASN1_TIME_free(to);
  return crl;
}

OCSP_RESPONSE *certs_make_ocsp(const struct cert *ca, const struct cert *cert) {
  OCSP_RESPONSE *response;
  OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
  /* SHA-1 names the certificate and protects nothing; clients look it up by that hash. */
  OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), cert->x509, ca->x509);
  /* OCSP knows GeneralizedTime only, which X509_time_adj_ex does not make of a year before 2050. */
  ASN1_TIME *from = ASN1_GENERALIZEDTIME_adj(NULL, time(NULL), CERTS_FROM_DAY, 0);
  ASN1_TIME *to = ASN1_GENERALIZEDTIME_adj(NULL, time(NULL), CERTS_TO_DAY, 0);

  certs_require(basic != NULL && id != NULL && from != NULL && to != NULL &&
                    OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, from, to) !=
                        NULL,
                "no OCSP status", NULL);
  certs_require(OCSP_basic_sign(basic, ca->x509, ca->key, EVP_sha256(), NULL, 0),
                "no signature for the OCSP response", NULL);
  response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  certs_require(response != NULL, "no OCSP response", NULL);
  ASN1_TIME_free(from);
  ASN1_TIME_free(to);
  OCSP_CERTID_free(id);
  OCSP_BASICRESP_free(basic);
  return response;
}

void certs_pin(const struct cert *cert, char *out) {
  static const char prefix[] = "sha256//";
  unsigned char digest[SHA256_DIGEST_LENGTH];
  unsigned char *der = NULL;
  int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert->x509), &der);

  certs_require(len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL),
                "no hash of the public key", NULL);
  OPENSSL_free(der);
  memcpy(out, prefix, sizeof prefix);
  EVP_EncodeBlock((unsigned char *)out + sizeof prefix - 1, digest, sizeof digest);
}
