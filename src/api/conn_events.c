/* What transport and endpoint tell a connection. */
#include <string.h>

#include "api/conn.h"
#include "api/conn_pump.h"
#include "api/conn_rest.h"
#include "api/conn_tls.h"
#include "api/opening.h"
#include "proto/endpoint_closing.h"
#include "proto/endpoint_hold.h"
#include "proto/endpoint_tail.h"

/* Another connection's callback may have stopped this one since the pump ran: then it is kept. A failure shows in the
 * endpoint's state. The rest of a message is read to where it belongs if all that came was of it: behind several messages there
 * may be several more, and one read takes them all. */
static void receive_frames(wsuv_conn_t *conn, uint8_t *bytes, size_t len) {
  struct wsuv_endpoint *ep = &conn->awake->endpoint;
  const struct wsuv__buf *unfinished = &ep->message.buf;

  if (conn->stream.is_owners)
    (void)wsuv__endpoint_receive_tail(ep, bytes, len);
  else
    (void)wsuv__endpoint_receive_or_hold(ep, bytes, len);
  conn->stream.asks_owner = unfinished->len > 0 && unfinished->len + WSUV_FRAME_HEADER_MAX >= len;
}

static void receive(wsuv_conn_t *conn, uint8_t *bytes, size_t len) {
  switch ((wsuv_state_t)conn->phase) {
  case WSUV_STATE_OPENING_HANDSHAKE:
    if (conn->server != NULL)
      wsuv__upgrade_receive(conn, bytes, len);
    else
      wsuv__connect_receive(conn, bytes, len);
    break;
  case WSUV_STATE_OPEN:
  case WSUV_STATE_CLOSING_HANDSHAKE:
  case WSUV_STATE_DETACHING:
    receive_frames(conn, bytes, len);
    break;
  case WSUV_STATE_RESOLVING:
  case WSUV_STATE_CONNECTING_TRANSPORT:
  case WSUV_STATE_TLS_HANDSHAKE:
  case WSUV_STATE_CLOSING_TRANSPORT:
  case WSUV_STATE_RELEASING:
    break;
  }
}

/* What came before the end is delivered before it, once the application reads on. */
static int waits_for_held(const wsuv_conn_t *conn) {
  return (conn->phase == WSUV_STATE_OPEN || conn->phase == WSUV_STATE_CLOSING_HANDSHAKE) &&
         wsuv__endpoint_eof_must_wait(&conn->awake->endpoint);
}

/* The end of the peer's side, or a broken transport (`err` is not UV_EOF). Who gets the stream back will read its end. */
static void receive_end(wsuv_conn_t *conn, int err) {
  wsuv__conn_tls_note_failure(conn);
  if (conn->phase == WSUV_STATE_OPENING_HANDSHAKE && conn->server == NULL) {
    wsuv__connect_eof(conn, err);
    return;
  }
  if (conn->phase == WSUV_STATE_DETACHING && err == UV_EOF)
    return;
  err = err == UV_EOF ? WSUV_EABNORMAL : err;
  if (waits_for_held(conn)) {
    conn->error = conn->error != 0 ? conn->error : err;
    (void)wsuv_endpoint_receive_eof(&conn->awake->endpoint);
    return;
  }
  if (wsuv__conn_tls_must_linger(conn))
    wsuv__conn_tls_linger(conn, err);
  else
    wsuv__conn_release(conn, err);
}

/* The rest of a large message. Memory that is limited for all is not taken ahead. */
static size_t on_alloc(void *owner, uint8_t **base) {
  wsuv_conn_t *conn = owner;

  return conn->phase == WSUV_STATE_OPEN && conn->awake != NULL &&
                 !wsuv__budget_is_set(&conn->loop->budget)
             ? wsuv__endpoint_tail(&conn->awake->endpoint, base)
             : 0;
}

static int wake_for_event(wsuv_conn_t *conn) {
  int err = wsuv__conn_get_up(conn);

  if (err != 0)
    wsuv__conn_release(conn, err);
  return err;
}

