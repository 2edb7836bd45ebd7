/* Connections at rest whose sessions remember nothing but a few octets have one set together. */
#ifndef WSUV_PROTO_EXTENSIONS_REST_H
#define WSUV_PROTO_EXTENSIONS_REST_H

#include "base/list.h"
#include "proto/extensions.h"

/* A peer chooses parameters: there can be more kinds than are worth looking through. */
#define WSUV__SHARED_SETS_MAX 256u

/* The sets that the connections of one thread have together. */
struct wsuv__shared_sets {
  struct wsuv__list list;
  size_t n;
};

void wsuv__shared_sets_init(struct wsuv__shared_sets *sets);

/* *set becomes one of `sets` where each session can be made anew, and else stays. `kept` has WSUV_FOLD_MAX octets for each
 * stage, or is NULL. May end sessions, which is user code, at its end. */
void wsuv__extensions_share(struct wsuv__extensions **set, struct wsuv__shared_sets *sets,
                            uint8_t *kept, const wsuv_allocator_t *a);

/* *set becomes the caller's own again; nothing to do if it is. WSUV_ENOMEM: it stays shared. */
int wsuv__extensions_unshare(struct wsuv__extensions **set, const uint8_t *kept,
                             const wsuv_allocator_t *a);

/* wsuv__extensions_free, or the end of the caller's share. */
void wsuv__extensions_drop(struct wsuv__extensions *set, const wsuv_allocator_t *a);

#endif
