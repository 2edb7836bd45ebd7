/* The short way of most messages that are sent; the others go the one of api/conn_send.c. */
#include "api/conn_rest.h"
#include "api/conn_send.h"
#include "api/server.h"
#include "proto/endpoint_cork.h"

/* Where there is a cork an event is being handled: the time is told, and the pump runs when it ends. */
static inline int goes_short(const wsuv_conn_t *conn) {
  return conn->phase == WSUV_STATE_OPEN && conn->is_plain == 1 &&
         !wsuv__conn_owes_publications(conn);
}

static inline int is_masked(const wsuv_conn_t *conn) {
  return conn->config->endpoint.rules.role == WSUV_CLIENT;
}

/* Other functions are called as the last thing only, so that nothing has to be kept over a call: that is a tenth of it. */
int wsuv_conn_send_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                           int flags) {
  struct wsuv_endpoint *ep;

  if (flags != 0 || conn->awake == NULL || !goes_short(conn))
    return wsuv__conn_send_message(conn, type, payload, len, flags);
  ep = &conn->awake->endpoint;
  if (ep->traffic == NULL ||
      !wsuv__endpoint_may_cork(ep, type, payload, len, conn->config->cork_limit))
    return wsuv__conn_send_message(conn, type, payload, len, 0);
  if (is_masked(conn) || (type == WSUV_TEXT && !wsuv__endpoint_delivers(ep, payload, len)))
    return wsuv__conn_cork_message(conn, type, payload, len);
  wsuv__endpoint_cork_plain(ep, type, payload, len);
  return 0;
}

int wsuv_conn_send_text(wsuv_conn_t *conn, const void *payload, size_t len) {
  return wsuv_conn_send_message(conn, WSUV_TEXT, payload, len, 0);
}

int wsuv_conn_send_binary(wsuv_conn_t *conn, const void *payload, size_t len) {
  return wsuv_conn_send_message(conn, WSUV_BINARY, payload, len, 0);
}
