/* Messages that span reads, read straight to where they will lie: the outcome is that of reading them anywhere else. */
#include "proto/endpoint_tail.h"

#include <string.h>

#include "base/spares.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/frame.h"

#define STREAM_SIZE 2000000u
#define MOST        400000u

struct heard {
  wsuv_endpoint_t *ep;
  uint32_t sums[256];
  size_t lens[256];
  size_t n;
  int pauses;
};

static uint8_t stream[STREAM_SIZE];
static uint8_t copy[STREAM_SIZE];
static size_t stream_len;
static uint32_t seed;
static size_t ntails;

static uint32_t pick(uint32_t n) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % n;
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct heard *heard = data;
  uint32_t sum = (uint32_t)type;
  size_t i;

  for (i = 0; i < len; i++)
    sum = sum * 31u + payload[i];
  CHECK_TRUE(heard->n < 256);
  heard->sums[heard->n] = sum;
  heard->lens[heard->n++] = len;
  if (heard->pauses)
    wsuv_endpoint_pause(heard->ep);
}

static const wsuv_endpoint_handler_t handler = {.size = sizeof handler, .on_message = on_message};

static void add_frame(uint8_t opcode, int fin, size_t len) {
  static uint8_t payload[MOST];
  wsuv_frame_t frame = {.payload = payload};
  size_t n = 0;

  if (stream_len + len + WSUV_FRAME_HEADER_MAX > STREAM_SIZE)
    return;
  memset(payload, 'a' + (int)pick(26), len);
  if (len > 3)
    memcpy(payload + pick((uint32_t)len - 1), "\xC3\xA9", 2);
  frame.header.opcode = opcode;
  frame.header.fin = (uint8_t)fin;
  frame.header.masked = 1;
  frame.header.masking_key[1] = (uint8_t)pick(256);
  frame.header.masking_key[3] = 0x55;
  frame.header.payload_len = len;
  CHECK_ERR(0, wsuv_frame_encode(&frame, stream + stream_len, STREAM_SIZE - stream_len, &n));
  stream_len += n;
}

static void make_stream(void) {
  int i;

  for (stream_len = 0, i = 0; i < 12; i++) {
    switch (pick(4)) {
    case 0:
      add_frame(WSUV_BINARY, 0, pick(100000));
      add_frame(WSUV_PING, 1, pick(126));
      add_frame(WSUV_CONTINUATION, 1, pick(100000));
      break;
    case 1:
      add_frame(WSUV_TEXT, 1, pick(300));
      break;
    default:
      add_frame((uint8_t)(1 + pick(2)), 1, pick(MOST));
    }
  }
}

static wsuv_endpoint_t *new_endpoint(struct heard *heard, const wsuv_allocator_t *a,
                                     struct wsuv__spares *spares) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);

  memset(heard, 0, sizeof *heard);
  options.allocator = a;
  CHECK_ERR(0, wsuv_endpoint_new(&heard->ep, &options, &handler, heard));
  ((struct wsuv__endpoint_config *)(uintptr_t)heard->ep->config)->spares = spares;
  return heard->ep;
}

static void compare(const struct heard *expected, const struct heard *got) {
  CHECK_SIZE(expected->n, got->n);
  CHECK_BYTES(expected->lens, expected->n * sizeof expected->lens[0], got->lens,
              got->n * sizeof got->lens[0]);
  CHECK_BYTES(expected->sums, expected->n * sizeof expected->sums[0], got->sums,
              got->n * sizeof got->sums[0]);
  CHECK_INT(expected->ep->error, got->ep->error);
}

/* What is read to a tail is never more than twice what has come. */
static size_t feed_some(wsuv_endpoint_t *ep, size_t at, int bounded) {
  uint8_t *tail = NULL;
  size_t room = wsuv__endpoint_tail(ep, &tail);
  size_t n = 1 + pick(pick(2) == 0 ? 150000 : 3000);

  if (room > 0 && n > room)
    n = room;
  if (n > stream_len - at)
    n = stream_len - at;
  if (room == 0) {
    memcpy(copy, stream + at, n);
    (void)wsuv_endpoint_receive(ep, copy, n);
    return n;
  }
  ntails++;
  if (bounded)
    CHECK_TRUE(ep->message.buf.cap <= 4 * ep->message.buf.len + WSUV__MESSAGE_SLACK);
  memcpy(tail, stream + at, n);
  (void)wsuv__endpoint_receive_tail(ep, tail, n);
  return n;
}

static void feed_all(wsuv_endpoint_t *ep, int bounded) {
  size_t at = 0;

  while (at < stream_len) {
    at += feed_some(ep, at, bounded);
    while (ep->delivery == DELIVERY_PAUSED)
      (void)wsuv_endpoint_resume(ep);
  }
}

static void feed_whole(wsuv_endpoint_t *ep) {
  memcpy(copy, stream, stream_len);
  (void)wsuv_endpoint_receive(ep, copy, stream_len);
}

static void on_kept(struct wsuv__spares *spares) {
  (void)spares;
}

static void run_rounds(int with_spares, int pauses) {
  struct wsuv__spares spares;
  struct failing_alloc fa;
  struct heard expected;
  struct heard got;
  uint32_t round;

  failing_alloc_init(&fa);
  wsuv__spares_init(&spares, &fa.allocator, on_kept);
  ntails = 0;
  for (round = 0; round < 12; round++) {
    seed = round;
    make_stream();
    if (round % 4 == 3)
      stream[stream_len - 1 - pick(50)] ^= 0x80;
    feed_whole(new_endpoint(&expected, NULL, NULL));
    (void)new_endpoint(&got, &fa.allocator, with_spares ? &spares : NULL);
    got.pauses = pauses;
    feed_all(got.ep, !with_spares);
    compare(&expected, &got);
    wsuv_endpoint_free(expected.ep);
    wsuv_endpoint_free(got.ep);
  }
  CHECK_TRUE(ntails > 10);
  CHECK_TRUE(!with_spares || spares.n > 0);
  wsuv__spares_free(&spares);
  failing_alloc_check_no_leaks(&fa);
}

static void the_outcome_is_the_same(void **state) {
  (void)state;
  run_rounds(0, 0);
}

static void with_spare_buffers_too(void **state) {
  (void)state;
  run_rounds(1, 0);
}

static void what_is_behind_a_message_waits_while_paused(void **state) {
  (void)state;
  run_rounds(0, 1);
  run_rounds(1, 1);
}

static void without_memory_the_endpoint_fails_as_ever(void **state) {
  struct failing_alloc fa;
  struct heard heard;
  size_t n;
  (void)state;
  seed = 1;
  stream_len = 0;
  add_frame(WSUV_BINARY, 1, MOST);
  add_frame(WSUV_BINARY, 1, MOST);
  for (n = 1;; n++) {
    failing_alloc_init(&fa);
    (void)new_endpoint(&heard, &fa.allocator, NULL);
    failing_alloc_fail_once(&fa, n);
    feed_all(heard.ep, 1);
    CHECK_TRUE(heard.ep->error == 0 || heard.ep->error == WSUV_ENOMEM);
    CHECK_TRUE(heard.ep->error != 0 || heard.n == 2);
    wsuv_endpoint_free(heard.ep);
    failing_alloc_check_no_leaks(&fa);
    if (!failing_alloc_has_failed(&fa))
      break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_outcome_is_the_same),
      cmocka_unit_test(with_spare_buffers_too),
      cmocka_unit_test(what_is_behind_a_message_waits_while_paused),
      cmocka_unit_test(without_memory_the_endpoint_fails_as_ever),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
