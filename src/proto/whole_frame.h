/* The frame that makes up nearly all traffic, when it came whole: text or binary, no reserved bits, masked as the role wants,
 * up to 64 KiB. It is read in one go; any other frame, and every fault, is left to the states of proto/frame_parser.c. */
#ifndef WSUV_PROTO_WHOLE_FRAME_H
#define WSUV_PROTO_WHOLE_FRAME_H

#include "proto/frame.h"
#include "proto/mask.h"
#include "wsuv/frame_parser.h"

#define WSUV__UNMASK_SHORT 64u

struct wsuv__whole_frame {
  uint8_t *payload; /* masked as it came, behind its key */
  size_t len;
  uint8_t opcode;
  uint8_t fin;
};

/* 1: the `len` octets at `data` begin with such a frame. Nothing is changed. `key_len` is 4 where the role of `rules` wants
 * masks, else 0. */
static inline int wsuv__whole_frame_read(struct wsuv__whole_frame *frame,
                                         const struct wsuv__frame_rules *rules, size_t key_len,
                                         uint8_t *data, size_t len) {
  size_t head_len = 2 + key_len;
  size_t payload_len;

  if (len < head_len + 2)
    return 0;
  frame->opcode = data[0] & 0x7F; /* with RSV bits it is neither of the two */
  frame->fin = data[0] >> 7;
  if (frame->opcode != WSUV_TEXT && frame->opcode != WSUV_BINARY)
    return 0;
  payload_len = data[1] ^ (key_len << 5); /* the wrong bit makes it too large */
  if (payload_len >= WSUV__LEN_16) {
    if (payload_len != WSUV__LEN_16)
      return 0;
    payload_len = wsuv__load_be16(data + 2);
    head_len += 2;
    if (payload_len < WSUV__LEN_16)
      return 0;
  }
  frame->payload = data + head_len;
  frame->len = payload_len;
  return len - head_len >= payload_len && payload_len <= rules->max_payload_len;
}

/* Of a short payload the last word overlaps the one before, which spares the loops of wsuv_mask; it is loaded before that is
 * changed. */
static inline void wsuv__whole_frame_unmask(uint8_t *payload, size_t len) {
  uint32_t key;
  uint64_t word;
  uint64_t last;
  size_t i;

  if (len < 8 || len > WSUV__UNMASK_SHORT) {
    wsuv_mask(payload, payload, len, payload - WSUV__MASKING_KEY_LEN, 0);
    return;
  }
  key = wsuv__mask_key(payload - WSUV__MASKING_KEY_LEN);
  word = wsuv__mask_key_twice(key);
  last = wsuv__load_word(payload + len - 8);
  for (i = 0; i < len - 8; i += 8)
    wsuv__store_word(payload + i, wsuv__load_word(payload + i) ^ word);
  wsuv__store_word(payload + len - 8, last ^ wsuv__mask_key_twice(wsuv__mask_turn(key, len)));
}

#endif
