#include "proto/endpoint_whole.h"

#include "proto/endpoint_closing.h"
#include "proto/traffic.h"
#include "proto/whole_frame.h"

static int is_within_limits(const struct wsuv_endpoint *ep, const struct wsuv__whole_frame *frame) {
  return frame->fin && frame->len <= ep->config->max_message_size;
}

static inline int unmask(const struct wsuv__whole_frame *frame, int is_masked) {
  if (is_masked && frame->opcode == WSUV_TEXT && frame->len >= WSUV__MASK_MIN)
    return wsuv__utf8_unmask(frame->payload, frame->len, frame->payload - 4);
  if (is_masked)
    wsuv__whole_frame_unmask(frame->payload, frame->len);
  return frame->opcode != WSUV_TEXT || wsuv_utf8_is_valid(frame->payload, frame->len);
}

/* What is told of the fault is what the parser and the message know. */
static void refuse_text(struct wsuv_endpoint *ep, const struct wsuv__whole_frame *frame) {
  wsuv_frame_header_t header = {.opcode = frame->opcode, .fin = 1, .payload_len = frame->len};

  header.masked = ep->rules->role == WSUV_SERVER;
  ep->parser.header = header;
  ep->message.state = MESSAGE_TEXT;
  (void)wsuv__endpoint_fail(ep, WSUV_EENCODING);
}

/* After any callback the endpoint may be closing, failed or paused. */
size_t wsuv__endpoint_take_whole(struct wsuv_endpoint *ep, struct wsuv__frame_input *in) {
  struct wsuv__whole_frame frame;
  size_t key_len = ep->rules->role == WSUV_SERVER ? 4 : 0;
  uint8_t *data = in->data;
  uint8_t *end = data + in->len;
  size_t len;

  ep->limits.progress_ms = WSUV__NEVER; /* as in wsuv__endpoint_take_next */
  while (wsuv__whole_frame_read(&frame, ep->rules, key_len, data, (size_t)(end - data)) &&
         is_within_limits(ep, &frame)) {
    data = frame.payload + frame.len;
    ep->limits.message_ms = ep->now_ms;
    ep->message.size = frame.len;
    if (!unmask(&frame, key_len > 0)) {
      refuse_text(ep, &frame);
      break;
    }
    ep->message.rsv = 0;
    wsuv__traffic_message_came(ep, frame.opcode, frame.len, 1);
    ep->handler->on_message(ep->data, (wsuv_opcode_t)frame.opcode, frame.payload, frame.len);
    if (!wsuv__endpoint_is_parsing(ep) || ep->delivery != DELIVERY_FLOWING)
      break;
  }
  in->len = (size_t)(end - data);
  len = (size_t)(data - in->data);
  in->data = data;
  return len;
}
