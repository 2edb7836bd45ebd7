/* Frames out of a byte stream (RFC 6455 5.2), alone: no endpoint, no messages, nothing answered. The bytes may come in any
 * pieces.
 *
 *   wsuv_frame_parser_init(&parser, NULL);
 *   while ((rc = wsuv_frame_parser_next(&parser, &data, &len, &slice)) > 0)
 *     look at wsuv_frame_parser_header(&parser) and take the slice
 *   if (rc < 0) the stream broke the protocol
 *
 * Allocates nothing. A parser belongs to one thread at a time.
 */
#ifndef WSUV_FRAME_PARSER_H
#define WSUV_FRAME_PARSER_H

#include "wsuv/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a parser judges besides what is always wrong (WSUV_ELENGTH, WSUV_ECONTROLFIN, WSUV_ECONTROLSIZE). */
typedef struct wsuv_frame_parser_options {
  size_t size;            /* sizeof(wsuv_frame_parser_options_t) */
  wsuv_role_t role;       /* of the side that receives; 0: masking is reported, not judged */
  int64_t max_frame_size; /* octets of one frame's payload; 0 or WSUV_OFF: no limit */
  int rsv;                /* reserved bits that may be set, 0-7 as in wsuv_frame_header_t */
  unsigned opcodes;       /* opcodes of 3-7 and 11-15 that may come: bit n for opcode n */
} wsuv_frame_parser_options_t;

#define WSUV_FRAME_PARSER_OPTIONS_INIT(role) \
  { sizeof(wsuv_frame_parser_options_t), role, 0, 0, 0 }

/* A piece of a frame's payload, unmasked, in the memory that was given to next. */
typedef struct wsuv_frame_slice {
  uint8_t *data;
  size_t len;
  uint64_t offset; /* its place in the payload */
  int first;       /* non-zero: the header has just become known; len may be 0 */
  int last;        /* non-zero: the frame is complete */
} wsuv_frame_slice_t;

/* ---- private: here so that a program can hold a parser; may change ---- */

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

/* ---- public ---- */

typedef struct wsuv_frame_parser {
  struct wsuv__frame_parser state;
  struct wsuv__frame_rules rules;
} wsuv_frame_parser_t;

/* `options` NULL: reserved bits, opcodes and masking are reported and not judged. WSUV_EINVAL. Nothing has to be released;
 * init again starts anew. */
WSUV_EXTERN int wsuv_frame_parser_init(wsuv_frame_parser_t *parser,
                                       const wsuv_frame_parser_options_t *options);

/* Takes bytes off the front of *data, moves it and *len forward, and returns 1 when *slice is the next piece of a frame; 0
 * when the input is used up. A frame has at least one slice, empty for an empty frame; the first comes as soon as the header
 * is known. The payload is unmasked in place: what was consumed is overwritten.
 *
 * Negative: WSUV_ELENGTH, WSUV_ECONTROLFIN, WSUV_ECONTROLSIZE, WSUV_ERSV, WSUV_EOPCODE, WSUV_EMASKED, WSUV_EUNMASKED,
 * WSUV_EMSGSIZE. The header it choked on is wsuv_frame_parser_header; this and every later call returns the same. */
WSUV_EXTERN int wsuv_frame_parser_next(wsuv_frame_parser_t *parser, uint8_t **data, size_t *len,
                                       wsuv_frame_slice_t *slice);

/* The header of the frame that the last slice is of, or, after an error, of the frame that was refused: its payload_len is 0
 * if it was refused before that was known, and its masking key may be missing. It encodes to the octets that were received.
 * Belongs to the parser, and is valid until next is called again. */
WSUV_EXTERN const wsuv_frame_header_t *wsuv_frame_parser_header(const wsuv_frame_parser_t *parser);

/* At the end of the stream: 0 between two frames, else it was truncated: at least so many octets are missing to complete
 * the frame (all of them, once its length is known). 0 after an error. */
WSUV_EXTERN uint64_t wsuv_frame_parser_outstanding(const wsuv_frame_parser_t *parser);

/* 0, or the error that next returns. */
WSUV_EXTERN int wsuv_frame_parser_error(const wsuv_frame_parser_t *parser);

#ifdef __cplusplus
}
#endif

#endif
