/* The engine of messages (proto/message.h) for programs that have no endpoint. */
#include <string.h>

#include "base/alloc.h"
#include "base/option.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "wsuv/message.h"

#define DEFAULT_MAX_MESSAGE_SIZE (16u * 1024 * 1024)

struct wsuv_assembler {
  const wsuv_allocator_t *allocator;
  uint64_t max_message_size;
  uint64_t max_fragments;
  uint64_t nfragments;        /* frames of the message so far */
  wsuv_frame_header_t header; /* of the frame that slices are being taken of */
  uint64_t remaining;         /* of its payload */
  struct wsuv__message message;
  int error;
  uint8_t pieces;
  uint8_t midframe;
  uint8_t
      handed_on; /* what is in the message's buffer was returned, and is the caller's until the next call */
  uint8_t control_len;
  uint8_t control[WSUV_CONTROL_PAYLOAD_MAX];
};

static int take_options(struct wsuv_assembler *a, const wsuv_assembler_options_t *o) {
  uint64_t preset = o->pieces ? (uint64_t)INT64_MAX : DEFAULT_MAX_MESSAGE_SIZE;
  int err = wsuv__option_take(&a->max_message_size, o->max_message_size, preset, INT64_MAX);

  if (err == 0)
    err = wsuv__option_take(&a->max_fragments, o->max_fragments, UINT64_MAX, UINT64_MAX);
  a->allocator = wsuv__allocator_or_default(o->allocator);
  a->pieces = o->pieces != 0;
  return err;
}

int wsuv_assembler_new(wsuv_assembler_t **out, const wsuv_assembler_options_t *options) {
  static const wsuv_assembler_options_t defaults = WSUV_ASSEMBLER_OPTIONS_INIT;
  struct wsuv_assembler made;
  int err;

  *out = NULL;
  if (options == NULL)
    options = &defaults;
  if (options->size < sizeof *options)
    return WSUV_EINVAL;
  memset(&made, 0, sizeof made);
  wsuv__message_init(&made.message);
  err = take_options(&made, options);
  if (err != 0)
    return err;
  *out = wsuv__alloc(made.allocator, sizeof made);
  if (*out == NULL)
    return WSUV_ENOMEM;
  **out = made;
  return 0;
}

void wsuv_assembler_free(wsuv_assembler_t *assembler) {
  if (assembler == NULL)
    return;
  wsuv__message_reset(&assembler->message, assembler->allocator);
  wsuv__release(assembler->allocator, assembler);
}

/* Slices come from the program: they have to add up to frames, or the limits would count something else than what comes. */
static int follow_frame(struct wsuv_assembler *a, const wsuv_frame_header_t *header,
                        const wsuv_frame_slice_t *slice) {
  int err = 0;

  if (a->midframe != !slice->first || (slice->data == NULL && slice->len > 0))
    return WSUV_EINVAL;
  if (slice->first) {
    err = wsuv__frame_judge_header(header);
    if (err == 0 && (header->opcode & 8) != 0 && !header->fin)
      err = WSUV_ECONTROLFIN;
    a->header = *header;
    a->remaining = header->payload_len;
  }
  if (err == 0 && slice->len > a->remaining)
    err = WSUV_EINVAL;
  if (err != 0)
    return err;
  a->remaining -= slice->len;
  a->midframe = !slice->last;
  return !slice->last == (a->remaining > 0) ? 0 : WSUV_EINVAL;
}

static int hand_on(wsuv_message_piece_t *piece, const struct wsuv_assembler *a, int flags,
                   const uint8_t *data, size_t len) {
  piece->type = a->message.state;
  piece->rsv = a->message.rsv;
  piece->flags = flags;
  piece->data = data;
  piece->len = len;
  return 1;
}

