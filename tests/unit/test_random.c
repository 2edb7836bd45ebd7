#include <string.h>

#include "io/random.h"
#include "support/check.h"
#include "wsuv/errno.h"

static struct wsuv__random_pool pool;

/* covers: MSK.3 W108 W109 W203 */
static void keys_differ_and_are_balanced(void **state) {
  static uint8_t keys[4000][4];
  uint32_t nones = 0;
  size_t nsame = 0;
  size_t i;
  size_t bit;
  (void)state;
  CHECK_ERR(0, wsuv__random_pool_init(&pool));
  for (i = 0; i < 4000; i++) {
    CHECK_ERR(0, wsuv__random_pool_take(&pool, keys[i], 4));
    for (bit = 0; bit < 32; bit++)
      nones += (unsigned)keys[i][bit / 8] >> (bit % 8) & 1u;
    nsame += (size_t)(i > 0 && memcmp(keys[i], keys[i - 1], 4) == 0);
  }
  CHECK_TRUE(nsame <= 1);
  /* 128000 bits: 64000 on average, 179 the standard deviation. */
  CHECK_TRUE(nones > 64000 - 2000 && nones < 64000 + 2000);
}

static void what_was_handed_out_is_forgotten(void **state) {
  static const uint8_t zeros[100];
  uint8_t taken[100];
  (void)state;
  CHECK_ERR(0, wsuv__random_pool_init(&pool));
  CHECK_ERR(0, wsuv__random_pool_take(&pool, taken, sizeof taken));
  CHECK_SIZE(100, pool.used);
  CHECK_BYTES(zeros, sizeof zeros, pool.bytes, sizeof zeros);
  CHECK_TRUE(memcmp(zeros, taken, sizeof taken) != 0);
}

static void the_pool_is_refilled(void **state) {
  uint8_t first[sizeof pool.bytes];
  uint8_t second[sizeof pool.bytes];
  (void)state;
  CHECK_ERR(0, wsuv__random_pool_init(&pool));
  CHECK_ERR(0, wsuv__random_pool_take(&pool, first, sizeof first));
  CHECK_ERR(0, wsuv__random_pool_take(&pool, second, sizeof second));
  CHECK_TRUE(memcmp(first, second, sizeof first) != 0);
  CHECK_ERR(0, wsuv__random_pool_take(&pool, first, 0));
}

static void more_than_the_pool_holds_is_refused(void **state) {
  static uint8_t much[sizeof pool.bytes + 1];
  uint8_t few[4];
  (void)state;
  CHECK_ERR(0, wsuv__random_pool_init(&pool));
  CHECK_ERR(WSUV_ERANDOM, wsuv__random_pool_take(&pool, much, sizeof much));
  CHECK_ERR(0, wsuv__random_pool_take(&pool, few, sizeof few));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_differ_and_are_balanced),
      cmocka_unit_test(what_was_handed_out_is_forgotten),
      cmocka_unit_test(the_pool_is_refilled),
      cmocka_unit_test(more_than_the_pool_holds_is_refused),
  };
  return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
