/* Network byte order, unaligned words, short copies. */
#ifndef WSUV_BASE_BYTES_H
#define WSUV_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint16_t wsuv__load_be16(const uint8_t *p) {
  return (uint16_t)((p[0] << 8) | p[1]);
}

static inline uint64_t wsuv__load_be64(const uint8_t *p) {
  uint64_t v = 0;
  int i;
  for (i = 0; i < 8; i++)
    v = (v << 8) | p[i];
  return v;
}

static inline void wsuv__store_be16(uint8_t *p, uint16_t v) {
  p[0] = (uint8_t)(v >> 8);
  p[1] = (uint8_t)v;
}

static inline void wsuv__store_be64(uint8_t *p, uint64_t v) {
  int i;
  for (i = 7; i >= 0; i--) {
    p[i] = (uint8_t)v;
    v >>= 8;
  }
}

static inline uint64_t wsuv__load_word(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline void wsuv__store_word(uint8_t *p, uint64_t v) {
  memcpy(p, &v, sizeof v);
}

/* Of `size` octets or up to twice as many: both ends, which may overlap. */
static inline void wsuv__copy_ends(uint8_t *dst, const uint8_t *src, size_t len, size_t size) {
  uint8_t head[16];
  uint8_t tail[16];

  memcpy(head, src, size);
  memcpy(tail, src + len - size, size);
  memcpy(dst, head, size);
  memcpy(dst + len - size, tail, size);
}

/* memcpy for what is short most of the time, where a call takes longer than the copy; `src` may be NULL for nothing. */
static inline void wsuv__copy_octets(uint8_t *dst, const uint8_t *src, size_t len) {
  if (len >= 16 && len <= 32)
    wsuv__copy_ends(dst, src, len, 16);
  else if (len >= 8 && len < 16)
    wsuv__copy_ends(dst, src, len, 8);
  else if (len > 0)
    memcpy(dst, src, len);
}

#endif
