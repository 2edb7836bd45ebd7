#include "api/server.h"

#include "api/conn_rest.h"
#include "api/conn_tls.h"
#include "api/opening.h"

/* Who is told last that the drain is over is told before. */
static int is_done(const wsuv_server_t *server) {
  return server->state == SERVER_CLOSED && server->nconns == 0 &&
         server->spare_state == SPARE_FREE && server->reserve.state == RESERVE_NONE &&
         server->drain.state != DRAIN_OWED;
}

void wsuv__server_forget(wsuv_server_t *server) {
  wsuv_loop_t *loop = server->loop;

  if (!is_done(server))
    return;
  if (server->handler->on_close != NULL)
    server->handler->on_close(server);
  wsuv__list_remove(&server->link);
  wsuv__list_remove(&server->accept.link);
  wsuv__server_free(server);
  wsuv__loop_forget(loop);
}

void wsuv__server_part_with(wsuv_conn_t *conn) {
  wsuv_server_t *server = conn->server;

  if (conn->visitor != NULL)
    wsuv__visitors_leave(&server->visitors, conn->visitor);
  if (conn->turned_away != 0)
    server->nturned_away--;
  server->nconns--;
  wsuv__drain_note_end(conn);
}

static size_t conn_size(const wsuv_server_t *server) {
  return server->listener.handle.type == UV_NAMED_PIPE ? sizeof(struct wsuv_conn)
                                                       : WSUV__CONN_TCP_SIZE;
}

wsuv_conn_t *wsuv__server_new_conn(wsuv_server_t *server, wsuv_state_t phase) {
  wsuv_conn_t *conn = wsuv__alloc_zeroed(&server->loop->allocator, conn_size(server));

  if (conn == NULL)
    return NULL;
  if (wsuv__conn_init(conn, server->loop, &server->config, server->handler->conn, phase) != 0) {
    wsuv__release(&server->loop->allocator, conn);
    return NULL;
  }
  conn->server = server;
  wsuv__list_append(&server->conns, &conn->link);
  server->nconns++;
  wsuv__server_begin_handshake(conn);
  return conn;
}

void wsuv__server_drop_conn(wsuv_conn_t *conn) {
  wsuv__upgrade_abandon(conn);
  wsuv__conn_tls_free(conn);
  wsuv__server_settle_handshake(conn);
  wsuv__server_part_with(conn);
  wsuv__list_remove(&conn->link);
  wsuv__budget_forget(&conn->loop->budget, conn);
  wsuv__conn_end_awake(conn);
  wsuv__release(&conn->loop->allocator, conn);
}

void wsuv__server_begin_handshake(wsuv_conn_t *conn) {
  conn->server->nhandshakes += !conn->in_handshake;
  conn->in_handshake = 1;
}

void wsuv__server_settle_handshake(wsuv_conn_t *conn) {
  if (conn->in_handshake)
    conn->server->nhandshakes--;
  conn->in_handshake = 0;
}

void wsuv__server_begin_tls(wsuv_server_t *server) {
  server->ntls_handshakes++;
}

void wsuv__server_settle_tls(wsuv_server_t *server) {
  server->ntls_handshakes--;
  if (server->accept_waits)
    wsuv__loop_defer(&server->loop->io, &server->accept);
}

void wsuv__server_set_state(wsuv_server_t *server, enum wsuv__server_state state) {
  server->state = state;
}

static void listener_closed(uv_handle_t *handle) {
  wsuv_server_t *server = handle->data;

  wsuv__server_set_state(server, SERVER_CLOSED);
  wsuv__server_forget(server);
}

static void nothing_to_close(struct wsuv__task *task) {
  wsuv_server_t *server = WSUV__LIST_ENTRY(task, wsuv_server_t, closed);

  wsuv__server_set_state(server, SERVER_CLOSED);
  wsuv__server_forget(server);
}

static void close_listener(wsuv_server_t *server) {
  wsuv__reserve_close(server);
  if (server->listener.handle.type != UV_UNKNOWN_HANDLE) {
    uv_close(&server->listener.handle, listener_closed);
    return;
  }
  server->closed.run = nothing_to_close;
  wsuv__loop_defer(&server->loop->io, &server->closed);
}

void wsuv_server_close(wsuv_server_t *server) {
  struct wsuv__list *node;

  if (!wsuv__server_is_listening(server))
    return;
  wsuv__server_set_state(server, SERVER_CLOSING);
  close_listener(server);
  wsuv__drain_end(server);
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
