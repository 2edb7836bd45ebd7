#include "api/conn_tls.h"

#include "api/admission.h"
#include "api/conn_rest.h"
#include "api/opening.h"
#include "api/server.h"
#include "api/stats.h"
#include "http/response.h"
#include "io/tls_stream.h"
#include "proto/endpoint_closing.h"
#include "wsuv/tls_info.h"

int wsuv__conn_tls_new(wsuv_conn_t *conn, wsuv_tls_context_t *context, const char *host,
                       unsigned port) {
  return wsuv__tls_stream_new(&conn->tls, &conn->loop->io, context, host, port);
}

int wsuv__conn_tls_accept(wsuv_conn_t *conn) {
  int err = wsuv__conn_tls_new(conn, conn->server->tls, NULL, 0);

  if (err == 0)
    wsuv__server_begin_tls(conn->server);
  return err;
}

void wsuv__conn_tls_settle(wsuv_conn_t *conn) {
  if (conn->server != NULL && conn->tls != NULL)
    wsuv__server_settle_tls(conn->server);
}

void wsuv__conn_tls_free(wsuv_conn_t *conn) {
  if (conn->tls == NULL)
    return;
  if (conn->phase == WSUV_STATE_TLS_HANDSHAKE)
    wsuv__conn_tls_settle(conn); /* it never got a transport */
  wsuv__tls_stream_free(conn->tls);
  conn->tls = NULL;
}

struct wsuv__stream *wsuv__conn_tls_top(const wsuv_conn_t *conn) {
  return wsuv__tls_stream_state(conn->tls) == TLS_NEW
             ? (struct wsuv__stream *)(uintptr_t)&conn->stream.base
             : wsuv__tls_stream_base(conn->tls);
}

void wsuv__conn_tls_start(wsuv_conn_t *conn) {
  if (conn->transport != TRANSPORT_OPEN || wsuv__tls_stream_state(conn->tls) != TLS_NEW)
    return;
  wsuv__tls_stream_put_on(conn->tls, &conn->stream.base, &wsuv__conn_stream_events, conn);
  wsuv__tls_stream_start(conn->tls);
}

/* ---- failures ---- */

void wsuv__conn_tls_note_failure(wsuv_conn_t *conn) {
  const char *detail = conn->tls != NULL ? wsuv__tls_stream_detail(conn->tls) : NULL;

  if (detail != NULL)
    wsuv__conn_set_detail(conn, detail);
}

int wsuv__conn_tls_is_cause(const wsuv_conn_t *conn) {
  return conn->tls != NULL && !conn->opened && wsuv__tls_stream_has_failed(conn->tls);
}

int wsuv__conn_tls_must_linger(const wsuv_conn_t *conn) {
  return conn->tls != NULL && conn->phase < WSUV_STATE_CLOSING_TRANSPORT &&
         wsuv__tls_stream_state(conn->tls) == TLS_FAILED;
}

void wsuv__conn_tls_linger(wsuv_conn_t *conn, int err) {
  if (conn->error == 0)
    conn->error = err;
  (void)wsuv__endpoint_closing_step(&conn->awake->endpoint, CLOSING_ON_EOF);
  wsuv__conn_set_phase(conn, WSUV_STATE_CLOSING_TRANSPORT);
  wsuv__conn_start_close_timeout(conn);
  if (wsuv__conn_top(conn)->ops->shutdown(wsuv__conn_top(conn)) != 0)
    wsuv__conn_release(conn, err);
}

static void tell_server(wsuv_conn_t *conn, int err, const char *detail) {
  const wsuv_server_handler_t *handler = conn->server->handler;
  wsuv_tls_failure_t failure;
  char peer[128];

  wsuv__server_reject(conn, WSUV_REJECTED_TLS);
  if (handler->on_tls_failed == NULL)
    return;
  if (wsuv__conn_top(conn)->ops->peer(wsuv__conn_top(conn), peer, sizeof peer) != 0)
    peer[0] = '\0';
  failure.peer = peer;
  failure.error = err;
  failure.detail = detail != NULL ? detail : wsuv_strerror(err);
  handler->on_tls_failed(conn->server, &failure);
}

