/* Whole messages of one frame each that lie one behind the other: nearly all traffic, in as few steps as there can be. Whatever
 * else there is, and whatever else takes part in it, is proto/endpoint.c's, with the same outcome. */
#ifndef WSUV_PROTO_ENDPOINT_WHOLE_H
#define WSUV_PROTO_ENDPOINT_WHOLE_H

#include "proto/endpoint.h"

/* Non-zero between two messages, while nobody looks at frames. */
static inline int wsuv__endpoint_takes_whole(const struct wsuv_endpoint *ep) {
  return ep->message.state == MESSAGE_NONE && ep->trace == NULL && ep->extensions == NULL &&
         ep->handler->on_message != NULL && ep->handler->on_fragment == NULL &&
         ep->handler->on_data_frame == NULL && ep->parser.state == FRAME_BASE_HEADER &&
         ep->parser.npartial == 0;
}

/* Takes them until something else comes, or nothing may be delivered any more; returns how many octets they were. */
size_t wsuv__endpoint_take_whole(struct wsuv_endpoint *ep, struct wsuv__frame_input *in);

#endif
