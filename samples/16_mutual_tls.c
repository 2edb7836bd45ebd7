/* Mutual TLS: a server that lets in only who shows a certificate of its own authority, and knows by it who that is.
 *
 *   wsuv-dev-certs certs                                                      once
 *   16_mutual_tls --cert certs/server.pem --key certs/server.key --ca certs/ca.pem
 *   14_tls_client --ca certs/ca.pem --cert certs/alice.pem --key certs/alice.key wss://localhost:9001/ hello
 *
 * Without a certificate, or with one of somebody else's, the TLS handshake fails. Who comes through it need not be allowed
 * everything: --only lets one subject in and answers the others 403.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "serve.h"

enum { SUBJECT_SIZE = 256 };

struct app {
  wsuv_loop_t *loop;
  wsuv_server_t *server;
  wsuv_tls_context_t *tls;
  const char *cert_file, *key_file, *ca_file;
  const char *only; /* a subject, or NULL */
};

/* [readme] */
/* Asks for certificates, and says whose authority is good enough. */
static int make_context(struct app *app, char *why, size_t why_size) {
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  wsuv_tls_options_t options = WSUV_TLS_OPTIONS_INIT;
  identity.cert_file = app->cert_file;
  identity.key_file = app->key_file;
  options.identities = &identity;
  options.nidentities = 1;
  options.ca_file = app->ca_file;
  options.client_auth = WSUV_TLS_CLIENT_REQUIRED;
  return wsuv_tls_context_new(&app->tls, WSUV_SERVER, &options, why, why_size);
}

/* The certificate was verified by now; what its owner may do is the application's to say. */
static void on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  static const char no[] = "not for you\n";
  const struct app *app = (const struct app *)wsuv_server_data(server);
  char subject[SUBJECT_SIZE]; /* "CN=alice,O=Example" */
  int err = wsuv_upgrade_tls_peer(upgrade, WSUV_TLS_PEER_SUBJECT, subject, sizeof subject);
  if (err == 0 && (app->only == NULL || strcmp(app->only, subject) == 0))
    wsuv_upgrade_accept(upgrade, NULL);
  else
    wsuv_upgrade_reject(upgrade, 403, NULL, 0, no, sizeof no - 1);
}
/* [/readme] */

static void say(wsuv_conn_t *conn, const char *what) {
  char subject[SUBJECT_SIZE] = "";
  (void)wsuv_conn_tls_peer(conn, WSUV_TLS_PEER_SUBJECT, subject, sizeof subject);
  printf("%s is %s\n", subject, what);
  fflush(stdout);
}

static void on_open(wsuv_conn_t *conn) {
  say(conn, "here");
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  char subject[SUBJECT_SIZE], answer[4096];
  int err = wsuv_conn_tls_peer(conn, WSUV_TLS_PEER_SUBJECT, subject, sizeof subject);
  if (type != WSUV_TEXT || err != 0) {
    wsuv_conn_close(conn, WSUV_CLOSE_UNSUPPORTED_DATA, "text only");
    return;
  }
  int n = snprintf(answer, sizeof answer, "%s: %.*s", subject, (int)len, (const char *)payload);
  if (n < 0 || (size_t)n >= sizeof answer)
    wsuv_conn_close(conn, WSUV_CLOSE_MESSAGE_TOO_BIG, NULL);
  else if (wsuv_conn_send_text(conn, answer, (size_t)n) != 0)
    wsuv_conn_close(conn, WSUV_CLOSE_INTERNAL_ERROR, NULL);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  if (info->opened)
    say(conn, "gone");
}

static void on_tls_failed(wsuv_server_t *server, const wsuv_tls_failure_t *failure) {
  (void)server;
  printf("%s stays out, %s: %s\n", failure->peer, wsuv_err_name(failure->error), failure->detail);
  fflush(stdout);
}

static const wsuv_handler_t conn_handler = {.size = sizeof(wsuv_handler_t),
                                            .on_open = on_open,
                                            .on_message = on_message,
                                            .on_close = on_close};

static const wsuv_server_handler_t handler = {.size = sizeof(wsuv_server_handler_t),
                                              .conn = &conn_handler,
                                              .on_upgrade = on_upgrade,
                                              .on_tls_failed = on_tls_failed};

int main(int argc, char **argv) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  struct app app = {0};
  options.port = SERVE_DEFAULT_PORT;
  const cli_option_t table[] = {
      SERVE_OPTIONS(options),
      SERVE_TLS_OPTIONS(app.cert_file, app.key_file),
      {.name = "--ca",
       .value = "FILE",
       .help = "PEM: the authorities that clients' certificates must come from",
       .text = &app.ca_file},
      {.name = "--only",
       .value = "SUBJECT",
       .help = "such as CN=alice: others are answered 403 [all who have a certificate]",
       .text = &app.only}};
  const cli_t cli = {
      "16_mutual_tls", "",
      "Answers each text with the subject of the certificate that its sender has shown.", table,
      sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);
  if (app.cert_file == NULL || app.ca_file == NULL)
    cli_usage_error(&cli, "missing option", app.cert_file == NULL ? "--cert" : "--ca");

  char why[160];
  int err = make_context(&app, why, sizeof why);
  if (err != 0)
    return serve_cannot_use_tls(err, why);
  options.tls = app.tls;
  err = wsuv_loop_new(&app.loop, uv_default_loop(), NULL);
  if (err == 0)
    err = wsuv_server_listen(app.loop, &app.server, &options, &handler, &app);
  int status =
      err != 0 ? serve_cannot_listen(&options, err) : serve(app.loop, app.server, &options);
  wsuv_tls_context_release(app.tls);
  return status;
}
