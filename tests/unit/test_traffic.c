/* What an endpoint counts: both ends of a connection in memory agree on every number. */
#include "proto/traffic.h"

#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/endpoint.h"
#include "wsuv/errno.h"
#include "wsuv/prepared.h"

struct pair {
  struct failing_alloc fa;
  wsuv_endpoint_t *client;
  wsuv_endpoint_t *server;
  size_t to_server; /* octets carried */
  size_t to_client;
};

struct counts {
  wsuv_traffic_t received;
  wsuv_traffic_t sent;
  wsuv_drops_t drops;
};

static int zeros(void *arg, void *buf, size_t len) {
  (void)arg;
  memset(buf, 0, len);
  return 0;
}

static void ignore_control(void *data, int opcode, const uint8_t *payload, size_t len) {
  (void)data;
  (void)opcode;
  (void)payload;
  (void)len;
}

static void ignore_piece(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len, int flags) {
  (void)data;
  (void)type;
  (void)payload;
  (void)len;
  (void)flags;
}

static const wsuv_endpoint_handler_t whole = {.size = sizeof(wsuv_endpoint_handler_t),
                                              .on_control = ignore_control};
static const wsuv_endpoint_handler_t pieces = {.size = sizeof(wsuv_endpoint_handler_t),
                                               .on_fragment = ignore_piece};

static wsuv_endpoint_t *new_endpoint(struct pair *pair, wsuv_role_t role,
                                     const wsuv_endpoint_handler_t *handler) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(role);
  wsuv_endpoint_t *endpoint;

  options.allocator = &pair->fa.allocator;
  options.random = zeros;
  options.opcodes = 1u << 3 | 1u << 11;
  CHECK_ERR(0, wsuv_endpoint_new(&endpoint, &options, handler, NULL));
  return endpoint;
}

static void pair_open(struct pair *pair, const wsuv_endpoint_handler_t *servers) {
  memset(pair, 0, sizeof *pair);
  failing_alloc_init(&pair->fa);
  pair->client = new_endpoint(pair, WSUV_CLIENT, &whole);
  pair->server = new_endpoint(pair, WSUV_SERVER, servers);
}

static void pair_close(struct pair *pair) {
  wsuv_endpoint_free(pair->client);
  wsuv_endpoint_free(pair->server);
  failing_alloc_check_no_leaks(&pair->fa);
}

/* All output of one side, in reads of seven octets. */
static size_t carry(wsuv_endpoint_t *from, wsuv_endpoint_t *to) {
  wsuv_span_t span;
  size_t total = 0;

  while (wsuv_endpoint_output(from, &span, 1) > 0) {
    uint8_t bytes[7];
    size_t n = span.len < sizeof bytes ? span.len : sizeof bytes;
    memcpy(bytes, span.data, n);
    wsuv_endpoint_output_done(from, n);
    (void)wsuv_endpoint_receive(to, bytes, n);
    total += n;
  }
  return total;
}

static void exchange(struct pair *pair) {
  pair->to_server += carry(pair->client, pair->server);
  pair->to_client += carry(pair->server, pair->client);
  pair->to_server += carry(pair->client, pair->server);
}

static struct counts counts_of(const wsuv_endpoint_t *endpoint) {
  struct counts counts;

  wsuv_endpoint_traffic(endpoint, &counts.received, &counts.sent, &counts.drops);
  return counts;
}

static void check_agreement(const struct pair *pair) {
  struct counts client = counts_of(pair->client);
  struct counts server = counts_of(pair->server);

  client.received.shared = server.sent.shared; /* of which the receiver knows nothing */
  CHECK_BYTES(&client.sent, sizeof client.sent, &server.received, sizeof server.received);
  CHECK_BYTES(&client.received, sizeof client.received, &server.sent, sizeof server.sent);
  CHECK_SIZE(pair->to_server, client.sent.wire_octets);
  CHECK_SIZE(pair->to_client, server.sent.wire_octets);
}

