#include "proto/endpoint_hold.h"

#include <string.h>

#include "proto/endpoint_closing.h"
#include "proto/endpoint_pull.h"

/* ---- the scan ---- */

/* It stands where the parser stands, which may be inside a frame, and inside a header. */
static void begin_scan(const struct wsuv_endpoint *ep, struct wsuv__held *hold) {
  hold->is_scanning = (uint8_t)!wsuv__endpoint_is_pull(ep); /* a pull is a pause all the time */
  hold->scan = ep->parser;
  if (ep->control == NULL)
    return;
  memcpy(hold->control, ep->control, ep->control_len);
  hold->control_len = ep->control_len;
}

/* It counts for the second in which it came. The one that is too many is a fault like others, which ends the scan and takes
 * effect when it is parsed. */
static int count_scanned(struct wsuv_endpoint *ep, struct wsuv__held *hold) {
  if (wsuv__endpoint_count_control(ep) != 0) {
    hold->is_over_rate = 1;
    hold->is_scanning = 0;
    return 0;
  }
  hold->ncounted++;
  return 1;
}

int wsuv__endpoint_count_unseen_control(struct wsuv_endpoint *ep) {
  struct wsuv__held *hold = ep->hold;

  if (hold != NULL && hold->ncounted > 0) {
    hold->ncounted--;
    return 0;
  }
  return hold != NULL && hold->is_over_rate ? WSUV_ECONTROLRATE : wsuv__endpoint_count_control(ep);
}

/* Nothing behind a Close is parsed; a Ping that cannot be answered now is answered when it is parsed, and so are those behind
 * it. */
static void take_scanned(struct wsuv_endpoint *ep, struct wsuv__held *hold) {
  if (hold->scan.header.opcode != WSUV_CLOSE && !count_scanned(ep, hold))
    return;
  switch (hold->scan.header.opcode) {
  case WSUV_PING:
    if (ep->config->manual_pong || hold->owes_pongs)
      return;
    if (wsuv__endpoint_answer_ping(ep, hold->control, hold->control_len) == 0)
      hold->npongs++;
    else
      hold->owes_pongs = 1;
    return;
  case WSUV_PONG:
    wsuv__endpoint_note_pong(ep, hold->control, hold->control_len);
    return;
  case WSUV_CLOSE:
    hold->is_scanning = 0;
    return;
  default:
    return;
  }
}

/* Octet by octet, so that the parser never sees payload, which it would unmask. */
static size_t scan_header(struct wsuv_endpoint *ep, struct wsuv__held *hold, uint8_t octet) {
  struct wsuv__frame_input in = {&octet, 1};
  struct wsuv__frame_slice slice;
  int rc = wsuv__frame_parser_next(&hold->scan, ep->rules, &in, &slice);

  if (rc < 0)
    hold->is_scanning = 0; /* a fault counts when it is parsed */
  if (rc <= 0)
    return 1;
  hold->control_len = 0;
  if (slice.last)
    take_scanned(ep, hold);
  return 1;
}

static size_t scan_control(struct wsuv_endpoint *ep, struct wsuv__held *hold, const uint8_t *data,
                           size_t len) {
  struct wsuv__frame_input in = {hold->control + hold->control_len, len};
  struct wsuv__frame_slice slice;

  memcpy(in.data, data, len);
  (void)wsuv__frame_parser_next(&hold->scan, ep->rules, &in, &slice);
  hold->control_len = (uint8_t)(hold->control_len + len);
  if (slice.last)
    take_scanned(ep, hold);
  return len;
}

static size_t scan_payload(struct wsuv_endpoint *ep, struct wsuv__held *hold, const uint8_t *data,
                           size_t len) {
  struct wsuv__frame_parser *scan = &hold->scan;
  size_t n = len < scan->remaining ? len : (size_t)scan->remaining;

  if ((scan->header.opcode & 8) != 0)
    return scan_control(ep, hold, data, n);
  scan->remaining -= n;
  if (scan->remaining == 0)
    scan->state = FRAME_BASE_HEADER;
  return n;
}

static void scan(struct wsuv_endpoint *ep, const uint8_t *data, size_t len) {
  struct wsuv__held *hold = ep->hold;

  while (len > 0 && hold->is_scanning) {
    size_t n = hold->scan.state == FRAME_PAYLOAD_DATA ? scan_payload(ep, hold, data, len)
                                                      : scan_header(ep, hold, *data);
    data += n;
    len -= n;
  }
}

int wsuv__endpoint_take_answered(struct wsuv_endpoint *ep) {
  if (ep->hold == NULL || ep->hold->npongs == 0)
    return 0;
  ep->hold->npongs--;
  return 1;
}

/* ---- what is held ---- */

/* Octets that resume has taken off the front go once they are half of all, so that every octet is moved a bounded number of
 * times. */
static int keep(struct wsuv_endpoint *ep, const uint8_t *bytes, size_t len) {
  struct wsuv__held *hold = ep->hold;

  if (hold->off > hold->buf.len / 2) {
    hold->buf.len -= hold->off;
    memmove(hold->buf.base, hold->buf.base + hold->off, hold->buf.len);
    hold->off = 0;
  }
  return wsuv__buf_append(&hold->buf, ep->config->allocator, bytes, len);
}

