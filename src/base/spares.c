#include "base/spares.h"

#include <string.h>

void wsuv__spares_init(struct wsuv__spares *spares, const wsuv_allocator_t *a,
                       void (*on_kept)(struct wsuv__spares *spares)) {
  memset(spares, 0, sizeof *spares);
  spares->allocator = a;
  spares->most = WSUV__SPARES;
  spares->on_kept = on_kept;
}

int wsuv__spares_take(struct wsuv__spares *spares, struct wsuv__buf *buf, size_t cap) {
  struct wsuv__buf *best = NULL;
  unsigned i;

  for (i = 0; i < spares->n; i++)
    if (spares->kept[i].cap >= cap && (best == NULL || spares->kept[i].cap < best->cap))
      best = &spares->kept[i];
  if (best == NULL)
    return 0;
  *buf = *best;
  *best = spares->kept[--spares->n];
  if (spares->n < spares->nleast)
    spares->nleast = spares->n;
  return 1;
}

static struct wsuv__buf *smallest(struct wsuv__spares *spares) {
  struct wsuv__buf *found = &spares->kept[0];
  unsigned i;

  for (i = 1; i < spares->n; i++)
    if (spares->kept[i].cap < found->cap)
      found = &spares->kept[i];
  return found;
}

/* The place for a buffer of that size; NULL: it is not to be kept. */
static struct wsuv__buf *place_for(struct wsuv__spares *spares, size_t cap) {
  struct wsuv__buf *place;

  if (spares->most == 0 || cap < WSUV__SPARE_MIN || cap > WSUV__SPARE_MAX)
    return NULL;
  if (spares->n < spares->most)
    return &spares->kept[spares->n++];
  place = smallest(spares);
  if (place->cap >= cap)
    return NULL;
  wsuv__buf_free(place, spares->allocator);
  return place;
}

void wsuv__spares_give(struct wsuv__spares *spares, struct wsuv__buf *buf) {
  unsigned before = spares->n;
  struct wsuv__buf *place = place_for(spares, buf->cap);

  if (place == NULL) {
    wsuv__buf_free(buf, spares->allocator);
    return;
  }
  *place = *buf;
  place->len = 0;
  memset(buf, 0, sizeof *buf);
  if (before == 0)
    spares->on_kept(spares);
}

void wsuv__spares_drop_idle(struct wsuv__spares *spares) {
  for (; spares->nleast > 0; spares->nleast--)
    wsuv__buf_free(&spares->kept[--spares->n], spares->allocator);
  spares->nleast = spares->n;
}

size_t wsuv__spares_octets(const struct wsuv__spares *spares) {
  size_t octets = 0;
  unsigned i;

  for (i = 0; i < spares->n; i++)
    octets += spares->kept[i].cap;
  return octets;
}

void wsuv__spares_free(struct wsuv__spares *spares) {
  spares->nleast = spares->n;
  wsuv__spares_drop_idle(spares);
}
