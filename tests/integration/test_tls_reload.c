/* wsuv_tls_context_reload under way: who handshakes anew sees the new certificate, who is connected goes on. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/tls_loopback.h"

static void check_shown(const struct talker *client, const char *subject) {
  char text[100];

  CHECK_ERR(0, CALL(client->lb,
                    wsuv_conn_tls_peer(client->conn, WSUV_TLS_PEER_SUBJECT, text, sizeof text)));
  CHECK_STR(subject, text);
}

static void say_and_hear(struct tls_rig *rig, struct talker *client) {
  unsigned before = client->n[EV_MESSAGE];

  CHECK_ERR(0, talker_say(client, "still here"));
  RUN_UNTIL(&rig->lb, client->n[EV_MESSAGE] > before);
  CHECK_STR("still here", (char *)client->payload);
}

static void connect_more(struct tls_rig *rig, struct talker *client) {
  CHECK_ERR(0, rig_connect_as(rig, client));
  RUN_UNTIL(&rig->lb, client->n[EV_OPEN] == 1);
}

static void test_new_certificate(void **state) {
  struct tls_rig rig;
  struct talker later;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  rig_connect(&rig);
  check_shown(&rig.client, "CN=server");
  party_init(&rig.server_side, "server2", NULL);
  party_reload(&rig.server_side, rig.server_tls);
  connect_more(&rig, &later);
  check_shown(&later, "CN=server,O=second");
  check_shown(&rig.client, "CN=server");
  say_and_hear(&rig, &rig.client);
  say_and_hear(&rig, &later);
  rig_close(&rig);
}

/* A handshake that is under way ends as it began. */
static void test_amid_handshake(void **state) {
  struct tls_rig rig;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  CHECK_ERR(0, rig_connect_as(&rig, &rig.client));
  RUN_UNTIL(&rig.lb, wsuv_conn_state(rig.client.conn) == WSUV_STATE_TLS_HANDSHAKE &&
                         wsuv_server_nconns(rig.host.host.server) == 1);
  party_init(&rig.server_side, "server2", NULL);
  party_reload(&rig.server_side, rig.server_tls);
  RUN_UNTIL(&rig.lb, rig.client.n[EV_OPEN] == 1);
  check_shown(&rig.client, "CN=server");
  rig_close(&rig);
}

struct bad_row {
  const char *title;
  const char *cert_file;
  const char *key_file;
  int error;
  const char *why;
};

static const struct bad_row bad_rows[] = {
    {"no such certificate", CERTS("nothing.pem"), CERTS("server2.key"), UV_ENOENT, "nothing.pem"},
    {"no such key", CERTS("server2.pem"), CERTS("nothing.key"), UV_ENOENT, "nothing.key"},
    {"a key of another", CERTS("server2.pem"), CERTS("server.key"), WSUV_EKEYMISMATCH,
     "server.key"},
    {"a key as a certificate", CERTS("server2.key"), CERTS("server2.key"), WSUV_EPEM,
     "server2.key"},
};

static void test_bad_reload(const void *given) {
  const struct bad_row *row = given;
  struct tls_rig rig;
  struct talker later;
  char why[256];

  rig_open(&rig);
  rig_listen(&rig);
  rig_connect(&rig);
  rig.server_side.identity.cert_file = row->cert_file;
  rig.server_side.identity.key_file = row->key_file;
  CHECK_ERR(row->error,
            wsuv_tls_context_reload(rig.server_tls, &rig.server_side.options, why, sizeof why));
  CHECK_NOT_NULL(strstr(why, row->why));
  connect_more(&rig, &later);
  check_shown(&later, "CN=server");
  say_and_hear(&rig, &rig.client);
  rig_close(&rig);
}

/* ---- revoked by a reload ---- */

static void test_client_learns_of_revocation(void **state) {
  struct tls_rig rig;
  struct talker later;
  (void)state;

  rig_open(&rig);
  party_init(&rig.server_side, "revoked", NULL);
  rig_listen(&rig);
  rig_connect(&rig);
  say_and_hear(&rig, &rig.client); /* a session's ticket came, too */
  party_set_crl(&rig.client_side, "crl");
  party_reload(&rig.client_side, rig.client_tls);
  CHECK_ERR(0, rig_connect_as(&rig, &later));
  RUN_UNTIL(&rig.lb, later.n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ECERTREVOKED, later.end.error);
  CHECK_INT(1015, later.end.code);
  CHECK_SIZE(1, rig.host.nupgrades);
  say_and_hear(&rig, &rig.client);
  rig_close(&rig);
}

