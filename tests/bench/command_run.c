/* wsuv-bench run: servers against each other, in rounds. In each round each workload is put on each server in turn, so that
 * what the machine does besides meets all of them, and cancels out of their ratios. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "affinity.h"
#include "commands.h"
#include "load_child.h"
#include "options.h"
#include "process.h"
#include "report.h"
#include "syscalls.h"

#define NAME          "wsuv-bench run"
#define MAX_ROUNDS    1000
#define QUICK_SECONDS 0.05
#define QUICK_CONNS   20
#define SPARE_FILES   100
#define MAX_SERVERS   (ROSTER_MAX * NVARIANTS)
#define NCALLS_EACH   40 /* messages of each connection while system calls are counted */

static struct {
  uint64_t nrounds;
  double seconds;
  uint64_t nidle;
  const char *only;
  const char *peers;
  const char *plot;
  const char *csv;
  const char *servers[MAX_SERVERS];
  size_t nservers;
  const char *to[ROSTER_MAX];
  size_t nto;
  int syscalls;
  int quick;
  int list;
} opt = {.nrounds = 7, .seconds = 0.5, .nidle = 10000};

static struct {
  roster_t roster;
  results_t results;
  affinity_t affinity;
  certificate_t certificate;
  int has_certificate;
  uint64_t nfiles;
  uint64_t start_ns;
  int nmeasured;
  int nfailed;
} run;

static void take_server(const char *text) {
  if (opt.nservers == MAX_SERVERS) {
    options_reject(NAME, "more than %d times --server", MAX_SERVERS);
  }
  opt.servers[opt.nservers++] = text;
}

static void take_base(const char *name) {
  if (opt.nto == ROSTER_MAX) {
    options_reject(NAME, "more than %d times --to", ROSTER_MAX);
  }
  opt.to[opt.nto++] = name;
}

static const option_spec_t specs[] = {
    {.name = "rounds",
     .value = "N",
     .help = "of all workloads, each server in turn [7]",
     .max = MAX_ROUNDS,
     .number = &opt.nrounds},
    {.name = "seconds",
     .value = "S",
     .help = "of each measurement, after a tenth of it to warm up [0.5]",
     .decimal = &opt.seconds},
    {.name = "only",
     .value = "PATTERNS",
     .help = "workloads by name, such as 'echo-*,churn' [all: see --list]",
     .text = &opt.only},
    {.name = "list",
     .help = "prints the workloads and the servers that were found",
     .flag = &opt.list},
    {.name = "peers",
     .value = "PATTERNS",
     .help = "server programs by name, such as 'raw,wsuv' [all that are found]",
     .text = &opt.peers},
    {.name = "server",
     .value = "NAME=COMMAND",
     .help =
         "another server; NAME:tls=, NAME:deflate=, NAME:broadcast= for the rows that need such",
     .take = take_server},
    {.name = "to",
     .value = "NAME",
     .help = "ratios to this server, too, and the plot's; may be given several times",
     .take = take_base},
    {.name = "idle-conns",
     .value = "N",
     .help = "of the rows of idle connections at most [10000]",
     .max = 1U << 20,
     .number = &opt.nidle},
    {.name = "syscalls",
     .help = "counts system calls, too, by strace or perf",
     .flag = &opt.syscalls},
    {.name = "quick",
     .help = "one round of 0.05 s with few connections: whether everything works",
     .flag = &opt.quick},
    {.name = "csv", .value = "FILE", .help = "writes each measurement", .text = &opt.csv},
    {.name = "plot",
     .value = "FILE",
     .help = "writes an SVG of the ratios, by gnuplot",
     .text = &opt.plot},
};

static const command_t command = {
    NAME,
    NAME " [options]\n"
         "Starts servers, puts the same workloads on all of them, and "
         "prints Markdown tables of medians.\n\n"
         "A COMMAND runs until it is killed, echoes in kind (with "
         "broadcast: sends each message of a client\n"
         "to all), takes messages of 16 MiB, sends no Pings within a "
         "minute, and listens on {port}, or begins\n"
         "with a line that ends with its port. {cert} and {key} are PEM files.",
    specs, sizeof specs / sizeof specs[0]};

/* ---- what is to be done ---- */

/* The programs that are found, and behind them those of the command line. */
static void choose_servers(void) {
  roster_find_programs(&run.roster, opt.peers);
  for (size_t i = 0; i < opt.nservers; i++) {
    const char *wrong = roster_add(&run.roster, opt.servers[i]);
    if (wrong != NULL) {
      options_reject(NAME, "--server %s: %s", opt.servers[i], wrong);
    }
  }
}

