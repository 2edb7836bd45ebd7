/* What a peer sends, from a short script: octets as they are, and frames of which most are valid. Steps of a script:
 *   0-63     so many octets and one more follow, which are sent as they are
 *   64-127   the end of an event; the lower six bits say what comes before the next one
 *   128-255  a frame: four bits its kind, three its length; an octet with its shape follows */
#ifndef WSUV_TESTS_PEER_SCRIPT_H
#define WSUV_TESTS_PEER_SCRIPT_H

#include <string.h>

#include "proto/frame.h"

enum { STREAM_MAX = 70000, EVENTS_MAX = 48, PATTERN_LEN = 61 };

struct script {
  const uint8_t *at;
  size_t left;
};

struct peer_event {
  size_t end;   /* of its octets in the stream */
  uint8_t move; /* what comes behind it */
};

struct peer_stream {
  uint8_t octets[STREAM_MAX];
  size_t len;
  struct peer_event events[EVENTS_MAX];
  size_t nevents;
};

enum peer_fault { NO_FAULT, FAULT_MASK, FAULT_LENGTH };

/* The first octet of a frame, and what is wrong with the others. */
static const struct peer_kind {
  uint8_t first;
  uint8_t fault;
} peer_kinds[16] = {{0x81, NO_FAULT},   {0x82, NO_FAULT},     {0x01, NO_FAULT}, {0x02, NO_FAULT},
                    {0x00, NO_FAULT},   {0x80, NO_FAULT},     {0x89, NO_FAULT}, {0x8A, NO_FAULT},
                    {0x88, NO_FAULT},   {0xC1, NO_FAULT},     {0x81, NO_FAULT}, {0x83, NO_FAULT},
                    {0x81, FAULT_MASK}, {0x82, FAULT_LENGTH}, {0x09, NO_FAULT}, {0x82, NO_FAULT}};

static uint8_t script_next(struct script *script) {
  if (script->left == 0)
    return 0;
  script->left--;
  return *script->at++;
}

static size_t peer_len(unsigned choice, uint8_t shape) {
  switch (choice) {
  case 0:
    return 0;
  case 1:
    return 2;
  case 2:
    return shape & 127;
  case 3:
    return 123 + shape % 8;
  case 4:
    return 60 + shape % 8;
  case 5:
    return 300 + 4 * (size_t)shape;
  case 6:
    return 16380 + 16 * (size_t)shape;
  default:
    return 65530 + shape % 8;
  }
}

/* Letters; by `shape` with two octets for the last one, half of a character at the end, or an octet that is none. */
static void peer_fill(uint8_t *payload, size_t len, uint8_t shape) {
  size_t i;

  for (i = 0; i < len && i < PATTERN_LEN; i++)
    payload[i] = (uint8_t)('a' + (i * 7 + shape) % 26);
  for (; i < len; i += PATTERN_LEN)
    memcpy(payload + i, payload, len - i < PATTERN_LEN ? len - i : PATTERN_LEN);
  if (len < 2)
    return;
  if ((shape & 0xE0) == 0x20)
    memcpy(payload + len - 2, "\xC3\xA9", 2);
  if ((shape & 0xF0) == 0xE0)
    payload[len - 1] = 0xC3;
  if ((shape & 0xF0) == 0xF0)
    payload[(shape & 15) * len / 16] = 0xFF;
}

static uint8_t *peer_header(uint8_t *p, const struct peer_kind *kind, size_t len, int is_masked) {
  size_t nlength = len < WSUV__LEN_16 ? 0 : len <= UINT16_MAX ? 2 : 8;

  if (nlength == 0 && kind->fault == FAULT_LENGTH)
    nlength = 2;
  *p++ = kind->first;
  *p = (uint8_t)(nlength == 0 ? len : nlength == 2 ? WSUV__LEN_16 : WSUV__LEN_64);
  if (is_masked)
    *p |= 0x80;
  p++;
  if (nlength == 2)
    wsuv__store_be16(p, (uint16_t)len);
  else if (nlength == 8)
    wsuv__store_be64(p, len);
  return p + nlength;
}

static void peer_frame(struct peer_stream *stream, uint8_t step, uint8_t shape, int is_masked) {
  const struct peer_kind *kind = &peer_kinds[(step >> 3) & 15];
  size_t len = peer_len(step & 7, shape);
  uint8_t *p = stream->octets + stream->len;
  uint8_t key[4] = {shape, 0x5A, (uint8_t)~shape, 0xC3};

  if (sizeof stream->octets - stream->len < len + WSUV_FRAME_HEADER_MAX)
    return;
  if (kind->fault == FAULT_MASK)
    is_masked = !is_masked;
  p = peer_header(p, kind, len, is_masked);
  if (is_masked) {
    memcpy(p, key, 4);
    p += 4;
  }
  peer_fill(p, len, shape);
  if (kind->first == 0x88 && len >= 2)
    wsuv__store_be16(p, (uint16_t)(999 + shape % 16));
  if (is_masked)
    wsuv_mask(p, p, len, key, 0);
  stream->len = (size_t)(p - stream->octets) + len;
}

static void peer_raw(struct peer_stream *stream, struct script *script, size_t len) {
  while (len-- > 0 && script->left > 0 && stream->len < sizeof stream->octets)
    stream->octets[stream->len++] = script_next(script);
}

static void peer_end_event(struct peer_stream *stream, uint8_t move) {
  struct peer_event *event = &stream->events[stream->nevents++];

  event->end = stream->len;
  event->move = move;
}

static void peer_play(struct peer_stream *stream, struct script *script, int is_masked) {
  stream->len = 0;
  stream->nevents = 0;
  while (script->left > 0 && stream->nevents + 1 < EVENTS_MAX) {
    uint8_t step = script_next(script);

    if (step < 64)
      peer_raw(stream, script, step + 1u);
    else if (step < 128)
      peer_end_event(stream, step & 63);
    else
      peer_frame(stream, step, script_next(script), is_masked);
  }
  peer_end_event(stream, 4);
}

#endif
