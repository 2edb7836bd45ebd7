/* A whole frame as it goes over the wire, unmasked, made once for the queues of many. */
#ifndef WSUV_PROTO_SHARED_FRAME_H
#define WSUV_PROTO_SHARED_FRAME_H

#include "base/alloc.h"
#include "wsuv/frame.h"

struct wsuv__shared_frame {
  wsuv_allocator_t allocator; /* a copy: the last owner may be a queue of another's */
  size_t nowners;
  size_t len; /* octets, header included */
  uint8_t opcode;
  uint8_t rsv;
  uint8_t header_len;
  uint8_t octets[];
};

/* A final frame; `payload` is copied, the last time. One owner. NULL: no memory. */
struct wsuv__shared_frame *wsuv__shared_frame_new(const wsuv_allocator_t *a, uint8_t opcode,
                                                  uint8_t rsv, const void *payload, size_t len);

static inline void wsuv__shared_frame_ref(struct wsuv__shared_frame *frame) {
  frame->nowners++;
}

void wsuv__shared_frame_release(struct wsuv__shared_frame *frame);

static inline const uint8_t *wsuv__shared_frame_payload(const struct wsuv__shared_frame *frame) {
  return frame->octets + frame->header_len;
}

static inline size_t wsuv__shared_frame_payload_len(const struct wsuv__shared_frame *frame) {
  return frame->len - frame->header_len;
}

#endif
