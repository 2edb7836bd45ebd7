/* All deadlines of a loop in one hashed timing wheel: setting and clearing one costs a few pointer writes, whatever their
 * number. Knows no clock; the time is an argument. */
#ifndef WSUV_IO_WHEEL_H
#define WSUV_IO_WHEEL_H

#include <stdint.h>

#include "base/list.h"

#define WSUV__WHEEL_SLOTS   256u
#define WSUV__WHEEL_TICK_MS 16u /* deadlines fire up to so much late, never early */

/* Instead of a tick: it waits for the loop's next turn (wsuv__loop_hasten). */
#define WSUV__WHEEL_AT_ONCE 0u

struct wsuv__wheel_entry {
  struct wsuv__list link;
  uint64_t tick; /* UINT64_MAX: no deadline */
  void (*on_due)(struct wsuv__wheel_entry *entry);
};

struct wsuv__wheel {
  struct wsuv__list slots[WSUV__WHEEL_SLOTS];
  uint64_t occupied[WSUV__WHEEL_SLOTS / 64]; /* may say yes for a slot that has become empty */
  uint64_t tick;                             /* every deadline up to here has fired */
};

void wsuv__wheel_init(struct wsuv__wheel *wheel, uint64_t now_ms);
void wsuv__wheel_entry_init(struct wsuv__wheel_entry *entry,
                            void (*on_due)(struct wsuv__wheel_entry *entry));

/* Sets or moves the entry's deadline. */
void wsuv__wheel_set(struct wsuv__wheel *wheel, struct wsuv__wheel_entry *entry, uint64_t due_ms);
void wsuv__wheel_clear(struct wsuv__wheel_entry *entry);

/* When to call advance next: never later than the first deadline, UINT64_MAX if there is none. */
uint64_t wsuv__wheel_next_ms(struct wsuv__wheel *wheel);

/* Calls on_due of every entry whose deadline has come; it may set and clear any entry. */
void wsuv__wheel_advance(struct wsuv__wheel *wheel, uint64_t now_ms);

#endif
