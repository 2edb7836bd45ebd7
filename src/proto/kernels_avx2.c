#include <immintrin.h>

#include "proto/kernels.h"

enum { LANES = 32 };

#include "proto/lanes.h"

static inline lanes look_up(const uint8_t table[16], lanes half) {
  __m128i row = _mm_loadu_si128((const __m128i *)(const void *)table);
  return (lanes)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(row), (__m256i)half);
}

/* Of octets, rounded up. */
static inline lanes mean(lanes a, lanes b) {
  return (lanes)_mm256_avg_epu8((__m256i)a, (__m256i)b);
}

static inline int is_ascii(lanes v) {
  return _mm256_movemask_epi8((__m256i)v) == 0;
}

static inline int is_zero(lanes v) {
  return _mm256_testz_si256((__m256i)v, (__m256i)v);
}

#include "proto/mask_lanes.h"
#include "proto/utf8_lanes.h"

const struct wsuv__kernels wsuv__kernels_avx2 = {"avx2", mask, unmask_ascii, is_utf8};
