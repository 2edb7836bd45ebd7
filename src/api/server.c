#include "api/server.h"

#include <string.h>

#include "api/conn_tls.h"
#include "api/listen.h"
#include "api/opening.h"

/* Over max_connections so many more are told why; the rest is dropped at once. */
#define MAX_TOLD_BUSY 64u

static void free_if_done(wsuv_server_t *server) {
  wsuv_loop_t *loop = server->loop;

  if (server->state != SERVER_CLOSED || server->nconns > 0 || server->spare_state != SPARE_FREE)
    return;
  if (server->handler->on_close != NULL)
    server->handler->on_close(server);
  wsuv__list_remove(&server->link);
  wsuv__list_remove(&server->accept.link);
  wsuv__server_free(server);
  wsuv__loop_forget(loop);
}

void wsuv__server_forget(wsuv_server_t *server) {
  server->nconns--;
  free_if_done(server);
}

static void spare_closed(uv_handle_t *handle) {
  wsuv_server_t *server = handle->data;
  int wanted = server->spare_state == SPARE_WANTED;

  server->spare_state = SPARE_FREE;
  if (wanted && server->state == SERVER_RUNNING)
    wsuv__server_on_connection(&server->listener.stream, 0);
  else
    free_if_done(server);
}

static int init_handle(wsuv_server_t *server, union wsuv__listener *handle) {
  uv_loop_t *uv = server->loop->io.uv;

  return server->listener.handle.type == UV_TCP ? uv_tcp_init(uv, &handle->tcp)
                                                : uv_pipe_init(uv, &handle->pipe, 0);
}

static void drop_connection(wsuv_server_t *server) {
  if (server->spare_state != SPARE_FREE) {
    server->spare_state = SPARE_WANTED;
    return;
  }
  if (init_handle(server, &server->spare) != 0)
    return;
  server->spare.handle.data = server;
  server->spare_state = SPARE_CLOSING;
  (void)uv_accept(&server->listener.stream, &server->spare.stream);
  uv_close(&server->spare.handle, spare_closed);
}

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

wsuv_conn_t *wsuv__server_new_conn(wsuv_server_t *server, wsuv_state_t phase) {
  wsuv_conn_t *conn = wsuv__alloc(&server->loop->allocator, sizeof *conn);

  if (conn == NULL)
    return NULL;
  wsuv__conn_init(conn, server->loop, &server->config, server->handler->conn, phase);
  conn->server = server;
  wsuv__list_append(&server->conns, &conn->link);
  server->nconns++;
  return conn;
}

void wsuv__server_drop_conn(wsuv_conn_t *conn) {
  wsuv__upgrade_abandon(conn);
  wsuv__conn_tls_free(conn);
  wsuv__list_remove(&conn->link);
  conn->server->nconns--;
  wsuv__release(&conn->loop->allocator, conn);
}

static wsuv_conn_t *new_accepted_conn(wsuv_server_t *server) {
  wsuv_conn_t *conn = wsuv__server_new_conn(
      server, server->tls != NULL ? WSUV_STATE_TLS_HANDSHAKE : WSUV_STATE_OPENING_HANDSHAKE);

  if (conn == NULL || init_transport(conn) == 0)
    return conn;
  wsuv__server_drop_conn(conn);
  return NULL;
}

static void start_conn(wsuv_server_t *server, wsuv_conn_t *conn) {
  int busy = server->nconns > server->max_connections;
  int err = wsuv__uv_stream_accept(&conn->stream, &server->listener.stream);

  wsuv__conn_enter(conn);
  wsuv__conn_set_delay(conn);
  if (err == 0 && server->tls != NULL)
    err = wsuv__conn_tls_accept(conn);
  else if (err == 0 && !busy)
    err = wsuv__upgrade_start(conn);
  if (err != 0)
    wsuv__conn_release(conn, err);
  else if (busy && server->tls == NULL)
    wsuv__upgrade_refuse_busy(conn);
  wsuv__conn_leave(conn);
}

