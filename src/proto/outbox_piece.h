/* What the write queue is made of: see proto/outbox_entry.h. */
#ifndef WSUV_PROTO_OUTBOX_PIECE_H
#define WSUV_PROTO_OUTBOX_PIECE_H

#include "base/list.h"
#include "wsuv/frame.h"

struct wsuv__shared_frame;

enum wsuv__outbox_memory {
  OUTBOX_INLINE,           /* entry and data are one block of ours */
  OUTBOX_BORROWED,         /* the entry is a request of the user's, and so is the data */
  OUTBOX_COPIED,           /* the entry is a request of the user's, the data a block of ours */
  OUTBOX_SHARED,           /* the entry is a block of ours, the data a shared frame */
  OUTBOX_SHARED_BY_REQUEST /* the entry is a request of the user's, the data a shared frame */
};

/* Whether a message that waits may go for another one's sake. */
enum wsuv__outbox_keeping {
  KEEPING_ALWAYS,
  KEEPING_WHILE_ROOM, /* dropped for newer ones where there is no room */
  KEEPING_LATEST      /* replaced by a newer one of its key */
};

struct wsuv__outbox_entry {
  struct wsuv__list link;
  const uint8_t *data;
  size_t len;      /* of data */
  size_t cap;      /* how far data may grow in place; 0: not at all */
  size_t off;      /* octets of header and data already written */
  size_t boundary; /* octets, header included, before the first place for another frame */
  struct wsuv__shared_frame *shared; /* NULL but for OUTBOX_SHARED and _SHARED_BY_REQUEST */
  union {
    uint64_t key; /* with KEEPING_LATEST */
    struct wsuv__list
        droppable; /* with KEEPING_WHILE_ROOM: in the outbox's list, which is in order */
  } of;
  int status; /* once done: 0 or WSUV_ECANCELED */
  uint8_t memory;
  uint8_t control;      /* the opcode, if this is one control frame; else 0 */
  uint8_t is_heartbeat; /* one of those that wsuv__outbox.nheartbeats counts */
  uint8_t header_len;
  uint8_t header[WSUV_FRAME_HEADER_MAX];
  uint8_t keeping; /* enum wsuv__outbox_keeping */
};

#endif
