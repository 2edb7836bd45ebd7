/* UTF-8 by lookup, in vectors of LANES octets for any instruction set: the file that includes this has defined `lanes`, LANES and
 * the operations on them before.
 *
 * After Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2020): each wrong pair of octets is told by
 * three half octets, and what is left to see is where a third and a fourth octet have to be. An octet is judged by the three
 * before it, which are read from memory once more: so vectors can be judged in any order and may overlap. */
#ifndef WSUV_PROTO_UTF8_LANES_H
#define WSUV_PROTO_UTF8_LANES_H

#include "proto/utf8.h"
#include "proto/utf8_faults.h"

/* The bits of all that is wrong about the octets at `p`, given the three before them. */
static inline lanes judge(const uint8_t *p) {
  lanes octets = load(p);
  lanes first = load(p - 1);
  lanes faults = both(both(look_up(first_by_high_half, high_half(first)),
                           look_up(first_by_low_half, low_half(first))),
                      look_up(second_by_high_half, high_half(octets)));
  lanes third = beyond(load(p - 2), 0xE0 - 0x80);
  lanes fourth = beyond(load(p - 3), 0xF0 - 0x80);

  return differ(faults, both(either(third, fourth), splat(TWO)));
}

/* Whether two vectors, of which the second begins in the first or behind it, are ASCII behind ASCII. */
static inline int is_ascii_pair(const uint8_t *p, const uint8_t *q) {
  return is_ascii(either(either(load(p - 3), load(p)), load(q)));
}

/* The first octets behind ASCII that are not, or less than a long step before the end. */
static inline const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end) {
  while (end - p >= 4 * LANES && is_ascii(either(either(load(p), load(p + LANES)),
                                                 either(load(p + 2 * LANES), load(p + 3 * LANES)))))
    p += 4 * LANES;
  return p;
}

/* Nothing is before the first octets, as if ASCII were. */
static lanes judge_first(const uint8_t *p) {
  uint8_t copy[3 + LANES] = {0};

  if (is_ascii(load(p)))
    return splat(0);
  memcpy(copy + 3, p, LANES);
  return judge(copy + 3);
}

/* Too short to overlap: judged in a copy, between octets of zero. */
static int is_short_utf8(const uint8_t *data, size_t len) {
  uint8_t copy[3 + 2 * LANES] = {0};
  size_t i;

  if (wsuv__utf8_is_ascii(data, len))
    return 1;
  for (i = 0; i + 16 < len; i += 16)
    memcpy(copy + 3 + i, data + i, 16);
  memcpy(copy + 3 + len - 16, data + len - 16, 16);
  return is_zero(either(judge(copy + 3), judge(copy + 3 + LANES)));
}

static inline int is_long_utf8(const uint8_t *data, size_t len) {
  const uint8_t *end = data + len;
  const uint8_t *last = end - LANES;
  const uint8_t *p = data + LANES;
  const uint8_t *rest;
  lanes faults = judge_first(data);

  while (end - p >= 2 * LANES) {
    if (is_ascii_pair(p, p + LANES)) {
      p = skip_ascii(p + 2 * LANES, end);
    } else {
      faults = either(faults, either(judge(p), judge(p + LANES)));
      p += 2 * LANES;
    }
  }
  rest = p < last ? p : last;
  if (p < end && !is_ascii_pair(rest, last))
    faults = either(faults, either(judge(rest), judge(last)));
  return is_zero(faults);
}

static int is_utf8(const uint8_t *data, size_t len) {
  return len < 3 + LANES ? is_short_utf8(data, len) : is_long_utf8(data, len);
}

#endif
