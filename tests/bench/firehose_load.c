/* A client of bench_firehose_server that does not read what is sent to it as fast as that can, while others exchange echoes at
 * a fixed rate: what one slow reader costs the server in memory, and the others in time. Each echo is due at a time that was
 * set before, and its round trip counts from there, so that a server that stalls is not asked less. In the end the reader
 * reads, and what it gets is compared with what the policy promises.
 *
 * Prints one line: messages sent to the reader, of them dropped as the oldest, replaced, refused, received; MiB of resident
 * memory before, at most in the first 5 s (or half of the time), at most after that, at the end; and the median and 99th
 * percentile of the others' round trips in µs, before the reader came and while it was there. Status 1 where the policy was
 * not kept. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "process.h"
#include "ws_client.h"

#define KEYS      64
#define PAYLOAD   1024
#define READ_SIZE ((size_t)1 << 20)
#define EVENTS    64
#define ECHO      32 /* octets of an echoed message */
#define SETTLED   5000000000U
#define SAMPLE_NS 50000000U /* of memory */
#define SECOND_NS 1000000000U

typedef struct echo_conn {
  int fd;
  uint64_t nechoes; /* since the phase began */
  size_t received;  /* octets of the one that comes */
} echo_conn_t;

static struct {
  unsigned int port;
  long pid;
  uint64_t seconds;
  size_t nconns;
  uint64_t rate; /* of all connections together, a second */
  const char *policy;
} opt = {.seconds = 60, .nconns = 20, .rate = 2000, .policy = "drop-oldest"};

static struct {
  int epoll;
  echo_conn_t *conns;
  unsigned char frame[ECHO + WS_HEADER_MAX];
  size_t frame_len;
  size_t echo_len;
  uint64_t start;
  uint64_t nsent;
  uint64_t nechoes;
  uint32_t *samples;
  uint64_t memory[4]; /* before, most until settled, most then, at the end */
} load;

static struct { uint64_t sent, oldest, replaced, refused, closed; } told;

static struct {
  unsigned char buf[READ_SIZE];
  uint64_t n;
  uint64_t newest[KEYS]; /* number + 1 */
  uint64_t last;         /* number + 1 */
  uint64_t ntail;        /* in a row, at the end, of the newest of their keys */
  int close_code;
} reader;

static void open_echoes(void) {
  unsigned char payload[ECHO] = {0};
  load.frame_len = ws_put_frame(load.frame, WS_FIRST_BINARY, payload, sizeof payload, 1);
  load.echo_len = load.frame_len - 4;
  load.conns = allocate(opt.nconns * sizeof *load.conns);
  load.samples = allocate((size_t)(opt.rate * opt.seconds + 1) * sizeof *load.samples);
  load.epoll = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < opt.nconns; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    load.conns[i].fd = ws_client_connect(i, opt.port);
    ws_client_upgrade(load.conns[i].fd, "/", 0);
    ws_set_nonblocking(load.conns[i].fd);
    (void)epoll_ctl(load.epoll, EPOLL_CTL_ADD, load.conns[i].fd, &event);
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
  uint64_t now = process_memory(opt.pid);
  *most = now > *most ? now : *most;
}

/* All echoes of so many seconds. */
static void run_echoes(uint64_t seconds, uint64_t settled) {
  struct epoll_event events[EVENTS];
  uint64_t total = opt.rate * seconds;
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
      receive_echoes(events[i].data.u64);
    }
    if (now - load.start > (seconds + 30) * SECOND_NS) {
      die("echoes do not come");
    }
  }
}

/* ---- the slow reader ---- */

static void take_message(const unsigned char *payload) {
  uint64_t number;
  memcpy(&number, payload, sizeof number);
  uint64_t *newest = &reader.newest[number % KEYS];
  int is_ordered =
      strcmp(opt.policy, "keep-latest") == 0 ? number >= *newest : number >= reader.last;
  if (!is_ordered || number >= told.sent) {
    die("a message is out of order, or came twice");
  }
  *newest = number + 1;
  reader.last = number + 1;
  reader.ntail = number + KEYS >= told.sent ? reader.ntail + 1 : 0;
  reader.n++;
}

/* Takes whole frames off the front; returns how many octets. */
static size_t take_frames(size_t len) {
  size_t at = 0;
  size_t head_len = 0;
  size_t n;
  while (reader.close_code == 0 && (n = ws_whole_frame(reader.buf + at, len - at, &head_len)) > 0) {
    const unsigned char *payload = reader.buf + at + head_len;
    if (reader.buf[at] == WS_FIRST_CLOSE && n - head_len >= 2) {
      reader.close_code = payload[0] << 8 | payload[1];
    } else if (reader.buf[at] == WS_FIRST_BINARY && n - head_len == PAYLOAD) {
      take_message(payload);
    } else {
      errno = 0;
      die("the reader got another frame");
    }
    at += n;
  }
  return at;
}

