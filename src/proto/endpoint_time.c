/* What an endpoint does because time passes: heartbeat, and the deadline of the closing handshake. */
#include <stdio.h>

#include "proto/endpoint.h"

static int fail_unanswered(struct wsuv_endpoint *ep) {
  char reason[64];
  int n = snprintf(reason, sizeof reason, "%u pings were not answered",
                   (unsigned)ep->heartbeat.outstanding);

  return wsuv__endpoint_fail_with_reason(ep, WSUV_ETIMEDOUT, reason, (size_t)n);
}

int wsuv_endpoint_check_heartbeat(wsuv_endpoint_t *ep) {
  char payload[WSUV__HEARTBEAT_PAYLOAD_MAX];
  int n;
  int err;

  if (ep->closing != CLOSING_NONE)
    return WSUV_ESTATE;
  if (ep->config->max_pings != UINT32_MAX && ep->heartbeat.outstanding >= ep->config->max_pings)
    return fail_unanswered(ep);
  if (ep->config->random == NULL)
    return WSUV_ERANDOM;
  n = wsuv__heartbeat_next(&ep->heartbeat, ep->config->random, ep->config->random_arg, payload);
  if (n < 0)
    return n;
  err = wsuv_endpoint_ping(ep, payload, (size_t)n);
  if (err != 0)
    wsuv__heartbeat_undo(&ep->heartbeat);
  return err;
}

/* Received bytes count as life: a Pong cannot overtake the rest of one huge frame (RFC 6455 5.5). */
static void beat(struct wsuv_endpoint *ep) {
  uint64_t interval = ep->config->ping_interval_ms;

  if (ep->delivery == DELIVERY_PAUSED) /* who does not listen hears no Pong */
    ep->heard_ms = ep->now_ms;
  if (ep->heard_ms > ep->pinged_ms)
    ep->heartbeat.outstanding = 0;
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
  uint64_t due_ms = wsuv_endpoint_next_deadline(ep);

  ep->now_ms = now_ms;
  if (due_ms == WSUV__NEVER || now_ms < due_ms)
    return;
  if (ep->closing == CLOSING_NONE)
    beat(ep);
  else
    give_up_closing(ep);
}

uint64_t wsuv_endpoint_next_deadline(const wsuv_endpoint_t *ep) {
  switch ((enum wsuv__closing_state)ep->closing) {
  case CLOSING_NONE:
    return ep->ping_due_ms;
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
