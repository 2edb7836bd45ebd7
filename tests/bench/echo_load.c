/* A load generator for echo servers on Linux: N connections, each with exactly M messages in flight. It writes M frames
 * built beforehand in one go, waits until all M echoes are back and are what was sent, and starts again. So cheap that the
 * server is the bottleneck. With --raw the server sends the very same octets back; else it speaks WebSocket. With --file the
 * messages are the lines of a text, and with --deflate they are compressed; a server without context takeover makes the same
 * octets of the same message each time, so that echoes are decompressed once and compared from then on. With --tls it speaks
 * TLS to any server, whatever its certificate.
 *
 * Prints one line: messages/s, the server's CPU time per message in µs (of the process --pid, 0 without), and the median
 * and the 99th percentile of the round trip of a batch in µs. With --idle: octets of resident memory that the server grew
 * by per connection, with --http of connections that are kept after an HTTP request; with --exchange each connection sends so many messages and has their echoes before. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"
#include "tls_client.h"

#ifdef WSUV_BENCH_ZLIB_NG
#include <zlib-ng.h>
#define Z(name) zng_##name
typedef zng_stream stream_t;
#elif defined WSUV_BENCH_ZLIB
#define ZLIB_CONST
#include <zlib.h>
#define Z(name) name
typedef z_stream stream_t;
#endif

#define READ_SIZE        ((size_t)1 << 20)
#define EVENTS           256
#define PER_ADDRESS      5000 /* connections from one loopback address, well below the ephemeral ports */
#define SAMPLES          (1 << 16)
#define FRAME_HEADER_MAX 14
#define FIRST_BINARY     0x82
#define FIRST_TEXT       0x81
#define FIRST_COMPRESSED 0xc1 /* text with RSV1 */
#define WINDOW_BITS      12   /* what is compressed here stays within; no server here allows less */
#define TAIL             4 /* octets that a compressed message is sent without (RFC 7692 7.2.1) */

typedef struct load_piece {
  size_t at;
  size_t len;
} load_piece_t;

typedef struct load_conn {
  int fd;
  tls_client_t *tls; /* NULL: none */
  int awaits_room;
  size_t sent;     /* octets of the batch */
  size_t received; /* octets of its echo */
  uint64_t started;
} load_conn_t;

static struct {
  unsigned int port;
  long pid;
  size_t nconns;
  size_t in_flight;
  size_t payload;
  uint64_t nmessages;
  uint64_t warm_up;
  int raw;
  int http;
  int idle;
  const char *file;
  int deflate;
  size_t exchange;
  int tls;
  int tls_version;
} opt = {.nconns = 64,
         .in_flight = 1,
         .payload = 20,
         .nmessages = 100000,
         .warm_up = 10000,
         .tls_version = 13};

static struct {
  int epoll;
  load_conn_t *conns;
  unsigned char *batch; /* what is sent: in_flight frames */
  size_t batch_len;
  unsigned char *echo; /* what must come back */
  size_t echo_len;
  unsigned char *read_buffer;
  uint64_t left; /* messages still to be started */
  size_t nbusy;  /* connections with a batch under way */
  uint32_t samples[SAMPLES];
  uint64_t nsamples;
  unsigned char *text; /* the file */
  size_t text_len;
  size_t nlines;
  load_piece_t *lines;
  load_piece_t *frames; /* of the batch, with a file */
} load;

static void give_up(const char *what) {
  (void)fprintf(stderr, "bench_echo_load: %s%s%s\n", what, errno != 0 ? ": " : "",
                errno != 0 ? strerror(errno) : "");
  exit(EXIT_FAILURE);
}

static uint64_t server_cpu_ns(void) {
  return process_cpu_ns(opt.pid);
}

static uint64_t server_memory(void) {
  return process_memory(opt.pid);
}

/* Frames */

static const unsigned char key[4] = {0x3a, 0xc5, 0x91, 0x6e};

