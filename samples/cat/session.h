/* One conversation: from connecting to the exit status. */
#ifndef SAMPLES_CAT_SESSION_H
#define SAMPLES_CAT_SESSION_H

#include <wsuv.h>

#include "cat/input.h"
#include "cat/options.h"
#include "cat/output.h"
#include "cat/printer.h"
#include "cat/terminal.h"

typedef struct session {
  const cat_options_t *options;
  wsuv_conn_t *conn; /* NULL after on_close */
  int status;        /* the program's */

  /* What is sent: from the terminal if that is running, else from the input. */
  input_t input;
  terminal_t terminal;
  int sending_stopped; /* nothing is taken from them any more */
  int input_held;      /* they are paused: the server is slow */
  int unsent;          /* something taken was not sent */
  uint64_t nlines;

  /* What came. */
  printer_t printer;
  output_t output;
  int discarding;  /* what comes is not printed any more */
  int output_full; /* reading is stopped: standard output is slow */
  uint64_t nreceived, message_len;

  /* The end. */
  uv_timer_t watch;     /* for the end of --wait and of a closing that makes no progress */
  uint64_t progress_ms; /* of the loop's clock: when something moved last */
  size_t queued;        /* wsuv_conn_queued at that time */
  int closing;          /* and whether a Close had been sent or received */
  int gave_up;          /* the watch ended the connection */
  int signal;           /* the number of the signal that ends it */
} session_t;

/* Connects. 0, or why not: then nothing is under way. `session` is zeroed but for `options`. */
int session_start(session_t *session, wsuv_loop_t *loop);

/* A signal: closes with 1001; what comes is not printed any more. */
void session_interrupt(session_t *session, int number);

/* No more input; the connection closes behind what was sent. Harmless when repeated. */
void session_stop(session_t *session, int code, const char *reason);

/* As session_stop, for a failure of ours; says so. */
void session_fail(session_t *session, const char *what, const char *why);

/* When nothing is under way any more. */
void session_free(session_t *session);

/* One line on standard error or, if lines are edited on the terminal, above that one. */
void session_say(session_t *session, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* ---- sending.c ---- */

/* The connection is open: takes input. */
void session_start_sending(session_t *session);

/* The server took what waited. */
void session_resume_sending(session_t *session);

/* Takes no more. */
void session_stop_sending(session_t *session);

/* ---- compression.c ---- */

/* With --compress: what was negotiated; and what it did, while the connection is there. */
void session_say_negotiated(session_t *session);
void session_say_compressed(session_t *session);

/* ---- receiving.c ---- */

void session_start_output(session_t *session, uv_loop_t *loop);

/* Nothing more is printed; what comes is read nevertheless, for the Close behind it. */
void session_discard(session_t *session);

/* The events of messages and Pings. */
void session_on_fragment(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                         int flags);
void session_on_ping(wsuv_conn_t *conn, const void *payload, size_t len);
void session_on_pong(wsuv_conn_t *conn, const void *payload, size_t len);

#endif
