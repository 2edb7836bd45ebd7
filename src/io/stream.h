/* What a connection sees of its transport. TCP, pipes, TLS over any of them and the tests' fake look alike. One read, one
 * write and one shutdown at a time; no callback runs inside a call. */
#ifndef WSUV_IO_STREAM_H
#define WSUV_IO_STREAM_H

#include <uv.h>

struct wsuv__stream;

struct wsuv__stream_ops {
  int (*read_start)(struct wsuv__stream *stream);
  void (*read_stop)(struct wsuv__stream *stream);

  /* Octets taken, 0 if the kernel takes none now, or an error. Only while no write is under way. */
  int (*try_write)(struct wsuv__stream *stream, const uv_buf_t *bufs, unsigned nbufs);

  /* Writes all of it; the memory must stay until on_written. */
  int (*write)(struct wsuv__stream *stream, const uv_buf_t *bufs, unsigned nbufs);

  /* Octets of the write under way that the kernel has not taken yet. */
  size_t (*unwritten)(const struct wsuv__stream *stream);

  /* Octets that try_write took and that the kernel has not taken yet. */
  size_t (*held)(const struct wsuv__stream *stream);

  /* Ends the write side behind what is being written; on_shutdown follows, if it is not NULL. */
  int (*shutdown)(struct wsuv__stream *stream);

  /* Ends everything; what is under way is called back with UV_ECANCELED, then on_closed. */
  void (*close)(struct wsuv__stream *stream);

  /* The peer's address as text: 0, UV_ENOBUFS or an error of libuv. */
  int (*peer)(const struct wsuv__stream *stream, char *out, size_t size);
};

struct wsuv__stream_events {
  /* A stream that asks its owner: where up to so many of the next octets are to be read to; 0: anywhere. NULL: never asked. */
  size_t (*on_alloc)(void *owner, uint8_t **base);
  void (*on_connected)(void *owner, int status);
  /* `nread` octets, or a negative error, UV_EOF among them. The memory may be overwritten until the call returns. */
  void (*on_read)(void *owner, ssize_t nread, uint8_t *bytes);
  void (*on_written)(void *owner, int status);
  /* NULL: nobody asks whether it failed; reading tells. */
  void (*on_shutdown)(void *owner, int status);
  void (*on_unheld)(
      void *owner); /* what try_write had taken is the kernel's now; NULL: not needed */
  void (*on_closed)(void *owner);
};

struct wsuv__stream {
  const struct wsuv__stream_ops *ops;
  const struct wsuv__stream_events *events;
  void *owner;
};

#endif
