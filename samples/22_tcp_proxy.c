/* A TCP server for clients that have WebSocket only, such as pages: octets in binary messages here, a TCP connection there.
 *
 *   22_tcp_proxy --port 9001 --target 127.0.0.1:5900
 *
 * The target is fixed: who connects does not choose. It is connected to before the request is answered, so that a target that
 * is not there is a 502 (504: it does not answer), and not a connection that opens in vain.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv.h>

#include "cli.h"
#include "serve.h"
#include "tcp_link.h"

enum {
  HIGH_WATER = 256 * 1024, /* octets on their way to a client that is slow to read */
  CLOSE_TIMEOUT_MS = 30000 /* so long it may take for the last of them */
};

static int patience_ms = 5000;

/* A client and its connection to the target. First there is `upgrade`, then `conn`, then neither. */
typedef struct pair {
  wsuv_upgrade_t *upgrade;
  wsuv_conn_t *conn;
  tcp_link_t target;
  uv_timer_t patience;
  int nparts; /* that are left of conn, target and patience */
} pair_t;

static void drop(pair_t *pair) {
  if (--pair->nparts == 0)
    free(pair);
}

/* ---- the client ---- */

static void on_open(wsuv_conn_t *conn) {
  pair_t *pair = (pair_t *)wsuv_conn_data(conn);
  pair->conn = conn;
  tcp_link_read_start(&pair->target);
}

/* Messages have no meaning here but their octets: they are passed on as they come, whatever their length. */
static void on_fragment(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                        int flags) {
  pair_t *pair = (pair_t *)wsuv_conn_data(conn);
  (void)flags;
  if (type != WSUV_BINARY) {
    wsuv_conn_close(conn, WSUV_CLOSE_UNSUPPORTED_DATA, "octets go in binary messages");
    tcp_link_reset(&pair->target);
    return;
  }
  tcp_link_write(&pair->target, payload, len);
  if (tcp_link_queued(&pair->target) > 0)
    wsuv_conn_read_stop(conn); /* the client has to wait for the target */
}

static void on_drain(wsuv_conn_t *conn) {
  tcp_link_read_start(&((pair_t *)wsuv_conn_data(conn))->target);
}

static void on_patience_over(uv_timer_t *timer) {
  tcp_link_close(&((pair_t *)timer->data)->target);
}

/* All that came was passed on before this. A connection that broke must not look like one that ended. */
static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  pair_t *pair = (pair_t *)wsuv_conn_data(conn);
  pair->conn = NULL;
  if (info->error != 0)
    fprintf(stderr, "client: %s\n", info->detail);
  if (info->clean) {
    tcp_link_shutdown(&pair->target);
    tcp_link_read_start(&pair->target); /* closing with input unread would be a reset */
    uv_timer_start(&pair->patience, on_patience_over, (uint64_t)patience_ms, 0);
  } else {
    tcp_link_reset(&pair->target);
  }
  drop(pair);
}

/* ---- the target ---- */

static void on_target_open(tcp_link_t *target) {
  pair_t *pair = (pair_t *)target->data;
  wsuv_accept_options_t accept = WSUV_ACCEPT_OPTIONS_INIT;
  accept.data = pair;
  uv_timer_stop(&pair->patience);
  uv_tcp_nodelay(&target->tcp, 1);
  int err = wsuv_upgrade_accept(pair->upgrade, &accept);
  if (err != 0 && err != WSUV_ECANCELED) /* ECANCELED: the client did not wait */
    wsuv_upgrade_reject(pair->upgrade, 500, NULL, 0, NULL, 0);
  pair->upgrade = NULL;
  if (err == 0)
    pair->nparts++; /* the connection, whose on_close will come */
  else
    tcp_link_close(target);
}

static void on_target_read(tcp_link_t *target, const char *bytes, size_t len) {
  const pair_t *pair = (const pair_t *)target->data;
  int err = pair->conn != NULL ? wsuv_conn_send_binary(pair->conn, bytes, len) : 0;
  if (err != 0 && err != WSUV_ESTATE) /* ESTATE: the client has said that it leaves */
    wsuv_conn_close(pair->conn, WSUV_CLOSE_INTERNAL_ERROR, wsuv_strerror(err));
  if (pair->conn != NULL && wsuv_conn_queued(pair->conn) > HIGH_WATER)
    tcp_link_read_stop(target); /* the target has to wait for the client */
}

