/* An echo server on several threads, each with a loop of its own: as many as there are processors, or --loops.
 *
 *   20_many_loops --loops 4        then: 02_client ws://127.0.0.1:9001/ hello
 *
 * A connection stays on the loop that accepted it, so that its handler needs no lock for what is its own or its loop's. Each
 * loop says what it served on SIGHUP, which is posted to all of them, and at its end. SIGINT and SIGTERM close every connection
 * with 1001, a second one ends at once.
 */
#include "cli.h"
#include "serve.h"
#include "signals.h"

/* [readme] */
#include <stdio.h>
#include <wsuv.h>

enum { HIGH_WATER = 1024 * 1024, MAX_LOOPS = 1024 };

/* Of one loop, and touched by its thread only. */
struct lane {
  int index;
  unsigned nopen, nopened, nmessages;
};

static struct lane *lane_of(wsuv_loop_t *loop) {
  return (struct lane *)wsuv_loop_uv(loop)->data;
}

static void on_open(wsuv_conn_t *conn) {
  struct lane *lane = lane_of(wsuv_conn_loop(conn));
  lane->nopen++;
  lane->nopened++;
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  int err = wsuv_conn_send_message(conn, type, payload, len, 0);
  lane_of(wsuv_conn_loop(conn))->nmessages++;
  if (err != 0)
    wsuv_conn_close(conn, WSUV_CLOSE_INTERNAL_ERROR, wsuv_strerror(err));
  if (wsuv_conn_queued(conn) > HIGH_WATER)
    wsuv_conn_read_stop(conn);
}

static void on_drain(wsuv_conn_t *conn) {
  wsuv_conn_read_start(conn);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  lane_of(wsuv_conn_loop(conn))->nopen -= info->opened ? 1 : 0;
}

static const wsuv_handler_t conn_handler = {.size = sizeof(wsuv_handler_t),
                                            .on_open = on_open,
                                            .on_message = on_message,
                                            .on_drain = on_drain,
                                            .on_close = on_close};

static const wsuv_server_handler_t handler = {.size = sizeof(wsuv_server_handler_t),
                                              .conn = &conn_handler};

static void say_counts(wsuv_loop_t *loop, void *arg, int status) {
  const struct lane *lane = lane_of(loop);
  (void)arg;
  if (status == 0)
    printf("loop %d: %u connections, %u before, %u messages\n", lane->index, lane->nopen,
           lane->nopened - lane->nopen, lane->nmessages);
  fflush(stdout);
}
/* [/readme] */

/* The first loop hears the signals, for all. */
struct program {
  struct lane lanes[MAX_LOOPS];
  signals_t signals;
  wsuv_threads_t *threads;
};

static void stop(void *arg, int again) {
  struct program *program = (struct program *)arg;
  wsuv_drain_options_t drain = WSUV_DRAIN_OPTIONS_INIT;
  drain.window_ms = 1000;
  drain.deadline_ms = 10000;
  if (again)
    wsuv_threads_terminate(program->threads);
  else
    wsuv_threads_stop(program->threads, &drain);
}

static void hang_up(void *arg) {
  wsuv_threads_each(((struct program *)arg)->threads, say_counts, NULL);
}

static int on_start(wsuv_threads_t *threads, wsuv_loop_t *loop, wsuv_server_t *server, int index,
                    void *data) {
  struct program *program = (struct program *)data;
  (void)server;
  program->lanes[index].index = index;
  wsuv_loop_uv(loop)->data = &program->lanes[index];
  if (index > 0)
    return 0;
  program->threads = threads;
  int err = signals_start(&program->signals, wsuv_loop_uv(loop), stop, program);
  return err != 0 ? err : signals_on_hangup(&program->signals, hang_up, program);
}

/* The signals stay: a second one may still be for the other loops. The library closes their handles when all have ended. */
static void on_stop(wsuv_threads_t *threads, wsuv_loop_t *loop, int index, void *data) {
  (void)threads;
  (void)index;
  (void)data;
  say_counts(loop, NULL, 0);
}

int main(int argc, char **argv) {
  static struct program program;
  wsuv_server_options_t server = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  wsuv_threads_options_t options = WSUV_THREADS_OPTIONS_INIT;
  server.port = SERVE_DEFAULT_PORT;
  server.conn = &limits;
  limits.write_high_water = HIGH_WATER;
  const cli_option_t table[] = {
      SERVE_OPTIONS(server),
      {.name = "--loops",
       .value = "N",
       .help = "threads, up to 1024 [as many as processors]",
       .number = &options.nloops,
       .min = 1,
       .max = MAX_LOOPS},
      {.name = "--hand-off",
       .help = "the first loop accepts for all [the kernel spreads, where it can]",
       .flag = &options.hand_off}};
  const cli_t cli = {"20_many_loops", "", "Sends every message back, from several threads.", table,
                     sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);

  wsuv_threads_t *threads;
  options.server = &server;
  options.handler = &handler;
  options.data = &program;
  options.on_start = on_start;
  options.on_stop = on_stop;
  int err = wsuv_threads_start(&threads, &options);
  if (err != 0)
    return serve_cannot_listen(&server, err);
  serve_say_where(&server, wsuv_threads_port(threads));
  wsuv_threads_join(threads);
  return 0;
}
