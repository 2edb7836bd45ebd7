#include "io/wheel.h"

#include <string.h>

static struct wsuv__wheel_entry *entry_of(struct wsuv__list *node) {
  return WSUV__LIST_ENTRY(node, struct wsuv__wheel_entry, link);
}

void wsuv__wheel_init(struct wsuv__wheel *wheel, uint64_t now_ms) {
  size_t i;
  for (i = 0; i < WSUV__WHEEL_SLOTS; i++)
    wsuv__list_init(&wheel->slots[i]);
  memset(wheel->occupied, 0, sizeof wheel->occupied);
  wheel->tick = now_ms / WSUV__WHEEL_TICK_MS;
}

void wsuv__wheel_entry_init(struct wsuv__wheel_entry *entry,
                            void (*on_due)(struct wsuv__wheel_entry *entry)) {
  wsuv__list_init(&entry->link);
  entry->tick = UINT64_MAX;
  entry->on_due = on_due;
}

void wsuv__wheel_set(struct wsuv__wheel *wheel, struct wsuv__wheel_entry *entry, uint64_t due_ms) {
  uint64_t tick = due_ms / WSUV__WHEEL_TICK_MS + 1; /* never early */
  size_t slot;

  if (tick <= wheel->tick)
    tick = wheel->tick + 1;
  slot = tick % WSUV__WHEEL_SLOTS;
  wsuv__list_remove(&entry->link);
  wsuv__list_append(&wheel->slots[slot], &entry->link);
  wheel->occupied[slot / 64] |= UINT64_C(1) << (slot % 64);
  entry->tick = tick;
}

void wsuv__wheel_clear(struct wsuv__wheel_entry *entry) {
  wsuv__list_remove(&entry->link);
  entry->tick = UINT64_MAX;
}

static int is_occupied(struct wsuv__wheel *wheel, size_t slot) {
  uint64_t bit = UINT64_C(1) << (slot % 64);

  if ((wheel->occupied[slot / 64] & bit) == 0)
    return 0;
  if (!wsuv__list_is_empty(&wheel->slots[slot]))
    return 1;
  wheel->occupied[slot / 64] &= ~bit;
  return 0;
}

/* The next occupied slot; what it holds may be due a whole turn of the wheel or more later, which costs one vain look a
 * turn. */
uint64_t wsuv__wheel_next_ms(struct wsuv__wheel *wheel) {
  uint64_t i;
  for (i = 1; i <= WSUV__WHEEL_SLOTS; i++)
    if (is_occupied(wheel, (wheel->tick + i) % WSUV__WHEEL_SLOTS))
      return (wheel->tick + i) * WSUV__WHEEL_TICK_MS;
  return UINT64_MAX;
}

static void collect_due(struct wsuv__list *slot, uint64_t tick, struct wsuv__list *due) {
  struct wsuv__list *node = slot->next;

  while (node != slot) {
    struct wsuv__list *next = node->next;
    if (entry_of(node)->tick <= tick) {
      wsuv__list_remove(node);
      wsuv__list_append(due, node);
    }
    node = next;
  }
}

void wsuv__wheel_advance(struct wsuv__wheel *wheel, uint64_t now_ms) {
  uint64_t tick = now_ms / WSUV__WHEEL_TICK_MS;
  uint64_t nslots = tick > wheel->tick ? tick - wheel->tick : 0;
  struct wsuv__list due;
  uint64_t i;

  if (nslots > WSUV__WHEEL_SLOTS)
    nslots = WSUV__WHEEL_SLOTS;
  wsuv__list_init(&due);
  for (i = 0; i < nslots; i++)
    collect_due(&wheel->slots[(tick - i) % WSUV__WHEEL_SLOTS], tick, &due);
  if (nslots > 0)
    wheel->tick = tick;
  while (!wsuv__list_is_empty(&due)) {
    struct wsuv__wheel_entry *entry = entry_of(due.next);
    wsuv__wheel_clear(entry);
    entry->on_due(entry);
  }
}
