/* The client's way from wsuv_connect to on_open (RFC 6455 4.1). */
#include <stdio.h>
#include <string.h>

#include "api/adopt.h"
#include "api/conn_rest.h"
#include "api/conn_tls.h"
#include "api/opening.h"
#include "io/resolve.h"
#include "proto/extensions.h"

/* A client's connection brings its configuration along. */
struct client_conn {
  wsuv_conn_t conn;
  struct wsuv__conn_config config;
};

static int judge_stream(const wsuv_loop_t *loop, const wsuv_connect_options_t *o) {
  if (o->path != NULL || (o->adopt != NULL && o->adopt->leftover_len > 0))
    return WSUV_EINVAL;
  return wsuv__adopt_judge(loop, o->stream, o->adopt);
}

static int judge_options(const wsuv_loop_t *loop, const wsuv_connect_options_t *o,
                         const wsuv_handler_t *handler) {
  if (o == NULL || o->size < sizeof *o || o->url == NULL)
    return WSUV_EINVAL;
  if (handler == NULL || handler->size < sizeof *handler || handler->on_close == NULL)
    return WSUV_EINVAL;
  if (loop->state != LOOP_RUNNING)
    return WSUV_ESTATE;
  if (o->stream != NULL || o->adopt != NULL)
    return judge_stream(loop, o);
  return o->path != NULL ? wsuv__uv_stream_judge_path(o->path) : 0;
}

static int new_handshake(struct wsuv__connect *connect, const wsuv_allocator_t *a,
                         const wsuv_connect_options_t *o) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_CLIENT);

  options.allocator = a;
  options.url = o->url;
  options.origin = o->origin;
  options.subprotocols = o->subprotocols;
  options.nsubprotocols = o->nsubprotocols;
  options.headers = o->headers;
  options.nheaders = o->nheaders;
  options.extensions = o->extensions;
  options.nextensions = o->nextensions;
  return wsuv_handshake_new(&connect->handshake, &options);
}

/* Where to: a path, or a name to be resolved; nowhere with a stream. */
static int prepare_target(struct wsuv__connect *connect, const wsuv_allocator_t *a,
                          const wsuv_connect_options_t *o) {
  if (o->stream != NULL)
    return 0;
  if (o->path == NULL) {
    connect->resolve = wsuv__alloc_zeroed(a, sizeof *connect->resolve);
    return connect->resolve != NULL ? 0 : WSUV_ENOMEM;
  }
  connect->path = wsuv__alloc_text(a, o->path);
  return connect->path != NULL ? 0 : WSUV_ENOMEM;
}

void wsuv__connect_free(wsuv_conn_t *conn) {
  struct wsuv__connect *connect = conn->awake != NULL ? conn->awake->connect : NULL;
  const wsuv_allocator_t *a = &conn->loop->allocator;

  if (connect == NULL)
    return;
  conn->awake->connect = NULL;
  wsuv_handshake_free(connect->handshake);
  wsuv__head_parser_free(&connect->head);
  if (connect->resolve != NULL)
    wsuv__resolve_free(connect->resolve);
  wsuv__release(a, connect->resolve);
  wsuv_tls_context_release(connect->tls);
  wsuv__release(a, connect->tls_name);
  wsuv__release(a, connect->path);
  wsuv__release(a, connect);
}

/* The end of one that has no transport; of several addresses the last is named. */
static void fail_unconnected(wsuv_conn_t *conn, int err) {
  const struct wsuv__connect *connect = conn->awake->connect;
  const char *where =
      connect->path != NULL ? connect->path : wsuv__handshake_url(connect->handshake)->host;
  char address[80];
  char line[160];

  if (connect->address != NULL &&
      wsuv__uv_stream_address_text(connect->address, address, sizeof address) == 0)
    where = address;
  (void)snprintf(line, sizeof line, "%.100s: %s", where, wsuv_strerror(err));
  wsuv__conn_set_detail(conn, line);
  wsuv__conn_release(conn, err);
}

