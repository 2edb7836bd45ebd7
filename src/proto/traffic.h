/* Counts of one endpoint, in a block of their own: an idle connection pays a pointer. Where there is no memory for the block,
 * nothing is counted. Every function is the end of something that was done, and changes nothing else. */
#ifndef WSUV_PROTO_TRAFFIC_H
#define WSUV_PROTO_TRAFFIC_H

#include "proto/endpoint.h"
#include "proto/trace.h"
#include "wsuv/traffic.h"

struct wsuv__traffic {
  wsuv_traffic_t received;
  wsuv_traffic_t sent;
  wsuv_drops_t drops;
};

/* Behind it: what sessions that were given up have kept, WSUV_FOLD_MAX octets for each of the endpoint's extensions. NULL where
 * nothing was counted. */
static inline uint8_t *wsuv__traffic_kept(struct wsuv__traffic *traffic) {
  return traffic != NULL ? (uint8_t *)(traffic + 1) : NULL;
}

enum wsuv__drop { DROP_OLDEST, DROP_REPLACED, DROP_REFUSED, DROP_CLOSED };

/* wsuv_endpoint_traffic; NULL: nothing was counted. */
void wsuv__traffic_get(const struct wsuv__traffic *traffic, wsuv_traffic_t *received,
                       wsuv_traffic_t *sent, wsuv_drops_t *drops);

/* NULL: no memory. */
struct wsuv__traffic *wsuv__traffic_new(struct wsuv_endpoint *ep);

static inline struct wsuv__traffic *wsuv__traffic_of(struct wsuv_endpoint *ep) {
  return ep->traffic != NULL ? ep->traffic : wsuv__traffic_new(ep);
}

static inline void wsuv__traffic_add_message(wsuv_traffic_t *way, int opcode, size_t len,
                                             int is_final) {
  if (opcode == WSUV_TEXT) {
    way->text += (unsigned)is_final;
    way->text_octets += len;
  } else {
    way->binary += (unsigned)is_final;
    way->binary_octets += len;
  }
}

/* ---- received ---- */

/* Octets came from the stream, and were looked at. */
static inline void wsuv__traffic_octets_came(struct wsuv_endpoint *ep, size_t len) {
  struct wsuv__traffic *traffic = wsuv__traffic_of(ep);

  if (traffic != NULL)
    traffic->received.wire_octets += len;
}

/* A message, or a piece of one, is being delivered. `is_final` is 0 or 1. */
static inline void wsuv__traffic_message_came(struct wsuv_endpoint *ep, int opcode, size_t len,
                                              int is_final) {
  struct wsuv__traffic *traffic = wsuv__traffic_of(ep);

  if (traffic != NULL)
    wsuv__traffic_add_message(&traffic->received, opcode, len, is_final);
}

void wsuv__traffic_control_came(struct wsuv_endpoint *ep, uint8_t opcode);

/* A decoder was given so much of a message, has made so much of it. */
void wsuv__traffic_decoding(struct wsuv_endpoint *ep, size_t encoded, size_t plain);

/* ---- sent ---- */

/* The stream took octets of frames. */
static inline void wsuv__traffic_octets_left(struct wsuv_endpoint *ep, size_t len) {
  if (ep->traffic != NULL) /* else no frame was queued */
    ep->traffic->sent.wire_octets += len;
}

/* A message, or a piece of one, was queued. */
static inline void wsuv__traffic_message_sent(struct wsuv_endpoint *ep, int opcode, size_t len,
                                              int is_final) {
  struct wsuv__traffic *traffic = wsuv__traffic_of(ep);

  if (traffic != NULL)
    wsuv__traffic_add_message(&traffic->sent, opcode, len, is_final);
}

/* A control frame was queued. */
void wsuv__traffic_control_sent(struct wsuv_endpoint *ep, const wsuv_frame_header_t *header);

/* Octets of a message of that opcode were queued as `frame`, or held back by an extension and are in none: NULL. */
void wsuv__traffic_data_sent(struct wsuv_endpoint *ep, int opcode, size_t len,
                             const wsuv_frame_header_t *frame, int is_transformed);

/* A prepared message was queued by reference. */
static inline void wsuv__traffic_count_shared(struct wsuv_endpoint *ep) {
  if (ep->traffic != NULL)
    ep->traffic->sent.shared++;
}

/* Several at once, all of them shared. */
void wsuv__traffic_add_sent(struct wsuv__traffic *traffic, const wsuv_traffic_t *sum);
void wsuv__traffic_sum_sent(struct wsuv_endpoint *ep, const wsuv_traffic_t *sum);

/* A message that waited was dropped, or one refused. */
void wsuv__traffic_count_drop(struct wsuv_endpoint *ep, enum wsuv__drop reason);

#endif
