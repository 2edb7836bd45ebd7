#include "api/admission.h"

#include "api/adopt.h"
#include "api/conn_rest.h"
#include "api/conn_tls.h"
#include "api/opening.h"
#include "api/server.h"

/* So many at a time are told why they are not served; the others are dropped at once. */
#define MAX_TOLD 64u

/* ---- dropping ---- */

static int init_handle(wsuv_server_t *server, union wsuv__listener *handle) {
  uv_loop_t *uv = server->loop->io.uv;

  return server->listener.handle.type == UV_TCP ? uv_tcp_init(uv, &handle->tcp)
                                                : uv_pipe_init(uv, &handle->pipe, 0);
}

/* One that had rested for an accept that failed would rest for ever: libuv starts it again only after one that did not. */
int wsuv__server_accept_into(wsuv_server_t *server, uv_stream_t *stream) {
  int err = uv_accept(&server->listener.stream, stream);

  if (err != 0)
    (void)uv_listen(&server->listener.stream, server->backlog, server->on_connection);
  return err;
}

static void spare_closed(uv_handle_t *handle) {
  wsuv_server_t *server = handle->data;

  server->spare_state = SPARE_FREE;
  if (server->accept_waits && wsuv__server_is_listening(server))
    wsuv__loop_defer(&server->loop->io, &server->accept);
  wsuv__server_forget(server);
}

static void drop_connection(wsuv_server_t *server) {
  if (init_handle(server, &server->spare) != 0) {
    server->accept_waits = 1;
    return;
  }
  server->spare.handle.data = server;
  server->spare_state = SPARE_CLOSING;
  (void)wsuv__server_accept_into(server, &server->spare.stream);
  uv_close(&server->spare.handle, spare_closed);
}

/* ---- limits ---- */

void wsuv__server_count_rejection(wsuv_server_t *server, wsuv_rejection_t reason) {
  server->rejected[reason]++;
}

void wsuv__server_reject(wsuv_conn_t *conn, wsuv_rejection_t reason) {
  if (!conn->awake->is_rejected)
    wsuv__server_count_rejection(conn->server, reason);
  conn->awake->is_rejected = 1;
}

unsigned wsuv__server_refusal(const wsuv_server_t *server) {
  if (server->state != SERVER_RUNNING)
    return WSUV_REJECTED_STOPPING + 1;
  if (server->nconns - server->nturned_away >= server->max_connections)
    return WSUV_REJECTED_CONNECTIONS + 1;
  if (server->nhandshakes >= server->max_handshakes)
    return WSUV_REJECTED_HANDSHAKES + 1;
  return 0;
}

/* With TLS the answer would cost a handshake, which is what there are too many of. */
static int may_tell(const wsuv_server_t *server, unsigned refusal) {
  if (server->tls != NULL && refusal == WSUV_REJECTED_HANDSHAKES + 1)
    return 0;
  return server->nturned_away < MAX_TOLD;
}

/* Counted already. Its handshake is not one of those that are limited: who is refused would keep others out. */
static void turn_away(wsuv_conn_t *conn, unsigned refusal) {
  conn->turned_away = (uint8_t)refusal;
  conn->awake->is_rejected = 1;
  conn->server->nturned_away++;
  wsuv__server_settle_handshake(conn);
}

int wsuv__server_enter(wsuv_conn_t *conn, const uv_stream_t *stream) {
  wsuv_server_t *server = conn->server;
  struct sockaddr_storage peer;
  struct wsuv__address address;
  enum wsuv__address_kind kind;

  if (server->visitors.max == WSUV__NEVER || wsuv__uv_stream_peer(stream, &peer) != 0)
    return 0;
  kind = wsuv__address_of((const struct sockaddr *)&peer, &address);
  if (kind == ADDRESS_NONE || (kind == ADDRESS_LOCAL && !server->counts_local))
    return 0;
  return wsuv__visitors_enter(&server->visitors, &address, &conn->visitor);
}

/* ---- accepting ---- */

static int init_transport(wsuv_conn_t *conn) {
  int is_tcp = conn->server->listener.handle.type == UV_TCP;
  int err = is_tcp ? wsuv__uv_stream_init_tcp(&conn->stream, &conn->loop->io,
                                              &wsuv__conn_stream_events, conn)
                   : wsuv__uv_stream_init_pipe(&conn->stream, &conn->loop->io,
                                               &wsuv__conn_stream_events, conn);
  if (err != 0)
    return err;
  conn->transport = TRANSPORT_OPEN;
  conn->pending = 1;
  return 0;
}

static wsuv_state_t first_phase(const wsuv_server_t *server) {
  return server->tls != NULL ? WSUV_STATE_TLS_HANDSHAKE : WSUV_STATE_OPENING_HANDSHAKE;
}

