/* The loop's one read buffer, lent to each stream while its read callback runs. Where reads stay pending (Windows), or
 * callbacks nest, a second borrower gets a buffer of its own. */
#ifndef WSUV_IO_READ_BUFFER_H
#define WSUV_IO_READ_BUFFER_H

#include <uv.h>

#include "base/alloc.h"

#define WSUV__READ_BUFFER_SIZE (512u * 1024) /* one read takes what a socket buffer can hold */
#define WSUV__READ_BUFFER_OWN  (64u * 1024)

struct wsuv__read_buffer {
  const wsuv_allocator_t *allocator;
  char *base;
  size_t most; /* octets that are lent at once; WSUV__READ_BUFFER_SIZE where nothing says less */
  int lent;
};

/* WSUV_ENOMEM. */
int wsuv__read_buffer_init(struct wsuv__read_buffer *buffer, const wsuv_allocator_t *a);
void wsuv__read_buffer_free(struct wsuv__read_buffer *buffer);

/* For a second borrower. */
uv_buf_t wsuv__read_buffer_lend_own(struct wsuv__read_buffer *buffer);

/* An empty buf when there is no memory: libuv reports UV_ENOBUFS then. */
static inline uv_buf_t wsuv__read_buffer_lend(struct wsuv__read_buffer *buffer) {
  uv_buf_t buf;

  if (buffer->lent)
    return wsuv__read_buffer_lend_own(buffer);
  buffer->lent = 1;
  buf.base = buffer->base;
  buf.len = (unsigned)buffer->most;
  return buf;
}

static inline void wsuv__read_buffer_give_back(struct wsuv__read_buffer *buffer, char *base) {
  if (base == buffer->base)
    buffer->lent = 0;
  else
    wsuv__release(buffer->allocator, base);
}

#endif
