/* What permessage-deflate costs an echoing server beyond the compression itself. Reads messages, one a line. For each mode two
 * things are measured in the same process, by turns: endpoints that receive each message as a compressed, masked frame and
 * send it back compressed, and a bare pair of zlib contexts with the same parameters that decompresses and compresses the same
 * octets. What the client does is prepared beforehand.
 *
 * Prints a Markdown table: CPU time per message of both, medians of all rounds; the median of the rounds' ratios; octets
 * that each further connection takes once it had a message, and those that all share; how much smaller the echoes are.
 * Before that each echo is compared with what zlib made of it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <wsuv/deflate.h>
#include <wsuv/endpoint.h>
#include <wsuv/frame.h>

#ifdef WSUV_BENCH_ZLIB_NG
#include <zlib-ng.h>
#define Z(name) zng_##name
typedef zng_stream stream_t;
#else
#define ZLIB_CONST
#include <zlib.h>
#define Z(name) name
typedef z_stream stream_t;
#endif

#define TAIL        4 /* octets that the end of a message is sent without (RFC 7692 7.2.1) */
#define ROUNDS_MAX  999
#define FULL_WINDOW 32768u

typedef struct mode {
  const char *name;
  int deflate_bits; /* 0: no compression */
  int inflate_bits;
  int mem_level;
  int level;
  int takeover;
} cost_mode_t;

static const cost_mode_t modes[] = {
    {"uncompressed", 0, 0, 0, 0, 0},
    {"shared preset: 12/5, level 6", 12, 15, 5, 6, 0},
    {"shared 9/1", 9, 15, 1, 6, 0},
    {"shared 10/3", 10, 15, 3, 6, 0},
    {"shared 11/4", 11, 15, 4, 6, 0},
    {"shared 13/6", 13, 15, 6, 6, 0},
    {"shared 15/8", 15, 15, 8, 6, 0},
    {"shared 12/5, level 1", 12, 15, 5, 1, 0},
    {"shared 12/5, level 3", 12, 15, 5, 3, 0},
    {"shared 12/5, level 9", 12, 15, 5, 9, 0},
    {"dedicated 15/8", 15, 15, 8, 6, 1},
    {"dedicated 12/5", 12, 12, 5, 6, 1},
};
#define NMODES (sizeof modes / sizeof modes[0])

typedef struct piece {
  size_t at;
  size_t len;
} piece_t;

/* Octets of all messages in a row. */
typedef struct row {
  uint8_t *octets;
  size_t len;
  piece_t *pieces;
} row_t;

typedef struct pair {
  stream_t inflate;
  stream_t deflate;
} pair_t;

/* A connection, the server's end of it. */
typedef struct slot {
  wsuv_endpoint_t *endpoint;
  wsuv_negotiated_t negotiated;
} slot_t;

typedef struct bench {
  const cost_mode_t *mode;
  row_t frames;     /* what the server receives */
  row_t compressed; /* the payloads of these, with the tail that they are sent without */
  wsuv_deflate_t *deflate;
  slot_t *slots;
  pair_t *pairs;
  size_t npairs;
  size_t echoed; /* octets of frames in one round */
  double wsuv_us[ROUNDS_MAX];
  double zlib_us[ROUNDS_MAX];
} bench_t;

static struct {
  const char *file;
  const char *only;
  size_t rounds;
  size_t conns;
  int wants_wsuv;
  int wants_zlib;
} opt = {.rounds = 15, .conns = 16, .wants_wsuv = 1, .wants_zlib = 1};

static row_t texts;
static size_t nmessages;
static uint8_t *received; /* a row of frames, which are unmasked where they lie */
static uint8_t *plain;    /* one message */
static uint8_t *packed;
static size_t room; /* of the two */
static const uint8_t tail[TAIL] = {0x00, 0x00, 0xff, 0xff};

static void fail(const char *what) {
  (void)fprintf(stderr, "bench_deflate_cost: %s\n", what);
  exit(EXIT_FAILURE);
}

