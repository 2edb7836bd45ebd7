#include "proto/endpoint_limits.h"

#include "proto/endpoint_closing.h"
#include "proto/endpoint_hold.h"
#include "proto/endpoint_pull.h"

static uint64_t later(uint64_t now_ms, uint64_t ms) {
  return ms < WSUV__NEVER - now_ms ? now_ms + ms : WSUV__NEVER;
}

/* Asking for events is a pause all the time; there the window runs on, and what is held excuses the peer. */
int wsuv__endpoint_progress_is_suspended(const struct wsuv_endpoint *ep) {
  return ep->delivery != DELIVERY_FLOWING && !wsuv__endpoint_is_pull(ep);
}

/* ---- control frames ---- */

/* A program that never tells the time has all control frames of its life at 0, which is no rate. */
int wsuv__endpoint_count_control(struct wsuv_endpoint *ep) {
  struct wsuv__limits *limits = &ep->limits;
  uint32_t max = ep->config->max_control_rate;

  if (max == UINT32_MAX || ep->now_ms == 0)
    return 0;
  if (limits->ncontrol == 0 || ep->now_ms - limits->control_ms >= WSUV__CONTROL_WINDOW_MS) {
    limits->control_ms = ep->now_ms;
    limits->ncontrol = 0;
  }
  if (limits->ncontrol == max)
    return WSUV_ECONTROLRATE;
  limits->ncontrol++;
  return 0;
}

/* ---- progress ---- */

static void begin_window(struct wsuv_endpoint *ep) {
  ep->limits.progress_ms = later(wsuv__endpoint_progress_is_suspended(ep) ? 0 : ep->now_ms,
                                 ep->config->progress_window_ms);
}

/* Of a header no octet counts, so that it does not matter how it was cut. */
static int is_before_its_payload(const struct wsuv_endpoint *ep) {
  return ep->parser.state != FRAME_PAYLOAD_DATA &&
         (ep->message.state == MESSAGE_NONE || ep->handler->on_fragment != NULL);
}

void wsuv__endpoint_note_unfinished(struct wsuv_endpoint *ep) {
  if (ep->config->min_receive_rate == 0)
    return;
  if (is_before_its_payload(ep))
    ep->limits.arrived = 0;
  if (ep->limits.progress_ms == WSUV__NEVER)
    begin_window(ep);
}

void wsuv__endpoint_suspend_progress(struct wsuv_endpoint *ep) {
  uint64_t *due = &ep->limits.progress_ms;

  if (*due != WSUV__NEVER && !wsuv__endpoint_is_pull(ep))
    *due -= ep->now_ms < *due ? ep->now_ms : *due;
}

void wsuv__endpoint_continue_progress(struct wsuv_endpoint *ep) {
  uint64_t *due = &ep->limits.progress_ms;

  if (*due != WSUV__NEVER && !wsuv__endpoint_is_pull(ep))
    *due = later(ep->now_ms, *due);
}

static uint64_t octets_needed(const struct wsuv__endpoint_config *config) {
  uint64_t window = config->progress_window_ms;
  uint64_t rate = config->min_receive_rate;

  return rate > UINT64_MAX / window ? UINT64_MAX : rate * window / 1000;
}

/* What came beyond the rate counts for the next window too, up to the whole of it: who keeps to the rate on average is not
 * ended because an octet came a moment late. */
static void judge_progress(struct wsuv_endpoint *ep) {
  uint64_t needed = octets_needed(ep->config);
  struct wsuv__limits *limits = &ep->limits;

  if (wsuv__endpoint_held(ep) == 0 && !ep->kept_waiting) {
    if (limits->arrived < needed) {
      (void)wsuv__endpoint_fail(ep, WSUV_EPROGRESS);
      return;
    }
    limits->arrived -= needed;
    if (limits->arrived > needed)
      limits->arrived = needed;
  }
  ep->kept_waiting = 0;
  begin_window(ep);
}

/* ---- idleness ---- */

static int is_idle(const struct wsuv_endpoint *ep) {
  return ep->now_ms - ep->limits.message_ms >= ep->config->idle_timeout_ms;
}

/* What waits to be read by the application, or by the peer, is a message on its way: whether the peer is alive is the
 * heartbeat's to judge. */
static int is_busy(const struct wsuv_endpoint *ep) {
  return wsuv__endpoint_held(ep) > 0 || wsuv__outbox_waiting(&ep->outbox) > 0;
}

static void close_idle(struct wsuv_endpoint *ep) {
  static const char reason[] = "idle";
  int err = wsuv_endpoint_close(ep, WSUV_CLOSE_GOING_AWAY, reason, sizeof reason - 1);

  if (err == 0)
    ep->error = WSUV_EIDLE;
  else
    (void)wsuv__endpoint_fail(ep, err);
}

static void judge_idleness(struct wsuv_endpoint *ep) {
  struct wsuv__limits *limits = &ep->limits;

  if (is_busy(ep))
    limits->message_ms = ep->now_ms;
  if (is_idle(ep))
    close_idle(ep);
  else
    limits->idle_due_ms = later(limits->message_ms, ep->config->idle_timeout_ms);
}

/* ---- both ---- */

void wsuv__endpoint_start_limits(struct wsuv_endpoint *ep) {
  ep->limits.message_ms = ep->now_ms;
  ep->limits.idle_due_ms = later(ep->now_ms, ep->config->idle_timeout_ms);
  if (ep->limits.progress_ms != WSUV__NEVER)
    begin_window(ep);
}

void wsuv__endpoint_check_limits(struct wsuv_endpoint *ep) {
  if (ep->now_ms >= ep->limits.progress_ms && !wsuv__endpoint_progress_is_suspended(ep))
    judge_progress(ep);
  if (ep->closing == CLOSING_NONE && ep->now_ms >= ep->limits.idle_due_ms)
    judge_idleness(ep);
}
