/* How an endpoint's output is judged, encoded by extensions and queued. */
#ifndef WSUV_PROTO_ENDPOINT_SEND_H
#define WSUV_PROTO_ENDPOINT_SEND_H

#include "proto/endpoint.h"

/* A final frame of ours, with a fresh mask where the role wants one. WSUV_ERANDOM. */
int wsuv__endpoint_frame_header(const struct wsuv_endpoint *endpoint, wsuv_frame_header_t *header,
                                uint8_t opcode, size_t len);

/* Non-zero for an opcode that messages may be sent with: 1, 2, or a claimed one of 3-7. */
static inline int wsuv__endpoint_sends_opcode(const struct wsuv_endpoint *endpoint, int opcode) {
  return opcode == WSUV_TEXT || opcode == WSUV_BINARY ||
         (opcode > 0 && opcode < 8 && ((endpoint->rules->opcodes >> opcode) & 1) != 0);
}

/* Whether `len` octets may be queued as a message of that type: 0 or the error of wsuv_endpoint_send. */
int wsuv__endpoint_judge_send(const struct wsuv_endpoint *endpoint, wsuv_opcode_t type,
                              const void *payload, size_t len);

/* The same without a look at the payload and the room. */
int wsuv__endpoint_judge_type(const struct wsuv_endpoint *endpoint, wsuv_opcode_t type);

/* Whether `len` octets of payload may be queued: 0 or WSUV_EQUEUEFULL. */
int wsuv__endpoint_judge_room(const struct wsuv_endpoint *endpoint, size_t len);

/* How many octets too many `len` more are, with all that they cost; 0: there is room. */
size_t wsuv__endpoint_missing_room(const struct wsuv_endpoint *endpoint, size_t len);

/* A payload on its way into a frame. */
struct wsuv__outgoing {
  uint8_t opcode; /* of the message */
  uint8_t rsv;    /* in: the application's bits; out: with those of extensions */
  uint8_t fin;
  uint8_t held_back;   /* out: nothing to send yet */
  uint8_t transformed; /* out: `buf` holds the payload */
  uint8_t flags;       /* wsuv_send_flags_t */
  const void *payload;
  size_t len;
  struct wsuv__buf buf; /* to be freed by the caller, also after an error */
};

/* Runs the transforms. After an error of theirs the endpoint has failed with it, since the peer cannot follow any more. */
int wsuv__endpoint_encode(struct wsuv_endpoint *ep, struct wsuv__outgoing *outgoing);

/* The message that was being encoded is over, or did not begin. */
void wsuv__endpoint_end_encoding(struct wsuv_endpoint *ep);

/* Queues a data frame: 1, 0 if an extension held all of it back, or a negative error. `flags`: wsuv_send_flags_t. */
int wsuv__endpoint_queue_data(struct wsuv_endpoint *ep, const wsuv_frame_header_t *frame,
                              const void *payload, size_t len, int flags);

/* A whole message that was judged: 0 or a negative error. */
int wsuv__endpoint_queue_message(struct wsuv_endpoint *ep, wsuv_opcode_t type, uint8_t rsv,
                                 const void *payload, size_t len, int flags);

/* One frame of a message in fragments, as wsuv_endpoint_send_frame. */
int wsuv__endpoint_send_fragment(struct wsuv_endpoint *ep, const wsuv_frame_header_t *frame,
                                 const void *payload, size_t len);

/* Octets of the application's that have not been handed to the transport; those that encoders hold back wait for the
 * application and not for the transport. */
static inline size_t wsuv__endpoint_taken(const struct wsuv_endpoint *endpoint) {
  return wsuv__outbox_waiting(&endpoint->outbox) + endpoint->held_back;
}

#endif
