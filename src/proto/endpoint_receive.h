/* Between the octets that were received (endpoint_receive.c) and the messages in them (endpoint.c). */
#ifndef WSUV_PROTO_ENDPOINT_RECEIVE_H
#define WSUV_PROTO_ENDPOINT_RECEIVE_H

#include "proto/endpoint.h"

/* Takes the next piece of a frame off the input. */
void wsuv__endpoint_take_next(struct wsuv_endpoint *ep, struct wsuv__frame_input *in);

/* What has to come at min_receive_rate: a message, or where its pieces are delivered a frame; and a control frame by itself. */
static inline int wsuv__endpoint_is_inside(const struct wsuv_endpoint *ep) {
  return ep->message.state != MESSAGE_NONE && ep->handler->on_fragment == NULL;
}

/* Of that, some has come and some has not; of a header, too. */
static inline int wsuv__endpoint_is_unfinished(const struct wsuv_endpoint *ep) {
  return wsuv__frame_parser_is_midframe(&ep->parser) || wsuv__endpoint_is_inside(ep);
}

#endif
