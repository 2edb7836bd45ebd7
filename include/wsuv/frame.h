/* Frames (RFC 6455 5.2) as values: codec of headers and whole frames, masking, Close payloads, UTF-8. No allocation, no
 * state beyond what the caller holds, any thread. Frames out of a byte stream: wsuv/frame_parser.h. Messages out of
 * frames and back: wsuv/message.h.
 */
#ifndef WSUV_FRAME_H
#define WSUV_FRAME_H

#include "wsuv/errno.h"
#include "wsuv/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WSUV_FRAME_HEADER_MAX    14  /* 2 + 8 octets of length + 4 of masking key */
#define WSUV_CONTROL_PAYLOAD_MAX 125 /* RFC 6455 5.5 */
#define WSUV_CLOSE_REASON_MAX    123 /* the two octets of the code taken off */

/* A frame's header. `rsv` is one number 0-7: RSV1 is the 4, RSV2 the 2, RSV3 the 1. */
typedef struct wsuv_frame_header {
  uint64_t payload_len;
  uint8_t opcode; /* 0-15 */
  uint8_t rsv;    /* 0-7 */
  uint8_t fin;    /* 0 or 1 */
  uint8_t masked; /* 0 or 1 */
  uint8_t masking_key[4];
} wsuv_frame_header_t;

/* Writes the header in its shortest form; returns its length, 2 to WSUV_FRAME_HEADER_MAX, or:
 * WSUV_EINVAL (opcode or rsv out of range, length over 2^63-1), WSUV_ECONTROLSIZE (control payload over 125). A control
 * frame is written as final whatever `fin` says (RFC 6455 5.5). */
WSUV_EXTERN int wsuv_frame_header_encode(const wsuv_frame_header_t *header,
                                         uint8_t out[WSUV_FRAME_HEADER_MAX]);

/* Reads a header from the start of `data`: returns its length, or 0 when more octets are needed, or WSUV_ELENGTH,
 * WSUV_ECONTROLSIZE, WSUV_ECONTROLFIN. Reserved bits, opcode and masking are reported, not judged: that needs to know
 * the role and what was negotiated. */
WSUV_EXTERN int wsuv_frame_header_decode(wsuv_frame_header_t *header, const uint8_t *data,
                                         size_t len);

/* A frame: header.payload_len octets at `payload`, not masked, borrowed. Masking is done where it is encoded. */
typedef struct wsuv_frame {
  wsuv_frame_header_t header;
  const uint8_t *payload;
} wsuv_frame_t;

/* One final, whole frame of a kind and role: opcode 0-15, reserved bits 0, and for a client a masking key drawn from `random`
 * (fills `buf`, 0 or a negative error; not needed by a server). The payload is borrowed and not judged, neither text nor
 * that of a Close. WSUV_EINVAL (also a client without `random`, a payload without its octets), WSUV_ECONTROLSIZE,
 * WSUV_ERANDOM. Reserved bits may be set on the result before it is encoded. */
WSUV_EXTERN int wsuv_frame_create(wsuv_frame_t *frame, wsuv_role_t role,
                                  int (*random)(void *arg, void *buf, size_t len), void *random_arg,
                                  int opcode, const void *payload, size_t len);

/* Writes the whole frame, masked if its header says so, into `out` of `size` octets; the payload stays as it is, and must
 * not overlap `out`. 0 and *len octets; WSUV_ENOBUFS: *len are needed, nothing was written (`out` may be NULL to ask).
 * WSUV_EINVAL, WSUV_ECONTROLSIZE: as wsuv_frame_header_encode; *len is 0. */
WSUV_EXTERN int wsuv_frame_encode(const wsuv_frame_t *frame, uint8_t *out, size_t size,
                                  size_t *len);

/* The frame without copying its payload: the header is written to `head`, and `spans` name the two pieces for the wire.
 * Of a masked frame the payload has to be masked already (wsuv_mask). Returns the number of spans, 1 or 2, or an error as
 * encode. */
WSUV_EXTERN int wsuv_frame_spans(const wsuv_frame_t *frame, uint8_t head[WSUV_FRAME_HEADER_MAX],
                                 wsuv_span_t spans[2]);

/* XORs `len` octets with the key (RFC 6455 5.3), starting at octet `offset` of the payload; in place when `dst` equals
 * `src`, otherwise the two must not overlap. Masking twice restores. */
WSUV_EXTERN void wsuv_mask(uint8_t *dst, const uint8_t *src, size_t len,
                           const uint8_t masking_key[4], uint64_t offset);

/* The payload of a Close frame: returns its length (0, or 2 + reason_len) or WSUV_EINVAL (a code that cannot be sent, a
 * reason without a code, a reason over 123 octets or not UTF-8). `code` 0 means none. */
WSUV_EXTERN int wsuv_close_payload_encode(int code, const char *reason, size_t reason_len,
                                          uint8_t out[WSUV_CONTROL_PAYLOAD_MAX]);

/* Reads it: 0, and *code is 0 for an empty payload; `reason` points into `payload`. WSUV_ECLOSEPAYLOAD,
 * WSUV_ECLOSECODE, WSUV_EENCODING. */
WSUV_EXTERN int wsuv_close_payload_decode(const uint8_t *payload, size_t len, int *code,
                                          wsuv_span_t *reason);

/* Where UTF-8 stands that comes in pieces: all zero at first. Its members are private. */
typedef struct wsuv__utf8 {
  uint8_t missing; /* continuation octets still to come */
  uint8_t low;     /* range of the next one */
  uint8_t high;
} wsuv_utf8_t;

/* Non-zero while everything fed so far can be the start of valid UTF-8: 0 at the first octet that is wrong. */
WSUV_EXTERN int wsuv_utf8_feed(wsuv_utf8_t *utf8, const void *data, size_t len);

/* Non-zero if what was fed does not stop inside a character. */
WSUV_EXTERN int wsuv_utf8_is_complete(const wsuv_utf8_t *utf8);

/* Non-zero if the octets are valid UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
WSUV_EXTERN int wsuv_utf8_is_valid(const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif
