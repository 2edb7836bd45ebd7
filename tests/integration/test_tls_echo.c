/* wss:// as it should go: messages of all sizes both ways, Pings, fragments and the closing handshake, for both versions of
 * TLS, with and without permessage-deflate. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv/adopt.h>
#include <wsuv/deflate.h>

#include "integration/tls_loopback.h"

#define MIB (1024u * 1024)

static const size_t sizes[] = {0,     1,     125,   126,        16366, 16384,
                               16385, 65535, 65536, 100 * 1024, MIB,   5 * MIB};
#define NSIZES (sizeof sizes / sizeof sizes[0])

static char payload[5 * MIB];

/* Letters that compress a little: much more would be out of proportion (WSUV_ERATIO). */
static void fill_payload(void) {
  uint32_t n = 1;
  size_t i;

  for (i = 0; i < sizeof payload; i++) {
    n = n * 1664525u + 1013904223u;
    payload[i] = (char)('a' + (n >> 24) % 26);
  }
}

static void echo_one(struct tls_rig *rig, wsuv_opcode_t type, size_t len) {
  struct talker *client = &rig->client;
  unsigned before = client->n[EV_MESSAGE];

  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_message(client->conn, type, payload, len, 0)));
  RUN_UNTIL(&rig->lb, client->n[EV_MESSAGE] > before);
  CHECK_INT(type, client->type);
  CHECK_SIZE(len, client->len);
  CHECK_INT(0, memcmp(payload, client->payload, len));
  CHECK_SIZE(0, wsuv_conn_queued(client->conn));
}

static void echo_fragments(struct tls_rig *rig) {
  struct talker *client = &rig->client;
  unsigned before = client->n[EV_MESSAGE];
  size_t at;

  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_begin(client->conn, WSUV_TEXT, 0)));
  for (at = 0; at < 40000; at += 10000) {
    CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_chunk(client->conn, payload + at, 10000, 0)));
    CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_ping(client->conn, "between", 7)));
  }
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_send_end(client->conn, payload + at, 1)));
  RUN_UNTIL(&rig->lb, client->n[EV_MESSAGE] > before && client->n[EV_PONG] >= 4);
  CHECK_BYTES(payload, 40001, client->payload, client->len);
}

static void ping_both(struct tls_rig *rig) {
  struct talker *client = &rig->client;
  struct talker *server = rig->host.host.talkers[0];

  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_ping(client->conn, "to the server", 13)));
  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_ping(server->conn, "to the client", 13)));
  RUN_UNTIL(&rig->lb, client->n[EV_PING] == 1 && client->n[EV_PONG] == 5 &&
                          server->n[EV_PING] == 5 && server->n[EV_PONG] == 1);
}

static void check_facts(struct tls_rig *rig, int version) {
  wsuv_tls_info_t info;

  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_tls(rig->client.conn, &info)));
  CHECK_STR(version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3", info.version);
  CHECK_STR(rig->host.version, info.version);
  CHECK_STR(rig->host.cipher, info.cipher);
  CHECK_STR("http/1.1", info.alpn);
  CHECK_STR("http/1.1", rig->host.alpn);
  CHECK_STR("localhost", info.server_name);
  CHECK_STR("localhost", rig->host.server_name);
  CHECK_INT(1, info.peer_verified);
  CHECK_INT(0, rig->host.peer_verified);
  CHECK_INT(0, info.resumed);
  CHECK_NOT_NULL(wsuv_conn_tls_ssl(rig->client.conn));
  CHECK_ERR(WSUV_ENOCERT, rig->host.subject_err);
}

static void on_detached(wsuv_conn_t *conn, uv_stream_t *stream, const void *leftover, size_t len) {
  (void)conn;
  (void)stream;
  (void)leftover;
  (void)len;
  fail();
}

struct row {
  const char *name;
  const char *cert;
  int version;
  int deflate;
  int server_closes;
  int use_path;
};

