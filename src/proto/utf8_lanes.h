/* UTF-8 by lookup, in vectors of LANES octets for any instruction set: the file that includes this has included lanes.h and
 * defined look_up, mean, is_ascii and is_zero before.
 *
 * After Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2020): each wrong pair of octets is told
 * by three half octets, and what is left to see is where a third and a fourth octet have to be. An octet is judged by the three
 * before it, which are read from memory once more: so vectors can be judged in any order and may overlap. */
#ifndef WSUV_PROTO_UTF8_LANES_H
#define WSUV_PROTO_UTF8_LANES_H

#include "proto/utf8.h"
#include "proto/utf8_faults.h"

/* What is wrong about octets: all bits but TWO of `pairs`, and the bit TWO of `twos`. The others mean nothing there. */
struct faults {
  lanes pairs;
  lanes twos;
};

/* Adds what is wrong about the octets at `p`, given the three before them. The highest bit of a mean says whether the second
 * octet before is at least E0, and the third at least F0. */
static inline void judge(struct faults *faults, const uint8_t *p) {
  lanes octets = load(p);
  lanes first = load(p - 1);
  lanes pairs = look_up(first_by_high_half, first >> 4) & look_up(first_by_low_half, first & 0x0F) &
                look_up(second_by_high_half, octets >> 4);
  lanes third = mean(load(p - 2), splat(0xFF - 0xE0));
  lanes fourth = mean(load(p - 3), splat(0xFF - 0xF0));

  faults->pairs |= pairs;
  faults->twos |= pairs ^ (third | fourth);
}

static inline int is_faultless(const struct faults *faults) {
  return is_zero((faults->pairs & (0xFF - TWO)) | (faults->twos & TWO));
}

/* Whether two vectors, of which the second begins in the first or behind it, are ASCII behind ASCII. */
static inline int is_ascii_pair(const uint8_t *p, const uint8_t *q) {
  return is_ascii(load(p - 3) | load(p) | load(q));
}

/* The first octets behind ASCII that are not, or less than a long step before the end. */
static inline const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end) {
  while (end - p >= 4 * LANES &&
         is_ascii(load(p) | load(p + LANES) | load(p + 2 * LANES) | load(p + 3 * LANES)))
    p += 4 * LANES;
  return p;
}

/* Nothing is before the first octets, as if ASCII were. */
static void judge_first(struct faults *faults, const uint8_t *p) {
  uint8_t copy[3 + LANES] = {0};

  if (is_ascii(load(p)))
    return;
  memcpy(copy + 3, p, LANES);
  judge(faults, copy + 3);
}

/* Too short to overlap: judged in a copy, between octets of zero. */
static int is_short_utf8(const uint8_t *data, size_t len) {
  struct faults faults = {{0}, {0}};
  uint8_t copy[3 + 2 * LANES] = {0};
  size_t i;

  for (i = 0; i + 16 < len; i += 16)
    memcpy(copy + 3 + i, data + i, 16);
  memcpy(copy + 3 + len - 16, data + len - 16, 16);
  judge(&faults, copy + 3);
  judge(&faults, copy + 3 + LANES);
  return is_faultless(&faults);
}

static inline int is_long_utf8(const uint8_t *data, size_t len) {
  const uint8_t *end = data + len;
  const uint8_t *last = end - LANES;
  const uint8_t *p = data + LANES;
  const uint8_t *rest;
  struct faults faults = {{0}, {0}};

  judge_first(&faults, data);
  while (end - p >= 2 * LANES) {
    if (is_ascii_pair(p, p + LANES)) {
      p = skip_ascii(p + 2 * LANES, end);
    } else {
      judge(&faults, p);
      judge(&faults, p + LANES);
      p += 2 * LANES;
    }
  }
  rest = p < last ? p : last;
  if (p < end && !is_ascii_pair(rest, last)) {
    judge(&faults, rest);
    judge(&faults, last);
  }
  return is_faultless(&faults);
}

static int is_utf8(const uint8_t *data, size_t len) {
  if (len >= 3 + LANES)
    return is_long_utf8(data, len);
  return wsuv__utf8_is_ascii(data, len) || is_short_utf8(data, len);
}

#endif
