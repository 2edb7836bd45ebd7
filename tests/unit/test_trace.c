/* The frames that an endpoint keeps, and how they read. */
#include "proto/trace.h"

#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/errno.h"

struct traced {
  struct failing_alloc fa;
  struct wsuv__endpoint_config config;
  struct wsuv_endpoint ep;
  struct wsuv__trace frames;
  size_t ntold;
  wsuv_trace_frame_t told; /* the last one */
};

static uint64_t clock_ms;

static uint64_t now_ms(void *data) {
  (void)data;
  return clock_ms;
}

static void on_frame(void *data, const wsuv_trace_frame_t *frame) {
  struct traced *t = data;

  t->ntold++;
  t->told = *frame;
}

static const struct wsuv__trace_hooks hooks = {now_ms, on_frame};
static const wsuv_endpoint_handler_t handler = {.size = sizeof(wsuv_endpoint_handler_t)};

static void traced_open(struct traced *t, uint32_t trace_frames) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);

  memset(t, 0, sizeof *t);
  failing_alloc_init(&t->fa);
  options.allocator = &t->fa.allocator;
  CHECK_ERR(0, wsuv__endpoint_config_init(&t->config, &options));
  t->config.trace_frames = trace_frames;
  wsuv__endpoint_init(&t->ep, &t->config, &handler, t, 0);
  t->frames.hooks = &hooks;
  t->ep.trace = &t->frames;
  clock_ms = 1000;
}

static void traced_close(struct traced *t) {
  wsuv__endpoint_release(&t->ep);
  failing_alloc_check_no_leaks(&t->fa);
}

static void receive(struct traced *t, const char *bytes, size_t len) {
  uint8_t copy[64];

  memcpy(copy, bytes, len);
  (void)wsuv_endpoint_receive(&t->ep, copy, len);
}

