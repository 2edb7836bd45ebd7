#include "proto/mask.h"

#include "base/bytes.h"
#include "proto/kernels.h"
#include "wsuv/frame.h"

/* Up to seven octets. */
static void mask_octets(uint8_t *dst, const uint8_t *src, size_t len, uint64_t word) {
  uint8_t octets[8];
  uint32_t half;
  size_t i = 0;

  if (len >= 4) {
    memcpy(&half, src, sizeof half);
    half ^= (uint32_t)word;
    memcpy(dst, &half, sizeof half);
    i = 4;
  }
  wsuv__store_word(octets, word);
  for (; i < len; i++)
    dst[i] = src[i] ^ octets[i];
}

/* The last eight octets overlap others: read before anything is written, and of the same value where they do. */
static inline void mask_words(uint8_t *dst, const uint8_t *src, size_t len, uint64_t word,
                              uint64_t tail_word) {
  uint64_t tail = wsuv__load_word(src + len - 8) ^ tail_word;
  uint8_t *end = dst + len;

  for (; end - dst > 8; dst += 8, src += 8)
    wsuv__store_word(dst, wsuv__load_word(src) ^ word);
  wsuv__store_word(end - 8, tail);
}

void wsuv_mask(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t masking_key[4],
               uint64_t offset) {
  uint32_t key = wsuv__mask_turn(wsuv__mask_key(masking_key), offset);

  if (len >= WSUV__MASK_MIN)
    wsuv__mask_long(dst, src, len, key);
  else if (len >= 8)
    mask_words(dst, src, len, wsuv__mask_key_twice(key),
               wsuv__mask_key_twice(wsuv__mask_turn(key, len)));
  else
    mask_octets(dst, src, len, wsuv__mask_key_twice(key));
}
