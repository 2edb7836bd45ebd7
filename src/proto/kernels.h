/* Masking and UTF-8 validation of long payloads: one pair of functions for each instruction set. */
#ifndef WSUV_PROTO_KERNELS_H
#define WSUV_PROTO_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Octets that a kernel is given at least: fewer are not worth the call. */
enum { WSUV__MASK_MIN = 64, WSUV__UTF8_MIN = 16 };

struct wsuv__kernels {
  const char *name;
  /* As wsuv_mask, with the key turned to where the octets start (mask.h). */
  void (*mask)(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key);
  /* The same in place; non-zero if all octets are ASCII then. */
  int (*unmask_ascii)(uint8_t *octets, size_t len, uint32_t key);
  /* Non-zero if the octets are valid characters. They must not stop inside one: see wsuv__utf8_open_tail. */
  int (*is_utf8)(const uint8_t *data, size_t len);
};

extern const struct wsuv__kernels wsuv__kernels_words; /* C11 on any machine */
extern const struct wsuv__kernels wsuv__kernels_ssse3;
extern const struct wsuv__kernels wsuv__kernels_avx2;
extern const struct wsuv__kernels wsuv__kernels_neon;

/* Those of this build that this processor can run, the best one first; NULL behind the last. */
const struct wsuv__kernels *wsuv__kernels_nth(size_t n);

/* By the best one. */
void wsuv__mask_long(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key);
int wsuv__unmask_ascii_long(uint8_t *octets, size_t len, uint32_t key);
int wsuv__utf8_is_valid_long(const uint8_t *data, size_t len);

#endif
