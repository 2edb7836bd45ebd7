#include "proto/endpoint.h"

#include <string.h>

#include "proto/endpoint_closing.h"
#include "proto/endpoint_filter.h"
#include "proto/endpoint_receive.h"
#include "proto/endpoint_tail.h"
#include "proto/traffic.h"

static inline int deliver_message(struct wsuv_endpoint *ep, uint8_t *payload, size_t len) {
  wsuv_opcode_t type = (wsuv_opcode_t)ep->message.state;
  int err = wsuv__message_finish(&ep->message);

  if (err != 0)
    return err;
  ep->message.state = MESSAGE_NONE;
  wsuv__traffic_message_came(ep, (int)type, len, 1);
  if (ep->handler->on_message != NULL)
    ep->handler->on_message(ep->data, type, payload, len);
  return 0;
}

int wsuv__endpoint_deliver(struct wsuv_endpoint *ep, uint8_t *payload, size_t len) {
  return deliver_message(ep, payload, len);
}

int wsuv__endpoint_deliver_kept(struct wsuv_endpoint *ep) {
  struct wsuv__buf whole = ep->message.buf;
  int err;

  memset(&ep->message.buf, 0, sizeof ep->message.buf);
  err = deliver_message(ep, whole.base, whole.len);
  wsuv__endpoint_give_room(ep, &whole);
  return err;
}

/* The piece as it came; nothing is kept. */
static int deliver_fragment(struct wsuv_endpoint *ep, uint8_t *data, size_t len, int is_final) {
  struct wsuv__message *message = &ep->message;
  wsuv_opcode_t type = (wsuv_opcode_t)message->state;
  int flags = message->flags | (is_final ? WSUV_FINAL : 0);
  int err = is_final ? wsuv__message_finish(message) : 0;

  if (err != 0 || (len == 0 && !is_final))
    return err;
  message->flags = 0;
  if (is_final)
    message->state = MESSAGE_NONE;
  wsuv__traffic_message_came(ep, (int)type, len, is_final != 0);
  ep->handler->on_fragment(ep->data, type, data, len, flags);
  return 0;
}

/* A message that came together in one piece is delivered from where it lies; all others are assembled. */
static inline int take_piece(struct wsuv_endpoint *ep, uint8_t *data, size_t len, int is_final) {
  struct wsuv__message *message = &ep->message;
  int err = wsuv__message_validate(message, data, len);

  if (err != 0)
    return err;
  if (ep->handler->on_fragment != NULL)
    return deliver_fragment(ep, data, len, is_final);
  if (is_final && message->buf.len == 0)
    return deliver_message(ep, data, len);
  if (message->buf.base == NULL)
    wsuv__endpoint_borrow_room(ep, len, ep->parser.remaining);
  err = wsuv__message_keep(message, ep->config->allocator, data, len, ep->parser.remaining);
  return err != 0 || !is_final ? err : wsuv__endpoint_deliver_kept(ep);
}

int wsuv__endpoint_take_piece(struct wsuv_endpoint *ep, uint8_t *data, size_t len, int is_final) {
  return take_piece(ep, data, len, is_final);
}

/* Where nothing can change its length, a message's size is known as soon as its frames announce it. */
static int take_data(struct wsuv_endpoint *ep, const struct wsuv__frame_slice *slice) {
  const wsuv_frame_header_t *header = &ep->parser.header;
  int err =
      slice->first ? wsuv__message_begin_frame(&ep->message, header, ep->config->max_fragments) : 0;

  if (err != 0)
    return err;
  ep->limits.message_ms = ep->now_ms;
  if (ep->extensions != NULL || ep->handler->on_data_frame != NULL)
    return wsuv__endpoint_filter(ep, slice);
  if (slice->first)
    err = wsuv__message_grow(&ep->message, header->payload_len, ep->config->max_message_size);
  if (err != 0)
    return err;
  return take_piece(ep, slice->data, slice->len, slice->last && header->fin);
}

/* Control frames are short: where a split tears one apart its pieces are collected. */
static int collect_control(struct wsuv_endpoint *ep, const struct wsuv__frame_slice *slice) {
  int err = 0;

  if (ep->control == NULL)
    ep->control = wsuv__alloc(ep->config->allocator, WSUV_CONTROL_PAYLOAD_MAX);
  if (ep->control == NULL)
    return WSUV_ENOMEM;
  if (slice->first)
    ep->control_len = 0;
  if (slice->len > 0)
    memcpy(ep->control + ep->control_len, slice->data, slice->len);
  ep->control_len = (uint8_t)(ep->control_len + slice->len);
  if (slice->last) {
    uint8_t *payload = ep->control;
    ep->control = NULL;
    err = wsuv__endpoint_take_control(ep, ep->parser.header.opcode, payload, ep->control_len);
    wsuv__release(ep->config->allocator, payload);
  }
  return err;
}

static int take_slice(struct wsuv_endpoint *ep, const struct wsuv__frame_slice *slice) {
  uint8_t opcode = ep->parser.header.opcode;

  if ((opcode & 8) == 0)
    return take_data(ep, slice);
  if (slice->first && slice->last)
    return wsuv__endpoint_take_control(ep, opcode, slice->data, slice->len);
  return collect_control(ep, slice);
}

void wsuv__endpoint_take_next(struct wsuv_endpoint *ep, struct wsuv__frame_input *in) {
  struct wsuv__frame_slice slice;
  int rc;

  if (!wsuv__endpoint_is_unfinished(ep)) /* its time is not that of what ended before it */
    ep->limits.progress_ms = WSUV__NEVER;
  rc = wsuv__frame_parser_next(&ep->parser, ep->rules, in, &slice);
  if (ep->trace != NULL && (rc < 0 || (rc > 0 && slice.first)))
    wsuv__trace_frame(ep, &ep->parser.header, TRACE_RECEIVED);
  if (rc > 0) {
    if (slice.first && !wsuv__endpoint_is_inside(ep))
      wsuv__limits_begin_unit(&ep->limits, slice.len + in->len);
    rc = take_slice(ep, &slice);
  }
  if (rc < 0)
    (void)wsuv__endpoint_fail(ep, rc);
}

int wsuv__endpoint_is_between_messages(const struct wsuv_endpoint *ep) {
  return !wsuv__frame_parser_is_midframe(&ep->parser) && ep->message.state == MESSAGE_NONE &&
         ep->sending == SENDING_NONE;
}

size_t wsuv_endpoint_output(wsuv_endpoint_t *ep, wsuv_span_t *spans, size_t nspans) {
  return wsuv__outbox_gather(&ep->outbox, spans, nspans);
}

void wsuv_endpoint_output_done(wsuv_endpoint_t *ep, size_t written) {
  wsuv__traffic_octets_left(ep, written);
  wsuv__outbox_consume(&ep->outbox, written);
  wsuv__endpoint_note_output(ep);
}

size_t wsuv_endpoint_queued(const wsuv_endpoint_t *ep) {
  return wsuv__outbox_waiting(&ep->outbox);
}
