/* Certificates exchanged under a running server: before and after each exchange a client connects and says whose certificate it
 * was shown. A pair that is damaged is refused, and the server goes on with the one before.
 *
 *   15_tls_rotation --ca ca.pem server.pem server.key next.pem next.key next.pem alice.key
 *
 * The files are those of wsuv-dev-certs; alice.key belongs to another certificate. Server and client share a loop here only so
 * that one program shows both. The first connection stays open all the time: exchanges do not touch it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "wsuv.h"

struct app {
  wsuv_loop_t *loop;
  wsuv_server_t *server;
  wsuv_tls_context_t *server_tls, *client_tls;
  wsuv_conn_t *first; /* the client's first connection */
  char *const *files; /* the pair that is next, and so on up to a NULL */
  const char *ca_file;
  char url[64];
  int status;
};

static void connect_again(struct app *app);

/* ---- the server: a connection is answered what it sends ---- */

static void echo(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  if (wsuv_conn_send_message(conn, type, payload, len, 0) != 0)
    wsuv_conn_terminate(conn);
}

static void nothing_to_do(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  (void)info;
}

static const wsuv_handler_t server_conn_handler = {
    .size = sizeof(wsuv_handler_t), .on_message = echo, .on_close = nothing_to_do};
static const wsuv_server_handler_t server_handler = {.size = sizeof(wsuv_server_handler_t),
                                                     .conn = &server_conn_handler};

/* [readme] */
/* The next pair of files. All options are given again, not only what is new in them. */
static int use_next_pair(struct app *app) {
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  wsuv_tls_options_t options = WSUV_TLS_OPTIONS_INIT;
  char why[160];
  int err;
  identity.cert_file = *app->files++;
  identity.key_file = *app->files++;
  options.identities = &identity;
  options.nidentities = 1;
  if (app->server_tls == NULL)
    err = wsuv_tls_context_new(&app->server_tls, WSUV_SERVER, &options, why, sizeof why);
  else
    err = wsuv_tls_context_reload(app->server_tls, &options, why, sizeof why);
  if (err == 0)
    printf("server: uses %s\n", identity.cert_file);
  else
    printf("server: stays as it is, %s: %s\n", wsuv_err_name(err), why);
  return err;
}
/* [/readme] */

/* ---- the client ---- */

static void finish(struct app *app, const char *why) {
  if (why != NULL)
    fprintf(stderr, "%s\n", why);
  app->status = why != NULL ? CLI_RUNTIME_ERROR : EXIT_SUCCESS;
  if (app->loop != NULL)
    wsuv_loop_close(app->loop, NULL, NULL); /* with the server and all connections */
  app->loop = NULL;
}

static void on_open(wsuv_conn_t *conn) {
  struct app *app = (struct app *)wsuv_conn_data(conn);
  char subject[256] = "", serial[64] = "";
  (void)wsuv_conn_tls_peer(conn, WSUV_TLS_PEER_SUBJECT, subject, sizeof subject);
  (void)wsuv_conn_tls_peer(conn, WSUV_TLS_PEER_SERIAL, serial, sizeof serial);
  printf("client: was shown %s, serial %s\n", subject, serial);
  if (app->first == NULL)
    app->first = conn;
  if (*app->files != NULL) {
    (void)use_next_pair(app);
    connect_again(app);
  } else if (wsuv_conn_send_text(app->first, "still here", 10) != 0)
    finish(app, "the first connection takes no message");
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  (void)type;
  printf("client: the first connection is answered: %.*s\n", (int)len, (const char *)payload);
  finish((struct app *)wsuv_conn_data(conn), NULL);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  if (info->error != 0 && info->error != WSUV_ECANCELED)
    finish((struct app *)wsuv_conn_data(conn), info->detail);
}

static const wsuv_handler_t client_handler = {.size = sizeof(wsuv_handler_t),
                                              .on_open = on_open,
                                              .on_message = on_message,
                                              .on_close = on_close};

static void connect_again(struct app *app) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  wsuv_conn_t *conn;
  options.url = app->url;
  options.tls = app->client_tls;
  int err = wsuv_connect(app->loop, &conn, &options, &client_handler, app);
  if (err != 0)
    finish(app, wsuv_strerror(err));
}

/* ---- the program ---- */

static int start(struct app *app) {
  wsuv_tls_options_t client_options = WSUV_TLS_OPTIONS_INIT;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  client_options.ca_file = app->ca_file;
  int err = wsuv_tls_context_new(&app->client_tls, WSUV_CLIENT, &client_options, NULL, 0);
  if (err != 0)
    return err;
  options.tls = app->server_tls;
  err = wsuv_server_listen(app->loop, &app->server, &options, &server_handler, NULL);
  if (err != 0)
    return err;
  snprintf(app->url, sizeof app->url, "wss://127.0.0.1:%d/", wsuv_server_port(app->server));
  connect_again(app);
  return 0;
}

int main(int argc, char **argv) {
  struct app app = {.status = CLI_RUNTIME_ERROR};
  const cli_option_t table[] = {{.name = "--ca",
                                 .value = "FILE",
                                 .help = "PEM: the authority that all certificates come from",
                                 .text = &app.ca_file}};
  const cli_t cli = {"15_tls_rotation", "CERT KEY [CERT KEY ...]",
                     "Exchanges the certificates of a server while a client connects to it. The\n"
                     "certificates must be for 127.0.0.1.",
                     table, sizeof table / sizeof table[0]};
  int i = cli_parse(&cli, argc, argv);
  app.files = argv + i;
  if (app.ca_file == NULL)
    cli_usage_error(&cli, "missing option", "--ca");
  if (i == argc || (argc - i) % 2 != 0)
    cli_usage_error(&cli, "certificates and keys come in pairs; missing argument", "KEY");

  uv_loop_t *uv = uv_default_loop();
  int err = use_next_pair(&app);
  if (err == 0)
    err = wsuv_loop_new(&app.loop, uv, NULL);
  if (err == 0) {
    err = start(&app);
    if (err != 0)
      finish(&app, wsuv_strerror(err));
    uv_run(uv, UV_RUN_DEFAULT);
  }
  wsuv_tls_context_release(app.client_tls);
  wsuv_tls_context_release(app.server_tls);
  return app.status;
}
