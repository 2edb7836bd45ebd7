/* Assembly of messages from data frames (RFC 6455 5.4), with the limit on their size and UTF-8 validated as it comes. */
#ifndef WSUV_PROTO_MESSAGE_H
#define WSUV_PROTO_MESSAGE_H

#include "base/buf.h"
#include "proto/utf8.h"
#include "wsuv/errno.h"
#include "wsuv/frame.h"

enum wsuv__message_state {
  MESSAGE_NONE = 0, /* between messages; any other state is the message's opcode */
  MESSAGE_TEXT = WSUV_TEXT
};

struct wsuv__message {
  struct wsuv__buf buf; /* holds memory only while a whole message spans slices */
  uint64_t size;        /* octets so far, those that its current frame announced included */
  struct wsuv__utf8 utf8;
  uint32_t nframes; /* so far */
  uint8_t state;
  uint8_t flags; /* of the next piece: WSUV_FIRST, or 0 */
  uint8_t rsv;   /* of its first frame */
};

void wsuv__message_init(struct wsuv__message *message);

/* Forgets what was assembled and frees the memory. */
void wsuv__message_reset(struct wsuv__message *message, const wsuv_allocator_t *a);

/* Between two messages: the size of the one before is nobody's any more. */
static inline void wsuv__message_forget_last(struct wsuv__message *message) {
  if (message->state == MESSAGE_NONE)
    message->size = 0;
}

/* Another frame of it; UINT32_MAX is no limit. WSUV_EFRAGMENTS. */
static inline int wsuv__message_count_frame(struct wsuv__message *message, uint32_t max_frames) {
  if (message->nframes == max_frames)
    return max_frames == UINT32_MAX ? 0 : WSUV_EFRAGMENTS;
  message->nframes++;
  return 0;
}

/* A data frame begins. WSUV_ECONTINUATION, WSUV_EINTERLEAVED, WSUV_EFRAGMENTS. */
static inline int wsuv__message_begin_frame(struct wsuv__message *message,
                                            const wsuv_frame_header_t *header,
                                            uint32_t max_frames) {
  if (header->opcode == WSUV_CONTINUATION)
    return message->state == MESSAGE_NONE ? WSUV_ECONTINUATION
                                          : wsuv__message_count_frame(message, max_frames);
  if (message->state != MESSAGE_NONE)
    return WSUV_EINTERLEAVED;
  message->state = header->opcode;
  message->rsv = header->rsv;
  message->size = 0;
  message->nframes = 1;
  message->flags = WSUV_FIRST;
  return 0;
}

/* `len` more octets belong to it, announced or arrived: WSUV_EMSGSIZE if they would take it over `max_len`. By subtraction:
 * the sum of two lengths from the peer could wrap. */
static inline int wsuv__message_grow(struct wsuv__message *message, uint64_t len,
                                     uint64_t max_len) {
  if (len > max_len - message->size)
    return WSUV_EMSGSIZE;
  message->size += len;
  return 0;
}

int wsuv__message_validate_text(struct wsuv__message *message, const uint8_t *data, size_t len);

/* Validates the next octets of the message; WSUV_EENCODING at the first octet that text cannot have. */
static inline int wsuv__message_validate(struct wsuv__message *message, const uint8_t *data,
                                         size_t len) {
  return message->state == MESSAGE_TEXT ? wsuv__message_validate_text(message, data, len) : 0;
}

/* Octets beyond the end of a large frame for which there is room, so that it can be read together with what follows. */
#define WSUV__MESSAGE_SLACK 256u

/* Room for `len` octets, and for as many of the `remaining` ones behind them as have arrived already. WSUV_ENOMEM. */
int wsuv__message_make_room(struct wsuv__message *message, const wsuv_allocator_t *a, size_t len,
                            uint64_t remaining);

/* Keeps octets that were validated; `remaining` of the same frame are still to come. They may lie in place already, behind
 * those that are kept: in the buffer, since another block may begin right where it is full. WSUV_ENOMEM. */
int wsuv__message_keep(struct wsuv__message *message, const wsuv_allocator_t *a,
                       const uint8_t *data, size_t len, uint64_t remaining);

/* All octets were seen: WSUV_EENCODING if text stops inside a character. */
int wsuv__message_finish(const struct wsuv__message *message);

#endif
