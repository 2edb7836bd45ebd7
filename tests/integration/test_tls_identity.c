/* Whom a client believes to be the host it asked for (RFC 9525, RFC 5280 6), and what it sends as server_name (RFC 6066 3). */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/ssl_peer.h"
#include "integration/tls_loopback.h"

struct row {
  const char *title;
  const char *cert; /* the server's */
  const char *ca;   /* the client's */
  const char *crl;
  const char *name;  /* asked for */
  int error;         /* 0: accepted */
  const char *why;   /* a part of the client's detail */
  const char *alert; /* a part of what the server hears */
};

#define WRONG_HOST(title, cert, name) \
  { title, cert, "ca", NULL, name, WSUV_ECERTHOST, name, "bad certificate" }
#define GOOD(title, cert, name) \
  { title, cert, "ca", NULL, name, 0, NULL, NULL }

static const struct row rows[] = {
    GOOD("a name", "server", "localhost"),
    GOOD("with a dot at its end", "server", "localhost."),
    GOOD("asked for in upper case", "server", "LOCALHOST"),
    GOOD("upper case in the certificate", "upper", "localhost"),
    GOOD("an IPv4 address", "server", "127.0.0.1"),
    GOOD("an IPv6 address", "server", "::1"),
    GOOD("an IPv6 address in another form", "server", "0:0:0:0:0:0:0:1"),
    GOOD("an A-label", "idn", "xn--bcher-kva.example"),
    GOOD("a wildcard", "wildcard", "b.a.example"),
    {"an intermediate", "chain", "ca", NULL, "localhost", 0, NULL, NULL},
    {"an intermediate as the authority", "chain", "intermediate", NULL, "localhost", 0, NULL, NULL},
    {"one of two authorities", "other", "ca_both", NULL, "localhost", 0, NULL, NULL},
    {"not on the list", "server", "ca", "crl", "localhost", 0, NULL, NULL},
    {"revoked by no list", "revoked", "ca", "crl_empty", "localhost", 0, NULL, NULL},

    WRONG_HOST("another host", "a", "localhost"),
    WRONG_HOST("a suffix", "server", "localhost.evil.example"),
    WRONG_HOST("a prefix", "server", "evil.localhost"),
    WRONG_HOST("no label for a wildcard", "wildcard", "a.example"),
    WRONG_HOST("two labels for a wildcard", "wildcard", "c.b.a.example"),
    WRONG_HOST("a wildcard in a label", "partial_wildcard", "foo.a.example"),
    WRONG_HOST("two wildcards", "double_wildcard", "b.a.example"),
    WRONG_HOST("nothing but a wildcard", "bare_wildcard", "localhost"),
    WRONG_HOST("a common name", "cn_only", "localhost"),
    WRONG_HOST("a common name beside another name", "other_san", "localhost"),
    WRONG_HOST("an address as a name", "dns_ip", "127.0.0.1"),
    WRONG_HOST("another address", "server", "127.0.0.2"),
    {"another IPv6 address", "server", "ca", NULL, "::2", WSUV_ECERTHOST, "it is not for",
     "bad certificate"},
    WRONG_HOST("another A-label", "idn", "xn--bcher-kvb.example"),

    {"expired", "expired", "ca", NULL, "localhost", WSUV_ECERTEXPIRED, "expired",
     "certificate expired"},
    {"early", "early", "ca", NULL, "localhost", WSUV_ECERTEARLY, "not yet valid",
     "bad certificate"},
    {"signed by itself", "self_signed", "ca", NULL, "localhost", WSUV_ECERTAUTHORITY, "self-signed",
     "unknown CA"},
    {"another authority", "other", "ca", NULL, "localhost", WSUV_ECERTAUTHORITY, "issuer",
     "unknown CA"},
    {"an intermediate is missing", "chain_missing", "ca", NULL, "localhost", WSUV_ECERTAUTHORITY,
     "issuer", "unknown CA"},
    {"issued by no authority", "under_not_ca", "ca", NULL, "localhost", WSUV_ECERTIFICATE,
     "certificate not accepted", ""},
    {"for clients only", "client_auth_only", "ca", NULL, "localhost", WSUV_ECERTIFICATE, "purpose",
     "unsupported certificate"},
    {"against its authority's constraints", "constrained", "ca", NULL, "localhost",
     WSUV_ECERTIFICATE, "subtree", ""},
    {"revoked", "revoked", "ca", "crl", "localhost", WSUV_ECERTREVOKED, "revoked",
     "certificate revoked"},
};

/* The certificate without its intermediate has the key of the one with it. */
static void prepare(struct tls_rig *rig, const struct row *row) {
  party_init(&rig->server_side, row->cert, NULL);
  if (strcmp(row->cert, "chain_missing") == 0)
    rig->server_side.identity.key_file = CERTS("chain.key");
  party_init(&rig->client_side, NULL, row->ca);
  if (row->crl != NULL)
    party_set_crl(&rig->client_side, row->crl);
  rig->to.tls_name = row->name;
}