static void choose_workloads(void) {
  size_t n = 0;
  const workload_t *all = workloads_all(&n);
  for (size_t i = 0; i < n; i++) {
    if (name_fits(all[i].name, opt.only)) {
      run.results.workloads[run.results.nworkloads++] = &all[i];
    }
  }
  if (run.results.nworkloads == 0) {
    options_reject(NAME, "--only %s fits no workload", opt.only);
  }
}

static void print_list(void) {
  (void)printf("workloads:\n");
  for (size_t i = 0; i < run.results.nworkloads; i++) {
    (void)printf("  %-14s %s\n", run.results.workloads[i]->name, run.results.workloads[i]->title);
  }
  (void)printf("servers:\n");
  for (size_t i = 0; i < run.roster.n; i++) {
    (void)printf("  %s\n", run.roster.list[i].name);
  }
}

/* The baseline where it is there, and what --to names. Returns their number. */
static size_t choose_bases(size_t bases[ROSTER_MAX + 1]) {
  size_t n = 0;
  size_t raw = roster_index(&run.roster, ROSTER_BASELINE);
  if (raw < run.roster.n) {
    bases[n++] = raw;
  }
  for (size_t i = 0; i < opt.nto; i++) {
    size_t index = roster_index(&run.roster, opt.to[i]);
    if (index == run.roster.n) {
      options_reject(NAME, "--to %s: there is no such server", opt.to[i]);
    }
    if (index != raw) {
      bases[n++] = index;
    }
  }
  return n;
}

static void remove_certificate(void) {
  if (run.has_certificate) {
    certificate_remove(&run.certificate);
  }
}

/* Before anything is measured. */
static void must_be_writable(const char *path) {
  FILE *out = path != NULL ? fopen(path, "a") : NULL;
  if (path != NULL && (out == NULL || fclose(out) != 0)) {
    die(path);
  }
}

static void prepare(void) {
  const char *obstacle = opt.syscalls ? syscalls_obstacle() : NULL;
  if (obstacle != NULL) {
    (void)fprintf(stderr, "system calls are not counted: %s\n", obstacle);
    opt.syscalls = 0;
  }
  if (opt.plot != NULL && !program_is_there("gnuplot")) {
    fail("--plot needs gnuplot, which is not installed");
  }
  must_be_writable(opt.csv);
  must_be_writable(opt.plot);
  if (access("/proc/self/schedstat", R_OK) != 0) {
    fail("the kernel has no /proc/PID/schedstat: CPU time cannot be measured");
  }
  run.nfiles = raise_file_limit();
  affinity_choose(&run.affinity);
  for (size_t i = 0; i < run.results.nworkloads && !run.has_certificate; i++) {
    if (run.results.workloads[i]->variant == VARIANT_TLS) {
      run.has_certificate = certificate_make(&run.certificate);
      (void)atexit(remove_certificate);
    }
  }
}

/* ---- measuring ---- */

static uint64_t at_most(uint64_t value, uint64_t most) {
  return value < most ? value : most;
}

static void make_options(const workload_t *workload, const contestant_t *contestant,
                         load_options_t *options) {
  static const load_options_t defaults = LOAD_OPTIONS_INIT;
  const server_t *server = &contestant->servers[workload->variant];
  *options = defaults;
  workload_options(workload, options);
  options->seconds = opt.seconds;
  options->raw = contestant->is_raw;
  options->pid = (uint64_t)server->pid;
  options->target.port = server->port;
  if (workload->mode == LOAD_IDLE) {
    options->nconns = at_most(options->nconns, opt.nidle);
    options->seconds = 0;
  }
  options->nconns = at_most(options->nconns, run.nfiles - SPARE_FILES);
  if (opt.quick) {
    options->nconns = at_most(options->nconns, QUICK_CONNS);
  }
}

