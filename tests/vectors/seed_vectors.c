#include "vectors/seed_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"

enum { NCOLUMNS = 9, MAX_ROWS = 2000 };

static void *checked(void *ptr) {
  if (ptr == NULL)
    abort();
  return ptr;
}

/* ---- text ---- */

/* The memory that a text of `len` octets and its NUL has. */
static size_t capacity_for(size_t len) {
  size_t capacity = 64;
  while (capacity <= len)
    capacity *= 2;
  return capacity;
}

void seed_text_add(struct seed_text *text, const void *data, size_t len) {
  size_t capacity = capacity_for(text->len + len);
  if (text->data == NULL || capacity > capacity_for(text->len))
    text->data = checked(realloc(text->data, capacity));
  if (len > 0)
    memcpy(text->data + text->len, data, len);
  text->len += len;
  text->data[text->len] = '\0';
}

void seed_text_add_str(struct seed_text *text, const char *str) {
  seed_text_add(text, str, strlen(str));
}

void seed_text_add_number(struct seed_text *text, long long number) {
  char digits[32];
  snprintf(digits, sizeof digits, "%lld", number);
  seed_text_add_str(text, digits);
}

void seed_text_add_escaped(struct seed_text *text, const void *data, size_t len) {
  const unsigned char *bytes = data;
  size_t i;
  if (len == 0)
    seed_text_add_str(text, "-");
  for (i = 0; i < len; i++) {
    char escape[4];
    if (bytes[i] >= 0x20 && bytes[i] < 0x7f && strchr("%|;", bytes[i]) == NULL) {
      seed_text_add(text, bytes + i, 1);
      continue;
    }
    snprintf(escape, sizeof escape, "%%%02X", bytes[i]);
    seed_text_add_str(text, escape);
  }
}

static int hex_value(char c) {
  const char *digits = "0123456789abcdef0123456789ABCDEF";
  const char *at = c != '\0' ? strchr(digits, c) : NULL;
  return at != NULL ? (int)((at - digits) % 16) : -1;
}

static int is_hex_pair(const char *at) {
  return hex_value(at[0]) >= 0 && hex_value(at[1]) >= 0;
}

static unsigned char hex_pair(const char *at) {
  return (unsigned char)(hex_value(at[0]) * 16 + hex_value(at[1]));
}

void seed_text_add_unescaped(struct seed_text *text, const char *data, size_t len) {
  size_t i;
  seed_text_add(text, "", 0);
  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)data[i];
    if (c == '%' && len - i >= 3 && is_hex_pair(data + i + 1)) {
      c = hex_pair(data + i + 1);
      i += 2;
    }
    seed_text_add(text, &c, 1);
  }
}

void seed_text_add_bytes(struct seed_text *text, const char *bytes) {
  seed_text_add(text, "", 0);
  if (strcmp(bytes, "-") == 0)
    return;
  while (*bytes != '\0') {
    unsigned char c;
    unsigned long count = 1;
    if (*bytes == '+') {
      bytes++;
      continue;
    }
    if (!is_hex_pair(bytes))
      fail_msg("not BYTES: %s", bytes);
    c = hex_pair(bytes);
    bytes += 2;
    if (*bytes == '*') {
      char *end;
      count = strtoul(bytes + 1, &end, 10);
      bytes = end;
    }
    while (count-- > 0)
      seed_text_add(text, &c, 1);
  }
}

void seed_text_free(struct seed_text *text) {
  free(text->data);
  text->data = NULL;
  text->len = 0;
}

int seed_next_piece(const char **list, const char *separator, const char **piece, size_t *len) {
  const char *end;
  if (*list == NULL)
    return 0;
  end = strstr(*list, separator);
  *piece = *list;
  *len = end != NULL ? (size_t)(end - *list) : strlen(*list);
  *list = end != NULL ? end + strlen(separator) : NULL;
  return 1;
}

/* ---- rows ---- */

const char *seed_row_expected(const struct seed_row *row) {
  return strcmp(row->expect_c, "same") == 0 ? row->expect_seed : row->expect_c;
}

