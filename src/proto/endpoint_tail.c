#include "proto/endpoint_tail.h"

#include <string.h>

#include "base/spares.h"
#include "proto/endpoint_closing.h"

#define TAIL_MIN 16384u     /* less is as well copied */
#define TAIL_MAX (1u << 30) /* what a read can be told */

/* Whatever is not plain octets of a message goes through a buffer of its own. */
static int is_collecting(const struct wsuv_endpoint *ep) {
  return ep->parser.state == FRAME_PAYLOAD_DATA && (ep->parser.header.opcode & 8) == 0 &&
         ep->parser.remaining >= TAIL_MIN && ep->message.buf.len > 0 && ep->extensions == NULL &&
         ep->handler->on_fragment == NULL && ep->handler->on_data_frame == NULL &&
         ep->delivery == DELIVERY_FLOWING && ep->activity == ENDPOINT_IDLE &&
         wsuv__endpoint_is_parsing(ep);
}

size_t wsuv__endpoint_tail(struct wsuv_endpoint *ep, uint8_t **tail) {
  struct wsuv__message *message = &ep->message;
  size_t room;

  if (!is_collecting(ep) ||
      wsuv__message_make_room(message, ep->config->allocator, 0, ep->parser.remaining) != 0)
    return 0;
  room = message->buf.cap - message->buf.len;
  if (room > WSUV__MESSAGE_SLACK && room - WSUV__MESSAGE_SLACK > ep->parser.remaining)
    room = (size_t)ep->parser.remaining + WSUV__MESSAGE_SLACK;
  if (room < TAIL_MIN)
    return 0;
  *tail = message->buf.base + message->buf.len;
  return room < TAIL_MAX ? room : TAIL_MAX;
}

/* What is behind the message must not lie in its buffer, which goes with it. */
int wsuv__endpoint_receive_tail(struct wsuv_endpoint *ep, uint8_t *tail, size_t len) {
  uint8_t rest[WSUV__MESSAGE_SLACK];
  size_t nrest = len > ep->parser.remaining ? len - (size_t)ep->parser.remaining : 0;
  int err;

  memcpy(rest, tail + (len - nrest), nrest);
  err = wsuv__endpoint_receive_or_hold(ep, tail, len - nrest);
  return nrest > 0 ? wsuv__endpoint_receive_or_hold(ep, rest, nrest) : err;
}

void wsuv__endpoint_borrow_room(struct wsuv_endpoint *ep, size_t len, uint64_t remaining) {
  struct wsuv__spares *spares = ep->config->spares;

  if (spares == NULL || spares->n == 0 || len == 0 || len + remaining < TAIL_MIN ||
      remaining > WSUV__SPARE_MAX)
    return;
  (void)wsuv__spares_take(spares, &ep->message.buf, len + (size_t)remaining);
}

void wsuv__endpoint_give_room(struct wsuv_endpoint *ep, struct wsuv__buf *buf) {
  if (ep->config->spares != NULL)
    wsuv__spares_give(ep->config->spares, buf);
  else
    wsuv__buf_free(buf, ep->config->allocator);
}
