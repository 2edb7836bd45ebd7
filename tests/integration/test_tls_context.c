/* wsuv_tls_context_new: everything that it refuses, and with which words; contexts of an SSL_CTX; how long contexts live. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/tls_loopback.h"

/* ---- options ---- */

static const char *const pin_list[1] = {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
static const char *const bad_pins[][1] = {
    {NULL},
    {""},
    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
    {"sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
    {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="},
    {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA?="},
    {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="},
    {"sha256//AAA="},
};

struct trial {
  struct tls_party party;
  wsuv_role_t role;
};

static void end_before_the_size(struct trial *t) {
  t->party.options.size--;
}
static void end_identity_before_its_size(struct trial *t) {
  t->party.identity.size--;
}
static void no_identity(struct trial *t) {
  t->party.options.identities = NULL;
  t->party.options.nidentities = 0;
}
static void identities_without_count(struct trial *t) {
  t->party.options.nidentities = 0;
}
static void count_without_identities(struct trial *t) {
  t->party.options.identities = NULL;
}
static void identity_without_certificate(struct trial *t) {
  t->party.identity.cert_file = NULL;
}
static void certificate_from_both(struct trial *t) {
  t->party.identity.cert = "x";
  t->party.identity.cert_len = 1;
}
static void certificate_without_length(struct trial *t) {
  t->party.identity.cert_file = NULL;
  t->party.identity.cert = "x";
}
static void key_from_both(struct trial *t) {
  t->party.identity.key = "x";
  t->party.identity.key_len = 1;
}
static void ocsp_from_both(struct trial *t) {
  t->party.identity.ocsp_file = CERTS("ocsp.der");
  t->party.identity.ocsp = "x";
  t->party.identity.ocsp_len = 1;
}
static void ca_from_both(struct trial *t) {
  t->party.options.ca_file = CERTS("ca.pem");
  t->party.options.ca = "x";
  t->party.options.ca_len = 1;
}
static void crl_from_both(struct trial *t) {
  t->party.options.crl_file = CERTS("crl.pem");
  t->party.options.crl = "x";
  t->party.options.crl_len = 1;
}
static void length_without_ca(struct trial *t) {
  t->party.options.ca_len = 1;
}
static void ask_without_authorities(struct trial *t) {
  t->party.options.client_auth = WSUV_TLS_CLIENT_OPTIONAL;
}
static void ask_in_another_way(struct trial *t) {
  party_ask(&t->party, (wsuv_tls_client_auth_t)3, "ca");
}
static void another_version(struct trial *t) {
  t->party.options.min_version = (wsuv_tls_version_t)11;
}
static void skip_as_server(struct trial *t) {
  t->party.options.dangerously_skip_verification = 1;
}
static void pins_without_count(struct trial *t) {
  t->party.options.pins = pin_list;
}
static void long_sessions(struct trial *t) {
  t->party.options.session_lifetime_s = 604801;
}
static void negative_sessions(struct trial *t) {
  t->party.options.session_lifetime_s = -7;
}
static void client(struct trial *t) {
  t->role = WSUV_CLIENT;
}
static void client_that_asks(struct trial *t) {
  t->role = WSUV_CLIENT;
  party_ask(&t->party, WSUV_TLS_CLIENT_REQUIRED, "ca");
}
static void client_of_two(struct trial *t) {
  static wsuv_tls_identity_t two[2];

  t->role = WSUV_CLIENT;
  two[0] = two[1] = t->party.identity;
  t->party.options.identities = two;
  t->party.options.nidentities = 2;
}
static void no_role(struct trial *t) {
  t->role = (wsuv_role_t)7;
}

struct row {
  const char *title;
  void (*spoil)(struct trial *t);
  int error;
  const char *why;
};

static const struct row option_rows[] = {
    {"size", end_before_the_size, WSUV_EINVAL, ""},
    {"size of an identity", end_identity_before_its_size, WSUV_EINVAL, "identities"},
    {"no identity", no_identity, WSUV_EINVAL, "a server needs an identity"},
    {"identities without count", identities_without_count, WSUV_EINVAL,
     "a server needs an identity"},
    {"count without identities", count_without_identities, WSUV_EINVAL, "identities"},
    {"identity without certificate", identity_without_certificate, WSUV_EINVAL, "identities"},
    {"certificate from both", certificate_from_both, WSUV_EINVAL, "identities"},
    {"certificate without length", certificate_without_length, WSUV_EINVAL, "identities"},
    {"key from both", key_from_both, WSUV_EINVAL, "identities"},
    {"OCSP response from both", ocsp_from_both, WSUV_EINVAL, "identities"},
    {"authorities from both", ca_from_both, WSUV_EINVAL, "ca"},
    {"revocation lists from both", crl_from_both, WSUV_EINVAL, "crl"},
    {"length without authorities", length_without_ca, WSUV_EINVAL, "ca"},
    {"asks without authorities", ask_without_authorities, WSUV_EINVAL, "authorities"},
    {"client_auth", ask_in_another_way, WSUV_EINVAL, "client_auth"},
    {"min_version", another_version, WSUV_EINVAL, "min_version"},
    {"no verification in a server", skip_as_server, WSUV_EINVAL, ""},
    {"pins without count", pins_without_count, WSUV_EINVAL, "pins"},
    {"sessions that are too long", long_sessions, WSUV_EINVAL, "session_lifetime_s"},
    {"sessions of negative length", negative_sessions, WSUV_EINVAL, "session_lifetime_s"},
    {"a client with client_auth", client_that_asks, WSUV_EINVAL, "client_auth"},
    {"a client of two identities", client_of_two, WSUV_EINVAL, "one identity"},
    {"no role", no_role, WSUV_EINVAL, ""},
    {"a client with an identity", client, 0, ""},
};

static void test_option(const void *given) {
  const struct row *row = given;
  struct trial t;
  struct failing_alloc fa;
  wsuv_tls_context_t *context = (void *)&t;
  char why[256] = "old";

  t.role = WSUV_SERVER;
  party_init(&t.party, "server", NULL);
  failing_alloc_init(&fa);
  t.party.options.allocator = &fa.allocator;
  row->spoil(&t);
  CHECK_ERR(row->error, wsuv_tls_context_new(&context, t.role, &t.party.options, why, sizeof why));
  CHECK_NOT_NULL(strstr(why, row->why));
  if (row->error != 0)
    CHECK_NULL(context);
  wsuv_tls_context_release(context);
  failing_alloc_check_no_leaks(&fa);
}

static void test_bad_pins(void **state) {
  wsuv_tls_options_t options = WSUV_TLS_OPTIONS_INIT;
  wsuv_tls_context_t *context;
  char why[256];
  size_t i;
  (void)state;

  options.npins = 1;
  for (i = 0; i < sizeof bad_pins / sizeof bad_pins[0]; i++) {
    options.pins = bad_pins[i];
    CHECK_ERR(WSUV_EINVAL, wsuv_tls_context_new(&context, WSUV_CLIENT, &options, why, sizeof why));
    CHECK_NULL(context);
    CHECK_NOT_NULL(strstr(why, "pins"));
  }
}

/* ---- files ---- */

static int give_secret(void *arg, char *out, size_t size) {
  const char *password = arg;
  size_t len = strlen(password);

  CHECK_TRUE(len <= size);
  memcpy(out, password, len);
  return (int)len;
}

static int give_none(void *arg, char *out, size_t size) {
  (void)arg;
  (void)out;
  (void)size;
  return -1;
}

static int give_too_much(void *arg, char *out, size_t size) {
  (void)arg;
  memset(out, 'x', size);
  return (int)size + 1;
}

struct file_row {
  const char *title;
  const char *cert_file;
  const char *key_file;
  const char *ca_file;
  const char *crl_file;
  const char *ocsp_file;
  int (*password)(void *arg, char *out, size_t size);
  const char *password_arg;
  int error;
  const char *why;
};

#define PEM_OF(name) CERTS(name ".pem")
#define KEY_OF(name) CERTS(name ".key")

static const struct file_row file_rows[] = {
    {"all", PEM_OF("server"), KEY_OF("server"), PEM_OF("ca"), PEM_OF("crl"), CERTS("ocsp.der"),
     NULL, NULL, 0, ""},
    {"no such certificate", PEM_OF("nothing"), KEY_OF("server"), NULL, NULL, NULL, NULL, NULL,
     UV_ENOENT, PEM_OF("nothing")},
    {"no such key", PEM_OF("server"), KEY_OF("nothing"), NULL, NULL, NULL, NULL, NULL, UV_ENOENT,
     KEY_OF("nothing")},
    {"no such authority", PEM_OF("server"), KEY_OF("server"), PEM_OF("nothing"), NULL, NULL, NULL,
     NULL, UV_ENOENT, PEM_OF("nothing")},
    {"no such list", PEM_OF("server"), KEY_OF("server"), NULL, PEM_OF("nothing"), NULL, NULL, NULL,
     UV_ENOENT, PEM_OF("nothing")},
    {"no such OCSP response", PEM_OF("server"), KEY_OF("server"), NULL, NULL, CERTS("nothing.der"),
     NULL, NULL, UV_ENOENT, CERTS("nothing.der")},
    {"a folder", CERTS(""), KEY_OF("server"), NULL, NULL, NULL, NULL, NULL, UV_EISDIR, CERTS("")},
    {"no key among the certificates", PEM_OF("server"), NULL, NULL, NULL, NULL, NULL, NULL,
     WSUV_EPEM, "key in certificate"},
    {"a key as certificate", KEY_OF("server"), KEY_OF("server"), NULL, NULL, NULL, NULL, NULL,
     WSUV_EPEM, KEY_OF("server")},
    {"a certificate as key", PEM_OF("server"), PEM_OF("server"), NULL, NULL, NULL, NULL, NULL,
     WSUV_EPEM, "key file"},
    {"a key as authority", PEM_OF("server"), KEY_OF("server"), KEY_OF("ca"), NULL, NULL, NULL, NULL,
     WSUV_EPEM, "authority file"},
    {"a certificate as list", PEM_OF("server"), KEY_OF("server"), NULL, PEM_OF("ca"), NULL, NULL,
     NULL, WSUV_EPEM, "revocation list file"},
    {"PEM as OCSP response", PEM_OF("server"), KEY_OF("server"), NULL, NULL, PEM_OF("ca"), NULL,
     NULL, WSUV_EPEM, "OCSP response file"},
    {"the key of another", PEM_OF("server"), KEY_OF("a"), NULL, NULL, NULL, NULL, NULL,
     WSUV_EKEYMISMATCH, KEY_OF("a")},
    {"a key of another kind", PEM_OF("server"), KEY_OF("server_rsa"), NULL, NULL, NULL, NULL, NULL,
     WSUV_EKEYMISMATCH, KEY_OF("server_rsa")},
    {"an encrypted key", PEM_OF("server"), KEY_OF("encrypted"), NULL, NULL, NULL, give_secret,
     "secret", 0, ""},
    {"a wrong password", PEM_OF("server"), KEY_OF("encrypted"), NULL, NULL, NULL, give_secret,
     "guess", WSUV_EPASSWORD, KEY_OF("encrypted")},
    {"an empty password", PEM_OF("server"), KEY_OF("encrypted"), NULL, NULL, NULL, give_secret, "",
     WSUV_EPASSWORD, KEY_OF("encrypted")},
    {"no password", PEM_OF("server"), KEY_OF("encrypted"), NULL, NULL, NULL, NULL, NULL,
     WSUV_EPASSWORD, KEY_OF("encrypted")},
    {"a password that there is none", PEM_OF("server"), KEY_OF("encrypted"), NULL, NULL, NULL,
     give_none, NULL, WSUV_EPASSWORD, KEY_OF("encrypted")},
    {"a password over its size", PEM_OF("server"), KEY_OF("encrypted"), NULL, NULL, NULL,
     give_too_much, NULL, WSUV_EPASSWORD, KEY_OF("encrypted")},
};

static void fill_in(struct tls_party *party, const struct file_row *row) {
  party_init(party, "server", NULL);
  party->identity.cert_file = row->cert_file;
  party->identity.key_file = row->key_file;
  party->identity.ocsp_file = row->ocsp_file;
  party->identity.password = row->password;
  party->identity.password_arg = (void *)(uintptr_t)row->password_arg;
  party->options.ca_file = row->ca_file;
  party->options.crl_file = row->crl_file;
}

static void test_file(const void *given) {
  const struct file_row *row = given;
  struct tls_party party;
  struct failing_alloc fa;
  wsuv_tls_context_t *context;
  char why[512];
  char cut[8];

  fill_in(&party, row);
  failing_alloc_init(&fa);
  party.options.allocator = &fa.allocator;
  CHECK_ERR(row->error,
            wsuv_tls_context_new(&context, WSUV_SERVER, &party.options, why, sizeof why));
  CHECK_NOT_NULL(strstr(why, row->why));
  CHECK_NULL(strchr(why, '\n'));
  CHECK_INT(row->error == 0, context != NULL);
  wsuv_tls_context_release(context);
  CHECK_ERR(row->error,
            wsuv_tls_context_new(&context, WSUV_SERVER, &party.options, cut, sizeof cut));
  CHECK_INT(0, strncmp(cut, why, 7));
  CHECK_TRUE(strlen(cut) <= 7);
  wsuv_tls_context_release(context);
  CHECK_ERR(row->error, wsuv_tls_context_new(&context, WSUV_SERVER, &party.options, NULL, 0));
  wsuv_tls_context_release(context);
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bad_pins)};
  int failures = CHECK_RUN_TABLE("options", option_rows, test_option);

  failures += CHECK_RUN_TABLE("files", file_rows, test_file);
  failures += cmocka_run_group_tests_name("pins", tests, NULL, NULL);
  return failures;
}
