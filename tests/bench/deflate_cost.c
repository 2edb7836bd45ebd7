/* What permessage-deflate costs an echoing server beyond the compression itself. Reads messages, one a line. For each mode two
 * things are measured in the same process, by turns: endpoints that receive each message as a compressed, masked frame and
 * send it back compressed, and a bare pair of zlib contexts with the same parameters that decompresses and compresses the same
 * octets. What the client does is prepared beforehand.
 *
 * Prints a Markdown table: CPU time per message of both, medians of all rounds; the median of the rounds' ratios; octets
 * that each further connection takes once it had a message, and those that all share; how much smaller the echoes are.
 * Before that each echo is compared with what zlib made of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cost_server.h"
#include "cost_zlib.h"
#include "median.h"
#include "options.h"
#include "process.h"
#include "ws_client.h"

#define NAME       "bench_deflate_cost"
#define ROUNDS_MAX 999

typedef struct contest {
  const cost_mode_t *mode;
  cost_input_t input;
  cost_server_t server;
  cost_zlib_t zlib;
  size_t echoed; /* octets of frames in one round */
  double server_us[ROUNDS_MAX];
  double zlib_us[ROUNDS_MAX];
} contest_t;

static struct {
  const char *only;
  const char *side;
  uint64_t nrounds;
  uint64_t nconns;
} opt = {.nrounds = 15, .nconns = 16};

static cost_texts_t texts;

static const option_spec_t specs[] = {
    {.name = "rounds",
     .value = "N",
     .help = "of all modes, each side in turn [15]",
     .max = ROUNDS_MAX,
     .number = &opt.nrounds},
    {.name = "conns",
     .value = "N",
     .help = "connections that the messages are spread over [16]",
     .max = 100000,
     .number = &opt.nconns},
    {.name = "only",
     .value = "TEXT",
     .help = "modes that have it in their names",
     .text = &opt.only},
    {.name = "side", .value = "SIDE", .help = "wsuv or zlib [both]", .text = &opt.side},
};

static const command_t command = {NAME,
                                  NAME " [options] FILE\n"
                                       "Compares permessage-deflate with bare zlib, on messages "
                                       "that are the lines of a file.",
                                  specs, sizeof specs / sizeof specs[0]};

/* Rounds */

static int has_compression(const contest_t *contest) {
  return contest->mode->deflate_bits > 0;
}

static int wants(const char *side) {
  return opt.side == NULL || strcmp(opt.side, side) == 0;
}

static double per_message_us(uint64_t start_ns) {
  return (double)(own_cpu_ns() - start_ns) / 1e3 / (double)texts.messages.n;
}

static void measure_server(contest_t *contest, size_t round) {
  cost_server_restore(&contest->server);
  uint64_t start = own_cpu_ns();
  cost_server_echo_all(&contest->server);
  contest->server_us[round] = per_message_us(start);
}

static void measure_zlib(contest_t *contest, size_t round) {
  uint64_t start = own_cpu_ns();
  cost_zlib_convert_all(&contest->zlib);
  contest->zlib_us[round] = per_message_us(start);
}

static void measure(contest_t *contest, size_t round) {
  if (wants("wsuv") && round % 2 == 0) {
    measure_server(contest, round);
  }
  if (wants("zlib") && has_compression(contest)) {
    measure_zlib(contest, round);
  }
  if (wants("wsuv") && round % 2 != 0) {
    measure_server(contest, round);
  }
}

/* The payload of the echo is what zlib made of the message, or the message as it is. */
static void compare_echo(contest_t *contest, size_t i, const uint8_t *wire, size_t len) {
  static const uint8_t tail[COST_TAIL] = {0x00, 0x00, 0xff, 0xff};
  const uint8_t *expected = texts.messages.list[i].payload;
  size_t expected_len = texts.messages.list[i].len;
  size_t converted_len = has_compression(contest) ? cost_zlib_convert(&contest->zlib, i) : 0;
  size_t head_len;
  must(ws_whole_frame(wire, len, &head_len) == len, "an echo is no frame");
  if (wire[0] != WS_FIRST_TEXT) {
    expected = contest->zlib.packed;
    must(converted_len >= COST_TAIL &&
             memcmp(expected + converted_len - COST_TAIL, tail, COST_TAIL) == 0,
         "zlib");
    expected_len = converted_len - COST_TAIL;
  }
  must(len - head_len == expected_len && memcmp(wire + head_len, expected, expected_len) == 0,
       "an echo is not what zlib makes of the message");
}

