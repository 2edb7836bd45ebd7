#include "base/hash_table.h"

#include <assert.h>

#include "wsuv/errno.h"

/* Chains a node above which the table is halved: far from the one at which it is doubled, so that no pair of add and remove
 * makes it do both. */
#define SPARSE 8u

static struct wsuv__hash_node **chain_of(const struct wsuv__hash_table *table, uint64_t hash) {
  return &table->chains[hash & (table->nchains - 1)];
}

void wsuv__hash_table_free(struct wsuv__hash_table *table, const wsuv_allocator_t *a) {
  wsuv__release(a, table->chains);
  table->chains = NULL;
  table->nchains = 0;
  table->count = 0;
}

static void put(struct wsuv__hash_table *table, struct wsuv__hash_node *node) {
  struct wsuv__hash_node **chain = chain_of(table, node->hash);

  node->next = *chain;
  *chain = node;
}

/* The table stays as it is where there is no memory. */
static void resize(struct wsuv__hash_table *table, const wsuv_allocator_t *a, size_t nchains) {
  struct wsuv__hash_table resized = {NULL, nchains, table->count};
  size_t i;

  if (nchains > SIZE_MAX / sizeof(struct wsuv__hash_node *))
    return;
  resized.chains = wsuv__alloc_zeroed(a, nchains * sizeof(struct wsuv__hash_node *));
  if (resized.chains == NULL)
    return;
  for (i = 0; i < table->nchains; i++) {
    struct wsuv__hash_node *node = table->chains[i];
    while (node != NULL) {
      struct wsuv__hash_node *next = node->next;
      put(&resized, node);
      node = next;
    }
  }
  wsuv__release(a, table->chains);
  *table = resized;
}

struct wsuv__hash_node *wsuv__hash_table_find(const struct wsuv__hash_table *table, uint64_t hash,
                                              int (*is_it)(struct wsuv__hash_node *node,
                                                           const void *arg),
                                              const void *arg) {
  struct wsuv__hash_node *node;

  if (table->count == 0)
    return NULL;
  for (node = *chain_of(table, hash); node != NULL; node = node->next)
    if (node->hash == hash && is_it(node, arg))
      return node;
  return NULL;
}

int wsuv__hash_table_add(struct wsuv__hash_table *table, const wsuv_allocator_t *a,
                         struct wsuv__hash_node *node, uint64_t hash) {
  if (table->nchains == 0)
    resize(table, a, WSUV__HASH_TABLE_MIN);
  else if (table->count >= table->nchains)
    resize(table, a, table->nchains * 2);
  if (table->nchains == 0)
    return WSUV_ENOMEM;
  node->hash = hash;
  put(table, node);
  table->count++;
  return 0;
}

void wsuv__hash_table_remove(struct wsuv__hash_table *table, const wsuv_allocator_t *a,
                             struct wsuv__hash_node *node) {
  struct wsuv__hash_node **at = chain_of(table, node->hash);

  while (*at != node) {
    assert(*at != NULL);
    at = &(*at)->next;
  }
  *at = node->next;
  table->count--;
  if (table->nchains > WSUV__HASH_TABLE_MIN && table->count < table->nchains / SPARSE)
    resize(table, a, table->nchains / 2);
}
