#include "shell_session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  OUTPUT_SIZE = 32 * 1024, /* octets read from the terminal at once */
  REST_MAX = 256 * 1024,   /* octets read after the shell's end; no terminal holds so many back */
  GRACE_MS = 3000,         /* from SIGHUP to SIGKILL */
  PROBE_MS = 2000,         /* between Pings while the client is not read from */
  NHANDLES = 4
};

struct shell_session {
  wsuv_conn_t *conn; /* NULL once it is gone */
  uv_pipe_t terminal;
  uv_pipe_t report;
  uv_signal_t child; /* SIGCHLD; every session asks for its own keeper only */
  uv_timer_t timer;  /* for the shell to end, or for a client that is not read from */
  pid_t keeper;      /* 0 before it was started and after it was waited for */
  pty_report_t news; /* what the keeper has reported, so far `news_len` octets */
  size_t news_len;
  int shell_ended; /* or never started */
  int output_ended;
  int paused;      /* by the client's word */
  size_t rest_len; /* octets of output read after the shell's end */
  int nhandles;    /* not closed yet */
  char output[OUTPUT_SIZE];
};

/* Input that the terminal did not take at once. */
struct pending_input {
  uv_write_t req;
  shell_session_t *session;
  char bytes[];
};

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *handle) {
  shell_session_t *session = (shell_session_t *)handle->data;
  if (--session->nhandles == 0)
    free(session);
}

static void close_handle(uv_handle_t *handle) {
  if (!uv_is_closing(handle))
    uv_close(handle, on_handle_closed);
}

/* Without a connection there is no use for the terminal, without a shell none for the keeper, and then there is nothing
 * to wait for. */
static void close_unused_handles(shell_session_t *session) {
  if (session->conn != NULL)
    return;
  close_handle((uv_handle_t *)&session->terminal);
  if (!session->shell_ended)
    return;
  close_handle((uv_handle_t *)&session->report);
  if (session->keeper != 0)
    return;
  close_handle((uv_handle_t *)&session->child);
  close_handle((uv_handle_t *)&session->timer);
}

static int terminal_of(const shell_session_t *session) {
  uv_os_fd_t fd;
  return uv_fileno((const uv_handle_t *)&session->terminal, &fd) == 0 ? fd : -1;
}

/* 0 while it is not known. */
static pid_t shell_of(const shell_session_t *session) {
  return session->news_len >= sizeof session->news.program ? session->news.program : 0;
}

static void on_grace_over(uv_timer_t *timer) {
  const shell_session_t *session = (const shell_session_t *)timer->data;
  pty_signal(terminal_of(session), shell_of(session), SIGKILL);
}

static void hang_up(shell_session_t *session) {
  int fd = terminal_of(session);
  pty_signal(fd, shell_of(session), SIGHUP);
  pty_signal(fd, shell_of(session), SIGCONT); /* one that is stopped would not notice */
  uv_timer_start(&session->timer, on_grace_over, GRACE_MS, GRACE_MS);
}

void shell_session_leave(shell_session_t *session) {
  session->conn = NULL;
  uv_timer_stop(&session->timer);
  if (!session->shell_ended && shell_of(session) != 0)
    hang_up(session);
  close_unused_handles(session);
}

/* All output was read, and how the shell ended is known. */
static void close_connection(shell_session_t *session) {
  char reason[64];
  int status = session->news.status;
  if (session->news_len < sizeof session->news)
    snprintf(reason, sizeof reason, "shell was lost");
  else if (WIFSIGNALED(status))
    snprintf(reason, sizeof reason, "shell ended by signal %d", WTERMSIG(status));
  else
    snprintf(reason, sizeof reason, "shell exited with %d", WEXITSTATUS(status));
  wsuv_conn_close(session->conn, WSUV_CLOSE_NORMAL, reason);
}

