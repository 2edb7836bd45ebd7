/* A load generator for servers that send every message of a client to all clients, the one it came from included. N
 * connections; the first one writes a burst of messages in one go, then all of what must come is waited for on all of them,
 * compared, and the next burst is sent. With --raw the server sends the very same octets to all; else it speaks WebSocket.
 *
 * Prints one line: deliveries/s, the server's CPU time per delivery in µs (of the process --pid, 0 without), and the median
 * and the 99th percentile of the time from a burst to its last delivery in µs. A delivery is one message at one connection. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "process.h"
#include "ws_client.h"

#define READ_SIZE ((size_t)1 << 20)
#define EVENTS    1024
#define SAMPLES   (1 << 16)

typedef struct load_conn {
  int fd;
  size_t received; /* octets of the burst */
} load_conn_t;

static struct {
  unsigned int port;
  long pid;
  size_t nconns;
  size_t burst;
  size_t payload;
  uint64_t nmessages;
  uint64_t warm_up;
  int raw;
} opt = {.nconns = 1000, .burst = 1, .payload = 125, .nmessages = 1000, .warm_up = 100};

static struct {
  int epoll;
  load_conn_t *conns;
  unsigned char *sent; /* a burst */
  size_t sent_len;
  unsigned char *expected;
  size_t expected_len;
  unsigned char *read_buffer;
  size_t nwaiting; /* connections that have not got all of the burst */
  uint32_t samples[SAMPLES];
  size_t nsamples;
} load;

static void build_burst(void) {
  size_t room = opt.burst * (opt.payload + WS_HEADER_MAX);
  unsigned char *payload = allocate(opt.payload + 1);
  load.sent = allocate(room);
  load.expected = allocate(room);
  for (size_t i = 0; i < opt.burst; i++) {
    for (size_t j = 0; j < opt.payload; j++) {
      payload[j] = (unsigned char)('a' + (i + j) % 26);
    }
    load.sent_len +=
        ws_put_frame(load.sent + load.sent_len, WS_FIRST_BINARY, payload, opt.payload, !opt.raw);
    load.expected_len +=
        ws_put_frame(load.expected + load.expected_len, WS_FIRST_BINARY, payload, opt.payload, 0);
  }
  free(payload);
}

static void open_connections(void) {
  load.conns = allocate(opt.nconns * sizeof *load.conns);
  load.epoll = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < opt.nconns; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    int fd = ws_client_connect(i, opt.port);
    if (!opt.raw) {
      ws_client_upgrade(fd, "/", 0);
    }
    ws_set_nonblocking(fd);
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
      die("epoll");
    }
    load.conns[i].fd = fd;
  }
}

static void receive(load_conn_t *conn) {
  ssize_t n = read(conn->fd, load.read_buffer, READ_SIZE);
  if (n < 0 && errno == EAGAIN) {
    return;
  }
  if (n <= 0) {
    die("the server ended a connection");
  }
  size_t len = (size_t)n;
  errno = 0;
  if (len > load.expected_len - conn->received ||
      memcmp(load.read_buffer, load.expected + conn->received, len) != 0) {
    die("what came is not what was sent");
  }
  conn->received += len;
  load.nwaiting -= conn->received == load.expected_len;
}

static void wait_for_all(void) {
  struct epoll_event events[EVENTS];
  while (load.nwaiting > 0) {
    int n = epoll_wait(load.epoll, events, EVENTS, 10000);
    if (n == 0 || (n < 0 && errno != EINTR)) {
      errno = n == 0 ? ETIMEDOUT : errno;
      die("a message did not reach everybody");
    }
    for (int i = 0; i < n; i++) {
      receive(&load.conns[events[i].data.u64]);
    }
  }
}

static void run_bursts(uint64_t nbursts) {
  load.nsamples = 0;
  for (uint64_t i = 0; i < nbursts; i++) {
    for (size_t j = 0; j < opt.nconns; j++) {
      load.conns[j].received = 0;
    }
    load.nwaiting = opt.nconns;
    uint64_t start = clock_ns();
    ws_client_write(load.conns[0].fd, load.sent, load.sent_len);
    wait_for_all();
    load.samples[load.nsamples++ % SAMPLES] = (uint32_t)((clock_ns() - start) / 100);
  }
}

static uint64_t bursts_of(uint64_t nmessages) {
  return (nmessages + opt.burst - 1) / opt.burst;
}

static void measure(void) {
  uint64_t nbursts = bursts_of(opt.nmessages);
  double ndeliveries = (double)nbursts * (double)opt.burst * (double)opt.nconns;
  open_connections();
  run_bursts(bursts_of(opt.warm_up));
  uint64_t cpu = process_cpu_ns(opt.pid);
  uint64_t start = clock_ns();
  run_bursts(nbursts);
  double seconds = (double)(clock_ns() - start) / 1e9;
  double cpu_us = (double)(process_cpu_ns(opt.pid) - cpu) / 1e3;
  size_t n = load.nsamples < SAMPLES ? load.nsamples : SAMPLES;
  (void)printf("%.0f %.4f %.1f %.1f\n", ndeliveries / seconds, cpu_us / ndeliveries,
               percentile(load.samples, n, 50) / 10, percentile(load.samples, n, 99) / 10);
}

static _Noreturn void usage(void) {
  (void)fprintf(stderr, "usage: bench_broadcast_load --port N [--pid SERVER] [--conns N] "
                        "[--burst M] [--payload OCTETS] [--messages N] [--warm-up N] [--raw]\n");
  exit(2);
}

static uint64_t number(const char *text) {
  char *end = NULL;
  uint64_t value = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0') {
    usage();
  }
  return value;
}

static void take_option(int letter) {
  switch (letter) {
  case 'p':
    opt.port = (unsigned int)number(optarg);
    break;
  case 'P':
    opt.pid = (long)number(optarg);
    break;
  case 'c':
    opt.nconns = (size_t)number(optarg);
    break;
  case 'm':
    opt.burst = (size_t)number(optarg);
    break;
  case 's':
    opt.payload = (size_t)number(optarg);
    break;
  case 'n':
    opt.nmessages = number(optarg);
    break;
  case 'w':
    opt.warm_up = number(optarg);
    break;
  case 'r':
    opt.raw = 1;
    break;
  default:
    usage();
  }
}

int main(int argc, char **argv) {
  static const struct option options[] = {
      {"port", 1, NULL, 'p'},    {"pid", 1, NULL, 'P'},     {"conns", 1, NULL, 'c'},
      {"burst", 1, NULL, 'm'},   {"payload", 1, NULL, 's'}, {"messages", 1, NULL, 'n'},
      {"warm-up", 1, NULL, 'w'}, {"raw", 0, NULL, 'r'},     {NULL, 0, NULL, 0},
  };
  int letter;
  while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
    take_option(letter);
  }
  if (optind != argc || opt.port == 0 || opt.port > 65535 || opt.nconns == 0 || opt.burst == 0 ||
      opt.nmessages == 0) {
    usage();
  }
  raise_file_limit();
  build_burst();
  load.read_buffer = allocate(READ_SIZE);
  measure();
  return EXIT_SUCCESS;
}
