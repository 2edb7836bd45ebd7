/* A client of bench_firehose_server that stops reading, while others exchange echoes at a fixed rate: what one stopped reader
 * costs the server in memory, and the others in time. Each echo is due at a time that was set before, and its round trip counts
 * from there, so that a server that stalls is not asked less.
 *
 * A round has two phases of the same length. In the first one the server has the same to do but for the stopped reader: with
 * --reads the reader takes all that is sent, else there is none yet (and the server spins, if it has no --rate). In the second
 * one the reader does not read; with --same nothing changes, which tells how much the machine changes by itself. Then it reads
 * all, and what it gets is compared with what the policy promises.
 *
 * Prints one line: messages sent to the reader, of them dropped as the oldest, replaced, refused, received; MiB of resident
 * memory before, at most in the first 5 s (or half of the time), at most after that, at the end; the others' median, 99th and
 * 99.9th percentile in µs in the first phase and in the second, each the median of the rounds; the least, median and greatest
 * ratio of the second 99th percentile to the first; how many ms of a second the server waited for its processor in the first
 * phase and in the second. Status 1 where the policy was not kept. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "firehose_reader.h"
#include "median.h"
#include "options.h"
#include "process.h"
#include "ws_client.h"

#define NAME       "bench_firehose_load"
#define EVENTS     64
#define ECHO       32 /* octets of an echoed message */
#define READER     UINT64_MAX
#define ROUNDS_MAX 99
#define SETTLED    5000000000U
#define SAMPLE_NS  50000000U /* of memory */
#define SECOND_NS  1000000000U

typedef struct echo_conn {
  int fd;
  uint64_t nechoes; /* since the phase began */
  size_t received;  /* octets of the one that comes */
} echo_conn_t;

/* What a phase shows: percentiles in µs, and waiting in ms a second. */
enum { P50, P99, P999, WAITED, NFIGURES };
typedef struct phase {
  double figures[NFIGURES];
} phase_t;

static struct {
  uint64_t port;
  uint64_t pid;
  uint64_t seconds; /* of a phase */
  uint64_t rounds;
  uint64_t nconns;
  uint64_t rate; /* of all connections together, a second */
  const char *policy;
  int reads;
  int same;
} opt = {.seconds = 60, .rounds = 1, .nconns = 20, .rate = 2000, .policy = "drop-oldest"};

static struct {
  int epoll;
  int control;
  int reader; /* -1: none */
  echo_conn_t *conns;
  unsigned char frame[ECHO + WS_HEADER_MAX];
  size_t frame_len;
  size_t echo_len;
  uint64_t start;
  uint64_t nsent;
  uint64_t nechoes;
  uint32_t *samples;
  uint64_t memory[4]; /* before, most until settled, most then, at the end */
} load = {.reader = -1};

static struct {
  firehose_report_t report;
  uint64_t received;
  phase_t before[ROUNDS_MAX];
  phase_t with[ROUNDS_MAX];
} sum;

static void watch(int fd, uint64_t index) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};
  ws_set_nonblocking(fd);
  (void)epoll_ctl(load.epoll, EPOLL_CTL_ADD, fd, &event);
}

static void open_echoes(void) {
  unsigned char payload[ECHO] = {0};
  load.frame_len = ws_put_frame(load.frame, WS_FIRST_BINARY, payload, sizeof payload, 1);
  load.echo_len = load.frame_len - 4;
  load.conns = allocate((size_t)opt.nconns * sizeof *load.conns);
  load.samples = allocate((size_t)(opt.rate * opt.seconds + 1) * sizeof *load.samples);
  load.epoll = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < opt.nconns; i++) {
    load.conns[i].fd = ws_client_connect(i, (unsigned int)opt.port);
    ws_client_upgrade(load.conns[i].fd, "/", 0);
    watch(load.conns[i].fd, i);
  }
}

/* ---- echoes on a schedule ---- */

/* When the message of that number is due; connection number % nconns sends it. */
static uint64_t due_ns(uint64_t number) {
  return load.start + number * SECOND_NS / opt.rate;
}

static void send_due(uint64_t total) {
  uint64_t now = clock_ns();
  for (; load.nsent < total && due_ns(load.nsent) <= now; load.nsent++) {
    ws_client_write(load.conns[load.nsent % opt.nconns].fd, load.frame, load.frame_len);
  }
}

static void receive_echoes(size_t index) {
  echo_conn_t *conn = &load.conns[index];
  unsigned char buf[4096];
  ssize_t n = read(conn->fd, buf, sizeof buf);
  if (n < 0 && errno == EAGAIN) {
    return;
  }
  if (n <= 0) {
    die("the server ended a connection of the others");
  }
  uint64_t now = clock_ns();
  for (conn->received += (size_t)n; conn->received >= load.echo_len;
       conn->received -= load.echo_len) {
    uint64_t took = now - due_ns(conn->nechoes++ * opt.nconns + index);
    load.samples[load.nechoes++] = (uint32_t)(took / 1000 < UINT32_MAX ? took / 1000 : UINT32_MAX);
  }
}

