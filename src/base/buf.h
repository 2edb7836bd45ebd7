/* A growing byte buffer with a ceiling: it grows with the bytes that came, never with what was announced. */
#ifndef WSUV_BASE_BUF_H
#define WSUV_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

struct wsuv__buf {
  uint8_t *base;
  size_t len;
  size_t cap;
};

/* Ensures room for `more` bytes behind len. Grows by doubling, starting at 64. 0, WSUV_ENOMEM. */
int wsuv__buf_reserve(struct wsuv__buf *buf, const wsuv_allocator_t *a, size_t more);

/* The same for an end that is known: grows to what is asked for, or by an eighth if that is more. */
int wsuv__buf_reserve_tight(struct wsuv__buf *buf, const wsuv_allocator_t *a, size_t more);

/* Appends; on WSUV_ENOMEM the buffer is unchanged. */
int wsuv__buf_append(struct wsuv__buf *buf, const wsuv_allocator_t *a, const void *data,
                     size_t len);
int wsuv__buf_append_text(struct wsuv__buf *buf, const wsuv_allocator_t *a, const char *text);

/* Frees the memory; the buffer is empty and usable again. */
void wsuv__buf_free(struct wsuv__buf *buf, const wsuv_allocator_t *a);

#endif
