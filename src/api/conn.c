#include "api/conn.h"

#include <assert.h>
#include <string.h>

#include "api/conn_pump.h"
#include "api/conn_rest.h"
#include "api/conn_tls.h"
#include "api/opening.h"
#include "api/server.h"
#include "api/trace.h"
#include "wsuv/topic.h"

#define HELD_UP_MS 100u

/* Much too late: the loop was held up, and what the peer sent meanwhile lies unread in the kernel. It gets one turn of the
 * loop to be read before the peer is judged. */
static int was_held_up(wsuv_conn_t *conn, uint64_t now) {
  uint64_t due = wsuv_endpoint_next_deadline(&conn->awake->endpoint);
  int late = due < now && now - due > HELD_UP_MS && !conn->awake->excused;

  conn->awake->excused = (uint8_t)late;
  return late;
}

/* A long write moves on before it ends. */
static void note_write_progress(wsuv_conn_t *conn) {
  uint32_t unwritten;

  if (!conn->writing || conn->transport != TRANSPORT_OPEN)
    return;
  unwritten = (uint32_t)wsuv__conn_top(conn)->ops->unwritten(wsuv__conn_top(conn));
  if (unwritten != conn->awake->unwritten)
    conn->awake->endpoint.outbox.has_moved = 1;
  conn->awake->unwritten = unwritten;
}

static void time_out(wsuv_conn_t *conn) {
  if (conn->phase == WSUV_STATE_OPENING_HANDSHAKE && conn->server != NULL)
    wsuv__upgrade_time_out(conn);
  else if (conn->phase == WSUV_STATE_TLS_HANDSHAKE)
    wsuv__conn_tls_time_out(conn);
  else
    wsuv__conn_release(conn, WSUV_ETIMEDOUT);
}

static void look_at_deadline(wsuv_conn_t *conn) {
  uint64_t now = wsuv__loop_now_ms(&conn->loop->io);

  note_write_progress(conn);
  if (conn->phase == WSUV_STATE_OPEN || conn->phase == WSUV_STATE_CLOSING_HANDSHAKE) {
    conn->awake->endpoint.kept_waiting |= conn->waits_for_budget;
    if (!was_held_up(conn, now))
      wsuv_endpoint_tick(&conn->awake->endpoint, now);
  } else if (now >= conn->awake->due_ms) {
    time_out(conn);
  }
}

/* The wheel fires early where a deadline was moved to a later time; then the pump just sets it anew. */
static void turn_came(struct wsuv__wheel_entry *entry) {
  wsuv_conn_t *conn = WSUV__LIST_ENTRY(entry, wsuv_conn_t, deadline);
  int is_pump = entry->tick == WSUV__WHEEL_AT_ONCE;

  wsuv__wheel_clear(entry);
  if (!wsuv__conn_enter(conn))
    return;
  if (!is_pump)
    look_at_deadline(conn);
  wsuv__conn_leave(conn);
}

void wsuv__conn_start_timeout(wsuv_conn_t *conn, uint64_t timeout_ms) {
  uint64_t now = wsuv__loop_now_ms(&conn->loop->io);

  conn->awake->due_ms = timeout_ms < WSUV__NEVER - now ? now + timeout_ms : WSUV__NEVER;
}

void wsuv__conn_start_close_timeout(wsuv_conn_t *conn) {
  wsuv__conn_start_timeout(conn, conn->config->endpoint.close_timeout_ms);
}

int wsuv__conn_init(wsuv_conn_t *conn, wsuv_loop_t *loop, const struct wsuv__conn_config *config,
                    const wsuv_handler_t *handler, wsuv_state_t phase) {
  conn->config = config;
  conn->handler = handler;
  conn->loop = loop;
  conn->phase = (uint8_t)phase;
  conn->created_ms = wsuv__loop_now_ms(&loop->io);
  if (wsuv__conn_begin_awake(conn) != 0)
    return WSUV_ENOMEM;
  loop->budget.nconns++;
  wsuv__conn_start_timeout(conn, config->handshake_timeout_ms);
  wsuv__list_init(&conn->link);
  wsuv__wheel_entry_init(&conn->deadline, turn_came);
  wsuv__trace_begin(conn);
  return 0;
}

void wsuv__conn_set_delay(wsuv_conn_t *conn) {
  if (!conn->config->tcp_delay)
    wsuv__uv_stream_nodelay(&conn->stream);
}

void wsuv__conn_set_phase(wsuv_conn_t *conn, wsuv_state_t phase) {
  assert(phase >= conn->phase);
  if (conn->phase == WSUV_STATE_TLS_HANDSHAKE && phase > WSUV_STATE_TLS_HANDSHAKE)
    wsuv__conn_tls_settle(conn);
  if (phase >= WSUV_STATE_OPEN)
    wsuv__server_settle_handshake(conn);
  conn->phase = (uint8_t)phase;
  if (phase > WSUV_STATE_OPEN)
    wsuv_conn_unsubscribe_all(conn);
}

void wsuv__conn_follow_closing(wsuv_conn_t *conn) {
  if (conn->phase == WSUV_STATE_OPEN && conn->awake != NULL &&
      conn->awake->endpoint.closing != CLOSING_NONE)
    wsuv__conn_set_phase(conn, WSUV_STATE_CLOSING_HANDSHAKE);
}

void wsuv__conn_set_hold(wsuv_conn_t *conn, enum wsuv__hold hold) {
  if (conn->hold == hold)
    return;
  conn->hold = (uint8_t)hold;
  if (hold == HOLD_LOOP)
    wsuv__loop_hold(&conn->loop->io);
  else
    wsuv__loop_unhold(&conn->loop->io);
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

static void return_cork(wsuv_conn_t *conn) {
  struct wsuv__cork *cork = conn->awake->endpoint.outbox.cork;

  if (cork == NULL)
    return;
  (void)wsuv__outbox_return_cork(
      &conn->awake->endpoint.outbox); /* a dead outbox is seen by the pump */
  conn->loop->io.free_cork = cork;
  conn->loop->corked = NULL;
}

void wsuv__conn_leave(wsuv_conn_t *conn) {
  if (conn->depth > 1) {
    conn->depth--;
    return;
  }
  wsuv__conn_pump(conn);
  return_cork(conn);
  if (wsuv__budget_is_set(&conn->loop->budget))
    wsuv__budget_note(&conn->loop->budget, conn);
  conn->depth--;
  wsuv__conn_rest(conn);
}

void wsuv__conn_mark(wsuv_conn_t *conn) {
  if (conn->depth == 0)
    wsuv__loop_hasten(&conn->loop->io, &conn->deadline);
}
