#include "base/bytes.h"
#include "support/check.h"
#include "support/guard_page.h"

static void numbers_are_read_in_network_order(void **state) {
  struct guard_page page = guard_page_new("\x12\x34\x56\x78\x9a\xbc\xde\xf0", 8);
  (void)state;
  CHECK_INT(0x1234, wsuv__load_be16(page.data));
  CHECK_INT(0xdef0, wsuv__load_be16(page.data + 6));
  CHECK_SIZE(0x123456789abcdef0u, wsuv__load_be64(page.data));
  guard_page_free(&page);
}

static void numbers_are_written_in_network_order(void **state) {
  struct guard_page page = guard_page_new(NULL, 10);
  (void)state;
  wsuv__store_be16(page.data, 0xfedc);
  wsuv__store_be64(page.data + 2, 0x0102030405060708u);
  CHECK_BYTES("\xfe\xdc\1\2\3\4\5\6\7\10", 10, page.data, page.len);
  guard_page_free(&page);
}

static void every_value_survives(void **state) {
  uint8_t octets[8];
  uint32_t i;
  int bit;
  (void)state;
  for (i = 0; i <= UINT16_MAX; i++) {
    wsuv__store_be16(octets, (uint16_t)i);
    CHECK_INT(i, wsuv__load_be16(octets));
  }
  for (bit = 0; bit < 64; bit++) {
    wsuv__store_be64(octets, UINT64_C(1) << bit);
    CHECK_SIZE(UINT64_C(1) << bit, wsuv__load_be64(octets));
  }
}

static void words_need_no_alignment(void **state) {
  struct guard_page page = guard_page_new(NULL, 15);
  size_t at;
  (void)state;
  for (at = 0; at <= 7; at++) {
    wsuv__store_word(page.data + at, 0x1122334455667788u);
    CHECK_SIZE(0x1122334455667788u, wsuv__load_word(page.data + at));
  }
  guard_page_free(&page);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_read_in_network_order),
      cmocka_unit_test(numbers_are_written_in_network_order),
      cmocka_unit_test(every_value_survives),
      cmocka_unit_test(words_need_no_alignment),
  };
  return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