static void *allocate(size_t n, size_t size) {
  void *p = calloc(n > 0 ? n : 1, size);
  if (p == NULL) {
    fail("no memory");
  }
  return p;
}

/* Messages */

static char *read_file(size_t *len) {
  FILE *f = fopen(opt.file, "rb");
  struct stat info;
  if (f == NULL || fstat(fileno(f), &info) != 0) {
    fail("cannot read the messages");
  }
  *len = (size_t)info.st_size;
  char *octets = allocate(*len + 1, 1);
  if (fread(octets, 1, *len, f) != *len) {
    fail("cannot read the messages");
  }
  (void)fclose(f);
  return octets;
}

static void read_messages(void) {
  size_t len;
  char *octets = read_file(&len);
  size_t longest = 0;
  texts.octets = (uint8_t *)octets;
  texts.len = len;
  texts.pieces = allocate(len + 1, sizeof *texts.pieces);
  for (size_t at = 0; at < len; nmessages++) {
    const char *end = memchr(octets + at, '\n', len - at);
    piece_t piece = {at, end != NULL ? (size_t)(end - octets) - at : len - at};
    texts.pieces[nmessages] = piece;
    longest = piece.len > longest ? piece.len : longest;
    at += piece.len + 1;
  }
  if (len / opt.conns < 2 * FULL_WINDOW) {
    fail("too few messages: with context takeover they would be found in the window, round for "
         "round; 64 KiB are needed for each connection");
  }
  room = 2 * longest + 1024;
  plain = allocate(room, 1);
  packed = allocate(room, 1);
}

/* zlib */

static void must(int ok, const char *what) {
  if (!ok) {
    fail(what);
  }
}

/* The octets with the tail at their end, into `out`, `room` octets long. */
static size_t pack(stream_t *z, const uint8_t *text, size_t len, uint8_t *out) {
  z->next_in = text;
  z->avail_in = (unsigned)len;
  z->next_out = out;
  z->avail_out = (unsigned)room;
  must(Z(deflate)(z, Z_SYNC_FLUSH) == Z_OK && z->avail_out > 0, "deflate");
  return room - z->avail_out;
}

static size_t unpack(stream_t *z, const uint8_t *octets, size_t len, uint8_t *out) {
  z->next_in = octets;
  z->avail_in = (unsigned)len;
  z->next_out = out;
  z->avail_out = (unsigned)room;
  must(Z(inflate)(z, Z_SYNC_FLUSH) == Z_OK && z->avail_in == 0, "inflate");
  return room - z->avail_out;
}

static void open_pairs(bench_t *bench) {
  const cost_mode_t *mode = bench->mode;
  bench->npairs = mode->takeover ? opt.conns : 1;
  bench->pairs = allocate(bench->npairs, sizeof *bench->pairs);
  for (size_t i = 0; i < bench->npairs; i++) {
    pair_t *pair = &bench->pairs[i];
    must(Z(inflateInit2)(&pair->inflate, -mode->inflate_bits) == Z_OK, "inflateInit2");
    must(Z(deflateInit2)(&pair->deflate, mode->level, Z_DEFLATED, -mode->deflate_bits,
                         mode->mem_level, Z_DEFAULT_STRATEGY) == Z_OK,
         "deflateInit2");
  }
}

/* One message through a pair: what it is as an echo, in `packed`. */
static inline size_t convert(bench_t *bench, size_t i) {
  const piece_t *piece = &bench->compressed.pieces[i];
  pair_t *pair = &bench->pairs[i % bench->npairs];
  size_t len = unpack(&pair->inflate, bench->compressed.octets + piece->at, piece->len, plain);
  len = pack(&pair->deflate, plain, len, packed);
  if (!bench->mode->takeover) {
    (void)Z(inflateReset)(&pair->inflate);
    (void)Z(deflateReset)(&pair->deflate);
  }
  return len;
}

/* The client */