/* Who came with http:// or ws:// gets an answer that it understands. */
static void answer_http(wsuv_conn_t *conn) {
  static const char body[] = "This port speaks TLS: use wss:// or https://\n";
  struct wsuv__stream *lower = &conn->stream.base;
  struct wsuv__buf text = {NULL, 0, 0};
  uv_buf_t buf;

  if (!wsuv__tls_stream_got_http(conn->tls))
    return;
  if (wsuv__response_write(&text, &conn->loop->allocator, 400, NULL, 0, body, sizeof body - 1) ==
      0) {
    buf = uv_buf_init((char *)text.base, (unsigned)text.len);
    (void)lower->ops->try_write(lower, &buf, 1);
  }
  wsuv__buf_free(&text, &conn->loop->allocator);
}

static void fail(wsuv_conn_t *conn, int err) {
  wsuv__conn_tls_note_failure(conn);
  if (conn->server != NULL) {
    answer_http(conn);
    tell_server(conn, err, wsuv__tls_stream_detail(conn->tls));
  }
  if (conn->phase != WSUV_STATE_TLS_HANDSHAKE)
    return; /* ended by that callback */
  if (wsuv__conn_tls_must_linger(conn))
    wsuv__conn_tls_linger(conn, err);
  else
    wsuv__conn_release(conn, err);
}

void wsuv__conn_tls_time_out(wsuv_conn_t *conn) {
  static const char detail[] = "the TLS handshake was not done within handshake_timeout_ms";

  wsuv__conn_set_detail(conn, detail);
  wsuv__stats_count_tls(conn, WSUV_ETIMEDOUT);
  if (conn->server != NULL)
    tell_server(conn, WSUV_ETIMEDOUT, detail);
  wsuv__conn_release(conn, WSUV_ETIMEDOUT);
}

/* ---- success ---- */

void wsuv__conn_tls_connected(wsuv_conn_t *conn, int status) {
  wsuv__conn_enter(conn);
  wsuv__stats_count_tls(conn, status);
  if (status != 0) {
    fail(conn, status);
  } else if (conn->server == NULL) {
    wsuv__connect_send_request(conn);
  } else {
    wsuv__conn_set_phase(conn, WSUV_STATE_OPENING_HANDSHAKE);
    if (conn->server->state != SERVER_RUNNING)
      wsuv__upgrade_refuse_stopping(conn);
  }
  wsuv__conn_leave(conn);
}

size_t wsuv__conn_tls_queued(const wsuv_conn_t *conn) {
  const struct wsuv__stream *top = wsuv__conn_tls_top(conn);
  size_t waiting = wsuv__conn_waiting(conn);

  return conn->transport == TRANSPORT_OPEN ? waiting + top->ops->held(top) : waiting;
}

size_t wsuv__conn_tls_unsent(const wsuv_conn_t *conn) {
  const struct wsuv__stream *top = wsuv__conn_top(conn);

  return top != &conn->stream.base ? top->ops->held(top) : 0;
}

/* ---- what is known of it ---- */

int wsuv_conn_tls(const wsuv_conn_t *conn, wsuv_tls_info_t *info) {
  return conn->tls != NULL ? wsuv__tls_stream_info(conn->tls, info) : WSUV_ESTATE;
}

int wsuv_conn_tls_peer(const wsuv_conn_t *conn, wsuv_tls_peer_fact_t fact, char *out, size_t size) {
  return conn->tls != NULL ? wsuv__tls_stream_peer(conn->tls, fact, out, size) : WSUV_ESTATE;
}

struct ssl_st *wsuv_conn_tls_ssl(const wsuv_conn_t *conn) {
  return conn->tls != NULL ? wsuv__tls_stream_ssl(conn->tls) : NULL;
}

int wsuv_upgrade_tls(const wsuv_upgrade_t *upgrade, wsuv_tls_info_t *info) {
  return upgrade->conn != NULL ? wsuv_conn_tls(upgrade->conn, info) : WSUV_ECANCELED;
}

int wsuv_upgrade_tls_peer(const wsuv_upgrade_t *upgrade, wsuv_tls_peer_fact_t fact, char *out,
                          size_t size) {
  return upgrade->conn != NULL ? wsuv_conn_tls_peer(upgrade->conn, fact, out, size)
                               : WSUV_ECANCELED;
}
