/* Frames out of a byte stream, at any split: judges headers at once, unmasks payload where it lies and hands it on in
 * slices. Allocates nothing; stays failed once failed. */
#ifndef WSUV_PROTO_FRAME_PARSER_H
#define WSUV_PROTO_FRAME_PARSER_H

#include <stddef.h>
#include <stdint.h>

#include "wsuv/frame.h"

#define WSUV__CUSTOM_OPCODES 0xF8F8u /* bits of 3-7 and 11-15 (RFC 6455 5.2) */

/* What may come, fixed by role and negotiation. */
struct wsuv__frame_rules {
  uint64_t max_payload_len; /* over it: WSUV_EMSGSIZE */
  uint8_t role;             /* of this side */
  uint8_t lenient_masking;
  /* Reserved bits that extensions or the application claimed, as in wsuv_frame_header_t.rsv: */
  uint8_t rsv_message; /* on a message's first frame */
  uint8_t rsv_data;    /* on any data frame */
  uint8_t rsv_control;
  uint16_t opcodes; /* claimed ones of 3-7 and 11-15: bit n for opcode n */
};

enum wsuv__frame_state {
  FRAME_BASE_HEADER,     /* the two octets that every frame has */
  FRAME_EXTENDED_HEADER, /* longer length and masking key, as far as announced */
  FRAME_PAYLOAD_DATA,
  FRAME_FAILED /* absorbing */
};

struct wsuv__frame_parser {
  /* Of the frame being read; valid from the first slice on, its masking key only while payload is to come. */
  wsuv_frame_header_t header;
  uint64_t remaining; /* payload octets still to come */
  int error;
  uint8_t state;
  uint8_t len7;  /* the 7-bit length */
  uint8_t begun; /* the frame's first slice was handed on */
  uint8_t npartial;
  uint8_t partial[12]; /* header octets that a split left over */
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
int wsuv__frame_parser_is_midframe(const struct wsuv__frame_parser *parser);

#endif
