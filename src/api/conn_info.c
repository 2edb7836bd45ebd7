/* What a connection says of itself. */
#include "api/conn_rest.h"
#include "api/conn_tls.h"
#include "api/opening.h"

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

/* NULL where there is none, or not yet, or not any more. */
static const struct wsuv__head_parser *response_of(const wsuv_conn_t *conn) {
  const struct wsuv__connect *connect = conn->awake != NULL ? conn->awake->connect : NULL;

  return connect != NULL && wsuv__connect_was_answered(connect) ? &connect->head : NULL;
}

size_t wsuv_conn_response_nheaders(const wsuv_conn_t *conn) {
  const struct wsuv__head_parser *head = response_of(conn);

  return head != NULL ? wsuv__head_parser_nheaders(head) : 0;
}

wsuv_header_t wsuv_conn_response_header_at(const wsuv_conn_t *conn, size_t index) {
  return wsuv__head_parser_header(response_of(conn), index);
}

const char *wsuv_conn_response_header(const wsuv_conn_t *conn, const char *name) {
  const struct wsuv__head_parser *head = response_of(conn);
  wsuv_header_t found;

  return head != NULL && wsuv__head_parser_find(head, name, 0, &found) ? found.value : NULL;
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
