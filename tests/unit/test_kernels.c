/* Every kernel that this processor can run, against the octet by octet way. covers: W110 W142 MSK.1 */
#include <stdlib.h>
#include <string.h>

#include "proto/kernels.h"
#include "proto/mask.h"
#include "proto/utf8.h"
#include "support/check.h"
#include "support/guard_page.h"
#include "wsuv/frame.h"

enum { LONGEST = 300, ALIGNMENTS = 64 };

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

/* ---- masking ---- */

static uint8_t octet_at(size_t i) {
  return (uint8_t)(i * 7 + i / 256 + 3);
}

static void fill(uint8_t *octets, size_t len) {
  size_t i;
  for (i = 0; i < len; i++)
    octets[i] = octet_at(i);
}

/* `kernels` NULL is wsuv_mask. */
static void run_mask(const struct wsuv__kernels *kernels, uint8_t *dst, const uint8_t *src,
                     size_t len, size_t phase) {
  if (kernels == NULL)
    wsuv_mask(dst, src, len, key, phase);
  else
    kernels->mask(dst, src, len, wsuv__mask_turn(wsuv__mask_key(key), phase));
}

static void check_masked(const uint8_t *dst, size_t len, size_t phase, const char *name) {
  size_t i;
  for (i = 0; i < len; i++)
    if (dst[i] != (octet_at(i) ^ key[(phase + i) % 4]))
      fail_msg("%s: octet %zu of %zu, phase %zu", name, i, len, phase);
}

/* Apart, and in place; what lies before stays as it is, behind is a page that cannot be touched. */
static void check_mask(const struct wsuv__kernels *kernels, struct guard_page *a,
                       struct guard_page *b, size_t len, size_t phase) {
  const char *name = kernels != NULL ? kernels->name : "wsuv_mask";
  uint8_t *src = a->data + a->len - len;
  uint8_t *dst = b->data + b->len - len;
  fill(src, len);
  src[-1] = 0xAA;
  dst[-1] = 0xBB;
  run_mask(kernels, dst, src, len, phase);
  check_masked(dst, len, phase, name);
  run_mask(kernels, src, src, len, phase);
  check_masked(src, len, phase, name);
  CHECK_INT(0xAA, src[-1]);
  CHECK_INT(0xBB, dst[-1]);
}

/* As lengths vary and the end stays, all alignments come. */
static void check_mask_lengths(const struct wsuv__kernels *kernels, size_t first, size_t last) {
  struct guard_page a = guard_page_new(NULL, last + 1);
  struct guard_page b = guard_page_new(NULL, last + 1);
  size_t len;
  size_t phase;
  for (len = first; len <= last; len++)
    for (phase = 0; phase < 4; phase++)
      check_mask(kernels, &a, &b, len, phase);
  guard_page_free(&a);
  guard_page_free(&b);
}

static void all_lengths_are_masked(void **state) {
  const struct wsuv__kernels *kernels;
  size_t i;
  (void)state;
  check_mask_lengths(NULL, 0, LONGEST);
  for (i = 0; (kernels = wsuv__kernels_nth(i)) != NULL; i++) {
    check_mask_lengths(kernels, WSUV__MASK_MIN, LONGEST);
    check_mask_lengths(kernels, 4090, 4100);
    check_mask_lengths(kernels, 65535, 65537);
  }
}

/* Both sides at each alignment of their own. */
static void all_alignments_are_masked(void **state) {
  static uint8_t src[ALIGNMENTS + LONGEST];
  static uint8_t dst[ALIGNMENTS + LONGEST + 1];
  const struct wsuv__kernels *kernels;
  size_t n;
  size_t i;
  size_t j;
  (void)state;
  for (n = 0; (kernels = wsuv__kernels_nth(n)) != NULL; n++) {
    for (i = 0; i < ALIGNMENTS; i++) {
      fill(src + i, 199);
      for (j = 0; j < ALIGNMENTS; j++) {
        dst[j + 199] = 0xAA;
        run_mask(kernels, dst + j, src + i, 199, i % 4);
        check_masked(dst + j, 199, i % 4, kernels->name);
        CHECK_INT(0xAA, dst[j + 199]);
      }
    }
  }
}

