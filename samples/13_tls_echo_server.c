/* An echo server that speaks TLS, and takes a new certificate without a pause: on SIGHUP.
 *
 *   wsuv-dev-certs certs                                                      once: makes what is needed here
 *   13_tls_echo_server --cert certs/server.pem --key certs/server.key
 *   14_tls_client --ca certs/ca.pem wss://localhost:9001/ hello               in another terminal
 */
#include <stdio.h>

#include "cli.h"
#include "serve.h"

enum { HIGH_WATER = 1024 * 1024 }; /* write_high_water as it is by default */

struct app {
  wsuv_loop_t *loop;
  wsuv_server_t *server;
  wsuv_tls_context_t *tls;
  const char *cert_file, *key_file;
};

static void on_open(wsuv_conn_t *conn) {
  char peer[64] = "";
  wsuv_tls_info_t info;
  (void)wsuv_conn_peer(conn, peer, sizeof peer);
  if (wsuv_conn_tls(conn, &info) == 0)
    printf("%s: %s, %s, for %s%s\n", peer, info.version, info.cipher,
           info.server_name != NULL ? info.server_name : "no name",
           info.resumed ? ", resumed" : "");
  fflush(stdout);
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  int err = wsuv_conn_send_message(conn, type, payload, len, 0);
  if (err != 0)
    wsuv_conn_close(conn, WSUV_CLOSE_INTERNAL_ERROR, wsuv_strerror(err));
  if (wsuv_conn_queued(conn) > HIGH_WATER)
    wsuv_conn_read_stop(conn);
}

static void on_drain(wsuv_conn_t *conn) {
  wsuv_conn_read_start(conn);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  if (info->error != 0)
    fprintf(stderr, "connection ended: %s\n", info->detail);
}

/* Such a connection never gets to the other callbacks. */
static void on_tls_failed(wsuv_server_t *server, const wsuv_tls_failure_t *failure) {
  (void)server;
  fprintf(stderr, "%s: no TLS, %s: %s\n", failure->peer, wsuv_err_name(failure->error),
          failure->detail);
}

static const wsuv_handler_t conn_handler = {.size = sizeof(wsuv_handler_t),
                                            .on_open = on_open,
                                            .on_message = on_message,
                                            .on_drain = on_drain,
                                            .on_close = on_close};

static const wsuv_server_handler_t handler = {
    .size = sizeof(wsuv_server_handler_t), .conn = &conn_handler, .on_tls_failed = on_tls_failed};

/* [readme] */
/* Makes the context, or has it read everything again: after an error it goes on with what it has. */
static int load_certificate(struct app *app, char *why, size_t why_size) {
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  wsuv_tls_options_t options = WSUV_TLS_OPTIONS_INIT;
  identity.cert_file = app->cert_file;
  identity.key_file = app->key_file;
  options.identities = &identity;
  options.nidentities = 1;
  if (app->tls != NULL)
    return wsuv_tls_context_reload(app->tls, &options, why, why_size);
  return wsuv_tls_context_new(&app->tls, WSUV_SERVER, &options, why, why_size);
}

static void reload(void *arg) { /* called for SIGHUP */
  struct app *app = (struct app *)arg;
  char why[160];
  int err = load_certificate(app, why, sizeof why);
  if (err == 0)
    printf("reloaded: new connections get the new certificate\n");
  else
    printf("not reloaded, the old one stays: %s\n", why);
  fflush(stdout);
}

static int listen_on(struct app *app, wsuv_server_options_t options) {
  options.tls = app->tls; /* every connection begins with TLS then */
  return wsuv_server_listen(app->loop, &app->server, &options, &handler, app);
}
/* [/readme] */

int main(int argc, char **argv) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  struct app app = {0};
  options.port = SERVE_DEFAULT_PORT;
  const cli_option_t table[] = {SERVE_OPTIONS(options),
                                SERVE_TLS_OPTIONS(app.cert_file, app.key_file)};
  const cli_t cli = {"13_tls_echo_server", "",
                     "Sends every message back, over TLS. On SIGHUP the certificate\n"
                     "and the key are read again; open connections stay.",
                     table, sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);
  if (app.cert_file == NULL)
    cli_usage_error(&cli, "missing option", "--cert");

  char why[160];
  int err = load_certificate(&app, why, sizeof why);
  if (err != 0)
    return serve_cannot_use_tls(err, why);
  err = wsuv_loop_new(&app.loop, uv_default_loop(), NULL);
  if (err == 0)
    err = listen_on(&app, options);
  options.tls = app.tls;
  int status = err != 0 ? serve_cannot_listen(&options, err)
                        : serve_and_reload(app.loop, app.server, &options, reload, &app);
  wsuv_tls_context_release(app.tls);
  return status;
}
