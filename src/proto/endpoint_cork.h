/* The short way out, for what makes up nearly all traffic: a final data frame of up to 64 KiB goes into the cork while nothing
 * waits in front of it. Inline, because it is one long question. */
#ifndef WSUV_PROTO_ENDPOINT_CORK_H
#define WSUV_PROTO_ENDPOINT_CORK_H

#include "base/bytes.h"
#include "proto/frame.h"
#include "proto/traffic.h"

/* Nothing but octets in the cork counts as waiting then: see missing_room in proto/endpoint_send.c. */
static inline int wsuv__outbox_may_cork(const struct wsuv__outbox *outbox, size_t len,
                                        size_t limit) {
  const struct wsuv__cork *cork = outbox->cork;

  return cork != NULL && len <= UINT16_MAX &&
         cork->cap - cork->len >= len + WSUV_FRAME_HEADER_MAX &&
         cork->len + outbox->held + len + WSUV_FRAME_HEADER_MAX <= limit &&
         outbox->state == OUTBOX_OPEN && wsuv__list_is_empty(&outbox->entries);
}

/* Without the mask bit. Returns its length. */
static inline size_t wsuv__cork_header(uint8_t *p, uint8_t opcode, size_t len) {
  p[0] = 0x80 | opcode;
  p[1] = (uint8_t)len;
  if (len < WSUV__LEN_16)
    return 2;
  p[1] = WSUV__LEN_16;
  wsuv__store_be16(p + 2, (uint16_t)len);
  return 4;
}

/* A client's: masked on the way into the cork. WSUV_ERANDOM. */
static inline int wsuv__cork_masked(struct wsuv__cork *cork,
                                    const struct wsuv__endpoint_config *config, uint8_t opcode,
                                    const void *payload, size_t len) {
  uint8_t *p = cork->base + cork->len;
  size_t head_len = wsuv__cork_header(p, opcode, len);
  uint8_t *key = p + head_len;

  if (config->random(config->random_arg, key, WSUV__MASKING_KEY_LEN) != 0)
    return WSUV_ERANDOM;
  p[1] |= 0x80;
  wsuv_mask(key + WSUV__MASKING_KEY_LEN, payload, len, key, 0);
  cork->len += head_len + WSUV__MASKING_KEY_LEN + len;
  return 0;
}

/* `limit` is what may wait, with this one. */
static inline int wsuv__endpoint_may_cork(const struct wsuv_endpoint *ep, wsuv_opcode_t type,
                                          const void *payload, size_t len, size_t limit) {
  return (type == WSUV_BINARY || type == WSUV_TEXT) && (payload != NULL || len == 0) &&
         ep->closing == CLOSING_NONE && ep->sending == SENDING_NONE && ep->extensions == NULL &&
         ep->trace == NULL && wsuv__outbox_may_cork(&ep->outbox, len, limit);
}

/* What is delivered was judged when it came, and who gets it may not change it. */
static inline int wsuv__endpoint_delivers(const struct wsuv_endpoint *ep, const void *payload,
                                          size_t len) {
  const struct wsuv__cork *cork = ep->outbox.cork;

  return cork != NULL && cork->text == payload && cork->text_len == len;
}

static inline int wsuv__endpoint_is_text(const struct wsuv_endpoint *ep, const void *payload,
                                         size_t len) {
  return wsuv__endpoint_delivers(ep, payload, len) || wsuv_utf8_is_valid(payload, len);
}

static inline void wsuv__endpoint_count_corked(struct wsuv_endpoint *ep, wsuv_opcode_t type,
                                               size_t len) {
  ep->limits.message_ms = ep->now_ms;
  wsuv__traffic_message_sent(ep, (int)type, len, 1);
}

/* A server's, that is known to be valid. The copy comes last: nothing has to be kept over the call. */
static inline void wsuv__endpoint_cork_plain(struct wsuv_endpoint *ep, wsuv_opcode_t type,
                                             const void *payload, size_t len) {
  struct wsuv__cork *cork = ep->outbox.cork;
  uint8_t *p = cork->base + cork->len;
  size_t head_len;

  wsuv__endpoint_count_corked(ep, type, len);
  head_len = wsuv__cork_header(p, (uint8_t)type, len);
  cork->len += head_len + len;
  wsuv__copy_octets(p + head_len, payload, len);
}

/* 1: it is in the cork, where it may go. 0: it goes the long way, and every fault does but WSUV_ERANDOM: the source of keys is asked
 * once. */
static inline int wsuv__endpoint_cork_judged(struct wsuv_endpoint *ep, wsuv_opcode_t type,
                                             const void *payload, size_t len) {
  int err;

  if (type == WSUV_TEXT && !wsuv__endpoint_is_text(ep, payload, len))
    return 0;
  if (ep->config->rules.role == WSUV_SERVER) {
    wsuv__endpoint_cork_plain(ep, type, payload, len);
    return 1;
  }
  err = wsuv__cork_masked(ep->outbox.cork, ep->config, (uint8_t)type, payload, len);
  if (err != 0)
    return err;
  wsuv__endpoint_count_corked(ep, type, len);
  return 1;
}

/* The same. Text is looked at once it is known that it goes this way. */
static inline int wsuv__endpoint_cork_message(struct wsuv_endpoint *ep, wsuv_opcode_t type,
                                              const void *payload, size_t len) {
  return wsuv__endpoint_may_cork(ep, type, payload, len, ep->config->write_limit)
             ? wsuv__endpoint_cork_judged(ep, type, payload, len)
             : 0;
}

#endif
