/* What the application sends through an endpoint. */
#include <string.h>

#include "proto/endpoint.h"

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
int wsuv__endpoint_judge_room(const struct wsuv_endpoint *ep, size_t len) {
  size_t limit = ep->config->write_limit;
  size_t waiting = wsuv__outbox_waiting(&ep->outbox);

  if (limit == SIZE_MAX)
    return 0;
  if (waiting > limit || len > limit - waiting)
    return WSUV_EQUEUEFULL;
  return limit - waiting - len < WSUV_FRAME_HEADER_MAX ? WSUV_EQUEUEFULL : 0;
}

int wsuv__endpoint_judge_send(const struct wsuv_endpoint *ep, wsuv_opcode_t type,
                              const void *payload, size_t len) {
  if ((payload == NULL && len > 0) || (type != WSUV_TEXT && type != WSUV_BINARY))
    return WSUV_EINVAL;
  if (ep->closing != CLOSING_NONE || ep->sending != SENDING_NONE)
    return WSUV_ESTATE;
  if (type == WSUV_TEXT && !wsuv_utf8_is_valid(payload, len))
    return WSUV_EENCODING;
  return wsuv__endpoint_judge_room(ep, len);
}

int wsuv_endpoint_send(wsuv_endpoint_t *ep, wsuv_opcode_t type, const void *payload, size_t len) {
  wsuv_frame_header_t header;
  int err = wsuv__endpoint_judge_send(ep, type, payload, len);

  if (err != 0)
    return err;
  if (ep->config->rules.role == WSUV_SERVER &&
      wsuv__outbox_try_cork(&ep->outbox, (uint8_t)type, payload, len))
    return 0;
  err = wsuv__endpoint_frame_header(ep, &header, (uint8_t)type, len);
  return err != 0 ? err : wsuv__outbox_append(&ep->outbox, &header, payload, len);
}

int wsuv__endpoint_send_request(struct wsuv_endpoint *ep, struct wsuv__outbox_entry *entry,
                                wsuv_opcode_t type, const void *payload, size_t len) {
  wsuv_frame_header_t header;
  int err = wsuv__endpoint_judge_send(ep, type, payload, len);

  if (err == 0)
    err = wsuv__endpoint_frame_header(ep, &header, (uint8_t)type, len);
  if (err == 0)
    err = wsuv__outbox_append_request(&ep->outbox, entry, &header, payload, len);
  return err;
}

static int send_control(struct wsuv_endpoint *ep, uint8_t opcode, const void *payload, size_t len) {
  wsuv_frame_header_t header;
  int err;

  if (len > WSUV_CONTROL_PAYLOAD_MAX || (payload == NULL && len > 0))
    return WSUV_EINVAL;
  if (ep->closing != CLOSING_NONE)
    return WSUV_ESTATE;
  err = wsuv__endpoint_judge_room(ep, len);
  if (err == 0)
    err = wsuv__endpoint_frame_header(ep, &header, opcode, len);
  if (err == 0)
    err = wsuv__outbox_append_control(&ep->outbox, &header, payload, len);
  return err;
}

int wsuv_endpoint_ping(wsuv_endpoint_t *ep, const void *payload, size_t len) {
  return send_control(ep, WSUV_PING, payload, len);
}

int wsuv_endpoint_pong(wsuv_endpoint_t *ep, const void *payload, size_t len) {
  return send_control(ep, WSUV_PONG, payload, len);
}
