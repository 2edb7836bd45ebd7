#include "io/uv_stream.h"

#include <stdio.h>
#include <string.h>

#include "io/uv_stream_write.h"
#include "wsuv/errno.h"

#if defined(_WIN32)
#define PIPE_PATH_SIZE SIZE_MAX
#define READS_PEND     1
#else
#include <sys/un.h>
#define PIPE_PATH_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path)
#define READS_PEND     0
#endif

/* Sockets take over options of the listener that accepts them. */
#if defined(__linux__)
#define ACCEPTED_INHERIT_NODELAY 1
#else
#define ACCEPTED_INHERIT_NODELAY 0
#endif

_Static_assert(sizeof(struct wsuv__adopted) <= sizeof(uv_tcp_t), "it has the place of a handle");

/* A write that the kernel did not take at once; lives while libuv holds it. */
struct pending_write {
  uv_write_t req;
  struct wsuv__uv_stream *stream;
};

static struct wsuv__uv_stream *from_base(struct wsuv__stream *base) {
  return (struct wsuv__uv_stream *)(void *)base;
}

int wsuv__uv_stream_is_adopted(const struct wsuv__uv_stream *s) {
  return s->handle != &s->uv.stream;
}

static int is_closing(const struct wsuv__uv_stream *s) {
  return uv_is_closing((const uv_handle_t *)s->handle);
}

/* A read that pends must not write to where the owner may be gone. */
static int lend_owners(struct wsuv__uv_stream *s, uv_buf_t *buf) {
  uint8_t *base = NULL;
  size_t len = 0;

  if (!READS_PEND && s->base.events->on_alloc != NULL)
    len = s->base.events->on_alloc(s->base.owner, &base);
  buf->base = (char *)base;
  buf->len = (unsigned)len;
  s->is_owners = len > 0;
  return len > 0;
}

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  struct wsuv__uv_stream *s = handle->data;
  (void)suggested;
  if (s->asks_owner && lend_owners(s, buf))
    return;
  *buf = wsuv__read_buffer_lend(&s->loop->read_buffer);
  if (s->read_max > 0 && buf->len > s->read_max)
    buf->len = s->read_max;
}

static void read_done(uv_stream_t *handle, ssize_t nread, const uv_buf_t *buf) {
  struct wsuv__uv_stream *s = handle->data;
  struct wsuv__loop *loop = s->loop; /* the callback may end the stream */
  int is_owners = s->is_owners;

  if (nread != 0)
    s->base.events->on_read(s->base.owner, nread, (uint8_t *)buf->base);
  s->is_owners = 0;
  if (buf->base != NULL && !is_owners)
    wsuv__read_buffer_give_back(&loop->read_buffer, buf->base);
  if (handle != &s->uv.stream && is_closing(s)) /* inside a callback, by the application */
    s->base.events->on_read(s->base.owner, UV_ECANCELED, NULL);
}

static int start_reading(struct wsuv__stream *base) {
  struct wsuv__uv_stream *s = from_base(base);

  wsuv__uv_stream_find_descriptor(s); /* who reads is connected */
  return uv_read_start(s->handle, lend_buffer, read_done);
}

static void stop_reading(struct wsuv__stream *base) {
  uv_read_stop(from_base(base)->handle);
}

/* Nothing of ours is left on the handle, and it is not touched any more: the application may close it at once. */
static void let_go(struct wsuv__uv_stream *s) {
  s->handle->data = s->uv.adopted.data;
  if (is_closing(s)) /* by the application, which has a callback of its own */
    s->uv.adopted.close_cb = NULL;
  wsuv__loop_defer(s->loop, &s->uv.adopted.task);
}

/* An owner that is told of the request's end has the stream until then. */
static void settle_request(struct wsuv__uv_stream *s) {
  struct wsuv__adopted *adopted = &s->uv.adopted;

  if (wsuv__uv_stream_is_adopted(s) && --adopted->nreqs == 0 &&
      adopted->state == ADOPTED_LETTING_GO)
    let_go(s);
}

static void write_done(uv_write_t *req, int status) {
  struct pending_write *write = (struct pending_write *)(void *)req;
  struct wsuv__uv_stream *s = write->stream;

  wsuv__release(s->loop->allocator, write);
  s->base.events->on_written(s->base.owner, status);
  settle_request(s);
}

