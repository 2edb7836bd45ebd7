/* Counts of what went over a connection or an endpoint. */
#ifndef WSUV_TRAFFIC_H
#define WSUV_TRAFFIC_H

#include "wsuv/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_endpoint wsuv_endpoint_t;

/* One direction, since the connection opened. Messages count when they are whole: delivered to the handler, or queued with
 * their last octet. Their octets are those that the application sees, and count as they are delivered or given, so that those
 * of an unfinished message in fragments are in. A send that was refused counts nowhere here. */
typedef struct wsuv_traffic {
  uint64_t text; /* messages */
  uint64_t text_octets;
  uint64_t binary; /* those of claimed opcodes 3-7 too */
  uint64_t binary_octets;
  uint64_t pings; /* frames */
  uint64_t pongs;
  uint64_t closes;
  uint64_t controls; /* of claimed opcodes 11-15 */
  /* What came from the stream, counted when it was looked at, and what the stream took: frames with their headers, before TLS,
   * without the opening handshake. */
  uint64_t wire_octets;
  /* Of messages that extensions transformed: octets as the application sees them, and as frames carry them. encoded / plain is
   * the ratio of a compression. */
  uint64_t plain_octets;
  uint64_t encoded_octets;
  uint64_t
      shared; /* messages sent by reference to the octets of a prepared one, which were not copied */
} wsuv_traffic_t;

/* Messages that were not sent because the peer reads too slowly; see wsuv_slow_t. */
typedef struct wsuv_drops {
  uint64_t oldest;   /* made room for a newer one */
  uint64_t replaced; /* a newer one of the same key took their place */
  uint64_t refused;  /* the send returned WSUV_EQUEUEFULL */
  uint64_t closed; /* the send returned WSUV_ESLOWREADER: what waited is gone with the connection */
} wsuv_drops_t;

/* Everything 0 before the first octet. The counts are a block of memory of their own, made at the first octet or frame: where
 * there is none for it, what happens is not counted until there is. */
WSUV_EXTERN void wsuv_endpoint_traffic(const wsuv_endpoint_t *endpoint, wsuv_traffic_t *received,
                                       wsuv_traffic_t *sent, wsuv_drops_t *drops);

#ifdef __cplusplus
}
#endif

#endif
