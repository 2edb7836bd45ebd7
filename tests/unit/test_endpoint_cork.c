/* The short way of whole messages into the cork, in both roles: octet by octet what the long way makes, which is taken where
 * frames are traced. */
#include <string.h>

#include "proto/trace.h"
#include "proto/traffic.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/guard_page.h"
#include "wsuv/errno.h"

enum { CORK_SIZE = 1 << 17 };

struct sender {
  struct failing_alloc fa;
  struct wsuv__endpoint_config config;
  struct wsuv_endpoint ep;
  struct wsuv__trace frames;
  struct wsuv__cork cork;
  uint8_t last_key;
  int has_random;
};

static uint8_t memory[2][CORK_SIZE];

static int next_key(void *arg, void *buf, size_t len) {
  struct sender *s = arg;
  size_t i;

  for (i = 0; i < len; i++)
    ((uint8_t *)buf)[i] = (uint8_t)(s->last_key * 17 + 31 * i + 5);
  s->last_key++;
  return s->has_random ? 0 : -1;
}

static uint64_t now_ms(void *data) {
  (void)data;
  return 0;
}

static const struct wsuv__trace_hooks hooks = {now_ms, NULL};
static const wsuv_endpoint_handler_t handler = {.size = sizeof(wsuv_endpoint_handler_t)};

static void sender_open(struct sender *s, wsuv_role_t role, int takes_long_way) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(role);

  memset(s, 0, sizeof *s);
  failing_alloc_init(&s->fa);
  options.allocator = &s->fa.allocator;
  options.random = next_key;
  options.random_arg = s;
  s->has_random = 1;
  CHECK_ERR(0, wsuv__endpoint_config_init(&s->config, &options));
  wsuv__endpoint_init(&s->ep, &s->config, &handler, s, 0);
  if (takes_long_way) {
    s->frames.hooks = &hooks;
    s->ep.trace = &s->frames;
  }
  s->cork.base = memory[takes_long_way];
  s->cork.cap = CORK_SIZE;
  wsuv__outbox_lend_cork(&s->ep.outbox, &s->cork);
}

static void sender_close(struct sender *s) {
  CHECK_ERR(0, wsuv__outbox_return_cork(&s->ep.outbox));
  wsuv__endpoint_release(&s->ep);
  failing_alloc_check_no_leaks(&s->fa);
}

static void both_send(struct sender *s, wsuv_opcode_t type, size_t len) {
  struct guard_page payload = guard_page_new(NULL, len);
  size_t i;

  for (i = 0; i < len; i++)
    payload.data[i] = (uint8_t)('a' + (len + i * 7) % 26);
  for (i = 0; i < 2; i++)
    CHECK_ERR(0, wsuv_endpoint_send(&s[i].ep, type, payload.data, len));
  CHECK_BYTES(s[1].cork.base, s[1].cork.len, s[0].cork.base, s[0].cork.len);
  guard_page_free(&payload);
}

static void both_ways_make_the_same_octets(void **state) {
  static const size_t lens[] = {0,  1,  3,  4,  7,  8,   9,   13,  15,   16,    17,
                                20, 24, 31, 32, 33, 125, 126, 127, 1024, 65535, 1};
  static const wsuv_role_t roles[] = {WSUV_SERVER, WSUV_CLIENT};
  size_t i;
  size_t j;

  (void)state;
  for (i = 0; i < 2; i++) {
    struct sender s[2];
    wsuv_traffic_t received;
    wsuv_traffic_t sent[2];
    wsuv_drops_t drops;
    sender_open(&s[0], roles[i], 0);
    sender_open(&s[1], roles[i], 1);
    for (j = 0; j < sizeof lens / sizeof lens[0]; j++)
      both_send(s, j % 2 == 0 ? WSUV_TEXT : WSUV_BINARY, lens[j]);
    CHECK_SIZE(0, wsuv__outbox_waiting(&s[0].ep.outbox) - s[0].cork.len);
    for (j = 0; j < 2; j++)
      wsuv_endpoint_traffic(&s[j].ep, &received, &sent[j], &drops);
    CHECK_SIZE(sent[1].text, sent[0].text);
    CHECK_SIZE(sent[1].binary_octets, sent[0].binary_octets);
    sender_close(&s[0]);
    sender_close(&s[1]);
  }
}

/* A client that cannot mask does not send, and asks once: a source that fails for a moment is not asked behind its back. */
static void nothing_is_sent_without_a_key(void **state) {
  struct sender s;

  (void)state;
  sender_open(&s, WSUV_CLIENT, 0);
  s.has_random = 0;
  CHECK_ERR(WSUV_ERANDOM, wsuv_endpoint_send(&s.ep, WSUV_BINARY, "abc", 3));
  CHECK_SIZE(0, wsuv__outbox_waiting(&s.ep.outbox));
  CHECK_INT(1, s.last_key);
  s.has_random = 1;
  CHECK_ERR(0, wsuv_endpoint_send(&s.ep, WSUV_BINARY, "abc", 3));
  CHECK_SIZE(2 + 4 + 3, s.cork.len);
  sender_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_ways_make_the_same_octets),
      cmocka_unit_test(nothing_is_sent_without_a_key),
  };
  return cmocka_run_group_tests_name("endpoint_cork", tests, NULL, NULL);
}