static int is_flooded(const wsuv_server_t *server) {
  return server->nconns >= server->max_connections &&
         server->nconns - server->max_connections >= MAX_TOLD_BUSY;
}

void wsuv__server_on_connection(uv_stream_t *listener, int status) {
  wsuv_server_t *server = listener->data;
  wsuv_conn_t *conn;

  if (status != 0)
    return; /* libuv has dealt with a lack of descriptors; the next connection tries again */
  if (server->tls != NULL && server->ntls_handshakes >= server->max_tls_handshakes) {
    server->accept_waits = 1;
    return;
  }
  conn = is_flooded(server) ? NULL : new_accepted_conn(server);
  if (conn != NULL)
    start_conn(server, conn);
  else
    drop_connection(server);
}

void wsuv__server_begin_tls(wsuv_server_t *server) {
  server->ntls_handshakes++;
}

void wsuv__server_settle_tls(wsuv_server_t *server) {
  server->ntls_handshakes--;
  if (server->accept_waits)
    wsuv__loop_defer(&server->loop->io, &server->accept);
}

/* Never while connections are walked through or freed. */
void wsuv__server_accept_waiting(struct wsuv__task *task) {
  wsuv_server_t *server = WSUV__LIST_ENTRY(task, wsuv_server_t, accept);

  if (!server->accept_waits || server->state != SERVER_RUNNING)
    return;
  server->accept_waits = 0;
  wsuv__server_on_connection(&server->listener.stream, 0);
}

static void listener_closed(uv_handle_t *handle) {
  wsuv_server_t *server = handle->data;

  server->state = SERVER_CLOSED;
  free_if_done(server);
}

static void nothing_to_close(struct wsuv__task *task) {
  wsuv_server_t *server = WSUV__LIST_ENTRY(task, wsuv_server_t, closed);

  server->state = SERVER_CLOSED;
  free_if_done(server);
}

static void close_listener(wsuv_server_t *server) {
  if (server->listener.handle.type != UV_UNKNOWN_HANDLE) {
    uv_close(&server->listener.handle, listener_closed);
    return;
  }
  server->closed.run = nothing_to_close;
  wsuv__loop_defer(&server->loop->io, &server->closed);
}

void wsuv_server_close(wsuv_server_t *server) {
  struct wsuv__list *node;

  if (server->state != SERVER_RUNNING)
    return;
  server->state = SERVER_CLOSING;
  close_listener(server);
  for (node = server->conns.next; node != &server->conns; node = node->next) {
    wsuv_conn_t *conn = WSUV__LIST_ENTRY(node, wsuv_conn_t, link);
    wsuv__upgrade_stop(conn);
  }
}

/* Connections end asynchronously: the list stays as it is while it is walked. */
void wsuv__server_end(wsuv_server_t *server) {
  struct wsuv__list *node;

  wsuv_server_close(server);
  for (node = server->conns.next; node != &server->conns; node = node->next)
    wsuv_conn_terminate(WSUV__LIST_ENTRY(node, wsuv_conn_t, link));
}

void wsuv_server_each(wsuv_server_t *server, void (*visit)(wsuv_conn_t *conn, void *arg),
                      void *arg) {
  struct wsuv__list *node;

  for (node = server->conns.next; node != &server->conns; node = node->next) {
    wsuv_conn_t *conn = WSUV__LIST_ENTRY(node, wsuv_conn_t, link);
    if (conn->opened && conn->phase != WSUV_STATE_RELEASING)
      visit(conn, arg);
  }
}

int wsuv_server_port(const wsuv_server_t *server) {
  return server->port;
}

size_t wsuv_server_nconns(const wsuv_server_t *server) {
  return server->nconns;
}

void *wsuv_server_data(const wsuv_server_t *server) {
  return server->data;
}