static void add_piece(row_t *row, size_t i, const uint8_t *octets, size_t len) {
  memcpy(row->octets + row->len, octets, len);
  row->pieces[i].at = row->len;
  row->pieces[i].len = len;
  row->len += len;
}

static void add_frame(row_t *row, size_t i, const uint8_t *payload, size_t len, int rsv) {
  wsuv_frame_t frame = {.header = {.payload_len = len,
                                   .fin = 1,
                                   .rsv = (uint8_t)rsv,
                                   .opcode = WSUV_TEXT,
                                   .masked = 1,
                                   .masking_key = {0x3a, 0xc5, 0x91, 0x6e}},
                        .payload = payload};
  size_t n = 0;
  must(wsuv_frame_encode(&frame, row->octets + row->len, room, &n) == 0, "a frame");
  row->pieces[i].at = row->len;
  row->pieces[i].len = n;
  row->len += n;
}

static row_t new_row(void) {
  row_t row = {allocate(texts.len + nmessages * 64 + room, 1), 0,
               allocate(nmessages, sizeof *row.pieces)};
  return row;
}

/* Each connection's messages, compressed as clients do: zlib's defaults but for what was negotiated. */
static void prepare_input(bench_t *bench) {
  const cost_mode_t *mode = bench->mode;
  stream_t *contexts = allocate(opt.conns, sizeof *contexts);
  bench->frames = new_row();
  bench->compressed = new_row();
  for (size_t i = 0; i < opt.conns && mode->deflate_bits > 0; i++) {
    must(Z(deflateInit2)(&contexts[i], 6, Z_DEFLATED, -mode->inflate_bits, 8, Z_DEFAULT_STRATEGY) ==
             Z_OK,
         "deflateInit2");
  }
  for (size_t i = 0; i < nmessages; i++) {
    const uint8_t *text = texts.octets + texts.pieces[i].at;
    stream_t *z = &contexts[i % opt.conns];
    if (mode->deflate_bits == 0) {
      add_frame(&bench->frames, i, text, texts.pieces[i].len, 0);
      continue;
    }
    size_t len = pack(z, text, texts.pieces[i].len, packed);
    add_piece(&bench->compressed, i, packed, len);
    add_frame(&bench->frames, i, packed, len - TAIL, 4);
    if (!mode->takeover) {
      (void)Z(deflateReset)(z);
    }
  }
  for (size_t i = 0; i < opt.conns && mode->deflate_bits > 0; i++) {
    (void)Z(deflateEnd)(&contexts[i]);
  }
  free(contexts);
}

/* The server */

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  const slot_t *slot = data;
  must(wsuv_endpoint_send(slot->endpoint, type, payload, len) == 0, "send");
}

static const wsuv_endpoint_handler_t handler = {.size = sizeof(wsuv_endpoint_handler_t),
                                                .on_message = on_message};

static wsuv_deflate_t *new_deflate(const cost_mode_t *mode, const wsuv_allocator_t *allocator) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_deflate_t *deflate;
  options.allocator = allocator;
  options.params.deflate_max_window_bits = mode->deflate_bits;
  options.params.inflate_max_window_bits = mode->inflate_bits;
  options.params.deflate_no_context_takeover = !mode->takeover;
  options.params.inflate_no_context_takeover = !mode->takeover;
  options.mem_level = mode->mem_level;
  options.level = mode->level;
  must(wsuv_deflate_new(&deflate, &options) == 0, "wsuv_deflate_new");
  return deflate;
}

/* By a client's hook with the roles exchanged: a session does not know which one it has. */
static wsuv_negotiated_t negotiate(const wsuv_deflate_t *deflate, const cost_mode_t *mode) {
  char deflate_bits[8];
  char inflate_bits[8];
  wsuv_extension_param_t params[] = {{"client_max_window_bits", deflate_bits},
                                     {"server_max_window_bits", inflate_bits},
                                     {"client_no_context_takeover", NULL},
                                     {"server_no_context_takeover", NULL}};
  wsuv_extension_element_t answer = {"permessage-deflate", params, mode->takeover ? 2 : 4};
  wsuv_negotiated_t negotiated = {wsuv_deflate_extension(deflate), NULL};
  (void)snprintf(deflate_bits, sizeof deflate_bits, "%d", mode->deflate_bits);
  (void)snprintf(inflate_bits, sizeof inflate_bits, "%d", mode->inflate_bits);
  must(negotiated.extension->accept(negotiated.extension, &answer, &negotiated.session) == 0,
       "negotiation");
  return negotiated;
}

