#include "base/bytes.h"
#include "wsuv/frame.h"

/* The key as it falls on octets that start at `offset`, twice over, independent of byte order. */
static uint64_t key_word(const uint8_t key[4], uint64_t offset) {
  uint8_t twice[8];
  uint32_t half;

  memcpy(twice, key, 4);
  memcpy(twice + 4, key, 4);
  memcpy(&half, twice + (offset & 3), sizeof half);
  return (uint64_t)half << 32 | half;
}

/* Fewer than eight octets, behind a whole number of words. */
static void mask_rest(uint8_t *dst, const uint8_t *src, size_t len, uint64_t word) {
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

static void mask_word(uint8_t *dst, const uint8_t *src, uint64_t word) {
  wsuv__store_word(dst, wsuv__load_word(src) ^ word);
}

void wsuv_mask(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t masking_key[4],
               uint64_t offset) {
  uint64_t word = key_word(masking_key, offset);

  /* Whole words in blocks of four let the compiler use the widest registers it has. */
  for (; len >= 32; len -= 32, dst += 32, src += 32) {
    mask_word(dst, src, word);
    mask_word(dst + 8, src + 8, word);
    mask_word(dst + 16, src + 16, word);
    mask_word(dst + 24, src + 24, word);
  }
  for (; len >= 8; len -= 8, dst += 8, src += 8)
    mask_word(dst, src, word);
  if (len > 0)
    mask_rest(dst, src, len, word);
}
