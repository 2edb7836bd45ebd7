/* How fast payloads are masked and text is judged: by what the library's functions choose, and by each kernel that this
 * processor can run. All rows are measured by turns in each round; figures are medians, in GB/s. A share of memcpy's pace is
 * what carries over from one machine to another. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "median.h"
#include "process.h"
#include "proto/kernels.h"
#include "wsuv/frame.h"

#define ROUNDS_MAX 200
#define ROWS_MAX   32
#define OCTETS     (1u << 20) /* that a sample goes through, whatever the length of a payload */

static const size_t lengths[] = {20, 125, 1024, 65536};
enum { NLENGTHS = sizeof lengths / sizeof lengths[0], LONGEST = 65536 };

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

static uint8_t octets[LONGEST + 64];
static uint8_t copy[LONGEST + 64];
static uint8_t ascii[NLENGTHS][LONGEST];
static uint8_t mixed[NLENGTHS][LONGEST];

/* What is measured */

typedef struct row row_t;
typedef void (*step_fn)(const row_t *row, size_t length);

struct row {
  const char *name;
  const char *by;
  const struct wsuv__kernels *kernels; /* NULL: the library's function, which chooses */
  step_fn step;
  double pace[NLENGTHS][ROUNDS_MAX];
};

static void copy_octets(const row_t *row, size_t length) {
  (void)row;
  memcpy(copy, octets, lengths[length]);
}

static uint32_t key_word(void) {
  uint32_t word;
  memcpy(&word, key, sizeof word);
  return word;
}

static void mask_apart(const row_t *row, size_t length) {
  if (row->kernels != NULL) {
    row->kernels->mask(copy, octets + 6, lengths[length], key_word());
  } else {
    wsuv_mask(copy, octets + 6, lengths[length], key, 0);
  }
}

static void unmask_in_place(const row_t *row, size_t length) {
  if (row->kernels != NULL) {
    row->kernels->mask(octets + 6, octets + 6, lengths[length], key_word());
  } else {
    wsuv_mask(octets + 6, octets + 6, lengths[length], key, 0);
  }
}

static void judge(const row_t *row, const uint8_t *text, size_t len) {
  int valid =
      row->kernels != NULL ? row->kernels->is_utf8(text, len) : wsuv_utf8_is_valid(text, len);
  must(valid, "text is not taken as UTF-8");
}

static void judge_ascii(const row_t *row, size_t length) {
  judge(row, ascii[length], lengths[length]);
}

static void judge_mixed(const row_t *row, size_t length) {
  judge(row, mixed[length], lengths[length]);
}

/* Kernels are not given what is too short for them. */
static int is_measured(const row_t *row, size_t length) {
  return row->kernels == NULL || lengths[length] >= WSUV__MASK_MIN;
}

/* The texts: JSON as a chat server sends it, whole characters only. */

static void fill(uint8_t *out, size_t len, const char *text) {
  size_t text_len = strlen(text);
  size_t at = 0;
  for (; len - at >= text_len; at += text_len) {
    memcpy(out + at, text, text_len);
  }
  memset(out + at, ' ', len - at);
  if (at == 0) { /* shorter than the text: its last characters */
    while (((uint8_t)text[text_len - len] & 0xC0) == 0x80) {
      len--;
      out++;
    }
    memcpy(out, text + text_len - len, len);
  }
}

static void make_texts(void) {
  size_t i;
  for (i = 0; i < sizeof octets; i++) {
    octets[i] = (uint8_t)(i * 7);
  }
  for (i = 0; i < NLENGTHS; i++) {
    fill(ascii[i], lengths[i],
         "{\"from\":\"Chloe\",\"room\":17,\"text\":\"see you tomorrow at the station\"},");
    fill(mixed[i], lengths[i],
         "{\"from\":\"Chlo\xc3\xa9\",\"room\":17,\"text\":"
         "\"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, "
         "\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x91\x8d\"},");
  }
}

/* Rounds */

static row_t *rows;
static size_t nrows;
static size_t rounds = 21;

static void add_row(const char *name, step_fn step, const struct wsuv__kernels *kernels) {
  must(nrows < ROWS_MAX, "too many rows");
  rows[nrows].name = name;
  rows[nrows].by = kernels != NULL ? kernels->name : "-";
  rows[nrows].step = step;
  rows[nrows].kernels = kernels;
  nrows++;
}

static void add_rows(const char *name, step_fn step) {
  const struct wsuv__kernels *kernels;
  add_row(name, step, NULL);
  for (size_t i = 0; (kernels = wsuv__kernels_nth(i)) != NULL; i++) {
    add_row(name, step, kernels);
  }
}

static double measure(const row_t *row, size_t length) {
  step_fn volatile step = row->step; /* so that nothing is done once for all */
  size_t n = OCTETS / lengths[length];
  uint64_t start = own_cpu_ns();
  for (size_t i = 0; i < n; i++) {
    step(row, length);
  }
  return (double)(n * lengths[length]) / (double)(own_cpu_ns() - start);
}

static void run(void) {
  for (size_t round = 0; round < rounds; round++) {
    for (size_t i = 0; i < nrows; i++) {
      for (size_t j = 0; j < NLENGTHS; j++) {
        rows[i].pace[j][round] = is_measured(&rows[i], j) ? measure(&rows[i], j) : 0;
      }
    }
  }
}

/* The table */

static void print_table(void) {
  (void)printf("GB/s; medians of %zu rounds; - is what the library chooses by itself\n\n"
               "| | by | 20 B | 125 B | 1 KiB | 64 KiB |\n"
               "| :--- | :--- | ---: | ---: | ---: | ---: |\n",
               rounds);
  for (size_t i = 0; i < nrows; i++) {
    (void)printf("| %s | %s |", rows[i].name, rows[i].by);
    for (size_t j = 0; j < NLENGTHS; j++) {
      double *pace = rows[i].pace[j];
      if (is_measured(&rows[i], j)) {
        (void)printf(" %.1f |", median_of(pace, rounds));
      } else {
        (void)printf(" |");
      }
    }
    (void)printf("\n");
  }
}

int main(int argc, char **argv) {
  if (argc == 2) {
    rounds = strtoul(argv[1], NULL, 10);
  }
  if (argc > 2 || rounds == 0 || rounds > ROUNDS_MAX) {
    (void)fprintf(stderr, "usage: bench_kernels [ROUNDS]\n");
    return 2;
  }
  rows = allocate(ROWS_MAX * sizeof *rows);
  make_texts();
  add_row("memcpy", copy_octets, NULL);
  add_rows("mask, into another buffer", mask_apart);
  add_rows("unmask, in place", unmask_in_place);
  add_rows("UTF-8, ASCII", judge_ascii);
  add_rows("UTF-8, mixed JSON", judge_mixed);
  run();
  print_table();
  free(rows);
  return 0;
}
