/* A wsuv client against an echo server: N connections, each with M messages in flight from then on. Both roles do the same,
 * one message received and one sent, but for the masking: what they cost compares.
 *
 * Prints one line: messages/s, CPU time per message in µs of the server (of the process --pid, 0 without) and of this process,
 * and the ratio of the second to the first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "process.h"
#include "wsuv.h"

#define NAME      "bench_client_echo"
#define SECOND_NS 1000000000U
#define MOST      1000000000U /* of anything */

static struct {
  uint64_t port;
  uint64_t pid;
  uint64_t nconns;
  uint64_t in_flight;
  uint64_t payload;
  uint64_t nmessages;
  uint64_t warm_up;
} opt = {.nconns = 64, .in_flight = 1, .payload = 20, .nmessages = 100000, .warm_up = 10000};

static struct {
  uv_loop_t uv;
  wsuv_loop_t *loop;
  unsigned char *payload;
  wsuv_conn_t **conns;
  uint64_t nopen;
  uint64_t left;    /* still to be sent */
  uint64_t nechoes; /* still to come */
  int warming_up;
  uint64_t start;
  uint64_t cpu[2]; /* of the server, of this process, at the start */
} load;

static void check(const char *what, int err) {
  if (err != 0) {
    (void)fprintf(stderr, NAME ": %s: %s\n", what, wsuv_strerror(err));
    exit(EXIT_FAILURE);
  }
}

static void send_one(wsuv_conn_t *conn) {
  if (load.left > 0) {
    load.left--;
    check("cannot send", wsuv_conn_send_binary(conn, load.payload, (size_t)opt.payload));
  }
}

static void start_run(uint64_t nmessages) {
  load.left = load.nechoes = nmessages;
  load.cpu[0] = process_cpu_ns((long)opt.pid);
  load.cpu[1] = own_cpu_ns();
  load.start = clock_ns();
  for (uint64_t i = 0; i < opt.nconns; i++) {
    for (uint64_t k = 0; k < opt.in_flight; k++) {
      send_one(load.conns[i]);
    }
  }
}

static void print_run(void) {
  double seconds = (double)(clock_ns() - load.start) / SECOND_NS;
  double n = (double)opt.nmessages;
  double server = (double)(process_cpu_ns((long)opt.pid) - load.cpu[0]) / 1000 / n;
  double client = (double)(own_cpu_ns() - load.cpu[1]) / 1000 / n;
  (void)printf("%.0f %.3f %.3f %.3f\n", n / seconds, server, client,
               server > 0 ? client / server : 0);
}

static void end_run(void) {
  if (load.warming_up) {
    load.warming_up = 0;
    start_run(opt.nmessages);
    return;
  }
  print_run();
  for (uint64_t i = 0; i < opt.nconns; i++) {
    (void)wsuv_conn_close(load.conns[i], WSUV_CLOSE_NORMAL, NULL);
  }
}

static void on_open(wsuv_conn_t *conn) {
  load.conns[load.nopen++] = conn;
  if (load.nopen == opt.nconns) {
    load.warming_up = 1;
    start_run(opt.warm_up);
  }
}

/* What comes back is compared while nothing is measured: a server does not compare either. */
static void on_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len) {
  if (type != WSUV_BINARY || len != opt.payload ||
      (load.warming_up && memcmp(payload, load.payload, len) != 0)) {
    check("an echo that is none", UV_EPROTO);
  }
  send_one(conn);
  if (--load.nechoes == 0) {
    end_run();
  }
}

static void on_close(wsuv_conn_t *conn, const wsuv_close_info_t *info) {
  (void)conn;
  if (info->error != 0 || load.nechoes > 0) {
    check("a connection ended", info->error != 0 ? info->error : UV_EOF);
  }
  if (--load.nopen == 0) {
    check("cannot close the loop", wsuv_loop_close(load.loop, NULL, NULL));
  }
}

static const wsuv_handler_t handler = {
    .size = sizeof(wsuv_handler_t),
    .on_open = on_open,
    .on_message = on_message,
    .on_close = on_close,
};

static void connect_all(void) {
  wsuv_connect_options_t options = WSUV_CONNECT_OPTIONS_INIT;
  char url[64];
  (void)snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)opt.port);
  options.url = url;
  load.conns = allocate((size_t)opt.nconns * sizeof(wsuv_conn_t *));
  for (uint64_t i = 0; i < opt.nconns; i++) {
    wsuv_conn_t *conn;
    check("cannot connect", wsuv_connect(load.loop, &conn, &options, &handler, NULL));
  }
}

static const option_spec_t specs[] = {
    {.name = "port", .value = "N", .help = "of the server", .max = 65535, .number = &opt.port},
    {.name = "pid",
     .value = "N",
     .help = "the server's process, whose CPU time is measured",
     .max = 1U << 30,
     .number = &opt.pid},
    {.name = "conns",
     .value = "N",
     .help = "connections [64]",
     .max = 1U << 20,
     .number = &opt.nconns},
    {.name = "in-flight",
     .value = "N",
     .help = "messages on each of them [1]",
     .max = 1U << 20,
     .number = &opt.in_flight},
    {.name = "payload",
     .value = "OCTETS",
     .help = "of each message [20]",
     .max = MOST,
     .number = &opt.payload},
    {.name = "messages",
     .value = "N",
     .help = "to measure [100000]",
     .max = MOST,
     .number = &opt.nmessages},
    {.name = "warm-up",
     .value = "N",
     .help = "messages before these [10000]",
     .max = MOST,
     .number = &opt.warm_up},
};

static const command_t command = {NAME,
                                  NAME " --port N [options]\n"
                                       "A client on the library against an echo server.",
                                  specs, sizeof specs / sizeof specs[0]};

static void take_options(char **argv) {
  const char *operand = options_parse(&command, argv);
  if (operand != NULL) {
    options_reject(NAME, "unexpected argument '%s'", operand);
  }
  if (opt.port == 0 || opt.nconns == 0 || opt.in_flight == 0 || opt.payload == 0 ||
      opt.nmessages == 0 || opt.warm_up == 0) {
    options_reject(NAME, "--port is needed, and no number is 0");
  }
}

int main(int argc, char **argv) {
  (void)argc;
  take_options(argv + 1);
  raise_file_limit();
  load.payload = allocate((size_t)opt.payload);
  for (uint64_t i = 0; i < opt.payload; i++) {
    load.payload[i] = (unsigned char)(i * 7 + 3);
  }
  check("cannot start", uv_loop_init(&load.uv));
  check("cannot start", wsuv_loop_new(&load.loop, &load.uv, NULL));
  connect_all();
  (void)uv_run(&load.uv, UV_RUN_DEFAULT);
  return uv_loop_close(&load.uv) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
