/* Connections on streams that were upgraded already. */
#include <string.h>

#include "api/adopt.h"
#include "api/conn_rest.h"
#include "http/token.h"
#include "proto/endpoint_hold.h"
#include "proto/extensions.h"
#include "proto/traffic.h"

/* It brings its configuration along. */
struct attached_conn {
  wsuv_conn_t conn;
  struct wsuv__conn_config config;
};

static int judge(const wsuv_loop_t *loop, const uv_stream_t *stream, wsuv_role_t role,
                 const wsuv_attach_options_t *o, const wsuv_handler_t *handler) {
  if (o->size < sizeof *o || (role != WSUV_SERVER && role != WSUV_CLIENT))
    return WSUV_EINVAL;
  if (handler == NULL || handler->size < sizeof *handler || handler->on_close == NULL)
    return WSUV_EINVAL;
  if (o->subprotocol != NULL && !wsuv__token_is_valid(o->subprotocol, strlen(o->subprotocol)))
    return WSUV_EINVAL;
  if (o->extensions == NULL && o->nextensions > 0)
    return WSUV_EINVAL;
  if (loop->state != LOOP_RUNNING)
    return WSUV_ESTATE;
  return wsuv__adopt_judge(loop, stream, o->adopt);
}

static int keep_subprotocol(wsuv_conn_t *conn, const char *subprotocol) {
  conn->subprotocol = wsuv__alloc_text(&conn->loop->allocator, subprotocol);
  return conn->subprotocol != NULL ? 0 : WSUV_ENOMEM;
}

/* Received, but delivered only when the pump resumes: behind on_open, and so is what answers it. */
static int keep_leftover(wsuv_conn_t *conn, const wsuv_adopt_options_t *o) {
  int err;

  if (o == NULL || o->leftover_len == 0)
    return 0;
  wsuv__traffic_octets_came(&conn->awake->endpoint, o->leftover_len);
  err = wsuv__endpoint_hold(&conn->awake->endpoint, o->leftover, o->leftover_len);
  wsuv_endpoint_pause(&conn->awake->endpoint);
  return err;
}

/* After an error the sessions are still the application's. */
static int prepare(wsuv_conn_t *conn, const wsuv_attach_options_t *o) {
  struct wsuv__extensions *set = NULL;
  int err = o->subprotocol != NULL ? keep_subprotocol(conn, o->subprotocol) : 0;

  if (err == 0)
    err = wsuv__extensions_new(&set, &conn->loop->allocator, &conn->config->endpoint.rules,
                               o->extensions, o->nextensions);
  wsuv__endpoint_use_extensions(&conn->awake->endpoint, set);
  if (err == 0)
    err = keep_leftover(conn, o->adopt);
  if (err != 0) {
    conn->awake->endpoint.extensions = NULL;
    wsuv__release(&conn->loop->allocator, set);
  }
  return err;
}

static void drop(wsuv_conn_t *conn) {
  const wsuv_allocator_t *a = &conn->loop->allocator;

  wsuv__conn_end_awake(conn);
  wsuv__release(a, conn->subprotocol);
  wsuv__budget_forget(&conn->loop->budget, conn);
  wsuv__release(a, conn);
}

static int new_conn(wsuv_loop_t *loop, wsuv_conn_t **out, wsuv_role_t role,
                    const wsuv_attach_options_t *o, const wsuv_handler_t *handler) {
  struct attached_conn *attached = wsuv__alloc_zeroed(&loop->allocator, sizeof *attached);
  int err;

  if (attached == NULL)
    return WSUV_ENOMEM;
  err = wsuv__conn_config_init(&attached->config, o->conn, handler, role, &loop->allocator,
                               &loop->io);
  if (err != 0) {
    wsuv__release(&loop->allocator, attached);
    return err;
  }
  err = wsuv__conn_init(&attached->conn, loop, &attached->config, handler,
                        WSUV_STATE_OPENING_HANDSHAKE);
  if (err != 0) {
    wsuv__release(&loop->allocator, attached);
    return err;
  }
  err = prepare(&attached->conn, o);
  if (err == 0)
    *out = &attached->conn;
  else
    drop(&attached->conn);
  return err;
}

int wsuv_conn_attach(wsuv_loop_t *loop, wsuv_conn_t **out, uv_stream_t *stream, wsuv_role_t role,
                     const wsuv_attach_options_t *options, const wsuv_handler_t *handler,
                     void *data) {
  static const wsuv_attach_options_t presets = WSUV_ATTACH_OPTIONS_INIT;
  const wsuv_attach_options_t *o = options != NULL ? options : &presets;
  int err = judge(loop, stream, role, o, handler);

  *out = NULL;
  if (err == 0)
    err = new_conn(loop, out, role, o, handler);
  if (err != 0)
    return err;
  (*out)->data = data;
  (*out)->handed_out = CONN_HANDED_OUT;
  wsuv__list_append(&loop->clients, &(*out)->link);
  wsuv__adopt_take(*out, stream, o->adopt);
  return 0;
}
