/* Setting up a server and its listener. */
#ifndef WSUV_API_LISTEN_H
#define WSUV_API_LISTEN_H

#include <uv.h>

/* libuv's callback for a connection that waits to be accepted. */
void wsuv__server_on_connection(uv_stream_t *listener, int status);

#endif
