#include "proto/outbox_policy.h"

#include <assert.h>
#include <string.h>

#include "proto/key_index.h"
#include "proto/outbox_entry.h"

int wsuv__outbox_append_alone(struct wsuv__outbox *outbox, const wsuv_frame_header_t *header,
                              const void *payload, size_t len) {
  struct wsuv__outbox_frame frame;
  struct wsuv__outbox_entry *entry;
  int err = wsuv__outbox_prepare_frame(outbox, &frame, header, payload, len);

  if (err != 0)
    return err;
  entry = wsuv__outbox_entry_new(outbox->allocator, frame.head_len + len, 0);
  if (entry == NULL)
    return WSUV_ENOMEM;
  wsuv__outbox_put_frame(wsuv__outbox_entry_memory(entry), &frame);
  entry->len = frame.head_len + len;
  wsuv__outbox_entry_link(outbox, &outbox->entries, entry);
  outbox->queued += entry->len;
  return 0;
}

int wsuv__outbox_append_shared(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *request,
                               struct wsuv__shared_frame *frame) {
  struct wsuv__outbox_entry *entry = request;

  if (outbox->state != OUTBOX_OPEN)
    return WSUV_ESTATE;
  if (entry == NULL)
    entry = wsuv__alloc(outbox->allocator, sizeof *entry);
  if (entry == NULL)
    return WSUV_ENOMEM;
  memset(entry, 0, sizeof *entry);
  entry->memory = request != NULL ? OUTBOX_SHARED_BY_REQUEST : OUTBOX_SHARED;
  entry->shared = frame;
  wsuv__shared_frame_ref(frame);
  entry->data = frame->octets;
  entry->len = frame->len;
  wsuv__outbox_entry_link(outbox, &outbox->entries, entry);
  outbox->queued += entry->len;
  return 0;
}

int wsuv__outbox_append_shared_rest(struct wsuv__outbox *outbox, struct wsuv__shared_frame *frame,
                                    size_t off) {
  int err;

  assert(wsuv__outbox_is_idle(outbox) && off < frame->len);
  err = wsuv__outbox_append_shared(outbox, NULL, frame);
  if (err != 0) {
    outbox->state = OUTBOX_DEAD;
    return err;
  }
  wsuv__outbox_entry_of(outbox->entries.prev)->off = off;
  outbox->queued -= off;
  outbox->is_stuck = 1;
  return 0;
}

static struct wsuv__outbox_entry *last_entry(struct wsuv__outbox *outbox) {
  struct wsuv__outbox_entry *entry = wsuv__outbox_entry_of(outbox->entries.prev);

  assert(!wsuv__list_is_empty(&outbox->entries) && entry->off == 0);
  entry->cap = 0; /* nothing is appended to what may go */
  return entry;
}

void wsuv__outbox_keep_while_room(struct wsuv__outbox *outbox) {
  struct wsuv__outbox_entry *entry = last_entry(outbox);

  entry->keeping = KEEPING_WHILE_ROOM;
  wsuv__list_append(&outbox->droppables, &entry->of.droppable);
}

static void drop(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *entry) {
  outbox->queued -= wsuv__outbox_entry_total(entry);
  wsuv__outbox_entry_end(outbox, entry, WSUV_EDROPPED);
}

int wsuv__outbox_reserve_key(struct wsuv__outbox *outbox) {
  return wsuv__key_index_reserve(&outbox->keys, outbox->allocator);
}

int wsuv__outbox_keep_latest(struct wsuv__outbox *outbox, uint64_t key) {
  struct wsuv__outbox_entry *newest = last_entry(outbox);
  struct wsuv__outbox_entry *older = wsuv__key_index_find(outbox->keys, key);

  newest->of.key = key;
  newest->keeping = KEEPING_LATEST;
  wsuv__key_index_put(outbox->keys, newest);
  if (older == NULL)
    return 0;
  wsuv__list_remove(&newest->link);
  wsuv__list_insert_before(&older->link, &newest->link);
  older->keeping = KEEPING_ALWAYS; /* it is not in the index any more */
  drop(outbox, older);
  return 1;
}

int wsuv__outbox_drop_key(struct wsuv__outbox *outbox, uint64_t key) {
  struct wsuv__outbox_entry *entry = wsuv__key_index_find(outbox->keys, key);

  if (entry != NULL)
    drop(outbox, entry);
  return entry != NULL;
}

/* What ending one of `n` entries sets free; see wsuv__outbox_overhead. */
static size_t gain_of(const struct wsuv__outbox_entry *entry, size_t n) {
  return wsuv__outbox_entry_total(entry) + (n > 1 ? WSUV__OUTBOX_ENTRY_COST : 0);
}

size_t wsuv__outbox_key_octets(const struct wsuv__outbox *outbox, uint64_t key) {
  const struct wsuv__outbox_entry *entry = wsuv__key_index_find(outbox->keys, key);

  return entry != NULL ? gain_of(entry, outbox->nentries) : 0;
}

static struct wsuv__outbox_entry *droppable_of(struct wsuv__list *node) {
  return WSUV__LIST_ENTRY(node, struct wsuv__outbox_entry, of.droppable);
}

static int would_be_enough(const struct wsuv__outbox *outbox, size_t need) {
  struct wsuv__list *node = outbox->droppables.next;
  size_t n = outbox->nentries;

  for (; node != &outbox->droppables; node = node->next) {
    size_t gain = gain_of(droppable_of(node), n);
    if (gain >= need)
      return 1;
    need -= gain;
    n--;
  }
  return 0;
}

size_t wsuv__outbox_make_room(struct wsuv__outbox *outbox, size_t need) {
  size_t freed = 0;
  size_t ndropped = 0;

  if (!would_be_enough(outbox, need))
    return 0;
  while (freed < need) {
    struct wsuv__outbox_entry *oldest = droppable_of(outbox->droppables.next);
    freed += gain_of(oldest, outbox->nentries);
    drop(outbox, oldest);
    ndropped++;
  }
  return ndropped;
}
