/* The short way of most messages that are sent; the others go the one of api/conn_send.c. */
#include "api/conn_rest.h"
#include "api/conn_send.h"
#include "api/server.h"
#include "proto/endpoint_cork.h"

/* Where there is a cork an event is being handled: the time is told, and the pump runs when it ends. */
static inline int is_plain(const wsuv_conn_t *conn) {
  return conn->phase == WSUV_STATE_OPEN && conn->tls == NULL &&
         conn->config->slow_reader == WSUV_SLOW_REFUSE &&
         !wsuv__budget_is_set(&conn->loop->budget) && !wsuv__conn_owes_publications(conn);
}

int wsuv_conn_send_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                           int flags) {
  struct wsuv__awake *awake = conn->awake;

  if (flags != 0 || awake == NULL || !is_plain(conn) ||
      !wsuv__endpoint_cork_message(&awake->endpoint, type, payload, len))
    return wsuv__conn_send_message(conn, type, payload, len, flags);
  if (awake->endpoint.outbox.cork->len > conn->config->write_high_water)
    conn->water = WATER_HIGH;
  return 0;
}

int wsuv_conn_send_text(wsuv_conn_t *conn, const void *payload, size_t len) {
  return wsuv_conn_send_message(conn, WSUV_TEXT, payload, len, 0);
}

int wsuv_conn_send_binary(wsuv_conn_t *conn, const void *payload, size_t len) {
  return wsuv_conn_send_message(conn, WSUV_BINARY, payload, len, 0);
}
