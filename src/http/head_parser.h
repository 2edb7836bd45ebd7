/* The head of one HTTP message from bytes in any split, and the body of a response that is not an upgrade.
 *
 * Lines are found and checked here; complete lines go to llhttp, which so sees the same pieces however the bytes were
 * split. All text stays where it was received, in one buffer that ends with the head's limit.
 */
#ifndef WSUV_HTTP_HEAD_PARSER_H
#define WSUV_HTTP_HEAD_PARSER_H

#include <llhttp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/fields.h"
#include "wsuv/protocol.h"

enum wsuv__head_kind { HEAD_REQUEST, HEAD_RESPONSE };

struct wsuv__head_limits {
  size_t max_bytes;   /* from the first byte to the empty line, skipped 1xx responses included */
  size_t max_headers; /* field lines */
  size_t max_body;    /* kept of a response's body; the rest is read and dropped */
};

enum wsuv__head_state {
  HEAD_READING,      /* the head is not complete */
  HEAD_READING_BODY, /* a response's head is complete, its body is not */
  HEAD_COMPLETE,     /* nothing more is consumed */
  HEAD_FAILED        /* `error` says why; absorbing */
};

struct wsuv__head_span {
  size_t at;
  size_t len;
};

struct wsuv__head_parser {
  /* For the reader. All but state and error are valid from the end of the head on. */
  enum wsuv__head_state state;
  int error;
  int status; /* response */
  int version_major;
  int version_minor;
  int upgrade;  /* Connection lists upgrade and Upgrade is there, or the method is CONNECT */
  int has_body; /* request: Content-Length above 0, or Transfer-Encoding */

  /* The parser's own. */
  enum wsuv__head_kind kind;
  struct wsuv__head_limits limits;
  wsuv_allocator_t allocator;
  llhttp_t http;
  struct wsuv__buf text; /* the head, then the body */
  struct wsuv__fields fields;
  struct wsuv__head_span method;
  struct wsuv__head_span target;
  struct wsuv__head_span authority;
  struct wsuv__head_span reason;
  size_t total;     /* bytes of heads so far */
  size_t line_at;   /* where the unfinished line starts in text */
  size_t body_at;   /* where the body starts in text */
  int has_line;     /* the start line is complete */
  int headers_done; /* llhttp saw the end of the head */
  int message_done; /* llhttp saw the end of the message */
  int callback_error;
};

void wsuv__head_parser_init(struct wsuv__head_parser *p, enum wsuv__head_kind kind,
                            const struct wsuv__head_limits *limits, const wsuv_allocator_t *a);
void wsuv__head_parser_free(struct wsuv__head_parser *p);

/* Takes what belongs to the message: *used bytes; the rest is the caller's. 0 or, from then on always, WSUV_EHTTP,
 * WSUV_EHEADSIZE, WSUV_EHTTPVERSION, WSUV_EMETHOD, WSUV_ENOMEM. A request is complete at the end of its head even if a
 * body follows (has_body); so is a 101 (RFC 9112 6.3 item 1). Other 1xx responses are skipped (RFC 9110 15.2). */
int wsuv__head_parser_feed(struct wsuv__head_parser *p, const uint8_t *data, size_t len,
                           size_t *used);

/* The transport ended: completes a body that lasts until then (RFC 9112 6.3 item 8). Else WSUV_EABNORMAL where nothing
 * was received, WSUV_EHTTP in the middle of a message. */
int wsuv__head_parser_eof(struct wsuv__head_parser *p);

/* Borrowed until the parser is fed or freed; method, target, authority, reason, names and values are NUL-terminated too. An
 * absolute-form target is given as authority and origin-form; the authority is empty for others (RFC 9112 3.2). */
wsuv_span_t wsuv__head_parser_method(const struct wsuv__head_parser *p);
wsuv_span_t wsuv__head_parser_target(const struct wsuv__head_parser *p);
wsuv_span_t wsuv__head_parser_authority(const struct wsuv__head_parser *p);
wsuv_span_t wsuv__head_parser_reason(const struct wsuv__head_parser *p);
wsuv_span_t wsuv__head_parser_body(const struct wsuv__head_parser *p);
size_t wsuv__head_parser_nheaders(const struct wsuv__head_parser *p);
wsuv_header_t wsuv__head_parser_header(const struct wsuv__head_parser *p, size_t i);

/* The `nth` field (from 0) of that name, in any letter case. 1 and *out, or 0. */
int wsuv__head_parser_find(const struct wsuv__head_parser *p, const char *name, size_t nth,
                           wsuv_header_t *out);

#endif
