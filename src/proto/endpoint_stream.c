/* A message sent in fragments (RFC 6455 5.4). */
#include <string.h>

#include "proto/endpoint.h"

int wsuv_endpoint_send_begin(wsuv_endpoint_t *ep, wsuv_opcode_t type) {
  if (type != WSUV_TEXT && type != WSUV_BINARY)
    return WSUV_EINVAL;
  if (ep->closing != CLOSING_NONE || ep->sending != SENDING_NONE)
    return WSUV_ESTATE;
  ep->sending = SENDING_FIRST;
  ep->sending_type = (uint8_t)type;
  memset(&ep->sending_utf8, 0, sizeof ep->sending_utf8);
  return 0;
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

static int send_fragment(struct wsuv_endpoint *ep, const void *payload, size_t len, int fin) {
  uint8_t opcode = ep->sending == SENDING_FIRST ? ep->sending_type : WSUV_CONTINUATION;
  wsuv_frame_header_t header;
  struct wsuv__utf8 utf8;
  int err = judge_fragment(ep, payload, len, fin, &utf8);

  if (err == 0)
    err = wsuv__endpoint_frame_header(ep, &header, opcode, len);
  if (err != 0)
    return err;
  header.fin = (uint8_t)fin;
  err = wsuv__outbox_append(&ep->outbox, &header, payload, len);
  if (err != 0)
    return err;
  ep->sending = fin ? SENDING_NONE : SENDING_MORE;
  ep->sending_utf8 = utf8;
  return 0;
}

int wsuv_endpoint_send_chunk(wsuv_endpoint_t *ep, const void *payload, size_t len) {
  return send_fragment(ep, payload, len, 0);
}

int wsuv_endpoint_send_end(wsuv_endpoint_t *ep, const void *payload, size_t len) {
  return send_fragment(ep, payload, len, 1);
}
