#include "proto/utf8.h"

#include "proto/kernels.h"
#include "proto/mask.h"
#include "wsuv/frame.h"

#define PIECE 8192u /* a multiple of the key's length */

/* Most text is mostly ASCII: 16 octets a step. */
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end) {
  while (end - p >= 16) {
    if (!wsuv__utf8_is_ascii(p, 16))
      break;
    p += 16;
  }
  if (end - p >= 8 && wsuv__utf8_is_ascii(p, 8))
    p += 8;
  while (p < end && *p < 0x80)
    p++;
  return p;
}

/* The first octet decides how many follow and the range of the second (RFC 3629 4): that is where overlong forms, surrogates
 * and code points over U+10FFFF are shut out. */
static int start_sequence(struct wsuv__utf8 *s, uint8_t lead) {
  s->low = 0x80;
  s->high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    s->missing = 1;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    s->missing = 2;
    if (lead == 0xE0)
      s->low = 0xA0;
    else if (lead == 0xED)
      s->high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    s->missing = 3;
    if (lead == 0xF0)
      s->low = 0x90;
    else if (lead == 0xF4)
      s->high = 0x8F;
  } else {
    return 0;
  }
  return 1;
}

static int is_tail(uint8_t octet) {
  return (octet & 0xC0) == 0x80;
}

/* Two- and three-octet characters with unrestricted second octet, whole in the input: the common case of non-ASCII text. */
static const uint8_t *skip_common(const uint8_t *p, const uint8_t *end) {
  while (end - p >= 3) {
    if (p[0] >= 0xC2 && p[0] <= 0xDF && is_tail(p[1]))
      p += 2;
    else if (p[0] > 0xE0 && p[0] <= 0xEF && p[0] != 0xED && is_tail(p[1]) && is_tail(p[2]))
      p += 3;
    else
      break;
  }
  return p;
}

static int go_on_sequence(struct wsuv__utf8 *s, uint8_t octet) {
  if (octet < s->low || octet > s->high)
    return 0;
  s->missing--;
  s->low = 0x80;
  s->high = 0xBF;
  return 1;
}

int wsuv__utf8_feed_octets(struct wsuv__utf8 *s, const uint8_t *data, size_t len) {
  const uint8_t *p = data;
  const uint8_t *end = data + len;

  while (p < end) {
    if (s->missing > 0) {
      if (!go_on_sequence(s, *p++))
        return 0;
    } else if (*p < 0x80) {
      p = skip_ascii(p, end);
    } else {
      const uint8_t *q = skip_common(p, end);
      if (q == p && !start_sequence(s, *q++))
        return 0;
      p = q;
    }
  }
  return 1;
}

size_t wsuv__utf8_open_tail(const uint8_t *data, size_t len) {
  const uint8_t *end = data + len;

  if (end[-1] >= 0xC0)
    return 1;
  if (end[-2] >= 0xE0)
    return 2;
  return end[-3] >= 0xF0 ? 3 : 0;
}

int wsuv__utf8_feed_short(struct wsuv__utf8 *s, const uint8_t *data, size_t len) {
  if (s->missing == 0 && len >= 8 && wsuv__utf8_is_ascii(data, len))
    return 1;
  return wsuv__utf8_feed_octets(s, data, len);
}

/* Whole characters go to a kernel, what is torn apart at either end octet by octet. */
int wsuv__utf8_feed_long(struct wsuv__utf8 *s, const uint8_t *data, size_t len) {
  size_t tail;

  for (; s->missing > 0; data++, len--)
    if (!go_on_sequence(s, *data))
      return 0;
  tail = wsuv__utf8_open_tail(data, len);
  if (tail > 0 && wsuv__utf8_open_tail(data, len - tail) > 0)
    return 0; /* a character that was begun, and then another one */
  return wsuv__utf8_is_valid_long(data, len - tail) &&
         (tail == 0 || wsuv__utf8_feed_octets(s, data + len - tail, tail));
}

int wsuv_utf8_is_valid(const void *data, size_t len) {
  struct wsuv__utf8 state = {0, 0, 0};

  if (len >= WSUV__UTF8_MIN)
    return wsuv__utf8_open_tail(data, len) == 0 && wsuv__utf8_is_valid_long(data, len);
  return len == 0 || (wsuv__utf8_feed(&state, data, len) && wsuv__utf8_is_complete(&state));
}

/* Most text is ASCII, which is seen while it is unmasked. */
static int unmask_piece(struct wsuv__utf8 *s, uint8_t *text, size_t len, uint32_t key) {
  return (wsuv__unmask_ascii_long(text, len, key) && s->missing == 0) ||
         wsuv__utf8_feed(s, text, len);
}

int wsuv__utf8_unmask(uint8_t *text, size_t len, const uint8_t masking_key[4]) {
  struct wsuv__utf8 state = {0, 0, 0};
  uint32_t key = wsuv__mask_key(masking_key);

  for (; len >= PIECE + WSUV__MASK_MIN; len -= PIECE, text += PIECE)
    if (!unmask_piece(&state, text, PIECE, key))
      return 0;
  return unmask_piece(&state, text, len, key) && wsuv__utf8_is_complete(&state);
}

int wsuv_utf8_feed(wsuv_utf8_t *utf8, const void *data, size_t len) {
  return len == 0 || wsuv__utf8_feed(utf8, data, len);
}

int wsuv_utf8_is_complete(const wsuv_utf8_t *utf8) {
  return wsuv__utf8_is_complete(utf8);
}