static int take_control(struct wsuv_assembler *a, const wsuv_frame_slice_t *slice,
                        wsuv_message_piece_t *piece) {
  const uint8_t *payload = slice->data;
  size_t len = slice->len;

  if (!slice->first || !slice->last) {
    if (slice->first)
      a->control_len = 0;
    if (len > 0)
      memcpy(a->control + a->control_len, slice->data, len);
    a->control_len = (uint8_t)(a->control_len + len);
    payload = a->control;
    len = a->control_len;
  }
  if (!slice->last)
    return 0;
  hand_on(piece, a, WSUV_FIRST | WSUV_FINAL, payload, len);
  piece->type = a->header.opcode;
  piece->rsv = a->header.rsv;
  return 1;
}

static int begin_frame(struct wsuv_assembler *a) {
  int err = wsuv__message_begin_frame(&a->message, &a->header, UINT32_MAX);

  if (err != 0)
    return err;
  if (a->header.opcode != WSUV_CONTINUATION)
    a->nfragments = 0;
  if (a->nfragments == a->max_fragments)
    return WSUV_EMSGSIZE;
  a->nfragments++;
  return wsuv__message_grow(&a->message, a->header.payload_len, a->max_message_size);
}

static int take_piece(struct wsuv_assembler *a, const wsuv_frame_slice_t *slice, int is_final,
                      wsuv_message_piece_t *piece) {
  int flags = a->message.flags | (is_final ? WSUV_FINAL : 0);

  if (slice->len == 0 && !is_final)
    return 0;
  a->message.flags = 0;
  return hand_on(piece, a, flags, slice->data, slice->len);
}

/* A message that came together in one slice is handed on where it lies. */
static int take_whole(struct wsuv_assembler *a, const wsuv_frame_slice_t *slice, int is_final,
                      wsuv_message_piece_t *piece) {
  struct wsuv__message *message = &a->message;
  int flags = WSUV_FIRST | WSUV_FINAL;
  int err;

  if (is_final && message->buf.len == 0)
    return hand_on(piece, a, flags, slice->data, slice->len);
  err = wsuv__message_keep(message, a->allocator, slice->data, slice->len, a->remaining);
  if (err != 0 || !is_final)
    return err;
  a->handed_on = 1;
  return hand_on(piece, a, flags, message->buf.base, message->buf.len);
}

static int take_data(struct wsuv_assembler *a, const wsuv_frame_slice_t *slice,
                     wsuv_message_piece_t *piece) {
  int is_final = slice->last && a->header.fin;
  int rc = slice->first ? begin_frame(a) : 0;

  if (rc == 0)
    rc = wsuv__message_validate(&a->message, slice->data, slice->len);
  if (rc == 0 && is_final)
    rc = wsuv__message_finish(&a->message);
  if (rc != 0)
    return rc;
  rc = a->pieces ? take_piece(a, slice, is_final, piece) : take_whole(a, slice, is_final, piece);
  if (rc >= 0 && is_final)
    a->message.state = MESSAGE_NONE;
  return rc;
}

int wsuv_assembler_take(wsuv_assembler_t *assembler, const wsuv_frame_header_t *header,
                        const wsuv_frame_slice_t *slice, wsuv_message_piece_t *piece) {
  int rc;

  memset(piece, 0, sizeof *piece);
  if (assembler->error != 0)
    return assembler->error;
  if (assembler->handed_on) {
    wsuv__buf_free(&assembler->message.buf, assembler->allocator);
    assembler->handed_on = 0;
  }
  rc = follow_frame(assembler, header, slice);
  if (rc == 0)
    rc = (assembler->header.opcode & 8) != 0 ? take_control(assembler, slice, piece)
                                             : take_data(assembler, slice, piece);
  if (rc < 0) {
    assembler->error = rc;
    wsuv__message_reset(&assembler->message, assembler->allocator);
  }
  return rc;
}

int wsuv_assembler_is_midmessage(const wsuv_assembler_t *assembler) {
  return assembler->message.state != MESSAGE_NONE;
}
