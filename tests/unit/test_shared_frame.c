/* Frames that several queues share: their octets, and how long they live. */
#include "proto/shared_frame.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/guard_page.h"

struct layout_row {
  const char *name;
  size_t len;
  size_t header_len;
  uint8_t header[10];
};

static const struct layout_row layouts[] = {
    {"empty", 0, 2, {0xd2, 0}},
    {"125", 125, 2, {0xd2, 125}},
    {"126", 126, 4, {0xd2, 126, 0, 126}},
    {"65535", 65535, 4, {0xd2, 126, 0xff, 0xff}},
    {"65536", 65536, 10, {0xd2, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
};

static void run_layout(const void *data) {
  const struct layout_row *row = data;
  struct guard_page payload = guard_page_new(NULL, row->len);
  struct failing_alloc fa;
  struct wsuv__shared_frame *frame;
  size_t i;
  failing_alloc_init(&fa);
  for (i = 0; i < row->len; i++)
    payload.data[i] = (uint8_t)(i * 7);
  frame = wsuv__shared_frame_new(&fa.allocator, 2, 5, row->len > 0 ? payload.data : NULL, row->len);
  CHECK_NOT_NULL(frame);
  CHECK_SIZE(1, fa.ncalls);
  CHECK_SIZE(row->header_len + row->len, frame->len);
  CHECK_BYTES(row->header, row->header_len, frame->octets, frame->header_len);
  CHECK_BYTES(payload.data, row->len, wsuv__shared_frame_payload(frame),
              wsuv__shared_frame_payload_len(frame));
  guard_page_free(&payload); /* it has its own */
  wsuv__shared_frame_release(frame);
  failing_alloc_check_no_leaks(&fa);
}

static void the_last_owner_frees_it(void **state) {
  struct failing_alloc fa;
  struct wsuv__shared_frame *frame;
  wsuv_allocator_t allocator;
  (void)state;
  failing_alloc_init(&fa);
  allocator = fa.allocator; /* which need not outlive it */
  frame = wsuv__shared_frame_new(&allocator, 1, 0, "hello", 5);
  memset(&allocator, 0, sizeof allocator);
  wsuv__shared_frame_ref(frame);
  wsuv__shared_frame_ref(frame);
  wsuv__shared_frame_release(frame);
  wsuv__shared_frame_release(frame);
  CHECK_BYTES("hello", 5, wsuv__shared_frame_payload(frame), wsuv__shared_frame_payload_len(frame));
  CHECK_SIZE(1, fa.noutstanding);
  wsuv__shared_frame_release(frame);
  failing_alloc_check_no_leaks(&fa);
}

static void without_memory_there_is_none(void **state) {
  struct failing_alloc fa;
  (void)state;
  failing_alloc_init(&fa);
  failing_alloc_fail_once(&fa, 1);
  CHECK_NULL(wsuv__shared_frame_new(&fa.allocator, 1, 0, "hello", 5));
  CHECK_NULL(wsuv__shared_frame_new(&fa.allocator, 1, 0, "hello", SIZE_MAX));
  CHECK_NULL(wsuv__shared_frame_new(&fa.allocator, 1, 0, "hello", SIZE_MAX - 20));
  CHECK_SIZE(1, fa.ncalls);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_last_owner_frees_it),
      cmocka_unit_test(without_memory_there_is_none),
  };
  return CHECK_RUN_TABLE("layout", layouts, run_layout) +
         cmocka_run_group_tests_name("shared frame", tests, NULL, NULL);
}