static size_t put_header(unsigned char *p, unsigned char first, size_t len, int is_masked) {
  unsigned char mask_bit = is_masked ? 0x80 : 0;
  size_t n = 0;
  p[n++] = first;
  if (len < 126) {
    p[n++] = (unsigned char)(mask_bit | len);
  } else if (len < 65536) {
    p[n++] = mask_bit | 126;
    p[n++] = (unsigned char)(len >> 8);
    p[n++] = (unsigned char)len;
  } else {
    p[n++] = mask_bit | 127;
    for (int shift = 56; shift >= 0; shift -= 8) {
      p[n++] = (unsigned char)((uint64_t)len >> shift);
    }
  }
  return n;
}

static void build_batch(void) {
  size_t room = opt.in_flight * (opt.payload + FRAME_HEADER_MAX);
  load.batch = allocate(room);
  load.echo = allocate(room);
  for (size_t i = 0; i < opt.in_flight; i++) {
    load.batch_len += put_header(load.batch + load.batch_len, FIRST_BINARY, opt.payload, 1);
    memcpy(load.batch + load.batch_len, key, sizeof key);
    load.batch_len += sizeof key;
    load.echo_len += put_header(load.echo + load.echo_len, FIRST_BINARY, opt.payload, 0);
    for (size_t j = 0; j < opt.payload; j++) {
      unsigned char octet = (unsigned char)('a' + (i + j) % 26);
      load.batch[load.batch_len++] = octet ^ key[j % 4];
      load.echo[load.echo_len++] = octet;
    }
  }
  if (opt.raw) {
    free(load.echo);
    load.echo = load.batch;
    load.echo_len = load.batch_len;
  }
}

/* Messages of a file */

static void read_file(void) {
  struct stat info;
  FILE *f = fopen(opt.file, "rb");
  if (f == NULL || fstat(fileno(f), &info) != 0) {
    give_up("cannot read the file");
  }
  load.text_len = (size_t)info.st_size;
  load.text = allocate(load.text_len + 1);
  if (fread(load.text, 1, load.text_len, f) != load.text_len) {
    give_up("cannot read the file");
  }
  (void)fclose(f);
  load.lines = allocate((load.text_len + 1) * sizeof *load.lines);
  for (size_t at = 0; at < load.text_len; load.nlines++) {
    const unsigned char *end = memchr(load.text + at, '\n', load.text_len - at);
    load_piece_t line = {at, end != NULL ? (size_t)(end - load.text) - at : load.text_len - at};
    load.lines[load.nlines] = line;
    at += line.len + 1;
  }
  if (load.nlines == 0) {
    give_up("no messages in the file");
  }
}

#ifdef Z

