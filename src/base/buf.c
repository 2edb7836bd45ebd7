#include "base/buf.h"

#include <string.h>

#include "wsuv/errno.h"

#define SMALLEST_CAP 64u

static int set_cap(struct wsuv__buf *buf, const wsuv_allocator_t *a, size_t cap) {
  uint8_t *base = wsuv__resize(a, buf->base, cap);

  if (base == NULL)
    return WSUV_ENOMEM;
  buf->base = base;
  buf->cap = cap;
  return 0;
}

int wsuv__buf_reserve(struct wsuv__buf *buf, const wsuv_allocator_t *a, size_t more) {
  size_t cap = buf->cap;

  if (more <= cap - buf->len)
    return 0;
  if (more > SIZE_MAX - buf->len)
    return WSUV_ENOMEM;
  if (cap < SMALLEST_CAP)
    cap = SMALLEST_CAP;
  while (cap < buf->len + more)
    cap = cap > SIZE_MAX / 2 ? buf->len + more : cap * 2;
  return set_cap(buf, a, cap);
}

int wsuv__buf_reserve_tight(struct wsuv__buf *buf, const wsuv_allocator_t *a, size_t more) {
  size_t least = buf->cap < SIZE_MAX / 2 ? buf->cap + buf->cap / 8 : buf->cap;
  size_t cap;

  if (more <= buf->cap - buf->len)
    return 0;
  if (more > SIZE_MAX - buf->len)
    return WSUV_ENOMEM;
  cap = buf->len + more > least ? buf->len + more : least;
  return set_cap(buf, a, cap);
}

int wsuv__buf_append(struct wsuv__buf *buf, const wsuv_allocator_t *a, const void *data,
                     size_t len) {
  if (len == 0)
    return 0;
  if (wsuv__buf_reserve(buf, a, len) != 0)
    return WSUV_ENOMEM;
  memcpy(buf->base + buf->len, data, len);
  buf->len += len;
  return 0;
}

int wsuv__buf_append_text(struct wsuv__buf *buf, const wsuv_allocator_t *a, const char *text) {
  return wsuv__buf_append(buf, a, text, strlen(text));
}

void wsuv__buf_free(struct wsuv__buf *buf, const wsuv_allocator_t *a) {
  wsuv__release(a, buf->base);
  buf->base = NULL;
  buf->len = 0;
  buf->cap = 0;
}
