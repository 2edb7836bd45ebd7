/* What is typed or read, on its way to the server. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cat/session.h"

/* More octets than this waiting to be sent, and no more are taken in. */
enum { HIGH_WATER = 1024 * 1024 };

static void hold_when_full(session_t *session) {
  if (session->conn == NULL || wsuv_conn_queued(session->conn) <= HIGH_WATER)
    return;
  session->input_held = 1;
  terminal_pause(&session->terminal);
  input_pause(&session->input);
}

void session_resume_sending(session_t *session) {
  session->input_held = 0;
  if (session->sending_stopped)
    return;
  terminal_resume(&session->terminal);
  input_resume(&session->input);
}

void session_stop_sending(session_t *session) {
  session->sending_stopped = 1;
  terminal_close(&session->terminal);
  input_close(&session->input);
}

/* The server's Close may have come already: its on_close tells. Anything else is our input's fault. */
static void judge_sent(session_t *session, int err, wsuv_opcode_t type, size_t len) {
  char what[64];
  if (err == 0) {
    if (session->options->verbose)
      session_say(session, "sent: %s, %zu octets", wsuv_opcode_name((int)type), len);
    hold_when_full(session);
  } else if (wsuv_conn_state(session->conn) != WSUV_STATE_OPEN) {
    session->unsent = 1;
    session_stop_sending(session);
  } else {
    snprintf(what, sizeof what, "line %" PRIu64 " is not sent", session->nlines);
    session_fail(session, session->options->form == INPUT_LINES ? what : "the input is not sent",
                 wsuv_strerror(err));
  }
}

/* What was read leaves at once, compressed or not. */
static int send_piece(session_t *session, const char *piece, size_t len, int flags) {
  wsuv_conn_t *conn = session->conn;
  wsuv_opcode_t type = session->options->type;
  int err = 0;
  if (flags == (WSUV_FIRST | WSUV_FINAL))
    return type == WSUV_TEXT ? wsuv_conn_send_text(conn, piece, len)
                             : wsuv_conn_send_binary(conn, piece, len);
  if (flags & WSUV_FIRST)
    err = wsuv_conn_send_begin(conn, type, 0);
  if (err != 0)
    return err;
  return flags & WSUV_FINAL ? wsuv_conn_send_end(conn, piece, len)
                            : wsuv_conn_send_chunk(conn, piece, len, WSUV_SEND_FLUSH);
}

static void take_piece(session_t *session, const char *piece, size_t len, int flags) {
  judge_sent(session, send_piece(session, piece, len, flags), session->options->type, len);
}

/* ---- --slash ---- */

/* "CODE REASON", both may be missing. */
static int close_as_told(session_t *session, const char *arguments) {
  char *reason = NULL;
  long code = strtol(arguments, &reason, 10);
  if (reason == arguments)
    code = WSUV_CLOSE_NORMAL;
  if (code < 1 || code > 4999 || (*reason != '\0' && *reason != ' '))
    return WSUV_EINVAL;
  reason += strspn(reason, " ");
  int err = wsuv_conn_close(session->conn, (int)code, reason);
  if (err == 0)
    session_stop_sending(session);
  return err;
}

static int is_command(const char *line, const char *name) {
  size_t len = strlen(name);
  return strncmp(line, name, len) == 0 && (line[len] == '\0' || line[len] == ' ');
}

/* NULL, or why it cannot be done. */
static const char *obey(session_t *session, const char *line) {
  enum { PING_LEN = 5, CLOSE_LEN = 6 };
  int err;
  if (is_command(line, "/ping")) {
    const char *payload = line + PING_LEN + (line[PING_LEN] == ' ');
    err = wsuv_conn_ping(session->conn, payload, strlen(payload));
    if (err == 0)
      judge_sent(session, 0, WSUV_PING, strlen(payload));
  } else if (is_command(line, "/close"))
    err = close_as_told(session, line + CLOSE_LEN + (line[CLOSE_LEN] == ' '));
  else
    return "there is /ping [TEXT] and /close [CODE [REASON]]; '//' sends '/'";
  return err != 0 ? wsuv_strerror(err) : NULL;
}