/* A Ping (and its Pong), a message in a split header, ours, and one that is not allowed: all are there, in order. */
static void test_all_ways(void **state) {
  static const char expected[] = "  +0.000 s  <- ping fin masked 1 octet\n"
                                 "  +0.000 s  -> pong fin 1 octet\n"
                                 "  +1.250 s  <- text fin masked 3 octets\n"
                                 "  +1.250 s  -> binary fin 2 octets\n"
                                 "  +1.250 s  -> text 1 octet\n"
                                 "  +1.250 s  -> continuation fin 0 octets\n"
                                 "  +1.250 s  <- opcode 5 fin rsv 6 masked 0 octets\n"
                                 "  +1.250 s  -> close fin 54 octets\n";
  wsuv_trace_frame_t frames[16];
  char text[1024];
  struct traced t;
  size_t n;

  (void)state;
  traced_open(&t, 16);
  receive(&t, "\x89\x81\0\0\0\0p", 7);
  clock_ms = 2250;
  receive(&t, "\x81", 1);
  receive(&t, "\x83\0\0", 3);
  receive(&t, "\0\0ab", 4);
  receive(&t, "c", 1);
  CHECK_ERR(0, wsuv_endpoint_send(&t.ep, WSUV_BINARY, "xy", 2));
  CHECK_ERR(0, wsuv_endpoint_send_begin(&t.ep, WSUV_TEXT, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(&t.ep, "x", 1, 0));
  CHECK_ERR(0, wsuv_endpoint_send_end(&t.ep, NULL, 0));
  receive(&t, "\xe5\x80\0\0\0\0", 6);
  n = wsuv__trace_copy(&t.ep, frames, 16);
  CHECK_SIZE(8, n);
  CHECK_SIZE(8, t.ntold);
  CHECK_INT(strlen(expected), wsuv_trace_format(frames, n, text, sizeof text));
  CHECK_STR(expected, text);
  traced_close(&t);
}

static void test_ring(void **state) {
  wsuv_trace_frame_t frames[4];
  struct traced t;
  size_t i;

  (void)state;
  traced_open(&t, 3);
  CHECK_SIZE(0, wsuv__trace_copy(&t.ep, frames, 4));
  for (i = 0; i < 7; i++) {
    size_t kept = i + 1 < 3 ? i + 1 : 3;
    CHECK_ERR(0, wsuv_endpoint_send(&t.ep, WSUV_TEXT, "0123456789", i));
    CHECK_SIZE(kept, wsuv__trace_copy(&t.ep, frames, 4));
    CHECK_SIZE(i, frames[kept - 1].len);
    CHECK_SIZE(i + 1 - kept, frames[0].len);
  }
  CHECK_SIZE(2, wsuv__trace_copy(&t.ep, frames, 2)); /* the last ones */
  CHECK_SIZE(5, frames[0].len);
  CHECK_SIZE(6, frames[1].len);
  CHECK_SIZE(0, wsuv__trace_copy(&t.ep, frames, 0));
  traced_close(&t);
}

/* The way of short messages through the cork has no header, and is traced all the same. */
static void test_cork(void **state) {
  uint8_t memory[256];
  struct wsuv__cork cork = {.base = memory, .cap = sizeof memory};
  struct traced t;

  (void)state;
  traced_open(&t, 0);
  wsuv__outbox_lend_cork(&t.ep.outbox, &cork);
  CHECK_ERR(0, wsuv_endpoint_send(&t.ep, WSUV_TEXT, "abc", 3));
  CHECK_SIZE(5, cork.len);
  CHECK_SIZE(1, t.ntold);
  CHECK_INT(WSUV_TEXT, t.told.opcode);
  CHECK_INT(1, t.told.fin);
  CHECK_INT(1, t.told.is_sent);
  CHECK_INT(0, t.told.masked);
  CHECK_SIZE(3, t.told.len);
  CHECK_NULL(t.ep.trace->frames); /* told, not kept */
  CHECK_ERR(0, wsuv__outbox_return_cork(&t.ep.outbox));
  traced_close(&t);
}

static void test_no_memory(void **state) {
  wsuv_trace_frame_t frames[4];
  struct traced t;

  (void)state;
  traced_open(&t, 4);
  CHECK_ERR(0, wsuv_endpoint_send(&t.ep, WSUV_TEXT, "a", 1)); /* makes all other memory */
  wsuv__trace_free(&t.ep);
  t.ep.trace = &t.frames;
  failing_alloc_fail_once(&t.fa, 1);
  CHECK_ERR(0, wsuv_endpoint_send(&t.ep, WSUV_TEXT, "a", 1));
  CHECK_TRUE(failing_alloc_has_failed(&t.fa));
  CHECK_SIZE(0, wsuv__trace_copy(&t.ep, frames, 4));
  CHECK_SIZE(2, t.ntold);
  CHECK_ERR(0, wsuv_endpoint_send(&t.ep, WSUV_TEXT, "ab", 2));
  CHECK_SIZE(1, wsuv__trace_copy(&t.ep, frames, 4));
  CHECK_SIZE(2, frames[0].len);
  traced_close(&t);
}

static void test_format_limits(void **state) {
  const wsuv_trace_frame_t frames[2] = {{UINT64_MAX - 1, UINT64_MAX, 1, 15, 1, 7, 1},
                                        {0, UINT64_MAX, 0, 0, 1, 7, 1}};
  char text[2 * WSUV_TRACE_LINE_MAX];
  int len;

  (void)state;
  len = wsuv_trace_format(frames, 2, text, sizeof text);
  CHECK_TRUE(len > 0);
  CHECK_INT(strlen(text), len);
  CHECK_INT(len, wsuv_trace_format(frames, 2, text, (size_t)len + 1));
  CHECK_ERR(WSUV_ENOBUFS, wsuv_trace_format(frames, 2, text, (size_t)len));
  CHECK_ERR(WSUV_ENOBUFS, wsuv_trace_format(frames, 2, text, 0));
  CHECK_INT(0, wsuv_trace_format(frames, 0, text, 1));
  CHECK_STR("", text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_ways),      cmocka_unit_test(test_ring),
      cmocka_unit_test(test_cork),          cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_format_limits),
  };
  return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
