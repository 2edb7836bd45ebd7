/* What stands between frames and messages: the data-frame hook, and the transforms of extensions. */
#ifndef WSUV_PROTO_ENDPOINT_FILTER_H
#define WSUV_PROTO_ENDPOINT_FILTER_H

#include "proto/endpoint.h"

/* ---- received ---- */

/* A slice of a data frame on its way into the message. */
int wsuv__endpoint_filter(struct wsuv_endpoint *ep, const struct wsuv__frame_slice *slice);

/* What a pause left undecoded. A failure shows in the endpoint's state. */
void wsuv__endpoint_go_on_decoding(struct wsuv_endpoint *ep);

/* The next octets of the message: validated, then delivered or kept. */
int wsuv__endpoint_take_piece(struct wsuv_endpoint *ep, uint8_t *data, size_t len, int is_final);

/* The message is whole in its buffer. */
int wsuv__endpoint_deliver_kept(struct wsuv_endpoint *ep);

/* A control frame whose opcode is not one of RFC 6455's. */
int wsuv__endpoint_take_custom_control(struct wsuv_endpoint *ep, uint8_t opcode,
                                       const uint8_t *payload, size_t len);

/* ---- sent ---- */

/* A payload on its way into a frame. */
struct wsuv__outgoing {
  uint8_t opcode; /* of the message */
  uint8_t rsv;    /* in: the application's bits; out: with those of extensions */
  uint8_t fin;
  uint8_t held_back;   /* out: nothing to send yet */
  uint8_t transformed; /* out: `buf` holds the payload */
  const void *payload;
  size_t len;
  struct wsuv__buf buf; /* to be freed by the caller, also after an error */
};

/* Runs the transforms. After an error of theirs the endpoint has failed with it, since the peer cannot follow any more. */
int wsuv__endpoint_encode(struct wsuv_endpoint *ep, struct wsuv__outgoing *outgoing);

/* Queues a data frame: 1, 0 if an extension held all of it back, or a negative error. */
int wsuv__endpoint_queue_data(struct wsuv_endpoint *ep, const wsuv_frame_header_t *frame,
                              const void *payload, size_t len);

/* One frame of a message in fragments, as wsuv_endpoint_send_frame. */
int wsuv__endpoint_send_fragment(struct wsuv_endpoint *ep, const wsuv_frame_header_t *frame,
                                 const void *payload, size_t len);

#endif
