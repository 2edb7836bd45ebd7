/* The masking key (RFC 6455 5.3) as words, whose octets are in the order of memory. */
#ifndef WSUV_PROTO_MASK_H
#define WSUV_PROTO_MASK_H

#include <stdint.h>
#include <string.h>

static inline uint32_t wsuv__mask_key(const uint8_t masking_key[4]) {
  uint32_t key;

  memcpy(&key, masking_key, sizeof key);
  return key;
}

static inline uint64_t wsuv__mask_key_twice(uint32_t key) {
  return (uint64_t)key << 32 | key;
}

/* The key as it falls on octets that start `offset` octets further. Compilers know the order of octets beforehand, and make a
 * rotation of this. */
static inline uint32_t wsuv__mask_turn(uint32_t key, uint64_t offset) {
  uint32_t one = 1;
  uint8_t is_little_endian;
  unsigned n = (unsigned)(offset & 3) * 8;

  memcpy(&is_little_endian, &one, 1);
  if (!is_little_endian)
    n = 32 - n;
  return key >> (n & 31) | key << (-n & 31);
}

#endif
