#include "proto/key_index.h"

#include <assert.h>
#include <string.h>

#include "proto/outbox.h"

#define MIN_SLOTS 16u

/* Open addressing, linear probing, at most half full. */
struct wsuv__key_index {
  size_t nslots; /* a power of two */
  size_t nentries;
  struct wsuv__outbox_entry *slots[];
};

/* The finalizer of splitmix64. The address makes it another function for each index: keys that collide in one, by whoever chose
 * them, do not in the next. */
static size_t home_of(const struct wsuv__key_index *index, uint64_t key) {
  uint64_t x = key + (uint64_t)(uintptr_t)index;

  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return (size_t)(x ^ (x >> 31)) & (index->nslots - 1);
}

static struct wsuv__key_index *new_index(const wsuv_allocator_t *a, size_t nslots) {
  struct wsuv__key_index *index;

  if (nslots > (SIZE_MAX - sizeof *index) / sizeof(struct wsuv__outbox_entry *))
    return NULL;
  index = wsuv__alloc_zeroed(a, sizeof *index + nslots * sizeof(struct wsuv__outbox_entry *));
  if (index != NULL)
    index->nslots = nslots;
  return index;
}

/* The slot of the key, or the empty one where its row ends. */
static size_t slot_of(const struct wsuv__key_index *index, uint64_t key) {
  size_t at = home_of(index, key);

  while (index->slots[at] != NULL && index->slots[at]->of.key != key)
    at = (at + 1) & (index->nslots - 1);
  return at;
}

void wsuv__key_index_put(struct wsuv__key_index *index, struct wsuv__outbox_entry *entry) {
  size_t at = slot_of(index, entry->of.key);

  if (index->slots[at] == NULL)
    index->nentries++;
  assert(index->nentries <= index->nslots / 2);
  index->slots[at] = entry;
}

int wsuv__key_index_reserve(struct wsuv__key_index **index, const wsuv_allocator_t *a) {
  struct wsuv__key_index *old = *index;
  struct wsuv__key_index *larger;
  size_t i;

  if (old != NULL && old->nentries + 1 <= old->nslots / 2)
    return 0;
  larger = new_index(a, old != NULL ? old->nslots * 2 : MIN_SLOTS);
  if (larger == NULL)
    return WSUV_ENOMEM;
  for (i = 0; old != NULL && i < old->nslots; i++)
    if (old->slots[i] != NULL)
      wsuv__key_index_put(larger, old->slots[i]);
  wsuv__release(a, old);
  *index = larger;
  return 0;
}

struct wsuv__outbox_entry *wsuv__key_index_find(const struct wsuv__key_index *index, uint64_t key) {
  return index != NULL ? index->slots[slot_of(index, key)] : NULL;
}

/* Entries behind the gap that would not be found across it move up. */
static void close_gap(struct wsuv__key_index *index, size_t gap) {
  size_t mask = index->nslots - 1;
  size_t at = gap;

  for (;;) {
    size_t home;
    at = (at + 1) & mask;
    if (index->slots[at] == NULL)
      break;
    home = home_of(index, index->slots[at]->of.key);
    if (((at - home) & mask) < ((at - gap) & mask))
      continue;
    index->slots[gap] = index->slots[at];
    gap = at;
  }
  index->slots[gap] = NULL;
}

void wsuv__key_index_remove(struct wsuv__key_index **index, const wsuv_allocator_t *a,
                            const struct wsuv__outbox_entry *entry) {
  size_t at = slot_of(*index, entry->of.key);

  assert((*index)->slots[at] == entry);
  close_gap(*index, at);
  if (--(*index)->nentries > 0)
    return;
  wsuv__release(a, *index);
  *index = NULL;
}