/* As RFC 7692 7.2.1 has it, each message by itself. `out` has room for what does not get smaller. */
static size_t compress_message(const unsigned char *text, size_t len, unsigned char *out,
                               size_t room) {
  stream_t z = {
      .next_in = text, .avail_in = (unsigned)len, .next_out = out, .avail_out = (unsigned)room};
  if (Z(deflateInit2)(&z, 6, Z_DEFLATED, -WINDOW_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
      Z(deflate)(&z, Z_SYNC_FLUSH) != Z_OK || z.avail_out == 0) {
    give_up("cannot compress");
  }
  (void)Z(deflateEnd)(&z);
  return room - z.avail_out - TAIL;
}

/* The context of what one server sends, from its first message on. */
static stream_t inflater;

static void begin_decompressing(void) {
  if (inflater.state == NULL ? Z(inflateInit2)(&inflater, -15) != Z_OK
                             : Z(inflateReset)(&inflater) != Z_OK) {
    give_up("cannot decompress");
  }
}

/* Whether the payload, which TAIL octets may follow, is that text. */
static int is_compressed_text(unsigned char *payload, size_t len, const unsigned char *text,
                              size_t text_len) {
  static const unsigned char tail[TAIL] = {0x00, 0x00, 0xff, 0xff};
  unsigned char *out = allocate(text_len + 1);
  memcpy(payload + len, tail, sizeof tail);
  inflater.next_in = payload;
  inflater.avail_in = (unsigned)(len + sizeof tail);
  inflater.next_out = out;
  inflater.avail_out = (unsigned)(text_len + 1);
  int is_same = Z(inflate)(&inflater, Z_SYNC_FLUSH) == Z_OK && inflater.avail_in == 0 &&
                inflater.avail_out == 1 && memcmp(out, text, text_len) == 0;
  free(out);
  return is_same;
}

#else

static size_t compress_message(const unsigned char *text, size_t len, unsigned char *out,
                               size_t room) {
  (void)text, (void)len, (void)out, (void)room;
  give_up("built without zlib");
  return 0;
}

static void begin_decompressing(void) {
}

static int is_compressed_text(unsigned char *payload, size_t len, const unsigned char *text,
                              size_t text_len) {
  (void)payload, (void)len, (void)text, (void)text_len;
  return 0;
}

#endif

/* The echo of what is sent compressed is only known once it was seen. */
static void add_line(size_t index) {
  const load_piece_t *line = &load.lines[index % load.nlines];
  const unsigned char *payload = load.text + line->at;
  unsigned char *packed = NULL;
  unsigned char *p = load.batch + load.batch_len;
  size_t len = line->len;
  if (opt.deflate) {
    size_t room = len + len / 8 + 64;
    packed = allocate(room);
    len = compress_message(payload, len, packed, room);
    payload = packed;
  } else {
    load.echo_len += put_header(load.echo + load.echo_len, FIRST_TEXT, len, 0);
    memcpy(load.echo + load.echo_len, payload, len);
    load.echo_len += len;
  }
  size_t n = put_header(p, opt.deflate ? FIRST_COMPRESSED : FIRST_TEXT, len, 1);
  memcpy(p + n, key, sizeof key);
  n += sizeof key;
  for (size_t j = 0; j < len; j++) {
    p[n++] = payload[j] ^ key[j % 4];
  }
  load.frames[index].at = load.batch_len;
  load.frames[index].len = n;
  load.batch_len += n;
  free(packed);
}

/* A batch of the first lines; where messages are exchanged, of all that a connection may send. */
static void build_batch_of_lines(void) {
  size_t n = opt.idle ? load.nlines : opt.in_flight;
  size_t room = 0;
  for (size_t i = 0; i < n; i++) {
    size_t len = load.lines[i % load.nlines].len;
    room += len + len / 8 + 64 + FRAME_HEADER_MAX;
  }
  load.batch = allocate(room);
  load.echo = allocate(room);
  load.frames = allocate(n * sizeof *load.frames);
  for (size_t i = 0; i < n; i++) {
    add_line(i);
  }
}

/* Connections */

static ssize_t send_to(const load_conn_t *conn, const void *data, size_t len) {
  return conn->tls != NULL ? tls_client_write(conn->tls, data, len) : write(conn->fd, data, len);
}

static ssize_t receive_from(const load_conn_t *conn, void *data, size_t size) {
  return conn->tls != NULL ? tls_client_read(conn->tls, data, size) : read(conn->fd, data, size);
}

static void write_all(const load_conn_t *conn, const char *data, size_t len) {
  while (len > 0) {
    ssize_t n = send_to(conn, data, len);
    if (n <= 0) {
      give_up("cannot send the opening handshake");
    }
    data += n;
    len -= (size_t)n;
  }
}

/* What a compressed batch needs of the server. */
static void judge_negotiation(const char *answer) {
  static const char bits[] = "client_max_window_bits=";
  const char *at = strstr(answer, bits);
  if (strstr(answer, "permessage-deflate") == NULL) {
    give_up("the server does not compress");
  }
  if (at != NULL && strtol(at + sizeof bits - 1, NULL, 10) < WINDOW_BITS) {
    give_up("the server wants a smaller window");
  }
  if (!opt.idle && strstr(answer, "server_no_context_takeover") == NULL) {
    give_up("the server's echoes differ from each other: it has context takeover");
  }
}

static void upgrade(const load_conn_t *conn) {
  static const char request[] =
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Version: 13\r\n";
  static const char plain_request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  static const char offer[] =
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
  char answer[2048];
  size_t len = 0;
  write_all(conn, opt.http ? plain_request : request,
            (opt.http ? sizeof plain_request : sizeof request) - 1);
  write_all(conn, offer, opt.deflate ? sizeof offer - 1 : 0);
  write_all(conn, "\r\n", 2);
  do {
    ssize_t n = receive_from(conn, answer + len, sizeof answer - 1 - len);
    if (n <= 0) {
      give_up("no answer to the opening handshake");
    }
    len += (size_t)n;
    answer[len] = '\0';
  } while (strstr(answer, "\r\n\r\n") == NULL && len < sizeof answer - 1);
  if (strncmp(answer, opt.http ? "HTTP/1.1 200 " : "HTTP/1.1 101 ", 13) != 0) {
    errno = 0;
    give_up("the server does not upgrade");
  }
  if (opt.deflate) {
    judge_negotiation(answer);
  }
}

/* The length of the frame at `p` and where its payload begins; 0: not all of it is there. */
static size_t whole_frame(const unsigned char *p, size_t len, size_t *head_len) {
  uint64_t payload_len = len >= 2 ? p[1] & 0x7f : 0;
  size_t nlength = payload_len == 126 ? 2 : (payload_len == 127 ? 8 : 0);
  *head_len = 2 + nlength;
  if (len < *head_len) {
    return 0;
  }
  payload_len = nlength > 0 ? 0 : payload_len;
  for (size_t i = 0; i < nlength; i++) {
    payload_len = payload_len << 8 | p[2 + i];
  }
  return len - *head_len < payload_len ? 0 : *head_len + (size_t)payload_len;
}

/* Sends the frame of a line, waits for the echo and looks into it; returns its length in read_buffer. */
static size_t exchange_line(const load_conn_t *conn, size_t index) {
  const load_piece_t *line = &load.lines[index % load.nlines];
  const unsigned char *text = load.text + line->at;
  unsigned char *echo = load.read_buffer;
  size_t head_len = 0;
  size_t len = 0;
  write_all(conn, (const char *)load.batch + load.frames[index].at, load.frames[index].len);
  while (len == 0 || whole_frame(echo, len, &head_len) == 0) {
    ssize_t n = receive_from(conn, echo + len, READ_SIZE - TAIL - len);
    if (n <= 0) {
      give_up("no echo");
    }
    len += (size_t)n;
  }
  errno = 0;
  if (whole_frame(echo, len, &head_len) != len) {
    give_up("more than an echo");
  }
  int is_same = echo[0] == FIRST_COMPRESSED
                    ? is_compressed_text(echo + head_len, len - head_len, text, line->len)
                    : echo[0] == FIRST_TEXT && len - head_len == line->len &&
                          memcmp(echo + head_len, text, line->len) == 0;
  if (!is_same) {
    give_up("an echo differs from what was sent");
  }
  return len;
}

static void exchange_messages(const load_conn_t *conn, size_t conn_index) {
  begin_decompressing();
  for (size_t i = 0; i < opt.exchange; i++) {
    (void)exchange_line(conn, (conn_index + i) % load.nlines);
  }
}

/* What the echo of the batch is, by having each of its messages echoed once. */
static void learn_echo(void) {
  begin_decompressing();
  load.echo_len = 0;
  for (size_t i = 0; i < opt.in_flight; i++) {
    size_t len = exchange_line(&load.conns[0], i);
    memcpy(load.echo + load.echo_len, load.read_buffer, len);
    load.echo_len += len;
  }
}

static int open_socket(size_t index) {
  int on = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    give_up("socket");
  }
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(index / PER_ADDRESS));
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind(fd, (const struct sockaddr *)&from, sizeof from) != 0 ||
      connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
    give_up("connect");
  }
  return fd;
}