static void on_target_drain(tcp_link_t *target) {
  const pair_t *pair = (const pair_t *)target->data;
  if (pair->conn != NULL)
    wsuv_conn_read_start(pair->conn);
}

/* WebSocket has no half-close: the Close goes behind what is queued, and what the client sent until it saw it still comes. */
static void on_target_end(tcp_link_t *target) {
  const pair_t *pair = (const pair_t *)target->data;
  if (pair->conn != NULL)
    wsuv_conn_close(pair->conn, WSUV_CLOSE_NORMAL, NULL);
}

static void on_patience_closed(uv_handle_t *handle) {
  drop((pair_t *)handle->data);
}

static void on_target_close(tcp_link_t *target, int error) {
  pair_t *pair = (pair_t *)target->data;
  const char *why = wsuv_strerror(error != 0 ? error : WSUV_ETIMEDOUT);
  if (error != 0 || pair->upgrade != NULL)
    fprintf(stderr, "target: %s\n", why);
  if (pair->upgrade != NULL)
    wsuv_upgrade_reject(pair->upgrade, error != 0 ? 502 : 504, NULL, 0, why, strlen(why));
  pair->upgrade = NULL;
  if (pair->conn != NULL) {
    wsuv_conn_close(pair->conn, WSUV_CLOSE_BAD_GATEWAY, why);
    wsuv_conn_read_start(pair->conn); /* for its Close */
  }
  uv_close((uv_handle_t *)&pair->patience, on_patience_closed);
  drop(pair);
}

static void on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  static const tcp_link_handler_t handler = {on_target_open, on_target_read, on_target_end,
                                             on_target_drain, on_target_close};
  const struct sockaddr *address = (const struct sockaddr *)wsuv_server_data(server);
  pair_t *pair = (pair_t *)calloc(1, sizeof *pair);
  if (pair == NULL) {
    wsuv_upgrade_reject(upgrade, 503, NULL, 0, NULL, 0);
    return;
  }
  uv_loop_t *uv = uv_default_loop();
  pair->upgrade = upgrade;
  pair->nparts = 2;
  pair->target.data = pair->patience.data = pair;
  uv_timer_init(uv, &pair->patience);
  uv_timer_start(&pair->patience, on_patience_over, (uint64_t)patience_ms, 0);
  tcp_link_open(&pair->target, uv, address, &handler); /* the answer comes later */
}

static const wsuv_handler_t conn_handler = {.size = sizeof(wsuv_handler_t),
                                            .on_open = on_open,
                                            .on_fragment = on_fragment,
                                            .on_drain = on_drain,
                                            .on_close = on_close};

static const wsuv_server_handler_t server_handler = {
    .size = sizeof(wsuv_server_handler_t), .conn = &conn_handler, .on_upgrade = on_upgrade};

int main(int argc, char **argv) {
  static const char *const subprotocols[] = {"binary"}; /* what noVNC and the like ask for */
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct sockaddr_storage target;
  const char *to = NULL;
  cli_list_t origins = {(const char **)calloc((size_t)argc, sizeof(char *)), 0};
  options.port = SERVE_DEFAULT_PORT;
  const cli_option_t table[] = {
      SERVE_OPTIONS(options),
      {"--target", "HOST:PORT", "the TCP server", .text = &to},
      {"--patience-ms", "N", "for the target to connect, and to end behind its client [5000]",
       .number = &patience_ms, .min = 1, .max = 3600000},
      {"--origin", "ORIGIN", "pages that may connect; may be repeated", .list = &origins}};
  const cli_t cli = {"22_tcp_proxy", "", "WebSocket here, plain TCP to another server.", table,
                     sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);
  if (to == NULL)
    cli_usage_error(&cli, "missing option", "--target");
  if (tcp_resolve(to, &target) != 0)
    cli_usage_error(&cli, "no such target", to);

  conn.write_high_water = HIGH_WATER;
  conn.close_timeout_ms = CLOSE_TIMEOUT_MS;
  options.conn = &conn;
  options.subprotocols = subprotocols;
  options.nsubprotocols = 1;
  options.origins = origins.items;
  options.norigins = origins.nitems;
  wsuv_loop_t *loop;
  wsuv_server_t *server;
  int err = wsuv_loop_new(&loop, uv_default_loop(), NULL);
  if (err == 0)
    err = wsuv_server_listen(loop, &server, &options, &server_handler, &target);
  int status = err != 0 ? serve_cannot_listen(&options, err) : serve(loop, server, &options);
  free(origins.items);
  return status;
}
