#include "proto/kernels.h"

/* Every 64-bit ARM processor has NEON. */
const struct wsuv__kernels *wsuv__kernels_nth(size_t n) {
  static const struct wsuv__kernels *const ranks[] = {&wsuv__kernels_neon, &wsuv__kernels_words};

  return n < sizeof ranks / sizeof ranks[0] ? ranks[n] : NULL;
}

void wsuv__mask_long(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  wsuv__kernels_neon.mask(dst, src, len, key);
}

int wsuv__unmask_ascii_long(uint8_t *octets, size_t len, uint32_t key) {
  return wsuv__kernels_neon.unmask_ascii(octets, len, key);
}

int wsuv__utf8_is_valid_long(const uint8_t *data, size_t len) {
  return wsuv__kernels_neon.is_utf8(data, len);
}
