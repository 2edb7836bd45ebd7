/* Endless messages: to every client text messages in three fragments, "0", "1" and "2", one fragment a tick.
 *
 *   09_ticker --interval-ms 500        then: 02_client --wait -1 ws://127.0.0.1:9001/
 *
 * Between two fragments Pings are answered, and either side may close: control frames go in the middle of a message
 * (RFC 6455 5.4). A client that does not read is not written to until it has caught up.
 */
#include <stdlib.h>

#include "cli.h"
#include "serve.h"

enum {
  HIGH_WATER = 1024, /* octets that wait for one client; over it its ticks stop */
  NFRAGMENTS = 3
};

/* One for each client: every client has its own place in its own message. */
struct ticker {
  wsuv_conn_t *conn;
  uv_timer_t timer;
  uint64_t interval_ms;
  int next; /* fragment */
};

static void on_timer_closed(uv_handle_t *handle) {
  free(handle->data);
}

static int send_fragment(struct ticker *ticker) {
  const char digit = (char)('0' + ticker->next);
  int err = ticker->next == 0 ? wsuv_conn_send_begin(ticker->conn, WSUV_TEXT, 0) : 0;
  if (err != 0)
    return err;
  return ticker->next < NFRAGMENTS - 1 ? wsuv_conn_send_chunk(ticker->conn, &digit, 1, 0)
                                       : wsuv_conn_send_end(ticker->conn, &digit, 1);
}

static void on_tick(uv_timer_t *timer) {
  struct ticker *ticker = (struct ticker *)timer->data;
  int err = send_fragment(ticker);
  ticker->next = (ticker->next + 1) % NFRAGMENTS;
  if (err == WSUV_ESTATE) /* closing: the Close has cut the message off */
    uv_timer_stop(timer);
  else if (err != 0) /* with a fragment missing it would be another message */
    wsuv_conn_terminate(ticker->conn);
  else if (wsuv_conn_queued(ticker->conn) > HIGH_WATER)
    uv_timer_stop(timer); /* until on_drain */
}

static void start_ticks(wsuv_conn_t *conn) {
  struct ticker *ticker = (struct ticker *)wsuv_conn_data(conn);
  if (ticker != NULL)
    uv_timer_start(&ticker->timer, on_tick, ticker->interval_ms, ticker->interval_ms);
}

static void on_open(wsuv_conn_t *conn) {
  const int *interval_ms = (const int *)wsuv_server_data(wsuv_conn_server(conn));
  struct ticker *ticker = (struct ticker *)calloc(1, sizeof *ticker);
  if (ticker == NULL) {
    wsuv_conn_terminate(conn);
    return;
  }
  ticker->conn = conn;
  ticker->interval_ms = (uint64_t)*interval_ms;
  uv_timer_init(wsuv_loop_uv(wsuv_conn_loop(conn)), &ticker->timer);
  ticker->timer.data = ticker;
  wsuv_conn_set_data(conn, ticker);
  start_ticks(conn);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  struct ticker *ticker = (struct ticker *)wsuv_conn_data(conn);
  (void)info;
  if (ticker != NULL)
    uv_close((uv_handle_t *)&ticker->timer, on_timer_closed);
}

/* Whatever a client says is read and dropped: without on_message messages go nowhere. */
static const wsuv_handler_t conn_handler = {.size = sizeof(wsuv_handler_t),
                                            .on_open = on_open,
                                            .on_drain = start_ticks,
                                            .on_close = on_close};

static const wsuv_server_handler_t handler = {.size = sizeof(wsuv_server_handler_t),
                                              .conn = &conn_handler};

int main(int argc, char **argv) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  int interval_ms = 1000;
  options.port = SERVE_DEFAULT_PORT;
  options.conn = &limits;
  limits.write_high_water = HIGH_WATER;
  const cli_option_t table[] = {SERVE_OPTIONS(options),
                                {.name = "--interval-ms",
                                 .value = "N",
                                 .help = "milliseconds from one fragment to the next [1000]",
                                 .number = &interval_ms,
                                 .min = 1,
                                 .max = 3600000}};
  const cli_t cli = {"09_ticker", "", "Sends endless text messages of three fragments: 0, 1 and 2.",
                     table, sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);

  wsuv_loop_t *loop;
  wsuv_server_t *server;
  int err = wsuv_loop_new(&loop, uv_default_loop(), NULL);
  if (err == 0)
    err = wsuv_server_listen(loop, &server, &options, &handler, &interval_ms);
  return err != 0 ? serve_cannot_listen(&options, err) : serve(loop, server, &options);
}
