/* Sends to one client as fast as it can, by the policy for slow readers that the URL's path names: /refuse, /drop-oldest,
 * /keep-latest or /close. Messages are 1 KiB: a number that counts from 0, in host order, and filler; its key is the number
 * modulo 64. To everybody else it is an echo server, but for the message "stop": then it sends no more, closes that client's
 * connection behind what waits, and answers with what was sent and what was dropped. Prints "listening on PORT". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wsuv.h"

#define KEYS     64
#define PAYLOAD  1024
#define PER_TURN 32 /* then the others have their say */
#define LIMIT    (1 << 20)

static struct {
  uv_loop_t uv;
  wsuv_loop_t *loop;
  wsuv_server_t *server;
  uv_idle_t pump;
  wsuv_conn_t *target; /* NULL: none */
  wsuv_slow_t slow;
  uint64_t nsent; /* refused ones too */
  wsuv_conn_stats_t stats;
} app;

static const struct {
  const char *path;
  wsuv_slow_t slow;
} policies[] = {{"/refuse", WSUV_SLOW_REFUSE},
                {"/drop-oldest", WSUV_SLOW_DROP_OLDEST},
                {"/keep-latest", WSUV_SLOW_KEEP_LATEST},
                {"/close", WSUV_SLOW_CLOSE}};

static void fail(const char *what, int err) {
  (void)fprintf(stderr, "bench_firehose_server: %s: %s\n", what, wsuv_strerror(err));
  exit(EXIT_FAILURE);
}

static void on_idle(uv_idle_t *idle) {
  wsuv_send_options_t options = WSUV_SEND_OPTIONS_INIT;
  unsigned char payload[PAYLOAD] = {0};
  options.slow = app.slow;
  for (int i = 0; i < PER_TURN; i++) {
    uint64_t number = app.nsent++;
    memcpy(payload, &number, sizeof number);
    options.key = number % KEYS;
    int err = wsuv_conn_send_with(app.target, WSUV_BINARY, payload, sizeof payload, &options);
    if (err == WSUV_ESLOWREADER || err == WSUV_ESTATE) {
      (void)uv_idle_stop(idle);
      return;
    }
    if (err != 0 && err != WSUV_EQUEUEFULL) {
      fail("cannot send", err);
    }
  }
}

static void remember_stats(void) {
  app.stats.size = sizeof app.stats;
  (void)wsuv_conn_stats(app.target, &app.stats);
}

static void stop_and_report(wsuv_conn_t *conn) {
  char text[160];
  (void)uv_idle_stop(&app.pump);
  if (app.target != NULL) {
    remember_stats();
    (void)wsuv_conn_close(app.target, WSUV_CLOSE_NORMAL, NULL);
  }
  const wsuv_drops_t *drops = &app.stats.drops;
  int len = snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
                     app.nsent, drops->oldest, drops->replaced, drops->refused, drops->closed);
  (void)wsuv_conn_send_text(conn, text, (size_t)len);
}

static void on_upgrade(wsuv_server_t *server, wsuv_upgrade_t *upgrade) {
  wsuv_accept_options_t options = WSUV_ACCEPT_OPTIONS_INIT;
  (void)server;
  for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
    if (strcmp(policies[i].path, wsuv_upgrade_target(upgrade)) == 0 && app.target == NULL) {
      app.slow = policies[i].slow;
      options.data = &app;
    }
  }
  (void)wsuv_upgrade_accept(upgrade, &options);
}

static void on_open(wsuv_conn_t *conn) {
  if (wsuv_conn_data(conn) == NULL) {
    return;
  }
  app.target = conn;
  app.nsent = 0;
  (void)uv_idle_start(&app.pump, on_idle);
}

static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  if (len == 4 && memcmp(payload, "stop", 4) == 0) {
    stop_and_report(conn);
  } else {
    (void)wsuv_conn_send_message(conn, type, payload, len, 0);
  }
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)info;
  if (conn == app.target) {
    remember_stats();
    (void)uv_idle_stop(&app.pump);
    app.target = NULL;
  }
}

static const wsuv_handler_t conn_handler = {
    .size = sizeof(wsuv_handler_t),
    .on_open = on_open,
    .on_message = on_message,
    .on_close = on_close,
};

static const wsuv_server_handler_t server_handler = {
    .size = sizeof(wsuv_server_handler_t),
    .conn = &conn_handler,
    .on_upgrade = on_upgrade,
};

int main(void) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  options.conn = &limits;
  limits.write_limit = LIMIT;
  limits.ping_interval_ms =
      WSUV_OFF; /* a reader that is stopped for a minute is what this is about */
  int err = uv_loop_init(&app.uv);
  if (err == 0) {
    err = wsuv_loop_new(&app.loop, &app.uv, NULL);
  }
  if (err == 0) {
    err = uv_idle_init(&app.uv, &app.pump);
  }
  if (err == 0) {
    err = wsuv_server_listen(app.loop, &app.server, &options, &server_handler, NULL);
  }
  if (err != 0) {
    fail("cannot start", err);
  }
  (void)printf("listening on %d\n", wsuv_server_port(app.server));
  (void)fflush(stdout);
  return uv_run(&app.uv, UV_RUN_DEFAULT);
}
