/* Random bytes for masking keys, drawn from the system's source in bulk (RFC 6455 5.3, 10.3). */
#ifndef WSUV_IO_RANDOM_H
#define WSUV_IO_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct wsuv__random_pool {
  size_t used;
  uint8_t bytes[4096];
};

/* WSUV_ERANDOM. Fills the pool, so that no connection is the first to wait for the system's source. */
int wsuv__random_pool_init(struct wsuv__random_pool *pool);

/* The signature of every `random` option; `pool` is a struct wsuv__random_pool. Each byte is used once. */
int wsuv__random_pool_take(void *pool, void *buf, size_t len);

#endif