static void start_transport(wsuv_conn_t *conn, const struct sockaddr *address) {
  struct wsuv__uv_stream *stream = &conn->stream;
  struct wsuv__loop *io = &conn->loop->io;
  int err = address != NULL
                ? wsuv__uv_stream_init_tcp(stream, io, &wsuv__conn_stream_events, conn)
                : wsuv__uv_stream_init_pipe(stream, io, &wsuv__conn_stream_events, conn);

  conn->awake->connect->address = address;
  if (err == 0) {
    conn->transport = TRANSPORT_OPEN;
    conn->pending++;
    err = address != NULL ? wsuv__uv_stream_connect_tcp(stream, address)
                          : wsuv__uv_stream_connect_pipe(stream, conn->awake->connect->path);
  }
  if (err != 0)
    wsuv__connect_connected(conn, err);
}

static void try_next_address(wsuv_conn_t *conn) {
  const struct sockaddr *address = wsuv__resolve_next(conn->awake->connect->resolve);

  if (address != NULL)
    start_transport(conn, address);
  else
    fail_unconnected(conn, conn->awake->connect->last_error);
}

static void resolved(void *owner, int status) {
  wsuv_conn_t *conn = owner;

  wsuv__conn_enter(conn);
  if (conn->phase == WSUV_STATE_RESOLVING && status != 0) {
    fail_unconnected(conn, status);
  } else if (conn->phase == WSUV_STATE_RESOLVING) {
    wsuv__conn_set_phase(conn, WSUV_STATE_CONNECTING_TRANSPORT);
    conn->awake->connect->last_error = UV_EADDRNOTAVAIL;
    try_next_address(conn);
  }
  wsuv__conn_leave(conn);
  wsuv__conn_settle_pending(conn);
}

void wsuv__connect_cancel(wsuv_conn_t *conn) {
  if (conn->phase == WSUV_STATE_RESOLVING)
    wsuv__resolve_cancel(conn->awake->connect->resolve);
}

static int queue_request(wsuv_conn_t *conn) {
  wsuv_span_t text;
  int err = wsuv_handshake_request(conn->awake->connect->handshake, &text);

  return err == 0 ? wsuv__outbox_append_raw(&conn->awake->endpoint.outbox, text.data, text.len)
                  : err;
}

void wsuv__connect_send_request(wsuv_conn_t *conn) {
  int err = queue_request(conn);

  wsuv__conn_set_phase(conn, WSUV_STATE_OPENING_HANDSHAKE);
  if (err != 0)
    wsuv__conn_release(conn, err);
}

static void start_tls(wsuv_conn_t *conn) {
  int err = wsuv__connect_new_tls(conn);

  if (err == 0)
    wsuv__conn_set_phase(conn, WSUV_STATE_TLS_HANDSHAKE);
  else
    wsuv__conn_release(conn, err);
}

/* A handle that failed to connect cannot be used again: it is closed, and the next address is tried on a new one. */
static void give_up_address(wsuv_conn_t *conn, int status) {
  conn->awake->connect->last_error = status;
  if (conn->transport != TRANSPORT_OPEN) {
    if (conn->pending > 0) /* else wsuv_connect itself fails */
      fail_unconnected(conn, status);
    return;
  }
  conn->transport = TRANSPORT_CLOSING;
  conn->stream.base.ops->close(&conn->stream.base);
}

void wsuv__connect_connected(wsuv_conn_t *conn, int status) {
  if (conn->phase != WSUV_STATE_CONNECTING_TRANSPORT)
    return;
  if (status != 0) {
    give_up_address(conn, status);
    return;
  }
  wsuv__conn_enter(conn);
  wsuv__conn_set_delay(conn);
  if (conn->awake->connect->tls != NULL)
    start_tls(conn);
  else
    wsuv__connect_send_request(conn);
  wsuv__conn_leave(conn);
}

