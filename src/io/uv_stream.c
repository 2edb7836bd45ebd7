#include "io/uv_stream.h"

#include <stdio.h>
#include <string.h>

#include "wsuv/errno.h"

#if defined(_WIN32)
#define PIPE_PATH_SIZE SIZE_MAX
#else
#include <sys/un.h>
#define PIPE_PATH_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path)
#endif

/* A write that the kernel did not take at once; lives while libuv holds it. */
struct pending_write {
  uv_write_t req;
  struct wsuv__uv_stream *stream;
};

static struct wsuv__uv_stream *from_base(struct wsuv__stream *base) {
  return (struct wsuv__uv_stream *)(void *)base;
}

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  struct wsuv__uv_stream *s = handle->data;
  (void)suggested;
  *buf = wsuv__read_buffer_lend(&s->loop->read_buffer);
}

static void read_done(uv_stream_t *handle, ssize_t nread, const uv_buf_t *buf) {
  struct wsuv__uv_stream *s = handle->data;
  struct wsuv__loop *loop = s->loop; /* the callback may end the stream */

  if (nread != 0)
    s->base.events->on_read(s->base.owner, nread, (uint8_t *)buf->base);
  if (buf->base != NULL)
    wsuv__read_buffer_give_back(&loop->read_buffer, buf->base);
}

static int start_reading(struct wsuv__stream *base) {
  return uv_read_start(&from_base(base)->uv.stream, lend_buffer, read_done);
}

static void stop_reading(struct wsuv__stream *base) {
  uv_read_stop(&from_base(base)->uv.stream);
}

static int write_what_fits(struct wsuv__stream *base, const uv_buf_t *bufs, unsigned nbufs) {
  int rc = uv_try_write(&from_base(base)->uv.stream, bufs, nbufs);
  return rc == UV_EAGAIN ? 0 : rc;
}

static void write_done(uv_write_t *req, int status) {
  struct pending_write *write = (struct pending_write *)(void *)req;
  struct wsuv__uv_stream *s = write->stream;

  wsuv__release(s->loop->allocator, write);
  s->base.events->on_written(s->base.owner, status);
}

static int write_all(struct wsuv__stream *base, const uv_buf_t *bufs, unsigned nbufs) {
  struct wsuv__uv_stream *s = from_base(base);
  struct pending_write *write = wsuv__alloc(s->loop->allocator, sizeof *write);
  int err;

  if (write == NULL)
    return WSUV_ENOMEM;
  write->stream = s;
  err = uv_write(&write->req, &s->uv.stream, bufs, nbufs, write_done);
  if (err != 0)
    wsuv__release(s->loop->allocator, write);
  return err;
}

static size_t count_unwritten(const struct wsuv__stream *base) {
  const struct wsuv__uv_stream *s = (const struct wsuv__uv_stream *)(const void *)base;
  return uv_stream_get_write_queue_size(&s->uv.stream);
}

static void shutdown_done(uv_shutdown_t *req, int status) {
  struct wsuv__uv_stream *s = req->handle->data;
  s->base.events->on_shutdown(s->base.owner, status);
}

static int end_writing(struct wsuv__stream *base) {
  struct wsuv__uv_stream *s = from_base(base);
  return uv_shutdown(&s->req.shutdown, &s->uv.stream, shutdown_done);
}

static void closed(uv_handle_t *handle) {
  struct wsuv__uv_stream *s = handle->data;
  s->base.events->on_closed(s->base.owner);
}

static void close_handle(struct wsuv__stream *base) {
  uv_close(&from_base(base)->uv.handle, closed);
}

static int address_text(const struct sockaddr *address, char *out, size_t size) {
  char host[INET6_ADDRSTRLEN];
  int n;

  if (address->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    uv_ip6_name(in6, host, sizeof host);
    n = snprintf(out, size, "[%s]:%u", host, (unsigned)ntohs(in6->sin6_port));
  } else {
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
    uv_ip4_name(in, host, sizeof host);
    n = snprintf(out, size, "%s:%u", host, (unsigned)ntohs(in->sin_port));
  }
  return n >= 0 && (size_t)n < size ? 0 : WSUV_ENOBUFS;
}

static int peer_address(const struct wsuv__stream *base, char *out, size_t size) {
  const struct wsuv__uv_stream *s = (const struct wsuv__uv_stream *)(const void *)base;
  struct sockaddr_storage address;
  int len = sizeof address;
  int err;

  if (s->uv.handle.type != UV_TCP)
    return (size_t)snprintf(out, size, "unix") < size ? 0 : WSUV_ENOBUFS;
  err = uv_tcp_getpeername(&s->uv.tcp, (struct sockaddr *)&address, &len);
  return err != 0 ? err : address_text((struct sockaddr *)&address, out, size);
}

static const struct wsuv__stream_ops ops = {
    .read_start = start_reading,
    .read_stop = stop_reading,
    .try_write = write_what_fits,
    .write = write_all,
    .unwritten = count_unwritten,
    .shutdown = end_writing,
    .close = close_handle,
    .peer = peer_address,
};

static void set_up(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                   const struct wsuv__stream_events *events, void *owner) {
  stream->base.ops = &ops;
  stream->base.events = events;
  stream->base.owner = owner;
  stream->loop = loop;
  stream->uv.handle.data = stream;
}

int wsuv__uv_stream_init_tcp(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                             const struct wsuv__stream_events *events, void *owner) {
  int err = uv_tcp_init(loop->uv, &stream->uv.tcp);
  if (err == 0)
    set_up(stream, loop, events, owner);
  return err;
}

int wsuv__uv_stream_init_pipe(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                              const struct wsuv__stream_events *events, void *owner) {
  int err = uv_pipe_init(loop->uv, &stream->uv.pipe, 0);
  if (err == 0)
    set_up(stream, loop, events, owner);
  return err;
}

static void connect_done(uv_connect_t *req, int status) {
  struct wsuv__uv_stream *s = req->handle->data;
  s->base.events->on_connected(s->base.owner, status);
}

int wsuv__uv_stream_connect_tcp(struct wsuv__uv_stream *stream, const struct sockaddr *address) {
  return uv_tcp_connect(&stream->req.connect, &stream->uv.tcp, address, connect_done);
}

int wsuv__uv_stream_connect_pipe(struct wsuv__uv_stream *stream, const char *path) {
  uv_pipe_connect(&stream->req.connect, &stream->uv.pipe, path, connect_done);
  return 0;
}

/* libuv would cut it, and use another path than the one that was asked for. */
int wsuv__uv_stream_judge_path(const char *path) {
  return strlen(path) < PIPE_PATH_SIZE ? 0 : UV_ENAMETOOLONG;
}

int wsuv__uv_stream_accept(struct wsuv__uv_stream *stream, uv_stream_t *listener) {
  return uv_accept(listener, &stream->uv.stream);
}

void wsuv__uv_stream_nodelay(struct wsuv__uv_stream *stream) {
  if (stream->uv.handle.type == UV_TCP)
    (void)uv_tcp_nodelay(&stream->uv.tcp, 1); /* slower without it, never wrong */
}
