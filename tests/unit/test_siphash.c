/* SipHash-2-4 with the key 00 01 ... 0f, of the octets 00 01 ...: the values of its authors. */
#include "base/siphash.h"
#include "support/check.h"
#include "support/guard_page.h"

static const struct row {
  const char *name;
  size_t len;
  uint64_t hash;
} rows[] = {
    {"nothing", 0, 0x726fdb47dd0e0e31u},      {"one octet", 1, 0x74f839c593dc67fdu},
    {"seven octets", 7, 0xab0200f58b01d137u}, {"eight octets", 8, 0x93f5f5799a932462u},
    {"15 octets", 15, 0xa129ca6149be45e5u},   {"63 octets", 63, 0x958a324ceb064572u},
};

static void test_row(const void *given) {
  const struct row *row = given;
  uint8_t key[WSUV__SIPHASH_KEY_SIZE];
  uint8_t data[64];
  struct guard_page page;
  size_t i;

  for (i = 0; i < sizeof key; i++)
    key[i] = (uint8_t)i;
  for (i = 0; i < sizeof data; i++)
    data[i] = (uint8_t)i;
  page = guard_page_new(data, row->len);
  CHECK_SIZE(row->hash, wsuv__siphash(key, page.data, row->len));
  guard_page_free(&page);
  key[15] ^= 1;
  CHECK_TRUE(row->hash != wsuv__siphash(key, data, row->len));
}

static void nothing_may_be_null(void **state) {
  static const uint8_t key[WSUV__SIPHASH_KEY_SIZE] = {0};
  (void)state;
  CHECK_SIZE(wsuv__siphash(key, "", 0), wsuv__siphash(key, NULL, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_may_be_null)};

  return CHECK_RUN_TABLE("siphash", rows, test_row) +
         cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
