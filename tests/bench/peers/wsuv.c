/* This library with its defaults: limits, deadlines and heartbeats are on. Messages are echoed, reading stops while the peer
 * does not take what was sent; with --broadcast they are published to a topic that all subscribe to, with --subscriptions to
 * more topics beside it, to see what those cost. Other requests than for a WebSocket are answered 200 and keep their
 * connection.
 *
 * With one loop SIGUSR1, and with --broadcast the end, say on stderr how many messages were sent, and how many of them by
 * reference to the one copy that a publication makes. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer_options.h"
#include "wsuv.h"

#define TOPIC            "all"
#define HIGH_WATER       ((size_t)1 << 20) /* the default's */
#define PING_INTERVAL_MS 600000            /* the load answers no Pings */
#define KEEP_ALIVE_MS    3600000
#define MAX_LOOPS        1024

static struct {
  peer_options_t options;
  wsuv_threads_t *threads;                       /* of more than one loop */
  wsuv_server_t *server;                         /* of one */
  const wsuv_extension_t *extensions[MAX_LOOPS]; /* each loop's compression */
  uint64_t npublished;
  uv_signal_t signals[3];
} app;

static void fail(const char *what, const char *why) {
  (void)fprintf(stderr, "bench_peer_wsuv: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

static void check(const char *what, int err) {
  if (err == WSUV_ENODEFLATE || err == WSUV_ENOTLS) {
    (void)fprintf(stderr, "bench_peer_wsuv: %s\n", wsuv_strerror(err));
    exit(PEER_EXIT_CANNOT);
  }
  if (err != 0) {
    fail(what, wsuv_strerror(err));
  }
}

static void echo(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  int err = wsuv_conn_send_message(conn, type, payload, len, 0);
  if (err != 0) {
    (void)wsuv_conn_close(conn, WSUV_CLOSE_INTERNAL_ERROR, wsuv_err_name(err));
  } else if (wsuv_conn_queued(conn) > HIGH_WATER) {
    wsuv_conn_read_stop(conn);
  }
}

static void on_drain(wsuv_conn_t *conn) {
  wsuv_conn_read_start(conn);
}

static void subscribe(wsuv_conn_t *conn) {
  check("cannot subscribe", wsuv_conn_subscribe(conn, TOPIC));
  for (int i = 1; i < app.options.nsubscriptions; i++) {
    char name[32];
    (void)snprintf(name, sizeof name, "other topic %d", i);
    check("cannot subscribe", wsuv_conn_subscribe(conn, name));
  }
}

static void publish(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  check("cannot publish",
        wsuv_server_publish(wsuv_conn_server(conn), TOPIC, type, payload, len, NULL, NULL));
  app.npublished++;
}

static void publish_on_all_loops(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload,
                                 size_t len) {
  (void)conn;
  check("cannot publish", wsuv_threads_publish(app.threads, TOPIC, type, payload, len, NULL));
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  (void)info;
}

static void on_request(wsuv_server_t *server, wsuv_upgrade_t *request) {
  (void)server;
  (void)wsuv_upgrade_respond(request, 200, NULL, 0, NULL, 0);
}

static wsuv_tls_context_t *make_tls_context(void) {
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  wsuv_tls_options_t options = WSUV_TLS_OPTIONS_INIT;
  wsuv_tls_context_t *tls = NULL;
  char why[160] = "";
  identity.cert_file = app.options.cert_file;
  identity.key_file = app.options.key_file;
  options.identities = &identity;
  options.nidentities = 1;
  int err = wsuv_tls_context_new(&tls, WSUV_SERVER, &options, why, sizeof why);
  check(why, err);
  return tls;
}

static void say_counts(void) {
  wsuv_server_stats_t stats = {.size = sizeof stats};
  if (wsuv_server_stats(app.server, &stats) == 0) {
    (void)fprintf(stderr,
                  "bench_peer_wsuv: %" PRIu64 " published, %" PRIu64 " sent, %" PRIu64
                  " of them shared, %" PRIu64 " dropped\n",
                  app.npublished, stats.sent.text + stats.sent.binary, stats.sent.shared,
                  stats.drops.refused + stats.drops.closed);
  }
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)handle;
  if (number == SIGUSR1 || app.options.broadcast) {
    say_counts();
  }
  if (number != SIGUSR1) {
    exit(EXIT_SUCCESS);
  }
}

static void listen_to_signals(uv_loop_t *uv) {
  static const int numbers[3] = {SIGUSR1, SIGTERM, SIGINT};
  for (int i = 0; i < 3; i++) {
    check("no signals", uv_signal_init(uv, &app.signals[i]));
    check("no signals", uv_signal_start(&app.signals[i], on_signal, numbers[i]));
  }
}

/* A wsuv_deflate_t belongs to one thread. */
static int compress(wsuv_threads_t *threads, wsuv_server_options_t *options, int index,
                    void *data) {
  wsuv_deflate_t *deflate = NULL;
  (void)threads;
  (void)data;
  if (!app.options.deflate) {
    return 0;
  }
  int err = wsuv_deflate_new(&deflate, NULL);
  if (err == 0) {
    app.extensions[index] = wsuv_deflate_extension(deflate);
    options->extensions = &app.extensions[index];
    options->nextensions = 1;
  }
  return err;
}

static int serve_on_one_loop(wsuv_server_options_t *options, const wsuv_server_handler_t *handler) {
  wsuv_loop_t *loop = NULL;
  uv_loop_t uv;
  check("no loop", uv_loop_init(&uv));
  check("no loop", wsuv_loop_new(&loop, &uv, NULL));
  listen_to_signals(&uv);
  check("no compression", compress(NULL, options, 0, NULL));
  check("cannot listen", wsuv_server_listen(loop, &app.server, options, handler, NULL));
  peer_say_port(wsuv_server_port(app.server));
  return uv_run(&uv, UV_RUN_DEFAULT);
}

static int serve_on_threads(const wsuv_server_options_t *server,
                            const wsuv_server_handler_t *handler) {
  wsuv_threads_options_t options = WSUV_THREADS_OPTIONS_INIT;
  options.nloops = app.options.nloops;
  options.server = server;
  options.handler = handler;
  options.on_options = compress;
  check("cannot start", wsuv_threads_start(&app.threads, &options));
  peer_say_port(wsuv_threads_port(app.threads));
  wsuv_threads_join(app.threads);
  return EXIT_SUCCESS;
}

static void choose_callbacks(wsuv_handler_t *handler) {
  handler->on_drain = on_drain;
  handler->on_close = on_close;
  handler->on_message = echo;
  if (app.options.broadcast) {
    handler->on_open = subscribe;
    handler->on_message = app.options.nloops > 1 ? publish_on_all_loops : publish;
  }
}

int main(int argc, char **argv) {
  static wsuv_handler_t conn_handler = {.size = sizeof conn_handler};
  static wsuv_server_handler_t handler = {
      .size = sizeof handler, .conn = &conn_handler, .on_request = on_request};
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  peer_take_options(&app.options, argc, argv,
                    PEER_CAN_BROADCAST | PEER_CAN_DEFLATE | PEER_CAN_TLS | PEER_CAN_LOOPS |
                        PEER_CAN_SUBSCRIBE | PEER_CAN_PING);
  choose_callbacks(&conn_handler);
  options.port = app.options.port;
  options.conn = &limits;
  options.keep_alive_timeout_ms = KEEP_ALIVE_MS;
  limits.ping_interval_ms = PING_INTERVAL_MS;
  if (app.options.ping_interval_ms > 0) {
    limits.ping_interval_ms = app.options.ping_interval_ms;
    limits.max_pings = WSUV_OFF; /* the load answers none */
  }
  if (app.options.cert_file != NULL) {
    options.tls = make_tls_context();
  }
  return app.options.nloops > 1 ? serve_on_threads(&options, &handler)
                                : serve_on_one_loop(&options, &handler);
}
