/* Messages (RFC 6455 5.4) without an endpoint: out of received frames (assembler), into frames (streamer), and as a view of
 * frames in memory. Each belongs to one thread at a time.
 */
#ifndef WSUV_MESSAGE_H
#define WSUV_MESSAGE_H

#include "wsuv/frame_parser.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a message as a view of its frames ---- */

/* Borrowed frames that make up one message: the reserved bits of each are readable in its header. Read only, and to be used
 * only after init returned 0. */
typedef struct wsuv_message {
  const wsuv_frame_t *frames;
  size_t nframes;
  uint64_t payload_len; /* of all frames together */
} wsuv_message_t;

/* Checks the frames and fills in the view; nothing is copied. WSUV_EINVAL (none, one that cannot be encoded, one behind the
 * final one, more than one control frame), WSUV_ECONTINUATION (the first one continues), WSUV_EINTERLEAVED (a later one does
 * not), WSUV_EUNFINISHED (the last is not final), WSUV_ECONTROLFIN, WSUV_ECONTROLSIZE, WSUV_EMSGSIZE (2^63 octets or
 * more together). */
WSUV_EXTERN int wsuv_message_init(wsuv_message_t *message, const wsuv_frame_t *frames,
                                  size_t nframes);

/* The opcode of the first frame: what wsuv_opcode_name and wsuv_opcode_is_control want. */
WSUV_EXTERN int wsuv_message_type(const wsuv_message_t *message);

/* The payloads of all frames, joined and not masked, into `out` of `size` octets. 0, or WSUV_ENOBUFS and nothing was written:
 * message->payload_len are needed. */
WSUV_EXTERN int wsuv_message_copy_payload(const wsuv_message_t *message, uint8_t *out, size_t size);

/* All frames for the wire, as wsuv_frame_encode. */
WSUV_EXTERN int wsuv_message_encode(const wsuv_message_t *message, uint8_t *out, size_t size,
                                    size_t *len);

/* ---- received frames into messages ---- */

typedef struct wsuv_assembler wsuv_assembler_t;

/* 0 in a number means the default in brackets; WSUV_OFF none. */
typedef struct wsuv_assembler_options {
  size_t size;                       /* sizeof(wsuv_assembler_options_t) */
  const wsuv_allocator_t *allocator; /* NULL: malloc; the struct must outlive the assembler */
  int64_t max_message_size;          /* octets of a message [16 MiB; none in pieces] */
  int64_t max_fragments;             /* frames of a message [none] */
  /* Non-zero: data comes on piece by piece, and no memory is needed for a message of any length. Pieces are cut where the
   * slices were, text possibly inside a character. */
  int pieces;
} wsuv_assembler_options_t;

#define WSUV_ASSEMBLER_OPTIONS_INIT \
  { sizeof(wsuv_assembler_options_t), NULL, 0, 0, 0 }

/* What an assembler hands on: a whole message, a piece of one, or a whole control frame. */
typedef struct wsuv_message_piece {
  int type;  /* WSUV_TEXT, WSUV_BINARY, 3-7; 8-15 for a control frame */
  int rsv;   /* reserved bits of the first frame */
  int flags; /* WSUV_FIRST, WSUV_FINAL; both for what is whole */
  const uint8_t *
      data; /* valid until the next call with the assembler, and as long as the slice's memory is */
  size_t len; /* 0 only for an empty message, or at the end of one in pieces */
} wsuv_message_piece_t;

/* WSUV_EINVAL, WSUV_ENOMEM; then *out is NULL. `options` NULL: the defaults. */
WSUV_EXTERN int wsuv_assembler_new(wsuv_assembler_t **out, const wsuv_assembler_options_t *options);

/* NULL is allowed. */
WSUV_EXTERN void wsuv_assembler_free(wsuv_assembler_t *assembler);

/* Takes the next slice of a stream of frames, with its frame's header: as wsuv_frame_parser_next gives them, or what the
 * caller made of those (a header with a smaller payload_len, and slices that add up to it). Control frames may come between
 * the frames of a message; opcodes of 3-7 are data like binary. 1: *piece is something to look at. 0: not yet.
 *
 * Negative: WSUV_ECONTINUATION, WSUV_EINTERLEAVED, WSUV_EENCODING (text, at the first octet that is wrong), WSUV_EMSGSIZE
 * (size or number of fragments, as soon as a header announces it), WSUV_ECONTROLFIN, WSUV_ECONTROLSIZE, WSUV_EINVAL (slices
 * that make no frame), WSUV_ENOMEM. This and every later call returns the same, and what was assembled is gone. */
WSUV_EXTERN int wsuv_assembler_take(wsuv_assembler_t *assembler, const wsuv_frame_header_t *header,
                                    const wsuv_frame_slice_t *slice, wsuv_message_piece_t *piece);

/* Non-zero between a message's first frame and its end: the end of the stream here cuts it off. */
WSUV_EXTERN int wsuv_assembler_is_midmessage(const wsuv_assembler_t *assembler);

/* ---- a message into frames ---- */

/* Makes the frames of one message whose end need not be known at the start. Frames are returned, not sent: reserved bits may
 * be set on each before wsuv_frame_encode or wsuv_frame_spans. Allocates nothing. Its members are private. */
typedef struct wsuv_streamer {
  int (*random)(void *arg, void *buf, size_t len);
  void *random_arg;
  wsuv_utf8_t utf8;
  uint8_t role;
  uint8_t type;
  uint8_t state;
} wsuv_streamer_t;

/* `type` is WSUV_TEXT, WSUV_BINARY or 3-7; `random` as for wsuv_frame_create. WSUV_EINVAL. */
WSUV_EXTERN int wsuv_streamer_init(wsuv_streamer_t *streamer, wsuv_role_t role, int type,
                                   int (*random)(void *arg, void *buf, size_t len),
                                   void *random_arg);

/* The next frame, and the final one. The payload is borrowed, and may be empty. The first frame has the message's type,
 * every later one continues it; a client's has a masking key of its own. WSUV_ESTATE (behind the final frame, or the end),
 * WSUV_EENCODING (text, also when the final frame stops inside a character), WSUV_EINVAL, WSUV_ERANDOM: nothing has changed
 * then. */
WSUV_EXTERN int wsuv_streamer_chunk(wsuv_streamer_t *streamer, const void *payload, size_t len,
                                    wsuv_frame_t *frame);
WSUV_EXTERN int wsuv_streamer_final(wsuv_streamer_t *streamer, const void *payload, size_t len,
                                    wsuv_frame_t *frame);

/* Drops the streamer. 0 if the final frame was made, and when called again; WSUV_EUNFINISHED if it was not, even if no frame
 * was. Nothing can be made of it any more but by init. */
WSUV_EXTERN int wsuv_streamer_end(wsuv_streamer_t *streamer);

#ifdef __cplusplus
}
#endif

#endif
