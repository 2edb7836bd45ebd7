#include <arm_neon.h>

#include "proto/kernels.h"

typedef uint8x16_t lanes;

enum { LANES = 16 };

static inline lanes load(const uint8_t *p) {
  return vld1q_u8(p);
}

static inline void store(uint8_t *p, lanes v) {
  vst1q_u8(p, v);
}

static inline lanes splat(uint8_t octet) {
  return vdupq_n_u8(octet);
}

static inline lanes splat_word(uint32_t word) {
  return vreinterpretq_u8_u32(vdupq_n_u32(word));
}

static inline lanes both(lanes a, lanes b) {
  return vandq_u8(a, b);
}

static inline lanes either(lanes a, lanes b) {
  return vorrq_u8(a, b);
}

static inline lanes differ(lanes a, lanes b) {
  return veorq_u8(a, b);
}

static inline lanes low_half(lanes v) {
  return both(v, splat(0x0F));
}

static inline lanes high_half(lanes v) {
  return vshrq_n_u8(v, 4);
}

static inline lanes look_up(const uint8_t table[16], lanes half) {
  return vqtbl1q_u8(load(table), half);
}

/* By how much octets are more than `least`; 0 if they are not. */
static inline lanes beyond(lanes v, uint8_t least) {
  return vqsubq_u8(v, splat(least));
}

static inline int is_ascii(lanes v) {
  return vmaxvq_u8(v) < 0x80;
}

static inline int is_zero(lanes v) {
  return vmaxvq_u8(v) == 0;
}

#include "proto/mask_lanes.h"
#include "proto/utf8_lanes.h"

const struct wsuv__kernels wsuv__kernels_neon = {"neon", mask, unmask_ascii, is_utf8};