/* Bob offers the session that he was given before. */
static void test_server_learns_of_revocation(void **state) {
  struct tls_rig rig;
  struct talker again;
  struct talker later;
  (void)state;

  rig_open(&rig);
  party_ask(&rig.server_side, WSUV_TLS_CLIENT_REQUIRED, "ca");
  party_init(&rig.client_side, "bob", "ca");
  rig_listen(&rig);
  rig_connect(&rig);
  say_and_hear(&rig, &rig.client);
  connect_more(&rig, &again);
  CHECK_INT(1, rig.host.resumed);
  CHECK_STR("CN=bob,O=wsuv", rig.host.subject);
  CHECK_INT(1, rig.host.peer_verified);
  say_and_hear(&rig, &again);
  party_set_crl(&rig.server_side, "crl");
  party_reload(&rig.server_side, rig.server_tls);
  CHECK_ERR(0, rig_connect_as(&rig, &later));
  RUN_UNTIL(&rig.lb, later.n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ECERTREFUSED, later.end.error);
  CHECK_ERR(WSUV_ECERTREVOKED, rig.host.error);
  CHECK_SIZE(2, rig.host.nupgrades);
  rig_close(&rig);
}

/* ---- much of it ---- */

#define AT_ONCE 8u

struct load {
  struct tls_rig rig; /* first */
  struct talker clients[AT_ONCE];
  unsigned nopened;
  unsigned nreloads;
  unsigned wanted;
};

static void close_when_open(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, NULL));
}

/* Good and bad in turns. */
static void reload_once(struct load *load) {
  static const struct {
    const char *cert;
    const char *key;
    int err;
  } turns[] = {
      {CERTS("server2.pem"), CERTS("server2.key"), 0},
      {CERTS("server2.pem"), CERTS("server.key"), WSUV_EKEYMISMATCH},
      {CERTS("server.pem"), CERTS("server.key"), 0},
      {CERTS("nothing.pem"), CERTS("server.key"), UV_ENOENT},
  };
  struct tls_party *party = &load->rig.server_side;
  unsigned i = load->nreloads++ % 4;

  party->identity.cert_file = turns[i].cert;
  party->identity.key_file = turns[i].key;
  CHECK_ERR(turns[i].err, wsuv_tls_context_reload(load->rig.server_tls, &party->options, NULL, 0));
}

static void forget_talkers(struct load *load) {
  struct host *host = &load->rig.host.host;
  size_t i;

  RUN_UNTIL(&load->rig.lb, wsuv_server_nconns(host->server) == 0);
  for (i = 0; i < host->ntalkers; i++) {
    CHECK_INT(1, host->talkers[i]->end.clean);
    free(host->talkers[i]->payload);
    free(host->talkers[i]);
  }
  host->ntalkers = 0;
  load->rig.lb.ntalkers = 0;
}

/* Connections that begin together, with a reload amid their handshakes. */
static void play_batch(struct load *load) {
  struct loopback *lb = &load->rig.lb;
  unsigned nopen = 0;
  unsigned nclosed = 0;
  unsigned turns = 0;
  unsigned i;

  for (i = 0; i < AT_ONCE; i++) {
    CHECK_ERR(0, rig_connect_as(&load->rig, &load->clients[i]));
    load->clients[i].on_event = close_when_open;
  }
  while (nclosed < AT_ONCE) {
    loopback_turn(lb);
    if (++turns == 2)
      reload_once(load);
    for (nopen = nclosed = i = 0; i < AT_ONCE; i++) {
      nopen += load->clients[i].n[EV_OPEN];
      nclosed += load->clients[i].n[EV_CLOSE];
    }
  }
  for (i = 0; i < AT_ONCE; i++)
    CHECK_ERR(0, load->clients[i].end.error);
  load->nopened += nopen;
  forget_talkers(load);
}

static void test_load(void **state) {
  static struct load load;
  (void)state;

  memset(&load, 0, sizeof load);
  load.wanted = loopback_is_slow() ? 50 : 1000;
  rig_open(&load.rig);
  load.rig.client_side.options.session_lifetime_s = WSUV_OFF; /* full handshakes */
  rig_listen(&load.rig);
  while (load.nopened < load.wanted)
    play_batch(&load);
  CHECK_SIZE(load.nopened, load.rig.host.nupgrades);
  CHECK_SIZE(0, load.rig.host.nfailed);
  CHECK_TRUE(loopback_is_slow() || load.nreloads >= 100);
  rig_close(&load.rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_new_certificate),
      cmocka_unit_test(test_amid_handshake),
      cmocka_unit_test(test_client_learns_of_revocation),
      cmocka_unit_test(test_server_learns_of_revocation),
      cmocka_unit_test(test_load),
  };
  int failures = CHECK_RUN_TABLE("bad reloads", bad_rows, test_bad_reload);

  failures += cmocka_run_group_tests_name("reload", tests, NULL, NULL);
  return failures;
}
