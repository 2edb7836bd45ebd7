#include <string.h>

#include "base/buf.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/errno.h"

static void appends_grow_by_doubling(void **state) {
  struct failing_alloc fa;
  struct wsuv__buf buf = {NULL, 0, 0};
  size_t i;
  (void)state;
  failing_alloc_init(&fa);
  for (i = 0; i < 1000; i++)
    CHECK_ERR(0, wsuv__buf_append(&buf, &fa.allocator, "x", 1));
  CHECK_SIZE(1000, buf.len);
  CHECK_SIZE(1024, buf.cap);
  CHECK_SIZE(5, fa.ncalls); /* 64, 128, ... 1024 */
  wsuv__buf_free(&buf, &fa.allocator);
  CHECK_NULL(buf.base);
  CHECK_SIZE(0, buf.len + buf.cap);
  failing_alloc_check_no_leaks(&fa);
}

static void text_and_octets_are_appended_in_order(void **state) {
  struct failing_alloc fa;
  struct wsuv__buf buf = {NULL, 0, 0};
  (void)state;
  failing_alloc_init(&fa);
  CHECK_ERR(0, wsuv__buf_append(&buf, &fa.allocator, NULL, 0));
  CHECK_NULL(buf.base);
  CHECK_ERR(0, wsuv__buf_append_text(&buf, &fa.allocator, "ab"));
  CHECK_ERR(0, wsuv__buf_append(&buf, &fa.allocator, "\0c", 2));
  CHECK_ERR(0, wsuv__buf_append_text(&buf, &fa.allocator, ""));
  CHECK_BYTES("ab\0c", 4, buf.base, buf.len);
  wsuv__buf_free(&buf, &fa.allocator);
  CHECK_ERR(0, wsuv__buf_append_text(&buf, &fa.allocator, "again"));
  CHECK_BYTES("again", 5, buf.base, buf.len);
  wsuv__buf_free(&buf, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
}

static void reserved_room_is_used_without_another_call(void **state) {
  struct failing_alloc fa;
  struct wsuv__buf buf = {NULL, 0, 0};
  (void)state;
  failing_alloc_init(&fa);
  CHECK_ERR(0, wsuv__buf_reserve(&buf, &fa.allocator, 0));
  CHECK_SIZE(0, fa.ncalls);
  CHECK_ERR(0, wsuv__buf_reserve(&buf, &fa.allocator, 65));
  CHECK_SIZE(128, buf.cap);
  CHECK_ERR(0, wsuv__buf_append(&buf, &fa.allocator, "0123456789", 10));
  CHECK_ERR(0, wsuv__buf_reserve(&buf, &fa.allocator, 118));
  CHECK_SIZE(1, fa.ncalls);
  wsuv__buf_free(&buf, &fa.allocator);
}

static void without_memory_nothing_changes(void **state) {
  struct failing_alloc fa;
  struct wsuv__buf buf = {NULL, 0, 0};
  char octets[64];
  (void)state;
  memset(octets, 'x', sizeof octets);
  failing_alloc_init(&fa);
  failing_alloc_fail_once(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, wsuv__buf_append_text(&buf, &fa.allocator, "a"));
  CHECK_ERR(0, wsuv__buf_append_text(&buf, &fa.allocator, "a"));
  failing_alloc_fail_once(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, wsuv__buf_append(&buf, &fa.allocator, octets, sizeof octets));
  CHECK_BYTES("a", 1, buf.base, buf.len);
  wsuv__buf_free(&buf, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
}

/* Whatever a peer announces: sums that would wrap are refused before anybody is asked for memory. */
static void sizes_do_not_wrap(void **state) {
  struct failing_alloc fa;
  struct wsuv__buf buf = {NULL, 0, 0};
  (void)state;
  failing_alloc_init(&fa);
  CHECK_ERR(0, wsuv__buf_append_text(&buf, &fa.allocator, "a"));
  CHECK_ERR(WSUV_ENOMEM, wsuv__buf_reserve(&buf, &fa.allocator, SIZE_MAX));
  CHECK_SIZE(1, fa.ncalls);
  failing_alloc_fail_from(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, wsuv__buf_reserve(&buf, &fa.allocator, SIZE_MAX - 1));
  CHECK_ERR(WSUV_ENOMEM, wsuv__buf_reserve(&buf, &fa.allocator, SIZE_MAX / 2 + 2));
  wsuv__buf_free(&buf, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(appends_grow_by_doubling),
      cmocka_unit_test(text_and_octets_are_appended_in_order),
      cmocka_unit_test(reserved_room_is_used_without_another_call),
      cmocka_unit_test(without_memory_nothing_changes),
      cmocka_unit_test(sizes_do_not_wrap),
  };
  return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
