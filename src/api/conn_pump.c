#include "api/conn_pump.h"

#include <assert.h>

#include "api/conn_end.h"
#include "api/conn_rest.h"
#include "api/conn_tls.h"
#include "api/opening.h"
#include "api/trace.h"
#include "proto/endpoint_deadline.h"
#include "proto/traffic.h"

#define OPENING_READ_MAX (16u * 1024)

/* Callbacks may cause more of themselves: so many rounds, then the rest of the loop has its say. */
#define MAX_ROUNDS 16

static void fill_bufs(uv_buf_t *bufs, const wsuv_span_t *spans, size_t n) {
  size_t i;

  for (i = 0; i < n; i++) {
    bufs[i].base = (char *)(uintptr_t)spans[i].data; /* libuv only reads it */
    bufs[i].len = spans[i].len;
  }
}

void wsuv__conn_count_written(wsuv_conn_t *conn, size_t len) {
  struct wsuv__awake *awake = conn->awake;

  if (awake->head_unsent > 0) {
    size_t head = len < awake->head_unsent ? len : awake->head_unsent;
    awake->head_unsent -= (uint32_t)head;
    len -= head;
  }
  wsuv__traffic_octets_left(&awake->endpoint, len);
}

/* What cannot be written for good ends the connection here: nobody may be reading from it. */
static inline size_t try_write(wsuv_conn_t *conn, const uv_buf_t *bufs, unsigned nbufs) {
  struct wsuv__stream *top = wsuv__conn_top(conn);
  int rc = top->ops->try_write(top, bufs, nbufs);

  if (rc >= 0) {
    wsuv__conn_count_written(conn, (size_t)rc);
    return (size_t)rc;
  }
  wsuv__conn_release(conn, rc);
  return 0;
}

size_t wsuv__conn_write_now(void *arg, const wsuv_span_t *spans, size_t nspans) {
  wsuv_conn_t *conn = arg;
  uv_buf_t bufs[WSUV__OUTBOX_MAX_SPANS];

  if (conn->transport != TRANSPORT_OPEN || conn->writing)
    return 0;
  fill_bufs(bufs, spans, nspans);
  return try_write(conn, bufs, (unsigned)nspans);
}

static int start_write(wsuv_conn_t *conn) {
  struct wsuv__outbox *outbox = &conn->awake->endpoint.outbox;
  wsuv_span_t spans[WSUV__OUTBOX_MAX_SPANS];
  uv_buf_t bufs[WSUV__OUTBOX_MAX_SPANS];
  size_t n = wsuv__outbox_gather(outbox, spans, WSUV__OUTBOX_MAX_SPANS);
  int err;

  fill_bufs(bufs, spans, n);
  err = wsuv__conn_top(conn)->ops->write(wsuv__conn_top(conn), bufs, (unsigned)n);
  if (err == 0) {
    conn->writing = 1;
    conn->awake->unwritten = (uint32_t)outbox->window;
  } else {
    outbox->window = 0;
  }
  return err;
}

static int may_write(const wsuv_conn_t *conn) {
  return conn->transport == TRANSPORT_OPEN && !conn->writing &&
         conn->phase >= WSUV_STATE_OPENING_HANDSHAKE;
}

/* Behind a flush: what the kernel did not take is libuv's to write. */
static void write_rest(wsuv_conn_t *conn, int err) {
  wsuv__endpoint_note_output(&conn->awake->endpoint);
  if (err == 0 && conn->transport == TRANSPORT_OPEN && conn->awake->endpoint.outbox.queued > 0)
    err = start_write(conn);
  if (err != 0)
    wsuv__conn_release(conn, err);
}

static void write_output(wsuv_conn_t *conn) {
  if (may_write(conn))
    write_rest(conn, wsuv__outbox_flush(&conn->awake->endpoint.outbox));
}

static int owes_drain(const wsuv_conn_t *conn) {
  return conn->water == WATER_HIGH && conn->phase < WSUV_STATE_CLOSING_TRANSPORT &&
         wsuv_conn_queued(conn) <= conn->config->write_low_water;
}

/* Send callbacks and on_drain: what the application hears of its own output. */
static void report_output(wsuv_conn_t *conn) {
  wsuv__conn_complete_sends(conn);
  if (!owes_drain(conn))
    return;
  conn->water = WATER_LOW;
  if (conn->handler->on_drain != NULL)
    conn->handler->on_drain(conn);
}

static int owes_resume(const wsuv_conn_t *conn) {
  return conn->flow == FLOW_ON && conn->awake->endpoint.delivery == DELIVERY_PAUSED &&
         conn->phase >= WSUV_STATE_OPEN && conn->phase < WSUV_STATE_CLOSING_TRANSPORT;
}

/* _Close the WebSocket Connection_ (RFC 6455 7.1.1): the server ends its side first, a client gives it the time to. Both
 * read on and discard until the peer has ended too, since closing with input unread makes the kernel reset the connection,
 * and a reset can overtake our Close frame. */