static const struct row rows[] = {
    {"TLS 1.3", "server", TLS1_3_VERSION, 0, 0, 0},
    {"TLS 1.2", "server", TLS1_2_VERSION, 0, 0, 0},
    {"TLS 1.3, RSA", "server_rsa", TLS1_3_VERSION, 0, 0, 0},
    {"TLS 1.2, RSA", "server_rsa", TLS1_2_VERSION, 0, 0, 0},
    {"TLS 1.3, a chain", "chain", TLS1_3_VERSION, 0, 0, 0},
    {"TLS 1.2, a chain of many records", "big_chain", TLS1_2_VERSION, 0, 0, 0},
    {"TLS 1.3, a chain of many records", "big_chain", TLS1_3_VERSION, 0, 0, 0},
    {"TLS 1.3, the server closes", "server", TLS1_3_VERSION, 0, 1, 0},
    {"TLS 1.2, the server closes", "server", TLS1_2_VERSION, 0, 1, 0},
    {"TLS 1.3, deflate", "server", TLS1_3_VERSION, 1, 0, 0},
    {"TLS 1.2, deflate", "server", TLS1_2_VERSION, 1, 1, 0},
    {"TLS 1.3 on a pipe", "server", TLS1_3_VERSION, 0, 0, 1},
    {"TLS 1.2 on a pipe", "server", TLS1_2_VERSION, 0, 1, 1},
};

static wsuv_deflate_t *add_deflate(struct tls_rig *rig, const wsuv_extension_t **extension) {
  static const wsuv_deflate_options_t shared = WSUV_DEFLATE_SHARED_INIT;
  wsuv_deflate_t *deflate;
  int err = wsuv_deflate_new(&deflate, &shared);

  CHECK_TRUE(err == 0 || err == WSUV_ENODEFLATE);
  if (err != 0)
    return NULL;
  *extension = wsuv_deflate_extension(deflate);
  rig->options.extensions = rig->to.extensions = extension;
  rig->options.nextensions = rig->to.nextensions = 1;
  return deflate;
}

static void hang_up_by_server(struct tls_rig *rig) {
  struct talker *server = rig->host.host.talkers[0];

  CHECK_ERR(0, CALL(&rig->lb, wsuv_conn_close(server->conn, 4002, "enough")));
  RUN_UNTIL(&rig->lb, rig->client.n[EV_CLOSE] == 1 && server->n[EV_CLOSE] == 1);
  CHECK_ERR(0, rig->client.end.error);
  CHECK_ERR(0, server->end.error);
  CHECK_INT(1, rig->client.end.clean && server->end.clean);
  CHECK_INT(4002, rig->client.end.code);
  CHECK_INT(4002, server->end.code);
  CHECK_INT(4002, server->end.sent_code);
  CHECK_STR("enough", rig->client.end.reason);
}

/* covers: W208 W060 UV.13 */
static void test_echo(const void *given) {
  const struct row *row = given;
  struct tls_rig rig;
  const wsuv_extension_t *extension;
  wsuv_deflate_t *deflate = NULL;
  size_t i;

  rig_open(&rig);
  party_init(&rig.server_side, row->cert, NULL);
  if (row->deflate)
    deflate = add_deflate(&rig, &extension);
  if (row->use_path)
    rig_use_path(&rig);
  rig_make_contexts(&rig);
  tls_limit(rig.client_tls, row->version);
  rig_listen(&rig);
  rig_connect(&rig);
  check_facts(&rig, row->version);
  CHECK_SIZE(deflate != NULL, wsuv_conn_nextensions(rig.client.conn));
  CHECK_ERR(WSUV_ESTATE, CALL(&rig.lb, wsuv_conn_detach(rig.client.conn, on_detached)));
  for (i = 0; i < NSIZES; i++)
    echo_one(&rig, i % 2 ? WSUV_TEXT : WSUV_BINARY, sizes[i]);
  echo_fragments(&rig);
  ping_both(&rig);
  if (row->server_closes)
    hang_up_by_server(&rig);
  else
    rig_hang_up(&rig, &rig.client);
  CHECK_SIZE(0, rig.host.nfailed);
  loopback_end(&rig.lb);
  RUN_UNTIL(&rig.lb, rig.lb.loop_closed);
  wsuv_deflate_free(deflate);
  rig_close(&rig);
}

