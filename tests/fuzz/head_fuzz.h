/* What the two head targets share: one message, fed whole and in pieces, has to end the same way. Code in a header, because
 * a target is one file. */
#ifndef WSUV_FUZZ_HEAD_FUZZ_H
#define WSUV_FUZZ_HEAD_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/head_parser.h"
#include "wsuv/handshake.h"

#define FUZZ_CHECK(condition) \
  do {                        \
    if (!(condition))         \
      abort();                \
  } while (0)

/* An extension without parameters, and how many of its sessions ended. */
static size_t nended;

static void end_session(const wsuv_extension_t *extension, void *session) {
  FUZZ_CHECK(extension->token[0] == 'p' && session == NULL);
  nended++;
}

static const wsuv_extension_t extension = {
    .size = sizeof extension, .token = "permessage-deflate", .rsv = 4, .end = end_session};
static const wsuv_extension_t *const extensions[] = {&extension};

/* The size of the next piece: 1-15 that many octets, above by a generator with that seed, 0 all at once. */
static size_t next_piece(uint8_t pattern, uint32_t *random, size_t left) {
  size_t piece = pattern;
  if (pattern == 0)
    return left;
  if (pattern > 15) {
    *random = *random * 1664525u + 1013904223u;
    piece = 1 + (*random >> 16) % 40;
  }
  return piece < left ? piece : left;
}

/* Feeds it all, then the end of the transport. Returns how much the parser took. */
static size_t feed(struct wsuv__head_parser *p, uint8_t pattern, const uint8_t *data, size_t len) {
  uint32_t random = pattern;
  size_t at = 0;
  int err = 0;
  while (at < len && err == 0 && p->state != HEAD_COMPLETE) {
    size_t piece = next_piece(pattern, &random, len - at);
    size_t used;
    err = wsuv__head_parser_feed(p, data + at, piece, &used);
    FUZZ_CHECK(used <= piece);
    FUZZ_CHECK(err != 0 || used == piece || p->state == HEAD_COMPLETE);
    at += used;
  }
  FUZZ_CHECK((err != 0) == (p->state == HEAD_FAILED));
  wsuv__head_parser_eof(p);
  FUZZ_CHECK(p->state == HEAD_COMPLETE || p->state == HEAD_FAILED);
  return at;
}

static void check_equal_spans(wsuv_span_t a, wsuv_span_t b) {
  FUZZ_CHECK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
}

static void check_equal_texts(const char *a, size_t a_len, const char *b, size_t b_len) {
  FUZZ_CHECK(a_len == b_len && memcmp(a, b, a_len) == 0);
  FUZZ_CHECK(strlen(a) == a_len && strlen(b) == b_len); /* terminated, and no NUL inside */
}

static void check_equal_heads(const struct wsuv__head_parser *a,
                              const struct wsuv__head_parser *b) {
  size_t n = wsuv__head_parser_nheaders(a);
  size_t i;
  FUZZ_CHECK(a->status == b->status && a->upgrade == b->upgrade && a->has_body == b->has_body);
  FUZZ_CHECK(a->version_major == b->version_major && a->version_minor == b->version_minor);
  check_equal_spans(wsuv__head_parser_method(a), wsuv__head_parser_method(b));
  check_equal_spans(wsuv__head_parser_target(a), wsuv__head_parser_target(b));
  check_equal_spans(wsuv__head_parser_reason(a), wsuv__head_parser_reason(b));
  check_equal_spans(wsuv__head_parser_body(a), wsuv__head_parser_body(b));
  FUZZ_CHECK(n == wsuv__head_parser_nheaders(b) && n <= a->limits.max_headers);
  for (i = 0; i < n; i++) {
    wsuv_header_t x = wsuv__head_parser_header(a, i);
    wsuv_header_t y = wsuv__head_parser_header(b, i);
    check_equal_texts(x.name, x.name_len, y.name, y.name_len);
    check_equal_texts(x.value, x.value_len, y.value, y.value_len);
  }
}

static void run_with_limits(enum wsuv__head_kind kind, const struct wsuv__head_limits *limits,
                            uint8_t pattern, const uint8_t *data, size_t len,
                            int (*judge)(const struct wsuv__head_parser *p)) {
  struct wsuv__head_parser whole;
  struct wsuv__head_parser split;
  size_t whole_used;
  size_t split_used;
  wsuv__head_parser_init(&whole, kind, limits, NULL);
  wsuv__head_parser_init(&split, kind, limits, NULL);
  whole_used = feed(&whole, 0, data, len);
  split_used = feed(&split, pattern, data, len);
  FUZZ_CHECK(whole.state == split.state && whole.error == split.error);
  FUZZ_CHECK(wsuv__head_parser_body(&whole).len <= limits->max_body);
  FUZZ_CHECK(whole.text.len <= limits->max_bytes + limits->max_body);
  if (whole.state == HEAD_COMPLETE) {
    FUZZ_CHECK(whole_used == split_used);
    check_equal_heads(&whole, &split);
    FUZZ_CHECK(judge(&whole) == judge(&split));
  }
  wsuv__head_parser_free(&whole);
  wsuv__head_parser_free(&split);
}

/* The first octet picks the pieces; `judge` gets every complete head. */
static void run_heads(enum wsuv__head_kind kind, const uint8_t *data, size_t size,
                      int (*judge)(const struct wsuv__head_parser *p)) {
  static const struct wsuv__head_limits roomy = {16384, 100, 4096};
  static const struct wsuv__head_limits tiny = {120, 3, 5};
  if (size == 0)
    return;
  run_with_limits(kind, &roomy, data[0], data + 1, size - 1, judge);
  run_with_limits(kind, &tiny, data[0], data + 1, size - 1, judge);
}

#endif
