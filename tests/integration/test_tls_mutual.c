/* Mutual TLS: whom a server asks for a certificate, and what it is told of it. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/tls_loopback.h"

struct row {
  const char *title;
  wsuv_tls_client_auth_t auth;
  const char *cert;         /* the client's */
  int client_error;         /* 0: accepted */
  int server_error;         /* of on_tls_failed */
  const char *seen_subject; /* NULL: none */
  int version;
};

#define BOTH(title, ...)                           \
  {title " (1.3)", __VA_ARGS__, TLS1_3_VERSION}, { \
    title " (1.2)", __VA_ARGS__, TLS1_2_VERSION    \
  }

#define NONE     WSUV_TLS_CLIENT_NONE
#define OPTIONAL WSUV_TLS_CLIENT_OPTIONAL
#define REQUIRED WSUV_TLS_CLIENT_REQUIRED

static const struct row rows[] = {
    BOTH("not asked, none", NONE, NULL, 0, 0, NULL),
    BOTH("not asked, alice", NONE, "alice", 0, 0, NULL),
    BOTH("not asked, mallory", NONE, "mallory", 0, 0, NULL),
    BOTH("optional, none", OPTIONAL, NULL, 0, 0, NULL),
    BOTH("optional, alice", OPTIONAL, "alice", 0, 0, "CN=alice,O=wsuv"),
    BOTH("optional, mallory", OPTIONAL, "mallory", WSUV_ECERTREFUSED, WSUV_ECERTAUTHORITY, NULL),
    BOTH("optional, a server's", OPTIONAL, "server", WSUV_ECERTREFUSED, WSUV_ECERTIFICATE, NULL),
    BOTH("required, alice", REQUIRED, "alice", 0, 0, "CN=alice,O=wsuv"),
    BOTH("required, bob", REQUIRED, "bob", 0, 0, "CN=bob,O=wsuv"),
    BOTH("required, mallory", REQUIRED, "mallory", WSUV_ECERTREFUSED, WSUV_ECERTAUTHORITY, NULL),
    {"required, none (1.3)", REQUIRED, NULL, WSUV_ECERTREFUSED, WSUV_ENOCERT, NULL, TLS1_3_VERSION},
    /* TLS 1.2 has no alert of its own for it (RFC 5246 7.4.6). */
    {"required, none (1.2)", REQUIRED, NULL, WSUV_ETLS, WSUV_ENOCERT, NULL, TLS1_2_VERSION},
};

static void prepare(struct tls_rig *rig, const struct row *row) {
  rig_open(rig);
  if (row->auth != NONE)
    party_ask(&rig->server_side, row->auth, "ca");
  party_init(&rig->client_side, row->cert, "ca");
  rig_make_contexts(rig);
  tls_limit(rig->client_tls, row->version);
  rig_listen(rig);
}

static void check_success(struct tls_rig *rig, const struct row *row) {
  rig_connect(rig);
  CHECK_INT(row->seen_subject != NULL, rig->host.peer_verified);
  CHECK_ERR(row->seen_subject != NULL ? 0 : WSUV_ENOCERT, rig->host.subject_err);
  CHECK_STR(row->seen_subject != NULL ? row->seen_subject : "", rig->host.subject);
  rig_hang_up(rig, &rig->client);
  CHECK_SIZE(0, rig->host.nfailed);
}

/* With TLS 1.3 the client is done, and has sent its request, when it is refused. */
static void test_auth(const void *given) {
  const struct row *row = given;
  struct tls_rig rig;

  prepare(&rig, row);
  if (row->client_error == 0) {
    check_success(&rig, row);
  } else {
    rig_refused(&rig, row->client_error);
    RUN_UNTIL(&rig.lb, rig.host.nfailed == 1);
    CHECK_ERR(row->server_error, rig.host.error);
    CHECK_SIZE(0, rig.host.nupgrades);
    CHECK_NOT_NULL(strstr(rig.client.end.detail, "alert"));
  }
  rig_close(&rig);
}

/* ---- facts ---- */

static int fact(const struct talker *t, wsuv_tls_peer_fact_t which, char *out, size_t size) {
  return CALL(t->lb, wsuv_conn_tls_peer(t->conn, which, out, size));
}

