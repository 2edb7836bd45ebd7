#include "base/bytes.h"
#include "proto/kernels.h"
#include "proto/mask.h"
#include "proto/utf8.h"

/* Read as a whole before it is written, so that the compiler may use the widest registers it has. */
static inline uint64_t mask_block(uint8_t *dst, const uint8_t *src, uint64_t word) {
  uint64_t words[4];
  size_t i;

  memcpy(words, src, sizeof words);
  for (i = 0; i < 4; i++)
    words[i] ^= word;
  memcpy(dst, words, sizeof words);
  return words[0] | words[1] | words[2] | words[3];
}

/* The last block overlaps others: read before anything is written, and of the same value where they do. Returns the bits that
 * any word of the result has. */
static inline uint64_t mask_all(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  uint64_t word = wsuv__mask_key_twice(key);
  uint8_t *last = dst + len - 32;
  uint8_t tail[32];
  uint64_t seen = mask_block(tail, src + len - 32, wsuv__mask_key_twice(wsuv__mask_turn(key, len)));

  for (; dst < last; dst += 32, src += 32)
    seen |= mask_block(dst, src, word);
  memcpy(last, tail, sizeof tail);
  return seen;
}

static void mask(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  (void)mask_all(dst, src, len, key);
}

static int unmask_ascii(uint8_t *octets, size_t len, uint32_t key) {
  return (mask_all(octets, octets, len, key) & WSUV__UTF8_HIGH_BITS) == 0;
}

static int is_utf8(const uint8_t *data, size_t len) {
  struct wsuv__utf8 state = {0, 0, 0};
  return wsuv__utf8_feed_octets(&state, data, len);
}

const struct wsuv__kernels wsuv__kernels_words = {"words", mask, unmask_ascii, is_utf8};
