#include "proto/round_trip.h"

#include "wsuv/errno.h"

void wsuv__round_trip_ping_left(struct wsuv__round_trip *trip, uint32_t number, uint64_t now_ms) {
  trip->nleft = number;
  trip->last_left_ms = (uint32_t)now_ms;
  if (number == 1)
    trip->first_left_ms = (uint32_t)now_ms;
}

/* RFC 6298 2.2, 2.3: the first one as it is, then an eighth of the difference. */
static void smooth(struct wsuv__round_trip *trip, uint32_t sample_ms) {
  if (!trip->is_known) {
    trip->smoothed = sample_ms > UINT32_MAX / 8 ? UINT32_MAX : sample_ms * 8;
    return;
  }
  trip->smoothed = trip->smoothed - trip->smoothed / 8;
  trip->smoothed =
      sample_ms > UINT32_MAX - trip->smoothed ? UINT32_MAX : trip->smoothed + sample_ms;
}

void wsuv__round_trip_pong_came(struct wsuv__round_trip *trip, uint32_t number, uint64_t now_ms) {
  uint32_t sample_ms;

  if (number == 0 || number > trip->nleft || (number != 1 && number != trip->nleft))
    return;
  sample_ms = (uint32_t)now_ms - (number == 1 ? trip->first_left_ms : trip->last_left_ms);
  trip->nleft = 0;
  smooth(trip, sample_ms);
  trip->last_ms = sample_ms;
  if (!trip->is_known || sample_ms < trip->min_ms)
    trip->min_ms = sample_ms;
  trip->is_known = 1;
}

int wsuv__round_trip_get(const struct wsuv__round_trip *trip, wsuv_rtt_t *out) {
  out->last_ms = -1;
  out->min_ms = -1;
  out->smoothed_ms = -1;
  if (!trip->is_known)
    return WSUV_ESTATE;
  out->last_ms = trip->last_ms;
  out->min_ms = trip->min_ms;
  out->smoothed_ms = trip->smoothed / 8;
  return 0;
}
