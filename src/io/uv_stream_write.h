/* The write that takes what fits, and the end behind it. While nothing is queued they go to a TCP socket of our own past libuv,
 * where the system has a call that raises no signal: with the same results, in fewer steps. */
#ifndef WSUV_IO_UV_STREAM_WRITE_H
#define WSUV_IO_UV_STREAM_WRITE_H

#include "io/uv_stream.h"

/* The stream is connected, or will not be written to any more: whether there is a descriptor to be written to. */
void wsuv__uv_stream_find_descriptor(struct wsuv__uv_stream *stream);

/* wsuv__stream_ops.try_write. */
int wsuv__uv_stream_try_write(struct wsuv__stream *base, const uv_buf_t *bufs, unsigned nbufs);

/* Ends the write side at once where nobody waits to be told: without the round through the loop that libuv makes. 0: libuv has
 * to. */
int wsuv__uv_stream_try_shutdown(struct wsuv__uv_stream *stream);

#endif
