/* A message as a view of frames in memory (RFC 6455 5.4). */
#include <string.h>

#include "proto/frame.h"
#include "wsuv/message.h"

static int is_control(const wsuv_frame_t *frame) {
  return (frame->header.opcode & 8) != 0;
}

static int judge_place(const wsuv_frame_t *frame, size_t i, size_t nframes) {
  int is_continuation = frame->header.opcode == WSUV_CONTINUATION;

  if (is_control(frame) && nframes > 1)
    return WSUV_EINVAL;
  if (i == 0 && is_continuation)
    return WSUV_ECONTINUATION;
  if (i > 0 && !is_continuation)
    return WSUV_EINTERLEAVED;
  if (frame->header.fin)
    return i + 1 < nframes ? WSUV_EINVAL : 0;
  if (i + 1 < nframes)
    return 0;
  return is_control(frame) ? WSUV_ECONTROLFIN : WSUV_EUNFINISHED;
}

int wsuv_message_init(wsuv_message_t *message, const wsuv_frame_t *frames, size_t nframes) {
  uint64_t total = 0;
  size_t i;

  memset(message, 0, sizeof *message);
  if (frames == NULL || nframes == 0)
    return WSUV_EINVAL;
  for (i = 0; i < nframes; i++) {
    const wsuv_frame_t *frame = &frames[i];
    int err = wsuv__frame_judge_header(&frame->header);
    if (err == 0 && frame->payload == NULL && frame->header.payload_len > 0)
      err = WSUV_EINVAL;
    if (err == 0)
      err = judge_place(frame, i, nframes);
    if (err == 0 && frame->header.payload_len > (uint64_t)INT64_MAX - total)
      err = WSUV_EMSGSIZE;
    if (err != 0)
      return err;
    total += frame->header.payload_len;
  }
  message->frames = frames;
  message->nframes = nframes;
  message->payload_len = total;
  return 0;
}

int wsuv_message_type(const wsuv_message_t *message) {
  return message->frames[0].header.opcode;
}

int wsuv_message_copy_payload(const wsuv_message_t *message, uint8_t *out, size_t size) {
  size_t i;

  if (message->payload_len > size)
    return WSUV_ENOBUFS;
  for (i = 0; i < message->nframes; i++) {
    size_t len = (size_t)message->frames[i].header.payload_len;
    if (len > 0) {
      memcpy(out, message->frames[i].payload, len);
      out += len;
    }
  }
  return 0;
}

int wsuv_message_encode(const wsuv_message_t *message, uint8_t *out, size_t size, size_t *len) {
  size_t at = 0;
  size_t i;

  *len = 0;
  for (i = 0; i < message->nframes; i++) {
    uint64_t total =
        wsuv__frame_header_len(&message->frames[i].header) + message->frames[i].header.payload_len;
    if (total > SIZE_MAX - at)
      return WSUV_EINVAL;
    at += (size_t)total;
  }
  *len = at;
  if (at > size)
    return WSUV_ENOBUFS;
  for (i = 0, at = 0; i < message->nframes; i++) {
    size_t n;
    int err = wsuv_frame_encode(&message->frames[i], out + at, size - at, &n);
    if (err != 0) {
      *len = 0; /* the caller has changed a frame meanwhile */
      return err;
    }
    at += n;
  }
  return 0;
}
