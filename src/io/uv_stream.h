/* A wsuv__stream on a uv_tcp_t or uv_pipe_t of its own, or on a stream that the application opened. */
#ifndef WSUV_IO_UV_STREAM_H
#define WSUV_IO_UV_STREAM_H

#include "io/loop.h"
#include "io/stream.h"

enum wsuv__adopted_state {
  ADOPTED_IN_USE,
  ADOPTED_LETTING_GO /* what libuv still holds is awaited, then the stream is the application's again */
};

/* Of a stream of the application's. */
struct wsuv__adopted {
  void *data; /* the handle's, put back at the end */
  uv_close_cb close_cb;
  int own;        /* non-zero: the end closes the handle */
  unsigned nreqs; /* writes and shutdowns under way: libuv cannot withdraw them */
  enum wsuv__adopted_state state;
  struct wsuv__task task; /* on_closed, outside of any caller */
};

struct wsuv__uv_stream {
  struct wsuv__stream base;
  struct wsuv__loop *loop;
  uv_stream_t *handle; /* uv.stream, or the application's */
  int send_fd;         /* what is written to past libuv (io/uv_stream_write.h); -1: nothing */
  uint16_t read_max;   /* octets of one read; 0: as many as the loop's buffer holds */
  uint8_t asks_owner;  /* set by the owner: it may have a place for what comes next */
  uint8_t is_owners;   /* what is being read lies there */
  /* The last member, in memory that may end behind the one that is used. */
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    struct wsuv__adopted adopted; /* where `handle` is the application's */
    uv_pipe_t pipe;
  } uv;
};

/* Octets of a stream that is never a pipe of its own. */
#define WSUV__UV_STREAM_TCP_SIZE (offsetof(struct wsuv__uv_stream, uv) + sizeof(uv_tcp_t))

/* After 0 the handle is libuv's until on_closed. */
int wsuv__uv_stream_init_tcp(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                             const struct wsuv__stream_events *events, void *owner);
int wsuv__uv_stream_init_pipe(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                              const struct wsuv__stream_events *events, void *owner);

/* WSUV_EINVAL: not a stream. WSUV_ESTREAM: closing, not connected, or of another loop. */
int wsuv__uv_stream_judge(const uv_stream_t *handle, const uv_loop_t *uv);

/* Takes a stream that was judged well. At the end it is closed, or only let go; then, behind on_closed, `close_cb` (may be
 * NULL) is called. One that the application closed itself is let go, and `close_cb` not called. */
void wsuv__uv_stream_adopt(struct wsuv__uv_stream *stream, struct wsuv__loop *loop,
                           const struct wsuv__stream_events *events, void *owner,
                           uv_stream_t *handle, int own, uv_close_cb close_cb);
int wsuv__uv_stream_is_adopted(const struct wsuv__uv_stream *stream);

/* The close of an adopted stream will only let it go, without close_cb. */
void wsuv__uv_stream_keep_open(struct wsuv__uv_stream *stream);

/* on_connected follows. WSUV_ENOMEM, errors of libuv. */
int wsuv__uv_stream_connect_tcp(struct wsuv__uv_stream *stream, const struct sockaddr *address);
int wsuv__uv_stream_connect_pipe(struct wsuv__uv_stream *stream, const char *path);

/* UV_ENAMETOOLONG for a path that a socket address cannot hold. */
int wsuv__uv_stream_judge_path(const char *path);

/* The address of the peer. UV_EINVAL for what is no TCP, or an error of libuv: it may be gone already. */
int wsuv__uv_stream_peer(const uv_stream_t *handle, struct sockaddr_storage *out);

/* "192.0.2.1:5000", "[2001:db8::1]:5000"; NUL-terminated and cut to `size`. 0, or WSUV_ENOBUFS when cut. */
int wsuv__uv_stream_address_text(const struct sockaddr *address, char *out, size_t size);

/* Small messages leave at once (TCP_NODELAY); nothing on a pipe. */
void wsuv__uv_stream_nodelay(struct wsuv__uv_stream *stream);

/* The same for all that a bound listener will accept, where the system knows that; non-zero if it does. */
int wsuv__uv_stream_nodelay_accepted(uv_tcp_t *listener);

#endif
