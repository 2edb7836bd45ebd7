/* Setting up a server whose listener is one of several. */
#ifndef WSUV_API_LISTEN_H
#define WSUV_API_LISTEN_H

#include "wsuv/server.h"

/* How a server listens that has others beside it, on other loops. */
struct wsuv__listening {
  int reuse_port;                 /* they bind to the same port */
  uv_connection_cb on_connection; /* takes what waits at the stream, whose data is the server */
};

/* wsuv_server_listen. */
int wsuv__server_listen(wsuv_loop_t *loop, wsuv_server_t **out,
                        const wsuv_server_options_t *options, const wsuv_server_handler_t *handler,
                        void *data, const struct wsuv__listening *how);

#endif
