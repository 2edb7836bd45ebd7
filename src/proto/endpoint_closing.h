/* How an endpoint ends, for its other parts and for connections. */
#ifndef WSUV_PROTO_ENDPOINT_CLOSING_H
#define WSUV_PROTO_ENDPOINT_CLOSING_H

#include "proto/endpoint.h"

/* _Fail the WebSocket Connection_ (RFC 6455 7.1.7) because of `err`. Returns the error that counts: the first one. */
int wsuv__endpoint_fail(struct wsuv_endpoint *endpoint, int err);

/* The same with a reason for the peer: UTF-8, at most 123 octets. */
int wsuv__endpoint_fail_with_reason(struct wsuv_endpoint *endpoint, int err, const char *reason,
                                    size_t reason_len);

/* Moves the closing handshake on; returns what is to be done. The only writer of its state. */
enum wsuv__closing_action wsuv__endpoint_closing_step(struct wsuv_endpoint *endpoint,
                                                      enum wsuv__closing_event event);

/* What receive and resume return: the error, but not while an endpoint that was idle is closed in an orderly way. */
static inline int wsuv__endpoint_outcome(const struct wsuv_endpoint *endpoint) {
  return endpoint->error == WSUV_EIDLE && endpoint->closing != CLOSING_ABNORMAL ? 0
                                                                                : endpoint->error;
}

/* A control frame of the peer's, whole. */
int wsuv__endpoint_take_control(struct wsuv_endpoint *endpoint, uint8_t opcode, uint8_t *payload,
                                size_t len);

#endif
