/* The last things: completed sends and the close event. */
#ifndef WSUV_API_CONN_END_H
#define WSUV_API_CONN_END_H

#include "api/conn.h"

/* What a wsuv_send_t holds in its reserved space. */
struct wsuv__send_state {
  struct wsuv__outbox_entry entry;
};

static inline struct wsuv__send_state *wsuv__send_state_of(wsuv_send_t *req) {
  return (struct wsuv__send_state *)(void *)req->reserved;
}

/* What the error's text does not say: which opcode, bits or code it was; which option to turn, and where it stands. Empty for
 * any other error. */
void wsuv__conn_tell_fault(const wsuv_conn_t *conn, char *out, size_t size);

/* Calls back the requests that are done by now. */
void wsuv__conn_complete_sends(wsuv_conn_t *conn);

#endif