static void on_child(uv_signal_t *handle, int number) {
  shell_session_t *session = (shell_session_t *)handle->data;
  pid_t pid;
  (void)number;
  if (session->keeper == 0)
    return;
  do
    pid = waitpid(session->keeper, NULL, WNOHANG);
  while (pid < 0 && errno == EINTR);
  if (pid != session->keeper)
    return; /* somebody else's child */
  session->keeper = 0;
  close_unused_handles(session);
}

/* ---- from the terminal to the client ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  shell_session_t *session = (shell_session_t *)handle->data;
  (void)suggested;
  *buf = uv_buf_init(session->output, OUTPUT_SIZE);
}

static void send_output(shell_session_t *session, const char *output, size_t len) {
  int err = wsuv_conn_send_binary(session->conn, output, len);
  if (err != 0 && err != WSUV_ESTATE) /* a hole in the output would make all of it wrong */
    wsuv_conn_terminate(session->conn);
}

/* While nobody reads it, the terminal fills and the program waits. */
static int is_output_wanted(const shell_session_t *session) {
  return !session->output_ended && !session->paused &&
         wsuv_conn_queued(session->conn) <= SHELL_HIGH_WATER;
}

/* After the shell's end what it has written is here, and there is no more when a read finds nothing. A program that it
 * left in the background may go on for ever. */
static void read_rest(shell_session_t *session) {
  while (is_output_wanted(session)) {
    ssize_t n = read(terminal_of(session), session->output, OUTPUT_SIZE);
    if (n < 0 && errno == EINTR)
      continue;
    if (n > 0) {
      session->rest_len += (size_t)n;
      send_output(session, session->output, (size_t)n);
    }
    session->output_ended = n <= 0 || session->rest_len > REST_MAX;
  }
  if (session->output_ended)
    close_connection(session);
}

static void on_output(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf);

static void read_as_wanted(shell_session_t *session) {
  uv_stream_t *terminal = (uv_stream_t *)&session->terminal;
  if (is_output_wanted(session) && !session->shell_ended)
    uv_read_start(terminal, on_alloc, on_output);
  else
    uv_read_stop(terminal);
  if (session->shell_ended && !session->output_ended)
    read_rest(session);
}

static void on_output(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  shell_session_t *session = (shell_session_t *)stream->data;
  if (nread > 0)
    send_output(session, buf->base, (size_t)nread);
  if (nread < 0) /* only with a keeper that was killed, of which on_report will tell */
    uv_read_stop(stream);
  else
    read_as_wanted(session);
}

void shell_session_pause(shell_session_t *session, int paused) {
  session->paused = paused;
  read_as_wanted(session);
}

void shell_session_drained(shell_session_t *session) {
  read_as_wanted(session);
}

/* ---- from the keeper ---- */

static void on_report_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  shell_session_t *session = (shell_session_t *)handle->data;
  (void)suggested;
  *buf = uv_buf_init((char *)&session->news + session->news_len,
                     (unsigned)(sizeof session->news - session->news_len));
}

static void on_report(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  shell_session_t *session = (shell_session_t *)stream->data;
  int was_known = shell_of(session) != 0;
  (void)buf;
  if (nread > 0)
    session->news_len += (size_t)nread;
  if (nread < 0 || session->news_len == sizeof session->news) {
    uv_read_stop(stream);
    session->shell_ended = 1;
    uv_timer_stop(&session->timer);
  }
  if (session->conn != NULL)
    read_as_wanted(session);
  else if (!session->shell_ended && !was_known && shell_of(session) != 0)
    hang_up(session); /* the connection was gone before its number was known */
  close_unused_handles(session);
}

/* ---- from the client to the terminal ---- */

/* An end of the transport is noticed by reading or by writing. Who is not read from is written to; the kernel of who has
 * gone answers the first Ping with a reset, on which the next one fails. */
static void on_input_stuck(uv_timer_t *timer) {
  const shell_session_t *session = (const shell_session_t *)timer->data;
  wsuv_conn_ping(session->conn, NULL, 0);
}

