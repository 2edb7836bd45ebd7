/* Messages in the write queue that may go before they have left: each in an entry of its own, until it begins to leave. */
#ifndef WSUV_PROTO_OUTBOX_POLICY_H
#define WSUV_PROTO_OUTBOX_POLICY_H

#include "proto/outbox.h"
#include "proto/shared_frame.h"

/* A frame that is copied into an entry of its own, which is the last then. WSUV_ESTATE, WSUV_ENOMEM. */
int wsuv__outbox_append_alone(struct wsuv__outbox *outbox, const wsuv_frame_header_t *header,
                              const void *payload, size_t len);

/* One more owner of a shared frame, in an entry of ours or, if that is not NULL, the user's `request`. WSUV_ESTATE,
 * WSUV_ENOMEM. */
int wsuv__outbox_append_shared(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *request,
                               struct wsuv__shared_frame *frame);

/* The same of a frame whose first `off` octets the writer has taken already: nothing waits. WSUV_ENOMEM: dead. */
int wsuv__outbox_append_shared_rest(struct wsuv__outbox *outbox, struct wsuv__shared_frame *frame,
                                    size_t off);

/* The last entry may be dropped for want of room. */
void wsuv__outbox_keep_while_room(struct wsuv__outbox *outbox);

/* The last entry is the newest of `key`, for which room was reserved: it takes the place of the one that waits.
 * Non-zero if there was one, which ended with WSUV_EDROPPED. */
int wsuv__outbox_keep_latest(struct wsuv__outbox *outbox, uint64_t key);

/* Drops the one of `key` that waits, with WSUV_EDROPPED. Non-zero if there was one. */
int wsuv__outbox_drop_key(struct wsuv__outbox *outbox, uint64_t key);

/* WSUV_ENOMEM. */
int wsuv__outbox_reserve_key(struct wsuv__outbox *outbox);

/* Octets that one more of that key would set free. */
size_t wsuv__outbox_key_octets(const struct wsuv__outbox *outbox, uint64_t key);

/* Drops the oldest that may go, with WSUV_EDROPPED, until `need` octets are free; none if they are not enough. How many. */
size_t wsuv__outbox_make_room(struct wsuv__outbox *outbox, size_t need);

#endif
