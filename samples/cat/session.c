#include "cat/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cat/characters.h"
#include "cat/tls.h"
#include "cli.h"

/* A closing that does not get on for so long is given up. */
enum { PATIENCE_MS = 5000, TICK_MS = 1000 };

/* ---- what is said ---- */

/* Reasons and answers come from the server: no control in them gets to the terminal. */
static void clean_line(char *line) {
  size_t len = strlen(line);
  for (size_t at = 0, n; at < len; at += n) {
    size_t whole = character_len((unsigned char)line[at]);
    for (n = 1; n < whole; n++)
      if (!character_goes_on((unsigned char)line[at], n, (unsigned char)line[at + n]))
        break;
    if (n < whole || whole == 0 || character_is_control(character_decode(line + at, n)))
      memset(line + at, '?', n);
  }
}

void session_say(session_t *session, const char *format, ...) {
  char line[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line - 1, format, args);
  va_end(args);
  clean_line(line);
  size_t len = strlen(line);
  line[len] = '\n';
  line[len + 1] = '\0';
  if (terminal_was_started(&session->terminal) && uv_guess_handle(2) == UV_TTY)
    terminal_note(&session->terminal, line); /* standard error would come too early */
  else
    fputs(line, stderr);
}

/* ---- how it ends ---- */

void session_stop(session_t *session, int code, const char *reason) {
  session_stop_sending(session);
  session->progress_ms = uv_now(session->output.loop);
  if (session->conn == NULL || wsuv_conn_close(session->conn, code, reason) != 0)
    return;
  if (session->options->verbose)
    session_say(session, "sent: close %d", code);
}

void session_fail(session_t *session, const char *what, const char *why) {
  session_stop_sending(session); /* the terminal is as it was before anything is said */
  if (session->status == 0)
    session_say(session, "%s: %s", what, why);
  session->status = CAT_INPUT_OR_OUTPUT;
  session_stop(session, WSUV_CLOSE_INTERNAL_ERROR, NULL);
}

void session_interrupt(session_t *session, int number) {
  session->signal = number;
  session_discard(session);
  session_stop(session, WSUV_CLOSE_GOING_AWAY, NULL);
}

/* The input has ended and nothing came for the time of --wait. */
static int has_waited(const session_t *session, uint64_t idle_ms) {
  return session->sending_stopped && session->options->wait_s > 0 &&
         idle_ms >= (uint64_t)session->options->wait_s * 1000;
}

static void on_tick(uv_timer_t *timer) {
  session_t *session = (session_t *)timer->data;
  uint64_t now = uv_now(timer->loop);
  wsuv_state_t state = wsuv_conn_state(session->conn);
  size_t queued = wsuv_conn_queued(session->conn);
  int moves = queued != session->queued || session->output_full;
  if (moves || (state == WSUV_STATE_OPEN && queued > 0) ||
      (state > WSUV_STATE_OPEN && !session->closing))
    session->progress_ms = now;
  session->queued = queued;
  session->closing = state > WSUV_STATE_OPEN;
  uint64_t idle_ms = now - session->progress_ms;
  if (state == WSUV_STATE_OPEN && has_waited(session, idle_ms))
    session_stop(session, WSUV_CLOSE_NORMAL, NULL);
  else if (session->closing && idle_ms >= PATIENCE_MS) {
    session->gave_up = 1;
    wsuv_conn_terminate(session->conn);
  }
}

static void say_refused(session_t *session, const wsuv_close_info_t *info) {
  const char *url = session->options->connect.url;
  int is_tls = info->code == WSUV_CLOSE_TLS_HANDSHAKE;
  session_say(session, "cannot connect to '%s': %s%s%s", url,
              is_tls ? wsuv_err_name(info->error) : "", is_tls ? ": " : "", info->detail);
  if (info->http_status == 0)
    return;
  size_t len = 0;
  while (len < info->http_body_len && strchr("\r\n", info->http_body[len]) == NULL)
    len++;
  session_say(session, "the server answered %d%s%.*s", info->http_status, len > 0 ? ": " : "",
              (int)(len < 200 ? len : 200), len > 0 ? info->http_body : "");
}

