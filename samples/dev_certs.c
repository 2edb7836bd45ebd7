/* wsuv-dev-certs: certificates to try TLS with, of an authority that nobody else knows.
 *
 *   wsuv-dev-certs certs
 *
 * makes ca, server, next (for the server, too, to be exchanged for it) and alice (a client) in the folder: NAME.pem is the
 * certificate, NAME.key its key. They are good for 90 days and for experiments: whoever has ca.key can be anybody to who trusts
 * ca.pem. It uses OpenSSL alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

#if defined(_WIN32)
#include <direct.h>
#include <io.h>
#define make_folder(path) _mkdir(path)
#define open              _open
#define fdopen            _fdopen
#define MODE_OF_KEYS      (_S_IREAD | _S_IWRITE)
#define MODE_OF_CERTS     MODE_OF_KEYS
#else
#include <unistd.h>
#define make_folder(path) mkdir(path, 0777)
#define MODE_OF_KEYS      0600
#define MODE_OF_CERTS     0644
#endif

enum { DAYS = 90, PATH_SIZE = 4096 };

struct extension {
  int nid;
  const char *value;
};

struct spec {
  const char *name, *common_name;
  struct extension extensions[4]; /* up to a value that is NULL */
};

#define LOCAL "DNS:localhost,IP:127.0.0.1,IP:::1"
#define SERVER_EXTENSIONS                                                            \
  {                                                                                  \
    {NID_key_usage, "critical,digitalSignature"}, {NID_ext_key_usage, "serverAuth"}, \
        {NID_subject_alt_name, LOCAL},                                               \
  }

/* The authority comes first. */
static const struct spec specs[] = {
    {"ca",
     "wsuv development authority",
     {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
      {NID_key_usage, "critical,keyCertSign,cRLSign"}}},
    {"server", "localhost", SERVER_EXTENSIONS},
    {"next", "localhost (next)", SERVER_EXTENSIONS},
    {"alice",
     "alice",
     {{NID_key_usage, "critical,digitalSignature"}, {NID_ext_key_usage, "clientAuth"}}},
};

enum { NSPECS = sizeof specs / sizeof specs[0] };

static const char *const suffixes[] = {".pem", ".key"};

static void fail(const char *what, const char *which, const char *why) {
  fprintf(stderr, "%s %s: %s\n", what, which, why);
  exit(CLI_RUNTIME_ERROR);
}

/* Of OpenSSL's functions. */
static void require(int ok, const char *what, const char *which) {
  const char *why = ERR_reason_error_string(ERR_peek_error());
  if (!ok)
    fail(what, which, why != NULL ? why : "OpenSSL does not say why");
}

/* ---- certificates ---- */

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
  X509V3_CTX ctx;
  X509V3_set_ctx_nodb(&ctx);
  X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  require(extension != NULL && X509_add_ext(cert, extension, -1), "cannot add", value);
  X509_EXTENSION_free(extension);
}

static void set_serial(X509 *cert) {
  BIGNUM *number = BN_new();
  require(number != NULL && BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
              BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL,
          "cannot make a", "serial number");
  BN_free(number);
}

/* A minute ago, for clocks that are a little slow. */
static void set_validity(X509 *cert) {
  require(X509_gmtime_adj(X509_getm_notBefore(cert), -60) != NULL &&
              X509_time_adj_ex(X509_getm_notAfter(cert), DAYS, 0, NULL) != NULL,
          "cannot set the", "validity");
}

static void add_name(X509_NAME *name, const char *field, const char *text) {
  require(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text, -1,
                                     -1, 0),
          "cannot name", text);
}

