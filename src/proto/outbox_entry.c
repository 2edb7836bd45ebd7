#include "proto/outbox_entry.h"

#include <assert.h>
#include <string.h>

#include "proto/frame.h"
#include "proto/key_index.h"
#include "proto/shared_frame.h"

struct wsuv__outbox_entry *wsuv__outbox_entry_new(const wsuv_allocator_t *a, size_t need,
                                                  size_t cap) {
  struct wsuv__outbox_entry *entry;

  if (cap < need)
    cap = need;
  if (cap > SIZE_MAX - sizeof *entry)
    return NULL;
  entry = wsuv__alloc(a, sizeof *entry + cap);
  if (entry == NULL)
    return NULL;
  memset(entry, 0, sizeof *entry);
  wsuv__list_init(&entry->link);
  entry->memory = OUTBOX_INLINE;
  entry->data = wsuv__outbox_entry_memory(entry);
  entry->cap = cap;
  return entry;
}

void wsuv__outbox_entry_link(struct wsuv__outbox *outbox, struct wsuv__list *at,
                             struct wsuv__outbox_entry *entry) {
  wsuv__list_insert_before(at, &entry->link);
  outbox->nentries++;
}

void wsuv__outbox_entry_fix(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *entry) {
  if (entry->keeping == KEEPING_LATEST)
    wsuv__key_index_remove(&outbox->keys, outbox->allocator, entry);
  else if (entry->keeping == KEEPING_WHILE_ROOM)
    wsuv__list_remove(&entry->of.droppable);
  entry->keeping = KEEPING_ALWAYS;
}

void wsuv__outbox_entry_end(struct wsuv__outbox *outbox, struct wsuv__outbox_entry *entry,
                            int status) {
  wsuv__outbox_entry_fix(outbox, entry);
  wsuv__list_remove(&entry->link);
  outbox->nentries--;
  if (entry->is_heartbeat)
    outbox->nheartbeats--;
  if (entry->shared != NULL)
    wsuv__shared_frame_release(entry->shared);
  if (entry->memory == OUTBOX_INLINE || entry->memory == OUTBOX_SHARED) {
    wsuv__release(outbox->allocator, entry);
    return;
  }
  if (entry->memory == OUTBOX_COPIED)
    wsuv__release(outbox->allocator, (void *)(uintptr_t)entry->data);
  entry->status = status;
  wsuv__list_append(&outbox->done, &entry->link);
}

uint8_t *wsuv__outbox_entry_memory(struct wsuv__outbox_entry *entry) {
  assert(entry->memory == OUTBOX_INLINE);
  return (uint8_t *)(entry + 1);
}

/* A block is a row of frames from `boundary` on, and their headers tell where each ends; a frame with its payload elsewhere
 * has no boundary but its ends. */
size_t wsuv__outbox_entry_boundary(const struct wsuv__outbox_entry *entry, size_t at) {
  size_t boundary = entry->boundary;

  if (entry->header_len > 0)
    return at == 0 ? 0 : wsuv__outbox_entry_total(entry);
  while (boundary < at)
    boundary += wsuv__frame_total_len(entry->data + boundary);
  return boundary;
}

size_t wsuv__outbox_entry_spans(const struct wsuv__outbox_entry *entry, wsuv_span_t *spans) {
  size_t n = 0;
  size_t skip = entry->off;

  if (skip < entry->header_len) {
    spans[n].data = entry->header + skip;
    spans[n++].len = entry->header_len - skip;
    skip = 0;
  } else {
    skip -= entry->header_len;
  }
  if (skip < entry->len) {
    spans[n].data = entry->data + skip;
    spans[n++].len = entry->len - skip;
  }
  return n;
}
