/* How an endpoint ends: Close frames both ways, and failing (RFC 6455 7). */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/endpoint_closing.h"
#include "proto/endpoint_filter.h"
#include "proto/endpoint_hold.h"
#include "proto/endpoint_send.h"
#include "proto/traffic.h"

/* A reason quotes at most so many octets of the peer's, cut at a character. */
#define QUOTED_MAX 50

enum wsuv__closing_action wsuv__endpoint_closing_step(struct wsuv_endpoint *ep,
                                                      enum wsuv__closing_event event) {
  struct wsuv__closing_step step = wsuv__closing_step((enum wsuv__closing_state)ep->closing, event);

  if (ep->closing == CLOSING_NONE && step.next != CLOSING_NONE) {
    ep->ping_due_ms = WSUV__NEVER;
    if (ep->config->close_timeout_ms < WSUV__NEVER - ep->now_ms)
      ep->close_due_ms = ep->now_ms + ep->config->close_timeout_ms;
  }
  ep->closing = (uint8_t)step.next;
  return step.action;
}

enum close_place { CLOSE_BEHIND_EVERYTHING, CLOSE_AHEAD_OF_DATA };

static int queue_close(struct wsuv_endpoint *ep, const uint8_t *payload, size_t len,
                       enum close_place place) {
  wsuv_frame_header_t header;
  int err = wsuv__endpoint_frame_header(ep, &header, WSUV_CLOSE, len);

  if (err != 0)
    return err;
  if (place == CLOSE_AHEAD_OF_DATA)
    wsuv__outbox_drop_waiting(&ep->outbox);
  err = wsuv__outbox_append(&ep->outbox, &header, payload, len); /* behind all that is left */
  if (err == 0) {
    wsuv__outbox_seal(&ep->outbox);
    ep->sent_code = (uint16_t)(len == 0 ? WSUV_CLOSE_NO_STATUS : wsuv__load_be16(payload));
    wsuv__traffic_control_sent(ep, &header);
  }
  return err;
}

/* _Start the WebSocket Closing Handshake_ (RFC 6455 7.1.2). */
int wsuv_endpoint_close(wsuv_endpoint_t *ep, int code, const char *reason, size_t reason_len) {
  uint8_t payload[WSUV_CONTROL_PAYLOAD_MAX];
  int n = wsuv_close_payload_encode(code, reason, reason_len, payload);
  int err;

  if (n < 0)
    return n;
  if (ep->closing != CLOSING_NONE)
    return WSUV_ESTATE;
  err = queue_close(ep, payload, (size_t)n, CLOSE_BEHIND_EVERYTHING);
  if (err == 0)
    wsuv__endpoint_closing_step(ep, CLOSING_ON_LOCAL_CLOSE);
  return err;
}

/* A failure that cannot be told to the peer stays a failure. One in the closing handshake of an idle endpoint counts more than
 * that it was idle. */
int wsuv__endpoint_fail_with_reason(struct wsuv_endpoint *ep, int err, const char *reason,
                                    size_t reason_len) {
  uint8_t payload[WSUV_CONTROL_PAYLOAD_MAX];
  int n;

  if ((ep->error == 0 || ep->error == WSUV_EIDLE) && wsuv__endpoint_is_parsing(ep)) {
    ep->error = err;
    wsuv__message_forget_last(&ep->message);
  }
  if (wsuv__endpoint_closing_step(ep, CLOSING_ON_FAIL) == CLOSING_DO_SEND_FAILURE) {
    n = wsuv_close_payload_encode(wsuv_err_close_code(err), reason, reason_len, payload);
    if (n < 0 || queue_close(ep, payload, (size_t)n, CLOSE_AHEAD_OF_DATA) != 0)
      wsuv__outbox_seal(&ep->outbox);
  }
  wsuv__message_reset(&ep->message, ep->config->allocator);
  return ep->error;
}

int wsuv__endpoint_fail(struct wsuv_endpoint *ep, int err) {
  const char *reason = wsuv_strerror(err);
  size_t len = strlen(reason);

  return wsuv__endpoint_fail_with_reason(ep, err, reason,
                                         len > WSUV_CLOSE_REASON_MAX ? WSUV_CLOSE_REASON_MAX : len);
}

static size_t cut_at_character(const char *text, size_t len, size_t max) {
  if (len <= max)
    return len;
  while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80)
    max--;
  return max;
}

/* The seed's diagnostic: which code was wrong, and the start of the reason that came with it. */
static int fail_on_close_code(struct wsuv_endpoint *ep, const uint8_t *payload, size_t len) {
  char reason[WSUV_CLOSE_REASON_MAX + 1];
  const char *quoted = (const char *)payload + 2;
  size_t quoted_len = cut_at_character(quoted, len - 2, QUOTED_MAX);
  int n;

  ep->bad_code = wsuv__load_be16(payload);
  if (!wsuv_utf8_is_valid(quoted, quoted_len))
    quoted_len = 0;
  n = snprintf(reason, sizeof reason, "close code %u must not be sent: %.*s",
               (unsigned)ep->bad_code, (int)quoted_len, quoted);
  return wsuv__endpoint_fail_with_reason(ep, WSUV_ECLOSECODE, reason, (size_t)n);
}

