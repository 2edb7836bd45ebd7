/* The time from a Ping to its Pong: last, least, and smoothed as TCP does it (RFC 6298 2). In 32 bits of milliseconds, which
 * is 49 days. */
#ifndef WSUV_PROTO_ROUND_TRIP_H
#define WSUV_PROTO_ROUND_TRIP_H

#include <stdint.h>

#include "wsuv/protocol.h"

struct wsuv__round_trip {
  uint32_t last_ms;
  uint32_t min_ms;
  uint32_t smoothed;      /* in eighths of a millisecond */
  uint32_t first_left_ms; /* when Ping #1 of the current row left our queue */
  uint32_t last_left_ms;  /* when the newest one did */
  uint32_t nleft;         /* of the current row, 0: the times are not valid */
  uint8_t is_known;       /* there was a measurement */
};

/* Ping #`number` of its row has left our queue now. */
void wsuv__round_trip_ping_left(struct wsuv__round_trip *trip, uint32_t number, uint64_t now_ms);

/* The Pong for Ping #`number` came. Of Pings in between the first and the newest no time is known, and none is measured. */
void wsuv__round_trip_pong_came(struct wsuv__round_trip *trip, uint32_t number, uint64_t now_ms);

/* WSUV_ESTATE before the first measurement; then all of *out is -1. */
int wsuv__round_trip_get(const struct wsuv__round_trip *trip, wsuv_rtt_t *out);

#endif
