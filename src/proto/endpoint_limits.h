/* What a peer may do to an endpoint beside the size of its messages: how slowly it may send one, how many control frames, and
 * how long there may be no message at all. The number of a message's frames is counted in proto/message.h. */
#ifndef WSUV_PROTO_ENDPOINT_LIMITS_H
#define WSUV_PROTO_ENDPOINT_LIMITS_H

#include <stdint.h>

#include "proto/endpoint_config.h"

#define WSUV__CONTROL_WINDOW_MS 1000u

struct wsuv__limits {
  uint64_t arrived; /* octets of what is unfinished, less those that windows before have used up */
  /* When they are judged; while paused: how long after the end of the pause. WSUV__NEVER: nothing is unfinished. */
  uint64_t progress_ms;
  uint64_t message_ms; /* when a data message was last received or sent, or a piece of one */
  uint64_t idle_due_ms;
  uint64_t control_ms; /* when the second began in which control frames are being counted */
  uint32_t ncontrol;   /* in it */
};

/* The connection opens now, or the time is told for the first time. */
void wsuv__endpoint_start_limits(struct wsuv_endpoint *ep);

/* A Ping, a Pong or a claimed control frame has come. WSUV_ECONTROLRATE. */
int wsuv__endpoint_count_control(struct wsuv_endpoint *ep);

/* A frame or message begins, of which `len` octets are there. Not for a frame inside a message that is a whole. */
static inline void wsuv__limits_begin_unit(struct wsuv__limits *limits, uint64_t len) {
  limits->arrived = len;
  limits->progress_ms = WSUV__NEVER;
}

/* A frame or message is left unfinished by what was received. */
void wsuv__endpoint_note_unfinished(struct wsuv_endpoint *ep);

/* The application reads no more, reads on. */
void wsuv__endpoint_suspend_progress(struct wsuv_endpoint *ep);
void wsuv__endpoint_continue_progress(struct wsuv_endpoint *ep);

/* Judges what is due; the endpoint is not closing. */
void wsuv__endpoint_check_limits(struct wsuv_endpoint *ep);

/* Non-zero while progress_ms is no time but how much is left. */
int wsuv__endpoint_progress_is_suspended(const struct wsuv_endpoint *ep);

#endif