static int remember_close(struct wsuv_endpoint *ep, int code, const wsuv_span_t *reason) {
  struct wsuv__peer_close *close = wsuv__alloc_zeroed(ep->config->allocator, sizeof *close);

  if (close == NULL)
    return WSUV_ENOMEM;
  close->code = (uint16_t)(code == 0 ? WSUV_CLOSE_NO_STATUS : code);
  close->reason_len = (uint8_t)reason->len;
  if (reason->len > 0)
    memcpy(close->reason, reason->data, reason->len);
  ep->peer_close = close;
  return 0;
}

/* The answer is queued before the application hears of the Close (SEED-SPEC EPT.43). */
static int take_close(struct wsuv_endpoint *ep, const uint8_t *payload, size_t len) {
  wsuv_span_t reason;
  int code;
  int err = wsuv_close_payload_decode(payload, len, &code, &reason);

  if (err == WSUV_ECLOSECODE)
    return fail_on_close_code(ep, payload, len);
  if (err == 0)
    err = remember_close(ep, code, &reason);
  if (err != 0)
    return err;
  if (wsuv__endpoint_closing_step(ep, CLOSING_ON_PEER_CLOSE) == CLOSING_DO_SEND_ECHO) {
    ep->error = queue_close(ep, payload, len, CLOSE_BEHIND_EVERYTHING);
    wsuv__outbox_seal(&ep->outbox);
  }
  wsuv__message_reset(&ep->message, ep->config->allocator);
  if (ep->handler->on_close != NULL)
    ep->handler->on_close(ep->data, ep->peer_close->code, ep->peer_close->reason,
                          ep->peer_close->reason_len);
  return 0;
}

/* Also behind our own Close, until the peer's comes (RFC 6455 5.5.2). */
int wsuv__endpoint_answer_ping(struct wsuv_endpoint *ep, const uint8_t *payload, size_t len) {
  wsuv_frame_header_t header;
  int err = wsuv__endpoint_frame_header(ep, &header, WSUV_PONG, len);

  if (err == 0)
    err = wsuv__outbox_append_control(&ep->outbox, &header, payload, len);
  if (err == 0)
    wsuv__traffic_control_sent(ep, &header);
  return err;
}

static int take_ping(struct wsuv_endpoint *ep, const uint8_t *payload, size_t len) {
  int err = 0;

  if (!ep->config->manual_pong && !wsuv__endpoint_take_answered(ep))
    err = wsuv__endpoint_answer_ping(ep, payload, len);
  if (err == 0 && ep->handler->on_ping != NULL)
    ep->handler->on_ping(ep->data, payload, len);
  return err;
}

int wsuv__endpoint_take_control(struct wsuv_endpoint *ep, uint8_t opcode, uint8_t *payload,
                                size_t len) {
  int err = opcode != WSUV_CLOSE ? wsuv__endpoint_count_unseen_control(ep) : 0;

  wsuv__traffic_control_came(ep, opcode);
  if (err != 0)
    return err;
  switch (opcode) {
  case WSUV_PING:
    return take_ping(ep, payload, len);
  case WSUV_PONG:
    wsuv__endpoint_note_pong(ep, payload, len);
    if (ep->handler->on_pong != NULL)
      ep->handler->on_pong(ep->data, payload, len);
    return 0;
  case WSUV_CLOSE:
    return take_close(ep, payload, len);
  default:
    return wsuv__endpoint_take_custom_control(ep, opcode, payload, len);
  }
}

int wsuv_endpoint_wants_close(const wsuv_endpoint_t *ep) {
  switch ((enum wsuv__closing_state)ep->closing) {
  case CLOSING_EXCHANGED:
  case CLOSING_FAILING:
    return wsuv__outbox_waiting(&ep->outbox) == 0 || ep->outbox.state == OUTBOX_DEAD;
  case CLOSING_CLEAN:
  case CLOSING_ABNORMAL:
    return 1;
  case CLOSING_NONE:
  case CLOSING_CLOSE_SENT:
    break;
  }
  return ep->outbox.state == OUTBOX_DEAD;
}

int wsuv_endpoint_sent_close(const wsuv_endpoint_t *ep) {
  return ep->sent_code != 0;
}

int wsuv_endpoint_received_close(const wsuv_endpoint_t *ep) {
  return ep->peer_close != NULL;
}

void wsuv_endpoint_close_status(const wsuv_endpoint_t *ep, wsuv_close_status_t *status) {
  memset(status, 0, sizeof *status);
  status->code = WSUV_CLOSE_ABNORMAL;
  status->reason = "";
  status->sent_code = ep->sent_code;
  status->error = ep->error;
  if (ep->peer_close == NULL)
    return;
  status->code = ep->peer_close->code;
  status->reason = ep->peer_close->reason;
  status->reason_len = ep->peer_close->reason_len;
  status->clean = ep->sent_code != 0;
}
