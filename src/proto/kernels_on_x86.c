#include <stdatomic.h>

#include "proto/kernels.h"

static void mask_first(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key);
static int unmask_ascii_first(uint8_t *octets, size_t len, uint32_t key);
static int is_utf8_first(const uint8_t *data, size_t len);

/* Replaced by the best ones at the first call. Threads that come at once all store the same; what it points to never changes,
 * so no order is needed. */
static const struct wsuv__kernels first_call = {"", mask_first, unmask_ascii_first, is_utf8_first};
static _Atomic(const struct wsuv__kernels *) chosen = &first_call;

const struct wsuv__kernels *wsuv__kernels_nth(size_t n) {
  const struct wsuv__kernels *usable[3];
  size_t count = 0;

  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2"))
    usable[count++] = &wsuv__kernels_avx2;
  if (__builtin_cpu_supports("ssse3"))
    usable[count++] = &wsuv__kernels_ssse3;
  usable[count++] = &wsuv__kernels_words;
  return n < count ? usable[n] : NULL;
}

static const struct wsuv__kernels *choose(void) {
  const struct wsuv__kernels *best = wsuv__kernels_nth(0);

  atomic_store_explicit(&chosen, best, memory_order_relaxed);
  return best;
}

static void mask_first(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  choose()->mask(dst, src, len, key);
}

static int unmask_ascii_first(uint8_t *octets, size_t len, uint32_t key) {
  return choose()->unmask_ascii(octets, len, key);
}

static int is_utf8_first(const uint8_t *data, size_t len) {
  return choose()->is_utf8(data, len);
}

void wsuv__mask_long(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  atomic_load_explicit(&chosen, memory_order_relaxed)->mask(dst, src, len, key);
}

int wsuv__unmask_ascii_long(uint8_t *octets, size_t len, uint32_t key) {
  return atomic_load_explicit(&chosen, memory_order_relaxed)->unmask_ascii(octets, len, key);
}

int wsuv__utf8_is_valid_long(const uint8_t *data, size_t len) {
  return atomic_load_explicit(&chosen, memory_order_relaxed)->is_utf8(data, len);
}