static void sample_memory(uint64_t settled) {
  uint64_t *most = &load.memory[clock_ns() - load.start < settled ? 1 : 2];
  uint64_t now = process_memory((long)opt.pid);
  *most = now > *most ? now : *most;
}

/* All echoes of a phase. */
static void run_echoes(uint64_t settled) {
  struct epoll_event events[EVENTS];
  uint64_t total = opt.rate * opt.seconds;
  uint64_t next_sample = 0;
  for (size_t i = 0; i < opt.nconns; i++) {
    load.conns[i].nechoes = 0;
  }
  load.nsent = load.nechoes = 0;
  load.start = clock_ns();
  while (load.nechoes < total) {
    send_due(total);
    if (clock_ns() >= next_sample) {
      sample_memory(settled);
      next_sample = clock_ns() + SAMPLE_NS;
    }
    uint64_t now = clock_ns();
    uint64_t due = load.nsent < total ? due_ns(load.nsent) : now + SECOND_NS;
    int n = epoll_wait(load.epoll, events, EVENTS, due > now + 1000000 ? 1 : 0);
    for (int i = 0; i < n; i++) {
      if (events[i].data.u64 == READER) {
        (void)firehose_reader_read(load.reader);
      } else {
        receive_echoes(events[i].data.u64);
      }
    }
    if (now - load.start > (opt.seconds + 30) * SECOND_NS) {
      die("echoes do not come");
    }
  }
}

/* ---- phases ---- */

/* How long the server was ready to run and did not, since it began. */
static uint64_t waited_ns(void) {
  char path[64];
  unsigned long long waited = 0;
  if (opt.pid == 0) {
    return 0;
  }
  (void)snprintf(path, sizeof path, "/proc/%" PRIu64 "/schedstat", opt.pid);
  FILE *f = fopen(path, "r");
  if (f == NULL || fscanf(f, "%*u %llu", &waited) != 1) {
    die("cannot read the server's /proc");
  }
  (void)fclose(f);
  return waited;
}

static void run_phase(phase_t *phase) {
  uint64_t settled = opt.seconds * SECOND_NS / 2 < SETTLED ? opt.seconds * SECOND_NS / 2 : SETTLED;
  uint64_t waited = waited_ns();
  run_echoes(settled);
  phase->figures[WAITED] =
      (double)(waited_ns() - waited) * 1000 / (double)(clock_ns() - load.start);
  phase->figures[P50] = percentile(load.samples, (size_t)load.nechoes, 50);
  phase->figures[P99] = percentile(load.samples, (size_t)load.nechoes, 99);
  phase->figures[P999] = load.samples[load.nechoes * 999 / 1000]; /* they are in order now */
}

static void open_reader(void) {
  char target[32];
  firehose_reader_start(opt.policy);
  load.reader = ws_client_connect(0, (unsigned int)opt.port);
  (void)snprintf(target, sizeof target, "/%s", opt.policy);
  ws_client_upgrade(load.reader, target, 0);
}

