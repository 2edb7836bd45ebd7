/* Sends to one client without end, by the policy for slow readers that the URL's path names: /refuse, /drop-oldest,
 * /keep-latest or /close. With --rate so many messages a second, in a burst each millisecond; without, as fast as it can: then
 * it never sleeps, whether that client is there or not. Messages are 1 KiB: a number that counts from 0, in host order, and
 * filler; its key is the number modulo 64. To everybody else it is an echo server, but for the message "stop": then it sends
 * no more, closes that client's connection behind what waits, and answers with what was sent and what was dropped. Prints
 * "listening on PORT". */
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
  uv_timer_t clock;
  uint64_t rate;       /* messages a second; 0: as fast as it can */
  uint64_t start_ms;   /* of the target */
  wsuv_conn_t *target; /* NULL: none */
  int is_sending;
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

static void send_next(void) {
  wsuv_send_options_t options = WSUV_SEND_OPTIONS_INIT;
  unsigned char payload[PAYLOAD] = {0};
  uint64_t number = app.nsent++;
  memcpy(payload, &number, sizeof number);
  options.slow = app.slow;
  options.key = number % KEYS;
  int err = wsuv_conn_send_with(app.target, WSUV_BINARY, payload, sizeof payload, &options);
  if (err == WSUV_ESLOWREADER || err == WSUV_ESTATE) {
    app.is_sending = 0;
  } else if (err != 0 && err != WSUV_EQUEUEFULL) {
    fail("cannot send", err);
  }
}

static void on_idle(uv_idle_t *idle) {
  (void)idle;
  for (int i = 0; app.is_sending && i < PER_TURN; i++) {
    send_next();
  }
}

static void on_clock(uv_timer_t *timer) {
  uint64_t due = (uv_now(timer->loop) - app.start_ms) * app.rate / 1000;
  while (app.is_sending && app.nsent < due) {
    send_next();
  }
}

static void remember_stats(void) {
  app.stats.size = sizeof app.stats;
  (void)wsuv_conn_stats(app.target, &app.stats);
}

static void stop_and_report(wsuv_conn_t *conn) {
  char text[160];
  app.is_sending = 0;
  if (app.target != NULL) {
    remember_stats();
    (void)wsuv_conn_close(app.target, WSUV_CLOSE_NORMAL, NULL);
    app.target = NULL; /* the next one may come */
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
  app.start_ms = uv_now(&app.uv);
  app.is_sending = 1;
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
    app.is_sending = 0;
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

static void start_sending(void) {
  (void)uv_idle_init(&app.uv, &app.pump);
  (void)uv_timer_init(&app.uv, &app.clock);
  if (app.rate > 0) {
    (void)uv_timer_start(&app.clock, on_clock, 1, 1);
  } else {
    (void)uv_idle_start(&app.pump, on_idle);
  }
}

static void take_options(int argc, char **argv) {
  char *end = NULL;
  if (argc == 3 && strcmp(argv[1], "--rate") == 0) {
    app.rate = strtoull(argv[2], &end, 10);
  }
  if (argc != 1 && (app.rate == 0 || app.rate > 10000000 || *end != '\0')) {
    (void)fprintf(stderr, "usage: bench_firehose_server [--rate MESSAGES-A-SECOND]\n");
    exit(2);
  }
}

int main(int argc, char **argv) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  take_options(argc, argv);
  options.conn = &limits;
  limits.write_limit = LIMIT;
  limits.ping_interval_ms =
      WSUV_OFF; /* a reader that is stopped for a minute is what this is about */
  int err = uv_loop_init(&app.uv);
  if (err == 0) {
    err = wsuv_loop_new(&app.loop, &app.uv, NULL);
  }
  if (err == 0) {
    err = wsuv_server_listen(app.loop, &app.server, &options, &server_handler, NULL);
  }
  if (err != 0) {
    fail("cannot start", err);
  }
  start_sending();
  (void)printf("listening on %d\n", wsuv_server_port(app.server));
  (void)fflush(stdout);
  return uv_run(&app.uv, UV_RUN_DEFAULT);
}
