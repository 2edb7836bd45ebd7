/* Large buffers that are kept for the next message that needs one: fresh pages from the allocator cost more than a copy of what
 * comes into them. Bounded in number and size; the owner frees those that nobody takes. */
#ifndef WSUV_BASE_SPARES_H
#define WSUV_BASE_SPARES_H

#include "base/buf.h"

#define WSUV__SPARES    8u
#define WSUV__SPARE_MIN (32u * 1024) /* below that the allocator is as good */
#define WSUV__SPARE_MAX (1280u * 1024)

struct wsuv__spares {
  const wsuv_allocator_t *allocator;
  void (*on_kept)(struct wsuv__spares *spares); /* there was none before */
  struct wsuv__buf kept[WSUV__SPARES];
  unsigned most; /* WSUV__SPARES; 0: none are kept */
  unsigned n;
  unsigned nleast; /* so many of them were not needed since somebody looked, who sets it to n */
};

void wsuv__spares_init(struct wsuv__spares *spares, const wsuv_allocator_t *a,
                       void (*on_kept)(struct wsuv__spares *spares));

/* The smallest one of at least `cap` octets becomes `buf`, which has no memory yet. 0: there is none. */
int wsuv__spares_take(struct wsuv__spares *spares, struct wsuv__buf *buf, size_t cap);

/* Keeps the memory of `buf`, or frees it; `buf` is empty then. */
void wsuv__spares_give(struct wsuv__spares *spares, struct wsuv__buf *buf);

/* Frees those that were not needed since the last time. */
void wsuv__spares_drop_idle(struct wsuv__spares *spares);

/* What is kept. */
size_t wsuv__spares_octets(const struct wsuv__spares *spares);

void wsuv__spares_free(struct wsuv__spares *spares);

#endif