static int write_all(struct wsuv__stream *base, const uv_buf_t *bufs, unsigned nbufs) {
  struct wsuv__uv_stream *s = from_base(base);
  struct pending_write *write = wsuv__alloc(s->loop->allocator, sizeof *write);
  int err;

  if (write == NULL)
    return WSUV_ENOMEM;
  write->stream = s;
  err = uv_write(&write->req, s->handle, bufs, nbufs, write_done);
  if (err != 0)
    wsuv__release(s->loop->allocator, write);
  else if (wsuv__uv_stream_is_adopted(s))
    s->uv.adopted.nreqs++;
  return err;
}

static size_t count_unwritten(const struct wsuv__stream *base) {
  const struct wsuv__uv_stream *s = (const struct wsuv__uv_stream *)(const void *)base;
  return uv_stream_get_write_queue_size(s->handle);
}

/* What the kernel does not take is not taken. */
static size_t count_held(const struct wsuv__stream *base) {
  (void)base;
  return 0;
}

static void shutdown_done(uv_shutdown_t *req, int status) {
  struct wsuv__uv_stream *s = req->handle->data;

  wsuv__release(s->loop->allocator, req);
  if (s->base.events->on_shutdown != NULL)
    s->base.events->on_shutdown(s->base.owner, status);
  settle_request(s);
}

static int end_writing(struct wsuv__stream *base) {
  struct wsuv__uv_stream *s = from_base(base);
  uv_shutdown_t *req;
  int err;

  if (wsuv__uv_stream_try_shutdown(s))
    return 0;
  req = wsuv__alloc(s->loop->allocator, sizeof *req);
  if (req == NULL)
    return WSUV_ENOMEM;
  s->send_fd = -1; /* nothing may overtake the end */
  err = uv_shutdown(req, s->handle, shutdown_done);
  if (err != 0)
    wsuv__release(s->loop->allocator, req);
  else if (wsuv__uv_stream_is_adopted(s))
    s->uv.adopted.nreqs++;
  return err;
}

static void closed(uv_handle_t *handle) {
  struct wsuv__uv_stream *s = handle->data;
  s->base.events->on_closed(s->base.owner);
}

/* on_closed frees the stream. Since it was let go, and inside of on_closed, the application may have closed it. */
static void end_adopted(struct wsuv__uv_stream *s) {
  uv_handle_t *handle = (uv_handle_t *)s->handle;
  uv_close_cb close_cb = s->uv.adopted.close_cb;
  int is_given_back = s->uv.adopted.state == ADOPTED_LETTING_GO;

  s->base.events->on_closed(s->base.owner);
  if (close_cb != NULL && !(is_given_back && uv_is_closing(handle)))
    close_cb(handle);
}

static void adopted_closed(uv_handle_t *handle) {
  struct wsuv__uv_stream *s = handle->data;

  handle->data = s->uv.adopted.data;
  end_adopted(s);
}

static void adopted_let_go(struct wsuv__task *task) {
  end_adopted(WSUV__LIST_ENTRY(task, struct wsuv__uv_stream, uv.adopted.task));
}

static void close_adopted(struct wsuv__uv_stream *s) {
  struct wsuv__adopted *adopted = &s->uv.adopted;

  if (adopted->own && !is_closing(s)) {
    uv_close((uv_handle_t *)s->handle, adopted_closed);
    return;
  }
  uv_read_stop(s->handle);
  adopted->state = ADOPTED_LETTING_GO;
  if (adopted->nreqs == 0)
    let_go(s);
}

static void close_handle(struct wsuv__stream *base) {
  struct wsuv__uv_stream *s = from_base(base);

  s->send_fd = -1;
  if (wsuv__uv_stream_is_adopted(s))
    close_adopted(s);
  else
    uv_close(&s->uv.handle, closed);
}

