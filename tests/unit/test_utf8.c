/* covers: W142 W190 DEF.10 U001 U002 U003 U004 CORE.13 */
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"
#include "support/check.h"
#include "support/guard_page.h"
#include "wsuv/frame.h"

/* ---- the reference: the table of Unicode's code points, octet by octet (RFC 3629 3) ---- */

static int is_tail(const uint8_t *p, size_t n) {
  size_t i;
  for (i = 0; i < n; i++)
    if (p[i] < 0x80 || p[i] > 0xBF)
      return 0;
  return 1;
}

/* The length of the character at `p`; 0 if there is none. */
static size_t character_len(const uint8_t *p, size_t len) {
  uint32_t c;
  if (p[0] < 0x80)
    return 1;
  if (len >= 2 && p[0] >= 0xC0 && p[0] < 0xE0 && is_tail(p + 1, 1)) {
    c = (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    return c >= 0x80 ? 2 : 0;
  }
  if (len >= 3 && p[0] >= 0xE0 && p[0] < 0xF0 && is_tail(p + 1, 2)) {
    c = (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    return c >= 0x800 && (c < 0xD800 || c > 0xDFFF) ? 3 : 0;
  }
  if (len >= 4 && p[0] >= 0xF0 && p[0] < 0xF8 && is_tail(p + 1, 3)) {
    c = (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    return c >= 0x10000 && c <= 0x10FFFF ? 4 : 0;
  }
  return 0;
}

static int is_valid(const uint8_t *p, size_t len) {
  while (len > 0) {
    size_t n = character_len(p, len);
    if (n == 0)
      return 0;
    p += n;
    len -= n;
  }
  return 1;
}

/* Octets of `p` that may start valid text: what feed accepts. By brute force over what could follow. */
static int may_go_on(const uint8_t *p, size_t len) {
  static const uint8_t tails[] = {0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF};
  uint8_t text[8];
  size_t i;
  size_t j;
  if (is_valid(p, len))
    return 1;
  memcpy(text, p, len);
  for (i = 0; i < sizeof tails; i++) {
    text[len] = tails[i];
    if (is_valid(text, len + 1))
      return 1;
    for (j = 1; j < 3; j++) {
      text[len + j] = 0x80;
      if (is_valid(text, len + j + 1))
        return 1;
    }
  }
  return 0;
}

/* ---- tests ---- */

static void compare(const uint8_t *text, size_t len) {
  struct wsuv__utf8 utf8 = {0, 0, 0};
  int fed = wsuv__utf8_feed(&utf8, text, len);
  int valid = is_valid(text, len);
  if (valid != wsuv_utf8_is_valid(text, len) || fed != may_go_on(text, len))
    print_error("%02x %02x %02x %02x, %zu octets\n", text[0], text[1], text[2], text[3], len);
  CHECK_INT(valid, wsuv_utf8_is_valid(text, len));
  CHECK_INT(valid, fed && wsuv__utf8_is_complete(&utf8));
}

/* The cheap part of compare, for loops that run millions of times. */
static void compare_quickly(const uint8_t *text, size_t len) {
  if (is_valid(text, len) != wsuv_utf8_is_valid(text, len))
    compare(text, len);
}

static void one_and_two_octets_are_as_in_the_reference(void **state) {
  uint8_t text[4] = {0, 0, 0, 0};
  unsigned i;
  (void)state;
  for (i = 0; i < 256; i++) {
    text[0] = (uint8_t)i;
    compare(text, 1);
  }
  for (i = 0; i < 65536; i++) {
    text[0] = (uint8_t)(i >> 8);
    text[1] = (uint8_t)i;
    compare(text, 2);
  }
}

static void three_octets_are_as_in_the_reference(void **state) {
  uint8_t text[4] = {0, 0, 0, 0};
  uint32_t step = getenv("WSUV_SLOW_RUN") != NULL ? 251 : 1;
  uint32_t i;
  (void)state;
  for (i = 0; i < 1u << 24; i += step) {
    text[0] = (uint8_t)(i >> 16);
    text[1] = (uint8_t)(i >> 8);
    text[2] = (uint8_t)i;
    compare_quickly(text, 3);
  }
}

/* All leads, and in the other places the octets where ranges begin and end. */
static void four_octets_are_as_in_the_reference(void **state) {
  static const uint8_t edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                  0xC0, 0xC2, 0xDF, 0xE0, 0xED, 0xF0, 0xF4, 0xFF};
  uint8_t text[4];
  unsigned i;
  (void)state;
  for (i = 0; i < 256u * 4096; i++) {
    text[0] = (uint8_t)(i >> 12);
    text[1] = edges[i >> 8 & 15];
    text[2] = edges[i >> 4 & 15];
    text[3] = edges[i & 15];
    compare_quickly(text, 4);
  }
}

/* Every code point there is, encoded. */
static void every_character_is_accepted(void **state) {
  uint32_t c;
  (void)state;
  for (c = 0x10000; c <= 0x10FFFF; c++) {
    uint8_t text[4] = {(uint8_t)(0xF0 | c >> 18), (uint8_t)(0x80 | (c >> 12 & 0x3F)),
                       (uint8_t)(0x80 | (c >> 6 & 0x3F)), (uint8_t)(0x80 | (c & 0x3F))};
    if (!wsuv_utf8_is_valid(text, 4))
      fail_msg("U+%X", (unsigned)c);
  }
}

struct text_row {
  const char *name;
  const char *text;
  int valid;
};

static const struct text_row texts[] = {
    {"nothing", "", 1},
    {"long ASCII", "The quick brown fox jumps over the lazy dog, and over and over again.", 1},
    {"two octets", "\xc2\x80\xdf\xbf", 1},
    {"three octets", "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 1},
    {"four octets", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 1},
    {"mixed", "a\xc3\xa9 \xe2\x82\xac 0123456789abcdef \xf0\x9f\x98\x80\xf0\x9f\x98\x80z", 1},
    {"the edge of the fast path",
     "0123456789abcde\xc3\xa9"
     "0123456789abcde\xe2\x82\xac",
     1},
    {"surrogate", "abc\xed\xa0\x80", 0},
    {"wrong in the second block of 16", "0123456789abcdef0123456\xff", 0},
    {"stops inside", "0123456789abcdef\xf0\x9f\x98", 0},
    {"stops behind a lead", "\xe2", 0},
    {"tail too many", "\xe2\x82\xac\x80", 0},
    {"overlong", "x\xc0\x80", 0},
    {"e0 in common text", "\xe2\x82\xac\xe0\x80\x80\xe2\x82\xac", 0},
    {"ed in common text", "\xe2\x82\xac\xed\xbf\xbf\xe2\x82\xac", 0},
};

static int feed_pieces(const uint8_t *text, size_t len, size_t cut, size_t cut2) {
  struct wsuv__utf8 utf8 = {0, 0, 0};
  return wsuv__utf8_feed(&utf8, text, cut) && wsuv__utf8_feed(&utf8, text + cut, cut2 - cut) &&
         wsuv__utf8_feed(&utf8, text + cut2, len - cut2) && wsuv__utf8_is_complete(&utf8);
}

static void run_text(const void *data) {
  const struct text_row *row = data;
  struct guard_page page = guard_page_new(row->text, strlen(row->text));
  size_t cut;
  size_t cut2;
  CHECK_INT(row->valid, wsuv_utf8_is_valid(page.data, page.len));
  for (cut = 0; cut <= page.len; cut++)
    for (cut2 = cut; cut2 <= page.len; cut2++)
      CHECK_INT(row->valid, feed_pieces(page.data, page.len, cut, cut2));
  guard_page_free(&page);
}

/* At the first octet that cannot be right, not at the end. */
static void fails_at_the_first_wrong_octet(void **state) {
  struct wsuv__utf8 utf8 = {0, 0, 0};
  (void)state;
  CHECK_TRUE(wsuv__utf8_feed(&utf8, (const uint8_t *)"ok \xf4\x8f", 5));
  CHECK_FALSE(wsuv__utf8_is_complete(&utf8));
  CHECK_FALSE(wsuv__utf8_feed(&utf8, (const uint8_t *)"\xc0", 1));
  memset(&utf8, 0, sizeof utf8);
  CHECK_FALSE(wsuv__utf8_feed(&utf8, (const uint8_t *)"\xf4\x90", 2));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_and_two_octets_are_as_in_the_reference),
      cmocka_unit_test(three_octets_are_as_in_the_reference),
      cmocka_unit_test(four_octets_are_as_in_the_reference),
      cmocka_unit_test(every_character_is_accepted),
      cmocka_unit_test(fails_at_the_first_wrong_octet),
  };
  return CHECK_RUN_TABLE("utf8 texts, every split", texts, run_text) +
         cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
