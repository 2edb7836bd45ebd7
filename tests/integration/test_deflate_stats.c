/* What permessage-deflate does, in numbers: whole, in chunks, prepared for many, in pieces. */
#include <string.h>
#include <wsuv/stats.h>

#include "integration/deflate_wire.h"

#define LEN 20000u

struct rig {
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_deflate_t *deflate;
};

static void rig_open(struct rig *rig, const wsuv_deflate_options_t *options) {
  wsuv_server_options_t server = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  const wsuv_extension_t *extensions[1];

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  rig->deflate = make_deflate(&rig->lb, options);
  extensions[0] = wsuv_deflate_extension(rig->deflate);
  server.extensions = to.extensions = extensions;
  server.nextensions = to.nextensions = 1;
  host_init(&rig->host, &rig->lb);
  CHECK_ERR(0, host_listen(&rig->host, &server));
  talker_init(&rig->client, &rig->lb);
  CHECK_ERR(0, talker_connect(&rig->client, &rig->host, &to));
  RUN_UNTIL(&rig->lb, rig->client.n[EV_OPEN] == 1 && rig->host.ntalkers == 1);
  CHECK_SIZE(1, wsuv_conn_nextensions(rig->client.conn));
}

static void rig_close(struct rig *rig) {
  loopback_end(&rig->lb);
  loopback_run_out(&rig->lb);
  wsuv_deflate_free(rig->deflate);
  loopback_close(&rig->lb);
}

static wsuv_conn_stats_t conn_stats(const struct talker *t) {
  wsuv_conn_stats_t stats;

  stats.size = sizeof stats;
  CHECK_ERR(0, wsuv_conn_stats(t->conn, &stats));
  return stats;
}

static void wait_for(struct rig *rig, unsigned nmessages) {
  RUN_UNTIL(&rig->lb, rig->host.talkers[0]->n[EV_MESSAGE] == nmessages);
}

static void test_ratio(const wsuv_deflate_options_t *options) {
  static uint8_t text[LEN];
  struct rig rig;
  struct loopback *lb = &rig.lb;
  wsuv_prepared_t *prepared;
  wsuv_conn_stats_t sent;
  wsuv_conn_stats_t received;
  wsuv_deflate_stats_t deflate;

  rig_open(&rig, options);
  fill_text(text, sizeof text);
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_text(rig.client.conn, text, LEN)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_begin(rig.client.conn, WSUV_BINARY, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_chunk(rig.client.conn, text, 100, 0))); /* held back */
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_chunk(rig.client.conn, text, LEN, WSUV_SEND_FLUSH)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_end(rig.client.conn, text, LEN)));
  CHECK_ERR(0, wsuv_prepared_new(&prepared, NULL, WSUV_TEXT, text, LEN, 0));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_prepared(rig.client.conn, prepared)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_prepared(rig.client.conn, prepared)));
  wsuv_prepared_free(prepared);
  wait_for(&rig, 4);
  deflate = stats_of(&rig.client);
  sent = conn_stats(&rig.client);
  received = conn_stats(rig.host.talkers[0]);
  CHECK_SIZE(5 * LEN + 100, sent.sent.plain_octets);
  CHECK_TRUE(sent.sent.encoded_octets > 0);
  CHECK_TRUE(sent.sent.encoded_octets < sent.sent.plain_octets / 2);
  CHECK_SIZE(3, sent.sent.text);
  CHECK_SIZE(1, sent.sent.binary);
  CHECK_SIZE(2 * LEN + 100, sent.sent.binary_octets);
  CHECK_TRUE(sent.sent.wire_octets < sent.sent.encoded_octets + 100);
  CHECK_BYTES(&sent.sent, sizeof sent.sent, &received.received, sizeof received.received);
  CHECK_TRUE(deflate.sent_compressed_octets <= sent.sent.encoded_octets);
  rig_close(&rig);
}

static void test_ratio_shared(void **state) {
  (void)state;
  test_ratio(&shared);
}

static void test_ratio_dedicated(void **state) {
  (void)state;
  test_ratio(&dedicated);
}

/* What was sent as it is was not transformed. */
static void test_passed(void **state) {
  struct rig rig;
  wsuv_conn_stats_t sent;
  (void)state;

  rig_open(&rig, &shared);
  CHECK_ERR(0, talker_say(&rig.client, "short"));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_message(rig.client.conn, WSUV_TEXT,
                                                    "a longer one, but not compressed, because it "
                                                    "was asked not to be; a longer one",
                                                    79, WSUV_SEND_NO_COMPRESS)));
  wait_for(&rig, 2);
  sent = conn_stats(&rig.client);
  CHECK_SIZE(2, sent.sent.text);
  CHECK_SIZE(0, sent.sent.plain_octets);
  CHECK_SIZE(0, sent.sent.encoded_octets);
  sent = conn_stats(rig.host.talkers[0]);
  CHECK_SIZE(0, sent.received.encoded_octets);
  rig_close(&rig);
}

/* Contexts that connections have are in the loop's memory. */
static void test_contexts(void **state) {
  static uint8_t text[LEN];
  struct rig rig;
  wsuv_loop_stats_t loop;
  wsuv_negotiated_t none = {NULL, NULL};
  (void)state;

  rig_open(&rig, &dedicated);
  loop.size = sizeof loop;
  CHECK_ERR(0, wsuv_loop_stats(rig.lb.loop, &loop));
  CHECK_SIZE(0, loop.memory.deflate);
  fill_text(text, sizeof text);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_conn_send_text(rig.client.conn, text, LEN)));
  wait_for(&rig, 1);
  CHECK_ERR(0, wsuv_loop_stats(rig.lb.loop, &loop));
  CHECK_TRUE(loop.memory.deflate > 1u << 15);
  CHECK_SIZE(wsuv_deflate_memory(rig.deflate), loop.memory.deflate);
  CHECK_SIZE(0, wsuv_deflate_contexts(&none));
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ratio_shared),
      cmocka_unit_test(test_ratio_dedicated),
      cmocka_unit_test(test_passed),
      cmocka_unit_test(test_contexts),
  };
  return cmocka_run_group_tests_name("deflate_stats", tests, NULL, NULL);
}
