/* Which waiting entry has a key: a hash table, made at the first one. */
#ifndef WSUV_PROTO_KEY_INDEX_H
#define WSUV_PROTO_KEY_INDEX_H

#include "base/alloc.h"

struct wsuv__outbox_entry;
struct wsuv__key_index;

/* Makes sure that one more fits; makes the index where *index is NULL. WSUV_ENOMEM. */
int wsuv__key_index_reserve(struct wsuv__key_index **index, const wsuv_allocator_t *a);

/* The entry of that key, or NULL; `index` may be NULL. */
struct wsuv__outbox_entry *wsuv__key_index_find(const struct wsuv__key_index *index, uint64_t key);

/* In place of the one of its key, or as one more: then room was reserved. */
void wsuv__key_index_put(struct wsuv__key_index *index, struct wsuv__outbox_entry *entry);

/* Forgets the entry; when it was the last one the index is freed and *index is NULL. */
void wsuv__key_index_remove(struct wsuv__key_index **index, const wsuv_allocator_t *a,
                            const struct wsuv__outbox_entry *entry);

#endif
