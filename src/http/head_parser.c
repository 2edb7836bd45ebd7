#include "http/head_parser.h"

#include <string.h>

#include "http/line_octets.h"
#include "http/start_line.h"
#include "http/token.h"
#include "wsuv/errno.h"

#define TEXT_SIZE 512u /* what most requests need */

static int fail(struct wsuv__head_parser *p, int err) {
  p->state = HEAD_FAILED;
  p->error = err;
  return err;
}

/* ---- llhttp's side: it is handed pieces of p->text, so a span's place in it is a difference of pointers ---- */

static size_t offset_of(const struct wsuv__head_parser *p, const char *at) {
  return (size_t)(at - (const char *)p->text.base);
}

static int stop(struct wsuv__head_parser *p, int err) {
  p->callback_error = err;
  return HPE_USER;
}

static int on_header_field(llhttp_t *http, const char *at, size_t len) {
  struct wsuv__head_parser *p = http->data;
  struct wsuv__field *field;

  if (p->headers_done) /* trailers are dropped (RFC 9110 6.5.1) */
    return 0;
  if (!wsuv__token_is_valid(at, len))
    return stop(p, WSUV_EHTTP);
  field = wsuv__fields_add(&p->fields, &p->allocator);
  if (field == NULL)
    return stop(p, WSUV_ENOMEM);
  field->name_at = offset_of(p, at);
  field->name_len = len;
  field->value_at = field->name_at + len + 1; /* behind the colon, if no value comes */
  return 0;
}

static int on_header_value(llhttp_t *http, const char *at, size_t len) {
  struct wsuv__head_parser *p = http->data;
  struct wsuv__field *field;
  struct wsuv__text value;

  if (p->headers_done || len == 0)
    return 0;
  field = &p->fields.items[p->fields.len - 1];
  if (field->value_len > 0) /* one line, one value */
    return stop(p, WSUV_EHTTP);
  value = wsuv__token_trim(at, len); /* RFC 9112 5.1 */
  field->value_at = offset_of(p, value.data);
  field->value_len = value.len;
  return 0;
}

static int on_headers_complete(llhttp_t *http) {
  struct wsuv__head_parser *p = http->data;
  p->headers_done = 1;
  p->version_major = http->http_major;
  p->version_minor = http->http_minor;
  p->status = http->status_code;
  p->body_at = p->text.len;
  p->has_body = (http->flags & (F_CHUNKED | F_TRANSFER_ENCODING)) != 0 || http->content_length > 0;
  /* RFC 9112 6.3 item 1: these end with the head whatever their fields say. 1 means "no body" to llhttp. */
  return p->kind == HEAD_RESPONSE && (p->status < 200 || p->status == 204 || p->status == 304);
}

static int on_body(llhttp_t *http, const char *at, size_t len) {
  struct wsuv__head_parser *p = http->data;
  size_t room = p->limits.max_body - (p->text.len - p->body_at);
  if (wsuv__buf_append(&p->text, &p->allocator, at, len < room ? len : room) != 0)
    return stop(p, WSUV_ENOMEM);
  return 0;
}