static void stop_reading_client(shell_session_t *session) {
  wsuv_conn_read_stop(session->conn);
  if (!uv_is_active((uv_handle_t *)&session->timer))
    uv_timer_start(&session->timer, on_input_stuck, PROBE_MS, PROBE_MS);
}

static void read_client_again(shell_session_t *session) {
  wsuv_conn_read_start(session->conn);
  uv_timer_stop(&session->timer);
}

static void on_written(uv_write_t *req, int status) {
  struct pending_input *input = (struct pending_input *)req->data;
  shell_session_t *session = input->session;
  (void)status; /* an error is the shell's end, which is told by on_report */
  if (session->conn != NULL && uv_stream_get_write_queue_size(req->handle) == 0)
    read_client_again(session);
  free(input);
}

static void write_later(shell_session_t *session, const char *bytes, size_t len) {
  struct pending_input *input = (struct pending_input *)malloc(sizeof *input + len);
  if (input == NULL) {
    wsuv_conn_terminate(session->conn);
    return;
  }
  uv_buf_t buf = uv_buf_init(input->bytes, (unsigned)len);
  memcpy(input->bytes, bytes, len);
  input->session = session;
  input->req.data = input;
  if (uv_write(&input->req, (uv_stream_t *)&session->terminal, &buf, 1, on_written) != 0)
    free(input);
  else
    stop_reading_client(session);
}

void shell_session_input(shell_session_t *session, const void *input, size_t len) {
  const char *bytes = (const char *)input;
  const uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
  int n = uv_try_write((uv_stream_t *)&session->terminal, &buf, 1);
  if (n < 0 && n != UV_EAGAIN)
    return; /* the program is gone */
  size_t written = n < 0 ? 0 : (size_t)n;
  if (written < len)
    write_later(session, bytes + written, len - written);
}

void shell_session_resize(shell_session_t *session, int cols, int rows) {
  pty_resize(terminal_of(session), cols, rows); /* without a terminal there is nothing to do */
}

/* ---- the start ---- */

static shell_session_t *make_session(wsuv_conn_t *conn) {
  uv_loop_t *loop = wsuv_loop_uv(wsuv_conn_loop(conn));
  shell_session_t *session = (shell_session_t *)calloc(1, sizeof *session);
  if (session == NULL || uv_signal_init(loop, &session->child) != 0) {
    free(session);
    return NULL;
  }
  uv_pipe_init(loop, &session->terminal, 0);
  uv_pipe_init(loop, &session->report, 0);
  uv_timer_init(loop, &session->timer);
  session->terminal.data = session->report.data = session;
  session->child.data = session->timer.data = session;
  session->shell_ended = 1;
  session->nhandles = NHANDLES;
  session->conn = conn;
  return session;
}

/* The descriptor becomes the handle's. */
static int open_pipe(uv_pipe_t *pipe, int fd) {
  int err = uv_pipe_open(pipe, fd);
  if (err != 0)
    close(fd);
  return err;
}

static int open_terminal(shell_session_t *session, const pty_program_t *program) {
  pty_t pty;
  int err = uv_signal_start(&session->child, on_child, SIGCHLD); /* before there is a child */
  if (err == 0)
    err = pty_start(program, &pty);
  if (err != 0)
    return err;
  session->keeper = pty.keeper;
  err = open_pipe(&session->report, pty.report);
  if (err != 0) {
    close(pty.terminal);
    return err;
  }
  session->shell_ended = 0;
  uv_read_start((uv_stream_t *)&session->report, on_report_alloc, on_report);
  err = open_pipe(&session->terminal, pty.terminal);
  return err != 0 ? err : uv_read_start((uv_stream_t *)&session->terminal, on_alloc, on_output);
}

int shell_session_start(wsuv_conn_t *conn, const pty_program_t *program) {
  shell_session_t *session = make_session(conn);
  if (session == NULL)
    return UV_ENOMEM;
  int err = open_terminal(session, program);
  if (err != 0)
    shell_session_leave(session);
  else
    wsuv_conn_set_data(conn, session);
  return err;
}
