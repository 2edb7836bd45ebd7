/* A message sent in fragments (RFC 6455 5.4). */
#include <string.h>

#include "proto/endpoint_send.h"

int wsuv_endpoint_send_begin(wsuv_endpoint_t *ep, wsuv_opcode_t type, int flags) {
  if (!wsuv__endpoint_sends_opcode(ep, (int)type) || (flags & ~WSUV_SEND_NO_COMPRESS) != 0)
    return WSUV_EINVAL;
  if (ep->closing != CLOSING_NONE || ep->sending != SENDING_NONE)
    return WSUV_ESTATE;
  ep->sending = SENDING_FIRST;
  ep->sending_type = (uint8_t)type;
  ep->sending_flags = (uint8_t)flags;
  memset(&ep->sending_utf8, 0, sizeof ep->sending_utf8);
  return 0;
}

int wsuv_endpoint_unfinished(const wsuv_endpoint_t *ep) {
  return ep->sending != SENDING_NONE ? WSUV_EUNFINISHED : 0;
}

/* `utf8` is where the text stands behind the fragment, should it be queued. */
static int judge_fragment(const struct wsuv_endpoint *ep, const void *payload, size_t len, int fin,
                          struct wsuv__utf8 *utf8) {
  if (payload == NULL && len > 0)
    return WSUV_EINVAL;
  if (ep->sending == SENDING_NONE || ep->closing != CLOSING_NONE)
    return WSUV_ESTATE;
  *utf8 = ep->sending_utf8;
  if (ep->sending_type == WSUV_TEXT && len > 0 && !wsuv__utf8_feed(utf8, payload, len))
    return WSUV_EENCODING;
  if (fin && !wsuv__utf8_is_complete(utf8))
    return WSUV_EENCODING;
  return wsuv__endpoint_judge_room(ep, len);
}

static int send_fragment(struct wsuv_endpoint *ep, const wsuv_frame_header_t *given,
                         const void *payload, size_t len, int flags) {
  wsuv_frame_header_t frame = {
      .opcode = ep->sending_type, .rsv = given->rsv, .fin = given->fin != 0};
  int fin = frame.fin;
  struct wsuv__utf8 utf8;
  int rc = judge_fragment(ep, payload, len, fin, &utf8);

  if (rc == 0)
    rc = wsuv__endpoint_queue_data(ep, &frame, payload, len, ep->sending_flags | flags);
  if (rc < 0)
    return rc;
  if (fin)
    ep->sending = SENDING_NONE;
  else if (rc > 0)
    ep->sending = SENDING_MORE;
  ep->sending_utf8 = utf8;
  return 0;
}

int wsuv_endpoint_send_chunk(wsuv_endpoint_t *ep, const void *payload, size_t len, int flags) {
  static const wsuv_frame_header_t chunk = {0};

  if ((flags & ~WSUV_SEND_FLUSH) != 0)
    return WSUV_EINVAL;
  return send_fragment(ep, &chunk, payload, len, flags);
}

int wsuv_endpoint_send_end(wsuv_endpoint_t *ep, const void *payload, size_t len) {
  static const wsuv_frame_header_t end = {.fin = 1};

  return send_fragment(ep, &end, payload, len, 0);
}

int wsuv__endpoint_send_fragment(struct wsuv_endpoint *ep, const wsuv_frame_header_t *frame,
                                 const void *payload, size_t len) {
  int err;

  if (frame->opcode == WSUV_CONTINUATION)
    return send_fragment(ep, frame, payload, len, 0);
  err = wsuv_endpoint_send_begin(ep, (wsuv_opcode_t)frame->opcode, 0);
  if (err != 0)
    return err;
  err = send_fragment(ep, frame, payload, len, 0);
  if (err != 0)
    ep->sending = SENDING_NONE;
  return err;
}
