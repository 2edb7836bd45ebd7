/* What stands between received frames and messages: the data-frame hook, and the decoders of extensions. */
#ifndef WSUV_PROTO_ENDPOINT_FILTER_H
#define WSUV_PROTO_ENDPOINT_FILTER_H

#include "proto/endpoint.h"

/* A slice of a data frame on its way into the message. */
int wsuv__endpoint_filter(struct wsuv_endpoint *ep, const struct wsuv__frame_slice *slice);

/* What a pause left undecoded. A failure shows in the endpoint's state. */
void wsuv__endpoint_go_on_decoding(struct wsuv_endpoint *ep);

/* The next octets of the message: validated, then delivered or kept. */
int wsuv__endpoint_take_piece(struct wsuv_endpoint *ep, uint8_t *data, size_t len, int is_final);

/* The message is whole, and its octets were judged: in `payload`, in its buffer. */
int wsuv__endpoint_deliver(struct wsuv_endpoint *ep, uint8_t *payload, size_t len);
int wsuv__endpoint_deliver_kept(struct wsuv_endpoint *ep);

/* A control frame whose opcode is not one of RFC 6455's. */
int wsuv__endpoint_take_custom_control(struct wsuv_endpoint *ep, uint8_t opcode,
                                       const uint8_t *payload, size_t len);

#endif
