/* What the application sends through an endpoint. */
#include <string.h>

#include "proto/endpoint_closing.h"
#include "proto/endpoint_cork.h"
#include "proto/endpoint_send.h"
#include "proto/outbox_entry.h"
#include "proto/traffic.h"

int wsuv__endpoint_frame_header(const struct wsuv_endpoint *ep, wsuv_frame_header_t *header,
                                uint8_t opcode, size_t len) {
  memset(header, 0, sizeof *header);
  header->fin = 1;
  header->opcode = opcode;
  header->payload_len = len;
  if (ep->config->rules.role != WSUV_CLIENT)
    return 0;
  header->masked = 1;
  return ep->config->random(ep->config->random_arg, header->masking_key,
                            sizeof header->masking_key) == 0
             ? 0
             : WSUV_ERANDOM;
}

/* By subtraction, and with the header's octets in: the limit is what the queue may hold. */
static inline size_t missing_room(const struct wsuv_endpoint *ep, size_t len) {
  const struct wsuv__outbox *outbox = &ep->outbox;
  size_t limit = ep->config->write_limit;
  size_t waiting = wsuv__endpoint_taken(ep) + outbox->held + wsuv__outbox_overhead(outbox);

  if (limit == SIZE_MAX)
    return 0;
  if (len > limit || limit - len < WSUV_FRAME_HEADER_MAX)
    return SIZE_MAX;
  limit -= len + WSUV_FRAME_HEADER_MAX;
  return waiting > limit ? waiting - limit : 0;
}

static inline int judge_room(const struct wsuv_endpoint *ep, size_t len) {
  return missing_room(ep, len) > 0 ? WSUV_EQUEUEFULL : 0;
}

size_t wsuv__endpoint_missing_room(const struct wsuv_endpoint *ep, size_t len) {
  return missing_room(ep, len);
}

int wsuv__endpoint_judge_room(const struct wsuv_endpoint *ep, size_t len) {
  return judge_room(ep, len);
}

static inline int judge_type(const struct wsuv_endpoint *ep, wsuv_opcode_t type) {
  if (!wsuv__endpoint_sends_opcode(ep, (int)type))
    return WSUV_EINVAL;
  return ep->closing != CLOSING_NONE || ep->sending != SENDING_NONE ? WSUV_ESTATE : 0;
}

int wsuv__endpoint_judge_type(const struct wsuv_endpoint *ep, wsuv_opcode_t type) {
  return judge_type(ep, type);
}

int wsuv__endpoint_judge_send(const struct wsuv_endpoint *ep, wsuv_opcode_t type,
                              const void *payload, size_t len) {
  int err = payload == NULL && len > 0 ? WSUV_EINVAL : judge_type(ep, type);

  if (err != 0)
    return err;
  if (type == WSUV_TEXT && !wsuv__endpoint_is_text(ep, payload, len))
    return WSUV_EENCODING;
  return judge_room(ep, len);
}

int wsuv__endpoint_queue_message(struct wsuv_endpoint *ep, wsuv_opcode_t type, uint8_t rsv,
                                 const void *payload, size_t len, int flags) {
  wsuv_frame_header_t frame = {.opcode = (uint8_t)type, .rsv = rsv, .fin = 1};
  int rc = wsuv__endpoint_queue_data(ep, &frame, payload, len, flags);

  return rc < 0 ? rc : 0;
}

static int send_message(struct wsuv_endpoint *ep, wsuv_opcode_t type, uint8_t rsv,
                        const void *payload, size_t len) {
  int err = wsuv__endpoint_judge_send(ep, type, payload, len);

  return err != 0 ? err : wsuv__endpoint_queue_message(ep, type, rsv, payload, len, 0);
}

int wsuv_endpoint_send_message(wsuv_endpoint_t *ep, wsuv_opcode_t type, const void *payload,
                               size_t len, int flags) {
  int err;

  if ((flags & ~WSUV_SEND_NO_COMPRESS) != 0)
    return WSUV_EINVAL;
  err = wsuv__endpoint_cork_message(ep, type, payload, len);
  if (err != 0)
    return err > 0 ? 0 : err;
  err = wsuv__endpoint_judge_send(ep, type, payload, len);
  return err != 0 ? err : wsuv__endpoint_queue_message(ep, type, 0, payload, len, flags);
}

int wsuv_endpoint_send(wsuv_endpoint_t *ep, wsuv_opcode_t type, const void *payload, size_t len) {
  return wsuv_endpoint_send_message(ep, type, payload, len, 0);
}

static int send_control(struct wsuv_endpoint *ep, uint8_t opcode, uint8_t rsv, const void *payload,
                        size_t len) {
  wsuv_frame_header_t header;
  int err;

  if (len > WSUV_CONTROL_PAYLOAD_MAX || (payload == NULL && len > 0))
    return WSUV_EINVAL;
  if (ep->closing != CLOSING_NONE)
    return WSUV_ESTATE;
  err = wsuv__endpoint_judge_room(ep, len);
  if (err == 0)
    err = wsuv__endpoint_frame_header(ep, &header, opcode, len);
  if (err != 0)
    return err;
  header.rsv = rsv;
  err = wsuv__outbox_append_control(&ep->outbox, &header, payload, len);
  if (err == 0)
    wsuv__traffic_control_sent(ep, &header);
  return err;
}

int wsuv_endpoint_ping(wsuv_endpoint_t *ep, const void *payload, size_t len) {
  return send_control(ep, WSUV_PING, 0, payload, len);
}

int wsuv_endpoint_pong(wsuv_endpoint_t *ep, const void *payload, size_t len) {
  return send_control(ep, WSUV_PONG, 0, payload, len);
}

static int sends_control(const struct wsuv_endpoint *ep, int opcode) {
  return opcode == WSUV_PING || opcode == WSUV_PONG ||
         (opcode > WSUV_PONG && ((ep->rules->opcodes >> opcode) & 1) != 0);
}

/* Reserved bits are the application's own; those of extensions are for extensions to set. */
int wsuv_endpoint_send_frame(wsuv_endpoint_t *ep, const wsuv_frame_header_t *frame,
                             const void *payload, size_t len) {
  if (frame->opcode > 15 || (frame->rsv & ~ep->config->rules.rsv_data) != 0)
    return WSUV_EINVAL;
  if ((frame->opcode & 8) != 0)
    return sends_control(ep, frame->opcode)
               ? send_control(ep, frame->opcode, frame->rsv, payload, len)
               : WSUV_EINVAL;
  if (frame->opcode != WSUV_CONTINUATION && frame->fin)
    return send_message(ep, (wsuv_opcode_t)frame->opcode, frame->rsv, payload, len);
  return wsuv__endpoint_send_fragment(ep, frame, payload, len);
}
