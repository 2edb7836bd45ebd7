#include "api/adopt.h"

#include "api/admission.h"
#include "api/conn_rest.h"
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

int wsuv__adopt_judge_for(wsuv_server_t *server, const uv_stream_t *stream,
                          const wsuv_adopt_options_t *options) {
  int err = wsuv__adopt_judge(server->loop, stream, options);
  unsigned refusal;

  if (err != 0)
    return err;
  if (!wsuv__server_is_listening(server))
    return WSUV_ESTATE;
  refusal = wsuv__server_refusal(server);
  if (refusal == 0)
    return 0;
  wsuv__server_count_rejection(server, (wsuv_rejection_t)(refusal - 1));
  return WSUV_EBUSY;
}

void wsuv__adopt_take(wsuv_conn_t *conn, uv_stream_t *stream, const wsuv_adopt_options_t *o) {
  wsuv__uv_stream_adopt(&conn->stream, &conn->loop->io, &wsuv__conn_stream_events, conn, stream,
                        o != NULL && o->own, o != NULL ? o->close_cb : NULL);
  wsuv__conn_set_delay(conn);
  conn->transport = TRANSPORT_OPEN;
  conn->pending = 1;
  wsuv__conn_mark(conn);
}

static int start_request(wsuv_conn_t *conn, const wsuv_adopt_options_t *o) {
  int err = wsuv__upgrade_start(conn);

  if (err == 0 && o != NULL && o->leftover_len > 0)
    err = wsuv__buf_append(&conn->awake->upgrade->leftover, &conn->loop->allocator, o->leftover,
                           o->leftover_len);
  return err;
}

/* What was read is the beginning of a ClientHello. */
static int start_tls(wsuv_conn_t *conn, const wsuv_adopt_options_t *o) {
  int err = wsuv__conn_tls_accept(conn);

  if (err == 0 && o != NULL && o->leftover_len > 0)
    err = wsuv__tls_stream_give(conn->tls, o->leftover, o->leftover_len);
  return err;
}

static int new_conn(wsuv_server_t *server, wsuv_conn_t **out, const uv_stream_t *stream,
                    const wsuv_adopt_options_t *o, wsuv_state_t phase) {
  wsuv_conn_t *conn = wsuv__server_new_conn(server, phase);
  int err = conn != NULL ? wsuv__server_enter(conn, stream) : WSUV_ENOMEM;

  if (err == 0)
    err = phase == WSUV_STATE_TLS_HANDSHAKE ? start_tls(conn, o) : start_request(conn, o);
  *out = conn;
  if (err == 0)
    return 0;
  wsuv__server_count_rejection(server, err == WSUV_EADDRESS ? WSUV_REJECTED_ADDRESS
                                                            : WSUV_REJECTED_RESOURCES);
  if (conn != NULL)
    wsuv__server_drop_conn(conn);
  return err;
}

int wsuv__adopt_new_conn(wsuv_server_t *server, wsuv_conn_t **out, const uv_stream_t *stream,
                         const wsuv_adopt_options_t *o) {
  return new_conn(server, out, stream, o, WSUV_STATE_OPENING_HANDSHAKE);
}

int wsuv_server_adopt(wsuv_server_t *server, uv_stream_t *stream,
                      const wsuv_adopt_options_t *options) {
  wsuv_conn_t *conn;
  int err = wsuv__adopt_judge_for(server, stream, options);

  if (err == 0)
    err = new_conn(server, &conn, stream, options,
                   server->tls != NULL ? WSUV_STATE_TLS_HANDSHAKE : WSUV_STATE_OPENING_HANDSHAKE);
  if (err == 0)
    wsuv__adopt_take(conn, stream, options);
  return err;
}
