/* The client that outside test suites are pointed at: echoes in kind, every limit is a flag. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testee_options.h"

static const char close_request[] = "please close";

static struct {
  testee_options_t options;
  wsuv_loop_t *loop;
  wsuv_conn_t *conn;
  uv_signal_t signals[2];
  int nsignals; /* seen */
  int clean;
} app;

static void fail(const char *what, int err) {
  (void)fprintf(stderr, "wsuv-testee-client: %s: %s\n", what, wsuv_strerror(err));
  exit(EXIT_FAILURE);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)handle;
  (void)number;
  app.nsignals++;
  if (app.conn == NULL) {
    return;
  }
  if (app.nsignals == 1) {
    (void)wsuv_conn_close(app.conn, WSUV_CLOSE_GOING_AWAY, NULL);
  } else {
    wsuv_conn_terminate(app.conn);
  }
}

static const char *takeover_of(int no_context_takeover) {
  return no_context_takeover ? "no takeover" : "takeover";
}

static void on_open(wsuv_conn_t *conn) {
  (void)printf("OPEN\n");
  wsuv_tls_info_t tls;
  if (wsuv_conn_tls(conn, &tls) == 0) {
    (void)printf("TLS %s %s%s\n", tls.version, tls.cipher, tls.peer_verified ? "" : " unverified");
  }
  if (wsuv_conn_subprotocol(conn) != NULL) {
    (void)printf("SUBPROTOCOL %s\n", wsuv_conn_subprotocol(conn));
  }
  for (size_t i = 0; i < wsuv_conn_nextensions(conn); i++) {
    wsuv_negotiated_t negotiated = wsuv_conn_extension_at(conn, i);
    wsuv_deflate_params_t params;
    if (wsuv_deflate_params(&negotiated, &params) == 0) {
      (void)printf("DEFLATE deflate %d %s, inflate %d %s\n", params.deflate_max_window_bits,
                   takeover_of(params.deflate_no_context_takeover), params.inflate_max_window_bits,
                   takeover_of(params.inflate_no_context_takeover));
    }
  }
  (void)fflush(stdout);
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  (void)printf("MESSAGE %s %zu\n", wsuv_opcode_name((int)type), len);
  (void)fflush(stdout);
  if (type == WSUV_TEXT && len == sizeof close_request - 1 &&
      memcmp(payload, close_request, len) == 0) {
    (void)wsuv_conn_close(conn, WSUV_CLOSE_NORMAL, NULL);
    return;
  }
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
  app.conn = NULL;
  app.clean = info->clean;
  if (info->error != 0) {
    (void)printf("ERROR %s: %s\n", wsuv_err_name(info->error), info->detail);
  }
  if (info->opened) {
    (void)printf("CLOSE %d\n", info->code);
  }
  (void)fflush(stdout);
  (void)wsuv_loop_close(app.loop, NULL, NULL);
  for (size_t i = 0; i < 2; i++) {
    uv_close((uv_handle_t *)&app.signals[i], NULL);
  }
}

static const wsuv_handler_t handler = {
    .size = sizeof(wsuv_handler_t),
    .on_open = on_open,
    .on_message = on_message,
    .on_drain = on_drain,
    .on_close = on_close,
};

static void catch_signal(uv_loop_t *uv, uv_signal_t *handle, int number) {
  int err = uv_signal_init(uv, handle);
  if (err == 0) {
    err = uv_signal_start(handle, on_signal, number);
  }
  if (err != 0) {
    fail("cannot catch signals", err);
  }
}

static void start_connecting(void) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  options.url = app.options.url;
  options.path = app.options.path;
  options.conn = &app.options.conn;
  options.subprotocols = app.options.subprotocols;
  options.nsubprotocols = app.options.nsubprotocols;
  options.extensions = app.options.extensions;
  options.nextensions = app.options.nextensions;
  options.tls = app.options.tls;
  options.tls_name = app.options.tls_name;
  int err = wsuv_connect(app.loop, &app.conn, &options, &handler, NULL);
  if (err != 0) {
    (void)printf("ERROR %s: %s\n", wsuv_err_name(err), wsuv_strerror(err));
    exit(EXIT_FAILURE);
  }
}

int main(int argc, char **argv) {
  (void)argc;
  testee_options_parse(&app.options, WSUV_CLIENT, argv);
  uv_loop_t uv;
  int err = uv_loop_init(&uv);
  if (err == 0) {
    err = wsuv_loop_new(&app.loop, &uv, NULL);
  }
  if (err != 0) {
    fail("cannot start", err);
  }
  start_connecting();
  catch_signal(&uv, &app.signals[0], SIGINT);
  catch_signal(&uv, &app.signals[1], SIGTERM);
  (void)uv_run(&uv, UV_RUN_DEFAULT);
  wsuv_deflate_free(app.options.deflate);
  wsuv_tls_context_release(app.options.tls);
  err = uv_loop_close(&uv);
  if (err != 0) {
    fail("handles are left", err);
  }
  return app.clean ? EXIT_SUCCESS : EXIT_FAILURE;
}
