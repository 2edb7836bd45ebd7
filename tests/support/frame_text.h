/* What a parser of frames gives out, as text: "1:Hello." for each frame, with a ~ before one that is not its message's last. */
#ifndef WSUV_TESTS_FRAME_TEXT_H
#define WSUV_TESTS_FRAME_TEXT_H

#include "wsuv/frame.h"

struct frame_text {
  char text[600];
  size_t len;
  int err; /* what the parser said last */
};

/* A slice of a frame's payload; `first` and `last` of it or not. */
void frame_text_add(struct frame_text *out, const wsuv_frame_header_t *header, int first, int last,
                    const void *data, size_t len);

#endif