int seed_row_param(const struct seed_row *row, const char *key, struct seed_text *value) {
  const char *list = row->params;
  const char *piece;
  size_t key_len = strlen(key);
  size_t len;
  while (seed_next_piece(&list, ";", &piece, &len)) {
    if (len <= key_len || strncmp(piece, key, key_len) != 0 || piece[key_len] != '=')
      continue;
    seed_text_add_unescaped(value, piece + key_len + 1, len - key_len - 1);
    return 1;
  }
  return 0;
}

void seed_skip(const struct seed_row *row, const char *reason) {
  print_message("%s: %s\n", row->id, reason);
  skip();
}

/* Cuts the line at its tabs; a missing last column is empty. */
static int split_row(struct seed_row *row, char *line) {
  char *columns[NCOLUMNS];
  int n = 0;
  for (;;) {
    columns[n++] = line;
    line = strchr(line, '\t');
    if (line == NULL || n == NCOLUMNS)
      break;
    *line++ = '\0';
  }
  if (n < NCOLUMNS - 1)
    return 0;
  row->id = columns[0];
  row->area = columns[1];
  row->source = columns[2];
  row->op = columns[3];
  row->params = columns[4];
  row->input = columns[5];
  row->expect_seed = columns[6];
  row->expect_c = columns[7];
  row->note = n == NCOLUMNS ? columns[8] : "";
  return strcmp(row->id, "id") != 0;
}

static char *read_all(const char *path) {
  struct seed_text text = {NULL, 0};
  char chunk[4096];
  size_t n;
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    fprintf(stderr, "cannot open %s\n", path);
    exit(1);
  }
  while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
    seed_text_add(&text, chunk, n);
  fclose(file);
  seed_text_add(&text, "", 0);
  return text.data;
}

static int has_prefix(const char *id, const char *const *prefixes, size_t nprefixes) {
  size_t i;
  for (i = 0; i < nprefixes; i++)
    if (strncmp(id, prefixes[i], strlen(prefixes[i])) == 0)
      return 1;
  return 0;
}

/* `text` is cut up and stays in use. */
static size_t read_rows(char *text, const char *const *prefixes, size_t nprefixes,
                        struct seed_row *rows) {
  size_t nrows = 0;
  while (text != NULL && nrows < MAX_ROWS) {
    char *next = strchr(text, '\n');
    if (next != NULL)
      *next++ = '\0';
    if (text[0] != '#' && split_row(&rows[nrows], text) &&
        has_prefix(rows[nrows].id, prefixes, nprefixes))
      nrows++;
    text = next;
  }
  return nrows;
}

static seed_run_fn current_run;

static void run_one(void **state) {
  current_run(*state);
}

int seed_run(const char *group, const char *const *prefixes, size_t nprefixes,
             seed_run_fn run_row) {
  char *text = read_all(WSUV_TESTS_DIR "/vectors/VECTORS.tsv");
  struct seed_row *rows = checked(calloc(MAX_ROWS, sizeof *rows));
  size_t nrows = read_rows(text, prefixes, nprefixes, rows);
  struct CMUnitTest *tests = checked(calloc(nrows + 1, sizeof *tests));
  struct seed_text *names = checked(calloc(nrows + 1, sizeof *names));
  size_t i;
  int nfailed;

  for (i = 0; i < nrows; i++) {
    seed_text_add_str(&names[i], rows[i].id);
    seed_text_add_str(&names[i], " ");
    seed_text_add_str(&names[i], rows[i].op);
    tests[i].name = names[i].data;
    tests[i].test_func = run_one;
    tests[i].initial_state = &rows[i];
  }
  current_run = run_row;
  nfailed = _cmocka_run_group_tests(group, tests, nrows, NULL, NULL);
  for (i = 0; i < nrows; i++)
    seed_text_free(&names[i]);
  free(names);
  free(tests);
  free(rows);
  free(text);
  return nrows > 0 ? nfailed : 1;
}
