/* The way back: WebSocket ends, the application's stream does not. */
#include "api/conn_rest.h"

static int can_detach(const wsuv_conn_t *conn) {
  return conn->awake->endpoint.closing == CLOSING_NONE &&
         wsuv__uv_stream_is_adopted(&conn->stream) && conn->tls == NULL &&
         wsuv__endpoint_is_between_messages(&conn->awake->endpoint);
}

/* The endpoint keeps what is received: it becomes the leftover. */
int wsuv_conn_detach(wsuv_conn_t *conn, wsuv_detach_cb cb) {
  if (cb == NULL)
    return WSUV_EINVAL;
  wsuv__conn_take_publications(conn); /* which may be more than a slow reader is allowed */
  if (conn->phase != WSUV_STATE_OPEN)
    return WSUV_ESTATE;
  if (wsuv__conn_wake(conn) != 0)
    return WSUV_ENOMEM;
  if (!can_detach(conn))
    return WSUV_ESTATE;
  conn->awake->endpoint.delivery = DELIVERY_KEPT;
  if (conn->error ==
      WSUV_EABNORMAL) /* the peer's end, behind what is held: who gets the stream reads it again */
    conn->error = 0;
  wsuv__conn_set_phase(conn, WSUV_STATE_DETACHING);
  wsuv__conn_start_close_timeout(conn);
  conn->awake->detach_cb = cb;
  wsuv__conn_mark(conn);
  return 0;
}
