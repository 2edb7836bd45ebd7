/* What is received while paused: kept as it came, for resume, and looked through at once for what must not wait. */
#ifndef WSUV_PROTO_ENDPOINT_HOLD_H
#define WSUV_PROTO_ENDPOINT_HOLD_H

#include "proto/endpoint.h"

/* Exists while something is held. The scan has seen all of it, up to a Close or a fault of the protocol. */
struct wsuv__held {
  struct wsuv__buf buf;           /* masked, as it came */
  size_t off;                     /* of it, parsed already */
  size_t npongs;                  /* Pings behind `off` that are answered already */
  size_t ncounted;                /* control frames behind `off` that are counted already */
  struct wsuv__frame_parser scan; /* stands at the end of buf */
  uint8_t is_scanning;
  uint8_t
      owes_pongs; /* a Ping could not be answered: it and those behind it are when they are parsed */
  uint8_t is_over_rate; /* the control frame behind those counted is too many */
  uint8_t control_len;
  uint8_t control[WSUV_CONTROL_PAYLOAD_MAX]; /* payload of the frame being scanned, unmasked */
};

/* Keeps octets behind those that are held; returns the endpoint's error. */
int wsuv__endpoint_hold(struct wsuv_endpoint *ep, const uint8_t *bytes, size_t len);

/* The Ping that is parsed now was answered when it came. */
int wsuv__endpoint_take_answered(struct wsuv_endpoint *ep);

/* A control frame is parsed, and counted unless it was when it came: 0 or WSUV_ECONTROLRATE. */
int wsuv__endpoint_count_unseen_control(struct wsuv_endpoint *ep);

/* Non-zero if the transport's end has to wait for resume. */
int wsuv__endpoint_eof_must_wait(const struct wsuv_endpoint *ep);

void wsuv__endpoint_drop_held(struct wsuv_endpoint *ep);

/* Takes frames off the input until it is used up, or nothing may be delivered any more. */
int wsuv__endpoint_parse(struct wsuv_endpoint *endpoint, struct wsuv__frame_input *in);

/* wsuv_endpoint_resume. */
int wsuv__endpoint_go_on(struct wsuv_endpoint *ep);

/* Queues a Pong. */
int wsuv__endpoint_answer_ping(struct wsuv_endpoint *endpoint, const uint8_t *payload, size_t len);

/* Received and not delivered. */
wsuv_span_t wsuv__endpoint_undelivered(const struct wsuv_endpoint *ep);

static inline size_t wsuv__endpoint_held(const struct wsuv_endpoint *ep) {
  return ep->hold != NULL ? ep->hold->buf.len - ep->hold->off : 0;
}

#endif
