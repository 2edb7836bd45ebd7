/* A client that speaks TLS: trusts an authority of its own, says what it has found out about the server, sends its arguments
 * and prints the answers.
 *
 *   14_tls_client --ca certs/ca.pem wss://localhost:9001/ hello
 *   14_tls_client --ca certs/ca.pem --name localhost wss://127.0.0.2:9001/ hello
 *
 * certs is what wsuv-dev-certs made; 13_tls_echo_server or 16_mutual_tls is the server. A server of the public web needs
 * nothing of all this: wsuv_connect with a wss:// URL does it, as in 02_client.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "wsuv.h"

struct client {
  wsuv_connect_options_t options;
  const char *ca_file, *cert_file, *key_file;
  char *const *messages; /* up to a NULL */
  size_t nleft;          /* answers that are still to come */
  int status;
};

static void say_tls(wsuv_conn_t *conn) {
  wsuv_tls_info_t info;
  char subject[256] = "";
  if (wsuv_conn_tls(conn, &info) != 0)
    return; /* a ws:// URL */
  (void)wsuv_conn_tls_peer(conn, WSUV_TLS_PEER_SUBJECT, subject, sizeof subject);
  printf("%s, %s, server %s%s\n", info.version, info.cipher, subject,
         info.peer_verified ? ", verified" : "");
}

static void on_open(wsuv_conn_t *conn) {
  struct client *client = (struct client *)wsuv_conn_data(conn);
  say_tls(conn);
  for (char *const *message = client->messages; *message != NULL; message++)
    if (wsuv_conn_send_text(conn, *message, strlen(*message)) == 0)
      client->nleft++;
  if (client->nleft == 0)
    wsuv_conn_close(conn, WSUV_CLOSE_NORMAL, NULL);
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  struct client *client = (struct client *)wsuv_conn_data(conn);
  (void)type;
  printf("%.*s\n", (int)len, (const char *)payload);
  if (client->nleft > 0 && --client->nleft == 0)
    wsuv_conn_close(conn, WSUV_CLOSE_NORMAL, NULL);
}

/* The name of the error is for programs, the detail for people. */
static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct client *client = (struct client *)wsuv_conn_data(conn);
  if (info->error != 0)
    fprintf(stderr, "%s: %s: %s\n", info->opened ? "connection lost" : "cannot connect",
            wsuv_err_name(info->error), info->detail);
  else if (info->code != WSUV_CLOSE_NORMAL)
    fprintf(stderr, "the server closed with %d %s\n", info->code, info->reason);
  client->status = info->error != 0 || client->nleft > 0 ? CLI_RUNTIME_ERROR : EXIT_SUCCESS;
}

static const wsuv_handler_t handler = {.size = sizeof(wsuv_handler_t),
                                       .on_open = on_open,
                                       .on_message = on_message,
                                       .on_close = on_close};

/* [readme] */
static int start(wsuv_loop_t *loop, struct client *client, char *why, size_t why_size) {
  wsuv_tls_identity_t identity = WSUV_TLS_IDENTITY_INIT;
  wsuv_tls_options_t options = WSUV_TLS_OPTIONS_INIT;
  wsuv_conn_t *conn;
  options.ca_file = client->ca_file; /* instead of the system's; with system_ca: beside them */
  if (client->cert_file != NULL) {   /* what is shown to a server that asks for it */
    identity.cert_file = client->cert_file;
    identity.key_file = client->key_file;
    options.identities = &identity;
    options.nidentities = 1;
  }
  int err = wsuv_tls_context_new(&client->options.tls, WSUV_CLIENT, &options, why, why_size);
  if (err == 0)
    err = wsuv_connect(loop, &conn, &client->options, &handler, client);
  wsuv_tls_context_release(client->options.tls); /* the connection has its own reference */
  return err;
}
/* [/readme] */

static void read_options(int argc, char **argv, struct client *client) {
  const cli_option_t table[] = {
      {.name = "--ca",
       .value = "FILE",
       .help = "PEM: authorities to trust [the system's]",
       .text = &client->ca_file},
      {.name = "--name",
       .value = "NAME",
       .help = "what the certificate must be for [the URL's host]",
       .text = &client->options.tls_name},
      {.name = "--cert",
       .value = "FILE",
       .help = "PEM: a certificate of ours, for a server that asks for one",
       .text = &client->cert_file},
      {.name = "--key",
       .value = "FILE",
       .help = "PEM: its private key [in --cert's file]",
       .text = &client->key_file},
  };
  const cli_t cli = {
      "14_tls_client", "URL [MESSAGE ...]",
      "Connects to a wss:// server whose certificate is verified, says what was agreed on,\n"
      "sends each MESSAGE and ends when there were as many answers.",
      table, sizeof table / sizeof table[0]};
  int i = cli_parse(&cli, argc, argv);
  if (i == argc)
    cli_usage_error(&cli, "missing argument", "URL");
  client->options.url = argv[i];
  client->messages = argv + i + 1;
}

int main(int argc, char **argv) {
  struct client client = {.options = WSUV_CONNECT_OPTIONS_INIT, .status = CLI_RUNTIME_ERROR};
  uv_loop_t *uv = uv_default_loop();
  wsuv_loop_t *loop;
  char why[160] = "";
  read_options(argc, argv, &client);

  int err = wsuv_loop_new(&loop, uv, NULL);
  if (err != 0)
    return CLI_RUNTIME_ERROR;
  err = start(loop, &client, why, sizeof why);
  if (err != 0)
    fprintf(stderr, "cannot connect to '%s': %s\n", client.options.url,
            why[0] != '\0' ? why : wsuv_strerror(err));
  uv_run(uv, UV_RUN_DEFAULT);
  wsuv_loop_close(loop, NULL, NULL);
  uv_run(uv, UV_RUN_DEFAULT);
  uv_loop_close(uv);
  return client.status;
}