static void open_slot(slot_t *slot, const wsuv_deflate_t *deflate, const cost_mode_t *mode,
                      const wsuv_allocator_t *allocator) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  options.allocator = allocator;
  if (deflate != NULL) {
    slot->negotiated = negotiate(deflate, mode);
    options.extensions = &slot->negotiated;
    options.nextensions = 1;
  }
  must(wsuv_endpoint_new(&slot->endpoint, &options, &handler, slot) == 0, "wsuv_endpoint_new");
}

/* Takes the echo out, as what writes it to a transport does; into `out` if that is not NULL. */
static inline size_t take_output(wsuv_endpoint_t *endpoint, uint8_t *out) {
  wsuv_span_t spans[8];
  size_t total = 0;
  size_t n = wsuv_endpoint_output(endpoint, spans, sizeof spans / sizeof spans[0]);
  for (size_t i = 0; i < n; i++) {
    if (out != NULL) {
      memcpy(out + total, spans[i].data, spans[i].len);
    }
    total += spans[i].len;
  }
  wsuv_endpoint_output_done(endpoint, total);
  return total;
}

static inline void receive(const bench_t *bench, const slot_t *slot, size_t i) {
  const piece_t *piece = &bench->frames.pieces[i];
  must(wsuv_endpoint_receive(slot->endpoint, received + piece->at, piece->len) == 0, "receive");
}

/* Rounds. The two that are measured have names of their own in a profile. */

static __attribute__((noinline)) void echo_all(const bench_t *bench) {
  for (size_t i = 0; i < nmessages; i++) {
    const slot_t *slot = &bench->slots[i % opt.conns];
    receive(bench, slot, i);
    (void)take_output(slot->endpoint, NULL);
  }
}

static __attribute__((noinline)) void convert_all(bench_t *bench) {
  for (size_t i = 0; i < nmessages; i++) {
    (void)convert(bench, i);
  }
}

