#include <immintrin.h>

#include "proto/kernels.h"

typedef __m128i lanes;

enum { LANES = 16 };

static inline lanes load(const uint8_t *p) {
  return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void store(uint8_t *p, lanes v) {
  _mm_storeu_si128((__m128i *)(void *)p, v);
}

static inline lanes splat(uint8_t octet) {
  return _mm_set1_epi8((char)octet);
}

static inline lanes splat_word(uint32_t word) {
  return _mm_set1_epi32((int)word);
}

static inline lanes both(lanes a, lanes b) {
  return _mm_and_si128(a, b);
}

static inline lanes either(lanes a, lanes b) {
  return _mm_or_si128(a, b);
}

static inline lanes differ(lanes a, lanes b) {
  return _mm_xor_si128(a, b);
}

static inline lanes low_half(lanes v) {
  return both(v, splat(0x0F));
}

static inline lanes high_half(lanes v) {
  return low_half(_mm_srli_epi16(v, 4));
}

static inline lanes look_up(const uint8_t table[16], lanes half) {
  return _mm_shuffle_epi8(load(table), half);
}

/* By how much octets are more than `least`; 0 if they are not. */
static inline lanes beyond(lanes v, uint8_t least) {
  return _mm_subs_epu8(v, splat(least));
}

static inline int is_ascii(lanes v) {
  return _mm_movemask_epi8(v) == 0;
}

static inline int is_zero(lanes v) {
  return _mm_movemask_epi8(_mm_cmpeq_epi8(v, splat(0))) == 0xFFFF;
}

#include "proto/mask_lanes.h"
#include "proto/utf8_lanes.h"

const struct wsuv__kernels wsuv__kernels_ssse3 = {"ssse3", mask, unmask_ascii, is_utf8};
