#include "io/uv_stream_write.h"

#if defined(__linux__)
#include <errno.h>
#include <sys/socket.h>

static int descriptor_of(const uv_handle_t *handle) {
  uv_os_fd_t fd;
  return uv_fileno(handle, &fd) == 0 ? fd : -1;
}

/* Errors as libuv judges them. */
static inline int send_some(int fd, const uv_buf_t *buf) {
  ssize_t n;

  do
    n = send(fd, buf->base, buf->len, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n >= 0)
    return (int)n;
  return errno == EAGAIN || errno == ENOBUFS ? 0 : uv_translate_sys_error(errno);
}

/* What fails here fails for the reader, too. */
static void end_writes(int fd) {
  (void)shutdown(fd, SHUT_WR);
}

#else

static int descriptor_of(const uv_handle_t *handle) {
  (void)handle;
  return -1;
}

static inline int send_some(int fd, const uv_buf_t *buf) {
  (void)fd;
  (void)buf;
  return UV_ENOTSUP;
}

static void end_writes(int fd) {
  (void)fd;
}

#endif

/* A stream that the application opened it may write to, shut down and close by itself. */
static int may_pass_libuv(const struct wsuv__uv_stream *s) {
  return s->handle == &s->uv.stream && s->uv.stream.type == UV_TCP && uv_is_writable(s->handle);
}

void wsuv__uv_stream_find_descriptor(struct wsuv__uv_stream *s) {
  s->send_fd = may_pass_libuv(s) ? descriptor_of(&s->uv.handle) : -1;
}

static inline int passes_libuv(const struct wsuv__uv_stream *s) {
  return s->send_fd >= 0 && s->handle->write_queue_size == 0;
}

int wsuv__uv_stream_try_write(struct wsuv__stream *base, const uv_buf_t *bufs, unsigned nbufs) {
  struct wsuv__uv_stream *s = (struct wsuv__uv_stream *)(void *)base;
  int rc;

  if (nbufs == 1 && passes_libuv(s))
    return send_some(s->send_fd, bufs);
  rc = uv_try_write(s->handle, bufs, nbufs);
  return rc == UV_EAGAIN ? 0 : rc;
}

int wsuv__uv_stream_try_shutdown(struct wsuv__uv_stream *s) {
  if (!passes_libuv(s) || s->base.events->on_shutdown != NULL)
    return 0;
  end_writes(s->send_fd);
  return 1;
}