static double now_us(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void restore_frames(const bench_t *bench) {
  memcpy(received, bench->frames.octets, bench->frames.len);
}

static void measure_wsuv(bench_t *bench, size_t round) {
  restore_frames(bench);
  double start = now_us();
  echo_all(bench);
  bench->wsuv_us[round] = (now_us() - start) / (double)nmessages;
}

static void measure_zlib(bench_t *bench, size_t round) {
  double start = now_us();
  convert_all(bench);
  bench->zlib_us[round] = (now_us() - start) / (double)nmessages;
}

/* The payload of the echo is what zlib made of the message, or the message as it is. */
static void compare_echo(bench_t *bench, size_t i, const uint8_t *wire, size_t len) {
  wsuv_frame_header_t header;
  int head_len = wsuv_frame_header_decode(&header, wire, len);
  must(head_len > 0 && header.payload_len == len - (size_t)head_len, "an echo is no frame");
  const uint8_t *expected = texts.octets + texts.pieces[i].at;
  size_t expected_len = texts.pieces[i].len;
  size_t converted_len = bench->mode->deflate_bits > 0 ? convert(bench, i) : 0;
  if (header.rsv != 0) {
    must(converted_len >= TAIL && memcmp(packed + converted_len - TAIL, tail, TAIL) == 0, "zlib");
    expected = packed;
    expected_len = converted_len - TAIL;
  }
  must(header.payload_len == expected_len && memcmp(wire + head_len, expected, expected_len) == 0,
       "an echo is not what zlib makes of the message");
}

/* A round that is not measured: both sides get warm. */
static void check_round(bench_t *bench) {
  uint8_t *wire = allocate(room, 1);
  restore_frames(bench);
  for (size_t i = 0; i < nmessages; i++) {
    const slot_t *slot = &bench->slots[i % opt.conns];
    receive(bench, slot, i);
    size_t len = take_output(slot->endpoint, wire);
    bench->echoed += len;
    compare_echo(bench, i, wire, len);
  }
  free(wire);
}

static void open_bench(bench_t *bench, const cost_mode_t *mode) {
  bench->mode = mode;
  prepare_input(bench);
  if (mode->deflate_bits > 0) {
    open_pairs(bench);
    bench->deflate = new_deflate(mode, NULL);
  }
  bench->slots = allocate(opt.conns, sizeof *bench->slots);
  for (size_t i = 0; i < opt.conns; i++) {
    open_slot(&bench->slots[i], bench->deflate, mode, NULL);
  }
  check_round(bench);
}

static void measure(bench_t *bench, size_t round) {
  int has_zlib = opt.wants_zlib && bench->mode->deflate_bits > 0;
  if (opt.wants_wsuv && round % 2 == 0) {
    measure_wsuv(bench, round);
  }
  if (has_zlib) {
    measure_zlib(bench, round);
  }
  if (opt.wants_wsuv && round % 2 != 0) {
    measure_wsuv(bench, round);
  }
}

/* Memory */

#define BLOCK_HEAD 16

static void *counting_alloc(void *arg, size_t size) {
  size_t *total = arg;
  size_t *block = malloc(size + BLOCK_HEAD);
  if (block == NULL) {
    return NULL;
  }
  *block = size;
  *total += size;
  return (unsigned char *)block + BLOCK_HEAD;
}

static void counting_release(void *arg, void *ptr) {
  size_t *total = arg;
  if (ptr != NULL) {
    size_t *block = (size_t *)(void *)((unsigned char *)ptr - BLOCK_HEAD);
    *total -= *block;
    free(block);
  }
}

static void *counting_resize(void *arg, void *ptr, size_t size) {
  unsigned char *fresh = counting_alloc(arg, size);
  if (fresh != NULL && ptr != NULL) {
    const size_t *block = (const size_t *)(const void *)((unsigned char *)ptr - BLOCK_HEAD);
    memcpy(fresh, ptr, *block < size ? *block : size);
    counting_release(arg, ptr);
  }
  return fresh;
}

typedef struct memory {
  double per_conn; /* of all behind the first */
  size_t shared;   /* of contexts: what the first took beyond that */
} memory_t;

static memory_t memory_with(const bench_t *bench, int compressed) {
  size_t total = 0;
  size_t after_first = 0;
  wsuv_allocator_t allocator = {counting_alloc, counting_resize, counting_release, &total};
  wsuv_deflate_t *deflate = compressed ? new_deflate(bench->mode, &allocator) : NULL;
  slot_t *slots = allocate(opt.conns, sizeof *slots);
  memory_t memory = {0, 0};
  restore_frames(bench);
  for (size_t i = 0; i < opt.conns; i++) {
    open_slot(&slots[i], deflate, bench->mode, &allocator);
    if (compressed) {
      receive(bench, &slots[i], i);
      (void)take_output(slots[i].endpoint, NULL);
    }
    after_first = i == 0 ? total : after_first;
  }
  if (opt.conns > 1) {
    memory.per_conn = (double)(total - after_first) / (double)(opt.conns - 1);
  }
  for (size_t i = 0; i < opt.conns; i++) {
    wsuv_endpoint_free(slots[i].endpoint);
  }
  memory.shared = compressed && !bench->mode->takeover ? wsuv_deflate_memory(deflate) : 0;
  wsuv_deflate_free(deflate);
  must(total == 0, "memory is lost");
  free(slots);
  return memory;
}

/* What compression adds to a connection. */
static memory_t measure_memory(const bench_t *bench) {
  memory_t memory = {0, 0};
  if (bench->mode->deflate_bits > 0) {
    memory = memory_with(bench, 1);
    memory.per_conn -= memory_with(bench, 0).per_conn;
  }
  return memory;
}

/* The table */

static int compare(const void *a, const void *b) {
  double x = *(const double *)a;
  double y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(const double *values) {
  double sorted[ROUNDS_MAX];
  memcpy(sorted, values, opt.rounds * sizeof *sorted);
  qsort(sorted, opt.rounds, sizeof *sorted, compare);
  return opt.rounds % 2 != 0 ? sorted[opt.rounds / 2]
                             : (sorted[opt.rounds / 2 - 1] + sorted[opt.rounds / 2]) / 2;
}

static void print_head(void) {
  (void)printf("%zu messages of %.0f octets over %zu connections; medians of %zu rounds\n\n",
               nmessages, (double)texts.len / (double)nmessages - 1, opt.conns, opt.rounds);
  (void)printf("| mode | CPU per message, us | bare zlib, us | ratio | octets per connection | "
               "shared octets | made smaller |\n"
               "| :--- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
}

static void print_row(const bench_t *bench) {
  memory_t memory = measure_memory(bench);
  double ratios[ROUNDS_MAX];
  (void)printf("| %s | %.2f |", bench->mode->name, median(bench->wsuv_us));
  if (bench->mode->deflate_bits == 0) {
    (void)printf(" - | - | - | - | 1.00 |\n");
    return;
  }
  for (size_t i = 0; i < opt.rounds; i++) {
    ratios[i] = bench->zlib_us[i] > 0 ? bench->wsuv_us[i] / bench->zlib_us[i] : 0;
  }
  (void)printf(" %.2f | %.3f | %.0f | %zu | %.2f |\n", median(bench->zlib_us), median(ratios),
               memory.per_conn, memory.shared,
               (double)(texts.len - nmessages) / (double)bench->echoed);
}

static void run(void) {
  bench_t *benches = allocate(NMODES, sizeof *benches);
  size_t n = 0;
  received = allocate(texts.len + nmessages * 64 + room, 1);
  for (size_t i = 0; i < NMODES; i++) {
    if (opt.only == NULL || strstr(modes[i].name, opt.only) != NULL) {
      open_bench(&benches[n++], &modes[i]);
    }
  }
  for (size_t round = 0; round < opt.rounds; round++) {
    for (size_t i = 0; i < n; i++) {
      measure(&benches[i], round);
    }
  }
  print_head();
  for (size_t i = 0; i < n; i++) {
    print_row(&benches[i]);
  }
}

/* The command line */

static void usage(void) {
  (void)fprintf(stderr,
                "usage: bench_deflate_cost [--rounds N] [--conns N] [--only PART-OF-A-MODE'S-NAME] "
                "[--side wsuv|zlib] FILE\n");
  exit(2);
}

static size_t number(const char *text, size_t max) {
  char *end = NULL;
  unsigned long value = strtoul(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || value == 0 || value > max) {
    usage();
  }
  return value;
}

static void take_option(int letter) {
  switch (letter) {
  case 'r':
    opt.rounds = number(optarg, ROUNDS_MAX);
    break;
  case 'c':
    opt.conns = number(optarg, 100000);
    break;
  case 'o':
    opt.only = optarg;
    break;
  case 's':
    opt.wants_wsuv = strcmp(optarg, "wsuv") == 0;
    opt.wants_zlib = strcmp(optarg, "zlib") == 0;
    break;
  default:
    usage();
  }
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"rounds", 1, NULL, 'r'},
                                          {"conns", 1, NULL, 'c'},
                                          {"only", 1, NULL, 'o'},
                                          {"side", 1, NULL, 's'},
                                          {NULL, 0, NULL, 0}};
  int letter;
  while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
    take_option(letter);
  }
  if (optind != argc - 1 || opt.wants_wsuv + opt.wants_zlib == 0) {
    usage();
  }
  opt.file = argv[optind];
  read_messages();
  run();
  return EXIT_SUCCESS;
}
