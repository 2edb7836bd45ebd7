/* Assertions over cmocka that print what a person wants to read: decimal numbers, names of errors, hexdumps of both
 * sides. Include this instead of cmocka.h. The expected value comes first. A failed check ends its test. */
#ifndef WSUV_TESTS_CHECK_H
#define WSUV_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct check_place {
  const char *file;
  int line;
  const char *expected_text;
  const char *actual_text;
};

#define CHECK_PLACE(expected, actual) ((struct check_place){__FILE__, __LINE__, expected, actual})

/* Signed numbers of any width, in decimal. */
#define CHECK_INT(expected, actual) \
  check_int(CHECK_PLACE(#expected, #actual), (intmax_t)(expected), (intmax_t)(actual))

/* Sizes, lengths, counts, uint64_t. */
#define CHECK_SIZE(expected, actual) \
  check_size(CHECK_PLACE(#expected, #actual), (uintmax_t)(expected), (uintmax_t)(actual))

/* Error codes, with their names. */
#define CHECK_ERR(expected, actual) check_err(CHECK_PLACE(#expected, #actual), expected, actual)

/* Two pieces of memory: lengths and octets; on failure a hexdump of both. */
#define CHECK_BYTES(expected, expected_len, actual, actual_len) \
  check_bytes(CHECK_PLACE(#expected, #actual), expected, expected_len, actual, actual_len)

/* Two C strings; NULL equals only NULL. */
#define CHECK_STR(expected, actual) check_str(CHECK_PLACE(#expected, #actual), expected, actual)

#define CHECK_PTR(expected, actual) check_ptr(CHECK_PLACE(#expected, #actual), expected, actual)
#define CHECK_NULL(actual)          check_ptr(CHECK_PLACE("NULL", #actual), NULL, actual)
#define CHECK_NOT_NULL(actual)      check_true(CHECK_PLACE("not NULL", #actual), (actual) != NULL)
#define CHECK_TRUE(condition)       check_true(CHECK_PLACE("true", #condition), !!(condition))
#define CHECK_FALSE(condition)      check_true(CHECK_PLACE("false", #condition), !(condition))

/* Runs every row of a static array as a cmocka test of its own, named by the row's first member, which must be a
 * `const char *`. Returns the number of failures, as cmocka_run_group_tests does: main adds them up. */
#define CHECK_RUN_TABLE(group, rows, run_row) \
  check_run_table(group, rows, sizeof(rows)[0], sizeof(rows) / sizeof(rows)[0], run_row)

typedef void (*check_row_fn)(const void *row);

void check_int(struct check_place at, intmax_t expected, intmax_t actual);
void check_size(struct check_place at, uintmax_t expected, uintmax_t actual);
void check_err(struct check_place at, int expected, int actual);
void check_bytes(struct check_place at, const void *expected, size_t expected_len,
                 const void *actual, size_t actual_len);
void check_str(struct check_place at, const char *expected, const char *actual);
void check_ptr(struct check_place at, const void *expected, const void *actual);
void check_true(struct check_place at, int holds);
int check_run_table(const char *group, const void *rows, size_t row_size, size_t nrows,
                    check_row_fn run_row);

#endif
