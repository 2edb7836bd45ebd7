#include "vectors/vector_text.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "wsuv/errno.h"
#include "wsuv/protocol.h"

void vector_bytes_add(struct vector_bytes *bytes, const void *data, size_t len) {
  if (len > bytes->cap - bytes->len) {
    bytes->cap = (bytes->len + len) * 2;
    bytes->data = realloc(bytes->data, bytes->cap);
    if (bytes->data == NULL)
      abort();
  }
  if (len > 0)
    memcpy(bytes->data + bytes->len, data, len);
  bytes->len += len;
}

void vector_bytes_clear(struct vector_bytes *bytes) {
  bytes->len = 0;
}

void vector_bytes_free(struct vector_bytes *bytes) {
  free(bytes->data);
  memset(bytes, 0, sizeof *bytes);
}

void vector_bytes_drop(struct vector_bytes *bytes, size_t len) {
  bytes->len -= len;
  if (bytes->len > 0)
    memmove(bytes->data, bytes->data + len, bytes->len);
}

static void skip_blanks(const char **line) {
  *line += strspn(*line, " \t");
}

const char *vector_next_word(const char **line, char word[VECTOR_WORD_MAX]) {
  size_t len;
  skip_blanks(line);
  len = strcspn(*line, " \t");
  CHECK_TRUE(len < VECTOR_WORD_MAX);
  memcpy(word, *line, len);
  word[len] = '\0';
  *line += len;
  skip_blanks(line);
  return word;
}

int vector_take_word(const char **line, const char *word) {
  size_t len = strlen(word);
  skip_blanks(line);
  if (strncmp(*line, word, len) != 0 || ((*line)[len] != '\0' && (*line)[len] != ' '))
    return 0;
  *line += len;
  skip_blanks(line);
  return 1;
}

static int hex_digit(char c) {
  const char *digits = "0123456789abcdef";
  const char *at = c != '\0' ? strchr(digits, c) : NULL;
  return at != NULL ? (int)(at - digits) : -1;
}

static uint8_t take_hex_pair(const char **at) {
  int high = hex_digit((*at)[0]);
  int low = high >= 0 ? hex_digit((*at)[1]) : -1;
  if (low < 0)
    fail_msg("not a pair of lower-case hex digits: %s", *at);
  *at += 2;
  return (uint8_t)(high * 16 + low);
}

static uint8_t take_escape(const char **at) {
  switch (*(*at)++) {
  case 'n':
    return '\n';
  case 'r':
    return '\r';
  case 't':
    return '\t';
  case 'x':
    return take_hex_pair(at);
  default:
    return (uint8_t)(*at)[-1];
  }
}

static void take_quoted(const char **at, struct vector_bytes *out) {
  for ((*at)++; **at != '"';) {
    uint8_t octet = (uint8_t) * (*at)++;
    if (octet == '\0')
      fail_msg("no closing quotation mark");
    if (octet == '\\')
      octet = take_escape(at);
    vector_bytes_add(out, &octet, 1);
  }
  (*at)++;
}

static void take_hex(const char **at, struct vector_bytes *out) {
  uint8_t octet = take_hex_pair(at);
  unsigned long count = 1;
  if (**at == '*') {
    char *end;
    count = strtoul(*at + 1, &end, 10);
    *at = end;
  }
  while (count-- > 0)
    vector_bytes_add(out, &octet, 1);
}

void vector_take_bytes(const char **line, struct vector_bytes *out) {
  vector_bytes_add(out, "", 0);
  for (;;) {
    skip_blanks(line);
    if (**line == '\0' || strncmp(*line, "->", 2) == 0)
      return;
    if (**line == '"')
      take_quoted(line, out);
    else
      take_hex(line, out);
  }
}

uint64_t vector_take_number(const char **line) {
  char word[VECTOR_WORD_MAX];
  char *end;
  unsigned long long number;
  vector_next_word(line, word);
  number = strtoull(word, &end, 10);
  if (*word == '\0' || *end != '\0')
    fail_msg("not a number: %s", word);
  return number;
}

int vector_error_by_name(const char *name) {
  static const struct {
    const char *name;
    int number;
  } errors[] = {
#define ROW(name, number, close_code, http_status, text) {#name, number},
      WSUV_ERRNO_MAP(ROW)
#undef ROW
          {"EINVAL", WSUV_EINVAL},
      {"ENOMEM", WSUV_ENOMEM},
      {"ECANCELED", WSUV_ECANCELED},
      {"ETIMEDOUT", WSUV_ETIMEDOUT},
      {"0", 0},
  };
  size_t i;
  for (i = 0; i < sizeof errors / sizeof errors[0]; i++)
    if (strcmp(errors[i].name, name) == 0)
      return errors[i].number;
  fail_msg("no error is called %s", name);
  return 0;
}

int vector_opcode_by_name(const char *name) {
  int opcode;
  if (name[0] >= '0' && name[0] <= '9')
    return (int)strtoul(name, NULL, 10);
  for (opcode = 0; opcode < 16; opcode++)
    if (wsuv_opcode_name(opcode) != NULL && strcmp(wsuv_opcode_name(opcode), name) == 0)
      return opcode;
  return -1;
}

const char *vector_opcode_name(int opcode) {
  static const char *const numbers[] = {"0", "1", "2",  "3",  "4",  "5",  "6",  "7",
                                        "8", "9", "10", "11", "12", "13", "14", "15"};
  const char *name = wsuv_opcode_name(opcode);
  return name != NULL ? name : numbers[opcode & 15];
}
