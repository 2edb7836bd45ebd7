/* Who is told of the frames and failures of a loop's connections. */
#ifndef WSUV_API_TRACE_H
#define WSUV_API_TRACE_H

#include "api/conn_rest.h"
#include "wsuv/trace.h"

/* For wsuv_loop.frames. */
extern const struct wsuv__trace_hooks wsuv__trace_hooks;

/* A new connection's frames are to be kept or told. */
void wsuv__trace_begin(wsuv_conn_t *conn);

/* Tells of a failure that the peer caused, once. User code, so not from inside of a call. */
void wsuv__trace_tell_failure(wsuv_conn_t *conn);

/* There is one, and nobody was told. */
static inline int wsuv__trace_owes_failure(const wsuv_conn_t *conn) {
  return conn->awake != NULL && conn->awake->endpoint.error != 0 && !conn->awake->failure_told;
}

#endif