static int is_lower_hex(const char *text, size_t len) {
  return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

static void check_facts_of_alice(const struct talker *server) {
  char text[200];

  CHECK_ERR(0, fact(server, WSUV_TLS_PEER_SUBJECT, text, sizeof text));
  CHECK_STR("CN=alice,O=wsuv", text);
  CHECK_ERR(0, fact(server, WSUV_TLS_PEER_ISSUER, text, sizeof text));
  CHECK_STR("CN=wsuv test root", text);
  CHECK_ERR(0, fact(server, WSUV_TLS_PEER_SERIAL, text, sizeof text));
  CHECK_TRUE(strlen(text) > 0 && strspn(text, "0123456789ABCDEF") == strlen(text));
  CHECK_ERR(0, fact(server, WSUV_TLS_PEER_FINGERPRINT, text, sizeof text));
  CHECK_TRUE(is_lower_hex(text, 64));
  CHECK_ERR(0, fact(server, WSUV_TLS_PEER_ALT_NAMES, text, sizeof text));
  CHECK_STR("email:alice@example.org, URI:spiffe://example.org/alice", text);
}

static void check_pin(const struct talker *client) {
  size_t len;
  char *pin = read_file(CERTS("pin.txt"), &len);
  char text[80];

  pin[strcspn(pin, "\r\n")] = '\0';
  CHECK_ERR(0, fact(client, WSUV_TLS_PEER_PIN, text, sizeof text));
  CHECK_STR(pin, text);
  free(pin);
}

/* The size has to include the NUL; what does not fit leaves the memory as it was. */
static void check_sizes(const struct talker *server) {
  char text[16] = "unchanged";

  CHECK_ERR(WSUV_ENOBUFS, fact(server, WSUV_TLS_PEER_SUBJECT, text, 15));
  CHECK_ERR(WSUV_ENOBUFS, fact(server, WSUV_TLS_PEER_SUBJECT, text, 0));
  CHECK_STR("unchanged", text);
  CHECK_ERR(0, fact(server, WSUV_TLS_PEER_SUBJECT, text, 16));
  CHECK_STR("CN=alice,O=wsuv", text);
}

static void test_facts(void **state) {
  static const struct row row = {"", REQUIRED, "alice", 0, 0, "", TLS1_3_VERSION};
  struct tls_rig rig;
  struct talker *server;
  char text[200];
  (void)state;

  prepare(&rig, &row);
  rig_connect(&rig);
  server = rig.host.host.talkers[0];
  check_facts_of_alice(server);
  check_pin(&rig.client);
  check_sizes(server);
  CHECK_ERR(0, fact(&rig.client, WSUV_TLS_PEER_ALT_NAMES, text, sizeof text));
  CHECK_NOT_NULL(strstr(text, "DNS:localhost"));
  CHECK_ERR(WSUV_EINVAL, fact(server, (wsuv_tls_peer_fact_t)99, text, sizeof text));
  CHECK_ERR(WSUV_EINVAL, fact(server, (wsuv_tls_peer_fact_t)-1, text, sizeof text));
  rig_close(&rig);
}

/* Still known inside of on_close. */
static void ask_at_the_end(struct talker *t, enum event event) {
  wsuv_tls_info_t info;
  char text[100];

  if (event != EV_CLOSE)
    return;
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_tls(t->conn, &info)));
  CHECK_STR("TLSv1.3", info.version);
  CHECK_ERR(0, fact(t, WSUV_TLS_PEER_SUBJECT, text, sizeof text));
  CHECK_STR("CN=alice,O=wsuv", text);
  CHECK_NOT_NULL(wsuv_conn_tls_ssl(t->conn));
  t->host->arg = t;
}

static void test_facts_in_on_close(void **state) {
  static const struct row row = {"", REQUIRED, "alice", 0, 0, "", TLS1_3_VERSION};
  struct tls_rig rig;
  (void)state;

  prepare(&rig, &row);
  rig.host.host.on_event = ask_at_the_end;
  rig_connect(&rig);
  rig_hang_up(&rig, &rig.client);
  CHECK_NOT_NULL(rig.host.host.arg);
  rig_close(&rig);
}

