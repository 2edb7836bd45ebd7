/* The short way out, for what makes up nearly all traffic: an unmasked final data frame of up to 64 KiB goes into the cork while
 * nothing waits in front of it. Inline, because it is one long question. */
#ifndef WSUV_PROTO_ENDPOINT_CORK_H
#define WSUV_PROTO_ENDPOINT_CORK_H

#include "proto/frame.h"
#include "proto/traffic.h"

/* Nothing but octets in the cork counts as waiting then: see missing_room in proto/endpoint_send.c. */
static inline int wsuv__outbox_may_cork(const struct wsuv__outbox *outbox, size_t len,
                                        size_t write_limit) {
  const struct wsuv__cork *cork = outbox->cork;

  return cork != NULL && len <= UINT16_MAX &&
         cork->cap - cork->len >= len + WSUV_FRAME_HEADER_MAX &&
         cork->len + outbox->held + len + WSUV_FRAME_HEADER_MAX <= write_limit &&
         outbox->state == OUTBOX_OPEN && wsuv__list_is_empty(&outbox->entries);
}

static inline void wsuv__cork_message(struct wsuv__cork *cork, uint8_t opcode, const void *payload,
                                      size_t len) {
  uint8_t *p = cork->base + cork->len;
  size_t head_len = 2;

  p[0] = 0x80 | opcode;
  p[1] = (uint8_t)len;
  if (len >= WSUV__LEN_16) {
    p[1] = WSUV__LEN_16;
    wsuv__store_be16(p + 2, (uint16_t)len);
    head_len = 4;
  }
  cork->len += head_len + len;
  if (len > 0)
    memcpy(p + head_len, payload, len);
}

static inline int wsuv__endpoint_may_cork(const struct wsuv_endpoint *ep, wsuv_opcode_t type,
                                          const void *payload, size_t len) {
  return (type == WSUV_BINARY || type == WSUV_TEXT) && (payload != NULL || len == 0) &&
         ep->closing == CLOSING_NONE && ep->sending == SENDING_NONE && ep->extensions == NULL &&
         ep->trace == NULL && ep->config->rules.role == WSUV_SERVER &&
         wsuv__outbox_may_cork(&ep->outbox, len, ep->config->write_limit);
}

/* 1: it is in the cork. 0: it goes the long way, and every fault does. Text is looked at once it is known that it goes this way. */
static inline int wsuv__endpoint_cork_message(struct wsuv_endpoint *ep, wsuv_opcode_t type,
                                              const void *payload, size_t len) {
  if (!wsuv__endpoint_may_cork(ep, type, payload, len) ||
      (type == WSUV_TEXT && !wsuv_utf8_is_valid(payload, len)))
    return 0;
  ep->limits.message_ms = ep->now_ms;
  wsuv__traffic_message_sent(ep, (int)type, len, 1);
  wsuv__cork_message(ep->outbox.cork, (uint8_t)type, payload, len);
  return 1;
}

#endif
