/* An echo server: text comes back as text, binary as binary.
 *
 *   01_echo_server --port 9001        then: 02_client ws://127.0.0.1:9001/ hello
 */
#include "cli.h"
#include "serve.h"

/* [readme] */
#include <stdio.h>
#include <wsuv.h>

enum { HIGH_WATER = 1024 * 1024 }; /* octets of echoes waiting for a slow reader */

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  int err = type == WSUV_TEXT ? wsuv_conn_send_text(conn, payload, len)
                              : wsuv_conn_send_binary(conn, payload, len);
  if (err != 0) /* an echo server drops nothing: it says that it cannot go on */
    wsuv_conn_close(conn, WSUV_CLOSE_INTERNAL_ERROR, wsuv_strerror(err));
  if (wsuv_conn_queued(conn) > HIGH_WATER)
    wsuv_conn_read_stop(conn); /* who does not read is not read from ... */
}

static void on_drain(wsuv_conn_t *conn) {
  wsuv_conn_read_start(conn); /* ... until the echoes are gone */
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn; /* its memory is the library's; nothing to free */
  if (info->error != 0)
    fprintf(stderr, "connection ended: %s\n", info->detail);
}

static const wsuv_handler_t conn_handler = {.size = sizeof(wsuv_handler_t),
                                            .on_message = on_message,
                                            .on_drain = on_drain,
                                            .on_close = on_close};

static const wsuv_server_handler_t handler = {.size = sizeof(wsuv_server_handler_t),
                                              .conn = &conn_handler};

static int listen_on(wsuv_loop_t *loop, wsuv_server_t **server, wsuv_server_options_t options) {
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT; /* the defaults, but for: */
  limits.write_high_water = HIGH_WATER;
  options.conn = &limits;
  return wsuv_server_listen(loop, server, &options, &handler, NULL);
}
/* [/readme] */

int main(int argc, char **argv) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  options.port = SERVE_DEFAULT_PORT;
  const cli_option_t table[] = {SERVE_OPTIONS(options)};
  const cli_t cli = {"01_echo_server", "",
                     "Sends every message back: text as text, binary as binary.", table,
                     sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);

  wsuv_loop_t *loop;
  wsuv_server_t *server;
  int err = wsuv_loop_new(&loop, uv_default_loop(), NULL);
  if (err == 0)
    err = listen_on(loop, &server, options);
  return err != 0 ? serve_cannot_listen(&options, err) : serve(loop, server, &options);
}
