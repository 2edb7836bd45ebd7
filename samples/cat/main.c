/* wsuv-cat: a WebSocket client for the terminal and for pipes.
 *
 *   wsuv-cat ws://127.0.0.1:9001/                   lines, edited on the terminal
 *   printf '%s\n' one two | wsuv-cat ws://...       a message for each line, and the answers
 *   wsuv-cat --binary ws://... <file >answers       octets
 *   wsuv-cat -v wss://example.org/                  over TLS; -v says which, and with whom
 *   wsuv-cat --compress -v ws://...                 compressed; -v says whether it is, and what that saved
 *
 * options.c has the command line, session.c the life of the connection, sending.c and receiving.c the two directions,
 * compression.c what is said about that, tls.c what is asked of wss:// servers.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cat/session.h"
#include "cat/tls.h"
#include "cli.h"
#include "signals.h"

/* After a signal standard output is given so long to take what it was handed. */
enum { GRACE_MS = 1000 };

struct program {
  session_t session;
  signals_t signals;
  uv_timer_t grace;
};

/* Without asking anybody: a write may hang. */
static void end_now(struct program *program) {
  enum { SIGNAL_STATUS = 128 };
  (void)uv_tty_reset_mode();
  _Exit(SIGNAL_STATUS + program->signals.number);
}

static void on_grace_over(uv_timer_t *timer) {
  struct program *program = (struct program *)timer->data;
  if (program->session.conn == NULL)
    end_now(program);
}

static void on_signal(void *arg, int again) {
  struct program *program = (struct program *)arg;
  if (again)
    end_now(program);
  session_interrupt(&program->session, program->signals.number);
  uv_timer_start(&program->grace, on_grace_over, GRACE_MS, GRACE_MS);
  uv_unref((uv_handle_t *)&program->grace);
}

static int say_not_started(const cat_options_t *options, int err, const char *why) {
  fprintf(stderr, "cannot connect to '%s': %s\n", options->connect.url,
          why[0] != '\0' ? why : wsuv_strerror(err));
  if (err == WSUV_EINVAL && why[0] == '\0')
    fputs("a name or value of --header, --subprotocol or --origin is not allowed\n", stderr);
  return err == WSUV_EURL || err == WSUV_EINVAL ? CLI_USAGE_ERROR : CAT_NOT_CONNECTED;
}

static int run(struct program *program, wsuv_loop_t *loop) {
  uv_loop_t *uv = wsuv_loop_uv(loop);
  session_t *session = &program->session;
  uv_timer_init(uv, &program->grace);
  program->grace.data = program;
  signals_start(&program->signals, uv, on_signal, program);
  int err = session_start(session, loop);
  if (err != 0)
    session->status = say_not_started(session->options, err, "");
  uv_run(uv, UV_RUN_DEFAULT); /* returns when the connection is gone and all is written */
  signals_end(&program->signals);
  uv_close((uv_handle_t *)&program->grace, NULL);
  session_free(session);
  return session->status;
}

int main(int argc, char **argv) {
  static struct program program;
  cat_options_t options;
  uv_loop_t *uv = uv_default_loop();
  wsuv_loop_t *loop;
  int err = options_read(&options, argc, argv);
  if (err == 0 && options.is_secure) {
    char why[160];
    err = tls_prepare(&options, why, sizeof why);
    if (err != 0) {
      int status = say_not_started(&options, err, why);
      options_free(&options);
      return status;
    }
  }
  if (err == 0)
    err = wsuv_loop_new(&loop, uv, NULL);
  if (err != 0) {
    fprintf(stderr, "cannot start: %s\n", wsuv_strerror(err));
    return CAT_INPUT_OR_OUTPUT;
  }
  program.session.options = &options;
  int status = run(&program, loop);
  wsuv_loop_close(loop, NULL, NULL);
  uv_run(uv, UV_RUN_DEFAULT);
  options_free(&options);
  return uv_loop_close(uv) == 0 ? status : CAT_INPUT_OR_OUTPUT;
}
