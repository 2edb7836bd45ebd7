#include "base/spares.h"

#include "support/check.h"
#include "support/failing_alloc.h"

static int ntold;

static void on_kept(struct wsuv__spares *spares) {
  (void)spares;
  ntold++;
}

static void give(struct wsuv__spares *spares, size_t cap) {
  struct wsuv__buf buf = {NULL, 0, 0};

  CHECK_ERR(0, wsuv__buf_reserve_tight(&buf, spares->allocator, cap));
  buf.len = cap / 2;
  wsuv__spares_give(spares, &buf);
  CHECK_NULL(buf.base);
  CHECK_SIZE(0, buf.cap);
}

static void the_smallest_that_is_large_enough_is_taken(void **state) {
  struct wsuv__buf buf = {NULL, 0, 0};
  struct wsuv__spares spares;
  struct failing_alloc fa;
  (void)state;
  failing_alloc_init(&fa);
  ntold = 0;
  wsuv__spares_init(&spares, &fa.allocator, on_kept);
  CHECK_FALSE(wsuv__spares_take(&spares, &buf, 1));
  give(&spares, 900000);
  give(&spares, 100000);
  give(&spares, 500000);
  CHECK_INT(1, ntold);
  CHECK_SIZE(1500000, wsuv__spares_octets(&spares));
  CHECK_FALSE(wsuv__spares_take(&spares, &buf, 900001));
  CHECK_TRUE(wsuv__spares_take(&spares, &buf, 100001));
  CHECK_SIZE(500000, buf.cap);
  CHECK_SIZE(0, buf.len);
  CHECK_SIZE(3, fa.ncalls);
  wsuv__spares_give(&spares, &buf);
  wsuv__spares_free(&spares);
  failing_alloc_check_no_leaks(&fa);
}

static void number_and_size_are_bounded(void **state) {
  struct wsuv__spares spares;
  struct failing_alloc fa;
  size_t i;
  (void)state;
  failing_alloc_init(&fa);
  wsuv__spares_init(&spares, &fa.allocator, on_kept);
  give(&spares, WSUV__SPARE_MIN - 1);
  give(&spares, WSUV__SPARE_MAX + 1);
  CHECK_SIZE(0, fa.noutstanding);
  for (i = 0; i < WSUV__SPARES; i++)
    give(&spares, WSUV__SPARE_MIN + i);
  give(&spares, WSUV__SPARE_MIN);
  CHECK_SIZE(WSUV__SPARES, fa.noutstanding);
  give(&spares, WSUV__SPARE_MAX); /* in the place of the smallest */
  CHECK_SIZE(WSUV__SPARES, fa.noutstanding);
  CHECK_SIZE(WSUV__SPARE_MAX + 7 * WSUV__SPARE_MIN + 28, wsuv__spares_octets(&spares));
  wsuv__spares_free(&spares);
  failing_alloc_check_no_leaks(&fa);
}

static void those_that_nobody_needed_are_dropped(void **state) {
  struct wsuv__buf buf = {NULL, 0, 0};
  struct wsuv__spares spares;
  struct failing_alloc fa;
  (void)state;
  failing_alloc_init(&fa);
  wsuv__spares_init(&spares, &fa.allocator, on_kept);
  give(&spares, 100000);
  give(&spares, 200000);
  wsuv__spares_drop_idle(&spares); /* both have only come */
  CHECK_INT(2, (int)spares.n);
  CHECK_TRUE(wsuv__spares_take(&spares, &buf, 150000));
  wsuv__spares_give(&spares, &buf);
  wsuv__spares_drop_idle(&spares);
  CHECK_INT(1, (int)spares.n);
  wsuv__spares_drop_idle(&spares);
  CHECK_INT(0, (int)spares.n);
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_smallest_that_is_large_enough_is_taken),
      cmocka_unit_test(number_and_size_are_bounded),
      cmocka_unit_test(those_that_nobody_needed_are_dropped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