/* One octet that is not ASCII is noticed wherever it is. */
static void check_unmask_ascii(const struct wsuv__kernels *kernels, size_t len) {
  uint32_t word = wsuv__mask_key(key);
  uint8_t *octets = malloc(len);
  uint8_t *masked = malloc(len);
  size_t i;
  assert_true(octets != NULL && masked != NULL);
  memset(octets, 'a', len);
  for (i = 0; i <= len; i++) {
    if (i < len)
      octets[i] = 0x80;
    wsuv_mask(masked, octets, len, key, 0);
    CHECK_INT(i == len, kernels->unmask_ascii(masked, len, word) != 0);
    CHECK_BYTES(octets, len, masked, len);
    octets[i < len ? i : 0] = 'a';
  }
  free(octets);
  free(masked);
}

static void ascii_is_noticed_while_it_is_unmasked(void **state) {
  const struct wsuv__kernels *kernels;
  size_t i;
  size_t len;
  (void)state;
  for (i = 0; (kernels = wsuv__kernels_nth(i)) != NULL; i++)
    for (len = WSUV__MASK_MIN; len <= 200; len++)
      check_unmask_ascii(kernels, len);
}

/* ---- UTF-8 ---- */

/* The octet by octet way, itself compared with the definition in test_utf8.c. */
static int feed_slowly(const uint8_t *text, size_t len, wsuv_utf8_t *utf8) {
  memset(utf8, 0, sizeof *utf8);
  return wsuv__utf8_feed_octets(utf8, text, len);
}

static void fail_text(const char *name, const uint8_t *text, size_t len) {
  print_error("%s\n", name);
  CHECK_BYTES("", 0, text, len);
}

/* The text is judged where neither before nor behind it anything can be read: by each kernel, and as pieces. */
static void check_text(const uint8_t *text, size_t len) {
  wsuv_utf8_t slow;
  int fed = feed_slowly(text, len, &slow);
  int valid = fed && wsuv__utf8_is_complete(&slow);
  size_t open = len >= 3 ? wsuv__utf8_open_tail(text, len) : 0;
  const struct wsuv__kernels *kernels;
  size_t i;
  if (wsuv_utf8_is_valid(text, len) != valid)
    fail_text("wsuv_utf8_is_valid", text, len);
  for (i = 0; len >= WSUV__UTF8_MIN && open == 0 && (kernels = wsuv__kernels_nth(i)) != NULL; i++)
    if ((kernels->is_utf8(text, len) != 0) != valid)
      fail_text(kernels->name, text, len);
}

/* The range of the next octet means something inside a character only. */
static int is_same_place(const wsuv_utf8_t *a, const wsuv_utf8_t *b) {
  return a->missing == b->missing && (a->missing == 0 || (a->low == b->low && a->high == b->high));
}

static void check_feed(const uint8_t *text, size_t len) {
  wsuv_utf8_t slow;
  wsuv_utf8_t fast;
  int fed = feed_slowly(text, len, &slow);
  memset(&fast, 0, sizeof fast);
  if (wsuv_utf8_feed(&fast, text, len) != fed)
    fail_text("wsuv_utf8_feed", text, len);
  if (fed && !is_same_place(&slow, &fast))
    fail_text("where wsuv_utf8_feed stands", text, len);
}

static void check_feed_in_two(const uint8_t *text, size_t len, size_t cut) {
  wsuv_utf8_t slow;
  wsuv_utf8_t fast;
  int fed = feed_slowly(text, len, &slow);
  memset(&fast, 0, sizeof fast);
  if ((wsuv_utf8_feed(&fast, text, cut) && wsuv_utf8_feed(&fast, text + cut, len - cut)) != fed)
    fail_text("wsuv_utf8_feed in two", text, len);
  if (fed && !is_same_place(&slow, &fast))
    fail_text("where wsuv_utf8_feed in two stands", text, len);
}

