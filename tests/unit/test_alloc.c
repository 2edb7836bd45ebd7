#include <string.h>

#include "base/alloc.h"
#include "support/check.h"
#include "support/failing_alloc.h"

static void no_allocator_means_the_default_one(void **state) {
  struct failing_alloc fa;
  (void)state;
  failing_alloc_init(&fa);
  CHECK_PTR(&wsuv__default_allocator, wsuv__allocator_or_default(NULL));
  CHECK_PTR(&fa.allocator, wsuv__allocator_or_default(&fa.allocator));
}

static void the_default_allocates_resizes_and_releases(void **state) {
  const wsuv_allocator_t *a = &wsuv__default_allocator;
  char *ptr = wsuv__alloc(a, 4);
  (void)state;
  CHECK_NOT_NULL(ptr);
  memcpy(ptr, "abcd", 4);
  ptr = wsuv__resize(a, ptr, 1000);
  CHECK_BYTES("abcd", 4, ptr, 4);
  wsuv__release(a, ptr);
  wsuv__release(a, NULL);
  ptr = wsuv__resize(a, NULL, 3);
  CHECK_NOT_NULL(ptr);
  wsuv__release(a, ptr);
}

static void zeroed_memory_is_zero(void **state) {
  struct failing_alloc fa;
  static const char zeros[100];
  char *ptr;
  (void)state;
  failing_alloc_init(&fa);
  ptr = wsuv__alloc_zeroed(&fa.allocator, sizeof zeros);
  CHECK_BYTES(zeros, sizeof zeros, ptr, sizeof zeros);
  wsuv__release(&fa.allocator, ptr);
  failing_alloc_check_no_leaks(&fa);
}

static void no_memory_is_null(void **state) {
  struct failing_alloc fa;
  (void)state;
  failing_alloc_init(&fa);
  failing_alloc_fail_from(&fa, 1);
  CHECK_NULL(wsuv__alloc(&fa.allocator, 1));
  CHECK_NULL(wsuv__alloc_zeroed(&fa.allocator, 1));
  CHECK_NULL(wsuv__resize(&fa.allocator, NULL, 1));
  wsuv__release(&fa.allocator, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_allocator_means_the_default_one),
      cmocka_unit_test(the_default_allocates_resizes_and_releases),
      cmocka_unit_test(zeroed_memory_is_zero),
      cmocka_unit_test(no_memory_is_null),
  };
  return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
