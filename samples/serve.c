#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "signals.h"

/* "127.0.0.1:9001", "[::1]:9001" or "unix:FILE" */
static void format_address(char *out, size_t size, const wsuv_server_options_t *options, int port) {
  const char *host = options->host != NULL ? options->host : "127.0.0.1";
  if (options->path != NULL)
    snprintf(out, size, "unix:%s", options->path);
  else
    snprintf(out, size, strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, port);
}

int serve_cannot_listen(const wsuv_server_options_t *options, int err) {
  char address[512];
  format_address(address, sizeof address, options, options->port);
  fprintf(stderr, "cannot listen on %s: %s\n", address, wsuv_strerror(err));
  return CLI_RUNTIME_ERROR;
}

int serve_cannot_use_tls(int err, const char *why) {
  fprintf(stderr, "cannot use TLS: %s\n", why[0] != '\0' ? why : wsuv_strerror(err));
  return CLI_RUNTIME_ERROR;
}

void serve_say_where(const wsuv_server_options_t *options, int port) {
  char address[512];
  format_address(address, sizeof address, options, port);
  int is_unix = options->path != NULL;
  const char *scheme = options->tls != NULL ? "wss://" : "ws://";
  printf("listening on %s%s%s\n", is_unix ? "" : scheme, address, is_unix ? "" : "/");
  fflush(stdout);
}

enum {
  GRACE_MS = 10000, /* what has not ended so long after the signal is ended */
  APART_MS = 10,    /* so much lies between two Close frames, as long as that is over in a second */
  WINDOW_MS = 1000,
  LINE_MS = 250 /* between two lines of progress */
};

struct service {
  wsuv_loop_t *loop; /* NULL once it was closed */
  wsuv_server_t *server;
};

/* Terminates what is left. */
static void end_service(struct service *service) {
  if (service->loop != NULL)
    wsuv_loop_close(service->loop, NULL, NULL);
  service->loop = NULL;
}

static void on_progress(wsuv_server_t *server, const wsuv_drain_progress_t *progress) {
  static uint64_t told_ms;
  uint64_t now = uv_hrtime() / 1000000;
  (void)server;
  if (progress->total == 0 || (!progress->done && now - told_ms < LINE_MS))
    return;
  told_ms = now;
  printf("draining: %zu of %zu connections closed\n", progress->ended, progress->total);
  fflush(stdout);
}

static void stop_service(void *arg, int again) {
  struct service *service = (struct service *)arg;
  if (again) {
    end_service(service);
    return;
  }
  size_t n = wsuv_server_nconns(service->server);
  wsuv_drain_options_t drain = WSUV_DRAIN_OPTIONS_INIT;
  drain.reason = "the server stops";
  drain.window_ms = n > 0 && n < WINDOW_MS / APART_MS ? (int64_t)n * APART_MS : WINDOW_MS;
  drain.deadline_ms = GRACE_MS;
  drain.cb = on_progress;
  wsuv_server_drain(service->server, &drain);
}

int serve(wsuv_loop_t *loop, wsuv_server_t *server, const wsuv_server_options_t *options) {
  return serve_and_reload(loop, server, options, NULL, NULL);
}

int serve_and_reload(wsuv_loop_t *loop, wsuv_server_t *server, const wsuv_server_options_t *options,
                     void (*reload)(void *arg), void *arg) {
  uv_loop_t *uv = wsuv_loop_uv(loop);
  struct service service = {.loop = loop, .server = server};
  signals_t signals;
  int err = signals_start(&signals, uv, stop_service, &service);
  if (err == 0 && reload != NULL)
    err = signals_on_hangup(&signals, reload, arg);
  if (err != 0) {
    fprintf(stderr, "cannot handle signals: %s\n", wsuv_strerror(err));
    return CLI_RUNTIME_ERROR;
  }

  serve_say_where(options, wsuv_server_port(server));
  uv_run(uv, UV_RUN_DEFAULT); /* returns when the server and its connections are gone */
  signals_end(&signals);
  end_service(&service);
  uv_run(uv, UV_RUN_DEFAULT);
  return uv_loop_close(uv) == 0 ? EXIT_SUCCESS : CLI_RUNTIME_ERROR;
}
