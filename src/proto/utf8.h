/* UTF-8 validation that can stop and go on at any octet (RFC 3629), failing at the first octet that cannot be right. */
#ifndef WSUV_PROTO_UTF8_H
#define WSUV_PROTO_UTF8_H

#include "wsuv/frame.h"

/* Non-zero while everything fed so far may be the start of valid UTF-8. */
int wsuv__utf8_feed(struct wsuv__utf8 *state, const uint8_t *data, size_t len);

static inline int wsuv__utf8_is_complete(const struct wsuv__utf8 *state) {
  return state->missing == 0;
}

#endif