/* Memory is that of a server that did nothing before. A server that a load failed on may be in any state. */
static void measure(size_t row, size_t column, size_t round) {
  const workload_t *workload = run.results.workloads[row];
  contestant_t *contestant = &run.roster.list[column];
  load_result_t *cell = results_cell(&run.results, row, column, round);
  const struct timespec grace = {0, 100000000}; /* for a server that is about to end */
  load_options_t options;
  char label[128];
  if (workload->mode == LOAD_IDLE) {
    server_stop(&contestant->servers[workload->variant]);
  }
  if (!roster_start(contestant, workload->variant, &run.certificate, run.affinity.server)) {
    return;
  }
  (void)snprintf(label, sizeof label, "%s, %s", contestant->name, workload->name);
  make_options(workload, contestant, &options);
  if (load_in_child(&options, run.affinity.load, label, cell)) {
    run.nmeasured++;
  } else {
    cell->n = 0;
    run.nfailed++;
    (void)nanosleep(&grace, NULL);
    (void)server_is_alive(&contestant->servers[workload->variant], label);
    server_stop(&contestant->servers[workload->variant]);
  }
  if (workload->mode == LOAD_IDLE) {
    server_stop(&contestant->servers[workload->variant]);
  }
}

/* Memory hardly varies: one round of that is enough. */
static void run_rounds(void) {
  for (size_t round = 0; round < run.results.nrounds; round++) {
    for (size_t row = 0; row < run.results.nworkloads; row++) {
      if (run.results.workloads[row]->mode == LOAD_IDLE && round > 0) {
        continue;
      }
      (void)fprintf(stderr, "%5.0f s: round %zu of %zu, %s\n",
                    (double)(clock_ns() - run.start_ns) / 1e9, round + 1, run.results.nrounds,
                    run.results.workloads[row]->name);
      for (size_t i = 0; i < run.roster.n; i++) {
        measure(row, (i + round) % run.roster.n, round);
      }
    }
  }
}

static void count_syscalls(void) {
  for (size_t row = 0; row < run.results.nworkloads; row++) {
    const workload_t *workload = run.results.workloads[row];
    if (workload->mode == LOAD_IDLE) {
      continue;
    }
    (void)fprintf(stderr, "%5.0f s: system calls of %s\n",
                  (double)(clock_ns() - run.start_ns) / 1e9, workload->name);
    for (size_t column = 0; column < run.roster.n; column++) {
      contestant_t *contestant = &run.roster.list[column];
      load_options_t options;
      if (!roster_start(contestant, workload->variant, &run.certificate, run.affinity.server)) {
        continue;
      }
      make_options(workload, contestant, &options);
      uint64_t n = workload->mode == LOAD_BROADCAST ? NCALLS_EACH : NCALLS_EACH * options.nconns;
      *results_syscalls(&run.results, row, column) =
          syscalls_each(&options, n * options.in_flight, contestant->name);
    }
  }
}

/* ---- what came of it ---- */

static void write_csv(void) {
  FILE *out = fopen(opt.csv, "w");
  if (out == NULL) {
    die(opt.csv);
  }
  report_csv(&run.results, out);
  if (fclose(out) != 0) {
    die(opt.csv);
  }
}

static void report(const size_t *bases, size_t nbases) {
  report_markdown(&run.results, bases, nbases, stdout);
  if (opt.csv != NULL) {
    write_csv();
  }
  size_t base = opt.nto > 0 ? bases[nbases - 1] : roster_index(&run.roster, ROSTER_OURS);
  if (opt.plot != NULL && !report_plot(&run.results, base < run.roster.n ? base : 0, opt.plot)) {
    fail("gnuplot did not make %s", opt.plot);
  }
}

int command_run(char **argv) {
  size_t bases[ROSTER_MAX + 1];
  const char *operand = options_parse(&command, argv);
  if (operand != NULL) {
    options_reject(NAME, "unexpected argument '%s'", operand);
  }
  if (opt.quick) {
    opt.nrounds = 1;
    opt.seconds = QUICK_SECONDS;
  }
  if (opt.nrounds == 0 || opt.seconds <= 0) {
    options_reject(NAME, "--rounds and --seconds are more than 0");
  }
  choose_servers();
  choose_workloads();
  if (opt.list) {
    print_list();
    return EXIT_SUCCESS;
  }
  if (run.roster.n == 0) {
    options_reject(NAME, "no server to measure: no program was found, and no --server given");
  }
  size_t nbases = choose_bases(bases);
  prepare();
  run.start_ns = clock_ns();
  run.results.roster = &run.roster;
  run.results.nrounds = (size_t)opt.nrounds;
  results_allocate(&run.results);
  run_rounds();
  if (opt.syscalls) {
    count_syscalls();
  }
  roster_stop_all(&run.roster);
  report(bases, nbases);
  if (run.nfailed > 0) {
    (void)fprintf(stderr, "%d measurements failed\n", run.nfailed);
  } else if (run.nmeasured == 0) {
    (void)fprintf(stderr, "nothing was measured\n");
  }
  return run.nfailed > 0 || run.nmeasured == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
