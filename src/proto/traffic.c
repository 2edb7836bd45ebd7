#include "proto/traffic.h"

#include <string.h>

#include "proto/extensions.h"

struct wsuv__traffic *wsuv__traffic_new(struct wsuv_endpoint *ep) {
  size_t nstages = ep->extensions != NULL ? ep->extensions->nstages : 0;

  ep->traffic =
      wsuv__alloc_zeroed(ep->config->allocator, sizeof *ep->traffic + nstages * WSUV_FOLD_MAX);
  return ep->traffic;
}

static void add_control(wsuv_traffic_t *way, uint8_t opcode) {
  switch (opcode) {
  case WSUV_PING:
    way->pings++;
    break;
  case WSUV_PONG:
    way->pongs++;
    break;
  case WSUV_CLOSE:
    way->closes++;
    break;
  default:
    way->controls++;
  }
}

void wsuv__traffic_control_came(struct wsuv_endpoint *ep, uint8_t opcode) {
  struct wsuv__traffic *traffic = wsuv__traffic_of(ep);

  if (traffic != NULL)
    add_control(&traffic->received, opcode);
}

void wsuv__traffic_decoding(struct wsuv_endpoint *ep, size_t encoded, size_t plain) {
  struct wsuv__traffic *traffic = wsuv__traffic_of(ep);

  if (traffic == NULL)
    return;
  traffic->received.encoded_octets += encoded;
  traffic->received.plain_octets += plain;
}

void wsuv__traffic_control_sent(struct wsuv_endpoint *ep, const wsuv_frame_header_t *header) {
  struct wsuv__traffic *traffic = wsuv__traffic_of(ep);

  if (traffic != NULL)
    add_control(&traffic->sent, header->opcode);
  wsuv__trace_note(ep, header, TRACE_SENT);
}

void wsuv__traffic_data_sent(struct wsuv_endpoint *ep, int opcode, size_t len,
                             const wsuv_frame_header_t *frame, int is_transformed) {
  wsuv__traffic_message_sent(ep, opcode, len, frame != NULL && frame->fin);
  if (is_transformed && ep->traffic != NULL) {
    ep->traffic->sent.plain_octets += len;
    ep->traffic->sent.encoded_octets += frame != NULL ? frame->payload_len : 0;
  }
  if (frame != NULL)
    wsuv__trace_note(ep, frame, TRACE_SENT);
}

void wsuv__traffic_add_sent(struct wsuv__traffic *traffic, const wsuv_traffic_t *sum) {
  traffic->sent.text += sum->text;
  traffic->sent.text_octets += sum->text_octets;
  traffic->sent.binary += sum->binary;
  traffic->sent.binary_octets += sum->binary_octets;
  traffic->sent.shared += sum->shared;
}

void wsuv__traffic_sum_sent(struct wsuv_endpoint *ep, const wsuv_traffic_t *sum) {
  struct wsuv__traffic *traffic = wsuv__traffic_of(ep);

  if (traffic != NULL)
    wsuv__traffic_add_sent(traffic, sum);
}

void wsuv__traffic_count_drop(struct wsuv_endpoint *ep, enum wsuv__drop reason) {
  struct wsuv__traffic *traffic = wsuv__traffic_of(ep);

  if (traffic == NULL)
    return;
  switch (reason) {
  case DROP_OLDEST:
    traffic->drops.oldest++;
    break;
  case DROP_REPLACED:
    traffic->drops.replaced++;
    break;
  case DROP_REFUSED:
    traffic->drops.refused++;
    break;
  case DROP_CLOSED:
    traffic->drops.closed++;
    break;
  }
}

void wsuv__traffic_get(const struct wsuv__traffic *traffic, wsuv_traffic_t *received,
                       wsuv_traffic_t *sent, wsuv_drops_t *drops) {
  static const struct wsuv__traffic none;

  if (traffic == NULL)
    traffic = &none;
  *received = traffic->received;
  *sent = traffic->sent;
  *drops = traffic->drops;
}

void wsuv_endpoint_traffic(const wsuv_endpoint_t *ep, wsuv_traffic_t *received,
                           wsuv_traffic_t *sent, wsuv_drops_t *drops) {
  wsuv__traffic_get(ep->traffic, received, sent, drops);
}
