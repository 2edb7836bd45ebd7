/* wsuv-bench scale: what this library's costs become with more connections. A cost that is the same for each however many
 * there are has the exponent 0; one that grows as their number does has 1. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity.h"
#include "commands.h"
#include "load_child.h"
#include "median.h"
#include "options.h"
#include "process.h"
#include "roster.h"

#define NAME         "wsuv-bench scale"
#define SERVER       "bench_peer_wsuv"
#define DRAIN        "bench_drain_load"
#define NSIZES       3
#define MAX_ROUNDS   100
#define NACTIVE      64
#define PING_MS      500
#define HELD_S       2.0
#define QUICK_HELD_S 0.7
#define DRAIN_MS     1000
#define SPARE_FILES  100
#define NLOOP_ROWS   3

typedef enum scale_row {
  ROW_ALL_ACTIVE,
  ROW_SOME_ACTIVE,
  ROW_ACCEPT,
  ROW_PING,
  ROW_BROADCAST,
  ROW_DRAIN,
  NROWS
} scale_row_t;

static const char *const row_titles[NROWS] = {"echo of 20 B, all of them active",
                                              "echo of 20 B, 64 active beside so many idle ones",
                                              "accept and upgrade",
                                              "heartbeat that is due",
                                              "broadcast of 125 B, each delivery",
                                              "drain, both ends"};

/* Server CPU costs more than the load's in the last two, so that one load keeps two loops busy. */
static const struct {
  const char *title;
  const char *arguments;
  message_kind_t kind;
  uint64_t in_flight;
  uint64_t payload;
  int deflate;
} loop_rows[NLOOP_ROWS] = {
    {"64 × 20 B", "", KIND_BINARY, 1, 20, 0},
    {"64 × 8 in flight × 1 KiB text, not ASCII", "", KIND_UNICODE, 8, 1024, 0},
    {"64 × 8 in flight × 1 KiB, deflate", " --deflate", KIND_JSON, 8, 1024, 1},
};

static struct {
  uint64_t nrounds;
  double seconds;
  uint64_t most;
  int quick;
} opt = {.nrounds = 3, .seconds = 0.5, .most = 10000};

static struct {
  affinity_t affinity;
  uint64_t sizes[NSIZES];
  uint64_t drained[NSIZES]; /* both ends are in one process */
  double costs[NROWS][NSIZES][MAX_ROUNDS];
  double rates[NLOOP_ROWS][2][MAX_ROUNDS];
  int nfailed;
} scale;

static const option_spec_t specs[] = {
    {.name = "rounds", .value = "N", .help = "[3]", .max = MAX_ROUNDS, .number = &opt.nrounds},
    {.name = "seconds", .value = "S", .help = "of each measurement [0.5]", .decimal = &opt.seconds},
    {.name = "most",
     .value = "N",
     .help = "connections, instead of 10000",
     .max = 1U << 20,
     .number = &opt.most},
    {.name = "quick",
     .help = "one round with few connections: whether everything works",
     .flag = &opt.quick},
};

static const command_t command = {NAME,
                                  NAME " [options]\n"
                                       "Measures the CPU time of this library's server with 1, 100 "
                                       "and 10,000 connections, and prints a\n"
                                       "Markdown table with the exponent between the last two; "
                                       "then the rate of two loops against one.",
                                  specs, sizeof specs / sizeof specs[0]};

static const load_options_t defaults = LOAD_OPTIONS_INIT;

/* A load on a server of its own; 0 where that failed, or a server cannot do it. */
static int measure(const char *arguments, load_options_t *options, const affinity_t *affinity,
                   load_result_t *result) {
  server_t server = {0};
  char *program = roster_command(SERVER, arguments);
  if (program == NULL) {
    fail("there is no " SERVER);
  }
  int is_measured = 0;
  server_start_t start = server_start(&server, program, affinity->server);
  if (start == SERVER_STARTED) {
    options->pid = (uint64_t)server.pid;
    options->target.port = server.port;
    is_measured = load_in_child(options, affinity->load, NAME, result);
    if (server_is_alive(&server, NAME)) {
      server_stop(&server);
    }
  }
  free(program);
  scale.nfailed += !is_measured && start != SERVER_UNABLE;
  return is_measured;
}

