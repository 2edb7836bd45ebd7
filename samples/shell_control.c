#include "shell_control.h"

#include <string.h>
#include <wsuv/protocol.h>

enum { WORD_SIZE = 16, NDIGITS_MAX = 6 };

struct cursor {
  const char *at, *end;
};

/* Absent: "" and -1. */
struct members {
  char type[WORD_SIZE];
  int cols, rows;
};

static void skip_space(struct cursor *in) {
  while (in->at < in->end && memchr(" \t\r\n", *in->at, 4) != NULL)
    in->at++;
}

/* The next octet that is not white space, if it is this one. */
static int take(struct cursor *in, char wanted) {
  skip_space(in);
  if (in->at == in->end || *in->at != wanted)
    return 0;
  in->at++;
  return 1;
}

/* A short string of plain letters: nothing that is valid here needs an escape. */
static int take_word(struct cursor *in, char word[WORD_SIZE]) {
  size_t len = 0;
  if (!take(in, '"'))
    return 0;
  while (in->at < in->end && *in->at >= 'a' && *in->at <= 'z' && len < WORD_SIZE - 1)
    word[len++] = *in->at++;
  word[len] = '\0';
  return take(in, '"') && len > 0;
}

/* A number without sign, fraction and exponent, 0 to 999999. */
static int take_number(struct cursor *in, int *number) {
  int ndigits = 0, value = 0;
  skip_space(in);
  const char *first = in->at;
  for (; in->at < in->end && *in->at >= '0' && *in->at <= '9' && ndigits < NDIGITS_MAX; in->at++) {
    value = 10 * value + (*in->at - '0');
    ndigits++;
  }
  *number = value;
  return ndigits > 0 && (*first != '0' || ndigits == 1);
}

/* One name with its value; each at most once. */
static int take_member(struct cursor *in, struct members *members) {
  char name[WORD_SIZE];
  if (!take_word(in, name) || !take(in, ':'))
    return 0;
  if (strcmp(name, "type") == 0)
    return members->type[0] == '\0' && take_word(in, members->type);
  if (strcmp(name, "cols") == 0)
    return members->cols < 0 && take_number(in, &members->cols);
  if (strcmp(name, "rows") == 0)
    return members->rows < 0 && take_number(in, &members->rows);
  return 0;
}

static int take_object(struct cursor *in, struct members *members) {
  if (!take(in, '{'))
    return 0;
  do {
    if (!take_member(in, members))
      return 0;
  } while (take(in, ','));
  int ended = take(in, '}');
  skip_space(in);
  return ended && in->at == in->end;
}

static int is_in_range(int size) {
  return size >= 1 && size <= SHELL_SIZE_MAX;
}

int shell_control_parse(const char *text, size_t len, shell_control_t *control, const char **why) {
  static const char *const types[] = {
      [SHELL_RESIZE] = "resize", [SHELL_PAUSE] = "pause", [SHELL_RESUME] = "resume"};
  struct cursor in = {text, text + len};
  struct members members = {.cols = -1, .rows = -1};
  *why = "text messages are objects: type resize (cols, rows), pause or resume";
  if (!take_object(&in, &members) || members.type[0] == '\0')
    return WSUV_CLOSE_INVALID_PAYLOAD;
  int verb = SHELL_RESIZE;
  while (verb <= SHELL_RESUME && strcmp(members.type, types[verb]) != 0)
    verb++;
  if (verb > SHELL_RESUME)
    return WSUV_CLOSE_POLICY_VIOLATION;
  *why = "cols and rows are 1 to 1000";
  if (verb == SHELL_RESIZE && (!is_in_range(members.cols) || !is_in_range(members.rows)))
    return WSUV_CLOSE_POLICY_VIOLATION;
  *control = (shell_control_t){(shell_verb_t)verb, members.cols, members.rows};
  return 0;
}