static void open_connections(void) {
  load.conns = allocate(opt.nconns * sizeof *load.conns);
  for (size_t i = 0; i < opt.nconns; i++) {
    load_conn_t *conn = &load.conns[i];
    conn->fd = open_socket(i);
    if (opt.tls) {
      conn->tls = tls_client_new(conn->fd);
    }
    if (!opt.raw) {
      upgrade(conn);
    }
    if (opt.exchange > 0) {
      exchange_messages(conn, i);
    }
  }
}

static void watch_connections(void) {
  load.epoll = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < opt.nconns; i++) {
    int fd = load.conns[i].fd;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(load.epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
      give_up("epoll");
    }
  }
}

/* Batches */

static void write_batch(load_conn_t *conn) {
  ssize_t n = send_to(conn, load.batch + conn->sent, load.batch_len - conn->sent);
  if (n < 0 && errno != EAGAIN) {
    give_up("write");
  }
  conn->sent += n > 0 ? (size_t)n : 0;
  int is_partial = conn->sent < load.batch_len;
  if (is_partial != conn->awaits_room) {
    conn->awaits_room = is_partial;
    struct epoll_event event = {.events = EPOLLIN | (is_partial ? (uint32_t)EPOLLOUT : 0),
                                .data.u64 = (uint64_t)(conn - load.conns)};
    (void)epoll_ctl(load.epoll, EPOLL_CTL_MOD, conn->fd, &event);
  }
}