static double each_us(const load_result_t *result) {
  return result->cpu_ns / 1e3 / (double)result->n;
}

static void measure_echoes(size_t size, size_t round) {
  load_result_t result = {0};
  load_options_t all = defaults;
  all.nconns = scale.sizes[size];
  all.seconds = opt.seconds;
  load_options_t some = all;
  if (measure("", &all, &scale.affinity, &result)) {
    scale.costs[ROW_ALL_ACTIVE][size][round] = each_us(&result);
    scale.costs[ROW_ACCEPT][size][round] = result.setup_ns / 1e3;
  }
  some.nconns = NACTIVE;
  some.namong = scale.sizes[size];
  if (measure("", &some, &scale.affinity, &result)) {
    scale.costs[ROW_SOME_ACTIVE][size][round] = each_us(&result);
  }
}

static void measure_broadcast(size_t size, size_t round) {
  load_result_t result = {0};
  load_options_t options = defaults;
  options.mode = LOAD_BROADCAST;
  options.nconns = scale.sizes[size];
  options.payload = 125;
  options.seconds = opt.seconds;
  if (measure("--broadcast", &options, &scale.affinity, &result)) {
    scale.costs[ROW_BROADCAST][size][round] = each_us(&result);
  }
}

static void measure_heartbeat(size_t size, size_t round) {
  char arguments[64];
  load_result_t result = {0};
  load_options_t options = defaults;
  options.mode = LOAD_IDLE;
  options.nconns = scale.sizes[size];
  options.seconds = opt.quick ? QUICK_HELD_S : HELD_S;
  (void)snprintf(arguments, sizeof arguments, "--ping-interval-ms %d", PING_MS);
  if (measure(arguments, &options, &scale.affinity, &result) && result.nheld_frames > 0) {
    scale.costs[ROW_PING][size][round] = result.held_ns / 1e3 / result.nheld_frames;
  }
}

static void measure_drain(size_t size, size_t round) {
  char arguments[64];
  char line[512];
  (void)snprintf(arguments, sizeof arguments, "%llu %d 2>&1",
                 (unsigned long long)scale.drained[size], opt.quick ? 50 : DRAIN_MS);
  char *program = roster_command(DRAIN, arguments);
  FILE *out = program != NULL ? popen(program, "r") : NULL;
  double each = 0;
  while (out != NULL && fgets(line, sizeof line, out) != NULL) {
    (void)sscanf(line, "CPU of both ends, µs each: %lf", &each);
  }
  if (out == NULL || pclose(out) != 0) {
    (void)fprintf(stderr, "%s: " DRAIN " failed\n", NAME);
    scale.nfailed++;
  }
  scale.costs[ROW_DRAIN][size][round] = each;
  free(program);
}

/* Neither the server nor the load is bound: two loops are to have what there is. */
static void measure_loops(size_t round) {
  static const affinity_t unbound = {AFFINITY_NONE, AFFINITY_NONE};
  for (size_t row = 0; row < NLOOP_ROWS; row++) {
    for (int i = 0; i < 2; i++) {
      char arguments[64];
      load_result_t result = {0};
      load_options_t options = defaults;
      options.kind = loop_rows[row].kind;
      options.in_flight = loop_rows[row].in_flight;
      options.payload = loop_rows[row].payload;
      options.deflate = loop_rows[row].deflate;
      options.seconds = opt.seconds;
      (void)snprintf(arguments, sizeof arguments, "--loops %d%s", i + 1, loop_rows[row].arguments);
      if (measure(arguments, &options, &unbound, &result)) {
        scale.rates[row][i][round] = (double)result.n / result.seconds;
      }
    }
  }
}