int wsuv__endpoint_hold(struct wsuv_endpoint *ep, const uint8_t *bytes, size_t len) {
  if (ep->hold == NULL) {
    ep->hold = wsuv__alloc_zeroed(ep->config->allocator, sizeof *ep->hold);
    if (ep->hold == NULL)
      return wsuv__endpoint_fail(ep, WSUV_ENOMEM);
    begin_scan(ep, ep->hold);
  }
  if (keep(ep, bytes, len) != 0)
    return wsuv__endpoint_fail(ep, WSUV_ENOMEM);
  if (ep->delivery == DELIVERY_PAUSED)
    scan(ep, bytes, len);
  else
    ep->hold->is_scanning = 0; /* what was not seen cannot be made up for */
  return 0;
}

void wsuv__endpoint_drop_held(struct wsuv_endpoint *ep) {
  if (ep->hold == NULL)
    return;
  wsuv__buf_free(&ep->hold->buf, ep->config->allocator);
  wsuv__release(ep->config->allocator, ep->hold);
  ep->hold = NULL;
}

wsuv_span_t wsuv__endpoint_undelivered(const struct wsuv_endpoint *ep) {
  wsuv_span_t held = {(const uint8_t *)"", wsuv__endpoint_held(ep)};

  if (held.len > 0)
    held.data = ep->hold->buf.base + ep->hold->off;
  return held;
}

int wsuv_endpoint_wants_read(const wsuv_endpoint_t *ep) {
  if (ep->delivery == DELIVERY_FLOWING || !wsuv__endpoint_is_parsing(ep))
    return 1;
  return !ep->eof_waits && wsuv__endpoint_held(ep) < ep->config->read_ahead;
}

/* ---- the transport's end ---- */

static int take_eof(struct wsuv_endpoint *ep) {
  ep->eof_waits = 0;
  wsuv__endpoint_closing_step(ep, CLOSING_ON_EOF);
  if (ep->error == 0 && ep->closing != CLOSING_CLEAN)
    ep->error = WSUV_EABNORMAL;
  return wsuv__endpoint_outcome(ep);
}

/* Also with nothing held: the end is an event like others. From a callback it comes at once. */
int wsuv__endpoint_eof_must_wait(const struct wsuv_endpoint *ep) {
  return ep->delivery == DELIVERY_PAUSED && ep->activity == ENDPOINT_IDLE &&
         wsuv__endpoint_is_parsing(ep);
}

int wsuv_endpoint_receive_eof(wsuv_endpoint_t *ep) {
  if (!wsuv__endpoint_eof_must_wait(ep))
    return take_eof(ep);
  ep->eof_waits = 1;
  return 0;
}

/* ---- pause and resume ---- */

void wsuv_endpoint_pause(wsuv_endpoint_t *ep) {
  if (ep->delivery != DELIVERY_FLOWING)
    return;
  ep->delivery = DELIVERY_PAUSED;
  wsuv__endpoint_suspend_progress(ep);
}

static void forget_octets(struct wsuv_endpoint *ep) {
  wsuv__buf_free(&ep->hold->buf, ep->config->allocator);
  ep->hold->off = 0;
}

static void parse_held(struct wsuv_endpoint *ep) {
  struct wsuv__held *hold = ep->hold;
  struct wsuv__frame_input in = {NULL, 0};

  if (hold != NULL && hold->buf.len > hold->off) {
    in.data = hold->buf.base + hold->off;
    in.len = hold->buf.len - hold->off;
  }
  (void)wsuv__endpoint_parse(ep, &in);
  if (hold != NULL)
    hold->off = hold->buf.len - in.len;
  if (ep->delivery == DELIVERY_FLOWING || !wsuv__endpoint_is_parsing(ep))
    wsuv__endpoint_drop_held(ep);
  else if (hold != NULL && in.len == 0 && !wsuv__endpoint_is_pull(ep))
    forget_octets(ep);
}

/* From a callback there is nothing to do: the loop that called it goes on. */
int wsuv__endpoint_go_on(struct wsuv_endpoint *ep) {
  if (ep->delivery != DELIVERY_PAUSED)
    return wsuv__endpoint_outcome(ep);
  ep->delivery = DELIVERY_FLOWING;
  wsuv__endpoint_continue_progress(ep);
  if (ep->activity == ENDPOINT_PARSING)
    return wsuv__endpoint_outcome(ep);
  if (ep->hold != NULL || ep->extensions != NULL)
    parse_held(ep);
  if (ep->eof_waits && !wsuv__endpoint_eof_must_wait(ep))
    return take_eof(ep);
  return wsuv__endpoint_outcome(ep);
}

int wsuv_endpoint_resume(wsuv_endpoint_t *ep) {
  return wsuv__endpoint_is_pull(ep) ? wsuv__endpoint_outcome(ep) : wsuv__endpoint_go_on(ep);
}