/* `issuer` and `issuer_key` are NULL for the authority, which signs itself. */
static X509 *make_cert(const struct spec *spec, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key) {
  X509 *cert = X509_new();
  require(cert != NULL && X509_set_version(cert, X509_VERSION_3) && X509_set_pubkey(cert, key),
          "cannot make", spec->name);
  issuer = issuer != NULL ? issuer : cert;
  set_serial(cert);
  set_validity(cert);
  add_name(X509_get_subject_name(cert), "O", "wsuv development");
  add_name(X509_get_subject_name(cert), "CN", spec->common_name);
  require(X509_set_issuer_name(cert, X509_get_subject_name(issuer)), "cannot make", spec->name);
  for (size_t i = 0; i < 4 && spec->extensions[i].value != NULL; i++)
    add_extension(cert, issuer, spec->extensions[i].nid, spec->extensions[i].value);
  add_extension(cert, issuer, NID_subject_key_identifier, "hash");
  if (issuer != cert)
    add_extension(cert, issuer, NID_authority_key_identifier, "keyid:always");
  require(X509_sign(cert, issuer_key != NULL ? issuer_key : key, EVP_sha256()) > 0, "cannot sign",
          spec->name);
  return cert;
}

/* ---- files ---- */

static void make_path(char path[PATH_SIZE], const char *folder, const char *name,
                      const char *suffix) {
  int n = snprintf(path, PATH_SIZE, "%s/%s%s", folder, name, suffix);
  if (n < 0 || n >= PATH_SIZE)
    fail("cannot write to", folder, strerror(ENAMETOOLONG));
}

/* Nothing is overwritten, unless that was asked for; then all is. */
static void remove_old(const char *folder, int force) {
  char path[PATH_SIZE];
  for (size_t i = 0; i < 2 * (size_t)NSPECS; i++) {
    make_path(path, folder, specs[i / 2].name, suffixes[i % 2]);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
      continue;
    fclose(file);
    if (!force)
      fail("there is already", path, "--force makes new ones, which nobody trusts yet");
    if (remove(path) != 0)
      fail("cannot remove", path, strerror(errno));
  }
}

/* With these permissions from its first moment on. */
static FILE *create(const char *path, int mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
  FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
  if (file == NULL)
    fail("cannot create", path, strerror(errno));
  return file;
}

static void write_files(const char *folder, const char *name, X509 *cert, EVP_PKEY *key) {
  char path[PATH_SIZE];
  make_path(path, folder, name, ".key");
  FILE *file = create(path, MODE_OF_KEYS);
  require(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), "cannot write", path);
  if (fclose(file) != 0)
    fail("cannot write", path, strerror(errno));

  make_path(path, folder, name, ".pem");
  file = create(path, MODE_OF_CERTS);
  require(PEM_write_X509(file, cert), "cannot write", path);
  if (fclose(file) != 0)
    fail("cannot write", path, strerror(errno));
  printf("made %s and its key, good for %d days\n", path, DAYS);
}

int main(int argc, char **argv) {
  int force = 0;
  const cli_option_t table[] = {
      {.name = "--force", .help = "replace those that are there", .flag = &force}};
  const cli_t cli = {
      "wsuv-dev-certs", "FOLDER",
      "Makes certificates for experiments with TLS in FOLDER: an authority (ca), servers for\n"
      "localhost, 127.0.0.1 and ::1 (server and next) and a client (alice); NAME.pem and\n"
      "NAME.key. ECDSA with P-256, good for 90 days.",
      table, sizeof table / sizeof table[0]};
  X509 *certs[NSPECS];
  EVP_PKEY *keys[NSPECS];
  int i = cli_parse(&cli, argc, argv);
  if (i + 1 != argc)
    cli_usage_error(&cli, i == argc ? "missing argument" : "unexpected argument",
                    i == argc ? "FOLDER" : argv[i + 1]);

  const char *folder = argv[i];
  if (make_folder(folder) != 0 && errno != EEXIST)
    fail("cannot create", folder, strerror(errno));
  remove_old(folder, force);
  for (size_t n = 0; n < NSPECS; n++) {
    keys[n] = EVP_EC_gen("P-256");
    require(keys[n] != NULL, "cannot make a key for", specs[n].name);
    certs[n] = make_cert(&specs[n], keys[n], n > 0 ? certs[0] : NULL, n > 0 ? keys[0] : NULL);
    write_files(folder, specs[n].name, certs[n], keys[n]);
  }
  for (size_t n = 0; n < NSPECS; n++) {
    X509_free(certs[n]);
    EVP_PKEY_free(keys[n]);
  }
  return EXIT_SUCCESS;
}
