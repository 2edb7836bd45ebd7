#include "deflate/pool.h"

#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"

static struct failing_alloc fa;
static struct wsuv__pool pool;

static void set_up(size_t max_memory) {
  failing_alloc_init(&fa);
  memset(&pool, 0, sizeof pool);
  pool.allocator = &fa.allocator;
  pool.settings.level = 6;
  pool.settings.mem_level = 5;
  pool.max_memory = max_memory;
}

static void tear_down(void) {
  wsuv__pool_clear(&pool);
  CHECK_SIZE(0, pool.memory);
  failing_alloc_check_no_leaks(&fa);
}

/* covers: PMD.17 */
static void what_is_given_back_is_lent_again(void **state) {
  struct wsuv__codec *first;
  struct wsuv__codec *second;
  size_t memory;
  (void)state;
  set_up(SIZE_MAX);
  first = wsuv__pool_take_deflater(&pool, 12);
  second = wsuv__pool_take_inflater(&pool, 12);
  CHECK_NOT_NULL(first);
  CHECK_NOT_NULL(second);
  memory = pool.memory;
  CHECK_SIZE(first->memory + second->memory, memory);
  CHECK_TRUE(fa.outstanding_size >= memory);
  wsuv__pool_give_deflater(&pool, first);
  wsuv__pool_give_inflater(&pool, second);
  CHECK_PTR(first, wsuv__pool_take_deflater(&pool, 12));
  CHECK_PTR(second, wsuv__pool_take_inflater(&pool, 12));
  CHECK_SIZE(memory, pool.memory);
  wsuv__pool_give_deflater(&pool, first);
  wsuv__pool_give_inflater(&pool, second);
  tear_down();
}

static void windows_are_kept_apart(void **state) {
  struct wsuv__codec *small;
  struct wsuv__codec *large;
  (void)state;
  set_up(SIZE_MAX);
  small = wsuv__pool_take_deflater(&pool, 9);
  wsuv__pool_give_deflater(&pool, small);
  large = wsuv__pool_take_deflater(&pool, 15);
  CHECK_TRUE(large != small);
  CHECK_INT(15, large->window_bits);
  CHECK_TRUE(large->memory > small->memory);
  wsuv__pool_give_deflater(&pool, large);
  tear_down();
}

/* What many connections needed at once does not stay. */
static void only_a_few_are_kept(void **state) {
  enum { N = 20 };
  struct wsuv__codec *codecs[N];
  size_t each;
  int i;
  (void)state;
  set_up(SIZE_MAX);
  for (i = 0; i < N; i++)
    codecs[i] = wsuv__pool_take_inflater(&pool, 15);
  each = codecs[0]->memory;
  CHECK_SIZE(N * each, pool.memory);
  for (i = 0; i < N; i++)
    wsuv__pool_give_inflater(&pool, codecs[i]);
  CHECK_SIZE(4 * each, pool.memory);
  tear_down();
}

static void the_limit_is_on_all_together(void **state) {
  struct wsuv__codec *codec;
  (void)state;
  set_up(1);
  codec = wsuv__pool_take_inflater(&pool, 15); /* the one that goes over it */
  CHECK_NOT_NULL(codec);
  CHECK_NULL(wsuv__pool_take_inflater(&pool, 15));
  CHECK_NULL(wsuv__pool_take_deflater(&pool, 15));
  wsuv__pool_give_inflater(&pool, codec);
  CHECK_NULL(wsuv__pool_take_inflater(&pool, 9));
  CHECK_PTR(codec, wsuv__pool_take_inflater(&pool, 15)); /* is there already */
  wsuv__pool_give_inflater(&pool, codec);
  tear_down();
}

static void no_memory_is_no_context(void **state) {
  (void)state;
  set_up(SIZE_MAX);
  failing_alloc_fail_from(&fa, 1);
  CHECK_NULL(wsuv__pool_take_deflater(&pool, 15));
  CHECK_NULL(wsuv__pool_take_inflater(&pool, 15));
  CHECK_SIZE(0, pool.memory);
  tear_down();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_given_back_is_lent_again),
      cmocka_unit_test(windows_are_kept_apart),
      cmocka_unit_test(only_a_few_are_kept),
      cmocka_unit_test(the_limit_is_on_all_together),
      cmocka_unit_test(no_memory_is_no_context),
  };
  return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
