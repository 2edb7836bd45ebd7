#include "proto/endpoint_pull.h"

#include "proto/endpoint_closing.h"
#include "proto/endpoint_hold.h"

/* What is held stays until the next call; any other payload is gone with the callback. */
static int is_held(const struct wsuv_endpoint *ep, const uint8_t *payload) {
  const struct wsuv__buf *buf = ep->hold != NULL ? &ep->hold->buf : NULL;

  return buf != NULL && buf->base != NULL && (uintptr_t)payload >= (uintptr_t)buf->base &&
         (uintptr_t)payload < (uintptr_t)buf->base + buf->len;
}

static void collect(struct wsuv__pull *pull, const wsuv_event_t *event) {
  const wsuv_allocator_t *a = pull->ep->config->allocator;

  wsuv_endpoint_pause(pull->ep);
  pull->event = *event;
  pull->has_event = 1;
  if (event->len == 0) {
    pull->event.payload = NULL;
  } else if (!is_held(pull->ep, event->payload)) {
    pull->has_event = wsuv__buf_append(&pull->copy, a, event->payload, event->len) == 0;
    pull->event.payload = pull->copy.base;
  }
  if (!pull->has_event)
    (void)wsuv__endpoint_fail(pull->ep, WSUV_ENOMEM);
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  const wsuv_event_t event = {
      WSUV_EVENT_MESSAGE, (int)type, WSUV_FIRST | WSUV_FINAL, 0, payload, len};
  collect(data, &event);
}

static void on_fragment(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len, int flags) {
  const wsuv_event_t event = {WSUV_EVENT_FRAGMENT, (int)type, flags, 0, payload, len};
  collect(data, &event);
}

static void collect_control(void *data, wsuv_event_type_t type, int opcode, const uint8_t *payload,
                            size_t len) {
  const wsuv_event_t event = {type, opcode, 0, 0, (uint8_t *)(uintptr_t)payload, len};
  collect(data, &event);
}

static void on_ping(void *data, const uint8_t *payload, size_t len) {
  collect_control(data, WSUV_EVENT_PING, WSUV_PING, payload, len);
}

static void on_pong(void *data, const uint8_t *payload, size_t len) {
  collect_control(data, WSUV_EVENT_PONG, WSUV_PONG, payload, len);
}

static void on_control(void *data, int opcode, const uint8_t *payload, size_t len) {
  collect_control(data, WSUV_EVENT_CONTROL, opcode, payload, len);
}

/* The endpoint keeps the reason: no memory is needed, and the Close cannot be lost. */
static void on_close(void *data, int code, const char *reason, size_t reason_len) {
  struct wsuv__pull *pull = data;
  const wsuv_event_t event = {WSUV_EVENT_CLOSE, WSUV_CLOSE, 0, code, (uint8_t *)(uintptr_t)reason,
                              reason_len};

  pull->event = event;
  pull->has_event = 1;
  if (reason_len == 0)
    pull->event.payload = NULL;
}

static const wsuv_endpoint_handler_t whole_messages = {
    .size = sizeof(wsuv_endpoint_handler_t),
    .on_message = on_message,
    .on_ping = on_ping,
    .on_pong = on_pong,
    .on_control = on_control,
    .on_close = on_close,
};

static const wsuv_endpoint_handler_t pieces = {
    .size = sizeof(wsuv_endpoint_handler_t),
    .on_fragment = on_fragment,
    .on_ping = on_ping,
    .on_pong = on_pong,
    .on_control = on_control,
    .on_close = on_close,
};

const wsuv_endpoint_handler_t *wsuv__endpoint_pull_handler(int fragments) {
  return fragments ? &pieces : &whole_messages;
}

int wsuv__endpoint_is_pull(const struct wsuv_endpoint *ep) {
  return ep->handler == &whole_messages || ep->handler == &pieces;
}

void wsuv__endpoint_begin_pull(struct wsuv_endpoint *ep, struct wsuv__pull *pull) {
  pull->ep = ep;
  ep->data = pull;
  wsuv_endpoint_pause(ep);
}

int wsuv_endpoint_next_event(wsuv_endpoint_t *ep, wsuv_event_t *event) {
  struct wsuv__pull *pull = ep->data;
  int err;

  if (!wsuv__endpoint_is_pull(ep))
    return WSUV_EINVAL;
  wsuv__buf_free(&pull->copy, ep->config->allocator);
  pull->has_event = 0;
  err = wsuv__endpoint_go_on(ep);
  wsuv_endpoint_pause(ep);
  if (!pull->has_event)
    return err;
  *event = pull->event;
  return 1;
}