static wsuv_conn_t *new_accepted_conn(wsuv_server_t *server) {
  wsuv_conn_t *conn = wsuv__server_new_conn(server, first_phase(server));

  if (conn == NULL || init_transport(conn) == 0)
    return conn;
  wsuv__server_drop_conn(conn);
  return NULL;
}

/* Too many of its address: known only once it has a descriptor. */
static int admit(wsuv_conn_t *conn, const uv_stream_t *stream) {
  int err = wsuv__server_enter(conn, stream);

  if (err != WSUV_EADDRESS)
    return err;
  wsuv__server_reject(conn, WSUV_REJECTED_ADDRESS);
  if (!may_tell(conn->server, WSUV_REJECTED_ADDRESS + 1))
    return err;
  turn_away(conn, WSUV_REJECTED_ADDRESS + 1);
  return 0;
}

/* A request has memory from its first octet on. */
static int begin(wsuv_conn_t *conn) {
  return conn->server->tls != NULL ? wsuv__conn_tls_accept(conn) : 0;
}

/* To be served, or to be told why not. */
static int let_in(wsuv_conn_t *conn, const uv_stream_t *stream) {
  int err = conn->turned_away == 0 ? admit(conn, stream) : 0;

  return err == 0 ? begin(conn) : err;
}

static void start_conn(wsuv_server_t *server, wsuv_conn_t *conn, unsigned refusal) {
  int err = wsuv__server_accept_into(server, conn->stream.handle);

  wsuv__conn_enter(conn);
  if (!server->nodelay_accepted)
    wsuv__conn_set_delay(conn);
  if (refusal != 0)
    turn_away(conn, refusal);
  if (err == 0)
    err = let_in(conn, conn->stream.handle);
  if (err != 0) {
    wsuv__server_reject(conn, WSUV_REJECTED_RESOURCES);
    wsuv__conn_release(conn, err);
  }
  wsuv__conn_leave(conn);
}

static unsigned count_refusal(wsuv_server_t *server) {
  unsigned refusal = wsuv__server_refusal(server);

  if (refusal != 0)
    wsuv__server_count_rejection(server, (wsuv_rejection_t)(refusal - 1));
  return refusal;
}

/* ---- from another loop ---- */

static int start_handed(wsuv_conn_t *conn, uv_stream_t *stream, unsigned refusal) {
  int err;

  if (refusal != 0)
    turn_away(conn, refusal);
  err = let_in(conn, stream);
  if (err != 0) {
    wsuv__server_reject(conn, WSUV_REJECTED_RESOURCES);
    wsuv__server_drop_conn(conn);
  }
  return err;
}

int wsuv__server_take(wsuv_server_t *server, uv_stream_t *stream,
                      const wsuv_adopt_options_t *options) {
  unsigned refusal = count_refusal(server);
  wsuv_conn_t *conn;
  int err;

  if (!wsuv__server_is_listening(server) || (refusal != 0 && !may_tell(server, refusal)))
    return WSUV_EBUSY;
  conn = wsuv__server_new_conn(server, first_phase(server));
  if (conn == NULL) {
    if (refusal == 0)
      wsuv__server_count_rejection(server, WSUV_REJECTED_RESOURCES);
    return WSUV_ENOMEM;
  }
  err = start_handed(conn, stream, refusal);
  if (err == 0)
    wsuv__adopt_take(conn, stream, options);
  return err;
}

/* ---- from the listener ---- */

/* The listener rests until something that is awaited has come; libuv stops it by itself when a connection is not taken. */
static int must_rest(const wsuv_server_t *server) {
  if (wsuv__reserve_is_used(&server->reserve) || server->spare_state != SPARE_FREE)
    return 1;
  return server->tls != NULL && server->ntls_handshakes >= server->max_tls_handshakes;
}

static void take_connection(wsuv_server_t *server) {
  unsigned refusal = count_refusal(server);
  wsuv_conn_t *conn;

  conn = refusal == 0 || may_tell(server, refusal) ? new_accepted_conn(server) : NULL;
  if (conn != NULL) {
    start_conn(server, conn, refusal);
    return;
  }
  if (refusal == 0)
    wsuv__server_count_rejection(server, WSUV_REJECTED_RESOURCES);
  drop_connection(server);
}

void wsuv__server_on_connection(uv_stream_t *listener, int status) {
  wsuv_server_t *server = listener->data;

  if (status != 0)
    wsuv__reserve_use(server, status);
  else if (must_rest(server))
    server->accept_waits = 1;
  else
    take_connection(server);
}

/* Never while connections are walked through or freed. */
void wsuv__server_accept_waiting(struct wsuv__task *task) {
  wsuv_server_t *server = WSUV__LIST_ENTRY(task, wsuv_server_t, accept);

  if (!server->accept_waits || !wsuv__server_is_listening(server))
    return;
  server->accept_waits = 0;
  server->on_connection(&server->listener.stream, 0);
}
