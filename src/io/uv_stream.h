/* A wsuv__stream on a uv_tcp_t or uv_pipe_t of its own. */
#ifndef WSUV_IO_UV_STREAM_H
#define WSUV_IO_UV_STREAM_H

#include "io/loop.h"
#include "io/stream.h"

struct wsuv__uv_stream {
  struct wsuv__stream base;
  struct wsuv__loop *loop;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv;
  union { /* connecting is over when the shutdown begins */
    uv_connect_t connect;
    uv_shutdown_t shutdown;
  } req;
};

/* After 0 the handle is libuv's until on_closed. */
int wsuv__uv_stream_init_tcp(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                             const struct wsuv__stream_events *events, void *owner);
int wsuv__uv_stream_init_pipe(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                              const struct wsuv__stream_events *events, void *owner);

/* on_connected follows. */
int wsuv__uv_stream_connect_tcp(struct wsuv__uv_stream *stream, const struct sockaddr *address);
int wsuv__uv_stream_connect_pipe(struct wsuv__uv_stream *stream, const char *path);

/* UV_ENAMETOOLONG for a path that a socket address cannot hold. */
int wsuv__uv_stream_judge_path(const char *path);

/* Takes the connection that waits at the listener. */
int wsuv__uv_stream_accept(struct wsuv__uv_stream *stream, uv_stream_t *listener);

/* Small messages leave at once (TCP_NODELAY); nothing on a pipe. */
void wsuv__uv_stream_nodelay(struct wsuv__uv_stream *stream);

#endif
