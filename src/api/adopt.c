#include "api/adopt.h"

#include "api/conn_tls.h"
#include "api/opening.h"
#include "api/server.h"
#include "io/tls_stream.h"

int wsuv__adopt_judge(const wsuv_loop_t *loop, const uv_stream_t *stream,
                      const wsuv_adopt_options_t *o) {
  if (o != NULL && (o->size < sizeof *o || (o->leftover == NULL && o->leftover_len > 0)))
    return WSUV_EINVAL;
  return wsuv__uv_stream_judge(stream, loop->io.uv);
}

int wsuv__adopt_judge_for(const wsuv_server_t *server, const uv_stream_t *stream,
                          const wsuv_adopt_options_t *options) {
  int err = wsuv__adopt_judge(server->loop, stream, options);

  if (err != 0)
    return err;
  if (server->state != SERVER_RUNNING)
    return WSUV_ESTATE;
  return server->nconns < server->max_connections ? 0 : WSUV_EBUSY;
}

void wsuv__adopt_take(wsuv_conn_t *conn, uv_stream_t *stream, const wsuv_adopt_options_t *o) {
  wsuv__uv_stream_adopt(&conn->stream, &conn->loop->io, &wsuv__conn_stream_events, conn, stream,
                        o != NULL && o->own, o != NULL ? o->close_cb : NULL);
  wsuv__conn_set_delay(conn);
  conn->transport = TRANSPORT_OPEN;
  conn->pending = 1;
  wsuv__conn_mark(conn);
}

wsuv_conn_t *wsuv__adopt_new_conn(wsuv_server_t *server, const wsuv_adopt_options_t *o) {
  wsuv_conn_t *conn = wsuv__server_new_conn(server, WSUV_STATE_OPENING_HANDSHAKE);
  int err;

  if (conn == NULL)
    return NULL;
  err = wsuv__upgrade_start(conn);
  if (err == 0 && o != NULL && o->leftover_len > 0)
    err = wsuv__buf_append(&conn->upgrade->leftover, &server->loop->allocator, o->leftover,
                           o->leftover_len);
  if (err == 0)
    return conn;
  wsuv__server_drop_conn(conn);
  return NULL;
}

/* What was read is the beginning of a ClientHello. NULL: no memory. */
static wsuv_conn_t *new_tls_conn(wsuv_server_t *server, const wsuv_adopt_options_t *o) {
  wsuv_conn_t *conn = wsuv__server_new_conn(server, WSUV_STATE_TLS_HANDSHAKE);
  int err;

  if (conn == NULL)
    return NULL;
  err = wsuv__conn_tls_accept(conn);
  if (err == 0 && o != NULL && o->leftover_len > 0)
    err = wsuv__tls_stream_give(conn->tls, o->leftover, o->leftover_len);
  if (err == 0)
    return conn;
  wsuv__server_drop_conn(conn);
  return NULL;
}

int wsuv_server_adopt(wsuv_server_t *server, uv_stream_t *stream,
                      const wsuv_adopt_options_t *options) {
  int err = wsuv__adopt_judge_for(server, stream, options);
  wsuv_conn_t *conn;

  if (err != 0)
    return err;
  conn =
      server->tls != NULL ? new_tls_conn(server, options) : wsuv__adopt_new_conn(server, options);
  if (conn == NULL)
    return WSUV_ENOMEM;
  wsuv__adopt_take(conn, stream, options);
  return 0;
}
