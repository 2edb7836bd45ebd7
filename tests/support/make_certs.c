/* make_certs DIR: every certificate, key and revocation list that tests need, as PEM files in DIR.
 *
 * NAME.pem is a certificate and what has to follow it, NAME.key its key. They are made when the tests are built, since
 * files in a repository would expire there. */

#include "support/certs_x509.h"

#include <openssl/pem.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <direct.h>
#else
#include <sys/stat.h>
#endif

#define CA_USAGE   .key_usage = "critical,digitalSignature,keyCertSign,cRLSign"
#define CA         .basic_constraints = "critical,CA:TRUE", CA_USAGE
#define SUB_CA     .issuer = "ca", .basic_constraints = "critical,CA:TRUE,pathlen:0", CA_USAGE
#define NO_CA      .basic_constraints = "critical,CA:FALSE"
#define SIGNS      .key_usage = "critical,digitalSignature"
#define SIGNS_RSA  .key_usage = "critical,digitalSignature,keyEncipherment"
#define TLS_SERVER .extended_key_usage = "serverAuth"
#define TLS_CLIENT .extended_key_usage = "clientAuth"
#define SERVER     NO_CA, SIGNS, TLS_SERVER
#define SERVER_RSA NO_CA, SIGNS_RSA, TLS_SERVER, .rsa = 1
#define CLIENT     NO_CA, SIGNS, TLS_CLIENT, .organization = "wsuv"

#define LOCAL        .subject_alt_name = "DNS:localhost,IP:127.0.0.1"
#define LOCAL_6      .subject_alt_name = "DNS:localhost,IP:127.0.0.1,IP:::1"
#define SAN(names)   .subject_alt_name = (names)
#define PERSON(name) .subject_alt_name = "email:" name "@example.org,URI:spiffe://example.org/" name

/* A certificate comes after its issuer. */
static const struct cert_spec specs[] = {
    {.name = "ca", .common_name = "wsuv test root", CA},
    {.name = "other_ca", .common_name = "other test root", CA},
    {.name = "intermediate", .common_name = "wsuv test intermediate", SUB_CA},

    {.name = "server", .issuer = "ca", SERVER, LOCAL_6},
    {.name = "server_rsa", .issuer = "ca", SERVER_RSA, LOCAL_6},
    {.name = "server2",
     .issuer = "ca",
     .organization = "second",
     .common_name = "server",
     SERVER,
     LOCAL_6},
    {.name = "chain", .issuer = "intermediate", .followed_by = "intermediate", SERVER, LOCAL_6},
    {.name = "big_chain",
     .issuer = "intermediate",
     .followed_by = "intermediate",
     SERVER_RSA,
     LOCAL},

    {.name = "a", .issuer = "ca", SERVER, SAN("DNS:a.example")},
    {.name = "b", .issuer = "ca", SERVER, SAN("DNS:b.example")},
    {.name = "wildcard", .issuer = "ca", SERVER, SAN("DNS:*.a.example")},
    {.name = "partial_wildcard", .issuer = "ca", SERVER, SAN("DNS:f*.a.example")},
    {.name = "double_wildcard", .issuer = "ca", SERVER, SAN("DNS:*.*.example")},
    {.name = "bare_wildcard", .issuer = "ca", SERVER, SAN("DNS:*")},
    {.name = "upper", .issuer = "ca", SERVER, SAN("DNS:LOCALHOST")},
    {.name = "idn", .issuer = "ca", SERVER, SAN("DNS:xn--bcher-kva.example")},
    {.name = "cn_only", .issuer = "ca", .common_name = "localhost", SERVER},
    {.name = "other_san",
     .issuer = "ca",
     .common_name = "localhost",
     SERVER,
     SAN("DNS:other.example")},
    {.name = "dns_ip", .issuer = "ca", SERVER, SAN("DNS:127.0.0.1")},

    {.name = "expired", .issuer = "ca", SERVER, LOCAL, .from_day = -30, .to_day = -1},
    /* Not from tomorrow: it has to be too early for as long as the others are valid. */
    {.name = "early",
     .issuer = "ca",
     SERVER,
     LOCAL,
     .from_day = CERTS_TO_DAY + 1,
     .to_day = 2 * CERTS_TO_DAY},
    /* A key usage without keyCertSign would be refused for that reason, and not by every version for the same. */
    {.name = "self_signed", NO_CA, TLS_SERVER, LOCAL},
    {.name = "not_ca", .issuer = "ca", NO_CA, TLS_SERVER, SAN("DNS:not-ca.example")},
    {.name = "under_not_ca", .issuer = "not_ca", .followed_by = "not_ca", SERVER, LOCAL},
    {.name = "other", .issuer = "other_ca", SERVER, LOCAL},
    {.name = "client_auth_only", .issuer = "ca", NO_CA, SIGNS, TLS_CLIENT, LOCAL},
    {.name = "constrained_ca",
     SUB_CA,
     .name_constraints = "critical,permitted;DNS:allowed.example"},
    {.name = "constrained",
     .issuer = "constrained_ca",
     .followed_by = "constrained_ca",
     SERVER,
     LOCAL},
    {.name = "revoked", .issuer = "ca", SERVER, LOCAL},

    {.name = "alice", .issuer = "ca", CLIENT, PERSON("alice")},
    {.name = "bob", .issuer = "ca", CLIENT, PERSON("bob")},
    {.name = "mallory", .issuer = "other_ca", CLIENT, PERSON("mallory")},
};

