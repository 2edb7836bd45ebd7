/* An echo server for wss://, or for ws:// without a certificate: the library's defaults, and reading stops while the peer does
 * not take what was sent. Prints "listening on PORT" and runs until it is killed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wsuv.h"

#define HIGH_WATER ((size_t)1 << 20) /* the default's */

static struct {
  const char *cert_file;
  const char *key_file;
  int port; /* 0: any free one */
} opt;

static void fail(const char *what, const char *why) {
  (void)fprintf(stderr, "bench_tls_echo: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
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

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  (void)info;
}

static const wsuv_handler_t conn_handler = {
    .size = sizeof(wsuv_handler_t),
    .on_message = on_message,
    .on_drain = on_drain,
    .on_close = on_close,
};

static const wsuv_server_handler_t server_handler = {
    .size = sizeof(wsuv_server_handler_t),
    .conn = &conn_handler,
};

static wsuv_tls_context_t *make_context(void) {
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  wsuv_tls_options_t options = WSUV_TLS_OPTIONS_INIT;
  wsuv_tls_context_t *tls = NULL;
  char why[160] = "";
  identity.cert_file = opt.cert_file;
  identity.key_file = opt.key_file;
  options.identities = &identity;
  options.nidentities = 1;
  if (wsuv_tls_context_new(&tls, WSUV_SERVER, &options, why, sizeof why) != 0) {
    fail("no TLS", why);
  }
  return tls;
}

static void take_arguments(int argc, char **argv) {
  for (int i = 1; i < argc; i += 2) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (value != NULL && strcmp(argv[i], "--cert") == 0) {
      opt.cert_file = value;
    } else if (value != NULL && strcmp(argv[i], "--key") == 0) {
      opt.key_file = value;
    } else if (value != NULL && strcmp(argv[i], "--port") == 0) {
      opt.port = (int)strtol(value, NULL, 10);
    } else {
      (void)fprintf(stderr, "usage: bench_tls_echo [--cert FILE --key FILE] [--port N]\n");
      exit(2);
    }
  }
}

static wsuv_server_t *start_server(wsuv_loop_t *loop) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_server_t *server = NULL;
  options.port = opt.port;
  if (opt.cert_file != NULL) {
    options.tls = make_context();
  }
  int err = wsuv_server_listen(loop, &server, &options, &server_handler, NULL);
  if (err != 0) {
    fail("cannot listen", wsuv_strerror(err));
  }
  wsuv_tls_context_release(options.tls);
  return server;
}

int main(int argc, char **argv) {
  uv_loop_t uv;
  wsuv_loop_t *loop = NULL;
  take_arguments(argc, argv);
  int err = uv_loop_init(&uv);
  if (err == 0) {
    err = wsuv_loop_new(&loop, &uv, NULL);
  }
  if (err != 0) {
    fail("cannot start", wsuv_strerror(err));
  }
  (void)printf("listening on %d\n", wsuv_server_port(start_server(loop)));
  (void)fflush(stdout);
  return uv_run(&uv, UV_RUN_DEFAULT);
}
