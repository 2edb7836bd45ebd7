#include <immintrin.h>

#include "proto/kernels.h"

enum { LANES = 16 };

#include "proto/lanes.h"

static inline lanes look_up(const uint8_t table[16], lanes half) {
  return (lanes)_mm_shuffle_epi8((__m128i)load(table), (__m128i)half);
}

/* Of octets, rounded up. */
static inline lanes mean(lanes a, lanes b) {
  return (lanes)_mm_avg_epu8((__m128i)a, (__m128i)b);
}

static inline int is_ascii(lanes v) {
  return _mm_movemask_epi8((__m128i)v) == 0;
}

static inline int is_zero(lanes v) {
  return _mm_movemask_epi8(_mm_cmpeq_epi8((__m128i)v, _mm_setzero_si128())) == 0xFFFF;
}

#include "proto/mask_lanes.h"
#include "proto/utf8_lanes.h"

const struct wsuv__kernels wsuv__kernels_ssse3 = {"ssse3", mask, unmask_ascii, is_utf8};