static void read_to_close(int fd) {
  size_t len = 0;
  ssize_t n;
  while (reader.close_code == 0 && (n = read(fd, reader.buf + len, READ_SIZE - len)) > 0) {
    len += (size_t)n;
    size_t taken = take_frames(len);
    memmove(reader.buf, reader.buf + taken, len - taken);
    len -= taken;
  }
  errno = 0;
}

static void stop_server(int fd) {
  unsigned char frame[16 + WS_HEADER_MAX];
  unsigned char answer[256];
  size_t head_len = 0;
  size_t len = 0;
  ws_client_write(fd, frame, ws_put_frame(frame, WS_FIRST_TEXT, "stop", 4, 1));
  while (ws_whole_frame(answer, len, &head_len) == 0) {
    ssize_t n = read(fd, answer + len, sizeof answer - 1 - len);
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
}

static void judge(void) {
  errno = 0;
  if (strcmp(opt.policy, "close") == 0) {
    if (told.closed != 1 || (reader.close_code != 0 && reader.close_code != 1008)) {
      die("the reader was not closed with 1008");
    }
    return;
  }
  if (reader.close_code != 1000 ||
      reader.n != told.sent - told.oldest - told.replaced - told.refused) {
    die("what came is not what was sent without what was dropped");
  }
  if (strcmp(opt.policy, "keep-latest") == 0 && (reader.ntail < KEYS || told.refused > 0)) {
    die("the newest of each key did not come last");
  }
  if (strcmp(opt.policy, "drop-oldest") == 0 && reader.last != told.sent) {
    die("the newest did not come last");
  }
}

static void measure(void) {
  char target[32];
  double before[2];
  uint64_t calm = opt.seconds < 10 ? opt.seconds : 10;
  uint64_t settled = opt.seconds * SECOND_NS / 2 < SETTLED ? opt.seconds * SECOND_NS / 2 : SETTLED;
  int control = ws_client_connect(0, opt.port);
  ws_client_upgrade(control, "/", 0);
  open_echoes();
  run_echoes(calm, settled);
  before[0] = percentile(load.samples, (size_t)load.nechoes, 50);
  before[1] = percentile(load.samples, (size_t)load.nechoes, 99);
  load.memory[0] = process_memory(opt.pid);
  load.memory[1] = load.memory[2] = 0;
  int fd = ws_client_connect(0, opt.port);
  (void)snprintf(target, sizeof target, "/%s", opt.policy);
  ws_client_upgrade(fd, target, 0);
  run_echoes(opt.seconds, settled);
  load.memory[3] = process_memory(opt.pid);
  stop_server(control);
  read_to_close(fd);
  judge();
  (void)printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, told.sent, told.oldest,
               told.replaced, told.refused, reader.n);
  for (int i = 0; i < 4; i++) {
    (void)printf(" %.2f", (double)load.memory[i] / (1 << 20));
  }
  (void)printf(" %.0f %.0f %.0f %.0f\n", before[0], before[1],
               percentile(load.samples, (size_t)load.nechoes, 50),
               percentile(load.samples, (size_t)load.nechoes, 99));
}

static _Noreturn void usage(void) {
  (void)fprintf(stderr,
                "usage: bench_firehose_load --port N [--pid SERVER] [--seconds N] [--conns N] "
                "[--rate N] [--policy refuse|drop-oldest|keep-latest|close]\n");
  exit(2);
}

static uint64_t number(const char *text) {
  char *end = NULL;
  uint64_t value = strtoull(text, &end, 10);
  if (*text < '1' || *text > '9' || *end != '\0' || value > 1000000) {
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
  case 's':
    opt.seconds = number(optarg);
    break;
  case 'c':
    opt.nconns = (size_t)number(optarg);
    break;
  case 'r':
    opt.rate = number(optarg);
    break;
  case 'o':
    opt.policy = optarg;
    break;
  default:
    usage();
  }
}

int main(int argc, char **argv) {
  static const struct option options[] = {
      {"port", 1, NULL, 'p'},  {"pid", 1, NULL, 'P'},  {"seconds", 1, NULL, 's'},
      {"conns", 1, NULL, 'c'}, {"rate", 1, NULL, 'r'}, {"policy", 1, NULL, 'o'},
      {NULL, 0, NULL, 0},
  };
  static const char known[] = " refuse drop-oldest keep-latest close ";
  int letter;
  while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
    take_option(letter);
  }
  if (optind != argc || opt.port == 0 || opt.port > 65535 || strstr(known, opt.policy) == NULL) {
    usage();
  }
  measure();
  return EXIT_SUCCESS;
}
