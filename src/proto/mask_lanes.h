/* Masking in vectors of LANES octets, for any instruction set: the file that includes this has included lanes.h and defined
 * is_ascii before. */
#ifndef WSUV_PROTO_MASK_LANES_H
#define WSUV_PROTO_MASK_LANES_H

#include "proto/mask.h"

/* The last octets as one vector that overlaps others: read before anything is written, and of the same value where they do.
 * Returns the bits that any octet of the result has; who does not look at them does not pay for them. */
static inline lanes mask_all(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  lanes word = splat_word(key);
  lanes tail = load(src + len - LANES) ^ splat_word(wsuv__mask_turn(key, len));
  lanes seen = tail;
  uint8_t *end = dst + len;

  for (; end - dst >= 4 * LANES; dst += 4 * LANES, src += 4 * LANES) {
    lanes a = load(src) ^ word;
    lanes b = load(src + LANES) ^ word;
    lanes c = load(src + 2 * LANES) ^ word;
    lanes d = load(src + 3 * LANES) ^ word;
    store(dst, a);
    store(dst + LANES, b);
    store(dst + 2 * LANES, c);
    store(dst + 3 * LANES, d);
    seen |= a | b | c | d;
  }
  for (; end - dst >= LANES; dst += LANES, src += LANES) {
    lanes a = load(src) ^ word;
    store(dst, a);
    seen |= a;
  }
  store(end - LANES, tail);
  return seen;
}

static void mask(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  (void)mask_all(dst, src, len, key);
}

static int unmask_ascii(uint8_t *octets, size_t len, uint32_t key) {
  return is_ascii(mask_all(octets, octets, len, key));
}

#endif