/* Before the handshake is done, and without TLS. */
static void test_no_facts(void **state) {
  static const struct row row = {"", NONE, NULL, 0, 0, NULL, TLS1_3_VERSION};
  struct tls_rig rig;
  struct talker plain;
  struct host host;
  wsuv_tls_info_t info;
  char text[10];
  (void)state;

  prepare(&rig, &row);
  CHECK_ERR(0, rig_connect_as(&rig, &rig.client));
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_tls(rig.client.conn, &info)));
  CHECK_ERR(WSUV_ESTATE, fact(&rig.client, WSUV_TLS_PEER_SUBJECT, text, sizeof text));
  RUN_UNTIL(&rig.lb, wsuv_conn_state(rig.client.conn) == WSUV_STATE_TLS_HANDSHAKE);
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_tls(rig.client.conn, &info)));
  CHECK_ERR(WSUV_ESTATE, fact(&rig.client, WSUV_TLS_PEER_SUBJECT, text, sizeof text));
  RUN_UNTIL(&rig.lb, rig.client.n[EV_OPEN] == 1);
  host_echo(&host, &rig.lb);
  connect_pair(&host, &plain);
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_tls(plain.conn, &info)));
  CHECK_ERR(WSUV_ESTATE, fact(&plain, WSUV_TLS_PEER_SUBJECT, text, sizeof text));
  CHECK_NULL(wsuv_conn_tls_ssl(plain.conn));
  rig_close(&rig);
}

/* An upgrade whose peer is gone. */
static void test_upgrade_that_is_gone(void **state) {
  static const struct row row = {"", NONE, NULL, 0, 0, NULL, TLS1_3_VERSION};
  struct tls_rig rig;
  wsuv_tls_info_t info;
  char text[10];
  (void)state;

  prepare(&rig, &row);
  rig.host.host.on_upgrade = host_decide_late;
  CHECK_ERR(0, rig_connect_as(&rig, &rig.client));
  RUN_UNTIL(&rig.lb, rig.host.host.upgrade != NULL);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_upgrade_tls(rig.host.host.upgrade, &info)));
  CALL_VOID(&rig.lb, wsuv_conn_terminate(rig.client.conn));
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.host.server) == 0);
  CHECK_ERR(WSUV_ECANCELED, CALL(&rig.lb, wsuv_upgrade_tls(rig.host.host.upgrade, &info)));
  CHECK_ERR(WSUV_ECANCELED,
            CALL(&rig.lb, wsuv_upgrade_tls_peer(rig.host.host.upgrade, WSUV_TLS_PEER_SUBJECT, text,
                                                sizeof text)));
  CHECK_ERR(WSUV_ECANCELED, CALL(&rig.lb, wsuv_upgrade_accept(rig.host.host.upgrade, NULL)));
  rig_close(&rig);
}

/* ---- pins and lists of a server ---- */

static void test_server_pins(void **state) {
  static const char *const pins[] = {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
  struct tls_rig rig;
  (void)state;

  rig_open(&rig);
  party_ask(&rig.server_side, REQUIRED, "ca");
  rig.server_side.options.pins = pins;
  rig.server_side.options.npins = 1;
  party_init(&rig.client_side, "alice", "ca");
  rig_listen(&rig);
  rig_refused(&rig, WSUV_ECERTREFUSED);
  CHECK_ERR(WSUV_ECERTPIN, rig.host.error);
  rig_close(&rig);
}

static void test_revoked_client(void **state) {
  struct tls_rig rig;
  struct talker bob;
  (void)state;

  rig_open(&rig);
  party_ask(&rig.server_side, REQUIRED, "ca");
  party_set_crl(&rig.server_side, "crl");
  party_init(&rig.client_side, "alice", "ca");
  rig_listen(&rig);
  rig_connect(&rig);
  party_init(&rig.client_side, "bob", "ca");
  party_reload(&rig.client_side, rig.client_tls);
  CHECK_ERR(0, rig_connect_as(&rig, &bob));
  RUN_UNTIL(&rig.lb, bob.n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ECERTREFUSED, bob.end.error);
  CHECK_NOT_NULL(strstr(bob.end.detail, "revoked"));
  CHECK_ERR(WSUV_ECERTREVOKED, rig.host.error);
  CHECK_SIZE(1, rig.host.nupgrades);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_facts),       cmocka_unit_test(test_facts_in_on_close),
      cmocka_unit_test(test_no_facts),    cmocka_unit_test(test_upgrade_that_is_gone),
      cmocka_unit_test(test_server_pins), cmocka_unit_test(test_revoked_client),
  };
  int failures = CHECK_RUN_TABLE("client certificates", rows, test_auth);

  failures += cmocka_run_group_tests_name("facts", tests, NULL, NULL);
  return failures;
}
