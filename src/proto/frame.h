/* What the frame codec, the frame parser and the outbox share about the length field (RFC 6455 5.2). */
#ifndef WSUV_PROTO_FRAME_H
#define WSUV_PROTO_FRAME_H

#include <string.h>

#include "base/bytes.h"
#include "wsuv/frame.h"

#define WSUV__LEN_16          126 /* the 7-bit length that says: 2 octets of length follow */
#define WSUV__LEN_64          127 /* 8 octets follow */
#define WSUV__MASKING_KEY_LEN 4

/* Octets of extended length that follow a 7-bit length: 0, 2 or 8. */
static inline size_t wsuv__frame_length_octets(uint8_t len7) {
  return len7 < WSUV__LEN_16 ? 0 : len7 == WSUV__LEN_16 ? 2 : 8;
}

static inline size_t wsuv__frame_header_len(const wsuv_frame_header_t *header) {
  size_t len = header->masked ? 6 : 2;
  if (header->payload_len >= WSUV__LEN_16)
    len += header->payload_len <= UINT16_MAX ? 2 : 8;
  return len;
}

/* Writes a header that is known to be right, in its shortest form; returns the place behind it. A control frame is always
 * final (RFC 6455 5.5). */
static inline uint8_t *wsuv__frame_put_header(uint8_t *p, const wsuv_frame_header_t *header) {
  uint8_t mask_bit = header->masked ? 0x80 : 0;
  uint64_t len = header->payload_len;

  *p++ = (uint8_t)((header->fin || (header->opcode & 8) != 0 ? 0x80 : 0) | (header->rsv << 4) |
                   header->opcode);
  if (len < WSUV__LEN_16) {
    *p++ = (uint8_t)(mask_bit | len);
  } else if (len <= UINT16_MAX) {
    *p++ = (uint8_t)(mask_bit | WSUV__LEN_16);
    wsuv__store_be16(p, (uint16_t)len);
    p += 2;
  } else {
    *p++ = (uint8_t)(mask_bit | WSUV__LEN_64);
    wsuv__store_be64(p, len);
    p += 8;
  }
  if (header->masked) {
    memcpy(p, header->masking_key, 4);
    p += 4;
  }
  return p;
}

/* What makes a header wrong: WSUV_EINVAL, WSUV_ECONTROLSIZE. */
static inline int wsuv__frame_judge_header(const wsuv_frame_header_t *header) {
  if (header->opcode > 15 || header->rsv > 7 || header->payload_len > INT64_MAX)
    return WSUV_EINVAL;
  return (header->opcode & 8) != 0 && header->payload_len > WSUV_CONTROL_PAYLOAD_MAX
             ? WSUV_ECONTROLSIZE
             : 0;
}

/* The payload length; WSUV_ELENGTH for a form that is not the shortest, or with its top bit set (RFC 6455 5.2). */
static inline int wsuv__frame_read_length(const uint8_t *octets, uint8_t len7, uint64_t *len) {
  *len = len7;
  if (len7 < WSUV__LEN_16)
    return 0;
  if (len7 == WSUV__LEN_16) {
    *len = wsuv__load_be16(octets);
    return *len < WSUV__LEN_16 ? WSUV_ELENGTH : 0;
  }
  *len = wsuv__load_be64(octets);
  return *len <= UINT16_MAX || *len > INT64_MAX ? WSUV_ELENGTH : 0;
}

/* Octets of the whole frame that starts at `data`; only for frames that this library wrote itself. */
size_t wsuv__frame_total_len(const uint8_t *data);

#endif
