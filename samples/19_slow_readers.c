/* Prices for everybody, often; each client chooses by its URL's path what becomes of them while it does not read:
 *
 *   ws://127.0.0.1:9001/refuse        newer ones are not sent
 *   ws://127.0.0.1:9001/drop-oldest   the oldest go for the newest
 *   ws://127.0.0.1:9001/keep-latest   of each instrument only the newest waits
 *   ws://127.0.0.1:9001/close         the client is closed, 1008
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "serve.h"

enum { NPOLICIES = 4, INTERVAL_MS = 10, LIMIT = 1 << 18 /* octets that wait for one client */ };

typedef struct policy {
  const char *path;
  wsuv_slow_t slow;
} policy_t;

static policy_t policies[NPOLICIES] = {{"/refuse", WSUV_SLOW_REFUSE},
                                       {"/drop-oldest", WSUV_SLOW_DROP_OLDEST},
                                       {"/keep-latest", WSUV_SLOW_KEEP_LATEST},
                                       {"/close", WSUV_SLOW_CLOSE}};

typedef struct app {
  wsuv_server_t *server;
  uv_timer_t timer;
  int instruments;
  unsigned turn;
} app_t;

typedef struct client {
  const policy_t *policy;
  unsigned long sent, dropped, refused;
} client_t;

/* A message that is on its way to one client: the library needs it until the callback. */
typedef struct tick {
  wsuv_send_t send;
  client_t *client;
} tick_t;

typedef struct price {
  wsuv_prepared_t *message;
  uint64_t instrument;
} price_t;

/* [readme] */
static void on_sent(wsuv_send_t *send, int status) {
  tick_t *tick = (tick_t *)send->data;
  if (status == 0)
    tick->client->sent++;
  else if (status == WSUV_EDROPPED)
    tick->client->dropped++;
  free(tick);
}

static void send_price(wsuv_conn_t *conn, void *arg) {
  const price_t *price = (const price_t *)arg;
  client_t *client = (client_t *)wsuv_conn_data(conn);
  tick_t *tick = (tick_t *)malloc(sizeof *tick);
  wsuv_send_options_t options = WSUV_SEND_OPTIONS_INIT;
  if (client == NULL || tick == NULL) {
    free(tick);
    return;
  }
  tick->client = client;
  tick->send.data = tick;
  options.slow = client->policy->slow;
  options.key = price->instrument; /* counts with WSUV_SLOW_KEEP_LATEST */
  options.req = &tick->send;
  options.cb = on_sent;
  int err = wsuv_conn_send_prepared_with(conn, price->message, &options);
  if (err == WSUV_EQUEUEFULL)
    client->refused++;
  if (err != 0)
    free(tick);
}
/* [/readme] */

static void say(const client_t *client, const char *what) {
  printf("%s: %lu sent, %lu dropped, %lu refused%s\n", client->policy->path, client->sent,
         client->dropped, client->refused, what);
  fflush(stdout);
}

static void say_losses(wsuv_conn_t *conn, void *arg) {
  const client_t *client = (const client_t *)wsuv_conn_data(conn);
  (void)arg;
  if (client != NULL && client->dropped + client->refused > 0)
    say(client, "");
}

static void on_tick(uv_timer_t *timer) {
  app_t *app = (app_t *)timer->data;
  price_t price = {NULL, 0};
  for (app->turn++; price.instrument < (uint64_t)app->instruments; price.instrument++) {
    char text[80];
    int len =
        snprintf(text, sizeof text, "instrument %u: %u", (unsigned)price.instrument, app->turn);
    if (wsuv_prepared_new(&price.message, NULL, WSUV_TEXT, text, (size_t)len, 0) != 0)
      return;
    wsuv_server_each(app->server, send_price, &price);
    wsuv_prepared_free(price.message); /* where it waits it is kept */
  }
  if (app->turn % 100 == 0)
    wsuv_server_each(app->server, say_losses, NULL);
}

static void on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  wsuv_accept_options_t options = WSUV_ACCEPT_OPTIONS_INIT;
  size_t i = 0;
  (void)server;
  while (i < NPOLICIES && strcmp(policies[i].path, wsuv_upgrade_target(upgrade)) != 0)
    i++;
  if (i == NPOLICIES) {
    wsuv_upgrade_reject(upgrade, 404, NULL, 0, NULL, 0);
    return;
  }
  options.data = &policies[i];
  wsuv_upgrade_accept(upgrade, &options);
}

static void on_open(wsuv_conn_t *conn) {
  client_t *client = (client_t *)calloc(1, sizeof *client);
  if (client != NULL)
    client->policy = (const policy_t *)wsuv_conn_data(conn);
  else
    wsuv_conn_terminate(conn);
  wsuv_conn_set_data(conn, client);
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  client_t *client = (client_t *)wsuv_conn_data(conn);
  if (client == NULL)
    return;
  say(client, info->error == WSUV_ESLOWREADER ? ", closed: it reads too slowly" : ", gone");
  free(client);
}

static void on_server_close(wsuv_server_t *server) {
  app_t *app = (app_t *)wsuv_server_data(server);
  uv_close((uv_handle_t *)&app->timer, NULL);
}

static const wsuv_handler_t conn_handler = {
    .size = sizeof(wsuv_handler_t), .on_open = on_open, .on_close = on_close};
static const wsuv_server_handler_t handler = {.size = sizeof(wsuv_server_handler_t),
                                              .conn = &conn_handler,
                                              .on_upgrade = on_upgrade,
                                              .on_close = on_server_close};

int main(int argc, char **argv) {
  app_t app = {.instruments = 100};
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  options.port = SERVE_DEFAULT_PORT;
  options.conn = &limits;
  limits.write_limit = LIMIT;
  const cli_option_t table[] = {SERVE_OPTIONS(options),
                                {.name = "--instruments",
                                 .value = "N",
                                 .help = "prices every 10 ms [100]",
                                 .number = &app.instruments,
                                 .min = 1,
                                 .max = 100000}};
  const cli_t cli = {"19_slow_readers", "",
                     "Sends prices by a policy for slow readers, which the URL's path chooses.",
                     table, sizeof table / sizeof table[0]};
  cli_parse(&cli, argc, argv);

  wsuv_loop_t *loop;
  int err = wsuv_loop_new(&loop, uv_default_loop(), NULL);
  if (err == 0)
    err = wsuv_server_listen(loop, &app.server, &options, &handler, &app);
  if (err != 0)
    return serve_cannot_listen(&options, err);
  uv_timer_init(uv_default_loop(), &app.timer);
  app.timer.data = &app;
  uv_timer_start(&app.timer, on_tick, INTERVAL_MS, INTERVAL_MS);
  return serve(loop, app.server, &options);
}