static void check_refusal(struct tls_rig *rig, const struct row *row) {
  rig_refused(rig, row->error);
  CHECK_NOT_NULL(strstr(rig->client.end.detail, row->why));
  RUN_UNTIL(&rig->lb, rig->host.nfailed == 1);
  CHECK_ERR(WSUV_ECERTREFUSED, rig->host.error);
  CHECK_NOT_NULL(strstr(rig->host.detail, row->alert));
  CHECK_NOT_NULL(strstr(rig->host.peer, "127.0.0.1:"));
  CHECK_SIZE(0, rig->host.nupgrades); /* no request came */
  CHECK_SIZE(0, rig->host.host.ntalkers);
}

/* Names that are not ASCII are the application's to convert (see test_unicode).
 * covers: W016 T006 T007 T008 T009 T010 T011 T012 T014 T015 T016 T003 */
static void test_identity(const void *given) {
  const struct row *row = given;
  struct tls_rig rig;

  rig_open(&rig);
  prepare(&rig, row);
  rig_listen(&rig);
  if (row->error == 0) {
    rig_connect(&rig);
    rig_hang_up(&rig, &rig.client);
  } else {
    check_refusal(&rig, row);
  }
  rig_close(&rig);
}

/* The same with TLS 1.2, where the alert comes before the server is done. */
static void test_identity_1_2(const void *given) {
  const struct row *row = given;
  struct tls_rig rig;

  rig_open(&rig);
  prepare(&rig, row);
  rig_make_contexts(&rig);
  tls_limit(rig.client_tls, TLS1_2_VERSION);
  rig_listen(&rig);
  if (row->error == 0)
    rig_connect(&rig);
  else
    check_refusal(&rig, row);
  rig_close(&rig);
}

/* Whoever asks for it gets it: any certificate at all.
 * covers: T013 */
static void test_skip(const void *given) {
  const struct row *row = given;
  struct tls_rig rig;
  wsuv_tls_info_t info;

  rig_open(&rig);
  prepare(&rig, row);
  rig.client_side.options.dangerously_skip_verification = 1;
  rig_listen(&rig);
  rig_connect(&rig);
  CHECK_ERR(0, wsuv_conn_tls(rig.client.conn, &info));
  CHECK_INT(0, info.peer_verified);
  rig_close(&rig);
}

/* ---- pins ---- */

struct pin_row {
  const char *title;
  const char *cert;
  int own_pin; /* the pin of pin.txt, which is of "server"; else another */
  int skip;
  int error;
};

static const struct pin_row pin_rows[] = {
    {"the right pin", "server", 1, 0, 0},
    {"the right pin without verification", "server", 1, 1, 0},
    {"a wrong pin", "server", 0, 0, WSUV_ECERTPIN},
    {"a wrong pin without verification", "server", 0, 1, WSUV_ECERTPIN},
    {"the pin of another", "server2", 1, 0, WSUV_ECERTPIN},
    {"a wrong pin, signed by itself, without verification", "self_signed", 1, 1, WSUV_ECERTPIN},
    {"signed by itself", "self_signed", 1, 0, WSUV_ECERTAUTHORITY},
};

