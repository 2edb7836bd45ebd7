/* The name in a ClientHello: what of an extension is a name, in memory that ends where the extension does. */
#include <string.h>

#include "io/tls_hello.h"
#include "support/check.h"
#include "support/guard_page.h"

/* A list of that length with one name of that type and length. */
#define ONE(list, type, name_len, name) "\0" list type "\0" name_len name

struct hello_row {
  const char *name;
  const char *octets;
  size_t len;
  const char *expected;
};

#define ROW(name, octets, expected) \
  { name, octets, sizeof(octets) - 1, expected }

static const struct hello_row rows[] = {
    ROW("a name", ONE("\x0e", "\0", "\x0b", "www.example"), "www.example"),
    ROW("upper case", ONE("\x0c", "\0", "\x09", "AbZ.[@`{a"), "abz.[@`{a"),
    ROW("a trailing dot", ONE("\x05", "\0", "\x02", "a."), "a"),
    ROW("two trailing dots", ONE("\x06", "\0", "\x03", "a.."), "a."),
    ROW("a dot alone", ONE("\x04", "\0", "\x01", "."), ""),
    ROW("an empty name", ONE("\x03", "\0", "\0", ""), ""),
    ROW("a NUL", ONE("\x06", "\0", "\x03", "a\0b"), ""),
    ROW("a NUL at the end", ONE("\x05", "\0", "\x02", "a\0"), ""),
    ROW("a blank", ONE("\x06", "\0", "\x03", "a b"), ""),
    ROW("the first that is none", ONE("\x04", "\0", "\x01", " "), ""),
    ROW("the first printable", ONE("\x04", "\0", "\x01", "!"), "!"),
    ROW("the last printable", ONE("\x04", "\0", "\x01", "~"), "~"),
    ROW("DEL", ONE("\x04", "\0", "\x01", "\x7f"), ""),
    ROW("UTF-8", ONE("\x05", "\0", "\x02", "\xc3\xa4"), ""),
    ROW("another type first", "\0\x09\1\0\2xy\0\0\1b", "b"),
    ROW("only another type", ONE("\x04", "\1", "\x01", "a"), ""),
    ROW("two names", "\0\x08\0\0\1a\0\0\1b", "a"),
    ROW("a bad name before a good one", "\0\x08\0\0\1 \0\0\1b", ""),
    ROW("an empty list", "\0\0", ""),
    ROW("a list of one octet", "\0\1\0", ""),
    ROW("a list of two octets", "\0\2\0\0", ""),
    ROW("a list that is longer than it says", ONE("\x03", "\0", "\x01", "a"), ""),
    ROW("a list that is shorter than it says", ONE("\x05", "\0", "\x01", "a"), ""),
    ROW("a list's length in its high octet", "\1\4\0\0\1a", ""),
    ROW("a name that is longer than it says", ONE("\x05", "\0", "\x01", "ab"), "a"),
    ROW("a name that is shorter than it says", ONE("\x04", "\0", "\x02", "a"), ""),
    ROW("a name's length in its high octet", "\0\4\0\1\1a", ""),
};

static void names(const void *arg) {
  const struct hello_row *row = arg;
  struct guard_page page = guard_page_new(row->octets, row->len);
  char out[WSUV__SERVER_NAME_MAX + 1];

  memset(out, 'x', sizeof out);
  CHECK_SIZE(strlen(row->expected), wsuv__tls_hello_name(page.data, page.len, out));
  CHECK_STR(row->expected, out);
  guard_page_free(&page);
}

/* Cut off anywhere, it is malformed; with its length put right, the name is cut at most. */
static void truncation(const void *arg) {
  const struct hello_row *row = arg;
  size_t len;

  for (len = 0; len < row->len; len++) {
    struct guard_page page = guard_page_new(row->octets, len);
    char out[WSUV__SERVER_NAME_MAX + 1];
    CHECK_SIZE(0, wsuv__tls_hello_name(page.data, page.len, out));
    CHECK_STR("", out);
    if (len >= 2) {
      page.data[0] = 0;
      page.data[1] = (uint8_t)(len - 2);
      (void)wsuv__tls_hello_name(page.data, page.len, out);
      CHECK_TRUE(strlen(out) <= strlen(row->expected) + 2);
    }
    guard_page_free(&page);
  }
}

static size_t long_name(size_t name_len, char last, char *out) {
  uint8_t bytes[600];
  struct guard_page page;
  size_t len;

  memset(bytes, 'a', sizeof bytes);
  bytes[0] = (uint8_t)((name_len + 3) >> 8);
  bytes[1] = (uint8_t)(name_len + 3);
  bytes[2] = 0;
  bytes[3] = (uint8_t)(name_len >> 8);
  bytes[4] = (uint8_t)name_len;
  bytes[4 + name_len] = (uint8_t)last;
  page = guard_page_new(bytes, name_len + 5);
  len = wsuv__tls_hello_name(page.data, page.len, out);
  guard_page_free(&page);
  return len;
}

static void lengths(void **state) {
  struct guard_page out = guard_page_new(NULL, WSUV__SERVER_NAME_MAX + 1);
  char *name = (char *)out.data;
  (void)state;

  CHECK_SIZE(254, long_name(254, 'a', name));
  CHECK_SIZE(255, long_name(255, 'a', name));
  CHECK_SIZE(255, strlen(name));
  CHECK_SIZE(0, long_name(256, 'a', name));
  CHECK_STR("", name);
  CHECK_SIZE(255, long_name(256, '.', name));
  CHECK_SIZE(0, long_name(257, '.', name));
  CHECK_SIZE(0, long_name(500, 'a', name));
  guard_page_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(lengths)};
  int failures = CHECK_RUN_TABLE("names", rows, names);

  failures += CHECK_RUN_TABLE("truncation", rows, truncation);
  return failures + cmocka_run_group_tests_name("TLS hello", tests, NULL, NULL);
}