static void start_batch(load_conn_t *conn) {
  if (load.left == 0) {
    load.nbusy--;
    return;
  }
  load.left -= load.left < opt.in_flight ? load.left : opt.in_flight;
  conn->sent = 0;
  conn->received = 0;
  conn->started = clock_ns();
  write_batch(conn);
}

static void finish_batch(load_conn_t *conn) {
  load.samples[load.nsamples++ % SAMPLES] = (uint32_t)((clock_ns() - conn->started) / 100);
  start_batch(conn);
}

/* Whether more may be there than one read brings. */
static int read_echo(load_conn_t *conn) {
  ssize_t n = receive_from(conn, load.read_buffer, READ_SIZE);
  if (n < 0 && errno == EAGAIN) {
    return 0;
  }
  if (n <= 0) {
    give_up("the server ended a connection");
  }
  size_t len = (size_t)n;
  errno = 0;
  if (len > load.echo_len - conn->received ||
      memcmp(load.read_buffer, load.echo + conn->received, len) != 0) {
    give_up("an echo differs from what was sent");
  }
  conn->received += len;
  if (conn->received < load.echo_len) {
    return conn->tls != NULL;
  }
  finish_batch(conn);
  return 0;
}

static void run_batches(uint64_t nmessages) {
  struct epoll_event events[EVENTS];
  load.left = nmessages;
  load.nsamples = 0;
  load.nbusy = opt.nconns;
  for (size_t i = 0; i < opt.nconns; i++) {
    start_batch(&load.conns[i]);
  }
  while (load.nbusy > 0) {
    int n = epoll_wait(load.epoll, events, EVENTS, 10000);
    if (n == 0 || (n < 0 && errno != EINTR)) {
      errno = n == 0 ? ETIMEDOUT : errno;
      give_up("no echo");
    }
    for (int i = 0; i < n; i++) {
      load_conn_t *conn = &load.conns[events[i].data.u64];
      if (events[i].events & EPOLLOUT) {
        write_batch(conn);
      }
      if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        while (read_echo(conn)) {
        }
      }
    }
  }
}

static double round_trip(unsigned int percent) {
  size_t n = load.nsamples < SAMPLES ? (size_t)load.nsamples : SAMPLES;
  return percentile(load.samples, n, percent) / 10;
}

static uint64_t whole_batches(uint64_t nmessages) {
  uint64_t all = (uint64_t)opt.in_flight * opt.nconns;
  return (nmessages + all - 1) / all * all;
}

