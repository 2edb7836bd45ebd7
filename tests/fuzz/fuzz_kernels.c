/* Masking and UTF-8 by every kernel this processor can run, against the octet by octet way: whole, and in two pieces, from
 * memory of exactly that length. The first octet picks the phase of the key and where the text is cut. covers: W110 W142 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/kernels.h"
#include "proto/mask.h"
#include "proto/utf8.h"
#include "wsuv/frame.h"

#define FUZZ_CHECK(condition) \
  do {                        \
    if (!(condition))         \
      abort();                \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *copy_of(const uint8_t *octets, size_t len) {
  uint8_t *copy = malloc(len > 0 ? len : 1);
  FUZZ_CHECK(copy != NULL);
  if (len > 0)
    memcpy(copy, octets, len);
  return copy;
}

static int is_same_place(const wsuv_utf8_t *a, const wsuv_utf8_t *b) {
  return a->missing == b->missing && (a->missing == 0 || (a->low == b->low && a->high == b->high));
}

static void check_feed(const uint8_t *text, size_t len, size_t cut) {
  wsuv_utf8_t slow = {0, 0, 0};
  wsuv_utf8_t fast = {0, 0, 0};
  uint8_t *first = copy_of(text, cut);
  uint8_t *second = copy_of(text + cut, len - cut);
  int fed = wsuv__utf8_feed_octets(&slow, text, len);
  FUZZ_CHECK((wsuv_utf8_feed(&fast, first, cut) && wsuv_utf8_feed(&fast, second, len - cut)) ==
             fed);
  FUZZ_CHECK(!fed || is_same_place(&slow, &fast));
  free(first);
  free(second);
}

static void check_whole(const uint8_t *text, size_t len) {
  wsuv_utf8_t slow = {0, 0, 0};
  int valid = wsuv__utf8_feed_octets(&slow, text, len) && wsuv__utf8_is_complete(&slow);
  const struct wsuv__kernels *kernels;
  size_t i;
  FUZZ_CHECK(wsuv_utf8_is_valid(text, len) == valid);
  if (len < WSUV__UTF8_MIN || wsuv__utf8_open_tail(text, len) > 0)
    return;
  for (i = 0; (kernels = wsuv__kernels_nth(i)) != NULL; i++)
    FUZZ_CHECK((kernels->is_utf8(text, len) != 0) == valid);
}

static void check_masked(const uint8_t *masked, const uint8_t *octets, size_t len,
                         const uint8_t key[4], size_t phase) {
  size_t i;
  for (i = 0; i < len; i++)
    FUZZ_CHECK(masked[i] == (octets[i] ^ key[(phase + i) & 3]));
}

static void check_mask(const uint8_t *octets, size_t len, size_t phase) {
  static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
  uint8_t *out = copy_of(octets, len);
  const struct wsuv__kernels *kernels;
  size_t i;
  wsuv_mask(out, octets, len, key, phase);
  check_masked(out, octets, len, key, phase);
  for (i = 0; len >= WSUV__MASK_MIN && (kernels = wsuv__kernels_nth(i)) != NULL; i++) {
    memcpy(out, octets, len);
    kernels->mask(out, out, len, wsuv__mask_turn(wsuv__mask_key(key), phase));
    check_masked(out, octets, len, key, phase);
  }
  free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *text;
  size_t len;
  if (size == 0)
    return 0;
  len = size - 1;
  text = copy_of(data + 1, len);
  check_feed(text, len, data[0] < len ? data[0] : len);
  check_whole(text, len);
  check_mask(text, len, data[0] & 3);
  free(text);
  return 0;
}