/* A round that is not measured: both sides get warm. */
static void check_round(contest_t *contest) {
  uint8_t *wire = allocate(texts.room);
  cost_server_restore(&contest->server);
  for (size_t i = 0; i < texts.messages.n; i++) {
    size_t len = cost_server_echo(&contest->server, i, wire);
    contest->echoed += len;
    compare_echo(contest, i, wire, len);
  }
  free(wire);
}

static void open_contest(contest_t *contest, const cost_mode_t *mode, uint8_t *received) {
  contest->mode = mode;
  cost_input_make(&contest->input, &texts, mode);
  if (has_compression(contest)) {
    cost_zlib_open(&contest->zlib, mode, &texts, &contest->input);
  }
  cost_server_open(&contest->server, mode, &texts, &contest->input, received);
  check_round(contest);
}

/* The table */

static void print_head(void) {
  (void)printf("%zu messages of %.0f octets over %zu connections; medians of %zu rounds\n\n",
               texts.messages.n, (double)texts.total / (double)texts.messages.n, texts.nconns,
               (size_t)opt.nrounds);
  (void)printf("| mode | CPU per message, us | bare zlib, us | ratio | octets per connection | "
               "shared octets | made smaller |\n"
               "| :--- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
}

/* Sorts the rounds' figures: the ratios come first. */
static void print_row(contest_t *contest) {
  size_t n = (size_t)opt.nrounds;
  double ratios[ROUNDS_MAX];
  for (size_t i = 0; i < n; i++) {
    ratios[i] = contest->zlib_us[i] > 0 ? contest->server_us[i] / contest->zlib_us[i] : 0;
  }
  (void)printf("| %s | %.2f |", contest->mode->name, median_of(contest->server_us, n));
  if (!has_compression(contest)) {
    (void)printf(" - | - | - | - | 1.00 |\n");
    return;
  }
  cost_memory_t memory = cost_server_memory(&contest->server);
  (void)printf(" %.2f | %.3f | %.0f | %zu | %.2f |\n", median_of(contest->zlib_us, n),
               median_of(ratios, n), memory.per_conn, memory.shared,
               (double)texts.total / (double)contest->echoed);
}

static void run(void) {
  contest_t *contests = allocate(cost_nmodes * sizeof *contests);
  uint8_t *received = allocate(cost_row_size(&texts));
  size_t n = 0;
  for (size_t i = 0; i < cost_nmodes; i++) {
    if (opt.only == NULL || strstr(cost_modes[i].name, opt.only) != NULL) {
      open_contest(&contests[n++], &cost_modes[i], received);
    }
  }
  for (size_t round = 0; round < opt.nrounds; round++) {
    for (size_t i = 0; i < n; i++) {
      measure(&contests[i], round);
    }
  }
  print_head();
  for (size_t i = 0; i < n; i++) {
    print_row(&contests[i]);
  }
}

int main(int argc, char **argv) {
  (void)argc;
  const char *file = options_parse(&command, argv + 1);
  if (file == NULL) {
    options_reject(NAME, "a FILE with messages is needed");
  }
  if (opt.nrounds == 0 || opt.nconns == 0) {
    options_reject(NAME, "--rounds and --conns are at least 1");
  }
  if (!wants("wsuv") && !wants("zlib")) {
    options_reject(NAME, "--side is wsuv or zlib, not '%s'", opt.side);
  }
  cost_texts_read(&texts, file, (size_t)opt.nconns);
  run();
  return EXIT_SUCCESS;
}