static void test_pin(const void *given) {
  static const char other[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  const struct pin_row *row = given;
  struct tls_rig rig;
  const char *pins[2] = {other, other};
  size_t len;
  char *text = read_file(CERTS("pin.txt"), &len);

  text[strcspn(text, "\r\n")] = '\0';
  if (row->own_pin)
    pins[1] = text;
  rig_open(&rig);
  party_init(&rig.server_side, row->cert, NULL);
  rig.client_side.options.pins = pins;
  rig.client_side.options.npins = 2;
  rig.client_side.options.dangerously_skip_verification = row->skip;
  rig_listen(&rig);
  if (row->error == 0) {
    rig_connect(&rig);
  } else {
    rig_refused(&rig, row->error);
    RUN_UNTIL(&rig.lb, rig.host.nfailed == 1);
    CHECK_ERR(WSUV_ECERTREFUSED, rig.host.error);
    CHECK_SIZE(0, rig.host.nupgrades);
  }
  if (row->error == WSUV_ECERTPIN)
    CHECK_NOT_NULL(strstr(rig.client.end.detail, "pinned"));
  rig_close(&rig);
  free(text);
}

/* ---- server_name ---- */

struct name_row {
  const char *title;
  const char *url_host;
  const char *tls_name;
  const char *sent;  /* "" for none */
  const char *shown; /* the subject of the certificate that the server chose */
};

static const struct name_row name_rows[] = {
    {"the URL's", "localhost", NULL, "localhost", "CN=server"},
    {"the URL's, with a dot", "localhost.", NULL, "localhost", "CN=server"},
    {"the URL's, in upper case", "LocalHost", NULL, NULL, "CN=server"},
    {"another than the URL's", "127.0.0.1", "a.example", "a.example", "CN=a"},
    {"with a dot", "127.0.0.1", "b.example.", "b.example", "CN=b"},
    {"in upper case", "127.0.0.1", "B.EXAMPLE", NULL, "CN=b"},
    {"of a wildcard", "127.0.0.1", "x.a.example", "x.a.example", "CN=wildcard"},
    {"which nobody has", "127.0.0.1", "nobody.example", "nobody.example", "CN=server"},
    {"none for IPv4", "127.0.0.1", NULL, "", "CN=server"},
    {"none for an IPv4 tls_name", "localhost", "127.0.0.1", "", "CN=server"},
    {"none for IPv6", "[::1]", NULL, "", "CN=server"},
    {"none for an IPv6 tls_name", "localhost", "::1", "", "CN=server"},
};

static void add_identities(wsuv_tls_identity_t *identities, struct tls_party *party) {
  static const char *const files[][2] = {
      {CERTS("server.pem"), CERTS("server.key")},
      {CERTS("a.pem"), CERTS("a.key")},
      {CERTS("b.pem"), CERTS("b.key")},
      {CERTS("wildcard.pem"), CERTS("wildcard.key")},
  };
  size_t i;

  for (i = 0; i < 4; i++) {
    identities[i] = party->identity;
    identities[i].cert_file = files[i][0];
    identities[i].key_file = files[i][1];
  }
  party->options.identities = identities;
  party->options.nidentities = 4;
}

static void check_name(struct tls_rig *rig, const struct name_row *row) {
  char subject[100];

  CHECK_ERR(0,
            wsuv_conn_tls_peer(rig->client.conn, WSUV_TLS_PEER_SUBJECT, subject, sizeof subject));
  CHECK_STR(row->shown, subject);
  if (row->sent != NULL)
    CHECK_STR(row->sent, rig->host.server_name);
}

/* covers: W018 T001 T002 T003 T004 */
static void test_name(const void *given) {
  const struct name_row *row = given;
  wsuv_tls_identity_t identities[4];
  struct tls_rig rig;
  char url[64];

  rig_open(&rig);
  add_identities(identities, &rig.server_side);
  rig.client_side.options.dangerously_skip_verification =
      strcmp(row->sent != NULL ? row->sent : "", "nobody.example") == 0;
  rig_use_path(&rig); /* names need no resolver then */
  rig_listen(&rig);
  (void)snprintf(url, sizeof url, "wss://%s/", row->url_host);
  rig.to.url = url;
  rig.to.tls_name = row->tls_name;
  rig_connect(&rig);
  check_name(&rig, row);
  rig_close(&rig);
}

/* The default is shown, and for the client that verifies it is the wrong one. */
static void test_unknown_name(void **state) {
  struct tls_rig rig;
  (void)state;

  rig_open(&rig);
  rig.to.tls_name = "nobody.example";
  rig_listen(&rig);
  rig_refused(&rig, WSUV_ECERTHOST);
  rig_close(&rig);
}

/* An IDN comes as A-labels, or not at all (RFC 9525 6.3): no other name is asked for than was given. */
static void test_unicode(void **state) {
  struct tls_rig rig;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  rig.to.url = "wss://b\xc3\xbc"
               "cher.example/";
  CHECK_ERR(WSUV_EURL, rig_connect_as(&rig, &rig.client));
  rig_close(&rig);
}

/* Names that cannot be sent. */
static void test_bad_names(void **state) {
  static char longer[300];
  struct tls_rig rig;
  (void)state;

  memset(longer, 'a', sizeof longer - 1);
  rig_open(&rig);
  rig_listen(&rig);
  rig.to.tls_name = "";
  CHECK_ERR(WSUV_EINVAL, rig_connect_as(&rig, &rig.client));
  rig.lb.ntalkers--; /* the same one again */
  rig.to.tls_name = longer;
  CHECK_ERR(WSUV_EINVAL, rig_connect_as(&rig, &rig.client));
  rig.lb.ntalkers--;
  rig.to.tls_name = ".";
  if (rig_connect_as(&rig, &rig.client) == 0) {
    RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1);
    CHECK_ERR(WSUV_EINVAL, rig.client.end.error);
  } else {
    CHECK_ERR(WSUV_EINVAL, rig.lb.result);
  }
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_unknown_name),
      cmocka_unit_test(test_unicode),
      cmocka_unit_test(test_bad_names),
  };
  int failures = CHECK_RUN_TABLE("identity", rows, test_identity);

  failures += CHECK_RUN_TABLE("identity, TLS 1.2", rows, test_identity_1_2);
  failures += CHECK_RUN_TABLE("no verification", rows, test_skip);
  failures += CHECK_RUN_TABLE("pins", pin_rows, test_pin);
  failures += CHECK_RUN_TABLE("server_name", name_rows, test_name);
  failures += cmocka_run_group_tests_name("names", tests, NULL, NULL);
  return failures;
}
