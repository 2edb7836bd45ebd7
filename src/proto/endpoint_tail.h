/* A message that spans reads: what comes of it is read to where it will lie, behind what is there, instead of being copied. */
#ifndef WSUV_PROTO_ENDPOINT_TAIL_H
#define WSUV_PROTO_ENDPOINT_TAIL_H

#include "proto/endpoint.h"

/* How many octets may be read to *tail, which stays until the endpoint is called again; 0: anywhere else. They are a little
 * more than the frame wants: a read that fills its buffer exactly is followed by a vain one. */
size_t wsuv__endpoint_tail(struct wsuv_endpoint *ep, uint8_t **tail);

/* That many have come there. */
int wsuv__endpoint_receive_tail(struct wsuv_endpoint *ep, uint8_t *tail, size_t len);

/* Before the first octets of a message are kept, of whose frame `remaining` are to come: room for all, if a buffer of that size
 * is at hand. */
void wsuv__endpoint_borrow_room(struct wsuv_endpoint *ep, size_t len, uint64_t remaining);

/* A message's buffer goes. */
void wsuv__endpoint_give_room(struct wsuv_endpoint *ep, struct wsuv__buf *buf);

#endif
