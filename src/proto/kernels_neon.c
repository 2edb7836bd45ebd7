#include <arm_neon.h>

#include "proto/kernels.h"

enum { LANES = 16 };

#include "proto/lanes.h"

static inline lanes look_up(const uint8_t table[16], lanes half) {
  return (lanes)vqtbl1q_u8(vld1q_u8(table), (uint8x16_t)half);
}

/* Of octets, rounded up. */
static inline lanes mean(lanes a, lanes b) {
  return (lanes)vrhaddq_u8((uint8x16_t)a, (uint8x16_t)b);
}

static inline int is_ascii(lanes v) {
  return vmaxvq_u8((uint8x16_t)v) < 0x80;
}

static inline int is_zero(lanes v) {
  return vmaxvq_u8((uint8x16_t)v) == 0;
}

#include "proto/mask_lanes.h"
#include "proto/utf8_lanes.h"

const struct wsuv__kernels wsuv__kernels_neon = {"neon", mask, unmask_ascii, is_utf8};
