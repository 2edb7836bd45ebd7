#include "proto/shared_frame.h"

#include <string.h>

#include "proto/frame.h"

struct wsuv__shared_frame *wsuv__shared_frame_new(const wsuv_allocator_t *a, uint8_t opcode,
                                                  uint8_t rsv, const void *payload, size_t len) {
  wsuv_frame_header_t header = {.opcode = opcode, .rsv = rsv, .fin = 1, .payload_len = len};
  size_t header_len = wsuv__frame_header_len(&header);
  struct wsuv__shared_frame *frame;

  if (len > SIZE_MAX - sizeof *frame - header_len)
    return NULL;
  frame = wsuv__alloc(a, sizeof *frame + header_len + len);
  if (frame == NULL)
    return NULL;
  frame->allocator = *a;
  frame->nowners = 1;
  frame->len = header_len + len;
  frame->opcode = opcode;
  frame->rsv = rsv;
  frame->header_len = (uint8_t)header_len;
  (void)wsuv__frame_put_header(frame->octets, &header);
  if (len > 0)
    memcpy(frame->octets + header_len, payload, len);
  return frame;
}

void wsuv__shared_frame_release(struct wsuv__shared_frame *frame) {
  wsuv_allocator_t a = frame->allocator;

  if (--frame->nowners == 0)
    wsuv__release(&a, frame);
}
