#include "proto/endpoint_fold.h"

#include <string.h>

#include "proto/extensions_rest.h"
#include "proto/traffic.h"

#define UNKNOWN UINT32_MAX

static int is_at_rest(const struct wsuv_endpoint *ep) {
  return (ep->closing | ep->delivery | ep->activity | ep->ping_waits | ep->eof_waits |
          ep->kept_waiting | ep->was_blocked) == 0 &&
         ep->error == 0 && ep->sent_code == 0;
}

static int is_between_messages(const struct wsuv_endpoint *ep) {
  return wsuv__endpoint_is_between_messages(ep) && ep->message.buf.base == NULL &&
         ep->control == NULL && ep->hold == NULL && ep->peer_close == NULL && ep->held_back == 0;
}

static int is_queue_empty(const struct wsuv__outbox *outbox) {
  return wsuv__outbox_is_idle(outbox) && wsuv__list_is_empty(&outbox->done) &&
         outbox->queued == 0 && outbox->keys == NULL;
}

static int is_nothing_awaited(const struct wsuv_endpoint *ep) {
  return ep->nmissed == 0 && ep->heartbeat.outstanding == 0 && ep->round_trip.nleft == 0 &&
         ep->outbox.nheartbeats == 0 && ep->pinged_ms <= ep->heard_ms;
}

/* Control frames in the second that was not over when octets came last; if it was, the next one begins another. */
static uint32_t count_control(const struct wsuv_endpoint *ep) {
  return ep->heard_ms - ep->limits.control_ms < WSUV__CONTROL_WINDOW_MS ? ep->limits.ncontrol : 0;
}

/* The age of their second is kept from the octets that came last on. Where time was told behind these, from a callback, there is
 * none. */
static int is_control_counted(const struct wsuv_endpoint *ep) {
  return ep->limits.control_ms <= ep->heard_ms && count_control(ep) <= UINT16_MAX;
}

int wsuv__endpoint_may_fold(const struct wsuv_endpoint *ep) {
  return is_at_rest(ep) && is_queue_empty(&ep->outbox) && is_between_messages(ep) &&
         is_nothing_awaited(ep) && is_control_counted(ep) && ep->trace == NULL &&
         ep->limits.progress_ms == WSUV__NEVER;
}

void wsuv__endpoint_fold(struct wsuv_endpoint *ep, struct wsuv__folded *out) {
  const struct wsuv__round_trip *trip = &ep->round_trip;

  out->extensions = ep->extensions;
  out->traffic = ep->traffic;
  out->heard_ms = ep->heard_ms;
  out->message_ms = ep->limits.message_ms;
  out->rtt_last_ms = trip->is_known ? trip->last_ms : UNKNOWN;
  out->rtt_min_ms = trip->min_ms;
  out->rtt_smoothed = trip->smoothed;
  out->ncontrol = (uint16_t)count_control(ep);
  out->control_age_ms = 0;
  if (out->ncontrol > 0)
    out->control_age_ms = (uint16_t)(ep->heard_ms - ep->limits.control_ms);
  ep->extensions = NULL;
  ep->traffic = NULL;
}

static void restore_round_trip(struct wsuv__round_trip *trip, const struct wsuv__folded *folded) {
  trip->is_known = folded->rtt_last_ms != UNKNOWN;
  if (!trip->is_known)
    return;
  trip->last_ms = folded->rtt_last_ms;
  trip->min_ms = folded->rtt_min_ms;
  trip->smoothed = folded->rtt_smoothed;
}

/* The heartbeat and the idle timeout begin at the times that were kept, so that they are due when they would have been. */
void wsuv__endpoint_unfold(struct wsuv_endpoint *ep, const struct wsuv__folded *folded,
                           const struct wsuv__endpoint_config *config,
                           const wsuv_endpoint_handler_t *handler, void *data, uint64_t now_ms) {
  wsuv__endpoint_init(ep, config, handler, data, folded->heard_ms);
  ep->now_ms = folded->message_ms;
  wsuv__endpoint_start_limits(ep);
  ep->limits.ncontrol = folded->ncontrol;
  ep->limits.control_ms = folded->heard_ms - folded->control_age_ms;
  ep->now_ms = now_ms;
  wsuv__endpoint_use_extensions(ep, folded->extensions);
  ep->traffic = folded->traffic;
  restore_round_trip(&ep->round_trip, folded);
}

void wsuv__folded_share(struct wsuv__folded *folded, struct wsuv__shared_sets *sets,
                        const wsuv_allocator_t *a) {
  wsuv__extensions_share(&folded->extensions, sets, wsuv__traffic_kept(folded->traffic), a);
}

int wsuv__folded_unshare(struct wsuv__folded *folded, const wsuv_allocator_t *a) {
  return wsuv__extensions_unshare(&folded->extensions, wsuv__traffic_kept(folded->traffic), a);
}

int wsuv__folded_rtt(const struct wsuv__folded *folded, wsuv_rtt_t *out) {
  struct wsuv__round_trip trip = {0};

  restore_round_trip(&trip, folded);
  return wsuv__round_trip_get(&trip, out);
}

void wsuv__folded_release(struct wsuv__folded *folded, const wsuv_allocator_t *a) {
  struct wsuv__extensions *set = folded->extensions;

  folded->extensions = NULL;
  wsuv__release(a, folded->traffic);
  folded->traffic = NULL;
  wsuv__extensions_drop(set, a);
}
