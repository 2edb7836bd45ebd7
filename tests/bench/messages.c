#include "messages.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "process.h"

int messages_kind(const char *name, message_kind_t *kind) {
  static const char *const names[] = {"binary", "ascii", "unicode", "json"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(name, names[i]) == 0) {
      *kind = (message_kind_t)i;
      return 1;
    }
  }
  return 0;
}

static void fill_letters(unsigned char *payload, size_t len, size_t number) {
  for (size_t i = 0; i < len; i++) {
    payload[i] = (unsigned char)('a' + (number + i) % 26);
  }
}

static unsigned int next_random(unsigned int *state) {
  *state = *state * 1664525U + 1013904223U;
  return *state >> 8;
}

/* Text of code points of all four lengths, its words in no order: what repeats, a processor's prediction of branches learns,
 * and text that people write it does not. The last ones are letters where no word fits. */
static void fill_unicode(unsigned char *payload, size_t len, size_t number) {
  static const char *const words[] = {"größer ", "привет ", "завтра ", "日本語 ", "ありがとう",
                                      "plain ",  "żółw ",   "👍 ",      "café ",   "Ελλάδα "};
  const size_t nwords = sizeof words / sizeof words[0];
  unsigned int state = (unsigned int)number * 7919U + 1;
  size_t at = 0;
  for (;;) {
    const char *word = words[next_random(&state) % nwords];
    size_t n = strlen(word);
    if (at + n > len) {
      break;
    }
    memcpy(payload + at, word, n);
    at += n;
  }
  fill_letters(payload + at, len - at, number);
}

/* A line of a chat: what repeats are the names, what does not are numbers and most of the words. */
static size_t put_post(char *p, size_t size, unsigned int *state) {
  static const char *const words[] = {"the",      "a",       "and",     "release", "build",
                                      "tomorrow", "server",  "works",   "again",   "thanks",
                                      "coffee",   "meeting", "branch",  "merge",   "not",
                                      "why",      "café",    "latency", "weekend", "review"};
  static const char *const nicks[] = {"alice", "bob", "carol.w", "ewa", "jürgen", "li_wei"};
  int n = snprintf(p, size, "{\"id\":%u%06u,\"nick\":\"%s\",\"ts\":%u,\"text\":\"",
                   next_random(state) % 9000 + 1000, next_random(state) % 1000000,
                   nicks[next_random(state) % 6], next_random(state));
  for (unsigned int i = next_random(state) % 6 + 3; i > 0 && n > 0 && (size_t)n < size; i--) {
    n += snprintf(p + n, size - (size_t)n, "%s ", words[next_random(state) % 20]);
  }
  if (n > 0 && (size_t)n < size) {
    n += snprintf(p + n, size - (size_t)n, "\"},");
  }
  return n < 0 ? 0 : (size_t)n;
}

/* An array of such lines, filled up with blanks, which JSON allows. */
static void fill_json(unsigned char *payload, size_t len, size_t number) {
  char post[512];
  unsigned int state = (unsigned int)number * 7919U + 1;
  size_t at = 0;
  memset(payload, ' ', len);
  for (;;) {
    size_t n = put_post(post, sizeof post, &state);
    if (n >= sizeof post || at + n + 2 > len) {
      break;
    }
    memcpy(payload + at + (at == 0), post, n);
    payload[0] = '[';
    at += n + (at == 0);
  }
  if (at > 0) {
    payload[at - 1] = ']';
  } else {
    fill_letters(payload, len, number);
  }
}

void messages_make(messages_t *messages, message_kind_t kind, size_t n, size_t len) {
  static void (*const fill[])(unsigned char *, size_t, size_t) = {fill_letters, fill_letters,
                                                                  fill_unicode, fill_json};
  messages->list = allocate(n * sizeof *messages->list);
  messages->n = n;
  messages->is_text = kind != KIND_BINARY;
  for (size_t i = 0; i < n; i++) {
    unsigned char *payload = allocate(len + 1);
    fill[kind](payload, len, i);
    messages->list[i].payload = payload;
    messages->list[i].len = len;
  }
}

void messages_read(messages_t *messages, const char *path) {
  struct stat info;
  FILE *f = fopen(path, "rb");
  if (f == NULL || fstat(fileno(f), &info) != 0) {
    die(path);
  }
  size_t len = (size_t)info.st_size;
  unsigned char *text = allocate(len + 1);
  if (fread(text, 1, len, f) != len) {
    die(path);
  }
  (void)fclose(f);
  messages->list = allocate((len + 1) * sizeof *messages->list);
  messages->is_text = 1;
  for (size_t at = 0; at < len; messages->n++) {
    const unsigned char *end = memchr(text + at, '\n', len - at);
    message_t line = {text + at, end != NULL ? (size_t)(end - text) - at : len - at};
    messages->list[messages->n] = line;
    at += line.len + 1;
  }
  if (messages->n == 0) {
    fail("%s: no messages", path);
  }
}
