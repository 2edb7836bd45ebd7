/* Sends every message of a client to all clients, by a topic that all subscribe to; with --subscriptions to more topics beside
 * it, to see what that costs. Other requests than for a WebSocket are answered 200 and keep their connection. Prints "listening
 * on PORT" and runs until SIGTERM or SIGINT. Then, and on SIGUSR1, it says on stderr how many messages were sent, and how many
 * of them by reference to the one copy. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wsuv.h"

#define TOPIC             "all"
#define MAX_SUBSCRIPTIONS 1000
#define PING_INTERVAL_MS  600000 /* the load answers no Pings */

static struct {
  int port; /* 0: any free one */
  int nsubscriptions;
  uv_loop_t uv;
  wsuv_loop_t *loop;
  wsuv_server_t *server;
  uint64_t npublished;
  uv_signal_t signals[3];
} app = {.nsubscriptions = 1};

static void fail(const char *what, int err) {
  (void)fprintf(stderr, "bench_broadcast_server: %s: %s\n", what, wsuv_strerror(err));
  exit(EXIT_FAILURE);
}

static void on_open(wsuv_conn_t *conn) {
  int err = wsuv_conn_subscribe(conn, TOPIC);
  for (int i = 1; i < app.nsubscriptions && err == 0; i++) {
    char name[32];
    (void)snprintf(name, sizeof name, "other topic %d", i);
    err = wsuv_conn_subscribe(conn, name);
  }
  if (err != 0) {
    fail("cannot subscribe", err);
  }
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  int err = wsuv_server_publish(wsuv_conn_server(conn), TOPIC, type, payload, len, NULL, NULL);
  if (err != 0) {
    fail("cannot publish", err);
  }
  app.npublished++;
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  (void)info;
}

static void on_request(wsuv_server_t *server, wsuv_upgrade_t *request) {
  (void)server;
  (void)wsuv_upgrade_respond(request, 200, NULL, 0, NULL, 0);
}

static const wsuv_handler_t conn_handler = {
    .size = sizeof(wsuv_handler_t),
    .on_open = on_open,
    .on_message = on_message,
    .on_close = on_close,
};

static const wsuv_server_handler_t server_handler = {
    .size = sizeof(wsuv_server_handler_t),
    .conn = &conn_handler,
    .on_request = on_request,
};

static void say_counts(void) {
  wsuv_server_stats_t stats = {.size = sizeof stats};
  if (wsuv_server_stats(app.server, &stats) != 0) {
    return;
  }
  (void)fprintf(stderr,
                "bench_broadcast_server: %" PRIu64 " published, %" PRIu64 " sent, %" PRIu64
                " of them shared, %" PRIu64 " dropped\n",
                app.npublished, stats.sent.text + stats.sent.binary, stats.sent.shared,
                stats.drops.refused + stats.drops.closed);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)handle;
  say_counts();
  if (number != SIGUSR1) {
    exit(EXIT_SUCCESS);
  }
}

static void take_arguments(int argc, char **argv) {
  for (int i = 1; i < argc; i += 2) {
    long value = i + 1 < argc ? strtol(argv[i + 1], NULL, 10) : -1;
    if (strcmp(argv[i], "--port") == 0 && value >= 0 && value <= 65535) {
      app.port = (int)value;
    } else if (strcmp(argv[i], "--subscriptions") == 0 && value > 0 && value <= MAX_SUBSCRIPTIONS) {
      app.nsubscriptions = (int)value;
    } else {
      (void)fprintf(stderr, "usage: bench_broadcast_server [--port N] [--subscriptions N]\n");
      exit(2);
    }
  }
}

static int listen_to_signals(void) {
  static const int numbers[3] = {SIGUSR1, SIGTERM, SIGINT};
  int err = 0;
  for (int i = 0; i < 3 && err == 0; i++) {
    err = uv_signal_init(&app.uv, &app.signals[i]);
    if (err == 0) {
      err = uv_signal_start(&app.signals[i], on_signal, numbers[i]);
    }
  }
  return err;
}

int main(int argc, char **argv) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  take_arguments(argc, argv);
  int err = uv_loop_init(&app.uv);
  if (err == 0) {
    err = wsuv_loop_new(&app.loop, &app.uv, NULL);
  }
  if (err == 0) {
    err = listen_to_signals();
  }
  options.port = app.port;
  options.conn = &limits;
  limits.ping_interval_ms = PING_INTERVAL_MS;
  options.keep_alive_timeout_ms = 3600000;
  if (err == 0) {
    err = wsuv_server_listen(app.loop, &app.server, &options, &server_handler, NULL);
  }
  if (err != 0) {
    fail("cannot start", err);
  }
  (void)printf("listening on %d\n", wsuv_server_port(app.server));
  (void)fflush(stdout);
  return uv_run(&app.uv, UV_RUN_DEFAULT);
}