int wsuv__conn_enter(wsuv_conn_t *conn) {
  struct wsuv__loop *io = &conn->loop->io;
  struct wsuv_endpoint *ep;

  if (conn->awake == NULL && wake_for_event(conn) != 0)
    return 0;
  ep = &conn->awake->endpoint;
  wsuv__endpoint_set_now(ep, wsuv__loop_now_ms(io));
  if (conn->depth++ > 0 || io->free_cork == NULL)
    return 1;
  wsuv__outbox_lend_cork(&ep->outbox, io->free_cork);
  io->free_cork = NULL;
  conn->loop->corked = conn;
  return 1;
}

static void on_read(void *owner, ssize_t nread, uint8_t *bytes) {
  wsuv_conn_t *conn = owner;

  if (!wsuv__conn_enter(conn))
    return;
  if (nread > 0 && conn->phase == WSUV_STATE_OPEN)
    receive_frames(conn, bytes, (size_t)nread);
  else if (nread > 0)
    receive(conn, bytes, (size_t)nread);
  else
    receive_end(conn, (int)nread);
  wsuv__conn_leave(conn);
}

static void on_written(void *owner, int status) {
  wsuv_conn_t *conn = owner;
  struct wsuv__outbox *outbox = &conn->awake->endpoint.outbox;

  wsuv__conn_enter(conn);
  conn->writing = 0;
  if (status == 0) {
    wsuv__conn_count_written(conn, outbox->window);
    wsuv__outbox_consume(outbox, outbox->window);
    wsuv__endpoint_note_output(&conn->awake->endpoint);
  } else {
    wsuv__conn_release(conn, status);
  }
  wsuv__conn_leave(conn);
}

/* on_drain may be owed. */
static void on_unheld(void *owner) {
  if (wsuv__conn_enter(owner))
    wsuv__conn_leave(owner);
}

static void on_connected(void *owner, int status) {
  const wsuv_conn_t *conn = owner;

  if (conn->phase == WSUV_STATE_TLS_HANDSHAKE)
    wsuv__conn_tls_connected(owner, status);
  else
    wsuv__connect_connected(owner, status);
}

static void on_closed(void *owner) {
  wsuv_conn_t *conn = owner;

  conn->transport = TRANSPORT_NONE;
  if (conn->phase == WSUV_STATE_CONNECTING_TRANSPORT)
    wsuv__connect_closed(conn);
  wsuv__conn_settle_pending(conn);
}

const struct wsuv__stream_events wsuv__conn_stream_events = {
    .on_alloc = on_alloc,
    .on_connected = on_connected,
    .on_read = on_read,
    .on_written = on_written,
    .on_unheld = on_unheld,
    .on_closed = on_closed,
};

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  wsuv_conn_t *conn = data;
  struct wsuv__cork *cork = &conn->loop->io.cork;

  if (conn->handler->on_message == NULL || conn->phase == WSUV_STATE_RELEASING)
    return;
  cork->text = type == WSUV_TEXT ? payload : NULL;
  cork->text_len = len;
  conn->handler->on_message(conn, type, payload, len);
  cork->text = NULL;
}

static void on_ping(void *data, const uint8_t *payload, size_t len) {
  wsuv_conn_t *conn = data;
  if (conn->handler->on_ping != NULL && conn->phase != WSUV_STATE_RELEASING)
    conn->handler->on_ping(conn, payload, len);
}

static void on_pong(void *data, const uint8_t *payload, size_t len) {
  wsuv_conn_t *conn = data;
  if (conn->handler->on_pong != NULL && conn->phase != WSUV_STATE_RELEASING)
    conn->handler->on_pong(conn, payload, len);
}

