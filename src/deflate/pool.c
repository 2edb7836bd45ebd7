#include "deflate/pool.h"

#define KEPT_MAX \
  4u /* of each kind and window; more are in use at once only where messages come in pieces */

static struct wsuv__codec *take(struct wsuv__shelf *shelf) {
  struct wsuv__codec *codec = shelf->first;

  if (codec == NULL)
    return NULL;
  shelf->first = codec->next;
  shelf->n--;
  return codec;
}

/* Non-zero if there was a place for it. */
static int give(struct wsuv__shelf *shelf, struct wsuv__codec *codec) {
  if (shelf->n == KEPT_MAX)
    return 0;
  codec->next = shelf->first;
  shelf->first = codec;
  shelf->n++;
  return 1;
}

struct wsuv__codec *wsuv__pool_take_deflater(struct wsuv__pool *pool, int window_bits) {
  struct wsuv__codec *codec = take(&pool->deflaters[window_bits]);

  if (codec == NULL && pool->memory < pool->max_memory)
    (void)wsuv__deflater_new(&codec, pool->allocator, &pool->memory, window_bits, &pool->settings);
  return codec;
}

struct wsuv__codec *wsuv__pool_take_inflater(struct wsuv__pool *pool, int window_bits) {
  struct wsuv__codec *codec = take(&pool->inflaters[window_bits]);

  if (codec == NULL && pool->memory < pool->max_memory)
    (void)wsuv__inflater_new(&codec, pool->allocator, &pool->memory, window_bits);
  return codec;
}

/* What is kept is kept ready: a reset costs the same now or later. */
void wsuv__pool_give_deflater(struct wsuv__pool *pool, struct wsuv__codec *codec) {
  if (give(&pool->deflaters[codec->window_bits], codec))
    wsuv__deflater_reset(codec);
  else
    wsuv__deflater_free(codec);
}

void wsuv__pool_give_inflater(struct wsuv__pool *pool, struct wsuv__codec *codec) {
  if (give(&pool->inflaters[codec->window_bits], codec))
    wsuv__inflater_reset(codec);
  else
    wsuv__inflater_free(codec);
}

static void clear(struct wsuv__shelf *shelf, void (*destroy)(struct wsuv__codec *codec)) {
  struct wsuv__codec *codec = take(shelf);

  for (; codec != NULL; codec = take(shelf))
    destroy(codec);
}

void wsuv__pool_clear(struct wsuv__pool *pool) {
  size_t bits;

  for (bits = WSUV__WINDOW_BITS_MIN; bits <= WSUV__WINDOW_BITS_MAX; bits++) {
    clear(&pool->deflaters[bits], wsuv__deflater_free);
    clear(&pool->inflaters[bits], wsuv__inflater_free);
  }
}
