/* An accepted connection as a descriptor, which can go to another loop; handles cannot. */
#ifndef WSUV_IO_DESCRIPTOR_H
#define WSUV_IO_DESCRIPTOR_H

#include <uv.h>

/* Whether the system has descriptors that may move: not Windows, where a socket stays with its completion port. */
int wsuv__descriptor_may_move(void);

/* One more for what the stream stands on; the stream is to be closed. Errors of libuv. */
int wsuv__descriptor_copy(const uv_stream_t *stream, uv_file *out);

/* Makes an initialized uv_tcp_t or uv_pipe_t of it, which owns it then. Errors of libuv. */
int wsuv__descriptor_open(uv_stream_t *stream, uv_file descriptor);

void wsuv__descriptor_close(uv_file descriptor);

#endif
