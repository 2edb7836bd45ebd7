#include "proto/message.h"

#include <string.h>

#include "wsuv/errno.h"

#define LARGE 16384u

void wsuv__message_init(struct wsuv__message *message) {
  memset(message, 0, sizeof *message);
}

void wsuv__message_reset(struct wsuv__message *message, const wsuv_allocator_t *a) {
  if (message->buf.base != NULL)
    wsuv__buf_free(&message->buf, a);
  memset(&message->utf8, 0, sizeof message->utf8);
  message->state = MESSAGE_NONE;
}

int wsuv__message_validate_text(struct wsuv__message *message, const uint8_t *data, size_t len) {
  return wsuv__utf8_feed(&message->utf8, data, len) ? 0 : WSUV_EENCODING;
}

/* Room for what the frame still announces, but never more than as much again as has arrived. */
static size_t room_ahead(size_t arrived, uint64_t remaining) {
  return remaining < arrived ? (size_t)remaining : arrived;
}

int wsuv__message_make_room(struct wsuv__message *message, const wsuv_allocator_t *a, size_t len,
                            uint64_t remaining) {
  size_t arrived = message->buf.len + len;
  size_t room = len + room_ahead(arrived, remaining);

  if (arrived < LARGE || remaining == 0)
    return wsuv__buf_reserve(&message->buf, a, room);
  return wsuv__buf_reserve_tight(&message->buf, a, room + WSUV__MESSAGE_SLACK);
}

int wsuv__message_keep(struct wsuv__message *message, const wsuv_allocator_t *a,
                       const uint8_t *data, size_t len, uint64_t remaining) {
  struct wsuv__buf *buf = &message->buf;

  if (len == 0)
    return 0;
  if (buf->len > 0 && buf->len < buf->cap && data == buf->base + buf->len) {
    buf->len += len;
    return 0;
  }
  if (wsuv__message_make_room(message, a, len, remaining) != 0)
    return WSUV_ENOMEM;
  return wsuv__buf_append(buf, a, data, len);
}

int wsuv__message_finish(const struct wsuv__message *message) {
  return wsuv__utf8_is_complete(&message->utf8) ? 0 : WSUV_EENCODING;
}
