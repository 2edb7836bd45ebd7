#include "io/random.h"

#include <openssl/rand.h>
#include <string.h>

#include "wsuv/errno.h"

#define MASKING_KEY_LEN 4

int wsuv__random_pool_init(struct wsuv__random_pool *pool) {
  pool->used = 0;
  return RAND_bytes(pool->bytes, sizeof pool->bytes) == 1 ? 0 : WSUV_ERANDOM;
}

int wsuv__random_pool_take(void *arg, void *buf, size_t len) {
  struct wsuv__random_pool *pool = arg;

  if (len > sizeof pool->bytes - pool->used) {
    if (len > sizeof pool->bytes || wsuv__random_pool_init(pool) != 0) {
      pool->used = sizeof pool->bytes; /* nothing in it may be used twice */
      return WSUV_ERANDOM;
    }
  }
  if (len == MASKING_KEY_LEN) { /* nearly always, and a length known beforehand takes no calls */
    memcpy(buf, pool->bytes + pool->used, MASKING_KEY_LEN);
    memset(pool->bytes + pool->used, 0, MASKING_KEY_LEN);
  } else {
    memcpy(buf, pool->bytes + pool->used, len);
    memset(pool->bytes + pool->used, 0, len);
  }
  pool->used += len;
  return 0;
}