int wsuv__uv_stream_address_text(const struct sockaddr *address, char *out, size_t size) {
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

int wsuv__uv_stream_peer(const uv_stream_t *handle, struct sockaddr_storage *out) {
  int len = sizeof *out;

  if (handle->type != UV_TCP)
    return UV_EINVAL;
  return uv_tcp_getpeername((const uv_tcp_t *)(const void *)handle, (struct sockaddr *)out, &len);
}

static int peer_address(const struct wsuv__stream *base, char *out, size_t size) {
  const struct wsuv__uv_stream *s = (const struct wsuv__uv_stream *)(const void *)base;
  struct sockaddr_storage address;
  int err;

  if (s->handle->type != UV_TCP)
    return (size_t)snprintf(out, size, s->handle->type == UV_TTY ? "tty" : "unix") < size
               ? 0
               : WSUV_ENOBUFS;
  err = wsuv__uv_stream_peer(s->handle, &address);
  return err != 0 ? err : wsuv__uv_stream_address_text((struct sockaddr *)&address, out, size);
}

static const struct wsuv__stream_ops ops = {
    .read_start = start_reading,
    .read_stop = stop_reading,
    .try_write = wsuv__uv_stream_try_write,
    .write = write_all,
    .unwritten = count_unwritten,
    .held = count_held,
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
  stream->read_max = 0;
  stream->send_fd = -1;
  stream->asks_owner = 0;
  stream->is_owners = 0;
}

static void set_up_own(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                       const struct wsuv__stream_events *events, void *owner) {
  set_up(stream, loop, events, owner);
  stream->handle = &stream->uv.stream;
  stream->handle->data = stream;
}

int wsuv__uv_stream_init_tcp(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                             const struct wsuv__stream_events *events, void *owner) {
  int err = uv_tcp_init(loop->uv, &stream->uv.tcp);
  if (err == 0)
    set_up_own(stream, loop, events, owner);
  return err;
}

int wsuv__uv_stream_init_pipe(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                              const struct wsuv__stream_events *events, void *owner) {
  int err = uv_pipe_init(loop->uv, &stream->uv.pipe, 0);
  if (err == 0)
    set_up_own(stream, loop, events, owner);
  return err;
}

int wsuv__uv_stream_judge(const uv_stream_t *handle, const uv_loop_t *uv) {
  if (handle == NULL)
    return WSUV_EINVAL;
  if (handle->type != UV_TCP && handle->type != UV_NAMED_PIPE && handle->type != UV_TTY)
    return WSUV_EINVAL;
  if (handle->loop != uv || uv_is_closing((const uv_handle_t *)handle) || !uv_is_readable(handle) ||
      !uv_is_writable(handle))
    return WSUV_ESTREAM;
  return 0;
}

void wsuv__uv_stream_adopt(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                           const struct wsuv__stream_events *events, void *owner,
                           uv_stream_t *handle, int own, uv_close_cb close_cb) {
  struct wsuv__adopted *adopted = &stream->uv.adopted;

  set_up(stream, loop, events, owner);
  memset(adopted, 0, sizeof *adopted);
  wsuv__list_init(&adopted->task.link);
  adopted->task.run = adopted_let_go;
  adopted->data = handle->data;
  adopted->own = own;
  adopted->close_cb = close_cb;
  stream->handle = handle;
  uv_read_stop(handle); /* the application may have read until now */
  handle->data = stream;
}

void wsuv__uv_stream_keep_open(struct wsuv__uv_stream *stream) {
  stream->uv.adopted.own = 0;
  stream->uv.adopted.close_cb = NULL;
}

static void connect_done(uv_connect_t *req, int status) {
  struct wsuv__uv_stream *s = req->handle->data;

  wsuv__release(s->loop->allocator, req);
  s->base.events->on_connected(s->base.owner, status);
}

int wsuv__uv_stream_connect_tcp(struct wsuv__uv_stream *s, const struct sockaddr *address) {
  uv_connect_t *req = wsuv__alloc(s->loop->allocator, sizeof *req);
  int err;

  if (req == NULL)
    return WSUV_ENOMEM;
  err = uv_tcp_connect(req, &s->uv.tcp, address, connect_done);
  if (err != 0)
    wsuv__release(s->loop->allocator, req);
  return err;
}

int wsuv__uv_stream_connect_pipe(struct wsuv__uv_stream *s, const char *path) {
  uv_connect_t *req = wsuv__alloc(s->loop->allocator, sizeof *req);

  if (req == NULL)
    return WSUV_ENOMEM;
  uv_pipe_connect(req, &s->uv.pipe, path, connect_done);
  return 0;
}

/* libuv would cut it, and use another path than the one that was asked for. */
int wsuv__uv_stream_judge_path(const char *path) {
  return strlen(path) < PIPE_PATH_SIZE ? 0 : UV_ENAMETOOLONG;
}

void wsuv__uv_stream_nodelay(struct wsuv__uv_stream *stream) {
  if (stream->handle->type == UV_TCP)
    (void)uv_tcp_nodelay((uv_tcp_t *)(void *)stream->handle,
                         1); /* slower without it, never wrong */
}

int wsuv__uv_stream_nodelay_accepted(uv_tcp_t *listener) {
  return ACCEPTED_INHERIT_NODELAY && uv_tcp_nodelay(listener, 1) == 0;
}