/* Both sides send much at once: nobody waits for the other. */
static void test_full_duplex(void **state) {
  struct tls_rig rig;
  struct talker *server;
  int i;
  (void)state;

  rig_open(&rig);
  rig.host.host.on_event = NULL;
  rig_listen(&rig);
  rig_connect(&rig);
  server = rig.host.host.talkers[0];
  for (i = 0; i < 4; i++) {
    CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(server->conn, payload, sizeof payload)));
    CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.client.conn, payload, sizeof payload)));
  }
  RUN_UNTIL(&rig.lb, server->n[EV_MESSAGE] == 4 && rig.client.n[EV_MESSAGE] == 4);
  CHECK_INT(0, memcmp(payload, server->payload, sizeof payload));
  CHECK_INT(0, memcmp(payload, rig.client.payload, sizeof payload));
  rig_hang_up(&rig, &rig.client);
  rig_close(&rig);
}

/* What the kernel has not taken is queued, encrypted or not; on_drain comes when it is gone. */
static void test_queued(void **state) {
  struct tls_rig rig;
  struct talker *server;
  size_t queued;
  int i;
  (void)state;

  rig_open(&rig);
  rig.host.host.on_event = NULL;
  rig_listen(&rig);
  rig_connect(&rig);
  server = rig.host.host.talkers[0];
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(server->conn));
  for (i = 0; i < 4; i++)
    CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.client.conn, payload, sizeof payload)));
  CHECK_TRUE(wsuv_conn_queued(rig.client.conn) >= sizeof payload);
  for (i = 0; i < 200; i++)
    (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  queued = wsuv_conn_queued(rig.client.conn);
  CHECK_TRUE(queued > 0 && queued < 4 * sizeof payload + 1000);
  CHECK_SIZE(0, server->n[EV_MESSAGE]);
  CHECK_SIZE(0, rig.client.n[EV_DRAIN]);
  CALL_VOID(&rig.lb, wsuv_conn_read_start(server->conn));
  RUN_UNTIL(&rig.lb, server->n[EV_MESSAGE] == 4 && rig.client.n[EV_DRAIN] > 0);
  RUN_UNTIL(&rig.lb, wsuv_conn_queued(rig.client.conn) == 0);
  rig_hang_up(&rig, &rig.client);
  rig_close(&rig);
}

/* Sent and not taken, then given up: what was queued is told. */
static void test_terminate_with_much_queued(void **state) {
  struct tls_rig rig;
  struct talker *server;
  int i;
  (void)state;

  rig_open(&rig);
  rig.host.host.on_event = NULL;
  rig_listen(&rig);
  rig_connect(&rig);
  server = rig.host.host.talkers[0];
  CALL_VOID(&rig.lb, wsuv_conn_read_stop(server->conn));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.client.conn, payload, sizeof payload)));
  for (i = 0; i < 200; i++)
    (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  CALL_VOID(&rig.lb, wsuv_conn_terminate(rig.client.conn));
  CALL_VOID(&rig.lb, wsuv_conn_read_start(server->conn));
  RUN_UNTIL(&rig.lb, rig.client.n[EV_CLOSE] == 1 && server->n[EV_CLOSE] == 1);
  CHECK_ERR(WSUV_ECANCELED, rig.client.end.error);
  CHECK_INT(1006, rig.client.end.code);
  CHECK_INT(1006, server->end.code);
  CHECK_INT(0, server->end.clean);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_full_duplex),
      cmocka_unit_test(test_queued),
      cmocka_unit_test(test_terminate_with_much_queued),
  };
  int failures;

  fill_payload();
  failures = CHECK_RUN_TABLE("tls echo", rows, test_echo);
  failures += cmocka_run_group_tests_name("tls output", tests, NULL, NULL);
  return failures;
}