/* A person may try again. */
static void take_command(session_t *session, const char *line, size_t len) {
  enum { COMMAND_MAX = 256 };
  char command[COMMAND_MAX], what[64];
  const char *why = "it is too long or has a NUL in it";
  if (len < sizeof command && memchr(line, '\0', len) == NULL) {
    memcpy(command, line, len);
    command[len] = '\0';
    why = obey(session, command);
  }
  if (why == NULL)
    return;
  snprintf(what, sizeof what, "line %" PRIu64 " is no command", session->nlines);
  if (session->terminal.running)
    session_say(session, "%s: %s", what, why);
  else
    session_fail(session, what, why);
}

static void take_line(session_t *session, const char *line, size_t len) {
  int is_slashed = session->options->slash && len > 0 && line[0] == '/';
  int is_doubled = is_slashed && len > 1 && line[1] == '/';
  session->nlines++;
  if (is_slashed && !is_doubled)
    take_command(session, line, len);
  else
    take_piece(session, line + is_doubled, len - (size_t)is_doubled, WSUV_FIRST | WSUV_FINAL);
}

/* ---- where it comes from ---- */

/* After the last message: closes now, later (session.c), or when the server does. */
static void end_sending(session_t *session) {
  session->sending_stopped = 1;
  session->progress_ms = uv_now(session->output.loop);
  if (session->options->wait_s > 0) {
    enum { OFTEN_MS = 50 };
    uv_timer_set_repeat(&session->watch, OFTEN_MS);
    uv_timer_again(&session->watch);
  } else if (!session->options->no_close)
    session_stop(session, WSUV_CLOSE_NORMAL, NULL);
}

static void finish_input(session_t *session, int status) {
  if (status == UV_E2BIG)
    session_fail(session, "cannot send the input", "a line is over 16 MiB");
  else if (status != 0)
    session_fail(session, "cannot read standard input", uv_strerror(status));
  else
    end_sending(session);
}

static void on_piece(input_t *input, const char *piece, size_t len, int flags) {
  session_t *session = (session_t *)input->data;
  if (session->options->form == INPUT_LINES)
    take_line(session, piece, len);
  else
    take_piece(session, piece, len, flags);
}

static void on_input_end(input_t *input, int status) {
  finish_input((session_t *)input->data, status);
}

static void on_terminal_line(terminal_t *terminal, const char *line, size_t len) {
  take_line((session_t *)terminal->data, line, len);
}

static void on_terminal_end(terminal_t *terminal, int status) {
  finish_input((session_t *)terminal->data, status);
}

static void on_interrupt(terminal_t *terminal) {
  enum { NUMBER = 2 }; /* SIGINT */
  session_interrupt((session_t *)terminal->data, NUMBER);
}

static int start_terminal(session_t *session, uv_loop_t *loop) {
  terminal_t *terminal = &session->terminal;
  terminal->data = session;
  terminal->on_line = on_terminal_line;
  terminal->on_end = on_terminal_end;
  terminal->on_interrupt = on_interrupt;
  session->printer.margin = "< ";
  return terminal_start(terminal, loop, &session->output);
}

static int start_input(session_t *session, uv_loop_t *loop) {
  input_t *input = &session->input;
  input->data = session;
  input->on_piece = on_piece;
  input->on_end = on_input_end;
  int err = input_init(input, loop, 0, session->options->form, session->options->block_size);
  if (err == 0)
    input_resume(input);
  return err;
}

void session_start_sending(session_t *session) {
  uv_loop_t *loop = session->output.loop;
  int edits = session->options->form == INPUT_LINES && terminal_is_usable();
  int err = edits ? start_terminal(session, loop) : start_input(session, loop);
  if (err != 0)
    session_fail(session, "cannot read standard input", uv_strerror(err));
}
