/* What comes, on its way to standard output. */
#include <inttypes.h>
#include <stdio.h>

#include "cat/session.h"

static void on_drain(output_t *output) {
  session_t *session = (session_t *)output->data;
  session->progress_ms = uv_now(output->loop);
  session->output_full = 0;
  if (session->conn != NULL)
    wsuv_conn_read_start(session->conn);
}

/* A reader that went away is no failure: it had enough. */
static void on_error(output_t *output, int err) {
  session_t *session = (session_t *)output->data;
  session_discard(session);
  if (err == UV_EPIPE)
    session_stop(session, WSUV_CLOSE_NORMAL, NULL);
  else
    session_fail(session, "cannot write to standard output", uv_strerror(err));
}

void session_start_output(session_t *session, uv_loop_t *loop) {
  int is_terminal = uv_guess_handle(1) == UV_TTY && !session->options->raw;
  session->printer.escape = session->printer.dump = is_terminal;
  output_init(&session->output, loop, 1);
  session->output.data = session;
  session->output.on_drain = on_drain;
  session->output.on_error = on_error;
}

void session_discard(session_t *session) {
  session->discarding = 1;
  session->output_full = 0;
  if (session->conn != NULL)
    wsuv_conn_read_start(session->conn);
}

static void print_piece(session_t *session, wsuv_opcode_t type, const void *payload, size_t len,
                        int flags) {
  if (flags & WSUV_FIRST)
    terminal_hide(&session->terminal);
  printer_take(&session->printer, type, payload, len, flags, &session->output.text);
  output_flush(&session->output);
  if (flags & WSUV_FINAL)
    terminal_show(&session->terminal);
  if (!session->discarding && output_waiting(&session->output) > OUTPUT_HIGH_WATER) {
    session->output_full = 1;
    wsuv_conn_read_stop(session->conn);
  }
}

static void finish_message(session_t *session, wsuv_opcode_t type) {
  session->nreceived++;
  if (session->options->verbose)
    session_say(session, "received: %s, %" PRIu64 " octets", wsuv_opcode_name((int)type),
                session->message_len);
  if (session->options->one) {
    session_discard(session);
    session_stop(session, WSUV_CLOSE_NORMAL, NULL);
  }
}

void session_on_fragment(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                         int flags) {
  session_t *session = (session_t *)wsuv_conn_data(conn);
  session->progress_ms = uv_now(session->output.loop);
  if (flags & WSUV_FIRST)
    session->message_len = 0;
  session->message_len += len;
  if (session->discarding)
    return;
  print_piece(session, type, payload, len, flags);
  if (flags & WSUV_FINAL)
    finish_message(session, type);
}

void session_on_ping(wsuv_conn_t *conn, const void *payload, size_t len) {
  session_t *session = (session_t *)wsuv_conn_data(conn);
  (void)payload;
  if (session->options->verbose)
    session_say(session, "received: ping, %zu octets; sent: pong", len);
}

/* Round trips are those of the heartbeat's Pings, see --ping-interval. */
void session_on_pong(wsuv_conn_t *conn, const void *payload, size_t len) {
  session_t *session = (session_t *)wsuv_conn_data(conn);
  wsuv_rtt_t rtt;
  (void)payload;
  if (!session->options->verbose)
    return;
  if (wsuv_conn_rtt(conn, &rtt) == 0)
    session_say(session,
                "received: pong, %zu octets; round trip %lld ms (least %lld, smoothed %lld)", len,
                (long long)rtt.last_ms, (long long)rtt.min_ms, (long long)rtt.smoothed_ms);
  else
    session_say(session, "received: pong, %zu octets", len);
}
