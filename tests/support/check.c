#include "support/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wsuv/errno.h"

enum { OCTETS_PER_LINE = 16, MAX_DUMP = 512 };

static void fail_here(struct check_place at) {
  _fail(at.file, at.line);
}

void check_int(struct check_place at, intmax_t expected, intmax_t actual) {
  if (expected == actual)
    return;
  print_error("%s: expected %" PRIdMAX " (%s), got %" PRIdMAX "\n", at.actual_text, expected,
              at.expected_text, actual);
  fail_here(at);
}

void check_size(struct check_place at, uintmax_t expected, uintmax_t actual) {
  if (expected == actual)
    return;
  print_error("%s: expected %" PRIuMAX " (%s), got %" PRIuMAX "\n", at.actual_text, expected,
              at.expected_text, actual);
  fail_here(at);
}

static const char *error_name(int err) {
  return err == 0 ? "success" : wsuv_err_name(err);
}

void check_err(struct check_place at, int expected, int actual) {
  if (expected == actual)
    return;
  print_error("%s: expected %d %s", at.actual_text, expected, error_name(expected));
  print_error(", got %d %s\n", actual, error_name(actual));
  fail_here(at);
}

static void dump_line(const uint8_t *data, size_t len, size_t offset) {
  char hex[OCTETS_PER_LINE * 3 + 1] = "";
  char text[OCTETS_PER_LINE + 1] = "";
  size_t i;
  for (i = 0; i < OCTETS_PER_LINE && offset + i < len; i++) {
    uint8_t octet = data[offset + i];
    snprintf(hex + i * 3, 4, "%02x ", octet);
    text[i] = octet >= 0x20 && octet < 0x7f ? (char)octet : '.';
  }
  print_error("    %04zx  %-48s %s\n", offset, hex, text);
}

static void dump(const char *title, const void *data, size_t len) {
  size_t offset;
  print_error("  %s, %zu octets:\n", title, len);
  for (offset = 0; data != NULL && offset < len && offset < MAX_DUMP; offset += OCTETS_PER_LINE)
    dump_line(data, len, offset);
  if (len > MAX_DUMP)
    print_error("    ... %zu more\n", len - MAX_DUMP);
}

static size_t first_difference(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
  size_t i = 0;
  while (i < a_len && i < b_len && a[i] == b[i])
    i++;
  return i;
}

void check_bytes(struct check_place at, const void *expected, size_t expected_len,
                 const void *actual, size_t actual_len) {
  size_t differs = first_difference(expected, expected_len, actual, actual_len);
  if (differs == expected_len && differs == actual_len)
    return;
  print_error("%s: differs from %s at offset %zu\n", at.actual_text, at.expected_text, differs);
  dump("expected", expected, expected_len);
  dump("got", actual, actual_len);
  fail_here(at);
}

void check_str(struct check_place at, const char *expected, const char *actual) {
  if (expected == actual)
    return;
  if (expected != NULL && actual != NULL && strcmp(expected, actual) == 0)
    return;
  print_error("%s: expected \"%s\"", at.actual_text, expected != NULL ? expected : "(NULL)");
  print_error(", got \"%s\"\n", actual != NULL ? actual : "(NULL)");
  fail_here(at);
}

void check_ptr(struct check_place at, const void *expected, const void *actual) {
  if (expected == actual)
    return;
  print_error("%s: expected %p (%s), got %p\n", at.actual_text, expected, at.expected_text, actual);
  fail_here(at);
}

void check_true(struct check_place at, int holds) {
  if (holds)
    return;
  print_error("%s: is not %s\n", at.actual_text, at.expected_text);
  fail_here(at);
}

struct row_state {
  const void *row;
  check_row_fn run_row;
};

static void run_one_row(void **state) {
  const struct row_state *rs = *state;
  rs->run_row(rs->row);
}

static const char *name_of(const void *row) {
  const char *name;
  memcpy(&name, row, sizeof name);
  return name;
}

int check_run_table(const char *group, const void *rows, size_t row_size, size_t nrows,
                    check_row_fn run_row) {
  struct CMUnitTest *tests = calloc(nrows, sizeof *tests);
  struct row_state *states = calloc(nrows, sizeof *states);
  int failures = 1;
  size_t i;
  if (tests != NULL && states != NULL) {
    for (i = 0; i < nrows; i++) {
      states[i] = (struct row_state){(const char *)rows + i * row_size, run_row};
      tests[i] = (struct CMUnitTest){name_of(states[i].row), run_one_row, NULL, NULL, &states[i]};
    }
    failures = _cmocka_run_group_tests(group, tests, nrows, NULL, NULL);
  }
  free(states);
  free(tests);
  return failures;
}
