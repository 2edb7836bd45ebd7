/* Whole messages that are sent with more than their octets: a request that is called back, a frame shared by many, a policy for
 * peers that read too slowly. */
#ifndef WSUV_PROTO_ENDPOINT_POLICY_H
#define WSUV_PROTO_ENDPOINT_POLICY_H

#include "proto/endpoint.h"
#include "wsuv/prepared.h"

struct wsuv__shared_frame;

struct wsuv__whole {
  wsuv_opcode_t type;
  const void *payload;
  size_t len;
  int flags; /* wsuv_send_flags_t */
  enum wsuv__outbox_keeping keeping;
  uint64_t key;                       /* with KEEPING_LATEST */
  struct wsuv__outbox_entry *request; /* NULL: none; else the payload stays where it is */
};

/* As wsuv_endpoint_send_message. */
int wsuv__endpoint_send_whole(struct wsuv_endpoint *endpoint, struct wsuv__whole *whole);

/* The same of a type and payload that were judged. */
int wsuv__endpoint_send_whole_judged(struct wsuv_endpoint *endpoint, struct wsuv__whole *whole);

/* Octets of its payload, as the application sees it. */
size_t wsuv__prepared_len(const wsuv_prepared_t *prepared);

/* The same of a message that was judged when it was prepared: type, payload, len and flags are its own. */
int wsuv__endpoint_send_whole_prepared(struct wsuv_endpoint *endpoint, struct wsuv__whole *whole,
                                       wsuv_prepared_t *prepared);

/* Its frame as it is for a server without extensions. */
const struct wsuv__shared_frame *wsuv__prepared_plain(const wsuv_prepared_t *prepared);

/* That frame left, past the queue. */
void wsuv__endpoint_count_prepared(struct wsuv_endpoint *endpoint, const wsuv_prepared_t *prepared);

/* The first `off` of its octets left, past the queue, which is empty: the rest is queued. WSUV_ENOMEM: the stream is broken. */
int wsuv__endpoint_send_prepared_rest(struct wsuv_endpoint *endpoint, wsuv_prepared_t *prepared,
                                      size_t off);

/* Whether `len` octets of payload may be queued: where the queue is full, what may go makes room. 0 or WSUV_EQUEUEFULL. */
int wsuv__endpoint_find_room(struct wsuv_endpoint *endpoint, const struct wsuv__whole *whole,
                             size_t len);

/* A whole frame, unmasked, that is as it should go over the wire, for which room was found. */
int wsuv__endpoint_send_whole_shared(struct wsuv_endpoint *endpoint, struct wsuv__whole *whole,
                                     struct wsuv__shared_frame *frame);

/* Non-zero if an empty queue would have it. */
int wsuv__endpoint_has_room_for(const struct wsuv_endpoint *endpoint, size_t len);

/* What waits is dropped (requests: WSUV_ECANCELED), and the endpoint fails with WSUV_ESLOWREADER, which is returned. */
int wsuv__endpoint_fail_slow_reader(struct wsuv_endpoint *endpoint);

#endif