static void measure_echoes(void) {
  uint64_t n = whole_batches(opt.nmessages);
  open_connections();
  if (opt.deflate) {
    learn_echo();
  }
  watch_connections();
  run_batches(whole_batches(opt.warm_up));
  uint64_t cpu = server_cpu_ns();
  uint64_t start = clock_ns();
  run_batches(n);
  double seconds = (double)(clock_ns() - start) / 1e9;
  double cpu_us = (double)(server_cpu_ns() - cpu) / 1e3;
  (void)printf("%.0f %.4f %.1f %.1f\n", (double)n / seconds, cpu_us / (double)n, round_trip(50),
               round_trip(99));
}

static void measure_idle_connections(void) {
  size_t all = opt.nconns;
  opt.nconns = 10; /* what comes with the first connections is not what each costs */
  open_connections();
  free(load.conns);
  opt.nconns = all;
  uint64_t before = server_memory();
  open_connections();
  double grown = (double)server_memory() - (double)before;
  (void)printf("%.0f\n", grown / (double)all);
}

static void usage(void) {
  (void)fprintf(
      stderr, "usage: bench_echo_load --port N [--pid SERVER] [--conns N] [--in-flight M] "
              "[--payload OCTETS | --file LINES [--deflate]] [--messages N] [--warm-up N] [--raw] "
              "[--idle [--http] [--deflate] [--file LINES --exchange N]] [--tls] [--tls-version "
              "1.2|1.3]\n");
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

static int tls_version(const char *text) {
  if (strcmp(text, "1.2") != 0 && strcmp(text, "1.3") != 0) {
    usage();
  }
  return text[2] == '2' ? 12 : 13;
}

static void take_other_option(int letter) {
  switch (letter) {
  case 'H':
    opt.http = 1;
    break;
  case 't':
    opt.tls = 1;
    break;
  case 'v':
    opt.tls_version = tls_version(optarg);
    break;
  case 'f':
    opt.file = optarg;
    break;
  case 'd':
    opt.deflate = 1;
    break;
  case 'e':
    opt.exchange = (size_t)number(optarg);
    break;
  default:
    usage();
  }
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
    opt.in_flight = (size_t)number(optarg);
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
  case 'i':
    opt.idle = 1;
    break;
  default:
    take_other_option(letter);
  }
}

static int is_contradictory(void) {
  int needs_file = opt.exchange > 0 || (opt.deflate && !opt.idle);
  return (opt.raw && (opt.deflate || opt.file != NULL)) || (opt.exchange > 0 && !opt.idle) ||
         (needs_file && opt.file == NULL);
}

int main(int argc, char **argv) {
  static const struct option options[] = {
      {"port", 1, NULL, 'p'},      {"pid", 1, NULL, 'P'},     {"conns", 1, NULL, 'c'},
      {"in-flight", 1, NULL, 'm'}, {"payload", 1, NULL, 's'}, {"messages", 1, NULL, 'n'},
      {"warm-up", 1, NULL, 'w'},   {"raw", 0, NULL, 'r'},     {"idle", 0, NULL, 'i'},
      {"file", 1, NULL, 'f'},      {"deflate", 0, NULL, 'd'}, {"exchange", 1, NULL, 'e'},
      {"tls", 0, NULL, 't'},       {"http", 0, NULL, 'H'},    {"tls-version", 1, NULL, 'v'},
      {NULL, 0, NULL, 0},
  };
  int letter;
  while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
    take_option(letter);
  }
  if (optind != argc || opt.port == 0 || opt.port > 65535 || opt.nconns == 0 ||
      opt.in_flight == 0 || is_contradictory()) {
    usage();
  }
  raise_file_limit();
  if (opt.tls) {
    tls_client_begin(opt.tls_version, "127.0.0.1");
  }
  if (opt.file != NULL) {
    read_file();
    build_batch_of_lines();
  } else {
    build_batch();
  }
  load.read_buffer = allocate(READ_SIZE);
  if (opt.idle) {
    measure_idle_connections();
  } else {
    measure_echoes();
  }
  return EXIT_SUCCESS;
}