enum { NCERTS = sizeof specs / sizeof specs[0] };

static struct cert certs[NCERTS];
static const char *dir;

static struct cert *find_cert(const char *name) {
  size_t i;

  for (i = 0; i < NCERTS && certs[i].x509 != NULL; i++)
    if (strcmp(specs[i].name, name) == 0)
      return &certs[i];
  fprintf(stderr, "make_certs: no certificate %s yet\n", name);
  exit(1);
}

static BIO *open_file(const char *name, const char *suffix) {
  char path[4096];
  int len = snprintf(path, sizeof path, "%s/%s%s", dir, name, suffix);
  BIO *file;

  if (len < 0 || (size_t)len >= sizeof path) {
    fprintf(stderr, "make_certs: the path of the directory is too long\n");
    exit(1);
  }
  file = BIO_new_file(path, "wb");
  certs_require(file != NULL, "cannot create", path);
  return file;
}

/* A full disk is noticed here. */
static void close_file(BIO *file, const char *name) {
  certs_require(BIO_flush(file) > 0, "cannot write", name);
  BIO_free(file);
}

static void write_cert(BIO *file, const struct cert *cert, const char *name) {
  certs_require(PEM_write_bio_X509(file, cert->x509), "cannot write", name);
}

static void write_unrelated(BIO *file, int number) {
  enum { NNAMES = 120, NAME_SIZE = 48 };
  char san[NNAMES * NAME_SIZE] = "";
  char common_name[32];
  struct cert_spec spec = {.name = "unrelated", SERVER};
  struct cert cert = {NULL, NULL};
  size_t len = 0;
  int i;

  for (i = 0; i < NNAMES; i++)
    len += (size_t)snprintf(san + len, sizeof san - len, "%sDNS:padding-%03d.unrelated-%d.example",
                            i == 0 ? "" : ",", i, number);
  snprintf(common_name, sizeof common_name, "unrelated %d", number);
  spec.common_name = common_name;
  spec.subject_alt_name = san;
  certs_make(&cert, &spec, NULL);
  write_cert(file, &cert, spec.name);
  certs_free(&cert);
}

static void write_chain(const struct cert_spec *spec, const struct cert *cert) {
  BIO *file = open_file(spec->name, ".pem");
  int i;

  write_cert(file, cert, spec->name);
  if (spec->followed_by != NULL)
    write_cert(file, find_cert(spec->followed_by), spec->name);
  /* Over 16 KiB, so that a certificate message needs several records, and under the 100 KiB that OpenSSL accepts. */
  if (strcmp(spec->name, "big_chain") == 0)
    for (i = 0; i < 8; i++)
      write_unrelated(file, i);
  close_file(file, spec->name);
}

