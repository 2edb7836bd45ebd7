/* Numbers of connections over TLS: its handshakes, and octets that are those before TLS. */
#include <stdlib.h>
#include <string.h>
#include <wsuv/stats.h>

#include "integration/raw_peer.h"
#include "integration/tls_loopback.h"

static wsuv_server_stats_t server_stats(const struct tls_rig *rig) {
  wsuv_server_stats_t stats;

  stats.size = sizeof stats;
  CHECK_ERR(0, wsuv_server_stats(rig->host.host.server, &stats));
  return stats;
}

static wsuv_loop_stats_t loop_stats(const struct tls_rig *rig) {
  wsuv_loop_stats_t stats;

  stats.size = sizeof stats;
  CHECK_ERR(0, wsuv_loop_stats(rig->lb.loop, &stats));
  return stats;
}

static void converse(struct tls_rig *rig, struct talker *client) {
  CHECK_ERR(0, rig_connect_as(rig, client));
  RUN_UNTIL(&rig->lb, client->n[EV_OPEN] == 1);
  CHECK_ERR(0, talker_say(client, "hello"));
  RUN_UNTIL(&rig->lb, client->n[EV_MESSAGE] == 1); /* tickets came before it */
}

static void test_handshakes(void **state) {
  struct tls_rig rig;
  struct talker again;
  wsuv_server_stats_t server;
  wsuv_loop_stats_t loop;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  converse(&rig, &rig.client);
  server = server_stats(&rig);
  CHECK_SIZE(1, server.tls_handshakes);
  CHECK_SIZE(0, server.tls_resumed);
  CHECK_SIZE(0, server.tls_failed);
  converse(&rig, &again);
  server = server_stats(&rig);
  CHECK_SIZE(2, server.tls_handshakes);
  CHECK_SIZE(1, server.tls_resumed);
  loop = loop_stats(&rig);
  CHECK_SIZE(2, loop.clients.tls_handshakes);
  CHECK_SIZE(1, loop.clients.tls_resumed);
  CHECK_SIZE(4, loop.total.tls_handshakes);
  rig_close(&rig);
}

/* The client does not trust the server: both sides have failed. */
static void test_failed(void **state) {
  struct tls_rig rig;
  wsuv_server_stats_t server;
  wsuv_loop_stats_t loop;
  (void)state;

  rig_open(&rig);
  party_init(&rig.client_side, NULL, "other_ca");
  rig_listen(&rig);
  rig_refused(&rig, WSUV_ECERTAUTHORITY);
  RUN_UNTIL(&rig.lb, rig.host.nfailed == 1);
  server = server_stats(&rig);
  CHECK_SIZE(0, server.tls_handshakes);
  CHECK_SIZE(1, server.tls_failed);
  CHECK_SIZE(0, server.opened);
  loop = loop_stats(&rig);
  CHECK_SIZE(1, loop.clients.tls_failed);
  CHECK_SIZE(1, loop.clients.close_codes[15]);
  rig_close(&rig);
}

/* Who leaves in the middle has failed, too. */
static void test_left(void **state) {
  struct tls_rig rig;
  struct raw raw;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  raw_connect(&raw, &rig.lb, rig.host.host.port);
  RUN_UNTIL(&rig.lb, raw.connected);
  raw_send(&raw, "\x16\x03\x01", 3);
  raw_end(&raw);
  RUN_UNTIL(&rig.lb, rig.host.nfailed == 1);
  CHECK_SIZE(1, server_stats(&rig).tls_failed);
  rig_close(&rig);
}

static void test_octets(void **state) {
  static uint8_t payload[300000];
  struct tls_rig rig;
  wsuv_conn_stats_t client;
  wsuv_conn_stats_t server;
  (void)state;

  rig_open(&rig);
  rig_listen(&rig);
  rig_connect(&rig);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_binary(rig.client.conn, payload, sizeof payload)));
  RUN_UNTIL(&rig.lb, rig.client.n[EV_MESSAGE] == 1);
  client.size = server.size = sizeof client;
  CHECK_ERR(0, wsuv_conn_stats(rig.client.conn, &client));
  CHECK_ERR(0, wsuv_conn_stats(rig.host.host.talkers[0]->conn, &server));
  CHECK_SIZE(14 + sizeof payload, client.sent.wire_octets);
  CHECK_SIZE(10 + sizeof payload, server.sent.wire_octets);
  CHECK_BYTES(&client.sent, sizeof client.sent, &server.received, sizeof server.received);
  CHECK_BYTES(&server.sent, sizeof server.sent, &client.received, sizeof client.received);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_handshakes),
      cmocka_unit_test(test_failed),
      cmocka_unit_test(test_left),
      cmocka_unit_test(test_octets),
  };
  return cmocka_run_group_tests_name("tls_stats", tests, NULL, NULL);
}
