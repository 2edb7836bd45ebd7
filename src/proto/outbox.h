/* The write queue of one connection: frames in order, control frames ahead of waiting data but never inside a frame.
 *
 * Bytes take the shortest way there is:
 *   1. while nothing waits, frames are appended to the cork, a buffer lent for the length of one event;
 *   2. large payloads and a full cork go to the writer at once, by reference;
 *   3. what the writer did not take, and everything behind it, is kept in entries on the heap.
 */
#ifndef WSUV_PROTO_OUTBOX_H
#define WSUV_PROTO_OUTBOX_H

#include "base/alloc.h"
#include "base/cork.h"
#include "proto/outbox_piece.h"

#define WSUV__OUTBOX_MAX_SPANS 32
/* Takes as many bytes as the transport accepts without waiting; returns their number. */
typedef size_t (*wsuv__outbox_write)(void *arg, const wsuv_span_t *spans, size_t nspans);

struct wsuv__key_index;

enum wsuv__outbox_state {
  OUTBOX_OPEN,
  OUTBOX_SEALED, /* a Close or a final HTTP answer is queued: nothing but Pongs may follow */
  OUTBOX_DEAD    /* bytes were lost in the middle of a frame, or everything was cancelled */
};

struct wsuv__outbox {
  struct wsuv__list entries;
  struct wsuv__list done;       /* requests to be completed by the owner */
  struct wsuv__list droppables; /* entries with KEEPING_WHILE_ROOM, which have not begun to leave */
  const wsuv_allocator_t *allocator;
  struct wsuv__cork *cork;
  wsuv__outbox_write write;
  void *write_arg;
  size_t queued; /* octets in entries */
  size_t window; /* of these, from the front: handed out and pinned */
  size_t held; /* octets that were taken, and not yet by the kernel: what its owner knows of TLS */
  struct wsuv__key_index *keys; /* of entries with KEEPING_LATEST; NULL: none */
  uint32_t nentries;
  uint8_t state;
  uint8_t nheartbeats; /* Pings of the heartbeat's that have not left */
  uint8_t has_moved;   /* octets that waited were taken; cleared by who looks at it */
  uint8_t is_stuck;    /* the writer left some of what it was offered last */
};

void wsuv__outbox_init(struct wsuv__outbox *outbox, const wsuv_allocator_t *a);

/* Without one everything waits in entries. */
void wsuv__outbox_set_writer(struct wsuv__outbox *outbox, wsuv__outbox_write write, void *arg);

/* One whole frame, payload copied (masked, if the header says so). WSUV_ENOMEM: nothing was queued, unless the outbox is
 * dead now. */
int wsuv__outbox_append(struct wsuv__outbox *outbox, const wsuv_frame_header_t *header,
                        const void *payload, size_t len);

/* A control frame: ahead of waiting data. A Pong that still waits is replaced by a newer one (RFC 6455 5.5.3). */
int wsuv__outbox_append_control(struct wsuv__outbox *outbox, const wsuv_frame_header_t *header,
                                const void *payload, size_t len);
/* The same for the heartbeat's Ping: never through the cork, so that its leaving can be told. */
int wsuv__outbox_append_heartbeat(struct wsuv__outbox *outbox, const wsuv_frame_header_t *header,
                                  const void *payload, size_t len);

/* Octets that are not frames: HTTP heads and bodies. */
int wsuv__outbox_append_raw(struct wsuv__outbox *outbox, const void *data, size_t len);

/* Drops data frames that have not begun to leave; their requests are cancelled. */
void wsuv__outbox_drop_waiting(struct wsuv__outbox *outbox);

/* Nothing may follow. */
void wsuv__outbox_seal(struct wsuv__outbox *outbox);

/* Lends the cork, takes it back. Uncork writes what was collected; what remains is kept. WSUV_ENOMEM: dead. */
void wsuv__outbox_lend_cork(struct wsuv__outbox *outbox, struct wsuv__cork *cork);
int wsuv__outbox_empty_cork(struct wsuv__outbox *outbox);
static inline int wsuv__outbox_return_cork(struct wsuv__outbox *outbox) {
  int err = outbox->cork->len > 0 || outbox->queued > 0 ? wsuv__outbox_empty_cork(outbox) : 0;

  outbox->cork = NULL;
  return err;
}

/* Offers cork and entries to the writer, once. WSUV_ENOMEM: dead. */
int wsuv__outbox_flush(struct wsuv__outbox *outbox);

/* The front of the queue as spans that stay in place until consumed; called again before that it answers the same. */
size_t wsuv__outbox_gather(struct wsuv__outbox *outbox, wsuv_span_t *spans, size_t nspans);
void wsuv__outbox_consume(struct wsuv__outbox *outbox, size_t written);

/* Cancels everything; nothing may be pinned. */
void wsuv__outbox_cancel(struct wsuv__outbox *outbox);

/* Nothing is queued or collected, and anything may be: octets may go past it. */
static inline int wsuv__outbox_is_idle(const struct wsuv__outbox *outbox) {
  return wsuv__list_is_empty(&outbox->entries) && outbox->cork == NULL && outbox->window == 0 &&
         outbox->state == OUTBOX_OPEN;
}

/* wsuv__outbox_flush, unless the writer left something the last time: it is asked again when it comes for that itself. */
static inline int wsuv__outbox_offer(struct wsuv__outbox *outbox) {
  return outbox->is_stuck ? 0 : wsuv__outbox_flush(outbox);
}

/* In entries and in the cork. */
static inline size_t wsuv__outbox_waiting(const struct wsuv__outbox *outbox) {
  return outbox->queued + (outbox->cork != NULL ? outbox->cork->len : 0);
}

#endif
