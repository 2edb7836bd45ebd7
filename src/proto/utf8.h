/* UTF-8 validation that can stop and go on at any octet (RFC 3629), failing at the first octet that cannot be right. */
#ifndef WSUV_PROTO_UTF8_H
#define WSUV_PROTO_UTF8_H

#include "base/bytes.h"
#include "proto/kernels.h"
#include "wsuv/frame.h"

#define WSUV__UTF8_HIGH_BITS 0x8080808080808080u

/* At least eight octets. The last ones may be read twice. */
static inline int wsuv__utf8_is_ascii(const uint8_t *data, size_t len) {
  uint64_t seen = wsuv__load_word(data + len - 8);
  size_t i;

  for (i = 0; i + 8 < len; i += 8)
    seen |= wsuv__load_word(data + i);
  return (seen & WSUV__UTF8_HIGH_BITS) == 0;
}

/* Whole characters and the octets torn apart at both ends make what is fed to a kernel at least this long. */
#define WSUV__UTF8_LONG_MIN (WSUV__UTF8_MIN + 6)

/* Non-zero while everything fed so far may be the start of valid UTF-8. */
int wsuv__utf8_feed_octets(struct wsuv__utf8 *state, const uint8_t *data, size_t len);
int wsuv__utf8_feed_short(struct wsuv__utf8 *state, const uint8_t *data, size_t len);
int wsuv__utf8_feed_long(struct wsuv__utf8 *state, const uint8_t *data, size_t len);

static inline int wsuv__utf8_feed(struct wsuv__utf8 *state, const uint8_t *data, size_t len) {
  return len >= WSUV__UTF8_LONG_MIN ? wsuv__utf8_feed_long(state, data, len)
                                    : wsuv__utf8_feed_short(state, data, len);
}

/* Unmasks a whole text of at least WSUV__MASK_MIN octets and judges it, a piece after the other while it is in the nearest
 * cache. What is behind the first piece that is wrong stays masked. */
int wsuv__utf8_unmask(uint8_t *text, size_t len, const uint8_t masking_key[4]);

/* How many octets at the end are the start of a character that goes on behind it; of at least three octets. */
size_t wsuv__utf8_open_tail(const uint8_t *data, size_t len);

static inline int wsuv__utf8_is_complete(const struct wsuv__utf8 *state) {
  return state->missing == 0;
}

#endif
