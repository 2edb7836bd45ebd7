/* One piece of the write queue: either a block of whole frames that may grow, or a single frame whose payload lies
 * elsewhere. */
#ifndef WSUV_PROTO_OUTBOX_ENTRY_H
#define WSUV_PROTO_OUTBOX_ENTRY_H

#include "proto/outbox.h"

/* A frame about to be queued. */
struct wsuv__outbox_frame {
  const wsuv_frame_header_t *header;
  const uint8_t *payload;
  size_t payload_len;
  size_t head_len;
};

/* WSUV_ESTATE if nothing may be queued any more, or the header's fault. */
int wsuv__outbox_prepare_frame(const struct wsuv__outbox *outbox, struct wsuv__outbox_frame *frame,
                               const wsuv_frame_header_t *header, const void *payload, size_t len);

/* Writes the frame, masked if its header says so. */
void wsuv__outbox_put_frame(uint8_t *dst, const struct wsuv__outbox_frame *frame);

/* Puts it into the cork, written out before if need be: 1. 0: it has to wait in an entry. WSUV_ENOMEM: dead. */
int wsuv__outbox_cork_frame(struct wsuv__outbox *outbox, const struct wsuv__outbox_frame *frame);

static inline struct wsuv__outbox_entry *wsuv__outbox_entry_of(struct wsuv__list *node) {
  return WSUV__LIST_ENTRY(node, struct wsuv__outbox_entry, link);
}

#define WSUV__OUTBOX_BLOCK   1024u  /* a lone frame that waits */
#define WSUV__OUTBOX_BACKLOG 16384u /* the peer is behind: more will follow */

/* An empty block with room for `need` octets, or for `cap` if that is more. NULL: no memory. */
struct wsuv__outbox_entry *wsuv__outbox_entry_new(const wsuv_allocator_t *a, size_t need,
                                                  size_t cap);

#define WSUV__OUTBOX_ENTRY_COST 128u /* octets of memory around an entry's own, generously */

/* What the queue costs beside its octets: tiny frames that wait one by one must not take much more memory than they seem to.
 * The first entry is free, so that a limit counts nothing but octets where they wait together. */
static inline size_t wsuv__outbox_overhead(const struct wsuv__outbox *outbox) {
  return outbox->nentries > 1 ? (outbox->nentries - 1u) * (size_t)WSUV__OUTBOX_ENTRY_COST : 0;
}

/* Queues the entry in front of `at`. */
void wsuv__outbox_entry_link(struct wsuv__outbox *outbox, struct wsuv__list *at,
                             struct wsuv__outbox_entry *entry);

/* Ends the entry: blocks are freed, requests are moved to `done` with `status`. */
void wsuv__outbox_entry_end(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *entry,
                            int status);

/* It begins to leave, or is handed out to: it does not go for another one any more. */
void wsuv__outbox_entry_fix(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *entry);

/* The data of a block of ours. */
uint8_t *wsuv__outbox_entry_memory(struct wsuv__outbox_entry *entry);

static inline size_t wsuv__outbox_entry_total(const struct wsuv__outbox_entry *entry) {
  return entry->header_len + entry->len;
}

static inline size_t wsuv__outbox_entry_remaining(const struct wsuv__outbox_entry *entry) {
  return wsuv__outbox_entry_total(entry) - entry->off;
}

/* The first place at or behind `at` octets of the entry where another frame may go in between. */
size_t wsuv__outbox_entry_boundary(const struct wsuv__outbox_entry *entry, size_t at);

/* The octets not yet written, as one or two spans. */
size_t wsuv__outbox_entry_spans(const struct wsuv__outbox_entry *entry, wsuv_span_t *spans);

#endif
