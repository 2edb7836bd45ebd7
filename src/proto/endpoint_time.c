/* What an endpoint does because time passes: heartbeat, and the deadline of the closing handshake. */
#include <stdio.h>

#include "proto/endpoint_closing.h"
#include "proto/endpoint_deadline.h"
#include "proto/endpoint_send.h"
#include "proto/traffic.h"

/* ---- signs of life ---- */

/* None is missing any more. A Ping that still waits keeps its number, so that its Pong is recognised. */
static void see_life(struct wsuv_endpoint *ep) {
  ep->nmissed = 0;
  if (ep->outbox.nheartbeats > 0)
    return;
  ep->heartbeat.outstanding = 0;
  ep->round_trip.nleft = 0;
}

/* A peer that reads slowly cannot answer before it has read what lies in front of the Ping; that octets which had to wait
 * were taken shows that it reads. Octets that never had to wait show nothing: the kernel takes them for a dead peer too. */
static int output_shows_life(struct wsuv_endpoint *ep) {
  int shows = ep->outbox.has_moved && (ep->was_blocked || ep->outbox.nheartbeats > 0);

  ep->outbox.has_moved = 0;
  ep->was_blocked = ep->outbox.queued > 0;
  return shows;
}

void wsuv__endpoint_note_ping_left(struct wsuv_endpoint *ep) {
  ep->ping_waits = 0;
  if (ep->heartbeat.outstanding > 0)
    wsuv__round_trip_ping_left(&ep->round_trip, ep->heartbeat.outstanding, ep->now_ms);
}

void wsuv__endpoint_note_pong(struct wsuv_endpoint *ep, const uint8_t *payload, size_t len) {
  int number = wsuv__heartbeat_answer(&ep->heartbeat, payload, len);

  if (number == 0)
    return;
  ep->nmissed = 0;
  wsuv__round_trip_pong_came(&ep->round_trip, (uint32_t)number, ep->now_ms);
}

int wsuv_endpoint_rtt(const wsuv_endpoint_t *ep, wsuv_rtt_t *rtt) {
  return wsuv__round_trip_get(&ep->round_trip, rtt);
}

/* ---- heartbeat ---- */

static int fail_unanswered(struct wsuv_endpoint *ep) {
  char reason[64];
  int n = snprintf(reason, sizeof reason, "%u pings were not %s", (unsigned)ep->nmissed,
                   ep->outbox.nheartbeats > 0 ? "taken" : "answered");

  return wsuv__endpoint_fail_with_reason(ep, WSUV_ETIMEDOUT, reason, (size_t)n);
}

static int queue_ping(struct wsuv_endpoint *ep) {
  char payload[WSUV__HEARTBEAT_PAYLOAD_MAX];
  wsuv_frame_header_t header;
  int n;
  int err;

  if (ep->config->random == NULL)
    return WSUV_ERANDOM;
  n = wsuv__heartbeat_next(&ep->heartbeat, ep->config->random, ep->config->random_arg, payload);
  if (n < 0)
    return n;
  err = wsuv__endpoint_frame_header(ep, &header, WSUV_PING, (size_t)n);
  if (err == 0)
    err = wsuv__outbox_append_heartbeat(&ep->outbox, &header, payload, (size_t)n);
  if (err != 0) {
    wsuv__heartbeat_undo(&ep->heartbeat);
    return err;
  }
  ep->ping_waits = 1;
  wsuv__traffic_control_sent(ep, &header);
  return 0;
}

int wsuv_endpoint_check_heartbeat(wsuv_endpoint_t *ep) {
  int err = 0;

  if (ep->closing != CLOSING_NONE)
    return WSUV_ESTATE;
  if (output_shows_life(ep))
    see_life(ep);
  if (ep->config->max_pings != UINT32_MAX && ep->nmissed >= ep->config->max_pings)
    return fail_unanswered(ep);
  if (ep->outbox.nheartbeats == 0)
    err = queue_ping(ep);
  if (err == 0)
    ep->nmissed++;
  return err;
}

/* Received bytes count as life: a Pong cannot overtake the rest of one huge frame (RFC 6455 5.5). */
static void beat(struct wsuv_endpoint *ep) {
  uint64_t interval = ep->config->ping_interval_ms;

  if (!wsuv_endpoint_wants_read(ep)) /* who does not listen hears no Pong */
    ep->heard_ms = ep->now_ms;
  if (ep->heard_ms > ep->pinged_ms)
    see_life(ep);
  if (ep->heard_ms + interval > ep->now_ms && ep->heard_ms >= ep->pinged_ms) {
    ep->ping_due_ms = ep->heard_ms + interval;
    return;
  }
  ep->pinged_ms = ep->now_ms;
  ep->ping_due_ms = ep->now_ms + interval;
  (void)wsuv_endpoint_check_heartbeat(ep);
}

static void give_up_closing(struct wsuv_endpoint *ep) {
  if (ep->error == 0 && ep->closing == CLOSING_CLOSE_SENT)
    ep->error = WSUV_ETIMEDOUT;
  wsuv__endpoint_closing_step(ep, CLOSING_ON_TIMER);
}

void wsuv_endpoint_tick(wsuv_endpoint_t *ep, uint64_t now_ms) {
  uint64_t due_ms;

  if (ep->now_ms == 0) { /* told for the first time: the clock may start anywhere */
    ep->now_ms = now_ms;
    wsuv__endpoint_start_limits(ep);
  }
  due_ms = wsuv_endpoint_next_deadline(ep);
  ep->now_ms = now_ms;
  if (due_ms == WSUV__NEVER || now_ms < due_ms)
    return;
  if (ep->closing != CLOSING_NONE) {
    give_up_closing(ep);
    return;
  }
  wsuv__endpoint_check_limits(ep); /* before a Ping is queued, which is no message on its way */
  if (ep->closing == CLOSING_NONE && now_ms >= ep->ping_due_ms)
    beat(ep);
}

uint64_t wsuv_endpoint_next_deadline(const wsuv_endpoint_t *ep) {
  switch ((enum wsuv__closing_state)ep->closing) {
  case CLOSING_NONE:
    return wsuv__endpoint_open_deadline(ep);
  case CLOSING_CLOSE_SENT:
  case CLOSING_EXCHANGED:
  case CLOSING_FAILING:
    return ep->close_due_ms;
  case CLOSING_CLEAN:
  case CLOSING_ABNORMAL:
    break;
  }
  return WSUV__NEVER;
}
