/* A hash table whose nodes are members of what it holds: it allocates nothing but its array of chains. Grows when there are
 * more nodes than chains, shrinks when there are far fewer. */
#ifndef WSUV_BASE_HASH_TABLE_H
#define WSUV_BASE_HASH_TABLE_H

#include <stdint.h>

#include "base/alloc.h"

#define WSUV__HASH_TABLE_MIN 16u /* chains, once there was a node */

struct wsuv__hash_node {
  struct wsuv__hash_node *next;
  uint64_t hash;
};

struct wsuv__hash_table {
  struct wsuv__hash_node **chains;
  size_t nchains; /* 0 or a power of two */
  size_t count;
};

/* Zeroes are an empty table. Frees the array; the nodes are nobody's. */
void wsuv__hash_table_free(struct wsuv__hash_table *table, const wsuv_allocator_t *a);

/* The first node of that hash for which `is_it` holds, or NULL. */
struct wsuv__hash_node *
wsuv__hash_table_find(const struct wsuv__hash_table *table, uint64_t hash,
                      int (*is_it)(struct wsuv__hash_node *node, const void *arg), const void *arg);

/* The node must not be in it. WSUV_ENOMEM for the first one only: where growing fails, chains become longer. */
int wsuv__hash_table_add(struct wsuv__hash_table *table, const wsuv_allocator_t *a,
                         struct wsuv__hash_node *node, uint64_t hash);

/* The node must be in it. */
void wsuv__hash_table_remove(struct wsuv__hash_table *table, const wsuv_allocator_t *a,
                             struct wsuv__hash_node *node);

#endif
