/* Whole frames: made for a role, and written. */
#include "proto/frame.h"

int wsuv_frame_create(wsuv_frame_t *frame, wsuv_role_t role,
                      int (*random)(void *arg, void *buf, size_t len), void *random_arg, int opcode,
                      const void *payload, size_t len) {
  wsuv_frame_header_t *header = &frame->header;
  int err;

  memset(frame, 0, sizeof *frame);
  if ((role != WSUV_SERVER && role != WSUV_CLIENT) || (role == WSUV_CLIENT && random == NULL))
    return WSUV_EINVAL;
  if (opcode < 0 || opcode > 15 || (payload == NULL && len > 0))
    return WSUV_EINVAL;
  header->opcode = (uint8_t)opcode;
  header->fin = 1;
  header->payload_len = len;
  err = wsuv__frame_judge_header(header);
  if (err != 0)
    return err;
  frame->payload = payload;
  if (role != WSUV_CLIENT)
    return 0;
  header->masked = 1;
  return random(random_arg, header->masking_key, sizeof header->masking_key) == 0 ? 0
                                                                                  : WSUV_ERANDOM;
}

/* The payload in memory: WSUV_EINVAL for a length that no memory has. */
static int judge_frame(const wsuv_frame_t *frame) {
  const wsuv_frame_header_t *header = &frame->header;

  if (header->payload_len > SIZE_MAX - WSUV_FRAME_HEADER_MAX ||
      (frame->payload == NULL && header->payload_len > 0))
    return WSUV_EINVAL;
  return wsuv__frame_judge_header(header);
}

int wsuv_frame_encode(const wsuv_frame_t *frame, uint8_t *out, size_t size, size_t *len) {
  size_t payload_len = (size_t)frame->header.payload_len;
  int err = judge_frame(frame);

  *len = 0;
  if (err != 0)
    return err;
  *len = wsuv__frame_header_len(&frame->header) + payload_len;
  if (*len > size)
    return WSUV_ENOBUFS;
  out = wsuv__frame_put_header(out, &frame->header);
  if (frame->header.masked)
    wsuv_mask(out, frame->payload, payload_len, frame->header.masking_key, 0);
  else if (payload_len > 0)
    memcpy(out, frame->payload, payload_len);
  return 0;
}

int wsuv_frame_spans(const wsuv_frame_t *frame, uint8_t head[WSUV_FRAME_HEADER_MAX],
                     wsuv_span_t spans[2]) {
  int err = judge_frame(frame);

  if (err != 0)
    return err;
  spans[0].data = head;
  spans[0].len = (size_t)(wsuv__frame_put_header(head, &frame->header) - head);
  spans[1].data = frame->payload;
  spans[1].len = (size_t)frame->header.payload_len;
  return spans[1].len > 0 ? 2 : 1;
}