/* ---- the tables ---- */

/* What was not measured is 0. */
static void print_cell(double value, int ndigits) {
  if (value > 0) {
    (void)printf(" %.*f |", ndigits, value);
  } else {
    (void)printf(" - |");
  }
}

static void print_costs(void) {
  (void)printf("### Server CPU, µs each\n\n| | %llu | %llu | %llu | exponent |\n"
               "| :--- | ---: | ---: | ---: | ---: |\n",
               (unsigned long long)scale.sizes[0], (unsigned long long)scale.sizes[1],
               (unsigned long long)scale.sizes[2]);
  for (size_t row = 0; row < NROWS; row++) {
    const uint64_t *sizes = row == ROW_DRAIN ? scale.drained : scale.sizes;
    double cost[NSIZES];
    (void)printf("| %s |", row_titles[row]);
    for (size_t size = 0; size < NSIZES; size++) {
      cost[size] = median_of(scale.costs[row][size], (size_t)opt.nrounds);
      print_cell(cost[size], 2);
    }
    if (cost[1] > 0 && cost[2] > 0) {
      (void)printf(" %.2f |\n", log(cost[2] / cost[1]) / log((double)sizes[2] / (double)sizes[1]));
    } else {
      (void)printf(" - |\n");
    }
  }
  if (scale.drained[2] != scale.sizes[2]) {
    (void)printf("\nBoth ends of what is drained are in one process: there were %llu at most.\n",
                 (unsigned long long)scale.drained[2]);
  }
}

static void print_loops(void) {
  (void)printf(
      "\n### Echoes a second, bound to no processor\n\n| | one loop | two loops | ratio |\n"
      "| :--- | ---: | ---: | ---: |\n");
  for (size_t row = 0; row < NLOOP_ROWS; row++) {
    double one = median_of(scale.rates[row][0], (size_t)opt.nrounds);
    double two = median_of(scale.rates[row][1], (size_t)opt.nrounds);
    (void)printf("| %s |", loop_rows[row].title);
    print_cell(one, 0);
    print_cell(two, 0);
    print_cell(one > 0 ? two / one : 0, 2);
    (void)printf("\n");
  }
}

static void choose_sizes(void) {
  uint64_t nfiles = raise_file_limit() - SPARE_FILES;
  uint64_t most = opt.quick ? 20 : opt.most;
  most = most < nfiles - NACTIVE ? most : nfiles - NACTIVE;
  if (most < opt.most && !opt.quick) {
    (void)fprintf(stderr, "the limit of open files allows for %llu connections\n",
                  (unsigned long long)most);
  }
  scale.sizes[0] = scale.drained[0] = 1;
  scale.sizes[1] = scale.drained[1] = most > 1000 ? 100 : most / 10 + 1;
  scale.sizes[2] = most;
  scale.drained[2] = most < nfiles / 2 ? most : nfiles / 2;
}

int command_scale(char **argv) {
  if (options_parse(&command, argv) != NULL) {
    options_reject(NAME, "unexpected argument");
  }
  if (opt.quick) {
    opt.nrounds = 1;
    opt.seconds = 0.02;
  }
  if (opt.nrounds == 0 || opt.seconds <= 0 || opt.most < 20) {
    options_reject(NAME, "--rounds and --seconds are more than 0, --most is at least 20");
  }
  choose_sizes();
  affinity_choose(&scale.affinity);
  for (size_t round = 0; round < opt.nrounds; round++) {
    for (size_t size = 0; size < NSIZES; size++) {
      (void)fprintf(stderr, "round %zu of %llu, %llu connections\n", round + 1,
                    (unsigned long long)opt.nrounds, (unsigned long long)scale.sizes[size]);
      measure_echoes(size, round);
      measure_broadcast(size, round);
      measure_heartbeat(size, round);
      measure_drain(size, round);
    }
    measure_loops(round);
  }
  print_costs();
  print_loops();
  return scale.nfailed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
