/* The states of a server, and what it listens with. */
#ifndef WSUV_API_SERVER_STATE_H
#define WSUV_API_SERVER_STATE_H

#include <uv.h>

/* A connection that cannot be served for lack of memory is taken from the listener all the same and dropped: else the
 * listener would not accept anything any more. */
enum wsuv__spare {
  SPARE_FREE,
  SPARE_CLOSING /* a dropped connection is closing */
};

enum wsuv__server_state {
  SERVER_RUNNING,
  SERVER_DRAINING, /* it listens, to tell that it stops */
  SERVER_CLOSING,  /* the listener is closing */
  SERVER_CLOSED    /* the listener is closed, connections may remain */
};

union wsuv__listener {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

#endif
