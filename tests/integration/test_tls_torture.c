/* TLS with the n-th allocation failing, for every n: once, and from there on. Whatever happens, nothing crashes, hangs or
 * leaks. OpenSSL's own memory is not among it. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "integration/tls_loopback.h"

static const char payload[100000] = "some text that spans records";

static void client_hears(struct talker *t, enum event event) {
  if (event == EV_OPEN) {
    (void)CALL(t->lb, wsuv_conn_send_binary(t->conn, payload, sizeof payload));
    (void)CALL(t->lb, wsuv_conn_ping(t->conn, "p", 1));
  }
  if (event == EV_MESSAGE)
    (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, "done"));
}

/* Where the memory for the message is missing, the other side would wait for ever. */
static void server_hears(struct talker *t, enum event event) {
  if (event == EV_MESSAGE && CALL(t->lb, wsuv_conn_send_binary(t->conn, t->payload, t->len)) != 0)
    CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
}

struct row {
  const char *name;
  const char *client_cert;
  const char *tls_name;
  int version;
  int repeats; /* connections one after the other: the second resumes */
  int reloads;
};

static const struct row rows[] = {
    {"TLS 1.3", NULL, "localhost", TLS1_3_VERSION, 1, 0},
    {"TLS 1.2", NULL, "localhost", TLS1_2_VERSION, 1, 0},
    {"resumption, TLS 1.3", NULL, "localhost", TLS1_3_VERSION, 2, 0},
    {"resumption, TLS 1.2", NULL, "localhost", TLS1_2_VERSION, 2, 0},
    {"refused", NULL, "other.example", TLS1_3_VERSION, 1, 0},
    {"a client's certificate", "alice", "localhost", TLS1_3_VERSION, 1, 0},
    {"the client's is refused", "mallory", "localhost", TLS1_3_VERSION, 1, 0},
    {"a reload", NULL, "localhost", TLS1_3_VERSION, 1, 1},
};

static int may_fail(int err) {
  CHECK_TRUE(err == 0 || err == WSUV_ENOMEM);
  return err;
}

static int make_contexts(struct tls_rig *rig, const struct row *row) {
  static const char *const pins[] = {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
  struct tls_party other;
  int err;

  if (row->client_cert != NULL)
    party_ask(&rig->server_side, WSUV_TLS_CLIENT_REQUIRED, "ca");
  party_init(&rig->client_side, row->client_cert, "ca");
  rig->server_side.identity.ocsp_file = CERTS("ocsp.der");
  rig->server_side.options.allocator = &rig->lb.fa.allocator;
  rig->client_side.options.allocator = &rig->lb.fa.allocator;
  party_init(&other, NULL, "ca");
  other.options.allocator = &rig->lb.fa.allocator;
  other.options.pins = pins;
  other.options.npins = 1;
  party_set_crl(&other, "crl");
  err = may_fail(
      wsuv_tls_context_new(&rig->server_tls, WSUV_SERVER, &rig->server_side.options, NULL, 0));
  if (err == 0)
    err = may_fail(wsuv_tls_context_new(&rig->client_tls, WSUV_CLIENT, &other.options, NULL, 0));
  if (err == 0) /* pins that nobody has are away again */
    err = may_fail(wsuv_tls_context_reload(rig->client_tls, &rig->client_side.options, NULL, 0));
  if (err == 0 && row->reloads)
    err = may_fail(wsuv_tls_context_reload(rig->server_tls, &rig->server_side.options, NULL, 0));
  if (err == 0)
    tls_limit(rig->client_tls, row->version);
  return err;
}

/* Until the client ended; where its own send failed, or there is no answer, it has nothing to wait for. */
static void run_client(struct tls_rig *rig, struct talker *client) {
  int turns = 0;

  while (client->n[EV_CLOSE] == 0 && turns < 200 && rig->host.host.upgrade == NULL) {
    if (client->n[EV_OPEN] > 0)
      turns++;
    (void)uv_run(&rig->lb.uv, client->n[EV_OPEN] > 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  }
}

static void play(struct tls_rig *rig, const struct row *row, struct talker *clients) {
  int i;

  rig->host.host.on_event = server_hears;
  if (make_contexts(rig, row) != 0)
    return;
  rig->options.tls = rig->server_tls;
  rig->to.tls_name = row->tls_name;
  if (may_fail(tls_host_listen(&rig->host, &rig->options)) != 0)
    return;
  for (i = 0; i < row->repeats && rig->host.host.upgrade == NULL; i++) {
    if (may_fail(rig_connect_as(rig, &clients[i])) != 0)
      return;
    clients[i].on_event = client_hears;
    run_client(rig, &clients[i]);
  }
}

static int play_with(const void *given, struct failure failure) {
  static struct tls_rig rig;
  static struct talker clients[2];
  int failed;

  rig_open(&rig);
  failing_alloc_fail_as(&rig.lb.fa, failure);
  play(&rig, given, clients);
  failed = failing_alloc_has_failed(&rig.lb.fa);
  loopback_end(&rig.lb);
  loopback_run_out(&rig.lb);
  if (rig.host.host.upgrade != NULL)
    CHECK_ERR(WSUV_ECANCELED, CALL(&rig.lb, wsuv_upgrade_accept(rig.host.host.upgrade, NULL)));
  rig_close(&rig);
  return failed;
}

static void test_row(const void *given) {
  size_t step = loopback_is_slow() ? 11 : 1;

  CHECK_TRUE(failing_alloc_torture(play_with, given, 1, step) > 20);
  (void)failing_alloc_torture(play_with, given, 0, step);
}

/* Fails in a reload: the old one stays. */
static void test_reload(void **state) {
  struct tls_rig rig;
  size_t n;
  int err = WSUV_ENOMEM;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  party_init(&rig.server_side, "server2", NULL);
  rig.server_side.options.allocator = &rig.lb.fa.allocator;
  for (n = 1; err == WSUV_ENOMEM; n++) {
    failing_alloc_fail_once(&rig.lb.fa, n);
    err = wsuv_tls_context_reload(rig.server_tls, &rig.server_side.options, NULL, 0);
  }
  CHECK_ERR(0, err);
  CHECK_TRUE(n > 5);
  failing_alloc_fail_once(&rig.lb.fa, 0);
  rig_connect(&rig);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_reload)};
  int failures = CHECK_RUN_TABLE("tls torture", rows, test_row);

  failures += cmocka_run_group_tests_name("reload", tests, NULL, NULL);
  return failures;
}