/* Called before the handle's own close is settled, so that a new handle keeps the connection alive. */
void wsuv__connect_closed(wsuv_conn_t *conn) {
  wsuv__conn_enter(conn);
  if (conn->awake->connect->resolve != NULL)
    try_next_address(conn);
  else
    fail_unconnected(conn, conn->awake->connect->last_error);
  wsuv__conn_leave(conn);
}

/* A refused or broken handshake ends without a Close frame (RFC 6455 4.1, 7.1.7). */
static void fail_handshake(wsuv_conn_t *conn, int err) {
  wsuv__conn_set_detail(conn, wsuv_handshake_detail(conn->awake->connect->handshake));
  wsuv__conn_release(conn, err);
}

/* A server that expects a ClientHello answers a request with an alert (RFC 8446 6). */
static void note_tls(wsuv_conn_t *conn, const uint8_t *bytes, size_t len) {
  if (conn->awake->connect->head.total == 0 && len >= 3 && bytes[0] == 21 && bytes[1] == 3)
    wsuv__conn_set_detail(conn, "the server speaks TLS on this port: use wss:// or https://");
}

/* More of it may be on its way: with that unread the kernel would reset the connection. */
static void fail_amid_response(wsuv_conn_t *conn, int err) {
  conn->error = err;
  wsuv__conn_end_orderly(conn);
}

int wsuv__connect_was_answered(const struct wsuv__connect *connect) {
  return connect->head.state == HEAD_COMPLETE || connect->head.state == HEAD_READING_BODY;
}

static int judge_response(struct wsuv__connect *connect) {
  size_t n = wsuv__head_parser_nheaders(&connect->head);
  size_t i;
  wsuv_span_t reason = wsuv__head_parser_reason(&connect->head);
  int err = wsuv_handshake_status_line(connect->handshake, connect->head.status);

  if (err == 0)
    err = wsuv_handshake_reason_phrase(connect->handshake, (const char *)reason.data, reason.len);
  for (i = 0; err == 0 && i < n; i++) {
    wsuv_header_t h = wsuv__head_parser_header(&connect->head, i);
    err = wsuv_handshake_header(connect->handshake, h.name, h.name_len, h.value, h.value_len);
  }
  return err == 0 ? wsuv_handshake_finish(connect->handshake) : err;
}

static void take_response(wsuv_conn_t *conn, uint8_t *rest, size_t len) {
  wsuv_handshake_t *handshake = conn->awake->connect->handshake;
  struct wsuv__extensions *set = NULL;
  int err = judge_response(conn->awake->connect);

  if (conn->phase != WSUV_STATE_OPENING_HANDSHAKE)
    return; /* ended by a hook of an extension's */
  if (err == 0)
    err = wsuv__conn_keep_subprotocol(conn, handshake);
  if (err == 0)
    err = wsuv__conn_prepare_extensions(conn, handshake, &set);
  if (err != 0) {
    fail_handshake(conn, err);
    return;
  }
  wsuv__conn_use_extensions(conn, handshake, set);
  wsuv__conn_open(conn, rest, len);
}

void wsuv__connect_receive(wsuv_conn_t *conn, uint8_t *bytes, size_t len) {
  struct wsuv__head_parser *head = &conn->awake->connect->head;
  size_t used = 0;
  int err;

  note_tls(conn, bytes, len);
  err = wsuv__head_parser_feed(head, bytes, len, &used);

  if (err != 0)
    fail_amid_response(conn, err);
  else if (head->state == HEAD_COMPLETE)
    take_response(conn, bytes + used, len - used);
}

void wsuv__connect_eof(wsuv_conn_t *conn, int err) {
  struct wsuv__head_parser *head = &conn->awake->connect->head;
  int rc;

  if (err != UV_EOF) {
    wsuv__conn_release(conn, err);
    return;
  }
  rc = wsuv__head_parser_eof(head);
  if (rc == 0 && head->state == HEAD_COMPLETE)
    take_response(conn, NULL, 0);
  else
    wsuv__conn_release(conn, rc != 0 ? rc : WSUV_EABNORMAL);
}