/* Text of one kind of character, ASCII where it does not come out even. */
static void fill_text(uint8_t *text, size_t len, const char *character) {
  size_t n = strlen(character);
  size_t i;
  memset(text, '.', len);
  for (i = 0; i + n <= len; i += n)
    memcpy(text + i, character, n);
}

static const char *const backgrounds[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

/* Right ones, wrong ones of each class (RFC 3629 4), and such as stop inside. */
static const char *const pieces[] = {"\x7f",
                                     "\xc2\x80",
                                     "\xdf\xbf",
                                     "\xe0\xa0\x80",
                                     "\xed\x9f\xbf",
                                     "\xee\x80\x80",
                                     "\xef\xbf\xbf",
                                     "\xf0\x90\x80\x80",
                                     "\xf4\x8f\xbf\xbf",
                                     "\x80",
                                     "\xbf",
                                     "\xc0\x80",
                                     "\xc1\xbf",
                                     "\xe0\x80\x80",
                                     "\xe0\x9f\xbf",
                                     "\xed\xa0\x80",
                                     "\xed\xbf\xbf",
                                     "\xf0\x80\x80\x80",
                                     "\xf0\x8f\xbf\xbf",
                                     "\xf4\x90\x80\x80",
                                     "\xf5\x80\x80",
                                     "\xf8\x88\x80\x80",
                                     "\xfe\xfe\xff\xff",
                                     "\xe2\x82\xac\x80",
                                     "\xf1\x80\x80\x80\x80",
                                     "\xc3",
                                     "\xe2",
                                     "\xe2\x82",
                                     "\xf0",
                                     "\xf0\x9f",
                                     "\xf0\x9f\x98",
                                     "\xc3\xc3\xa9",
                                     "\xe2\x82\xc3\xa9",
                                     "\xf1\x80\x80z",
                                     "\xe1z\x80"};

static void check_piece_at(uint8_t *text, size_t len, const char *piece, size_t at) {
  size_t n = strlen(piece);
  uint8_t was[8];
  memcpy(was, text + at, n);
  memcpy(text + at, piece, n);
  check_text(text, len);
  check_feed(text, len);
  check_feed_in_two(text, len, at);
  check_feed_in_two(text, len, at + 1);
  memcpy(text + at, was, n);
}

/* Memory of exactly that length, so that sanitizers see a read before or behind it. */
static void check_pieces(const char *background, size_t len) {
  uint8_t *text = malloc(len);
  size_t i;
  size_t at;
  assert_non_null(text);
  fill_text(text, len, background);
  check_text(text, len);
  for (i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
    for (at = 0; at + strlen(pieces[i]) <= len; at++)
      check_piece_at(text, len, pieces[i], at);
  free(text);
}

static void each_fault_is_seen_at_each_place(void **state) {
  static const size_t lens[] = {16, 17, 18, 19, 22, 31, 32, 33, 34, 35,  36,  47,  51,
                                63, 64, 65, 66, 67, 95, 96, 97, 99, 100, 128, 133, 201};
  size_t i;
  size_t j;
  (void)state;
  for (i = 0; i < sizeof lens / sizeof lens[0]; i++)
    for (j = 0; j < sizeof backgrounds / sizeof backgrounds[0]; j++)
      check_pieces(backgrounds[j], lens[i]);
}

static void all_lengths_of_text_stop_anywhere(void **state) {
  size_t len;
  size_t i;
  (void)state;
  for (i = 0; i < sizeof backgrounds / sizeof backgrounds[0]; i++) {
    struct guard_page page = guard_page_new(NULL, LONGEST);
    fill_text(page.data, LONGEST, backgrounds[i]);
    for (len = 0; len <= LONGEST; len++) {
      check_text(page.data + LONGEST - len, len);
      check_feed(page.data + LONGEST - len, len);
      check_feed(page.data, len);
    }
    guard_page_free(&page);
  }
}

/* Every sequence of two octets, and behind them those where ranges begin and end, across the border of two blocks. */
static void all_pairs_are_judged_as_octet_by_octet(void **state) {
  static const uint8_t edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                  0xC0, 0xC2, 0xDF, 0xE0, 0xED, 0xF0, 0xF4, 0xFF};
  unsigned step =
      getenv("WSUV_SLOW_RUN") != NULL ? 2003 : 29; /* prime to all that is taken apart below */
  uint8_t text[67];
  unsigned i;
  (void)state;
  memset(text, 'a', sizeof text);
  for (i = 0; i < 1u << 24; i += step) {
    uint8_t *at = text + 28 + i % 5;
    at[0] = (uint8_t)(i >> 16);
    at[1] = (uint8_t)(i >> 8);
    at[2] = edges[i >> 4 & 15];
    at[3] = edges[i & 15];
    check_text(text, sizeof text);
    memset(at, 'a', 4);
  }
}

static void long_text_is_judged_to_its_end(void **state) {
  enum { LEN = 70001 };
  uint8_t *text = malloc(LEN);
  size_t i;
  (void)state;
  assert_non_null(text);
  for (i = 0; i < sizeof backgrounds / sizeof backgrounds[0]; i++) {
    fill_text(text, LEN, backgrounds[i]);
    check_text(text, LEN);
    check_piece_at(text, LEN, "\xff", 0);
    check_piece_at(text, LEN, "\xff", 40000);
    check_piece_at(text, LEN, "\xff", LEN - 1);
    check_piece_at(text, LEN, "\xe2\x82", LEN - 2);
  }
  free(text);
}

/* Masked text is the text again, and is judged as such; around the length of a piece too. */
static void check_unmasked(const uint8_t *text, size_t len, int valid) {
  uint8_t *copy = malloc(len);
  assert_non_null(copy);
  wsuv_mask(copy, text, len, key, 0);
  CHECK_INT(valid, wsuv__utf8_unmask(copy, len, key) != 0);
  if (valid)
    CHECK_BYTES(text, len, copy, len);
  free(copy);
}

static void masked_text_is_judged_as_it_is_unmasked(void **state) {
  static const size_t lens[] = {64,   65,   100,  8190, 8191,  8192,  8193,
                                8195, 8255, 8256, 8257, 16384, 16385, 50000};
  uint8_t *text = malloc(50000);
  size_t i;
  size_t j;
  (void)state;
  assert_non_null(text);
  for (i = 0; i < sizeof lens / sizeof lens[0]; i++) {
    for (j = 0; j < sizeof backgrounds / sizeof backgrounds[0]; j++) {
      size_t len = lens[i];
      fill_text(text, len, backgrounds[j]);
      check_unmasked(text, len, 1);
      text[len / 2] = 0xFF;
      check_unmasked(text, len, 0);
      fill_text(text, len, backgrounds[j]);
      text[len - 1] = 0xC3;
      check_unmasked(text, len, 0);
    }
  }
  free(text);
}

/* ---- the choice ---- */

static void the_best_one_is_first_and_words_are_last(void **state) {
  size_t n = 0;
  (void)state;
  while (wsuv__kernels_nth(n + 1) != NULL)
    n++;
  CHECK_STR("words", wsuv__kernels_nth(n)->name);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_lengths_are_masked),
      cmocka_unit_test(all_alignments_are_masked),
      cmocka_unit_test(ascii_is_noticed_while_it_is_unmasked),
      cmocka_unit_test(each_fault_is_seen_at_each_place),
      cmocka_unit_test(all_lengths_of_text_stop_anywhere),
      cmocka_unit_test(all_pairs_are_judged_as_octet_by_octet),
      cmocka_unit_test(long_text_is_judged_to_its_end),
      cmocka_unit_test(masked_text_is_judged_as_it_is_unmasked),
      cmocka_unit_test(the_best_one_is_first_and_words_are_last),
  };
  return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
