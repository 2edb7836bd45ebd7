/* Names for connections that outlive them: a place in the loop's table, and how often it was used. */
#ifndef WSUV_API_CONN_ID_H
#define WSUV_API_CONN_ID_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "io/random.h"

struct wsuv_conn;

struct wsuv__conn_id_place {
  union {
    struct wsuv_conn *conn;
    uint32_t next_free; /* its number; 0: none */
  } is;
  uint64_t
      generation; /* of this use, or of the next one; the highest bit is set while it is free */
};

/* Zeroed: empty. Places are numbered from 1, so that no id is 0. */
struct wsuv__conn_ids {
  struct wsuv__conn_id_place *places;
  uint32_t n;   /* that were ever used */
  uint32_t cap; /* in memory */
  uint32_t first_free;
  uint64_t first_generation; /* random */
};

/* The number of a place that now stands for the connection; 0: no memory. */
uint32_t wsuv__conn_ids_take(struct wsuv__conn_ids *ids, const wsuv_allocator_t *a,
                             struct wsuv__random_pool *random, struct wsuv_conn *conn);

/* The id of who stands in the place. */
uint64_t wsuv__conn_ids_id(const struct wsuv__conn_ids *ids, uint32_t number);

/* NULL: nobody has that id. */
struct wsuv_conn *wsuv__conn_ids_find(const struct wsuv__conn_ids *ids, uint64_t id);

/* Nobody has the id of the place any more. */
void wsuv__conn_ids_drop(struct wsuv__conn_ids *ids, uint32_t number);

void wsuv__conn_ids_free(struct wsuv__conn_ids *ids, const wsuv_allocator_t *a);

#endif
