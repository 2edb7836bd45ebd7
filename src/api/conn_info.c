/* What a connection says of itself. */
#include "api/conn_rest.h"
#include "api/conn_tls.h"

wsuv_state_t wsuv_conn_state(const wsuv_conn_t *conn) {
  return (wsuv_state_t)conn->phase;
}

wsuv_role_t wsuv_conn_role(const wsuv_conn_t *conn) {
  return (wsuv_role_t)conn->config->endpoint.rules.role;
}

wsuv_loop_t *wsuv_conn_loop(const wsuv_conn_t *conn) {
  return conn->loop;
}

size_t wsuv_conn_queued(const wsuv_conn_t *conn) {
  return conn->tls != NULL ? wsuv__conn_tls_queued(conn) : wsuv__conn_waiting(conn);
}

size_t wsuv_conn_held_back(const wsuv_conn_t *conn) {
  return conn->awake != NULL ? conn->awake->endpoint.held_back : 0;
}

int wsuv_conn_rtt(const wsuv_conn_t *conn, wsuv_rtt_t *rtt) {
  return conn->awake != NULL ? wsuv_endpoint_rtt(&conn->awake->endpoint, rtt)
                             : wsuv__folded_rtt(&conn->folded, rtt);
}

const char *wsuv_conn_subprotocol(const wsuv_conn_t *conn) {
  return conn->subprotocol;
}

int wsuv_conn_peer(const wsuv_conn_t *conn, char *out, size_t size) {
  if (conn->transport != TRANSPORT_OPEN || conn->phase < WSUV_STATE_TLS_HANDSHAKE)
    return WSUV_ESTATE;
  return wsuv__conn_top(conn)->ops->peer(wsuv__conn_top(conn), out, size);
}

void *wsuv_conn_data(const wsuv_conn_t *conn) {
  return conn->data;
}

void wsuv_conn_set_data(wsuv_conn_t *conn, void *data) {
  conn->data = data;
}

wsuv_server_t *wsuv_conn_server(const wsuv_conn_t *conn) {
  return conn->server;
}

int wsuv_conn_message_rsv(const wsuv_conn_t *conn) {
  return conn->awake != NULL ? wsuv_endpoint_message_rsv(&conn->awake->endpoint) : 0;
}
