/* Contexts lent for the length of a message or of a connection: what is given back is lent again. */
#ifndef WSUV_DEFLATE_POOL_H
#define WSUV_DEFLATE_POOL_H

#include "deflate/codec.h"

#define WSUV__WINDOW_BITS_MIN 8
#define WSUV__WINDOW_BITS_MAX 15

/* Contexts of one kind and window. */
struct wsuv__shelf {
  struct wsuv__codec *first;
  size_t n;
};

struct wsuv__pool {
  const wsuv_allocator_t *allocator;
  struct wsuv__codec_settings settings;
  size_t memory; /* of all contexts, lent or not */
  size_t max_memory;
  struct wsuv__shelf deflaters[WSUV__WINDOW_BITS_MAX + 1];
  struct wsuv__shelf inflaters[WSUV__WINDOW_BITS_MAX + 1];
};

/* As new but for the counts of the last message. NULL: no memory, or max_memory is reached. */
struct wsuv__codec *wsuv__pool_take_deflater(struct wsuv__pool *pool, int window_bits);
struct wsuv__codec *wsuv__pool_take_inflater(struct wsuv__pool *pool, int window_bits);

void wsuv__pool_give_deflater(struct wsuv__pool *pool, struct wsuv__codec *codec);
void wsuv__pool_give_inflater(struct wsuv__pool *pool, struct wsuv__codec *codec);

/* Frees what was given back. */
void wsuv__pool_clear(struct wsuv__pool *pool);

#endif
