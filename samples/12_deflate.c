/* An echo server that compresses (permessage-deflate, RFC 7692): all connections share a few zlib contexts. For each one it
 * prints what was negotiated and, at its end, what that saved.
 *
 *   12_deflate --port 9001        then: wsuv-cat -z -v ws://127.0.0.1:9001/
 *
 * The client chooses whether there is compression, and may ask for a window in which hardly anything repeats. What is
 * negotiated is known before it is agreed to, so that the server can decline it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "serve.h"

enum { HIGH_WATER = 1024 * 1024 }; /* write_high_water as it is by default */

struct app {
  wsuv_loop_t *loop;
  wsuv_server_t *server;
  wsuv_deflate_t *deflate;
  int min_window;
};

struct client {
  char address[64];
};

static void on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  const struct app *app = (const struct app *)wsuv_server_data(server);
  if (wsuv_upgrade_nextensions(upgrade) > 0) {
    wsuv_negotiated_t first = wsuv_upgrade_extension_at(upgrade, 0);
    wsuv_deflate_params_t params;
    if (wsuv_deflate_params(&first, &params) == 0 &&
        params.deflate_max_window_bits < app->min_window)
      wsuv_upgrade_decline_extension(upgrade, first.extension->token);
  }
  wsuv_upgrade_accept(upgrade, NULL);
}

static void say_negotiated(const struct client *client, const wsuv_negotiated_t *negotiated) {
  wsuv_deflate_params_t p;
  if (wsuv_deflate_params(negotiated, &p) == 0)
    printf("%s: compression with a window of %d bits, the client's %d%s\n", client->address,
           p.deflate_max_window_bits, p.inflate_max_window_bits,
           p.inflate_no_context_takeover ? ", each message by itself" : "");
}

static void say_saved(const struct client *client, const wsuv_negotiated_t *negotiated) {
  wsuv_deflate_stats_t n; /* of the messages that were compressed */
  if (wsuv_deflate_stats(negotiated, &n) == 0)
    printf("%s: received %" PRIu64 " octets as %" PRIu64 ", sent %" PRIu64 " as %" PRIu64 "\n",
           client->address, n.received_octets, n.received_compressed_octets, n.sent_octets,
           n.sent_compressed_octets);
}

static void on_open(wsuv_conn_t *conn) {
  struct client *client = (struct client *)calloc(1, sizeof *client);
  if (client == NULL) {
    wsuv_conn_terminate(conn);
    return;
  }
  wsuv_conn_set_data(conn, client);
  (void)wsuv_conn_peer(conn, client->address, sizeof client->address);
  if (wsuv_conn_nextensions(conn) > 0) {
    wsuv_negotiated_t negotiated = wsuv_conn_extension_at(conn, 0);
    say_negotiated(client, &negotiated);
  } else
    printf("%s: no compression\n", client->address);
  fflush(stdout);
}

/* Nothing in it is about compression: messages come as they were before it, and are sent the same way. */
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
  struct client *client = (struct client *)wsuv_conn_data(conn);
  if (client == NULL)
    return;
  if (wsuv_conn_nextensions(conn) > 0) {
    wsuv_negotiated_t negotiated = wsuv_conn_extension_at(conn, 0);
    say_saved(client, &negotiated);
  }
  if (info->error != 0)
    printf("%s: %s\n", client->address, info->detail);
  fflush(stdout);
  free(client);
}

static const wsuv_handler_t conn_handler = {.size = sizeof(wsuv_handler_t),
                                            .on_open = on_open,
                                            .on_message = on_message,
                                            .on_drain = on_drain,
                                            .on_close = on_close};

static const wsuv_server_handler_t handler = {
    .size = sizeof(wsuv_server_handler_t), .conn = &conn_handler, .on_upgrade = on_upgrade};

/* [readme] */
static int listen_on(struct app *app, wsuv_server_options_t options) {
  int err = wsuv_deflate_new(&app->deflate, NULL); /* once for a loop; NULL: shared mode */
  if (err != 0)
    return err;
  const wsuv_extension_t *const extensions[] = {wsuv_deflate_extension(app->deflate)};
  options.extensions = extensions;
  options.nextensions = 1;
  return wsuv_server_listen(app->loop, &app->server, &options, &handler, app);
}
/* [/readme] */

int main(int argc, char **argv) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  struct app app = {.min_window = 9};
  options.port = SERVE_DEFAULT_PORT;
  const cli_option_t table[] = {
      SERVE_OPTIONS(options),
      {.name = "--min-window",
       .value = "BITS",
       .help = "no compression for clients that want us to use a smaller window [9]; at most 12",
       .number = &app.min_window,
       .min = 8,
       .max = 12}};
  const cli_t cli = {
      "12_deflate", "",
      "Sends every message back, compressed for clients that offer permessage-deflate.", table,
      sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);

  int err = wsuv_loop_new(&app.loop, uv_default_loop(), NULL);
  if (err == 0)
    err = listen_on(&app, options);
  int status =
      err != 0 ? serve_cannot_listen(&options, err) : serve(app.loop, app.server, &options);
  wsuv_deflate_free(app.deflate); /* when the server and its connections are gone */
  return status;
}
