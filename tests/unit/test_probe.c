#include "deflate/probe.h"

#include <stdio.h>
#include <string.h>

#include "support/check.h"

enum { LEN = 4096 };

static uint8_t data[LEN];

static void fill_randomly(uint32_t seed) {
  size_t i;
  uint64_t x = seed + 88172645463325252u;
  for (i = 0; i < LEN; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    data[i] = (uint8_t)(x >> 32);
  }
}

/* covers: PMD.15 */
static void random_octets_look_random(void **state) {
  uint32_t seed;
  (void)state;
  for (seed = 0; seed < 200; seed++) {
    fill_randomly(seed);
    CHECK_TRUE(wsuv__looks_random(data, LEN));
    CHECK_TRUE(wsuv__looks_random(data, 512));
    CHECK_FALSE(wsuv__looks_random(data, 511)); /* too short to be judged */
  }
}

static void text_does_not(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < LEN; i++)
    data[i] =
        (uint8_t)(" abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ{}[]:,.\"0123456789"[i * 7 %
                                                                                             70]);
  CHECK_FALSE(wsuv__looks_random(data, LEN));
}

/* Base64 has 64 values: it shrinks by a quarter. */
static void base64_does_not(void **state) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t i;
  (void)state;
  fill_randomly(1);
  for (i = 0; i < LEN; i++)
    data[i] = (uint8_t)digits[data[i] & 63];
  CHECK_FALSE(wsuv__looks_random(data, LEN));
}

static void records_of_small_numbers_do_not(void **state) {
  size_t i;
  (void)state;
  fill_randomly(2);
  for (i = 0; i < LEN; i++)
    if (i % 4 != 0)
      data[i] = 0;
  CHECK_FALSE(wsuv__looks_random(data, LEN));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_octets_look_random),
      cmocka_unit_test(text_does_not),
      cmocka_unit_test(base64_does_not),
      cmocka_unit_test(records_of_small_numbers_do_not),
  };
  return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
