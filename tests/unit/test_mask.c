/* covers: W110 MSK.1 MSK.5 MSK.6 */
#include <string.h>

#include "support/check.h"
#include "support/guard_page.h"
#include "wsuv/frame.h"

enum { LONGEST = 200 };

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

static void reference(uint8_t *dst, const uint8_t *src, size_t len, uint64_t offset) {
  size_t i;
  for (i = 0; i < len; i++)
    dst[i] = src[i] ^ key[(offset + i) % 4];
}

static void fill(uint8_t *octets, size_t len) {
  size_t i;
  for (i = 0; i < len; i++)
    octets[i] = (uint8_t)(i * 7 + 3);
}

static void check_one(size_t len, size_t align, uint64_t offset) {
  struct guard_page src = guard_page_new(NULL, align + len);
  struct guard_page dst = guard_page_new(NULL, len);
  uint8_t expected[LONGEST];
  fill(src.data, src.len);
  reference(expected, src.data + align, len, offset);
  wsuv_mask(dst.data, src.data + align, len, key, offset);
  CHECK_BYTES(expected, len, dst.data, len);
  wsuv_mask(src.data + align, src.data + align, len, key, offset);
  CHECK_BYTES(expected, len, src.data + align, len);
  if (align > 0)
    CHECK_INT((uint8_t)((align - 1) * 7 + 3), src.data[align - 1]);
  wsuv_mask(dst.data, dst.data, len, key, offset);
  reference(expected, expected, len, offset);
  CHECK_BYTES(expected, len, dst.data, len);
  guard_page_free(&src);
  guard_page_free(&dst);
}

static void all_lengths_at_all_offsets(void **state) {
  size_t len;
  uint64_t offset;
  (void)state;
  for (len = 0; len <= 67; len++)
    for (offset = 0; offset < 4; offset++)
      check_one(len, 0, offset);
}

static void all_alignments(void **state) {
  size_t len;
  size_t align;
  (void)state;
  for (align = 0; align < 16; align++)
    for (len = 0; len <= 67; len += 3)
      check_one(len, align, align);
}

static void longer_ones(void **state) {
  size_t len;
  (void)state;
  for (len = 68; len < LONGEST; len++)
    check_one(len, len % 8, len);
}

static void offsets_beyond_32_bits(void **state) {
  (void)state;
  check_one(40, 0, UINT64_C(0x100000001));
  check_one(40, 0, UINT64_MAX);
  check_one(40, 0, UINT64_MAX - 5);
}

/* A payload that comes in pieces. */
static void pieces_add_up(void **state) {
  uint8_t src[100];
  uint8_t expected[100];
  size_t piece;
  (void)state;
  fill(src, sizeof src);
  reference(expected, src, sizeof src, 0);
  for (piece = 1; piece <= 40; piece++) {
    uint8_t dst[100];
    size_t at;
    for (at = 0; at < sizeof src; at += piece) {
      size_t len = sizeof src - at < piece ? sizeof src - at : piece;
      wsuv_mask(dst + at, src + at, len, key, at);
    }
    CHECK_BYTES(expected, sizeof expected, dst, sizeof dst);
  }
}

static void the_example_of_the_rfc(void **state) {
  uint8_t text[5] = {'H', 'e', 'l', 'l', 'o'};
  (void)state;
  wsuv_mask(text, text, 5, key, 0);
  CHECK_BYTES("\x7f\x9f\x4d\x51\x58", 5, text, 5);
}

static void a_key_of_zeros_changes_nothing(void **state) {
  static const uint8_t zeros[4];
  uint8_t text[50];
  uint8_t copy[50];
  (void)state;
  fill(text, sizeof text);
  wsuv_mask(copy, text, sizeof text, zeros, 1);
  CHECK_BYTES(text, sizeof text, copy, sizeof copy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_lengths_at_all_offsets),
      cmocka_unit_test(all_alignments),
      cmocka_unit_test(longer_ones),
      cmocka_unit_test(offsets_beyond_32_bits),
      cmocka_unit_test(pieces_add_up),
      cmocka_unit_test(the_example_of_the_rfc),
      cmocka_unit_test(a_key_of_zeros_changes_nothing),
  };
  return cmocka_run_group_tests_name("mask", tests, NULL, NULL);
}