static void close_transport(wsuv_conn_t *conn) {
  uint8_t closing = conn->awake->endpoint.closing;

  if (closing == CLOSING_CLEAN || closing == CLOSING_ABNORMAL ||
      conn->awake->endpoint.outbox.state == OUTBOX_DEAD) {
    wsuv__conn_release(conn, conn->awake->endpoint.outbox.state == OUTBOX_DEAD ? WSUV_ENOMEM : 0);
    return;
  }
  wsuv__conn_set_phase(conn, WSUV_STATE_CLOSING_TRANSPORT);
  wsuv__conn_start_close_timeout(conn);
  if (wsuv_conn_role(conn) == WSUV_CLIENT && closing == CLOSING_EXCHANGED)
    return;
  if (wsuv__conn_top(conn)->ops->shutdown(wsuv__conn_top(conn)) != 0)
    wsuv__conn_release(conn, 0);
}

static int owes_close(const wsuv_conn_t *conn) {
  return conn->phase < WSUV_STATE_CLOSING_TRANSPORT && conn->transport == TRANSPORT_OPEN &&
         wsuv_endpoint_wants_close(&conn->awake->endpoint);
}

/* The stream goes back once nothing of ours is on its way; not when octets were lost that belong to it. */
static void finish_detaching(wsuv_conn_t *conn) {
  const struct wsuv__outbox *outbox = &conn->awake->endpoint.outbox;

  if (conn->awake->endpoint.error != 0 || outbox->state == OUTBOX_DEAD) {
    wsuv__conn_release(conn, WSUV_ENOMEM);
  } else if (conn->error != 0) { /* it broke before, while reading was stopped */
    wsuv__conn_release(conn, conn->error);
  } else if (!conn->writing && wsuv__outbox_waiting(outbox) == 0) {
    wsuv__uv_stream_keep_open(&conn->stream);
    wsuv__conn_release(conn, 0);
  }
}

static void move_phase(wsuv_conn_t *conn) {
  if (wsuv__trace_owes_failure(conn))
    wsuv__trace_tell_failure(conn);
  wsuv__conn_follow_closing(conn);
  if (owes_close(conn))
    close_transport(conn);
  if (conn->phase == WSUV_STATE_DETACHING)
    finish_detaching(conn);
}

static int wants_reading(const wsuv_conn_t *conn) {
  switch ((wsuv_state_t)conn->phase) {
  case WSUV_STATE_OPENING_HANDSHAKE:
    return !wsuv__upgrade_is_full(conn->awake->upgrade) && !wsuv__upgrade_owes_step(conn);
  case WSUV_STATE_OPEN:
  case WSUV_STATE_CLOSING_HANDSHAKE:
    return wsuv_endpoint_wants_read(&conn->awake->endpoint);
  case WSUV_STATE_CLOSING_TRANSPORT:
    return 1;
  case WSUV_STATE_RESOLVING:
  case WSUV_STATE_CONNECTING_TRANSPORT:
  case WSUV_STATE_TLS_HANDSHAKE: /* TLS reads by itself */
  case WSUV_STATE_DETACHING:
  case WSUV_STATE_RELEASING:
    break;
  }
  return 0;
}

/* What comes behind a request before its answer is kept: as much as one read takes. */
static uint16_t read_max(const wsuv_conn_t *conn) {
  return conn->server != NULL && conn->phase <= WSUV_STATE_OPENING_HANDSHAKE ? OPENING_READ_MAX : 0;
}

static void set_reading(wsuv_conn_t *conn) {
  uint8_t wanted = conn->transport == TRANSPORT_OPEN && wants_reading(conn) &&
                   wsuv__budget_lets_read(&conn->loop->budget, conn);
  int err;

  conn->stream.read_max = read_max(conn);
  if (wanted == conn->reading)
    return;
  conn->reading = wanted;
  if (!wanted) {
    wsuv__conn_top(conn)->ops->read_stop(wsuv__conn_top(conn));
    return;
  }
  err = wsuv__conn_top(conn)->ops->read_start(wsuv__conn_top(conn));
  if (err != 0)
    wsuv__conn_release(conn, err);
}

static uint64_t next_deadline(const wsuv_conn_t *conn) {
  switch ((wsuv_state_t)conn->phase) {
  case WSUV_STATE_OPEN:
  case WSUV_STATE_CLOSING_HANDSHAKE:
    return wsuv_endpoint_next_deadline(&conn->awake->endpoint);
  case WSUV_STATE_RELEASING:
    return WSUV__NEVER;
  case WSUV_STATE_RESOLVING:
  case WSUV_STATE_CONNECTING_TRANSPORT:
  case WSUV_STATE_TLS_HANDSHAKE:
  case WSUV_STATE_OPENING_HANDSHAKE:
  case WSUV_STATE_CLOSING_TRANSPORT:
  case WSUV_STATE_DETACHING:
    break;
  }
  return conn->awake->due_ms;
}

