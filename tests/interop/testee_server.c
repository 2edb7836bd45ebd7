/* The server that outside test suites are pointed at: echoes in kind, every limit is a flag. */
#include <stdio.h>
#include <stdlib.h>

#include "testee_options.h"

static struct {
  testee_options_t options;
  wsuv_loop_t *loop;
  wsuv_server_t *server;
  uv_signal_t signals[2];
  size_t nopen;
  int stopping; /* signals seen */
} app;

static void fail(const char *what, int err) {
  (void)fprintf(stderr, "wsuv-testee-server: %s: %s\n", what, wsuv_strerror(err));
  exit(EXIT_FAILURE);
}

static void close_going_away(wsuv_conn_t *conn, void *arg) {
  (void)arg;
  (void)wsuv_conn_close(conn, WSUV_CLOSE_GOING_AWAY, NULL);
}

static void end_everything(void) {
  if (app.loop != NULL) {
    wsuv_loop_t *loop = app.loop;
    app.loop = NULL;
    (void)wsuv_loop_close(loop, NULL, NULL);
    for (size_t i = 0; i < 2; i++) {
      uv_close((uv_handle_t *)&app.signals[i], NULL);
    }
  }
}

/* Once the open connections are gone, those still in their opening handshake are not waited for. */
static void on_signal(uv_signal_t *handle, int number) {
  (void)handle;
  (void)number;
  app.stopping++;
  if (app.stopping == 1) {
    wsuv_server_each(app.server, close_going_away, NULL);
    wsuv_server_close(app.server);
  }
  if (app.stopping > 1 || app.nopen == 0) {
    end_everything();
  }
}

static void on_open(wsuv_conn_t *conn) {
  app.nopen++;
  if (app.stopping) {
    close_going_away(conn, NULL);
  }
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  int err = testee_echo(conn, &app.options, type, payload, len);
  if (err != 0 && err != WSUV_ESTATE) {
    (void)wsuv_conn_close(conn, WSUV_CLOSE_INTERNAL_ERROR, wsuv_err_name(err));
  }
}

static void on_drain(wsuv_conn_t *conn) {
  wsuv_conn_read_start(conn);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  if (app.options.tells_all && info->opened) {
    (void)printf("CLOSE %d %s\n", info->code, info->reason);
    (void)fflush(stdout);
  }
  if (info->opened && --app.nopen == 0 && app.stopping) {
    end_everything();
  }
}

static void on_failure(void *arg, wsuv_conn_t *conn, int error, const char *text) {
  (void)arg;
  (void)conn;
  (void)error;
  (void)printf("FAILURE %s", text);
  (void)fflush(stdout);
}

static void on_tls_failed(wsuv_server_t *server, const wsuv_tls_failure_t *failure) {
  (void)server;
  if (app.options.tells_tls_failures) {
    (void)printf("TLS %s: %s\n", wsuv_err_name(failure->error), failure->detail);
    (void)fflush(stdout);
  }
}

static void tell_request(const wsuv_upgrade_t *upgrade) {
  (void)printf("REQUEST %s\n", wsuv_upgrade_target(upgrade));
  for (size_t i = 0; i < wsuv_upgrade_nheaders(upgrade); i++) {
    wsuv_header_t field = wsuv_upgrade_header_at(upgrade, i);
    (void)printf("FIELD %.*s: %.*s\n", (int)field.name_len, field.name, (int)field.value_len,
                 field.value);
  }
  (void)fflush(stdout);
}

static void on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  (void)server;
  tell_request(upgrade);
  if (wsuv_upgrade_accept(upgrade, NULL) != 0) {
    (void)wsuv_upgrade_reject(upgrade, 503, NULL, 0, NULL, 0);
  }
}

static const wsuv_handler_t conn_handler = {
    .size = sizeof(wsuv_handler_t),
    .on_open = on_open,
    .on_message = on_message,
    .on_drain = on_drain,
    .on_close = on_close,
};

static const wsuv_server_handler_t server_handler = {
    .size = sizeof(wsuv_server_handler_t),
    .conn = &conn_handler,
    .on_tls_failed = on_tls_failed,
};

static const wsuv_server_handler_t telling_handler = {
    .size = sizeof(wsuv_server_handler_t),
    .conn = &conn_handler,
    .on_upgrade = on_upgrade,
    .on_tls_failed = on_tls_failed,
};

static int make_loop(uv_loop_t *uv) {
  static const wsuv_trace_t trace = {.size = sizeof(wsuv_trace_t), .on_failure = on_failure};
  wsuv_loop_options_t options = WSUV_LOOP_OPTIONS_INIT;
  if (app.options.conn.trace_frames > 0) {
    options.trace = &trace;
  }
  return wsuv_loop_new(&app.loop, uv, &options);
}

static void listen_for_clients(void) {
  static const char *const any_origin = "*"; /* pages of nowhere and of other ports connect */
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  options.origins = &any_origin;
  options.norigins = 1;
  options.host = app.options.host;
  options.port = app.options.port;
  options.path = app.options.path;
  options.max_connections = app.options.max_connections;
  options.conn = &app.options.conn;
  options.subprotocols = app.options.subprotocols;
  options.nsubprotocols = app.options.nsubprotocols;
  options.extensions = app.options.extensions;
  options.nextensions = app.options.nextensions;
  options.tls = app.options.tls;
  int err = wsuv_server_listen(app.loop, &app.server, &options,
                               app.options.tells_all ? &telling_handler : &server_handler, NULL);
  if (err != 0) {
    fail("cannot listen", err);
  }
}

static void say_where(void) {
  const char *host = app.options.host != NULL ? app.options.host : "127.0.0.1";
  int is_ipv6 = 0;
  for (const char *p = host; *p != '\0'; p++) {
    is_ipv6 |= *p == ':';
  }
  if (app.options.path != NULL) {
    (void)printf("listening on unix:%s\n", app.options.path);
  } else {
    (void)printf("listening on %s://%s%s%s:%d/\n", app.options.tls != NULL ? "wss" : "ws",
                 is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", wsuv_server_port(app.server));
  }
  (void)fflush(stdout);
}

static void catch_signal(uv_loop_t *uv, uv_signal_t *handle, int number) {
  int err = uv_signal_init(uv, handle);
  if (err == 0) {
    err = uv_signal_start(handle, on_signal, number);
  }
  if (err != 0) {
    fail("cannot catch signals", err);
  }
}

int main(int argc, char **argv) {
  (void)argc;
  testee_options_parse(&app.options, WSUV_SERVER, argv);
  uv_loop_t uv;
  int err = uv_loop_init(&uv);
  if (err == 0) {
    err = make_loop(&uv);
  }
  if (err != 0) {
    fail("cannot start", err);
  }
  listen_for_clients();
  catch_signal(&uv, &app.signals[0], SIGINT);
  catch_signal(&uv, &app.signals[1], SIGTERM);
  say_where();
  (void)uv_run(&uv, UV_RUN_DEFAULT);
  wsuv_deflate_free(app.options.deflate);
  wsuv_tls_context_release(app.options.tls);
  err = uv_loop_close(&uv);
  if (err != 0) {
    fail("handles are left", err);
  }
  return app.stopping > 1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