/* A claimed opcode that nobody takes is an unknown one (SEED-SPEC PER.8). */
static void on_control(void *data, int opcode, const uint8_t *payload, size_t len) {
  wsuv_conn_t *conn = data;
  if (conn->phase == WSUV_STATE_RELEASING)
    return;
  if (conn->handler->on_control != NULL)
    conn->handler->on_control(conn, opcode, payload, len);
  else
    (void)wsuv__endpoint_fail(&conn->awake->endpoint, WSUV_EOPCODE);
}

static void on_fragment(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len, int flags) {
  wsuv_conn_t *conn = data;
  if (conn->phase != WSUV_STATE_RELEASING)
    conn->handler->on_fragment(conn, type, payload, len, flags);
}

static const wsuv_endpoint_handler_t whole_messages = {
    .size = sizeof(wsuv_endpoint_handler_t),
    .on_message = on_message,
    .on_ping = on_ping,
    .on_pong = on_pong,
    .on_control = on_control,
};

static const wsuv_endpoint_handler_t pieces = {
    .size = sizeof(wsuv_endpoint_handler_t),
    .on_fragment = on_fragment,
    .on_ping = on_ping,
    .on_pong = on_pong,
    .on_control = on_control,
};

const wsuv_endpoint_handler_t *wsuv__conn_endpoint_handler(const wsuv_handler_t *handler) {
  return handler->on_fragment != NULL ? &pieces : &whole_messages;
}

/* In 32 bits: nobody opens for 49 days. */
static uint32_t duration(uint64_t from_ms, uint64_t to_ms) {
  return to_ms - from_ms < UINT32_MAX ? (uint32_t)(to_ms - from_ms) : UINT32_MAX;
}

/* Of what does not change any more. */
static int is_plain(const wsuv_conn_t *conn) {
  return conn->tls == NULL && conn->awake->endpoint.extensions == NULL &&
         conn->config->slow_reader == WSUV_SLOW_REFUSE && !wsuv__budget_is_set(&conn->loop->budget);
}

/* Bytes that came behind the head are the first frames (RFC 6455 4.1, 4.2.2): they are delivered after on_open. */
void wsuv__conn_open(wsuv_conn_t *conn, uint8_t *leftover, size_t len) {
  wsuv__endpoint_restart_timers(&conn->awake->endpoint);
  wsuv__conn_set_phase(conn, WSUV_STATE_OPEN);
  conn->stream.read_max = 0; /* the pump may have no more to do for it than to write */
  conn->handed_out = CONN_HANDED_OUT;
  conn->opened = 1;
  conn->is_plain = (uint8_t)is_plain(conn);
  conn->opening_ms = duration(conn->created_ms, wsuv__loop_now_ms(&conn->loop->io));
  conn->awake->head_unsent = (uint32_t)wsuv__outbox_waiting(&conn->awake->endpoint.outbox);
  if (conn->handler->on_open != NULL)
    conn->handler->on_open(conn);
  wsuv__connect_free(conn); /* on_open may ask what the server answered */
  if (len > 0 && conn->phase != WSUV_STATE_RELEASING)
    (void)wsuv__endpoint_receive_or_hold(&conn->awake->endpoint, leftover, len);
}

void wsuv__conn_end_orderly(wsuv_conn_t *conn) {
  if (conn->phase == WSUV_STATE_RELEASING)
    return; /* the end of an extension's session is user code, too */
  wsuv__outbox_seal(&conn->awake->endpoint.outbox);
  wsuv__endpoint_set_now(&conn->awake->endpoint,
                         wsuv__loop_now_ms(&conn->loop->io)); /* it may be late */
  (void)wsuv__endpoint_closing_step(&conn->awake->endpoint, CLOSING_ON_FAIL);
  wsuv__conn_set_phase(conn, WSUV_STATE_CLOSING_HANDSHAKE);
}

void wsuv__conn_end_with_response(wsuv_conn_t *conn, const struct wsuv__buf *response) {
  int err = wsuv__outbox_append_raw(&conn->awake->endpoint.outbox, response->base, response->len);

  if (err == 0)
    wsuv__conn_end_orderly(conn);
  else
    wsuv__conn_release(conn, err);
}
