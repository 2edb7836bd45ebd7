#include "vectors/opening_run.h"

#include <stdlib.h>
#include <string.h>

#include "http/head_parser.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "vectors/vector_text.h"
#include "wsuv/handshake.h"

struct opening {
  wsuv_role_t role;
  int tolerant;
  const wsuv_allocator_t *allocator;
  const char *subprotocols[8];
  size_t nsubprotocols;
  struct vector_bytes in;
  struct wsuv__head_parser parser;
  wsuv_handshake_t *handshake;
  struct vector_wire *wire; /* NULL: the parser is called */
  size_t used;
  int err; /* the parser's */
  int verdict;
  char words[8][VECTOR_WORD_MAX];
};

static void set_subprotocols(struct opening *o, const char *line) {
  while (*line != '\0') {
    CHECK_TRUE(o->nsubprotocols < 8);
    o->subprotocols[o->nsubprotocols] = vector_next_word(&line, o->words[o->nsubprotocols]);
    o->nsubprotocols++;
  }
}

/* Everything before the first expectation. */
static size_t read_setup(struct opening *o, const struct vector *vector) {
  size_t i;
  for (i = 0; i < vector->nlines; i++) {
    const char *line = vector->lines[i];
    if (vector_take_word(&line, "role"))
      o->role = vector_take_word(&line, "client") ? WSUV_CLIENT : WSUV_SERVER;
    else if (vector_take_word(&line, "subprotocols"))
      set_subprotocols(o, line);
    else if (vector_take_word(&line, "in"))
      vector_take_bytes(&line, &o->in);
    else
      break;
  }
  return i;
}

static int wants_more(void *opening) {
  (void)opening;
  return 1;
}

/* What is behind the head is the connection's. */
static void feed(void *opening, const uint8_t *bytes, size_t len) {
  struct opening *o = opening;
  size_t used;
  if (o->err != 0 || o->parser.state == HEAD_COMPLETE)
    return;
  o->err = wsuv__head_parser_feed(&o->parser, bytes, len, &used);
  o->used += used;
}

static void feed_all(struct opening *o, struct vector_split *split) {
  while (o->err == 0 && o->used < o->in.len && o->parser.state != HEAD_COMPLETE)
    feed(o, o->in.data + o->used, vector_split_next(split, o->in.len - o->used));
}

/* The peer does not know where the head ends, or a fault is: all of it is written. */
static void put_all(struct opening *o, struct vector_split *split) {
  size_t at = 0;
  o->wire->wants = wants_more;
  o->wire->take = feed;
  o->wire->owner = o;
  while (at < o->in.len) {
    size_t len = vector_split_next(split, o->in.len - at);
    o->wire->put(o->wire, o->in.data + at, len);
    at += len;
  }
  o->wire->arrive(o->wire);
}

static int parse(struct opening *o, struct vector_split *split) {
  static const struct wsuv__head_limits limits = {4096, 50, 100};
  wsuv__head_parser_init(&o->parser, o->role == WSUV_SERVER ? HEAD_REQUEST : HEAD_RESPONSE, &limits,
                         o->allocator);
  if (o->wire != NULL)
    put_all(o, split);
  else
    feed_all(o, split);
  if (o->err == 0 && o->parser.state != HEAD_COMPLETE)
    return wsuv__head_parser_eof(&o->parser);
  return o->err;
}

static int new_handshake(struct opening *o) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  options.role = o->role;
  options.allocator = o->allocator;
  options.url = "ws://server.example.com/chat";
  options.key = "dGhlIHNhbXBsZSBub25jZQ==";
  options.subprotocols = o->subprotocols;
  options.nsubprotocols = o->nsubprotocols;
  return wsuv_handshake_new(&o->handshake, &options);
}