static int on_message_complete(llhttp_t *http) {
  struct wsuv__head_parser *p = http->data;
  p->message_done = 1;
  return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static int error_of(const struct wsuv__head_parser *p, llhttp_errno_t code) {
  switch (code) {
  case HPE_OK:
  case HPE_PAUSED:
  case HPE_PAUSED_UPGRADE:
    return 0;
  case HPE_INVALID_VERSION:
  case HPE_PAUSED_H2_UPGRADE:
    return WSUV_EHTTPVERSION;
  case HPE_INVALID_METHOD:
  case HPE_INVALID_CONSTANT: /* a method of another protocol than HTTP */
    return WSUV_EMETHOD;     /* a token, or the start line would have been refused */
  default:
    return p->callback_error != 0 ? p->callback_error : WSUV_EHTTP;
  }
}

static int execute(struct wsuv__head_parser *p, const void *data, size_t len) {
  p->http.data = p; /* here, so that the struct may be moved between calls */
  return error_of(p, llhttp_execute(&p->http, data, len));
}

/* ---- lines ---- */

static void start_message(struct wsuv__head_parser *p) {
  llhttp_init(&p->http, p->kind == HEAD_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
  p->text.len = 0;
  p->fields.len = 0;
  p->line_at = 0;
  p->has_line = 0;
  p->headers_done = 0;
  p->message_done = 0;
}

static void terminate_span(struct wsuv__head_parser *p, struct wsuv__head_span *span,
                           struct wsuv__text text) {
  span->at = text.data != NULL ? offset_of(p, text.data) : p->text.len - 1;
  span->len = text.len;
  p->text.base[span->at + span->len] = '\0'; /* was SP or CR, and llhttp is done with it */
}

/* The authority moves over the slashes before it, which leaves room for its NUL and for the "/" of an empty path. */
static void set_authority_apart(struct wsuv__head_parser *p, struct wsuv__start_line *parts) {
  struct wsuv__text *authority = &parts->authority;
  char *to;
  if (authority->data == NULL)
    return;
  to = (char *)p->text.base + offset_of(p, authority->data) - 2;
  memmove(to, authority->data, authority->len);
  authority->data = to;
  if (parts->target.len > 0 && parts->target.data[0] == '/')
    return;
  to[authority->len + 1] = '/';
  parts->target.data = to + authority->len + 1;
  parts->target.len++;
}

static int take_start_line(struct wsuv__head_parser *p, struct wsuv__text line) {
  struct wsuv__start_line parts;
  int err = p->kind == HEAD_REQUEST ? wsuv__start_line_parse_request(&parts, line)
                                    : wsuv__start_line_parse_response(&parts, line);
  if (err == 0)
    err = execute(p, line.data, line.len + 2);
  if (err != 0)
    return err;
  p->has_line = 1;
  set_authority_apart(p, &parts);
  terminate_span(p, &p->method, parts.method);
  terminate_span(p, &p->authority, parts.authority);
  terminate_span(p, &p->target, parts.target);
  terminate_span(p, &p->reason, parts.reason);
  return 0;
}

static int take_field_line(struct wsuv__head_parser *p, struct wsuv__text line) {
  const struct wsuv__field *field;
  size_t before = p->fields.len;
  int err;

  /* RFC 9112 2.2 and 5.2: neither white space before the first field nor line folding. */
  if (line.data[0] == ' ' || line.data[0] == '\t')
    return WSUV_EHTTP;
  if (before >= p->limits.max_headers)
    return WSUV_EHEADSIZE;
  err = execute(p, line.data, line.len + 2);
  if (err != 0)
    return err;
  if (p->fields.len != before + 1)
    return WSUV_EHTTP;
  field = &p->fields.items[before];
  p->text.base[field->name_at + field->name_len] = '\0';
  p->text.base[field->value_at + field->value_len] = '\0';
  return 0;
}

static int has_field(const struct wsuv__head_parser *p, const char *name) {
  wsuv_header_t ignored;
  return wsuv__head_parser_find(p, name, 0, &ignored);
}

/* llhttp's own flag misses "Upgrade" with a tab behind it. */
static int asks_for_upgrade(const struct wsuv__head_parser *p) {
  wsuv_header_t connection;
  size_t nth;
  if (p->http.method == HTTP_CONNECT && p->kind == HEAD_REQUEST)
    return 1;
  for (nth = 0; wsuv__head_parser_find(p, "Connection", nth, &connection); nth++) {
    struct wsuv__text rest = {connection.value, connection.value_len};
    struct wsuv__text token;
    while (wsuv__token_next(&rest, &token) == 1)
      if (wsuv__token_is(token.data, token.len, "upgrade"))
        return has_field(p, "Upgrade");
  }
  return 0;
}

static int finish_response_head(struct wsuv__head_parser *p) {
  if (p->status == 101) {
    if (p->version_major != 1 || p->version_minor < 1)
      return WSUV_EHTTPVERSION; /* RFC 9110 7.8: HTTP/1.0 knows no upgrade */
    p->state = HEAD_COMPLETE;
  } else if (p->status < 200) {
    start_message(p);
  } else {
    p->state = p->message_done ? HEAD_COMPLETE : HEAD_READING_BODY;
  }
  return 0;
}

static int take_empty_line(struct wsuv__head_parser *p, struct wsuv__text line) {
  int err;
  if (!p->has_line) {
    /* RFC 9112 2.2: empty lines before a request line are ignored; the limit bounds them. */
    p->text.len = p->line_at;
    return p->kind == HEAD_REQUEST ? 0 : WSUV_EHTTP;
  }
  err = execute(p, line.data, 2);
  if (err != 0)
    return err;
  if (!p->headers_done)
    return WSUV_EHTTP;
  /* RFC 9112 6.3 item 3: both together are an attack, or near enough. */
  if (has_field(p, "Content-Length") && has_field(p, "Transfer-Encoding"))
    return WSUV_EHTTP;
  p->upgrade = asks_for_upgrade(p);
  if (p->kind == HEAD_RESPONSE)
    return finish_response_head(p);
  p->has_body |= has_field(p, "Transfer-Encoding"); /* an empty one too */
  p->state = HEAD_COMPLETE;
  return 0;
}

static int take_line(struct wsuv__head_parser *p) {
  struct wsuv__text line;
  line.data = (const char *)p->text.base + p->line_at;
  line.len = p->text.len - p->line_at - 2;
  if (line.len == 0)
    return take_empty_line(p, line);
  return p->has_line ? take_field_line(p, line) : take_start_line(p, line);
}

static int end_line(struct wsuv__head_parser *p) {
  size_t len = p->text.len;
  int err = take_line(p);
  if (err == 0 && p->text.len == len) /* else the text was cut back */
    p->line_at = len;
  return err;
}

/* Takes one piece of a line, which ends with LF at the latest. */
static int take_piece(struct wsuv__head_parser *p, const uint8_t *data, size_t len) {
  size_t allowed = p->limits.max_bytes - p->total;
  size_t n = len < allowed ? len : allowed;
  uint8_t previous = p->text.len > p->line_at ? p->text.base[p->text.len - 1] : 0;

  if (!wsuv__line_octets_judge(data, n, previous, p->kind == HEAD_REQUEST && !p->has_line))
    return WSUV_EHTTP;
  if (n < len)
    return WSUV_EHEADSIZE;
  if (wsuv__buf_append(&p->text, &p->allocator, data, n) != 0)
    return WSUV_ENOMEM;
  p->total += n;
  return data[n - 1] == '\n' ? end_line(p) : 0;
}

static int feed_body(struct wsuv__head_parser *p, const uint8_t *data, size_t len, size_t *used) {
  int err = execute(p, data, len);
  *used = len;
  if (err != 0)
    return err;
  if (p->message_done) {
    *used = (size_t)((const uint8_t *)llhttp_get_error_pos(&p->http) - data);
    p->state = HEAD_COMPLETE;
  }
  return 0;
}

static int feed_some(struct wsuv__head_parser *p, const uint8_t *data, size_t len, size_t *used) {
  const uint8_t *newline;
  if (p->state == HEAD_READING_BODY)
    return feed_body(p, data, len, used);
  newline = memchr(data, '\n', len);
  *used = newline != NULL ? (size_t)(newline - data) + 1 : len;
  return take_piece(p, data, *used);
}

/* ---- for the reader ---- */

void wsuv__head_parser_init(struct wsuv__head_parser *p, enum wsuv__head_kind kind,
                            const struct wsuv__head_limits *limits, const wsuv_allocator_t *a) {
  memset(p, 0, sizeof *p);
  p->kind = kind;
  p->limits = *limits;
  p->allocator = *wsuv__allocator_or_default(a);
  start_message(p);
}

void wsuv__head_parser_free(struct wsuv__head_parser *p) {
  wsuv__buf_free(&p->text, &p->allocator);
  wsuv__fields_free(&p->fields, &p->allocator);
}

int wsuv__head_parser_feed(struct wsuv__head_parser *p, const uint8_t *data, size_t len,
                           size_t *used) {
  *used = 0;
  if (p->state == HEAD_FAILED)
    return p->error;
  if (p->text.cap == 0 && wsuv__buf_reserve(&p->text, &p->allocator, TEXT_SIZE) != 0)
    return fail(p, WSUV_ENOMEM);
  while (*used < len && p->state != HEAD_COMPLETE) {
    size_t step = 0;
    int err = feed_some(p, data + *used, len - *used, &step);
    *used += step;
    if (err != 0)
      return fail(p, err);
  }
  return 0;
}

int wsuv__head_parser_eof(struct wsuv__head_parser *p) {
  if (p->state == HEAD_FAILED)
    return p->error;
  if (p->state == HEAD_COMPLETE)
    return 0;
  if (p->state == HEAD_READING)
    return fail(p, p->total == 0 ? WSUV_EABNORMAL : WSUV_EHTTP);
  p->http.data = p;
  llhttp_finish(&p->http);
  if (!p->message_done)
    return fail(p, WSUV_EHTTP);
  p->state = HEAD_COMPLETE;
  return 0;
}

static wsuv_span_t span_of(const struct wsuv__head_parser *p, size_t at, size_t len) {
  wsuv_span_t span;
  span.data = p->headers_done ? p->text.base + at : (const uint8_t *)"";
  span.len = p->headers_done ? len : 0;
  return span;
}

wsuv_span_t wsuv__head_parser_method(const struct wsuv__head_parser *p) {
  return span_of(p, p->method.at, p->method.len);
}

wsuv_span_t wsuv__head_parser_target(const struct wsuv__head_parser *p) {
  return span_of(p, p->target.at, p->target.len);
}

wsuv_span_t wsuv__head_parser_authority(const struct wsuv__head_parser *p) {
  return span_of(p, p->authority.at, p->authority.len);
}

wsuv_span_t wsuv__head_parser_reason(const struct wsuv__head_parser *p) {
  return span_of(p, p->reason.at, p->reason.len);
}

wsuv_span_t wsuv__head_parser_body(const struct wsuv__head_parser *p) {
  return span_of(p, p->body_at, p->headers_done ? p->text.len - p->body_at : 0);
}

size_t wsuv__head_parser_nheaders(const struct wsuv__head_parser *p) {
  return p->headers_done ? p->fields.len : 0;
}

wsuv_header_t wsuv__head_parser_header(const struct wsuv__head_parser *p, size_t i) {
  return wsuv__fields_get(&p->fields, (const char *)p->text.base, i);
}

int wsuv__head_parser_find(const struct wsuv__head_parser *p, const char *name, size_t nth,
                           wsuv_header_t *out) {
  return wsuv__fields_find(&p->fields, (const char *)p->text.base, name, nth, out);
}
