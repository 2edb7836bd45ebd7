#include "api/conn_id.h"

#include <assert.h>

#include "wsuv/errno.h"

#define NUMBER_BITS     24
#define MAX_NUMBER      ((UINT32_C(1) << NUMBER_BITS) - 1)
#define GENERATION_MASK ((UINT64_C(1) << (64 - NUMBER_BITS)) - 1)
#define FREE            (UINT64_C(1) << 63)
#define FIRST_CAP       16u

static struct wsuv__conn_id_place *place_of(const struct wsuv__conn_ids *ids, uint32_t number) {
  assert(number > 0 && number <= ids->n);
  return &ids->places[number - 1];
}

static int grow(struct wsuv__conn_ids *ids, const wsuv_allocator_t *a) {
  uint32_t cap = ids->cap > 0 ? 2 * ids->cap : FIRST_CAP;
  struct wsuv__conn_id_place *places;

  if (ids->cap > MAX_NUMBER / 2)
    cap = MAX_NUMBER;
  if (cap == ids->cap)
    return WSUV_ENOMEM;
  places = wsuv__resize(a, ids->places, cap * sizeof *places);
  if (places == NULL)
    return WSUV_ENOMEM;
  ids->places = places;
  ids->cap = cap;
  return 0;
}

static int add_place(struct wsuv__conn_ids *ids, const wsuv_allocator_t *a,
                     struct wsuv__random_pool *random) {
  int err = 0;

  if (ids->cap == 0)
    err = wsuv__random_pool_take(random, &ids->first_generation, sizeof ids->first_generation);
  if (err == 0 && ids->n == ids->cap)
    err = grow(ids, a);
  if (err != 0)
    return err;
  ids->n++;
  place_of(ids, ids->n)->generation = (ids->first_generation & GENERATION_MASK) | FREE;
  place_of(ids, ids->n)->is.next_free = 0;
  ids->first_free = ids->n;
  return 0;
}

uint32_t wsuv__conn_ids_take(struct wsuv__conn_ids *ids, const wsuv_allocator_t *a,
                             struct wsuv__random_pool *random, struct wsuv_conn *conn) {
  struct wsuv__conn_id_place *place;
  uint32_t number;

  if (ids->first_free == 0 && add_place(ids, a, random) != 0)
    return 0;
  number = ids->first_free;
  place = place_of(ids, number);
  ids->first_free = place->is.next_free;
  place->is.conn = conn;
  place->generation &= ~FREE;
  return number;
}

uint64_t wsuv__conn_ids_id(const struct wsuv__conn_ids *ids, uint32_t number) {
  return place_of(ids, number)->generation << NUMBER_BITS | number;
}

struct wsuv_conn *wsuv__conn_ids_find(const struct wsuv__conn_ids *ids, uint64_t id) {
  uint32_t number = (uint32_t)(id & MAX_NUMBER);

  if (number == 0 || number > ids->n || place_of(ids, number)->generation != id >> NUMBER_BITS)
    return NULL;
  return place_of(ids, number)->is.conn;
}

void wsuv__conn_ids_drop(struct wsuv__conn_ids *ids, uint32_t number) {
  struct wsuv__conn_id_place *place = place_of(ids, number);

  place->generation = ((place->generation + 1) & GENERATION_MASK) | FREE;
  place->is.next_free = ids->first_free;
  ids->first_free = number;
}

void wsuv__conn_ids_free(struct wsuv__conn_ids *ids, const wsuv_allocator_t *a) {
  wsuv__release(a, ids->places);
}
