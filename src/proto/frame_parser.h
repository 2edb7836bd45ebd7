/* Frames out of a byte stream, at any split: judges headers at once, unmasks payload where it lies and hands it on in
 * slices. Allocates nothing; stays failed once failed. */
#ifndef WSUV_PROTO_FRAME_PARSER_H
#define WSUV_PROTO_FRAME_PARSER_H

#include "wsuv/frame_parser.h"

enum wsuv__frame_state {
  FRAME_BASE_HEADER,     /* the two octets that every frame has */
  FRAME_EXTENDED_HEADER, /* longer length and masking key, as far as announced */
  FRAME_PAYLOAD_DATA,
  FRAME_FAILED /* absorbing */
};

/* Input still to be parsed; the parser moves it forward. */
struct wsuv__frame_input {
  uint8_t *data;
  size_t len;
};

struct wsuv__frame_slice {
  uint8_t *data; /* unmasked */
  size_t len;
  int first; /* the header has just become known; len may be 0 */
  int last;  /* the frame is complete */
};

void wsuv__frame_parser_init(struct wsuv__frame_parser *parser);

/* 1: *slice is the next piece of the frame in parser->header. 0: the input is used up. Negative: the protocol error, now
 * and at every later call. */
int wsuv__frame_parser_next(struct wsuv__frame_parser *parser,
                            const struct wsuv__frame_rules *rules, struct wsuv__frame_input *in,
                            struct wsuv__frame_slice *slice);

/* Non-zero in the middle of a frame: an end of the transport here is a truncation. */
static inline int wsuv__frame_parser_is_midframe(const struct wsuv__frame_parser *parser) {
  return parser->state != FRAME_FAILED &&
         (parser->state != FRAME_BASE_HEADER || parser->npartial > 0);
}

#endif