/* A deadline that moves away is left where it is in the wheel, so that traffic never touches it. */
static inline void move_deadline(wsuv_conn_t *conn, uint64_t due) {
  if (due != WSUV__NEVER && due / WSUV__WHEEL_TICK_MS + 1 < conn->deadline.tick)
    wsuv__loop_set_deadline(&conn->loop->io, &conn->deadline, due);
}

/* Handshakes come to their end even if nothing else is left on the loop; a heartbeat keeps no program alive. */
static void set_deadline(wsuv_conn_t *conn) {
  uint64_t due = next_deadline(conn);
  int must_end = conn->phase != WSUV_STATE_OPEN && due != WSUV__NEVER;

  wsuv__conn_set_hold(conn, must_end ? HOLD_LOOP : HOLD_NONE);
  if (conn->deadline.tick == WSUV__WHEEL_AT_ONCE)
    return;
  if (due == WSUV__NEVER)
    wsuv__wheel_clear(&conn->deadline);
  else
    move_deadline(conn, due);
}

/* What callbacks did shows as output, completed sends, a phase or a pause; the pump ends when a round finds none. */
static int has_more(const wsuv_conn_t *conn) {
  const struct wsuv__outbox *outbox = &conn->awake->endpoint.outbox;

  if (conn->phase == WSUV_STATE_RELEASING)
    return 0;
  return !wsuv__list_is_empty(&outbox->done) || owes_drain(conn) || owes_resume(conn) ||
         owes_close(conn) || wsuv__upgrade_owes_step(conn) ||
         (may_write(conn) && wsuv__outbox_waiting(outbox) > 0);
}

/* What nearly every event leaves behind: an open connection that is read from, with nothing to do but to write the cork. */
static int owes_output_only(const wsuv_conn_t *conn) {
  const struct wsuv_endpoint *ep = &conn->awake->endpoint;
  const struct wsuv__outbox *outbox = &ep->outbox;

  return conn->phase == WSUV_STATE_OPEN && conn->transport == TRANSPORT_OPEN &&
         conn->reading == 1 && conn->writing == 0 && conn->flow == FLOW_ON &&
         conn->water == WATER_LOW && conn->hold == HOLD_NONE && ep->delivery == DELIVERY_FLOWING &&
         ep->closing == CLOSING_NONE && ep->error == 0 && outbox->state == OUTBOX_OPEN &&
         outbox->queued == 0 && wsuv__list_is_empty(&outbox->done) &&
         !wsuv__budget_is_set(&conn->loop->budget);
}

static void write_cork(wsuv_conn_t *conn) {
  struct wsuv__outbox *outbox = &conn->awake->endpoint.outbox;
  uv_buf_t buf;

  buf.base = (char *)outbox->cork->base;
  buf.len = (unsigned)outbox->cork->len;
  write_rest(conn, wsuv__outbox_cork_written(outbox, try_write(conn, &buf, 1)));
}

/* 0: there is more to be done. */
static int pump_output(wsuv_conn_t *conn) {
  if (!owes_output_only(conn))
    return 0;
  if (wsuv__outbox_waiting(&conn->awake->endpoint.outbox) > 0)
    write_cork(conn);
  if (conn->phase != WSUV_STATE_OPEN || conn->writing)
    return 0;
  move_deadline(conn, wsuv__endpoint_open_deadline(&conn->awake->endpoint));
  return 1;
}

static void pump_rounds(wsuv_conn_t *conn) {
  int rounds = 0;

  do {
    if (conn->phase == WSUV_STATE_TLS_HANDSHAKE)
      wsuv__conn_tls_start(conn);
    wsuv__conn_advance_opening(conn);
    if (owes_resume(conn))
      (void)wsuv_endpoint_resume(&conn->awake->endpoint);
    wsuv__conn_follow_closing(conn); /* before on_drain and the like see who is there */
    write_output(conn);
    report_output(conn);
    move_phase(conn);
  } while (has_more(conn) && ++rounds < MAX_ROUNDS);
  if (rounds == MAX_ROUNDS)
    wsuv__loop_hasten(&conn->loop->io, &conn->deadline);
  set_reading(conn);
  set_deadline(conn);
}

static void return_cork(wsuv_conn_t *conn) {
  struct wsuv__outbox *outbox = &conn->awake->endpoint.outbox;
  struct wsuv__cork *cork = outbox->cork;

  if (cork == NULL)
    return;
  (void)wsuv__outbox_return_cork(outbox); /* a dead outbox is seen by the pump */
  conn->loop->io.free_cork = cork;
  conn->loop->corked = NULL;
}

void wsuv__conn_leave(wsuv_conn_t *conn) {
  if (conn->depth > 1) {
    conn->depth--;
    return;
  }
  if (!pump_output(conn))
    pump_rounds(conn);
  return_cork(conn);
  if (wsuv__budget_is_set(&conn->loop->budget))
    wsuv__budget_note(&conn->loop->budget, conn);
  conn->depth--;
  wsuv__conn_end_use(conn);
}
