#include "io/read_buffer.h"

#include "wsuv/errno.h"

int wsuv__read_buffer_init(struct wsuv__read_buffer *buffer, const wsuv_allocator_t *a) {
  buffer->allocator = a;
  buffer->lent = 0;
  buffer->most = WSUV__READ_BUFFER_SIZE;
  buffer->base = wsuv__alloc(a, WSUV__READ_BUFFER_SIZE);
  return buffer->base != NULL ? 0 : WSUV_ENOMEM;
}

void wsuv__read_buffer_free(struct wsuv__read_buffer *buffer) {
  wsuv__release(buffer->allocator, buffer->base);
  buffer->base = NULL;
}

uv_buf_t wsuv__read_buffer_lend_own(struct wsuv__read_buffer *buffer) {
  size_t size = buffer->most < WSUV__READ_BUFFER_OWN ? buffer->most : WSUV__READ_BUFFER_OWN;
  char *own = wsuv__alloc(buffer->allocator, WSUV__READ_BUFFER_OWN);

  return uv_buf_init(own, own != NULL ? (unsigned)size : 0);
}
