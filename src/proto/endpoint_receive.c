/* Octets that were received, up to the end of what may be delivered. */
#include "proto/endpoint_receive.h"

#include "proto/endpoint_closing.h"
#include "proto/endpoint_filter.h"
#include "proto/endpoint_hold.h"
#include "proto/endpoint_whole.h"
#include "proto/traffic.h"

/* After any callback the endpoint may be closing, failed or paused. */
static inline int goes_on(const struct wsuv_endpoint *ep, const struct wsuv__frame_input *in) {
  return in->len > 0 && wsuv__endpoint_is_parsing(ep) && ep->delivery == DELIVERY_FLOWING;
}

static inline int parse(struct wsuv_endpoint *ep, struct wsuv__frame_input *in) {
  ep->activity = ENDPOINT_PARSING;
  if (ep->extensions != NULL)
    wsuv__endpoint_go_on_decoding(ep);
  while (goes_on(ep, in)) {
    if (!wsuv__endpoint_takes_whole(ep) || wsuv__endpoint_take_whole(ep, in) == 0)
      wsuv__endpoint_take_next(ep, in);
  }
  if (wsuv__endpoint_is_unfinished(ep))
    wsuv__endpoint_note_unfinished(ep);
  else
    ep->limits.progress_ms = WSUV__NEVER;
  ep->activity = ENDPOINT_IDLE;
  return wsuv__endpoint_outcome(ep);
}

int wsuv__endpoint_parse(struct wsuv_endpoint *ep, struct wsuv__frame_input *in) {
  return parse(ep, in);
}

int wsuv_endpoint_receive(wsuv_endpoint_t *ep, uint8_t *bytes, size_t len) {
  if (ep->activity == ENDPOINT_PARSING || ep->eof_waits)
    return WSUV_ESTATE;
  if (!wsuv_endpoint_wants_read(ep))
    return WSUV_ENOBUFS;
  return wsuv__endpoint_receive_or_hold(ep, bytes, len);
}

int wsuv__endpoint_receive_or_hold(struct wsuv_endpoint *ep, uint8_t *bytes, size_t len) {
  struct wsuv__frame_input in = {bytes, len};

  ep->heard_ms = ep->now_ms;
  ep->limits.arrived += len;
  (void)parse(ep, &in);
  if (ep->delivery == DELIVERY_KEPT)
    len -= in.len; /* the rest may be no frames */
  if (ep->delivery != DELIVERY_FLOWING && wsuv__endpoint_is_parsing(ep) && in.len > 0)
    (void)wsuv__endpoint_hold(ep, in.data, in.len);
  wsuv__traffic_octets_came(ep, len);
  return wsuv__endpoint_outcome(ep);
}
