#include <immintrin.h>

#include "proto/kernels.h"

typedef __m256i lanes;

enum { LANES = 32 };

static inline lanes load(const uint8_t *p) {
  return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline void store(uint8_t *p, lanes v) {
  _mm256_storeu_si256((__m256i *)(void *)p, v);
}

static inline lanes splat(uint8_t octet) {
  return _mm256_set1_epi8((char)octet);
}

static inline lanes splat_word(uint32_t word) {
  return _mm256_set1_epi32((int)word);
}

static inline lanes both(lanes a, lanes b) {
  return _mm256_and_si256(a, b);
}

static inline lanes either(lanes a, lanes b) {
  return _mm256_or_si256(a, b);
}

static inline lanes differ(lanes a, lanes b) {
  return _mm256_xor_si256(a, b);
}

static inline lanes low_half(lanes v) {
  return both(v, splat(0x0F));
}

static inline lanes high_half(lanes v) {
  return low_half(_mm256_srli_epi16(v, 4));
}

static inline lanes look_up(const uint8_t table[16], lanes half) {
  __m128i row = _mm_loadu_si128((const __m128i *)(const void *)table);
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(row), half);
}

/* By how much octets are more than `least`; 0 if they are not. */
static inline lanes beyond(lanes v, uint8_t least) {
  return _mm256_subs_epu8(v, splat(least));
}

static inline int is_ascii(lanes v) {
  return _mm256_movemask_epi8(v) == 0;
}

static inline int is_zero(lanes v) {
  return _mm256_testz_si256(v, v);
}

#include "proto/mask_lanes.h"
#include "proto/utf8_lanes.h"

const struct wsuv__kernels wsuv__kernels_avx2 = {"avx2", mask, unmask_ascii, is_utf8};