static void say_closed(session_t *session, const wsuv_close_info_t *info) {
  const char *name = wsuv_close_code_name(info->code);
  session_say(session, "closed with %d%s%s%s%s%s%s", info->code, name != NULL ? " " : "",
              name != NULL ? name : "", info->reason_len > 0 ? ": " : "", info->reason,
              info->error != 0 ? "; " : "", info->error != 0 ? info->detail : "");
}

static int judge_end(session_t *session, const wsuv_close_info_t *info) {
  enum { SIGNAL_STATUS = 128 };
  if (session->signal != 0)
    return SIGNAL_STATUS + session->signal;
  if (session->status != 0)
    return session->status;
  if (!info->opened) {
    say_refused(session, info);
    return CAT_NOT_CONNECTED;
  }
  if (!info->clean) {
    session_say(session, "connection lost: %s",
                session->gave_up ? "the server did not close for 5 s" : info->detail);
    return CAT_CONNECTION_LOST;
  }
  int in_order =
      info->error == 0 && (info->code == WSUV_CLOSE_NORMAL || info->code == WSUV_CLOSE_NO_STATUS);
  if (!in_order || session->options->verbose)
    say_closed(session, info);
  if (in_order && (session->unsent || session->input_held)) {
    session_say(session, "the server closed with %d before all was sent", info->code);
    in_order = 0;
  }
  return in_order ? CAT_CLOSED : CAT_CLOSED_BY_CODE;
}

/* ---- events ---- */

static void on_open(wsuv_conn_t *conn) {
  session_t *session = (session_t *)wsuv_conn_data(conn);
  char peer[128] = "", tls[512];
  if (session->options->verbose) {
    const char *subprotocol = wsuv_conn_subprotocol(conn);
    (void)wsuv_conn_peer(conn, peer, sizeof peer);
    session_say(session, "connected to %s, %s%s", peer,
                subprotocol != NULL ? "subprotocol " : "no subprotocol",
                subprotocol != NULL ? subprotocol : "");
    tls_describe(conn, tls, sizeof tls);
    if (tls[0] != '\0')
      session_say(session, "%s", tls);
    session_say_negotiated(session);
  }
  session_start_sending(session);
}

static void on_drain(wsuv_conn_t *conn) {
  session_resume_sending((session_t *)wsuv_conn_data(conn));
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  session_t *session = (session_t *)wsuv_conn_data(conn);
  session_stop_sending(session); /* the terminal is as it was before anything is said */
  if (session->options->verbose)
    session_say_compressed(session);
  session->conn = NULL;
  session->status = judge_end(session, info);
  uv_timer_stop(&session->watch);
}

static const wsuv_handler_t handler = {.size = sizeof(wsuv_handler_t),
                                       .on_open = on_open,
                                       .on_fragment = session_on_fragment,
                                       .on_ping = session_on_ping,
                                       .on_pong = session_on_pong,
                                       .on_drain = on_drain,
                                       .on_close = on_close};

int session_start(session_t *session, wsuv_loop_t *loop) {
  uv_loop_t *uv = wsuv_loop_uv(loop);
  session_start_output(session, uv);
  uv_timer_init(uv, &session->watch);
  session->watch.data = session;
  int err = wsuv_connect(loop, &session->conn, &session->options->connect, &handler, session);
  if (err == 0)
    uv_timer_start(&session->watch, on_tick, TICK_MS, TICK_MS);
  return err;
}

void session_free(session_t *session) {
  uv_close((uv_handle_t *)&session->watch, NULL);
  output_close(&session->output);
  input_free(&session->input);
  terminal_free(&session->terminal);
}
