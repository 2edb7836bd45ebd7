#include "certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "process.h"

#ifdef WSUV_BENCH_TLS

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define ONE_DAY 86400

static X509 *sign(EVP_PKEY *key) {
  X509 *cert = X509_new();
  X509_NAME *name = X509_NAME_new();
  if (cert == NULL || name == NULL) {
    die("no memory");
  }
  (void)X509_set_version(cert, X509_VERSION_3);
  (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  (void)X509_gmtime_adj(X509_getm_notBefore(cert), -ONE_DAY);
  (void)X509_gmtime_adj(X509_getm_notAfter(cert), ONE_DAY);
  (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
                                   -1, 0);
  (void)X509_set_subject_name(cert, name);
  (void)X509_set_issuer_name(cert, name);
  (void)X509_set_pubkey(cert, key);
  X509_NAME_free(name);
  if (X509_sign(cert, key, EVP_sha256()) == 0) {
    fail("cannot sign a certificate");
  }
  return cert;
}

static void write_files(const certificate_t *files, X509 *cert, EVP_PKEY *key) {
  FILE *cert_file = fopen(files->cert, "w");
  FILE *key_file = fopen(files->key, "w");
  if (cert_file == NULL || key_file == NULL || PEM_write_X509(cert_file, cert) != 1 ||
      PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) != 1) {
    die("cannot write a certificate");
  }
  (void)fclose(cert_file);
  (void)fclose(key_file);
}

int certificate_make(certificate_t *certificate) {
  (void)snprintf(certificate->directory, sizeof certificate->directory, "/tmp/wsuv-bench-XXXXXX");
  if (mkdtemp(certificate->directory) == NULL) {
    die("cannot make a directory for the certificate");
  }
  (void)snprintf(certificate->cert, sizeof certificate->cert, "%s/server.pem",
                 certificate->directory);
  (void)snprintf(certificate->key, sizeof certificate->key, "%s/server.key",
                 certificate->directory);
  certificate->owner = getpid();
  EVP_PKEY *key = EVP_EC_gen("P-256");
  if (key == NULL) {
    fail("cannot make a key");
  }
  X509 *cert = sign(key);
  write_files(certificate, cert, key);
  X509_free(cert);
  EVP_PKEY_free(key);
  return 1;
}

#else

int certificate_make(certificate_t *certificate) {
  (void)certificate;
  return 0;
}

#endif

void certificate_remove(const certificate_t *certificate) {
  if (certificate->owner != getpid()) {
    return;
  }
  (void)unlink(certificate->cert);
  (void)unlink(certificate->key);
  (void)rmdir(certificate->directory);
}
