/* Frames whose payload stays where it is: the user's requests. */
#ifndef WSUV_PROTO_OUTBOX_REQUEST_H
#define WSUV_PROTO_OUTBOX_REQUEST_H

#include "proto/outbox.h"

/* One whole frame whose payload stays where it is; `entry` goes to `done` when it was written or cancelled. */
int wsuv__outbox_append_request(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *entry,
                                const wsuv_frame_header_t *header, const void *payload, size_t len);

/* The same for a payload that is the outbox's from here on, also after an error: memory of its allocator's. */
int wsuv__outbox_append_owned(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *entry,
                              const wsuv_frame_header_t *header, uint8_t *payload, size_t len);

#endif