static void write_key(const struct cert *cert, const char *name, const char *password) {
  BIO *file = open_file(name, ".key");
  const EVP_CIPHER *cipher = password == NULL ? NULL : EVP_aes_256_cbc();
  char word[32] = "";

  /* A copy: OpenSSL 1.1.1 takes it without const. */
  if (password != NULL)
    snprintf(word, sizeof word, "%s", password);
  certs_require(PEM_write_bio_PKCS8PrivateKey(file, cert->key, cipher,
                                              password == NULL ? NULL : word, (int)strlen(word),
                                              NULL, NULL),
                "cannot write the key", name);
  close_file(file, name);
}

static void write_bundles(void) {
  BIO *file = open_file("ca_both", ".pem");

  write_cert(file, find_cert("ca"), "ca_both");
  write_cert(file, find_cert("other_ca"), "ca_both");
  close_file(file, "ca_both");

  file = open_file("chain_missing", ".pem");
  write_cert(file, find_cert("chain"), "chain_missing");
  close_file(file, "chain_missing");
}

static void write_crl(const char *name, long number, const struct cert *const *revoked,
                      size_t nrevoked) {
  X509_CRL *crl = certs_make_crl(find_cert("ca"), number, revoked, nrevoked);
  BIO *file = open_file(name, ".pem");

  certs_require(PEM_write_bio_X509_CRL(file, crl), "cannot write", name);
  close_file(file, name);
  X509_CRL_free(crl);
}

static void write_crls(void) {
  const struct cert *revoked[2];

  revoked[0] = find_cert("bob");
  revoked[1] = find_cert("revoked");
  write_crl("crl_empty", 1, NULL, 0);
  write_crl("crl", 2, revoked, 2);
}

static void write_ocsp(void) {
  OCSP_RESPONSE *response = certs_make_ocsp(find_cert("ca"), find_cert("server"));
  BIO *file = open_file("ocsp", ".der");
  unsigned char *der = NULL;
  int len = i2d_OCSP_RESPONSE(response, &der);

  certs_require(len > 0 && BIO_write(file, der, len) == len, "cannot write", "ocsp.der");
  close_file(file, "ocsp.der");
  OPENSSL_free(der);
  OCSP_RESPONSE_free(response);
}

static void write_pin(void) {
  char pin[CERTS_PIN_SIZE];
  BIO *file = open_file("pin", ".txt");

  certs_pin(find_cert("server"), pin);
  certs_require(BIO_printf(file, "%s\n", pin) > 0, "cannot write", "pin.txt");
  close_file(file, "pin.txt");
}

static void make_dir(void) {
#if defined(_WIN32)
  int result = _mkdir(dir);
#else
  int result = mkdir(dir, 0777);
#endif
  if (result != 0 && errno != EEXIST) {
    fprintf(stderr, "make_certs: cannot create %s: %s\n", dir, strerror(errno));
    exit(1);
  }
}

int main(int argc, char **argv) {
  size_t i;

  if (argc != 2) {
    fprintf(stderr, "usage: make_certs DIR\n");
    return 1;
  }
  dir = argv[1];
  make_dir();
  for (i = 0; i < NCERTS; i++) {
    const char *issuer = specs[i].issuer;
    certs_make(&certs[i], &specs[i], issuer == NULL ? NULL : find_cert(issuer));
    write_chain(&specs[i], &certs[i]);
    write_key(&certs[i], specs[i].name, NULL);
  }
  write_bundles();
  write_key(find_cert("server"), "encrypted", "secret");
  write_crls();
  write_ocsp();
  write_pin();
  for (i = 0; i < NCERTS; i++)
    certs_free(&certs[i]);
  return 0;
}