static int give_head(struct opening *o) {
  wsuv_span_t method = wsuv__head_parser_method(&o->parser);
  size_t i;
  int err = o->role == WSUV_CLIENT
                ? wsuv_handshake_status_line(o->handshake, o->parser.status)
                : wsuv_handshake_request_line(o->handshake, (const char *)method.data, method.len,
                                              o->parser.version_major, o->parser.version_minor);
  for (i = 0; err == 0 && i < wsuv__head_parser_nheaders(&o->parser); i++) {
    wsuv_header_t h = wsuv__head_parser_header(&o->parser, i);
    err = wsuv_handshake_header(o->handshake, h.name, h.name_len, h.value, h.value_len);
  }
  return err != 0 ? err : wsuv_handshake_finish(o->handshake);
}

static void send_over(struct vector_wire *wire, wsuv_span_t text, struct vector_bytes *out) {
  while (text.len > 0) {
    size_t n = wire->send(wire, &text, 1);
    text.data += n;
    text.len -= n;
  }
  wire->collect(wire, out);
}

static void expect_answer(struct opening *o, const char *line) {
  struct vector_bytes answer = {NULL, 0, 0};
  wsuv_span_t text;
  CHECK_ERR(0, wsuv_handshake_response(o->handshake, NULL, 0, &text));
  if (o->wire != NULL)
    send_over(o->wire, text, &answer);
  else
    vector_bytes_add(&answer, text.data, text.len);
  vector_bytes_add(&answer, "", 1);
  if (strstr((const char *)answer.data, line) == NULL)
    fail_msg("not in the answer: %s\n%s", line, (const char *)answer.data);
  vector_bytes_free(&answer);
}

static void expect(struct opening *o, const char *line) {
  struct vector_bytes rest = {NULL, 0, 0};
  char word[VECTOR_WORD_MAX];
  vector_next_word(&line, word);
  if (strcmp(word, "verdict") == 0) {
    CHECK_ERR(vector_error_by_name(vector_next_word(&line, word)), o->verdict);
  } else if (strcmp(word, "status") == 0) {
    CHECK_SIZE(vector_take_number(&line), (uint64_t)wsuv_err_http_status(o->verdict));
  } else if (strcmp(word, "subprotocol") == 0) {
    const char *got = wsuv_handshake_subprotocol(o->handshake);
    CHECK_STR(line, got != NULL ? got : "-");
  } else if (strcmp(word, "answer") == 0) {
    expect_answer(o, line);
  } else if (strcmp(word, "rest") == 0) {
    vector_take_bytes(&line, &rest);
    CHECK_BYTES(rest.data, rest.len, o->in.data + o->used, o->in.len - o->used);
    vector_bytes_free(&rest);
  } else {
    fail_msg("not a line of a handshake: %s", word);
  }
}

static size_t run(struct opening *o, const struct vector *vector, struct vector_split split,
                  size_t failing, int *has_failed) {
  struct failing_alloc fa;
  size_t i;
  failing_alloc_init(&fa);
  failing_alloc_fail_once(&fa, failing);
  o->allocator = &fa.allocator;
  i = read_setup(o, vector);
  o->verdict = parse(o, &split);
  if (o->verdict == 0)
    o->verdict = new_handshake(o);
  if (o->verdict == 0)
    o->verdict = give_head(o);
  *has_failed = failing_alloc_has_failed(&fa);
  if (*has_failed)
    CHECK_ERR(WSUV_ENOMEM, o->verdict);
  for (; i < vector->nlines && failing == 0; i++)
    expect(o, vector->lines[i]);
  wsuv_handshake_free(o->handshake);
  wsuv__head_parser_free(&o->parser);
  vector_bytes_free(&o->in);
  failing_alloc_check_no_leaks(&fa);
  return split.fed;
}

size_t opening_run_once(const struct vector *vector, struct vector_split split, size_t failing,
                        int *has_failed) {
  struct opening o;
  memset(&o, 0, sizeof o);
  return run(&o, vector, split, failing, has_failed);
}

size_t opening_run_over(struct vector_wire *wire, const struct vector *vector,
                        struct vector_split split) {
  struct opening o;
  int has_failed;
  memset(&o, 0, sizeof o);
  o.wire = wire;
  return run(&o, vector, split, 0, &has_failed);
}
