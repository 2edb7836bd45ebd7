/* What the frame codec, the frame parser and the outbox share about the length field (RFC 6455 5.2). */
#ifndef WSUV_PROTO_FRAME_H
#define WSUV_PROTO_FRAME_H

#include "wsuv/frame.h"

/* Octets of extended length that follow a 7-bit length: 0, 2 or 8. */
static inline size_t wsuv__frame_length_octets(uint8_t len7) {
  return len7 == 126 ? 2 : len7 == 127 ? 8 : 0;
}

/* The payload length; WSUV_ELENGTH for a form that is not the shortest, or with its top bit set. */
int wsuv__frame_read_length(const uint8_t *octets, uint8_t len7, uint64_t *len);

/* Octets of the whole frame that starts at `data`; only for frames that this library wrote itself. */
size_t wsuv__frame_total_len(const uint8_t *data);

#endif