static int prepare(wsuv_conn_t *conn, const wsuv_connect_options_t *o) {
  const wsuv_allocator_t *a = &conn->loop->allocator;
  struct wsuv__connect *connect = wsuv__alloc_zeroed(a, sizeof *connect);
  int err;

  if (connect == NULL)
    return WSUV_ENOMEM;
  conn->awake->connect = connect;
  wsuv__head_parser_init(&connect->head, HEAD_RESPONSE, &conn->config->head, a);
  err = new_handshake(connect, a, o);
  if (err == 0)
    err = wsuv__extensions_judge(&conn->config->endpoint.rules, o->extensions, o->nextensions);
  if (err == 0)
    err = wsuv__connect_prepare_tls(conn, o);
  return err == 0 ? prepare_target(connect, a, o) : err;
}

static int start_on_stream(wsuv_conn_t *conn, const wsuv_connect_options_t *o) {
  int err;

  if (conn->awake->connect->tls != NULL) {
    err = wsuv__connect_new_tls(conn);
  } else {
    wsuv__conn_set_phase(conn, WSUV_STATE_OPENING_HANDSHAKE);
    err = queue_request(conn);
  }
  if (err == 0)
    wsuv__adopt_take(conn, o->stream, o->adopt);
  return err;
}

/* After this the connection is under way: what fails from here on is told by on_close. */
static int start(wsuv_conn_t *conn, const wsuv_connect_options_t *o) {
  const struct wsuv__url *url = wsuv__handshake_url(conn->awake->connect->handshake);
  int err;

  if (o->stream != NULL)
    return start_on_stream(conn, o);
  if (conn->awake->connect->path != NULL) {
    start_transport(conn, NULL);
    return conn->pending > 0 ? 0 : conn->awake->connect->last_error;
  }
  err = wsuv__resolve_start(conn->awake->connect->resolve, conn->loop->io.uv, url->host, url->port,
                            resolved, conn);
  if (err == 0)
    conn->pending++;
  return err;
}

static wsuv_state_t first_phase(const wsuv_connect_options_t *o) {
  if (o->stream != NULL)
    return WSUV_STATE_TLS_HANDSHAKE; /* which is skipped for ws:// */
  return o->path != NULL ? WSUV_STATE_CONNECTING_TRANSPORT : WSUV_STATE_RESOLVING;
}

static void drop(wsuv_conn_t *conn) {
  wsuv__budget_forget(&conn->loop->budget, conn);
  wsuv__connect_free(conn);
  wsuv__conn_tls_free(conn);
  wsuv__conn_end_awake(conn);
}

int wsuv_connect(wsuv_loop_t *loop, wsuv_conn_t **out, const wsuv_connect_options_t *options,
                 const wsuv_handler_t *handler, void *data) {
  struct client_conn *client;
  wsuv_conn_t *conn;
  int err = judge_options(loop, options, handler);

  *out = NULL;
  if (err != 0)
    return err;
  client = wsuv__alloc_zeroed(&loop->allocator, sizeof *client);
  if (client == NULL)
    return WSUV_ENOMEM;
  conn = &client->conn;
  conn->loop = loop;
  uv_update_time(loop->io.uv); /* the program may have been busy: the deadline counts from now */
  err = wsuv__conn_config_init(&client->config, options->conn, handler, WSUV_CLIENT,
                               &loop->allocator, &loop->io);
  if (err == 0) {
    err = wsuv__conn_init(conn, loop, &client->config, handler, first_phase(options));
  }
  if (err == 0)
    err = prepare(conn, options);
  if (err == 0)
    err = start(conn, options);
  if (err != 0) {
    if (conn->awake != NULL) /* it came as far as that */
      drop(conn);
    wsuv__release(&loop->allocator, client);
    return err;
  }
  conn->data = data;
  conn->handed_out = CONN_HANDED_OUT;
  wsuv__list_append(&loop->clients, &conn->link);
  wsuv__conn_mark(conn); /* sets the handshake's deadline */
  *out = conn;
  return 0;
}