static void say_everything(wsuv_endpoint_t *ep) {
  const wsuv_frame_header_t claimed = {.opcode = 3, .fin = 1};
  const wsuv_frame_header_t control = {.opcode = 11, .fin = 1};
  wsuv_prepared_t *prepared;

  CHECK_ERR(0, wsuv_endpoint_send(ep, WSUV_TEXT, "hello", 5));
  CHECK_ERR(0, wsuv_endpoint_send(ep, WSUV_TEXT, "", 0));
  CHECK_ERR(0, wsuv_endpoint_send(ep, WSUV_BINARY, "abc", 3));
  CHECK_ERR(0, wsuv_endpoint_send_frame(ep, &claimed, "xy", 2));
  CHECK_ERR(0, wsuv_endpoint_send_frame(ep, &control, "c", 1));
  CHECK_ERR(0, wsuv_prepared_new(&prepared, NULL, WSUV_TEXT, "many", 4, 0));
  CHECK_ERR(0, wsuv_endpoint_send_prepared(ep, prepared));
  wsuv_prepared_free(prepared);
  CHECK_ERR(0, wsuv_endpoint_send_begin(ep, WSUV_TEXT, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(ep, "one", 3, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(ep, "two", 3, 0));
  CHECK_ERR(0, wsuv_endpoint_ping(ep, "p", 1));
  CHECK_ERR(0, wsuv_endpoint_send_end(ep, "end", 3));
  CHECK_ERR(0, wsuv_endpoint_pong(ep, "", 0));
}

static void check_said(const wsuv_traffic_t *way, size_t npongs) {
  CHECK_SIZE(4, way->text);
  CHECK_SIZE(5 + 4 + 9, way->text_octets);
  CHECK_SIZE(2, way->binary);
  CHECK_SIZE(5, way->binary_octets);
  CHECK_SIZE(1, way->pings);
  CHECK_SIZE(npongs, way->pongs);
  CHECK_SIZE(1, way->controls);
  CHECK_SIZE(0, way->plain_octets);
  CHECK_SIZE(0, way->encoded_octets);
}

static void test_both_ends_agree(void **state) {
  struct pair pair;
  struct counts server;

  (void)state;
  pair_open(&pair, &whole);
  say_everything(pair.client);
  exchange(&pair);
  say_everything(pair.server);
  exchange(&pair);
  CHECK_ERR(0, wsuv_endpoint_close(pair.server, 1000, NULL, 0));
  exchange(&pair);
  check_agreement(&pair);
  server = counts_of(pair.server);
  check_said(&server.received, 2); /* and an answer */
  check_said(&server.sent, 2);
  CHECK_SIZE(1, server.received.closes);
  CHECK_SIZE(1, server.sent.closes);
  pair_close(&pair);
}

/* Messages that are delivered in pieces count once, and their octets as they come. */
static void test_pieces(void **state) {
  struct pair pair;
  struct counts server;

  (void)state;
  pair_open(&pair, &pieces);
  CHECK_ERR(0, wsuv_endpoint_send_begin(pair.client, WSUV_BINARY, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(pair.client, "0123456789", 10, 0));
  exchange(&pair);
  server = counts_of(pair.server);
  CHECK_SIZE(0, server.received.binary);
  CHECK_SIZE(10, server.received.binary_octets);
  CHECK_ERR(0, wsuv_endpoint_send_end(pair.client, "", 0));
  exchange(&pair);
  server = counts_of(pair.server);
  CHECK_SIZE(1, server.received.binary);
  CHECK_SIZE(10, server.received.binary_octets);
  check_agreement(&pair);
  pair_close(&pair);
}

/* What is refused, and a message that is not valid, are no messages. */
static void test_refused(void **state) {
  struct pair pair;
  struct counts client;

  (void)state;
  pair_open(&pair, &whole);
  CHECK_ERR(WSUV_EENCODING, wsuv_endpoint_send(pair.client, WSUV_TEXT, "\xff", 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send(pair.client, WSUV_CONTINUATION, "x", 1));
  CHECK_NULL(pair.client->traffic);
  CHECK_ERR(0, wsuv_endpoint_send(pair.client, WSUV_BINARY, "x", 1));
  CHECK_ERR(0, wsuv_endpoint_close(pair.client, 1000, NULL, 0));
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send(pair.client, WSUV_BINARY, "x", 1));
  client = counts_of(pair.client);
  CHECK_SIZE(1, client.sent.binary);
  CHECK_SIZE(0, client.sent.wire_octets); /* nothing was taken yet */
  pair_close(&pair);
}

static void test_drops(void **state) {
  struct pair pair;
  struct counts client;

  (void)state;
  pair_open(&pair, &whole);
  client = counts_of(pair.client);
  CHECK_SIZE(0, client.drops.oldest + client.drops.replaced + client.drops.refused);
  wsuv__traffic_count_drop(pair.client, DROP_OLDEST);
  wsuv__traffic_count_drop(pair.client, DROP_REPLACED);
  wsuv__traffic_count_drop(pair.client, DROP_REPLACED);
  wsuv__traffic_count_drop(pair.client, DROP_REFUSED);
  wsuv__traffic_count_drop(pair.client, DROP_CLOSED);
  client = counts_of(pair.client);
  CHECK_SIZE(1, client.drops.oldest);
  CHECK_SIZE(2, client.drops.replaced);
  CHECK_SIZE(1, client.drops.refused);
  CHECK_SIZE(1, client.drops.closed);
  pair_close(&pair);
}

/* Without memory nothing is counted and everything goes on; with it again, counting begins. */
static void test_no_memory(void **state) {
  struct pair pair;
  struct counts server;
  uint8_t frame[] = {0x81, 0x80, 0, 0, 0, 0}; /* an empty text */

  (void)state;
  pair_open(&pair, &whole);
  failing_alloc_fail_once(&pair.fa, 1);
  CHECK_ERR(0, wsuv_endpoint_receive(pair.server, frame, sizeof frame));
  CHECK_TRUE(failing_alloc_has_failed(&pair.fa));
  server = counts_of(pair.server);
  CHECK_SIZE(0, server.received.text);
  CHECK_SIZE(sizeof frame, server.received.wire_octets); /* counted later, with memory again */
  CHECK_ERR(0, wsuv_endpoint_receive(pair.server, frame, sizeof frame));
  server = counts_of(pair.server);
  CHECK_SIZE(1, server.received.text);
  CHECK_SIZE(2 * sizeof frame, server.received.wire_octets);
  pair_close(&pair);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_both_ends_agree), cmocka_unit_test(test_pieces),
      cmocka_unit_test(test_refused),         cmocka_unit_test(test_drops),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests_name("traffic", tests, NULL, NULL);
}