static void set_blocking(int fd) {
  (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static firehose_report_t stop_firehose(void) {
  firehose_report_t told;
  unsigned char frame[16 + WS_HEADER_MAX];
  unsigned char answer[256];
  size_t head_len = 0;
  size_t len = 0;
  ws_client_write(load.control, frame, ws_put_frame(frame, WS_FIRST_TEXT, "stop", 4, 1));
  while (ws_whole_frame(answer, len, &head_len) == 0) {
    ssize_t n = read(load.control, answer + len, sizeof answer - 1 - len);
    if (n <= 0) {
      die("no report");
    }
    len += (size_t)n;
  }
  answer[len] = '\0';
  if (sscanf((const char *)answer + head_len,
             "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &told.sent, &told.oldest,
             &told.replaced, &told.refused, &told.closed) != 5) {
    die("a report that is none");
  }
  return told;
}

static void end_reader(void) {
  firehose_report_t told = stop_firehose();
  set_blocking(load.reader);
  while (firehose_reader_read(load.reader)) {
  }
  (void)close(load.reader);
  load.reader = -1;
  sum.received += firehose_reader_judge(&told);
  if (!opt.same && strcmp(opt.policy, "close") == 0 && told.closed != 1) {
    errno = 0;
    die("the reader was not closed");
  }
  sum.report.sent += told.sent;
  sum.report.oldest += told.oldest;
  sum.report.replaced += told.replaced;
  sum.report.refused += told.refused;
}

static void stop_reading(void) {
  if (opt.same) {
    return;
  }
  if (load.reader < 0) {
    open_reader();
  } else {
    (void)epoll_ctl(load.epoll, EPOLL_CTL_DEL, load.reader, NULL);
  }
}

static void print_phase(const char *name, const phase_t *phase) {
  (void)fprintf(stderr, " %s %.0f / %.0f / %.0f µs, waited %.1f ms/s;", name, phase->figures[P50],
                phase->figures[P99], phase->figures[P999], phase->figures[WAITED]);
}

static void run_round(size_t round) {
  if (opt.reads) {
    open_reader();
    watch(load.reader, READER);
  }
  run_phase(&sum.before[round]);
  if (round == 0) {
    load.memory[0] = process_memory((long)opt.pid);
    load.memory[1] = load.memory[2] = 0;
  }
  stop_reading();
  run_phase(&sum.with[round]);
  load.memory[3] = process_memory((long)opt.pid);
  if (load.reader >= 0) {
    end_reader();
  }
  (void)fprintf(stderr, "round %zu:", round + 1);
  print_phase("before", &sum.before[round]);
  print_phase("with", &sum.with[round]);
  (void)fputc('\n', stderr);
}

/* ---- the sum of it ---- */

static double median(const phase_t *phases, int figure) {
  double list[ROUNDS_MAX];
  for (size_t i = 0; i < opt.rounds; i++) {
    list[i] = phases[i].figures[figure];
  }
  return median_of(list, (size_t)opt.rounds);
}

static void print_ratios(void) {
  double list[ROUNDS_MAX];
  for (size_t i = 0; i < opt.rounds; i++) {
    list[i] = sum.with[i].figures[P99] / sum.before[i].figures[P99];
  }
  double middle = median_of(list, (size_t)opt.rounds); /* sorts */
  (void)printf(" %.2f %.2f %.2f", list[0], middle, list[opt.rounds - 1]);
}

static void print_sum(void) {
  (void)printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, sum.report.sent,
               sum.report.oldest, sum.report.replaced, sum.report.refused, sum.received);
  for (int i = 0; i < 4; i++) {
    (void)printf(" %.2f", (double)load.memory[i] / (1 << 20));
  }
  for (int figure = P50; figure <= P999; figure++) {
    (void)printf(" %.0f", median(sum.before, figure));
  }
  for (int figure = P50; figure <= P999; figure++) {
    (void)printf(" %.0f", median(sum.with, figure));
  }
  print_ratios();
  (void)printf(" %.1f %.1f\n", median(sum.before, WAITED), median(sum.with, WAITED));
}

static const option_spec_t specs[] = {
    {.name = "port", .value = "N", .help = "of the server", .max = 65535, .number = &opt.port},
    {.name = "pid",
     .value = "N",
     .help = "the server's process, whose memory is measured",
     .max = 1U << 30,
     .number = &opt.pid},
    {.name = "seconds",
     .value = "N",
     .help = "of each phase [60]",
     .max = 100000,
     .number = &opt.seconds},
    {.name = "rounds",
     .value = "N",
     .help = "of two phases each [1]",
     .max = ROUNDS_MAX,
     .number = &opt.rounds},
    {.name = "conns",
     .value = "N",
     .help = "the others, which exchange echoes [20]",
     .max = 10000,
     .number = &opt.nconns},
    {.name = "rate",
     .value = "N",
     .help = "their echoes a second in all [2000]",
     .max = 1000000,
     .number = &opt.rate},
    {.name = "policy",
     .value = "NAME",
     .help = "refuse, drop-oldest, keep-latest or close [drop-oldest]",
     .text = &opt.policy},
    {.name = "reads", .help = "in the first phase the reader reads", .flag = &opt.reads},
    {.name = "same", .help = "in the second phase nothing changes", .flag = &opt.same},
};

static const command_t command = {NAME,
                                  NAME " --port N [options]\n"
                                       "What a reader of bench_firehose_server that stops costs "
                                       "the server, and the others.",
                                  specs, sizeof specs / sizeof specs[0]};

static void take_options(char **argv) {
  const char *operand = options_parse(&command, argv);
  if (operand != NULL) {
    options_reject(NAME, "unexpected argument '%s'", operand);
  }
  if (opt.port == 0 || opt.seconds == 0 || opt.rounds == 0 || opt.nconns == 0 || opt.rate == 0) {
    options_reject(NAME, "--port is needed, and no number is 0");
  }
  if (!firehose_reader_knows(opt.policy)) {
    options_reject(NAME, "--policy: there is no '%s'", opt.policy);
  }
}

int main(int argc, char **argv) {
  (void)argc;
  take_options(argv + 1);
  load.control = ws_client_connect(0, (unsigned int)opt.port);
  ws_client_upgrade(load.control, "/", 0);
  open_echoes();
  for (size_t round = 0; round < opt.rounds; round++) {
    run_round(round);
  }
  print_sum();
  return EXIT_SUCCESS;
}
