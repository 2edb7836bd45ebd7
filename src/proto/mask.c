#include "base/bytes.h"
#include "wsuv/frame.h"

/* The key as it falls on eight octets of payload that start at `offset`, independent of byte order. */
static uint64_t key_word(const uint8_t key[4], uint64_t offset) {
  uint8_t octets[8];
  unsigned i;
  for (i = 0; i < 8; i++)
    octets[i] = key[(offset + i) & 3];
  return wsuv__load_word(octets);
}

void wsuv_mask(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t masking_key[4],
               uint64_t offset) {
  uint64_t word = key_word(masking_key, offset);
  size_t i = 0;

  /* Whole words in blocks of four let the compiler use the widest registers it has. */
  for (; len - i >= 32; i += 32) {
    wsuv__store_word(dst + i, wsuv__load_word(src + i) ^ word);
    wsuv__store_word(dst + i + 8, wsuv__load_word(src + i + 8) ^ word);
    wsuv__store_word(dst + i + 16, wsuv__load_word(src + i + 16) ^ word);
    wsuv__store_word(dst + i + 24, wsuv__load_word(src + i + 24) ^ word);
  }
  for (; len - i >= 8; i += 8)
    wsuv__store_word(dst + i, wsuv__load_word(src + i) ^ word);
  for (; i < len; i++)
    dst[i] = src[i] ^ masking_key[(offset + i) & 3];
}
