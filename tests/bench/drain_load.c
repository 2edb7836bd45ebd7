/* Drains a server of many connections, and says how evenly they were closed and whether any was left behind. The clients are
 * wsuv's own, on the same loop.
 *
 * usage: bench_drain_load [CONNECTIONS [WINDOW-MS]]
 *
 * Prints the number of connections that ended in each twentieth of the window, and the CPU time from the beginning of the
 * drain to the server's end. Exit status 0 if each of them ended with a clean 1001, none too early, and nothing was left. It
 * needs two descriptors for each connection. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <wsuv.h>

enum { NSLICES = 20, NCONNECTING = 200 };

static struct {
  uv_loop_t uv;
  wsuv_loop_t *loop;
  wsuv_server_t *server;
  char url[64];
  size_t nconns;
  int64_t window_ms;
  size_t nstarted;
  size_t nopen;
  size_t nended;
  size_t nclean;
  size_t nearly; /* told before their time */
  size_t slices[NSLICES + 1];
  uint64_t start_ms;
  uint64_t end_ms;
  uint64_t longest_turn_ns;
  double begin_cpu_us;
  double cpu_us;
  wsuv_drain_progress_t last;
} app;

static double own_cpu_us(void) {
  struct rusage usage;

  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void die(const char *what, int err) {
  fprintf(stderr, "%s: %s\n", what, wsuv_strerror(err));
  exit(1);
}

static void on_progress(wsuv_server_t *server, const wsuv_drain_progress_t *progress) {
  uint64_t elapsed = uv_now(&app.uv) - app.start_ms;
  uint64_t due = (elapsed + 1) * app.nconns / (uint64_t)app.window_ms + 1;

  (void)server;
  if (progress->closing + progress->ended > due)
    app.nearly = progress->closing + progress->ended - due;
  app.last = *progress;
}

static void begin(void) {
  wsuv_drain_options_t options = WSUV_DRAIN_OPTIONS_INIT;
  int err;

  printf("%zu connections, a window of %lld ms\n", app.nopen, (long long)app.window_ms);
  options.window_ms = app.window_ms;
  options.deadline_ms = app.window_ms + 30000;
  options.cb = on_progress;
  app.start_ms = uv_now(&app.uv);
  app.begin_cpu_us = own_cpu_us();
  err = wsuv_server_drain(app.server, &options);
  if (err != 0)
    die("drain", err);
}

static void connect_next(void);

static void client_opened(wsuv_conn_t *conn) {
  (void)conn;
  connect_next();
  if (++app.nopen == app.nconns)
    begin();
}

static void client_closed(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  uint64_t elapsed = uv_now(&app.uv) - app.start_ms;
  uint64_t slice = elapsed * NSLICES / (uint64_t)app.window_ms;

  (void)conn;
  if (!info->opened)
    die("connect", info->error);
  app.nended++;
  app.nclean += info->clean && info->code == WSUV_CLOSE_GOING_AWAY;
  app.slices[slice < NSLICES ? slice : NSLICES]++;
}

static void connect_next(void) {
  static const wsuv_handler_t handler = {
      .size = sizeof(wsuv_handler_t), .on_open = client_opened, .on_close = client_closed};
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  wsuv_conn_t *conn;
  int err;

  if (app.nstarted == app.nconns)
    return;
  app.nstarted++;
  options.url = app.url;
  err = wsuv_connect(app.loop, &conn, &options, &handler, NULL);
  if (err != 0)
    die("connect", err);
}

static void served_closed(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  (void)info;
}

static void server_closed(wsuv_server_t *server) {
  (void)server;
  app.end_ms = uv_now(&app.uv) - app.start_ms;
  app.cpu_us = own_cpu_us() - app.begin_cpu_us;
  wsuv_loop_close(app.loop, NULL, NULL);
}

static void listen_and_connect(void) {
  static const wsuv_handler_t served = {.size = sizeof(wsuv_handler_t), .on_close = served_closed};
  static const wsuv_server_handler_t handler = {
      .size = sizeof(wsuv_server_handler_t), .conn = &served, .on_close = server_closed};
  int err = wsuv_loop_new(&app.loop, &app.uv, NULL);
  int i;

  if (err == 0)
    err = wsuv_server_listen(app.loop, &app.server, NULL, &handler, NULL);
  if (err != 0)
    die("listen", err);
  snprintf(app.url, sizeof app.url, "ws://127.0.0.1:%d/", wsuv_server_port(app.server));
  for (i = 0; i < NCONNECTING; i++)
    connect_next();
}

static int report(void) {
  int i;

  for (i = 0; i <= NSLICES; i++)
    printf("%s%zu", i > 0 ? " " : "ended: ", app.slices[i]);
  printf("\n%zu ended, %zu clean, %zu terminated, after %llu ms; the longest turn took %.1f ms\n",
         app.nended, app.nclean, app.last.terminated, (unsigned long long)app.end_ms,
         (double)app.longest_turn_ns / 1e6);
  printf("CPU of both ends, µs each: %.2f\n", app.cpu_us / (double)app.nended);
  if (app.nearly > 0)
    printf("%zu were told before their time\n", app.nearly);
  return app.nclean == app.nconns && app.last.ended == app.nconns && app.last.done &&
         app.nearly == 0;
}

int main(int argc, char **argv) {
  int alive = 1;

  app.nconns = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
  app.window_ms = argc > 2 ? strtol(argv[2], NULL, 10) : 5000;
  if (app.nconns == 0 || app.window_ms <= 0) {
    fprintf(stderr, "usage: %s [CONNECTIONS [WINDOW-MS]]\n", argv[0]);
    return 2;
  }
  uv_loop_init(&app.uv);
  uv_loop_configure(&app.uv, UV_METRICS_IDLE_TIME);
  listen_and_connect();
  while (alive) {
    uint64_t idle = uv_metrics_idle_time(&app.uv);
    uint64_t before = uv_hrtime();
    alive = uv_run(&app.uv, UV_RUN_ONCE);
    before = uv_hrtime() - before - (uv_metrics_idle_time(&app.uv) - idle);
    if (app.start_ms > 0 && before > app.longest_turn_ns)
      app.longest_turn_ns = before;
  }
  if (uv_loop_close(&app.uv) != 0) {
    fprintf(stderr, "something is left on the loop\n");
    return 1;
  }
  return report() ? 0 : 1;
}
