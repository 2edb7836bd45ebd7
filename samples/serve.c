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

enum { GRACE_MS = 10000 }; /* what has not ended so long after the signal is ended */

struct service {
  wsuv_loop_t *loop; /* NULL once it was closed */
  wsuv_server_t *server;
  uv_timer_t grace;
};

static void close_going_away(wsuv_conn_t *conn, void *arg) {
  (void)arg;
  wsuv_conn_close(conn, WSUV_CLOSE_GOING_AWAY, "the server stops");
}

/* Terminates what is left. */
static void end_service(struct service *service) {
  if (service->loop != NULL)
    wsuv_loop_close(service->loop, NULL, NULL);
  service->loop = NULL;
}

static void on_grace_over(uv_timer_t *timer) {
  end_service((struct service *)timer->data);
}

static void stop_service(void *arg, int again) {
  struct service *service = (struct service *)arg;
  if (again) {
    end_service(service);
    return;
  }
  wsuv_server_close(service->server);
  wsuv_server_each(service->server, close_going_away, NULL);
  uv_timer_start(&service->grace, on_grace_over, GRACE_MS, 0);
}

int serve(wsuv_loop_t *loop, wsuv_server_t *server, const wsuv_server_options_t *options) {
  return serve_and_reload(loop, server, options, NULL, NULL);
}

int serve_and_reload(wsuv_loop_t *loop, wsuv_server_t *server, const wsuv_server_options_t *options,
                     void (*reload)(void *arg), void *arg) {
  uv_loop_t *uv = wsuv_loop_uv(loop);
  struct service service = {.loop = loop, .server = server};
  signals_t signals;
  uv_timer_init(uv, &service.grace);
  uv_unref((uv_handle_t *)&service.grace);
  service.grace.data = &service;
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
  uv_close((uv_handle_t *)&service.grace, NULL);
  end_service(&service);
  uv_run(uv, UV_RUN_DEFAULT);
  return uv_loop_close(uv) == 0 ? EXIT_SUCCESS : CLI_RUNTIME_ERROR;
}
