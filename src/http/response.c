#include "http/response.h"

#include "http/detail.h"
#include "http/field_line.h"
#include "wsuv/errno.h"

static const struct {
  int status;
  const char *reason;
} reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

const char *wsuv__response_reason(int status) {
  size_t i;
  for (i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
    if (reasons[i].status == status)
      return reasons[i].reason;
  return "";
}

static int has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

static int is_own(struct wsuv__text name) {
  return wsuv__token_is(name.data, name.len, "Content-Length") ||
         wsuv__token_is(name.data, name.len, "Connection") ||
         wsuv__token_is(name.data, name.len, "Transfer-Encoding");
}

static int has_field(const wsuv_header_t *headers, size_t nheaders, const char *name) {
  size_t i;
  for (i = 0; i < nheaders; i++) {
    struct wsuv__text given = wsuv__field_line_name(&headers[i]);
    if (wsuv__token_is(given.data, given.len, name))
      return 1;
  }
  return 0;
}

static int check(int status, const wsuv_header_t *headers, size_t nheaders, const void *body,
                 size_t body_len) {
  size_t i;
  if (status < 100 || status > 999 || (body == NULL && body_len > 0) ||
      (headers == NULL && nheaders > 0) || (has_no_body(status) && body_len > 0))
    return WSUV_EINVAL;
  for (i = 0; i < nheaders; i++)
    if (wsuv__field_line_check(&headers[i]) != 0 || is_own(wsuv__field_line_name(&headers[i])))
      return WSUV_EINVAL;
  if (status == 401 && !has_field(headers, nheaders, "WWW-Authenticate"))
    return WSUV_EINVAL; /* RFC 9110 15.5.2 */
  return 0;
}

static int write_status_line(struct wsuv__buf *buf, const wsuv_allocator_t *a, int status) {
  char line[] = "HTTP/1.1 000 ";
  line[9] = (char)('0' + status / 100);
  line[10] = (char)('0' + status / 10 % 10);
  line[11] = (char)('0' + status % 10);
  if (wsuv__buf_append_text(buf, a, line) != 0 ||
      wsuv__buf_append_text(buf, a, wsuv__response_reason(status)) != 0)
    return WSUV_ENOMEM;
  return wsuv__buf_append_text(buf, a, "\r\n");
}

static int write_content_length(struct wsuv__buf *buf, const wsuv_allocator_t *a, size_t len) {
  char digits[24];
  struct wsuv__text value;
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + len % 10);
    len /= 10;
  } while (len > 0);
  value.data = digits + at;
  value.len = sizeof digits - at;
  return wsuv__field_line_write(buf, a, "Content-Length", value);
}

struct message {
  int status;
  const wsuv_header_t *headers;
  size_t nheaders;
  const void *body;
  size_t body_len;
  int keeps; /* the connection goes on */
};

/* RFC 9110 15.5.22, RFC 6455 4.4 */
static int write_upgrade(struct wsuv__buf *buf, const wsuv_allocator_t *a,
                         const struct message *m) {
  int err = 0;
  if (!has_field(m->headers, m->nheaders, "Upgrade"))
    err = wsuv__buf_append_text(buf, a, "Upgrade: websocket\r\n");
  if (err == 0 && !has_field(m->headers, m->nheaders, "Sec-WebSocket-Version"))
    err = wsuv__buf_append_text(buf, a, "Sec-WebSocket-Version: 13\r\n");
  return err;
}

/* Upgrade is named in Connection (RFC 9110 7.8); that the connection goes on needs no word (RFC 9112 9.3). */
static int write_connection(struct wsuv__buf *buf, const wsuv_allocator_t *a,
                            const struct message *m) {
  static const char *const fields[2][2] = {
      {"Connection: close\r\n", "Connection: Upgrade, close\r\n"},
      {"", "Connection: Upgrade\r\n"},
  };
  int upgrades = m->status == 426 || has_field(m->headers, m->nheaders, "Upgrade");
  return wsuv__buf_append_text(buf, a, fields[m->keeps][upgrades]);
}

static int write_parts(struct wsuv__buf *buf, const wsuv_allocator_t *a, const struct message *m) {
  int err = write_status_line(buf, a, m->status);
  if (err == 0 && m->status == 426)
    err = write_upgrade(buf, a, m);
  if (err == 0)
    err = wsuv__field_line_write_all(buf, a, m->headers, m->nheaders);
  if (err == 0 && !has_no_body(m->status))
    err = write_content_length(buf, a, m->body_len);
  if (err == 0 && m->status >= 200)
    err = write_connection(buf, a, m);
  if (err == 0)
    err = wsuv__buf_append_text(buf, a, "\r\n");
  if (err == 0)
    err = wsuv__buf_append(buf, a, m->body, m->body_len);
  return err;
}

static int write_message(struct wsuv__buf *buf, const wsuv_allocator_t *a,
                         const struct message *m) {
  size_t before = buf->len;
  int err = write_parts(buf, a, m);
  if (err != 0)
    buf->len = before;
  return err;
}

static int write_checked(struct wsuv__buf *buf, const wsuv_allocator_t *a,
                         const struct message *m) {
  if (check(m->status, m->headers, m->nheaders, m->body, m->body_len) != 0)
    return WSUV_EINVAL;
  return write_message(buf, a, m);
}

int wsuv__response_write(struct wsuv__buf *buf, const wsuv_allocator_t *a, int status,
                         const wsuv_header_t *headers, size_t nheaders, const void *body,
                         size_t body_len) {
  const struct message m = {status, headers, nheaders, body, body_len, 0};
  return write_checked(buf, a, &m);
}

int wsuv__response_write_kept(struct wsuv__buf *buf, const wsuv_allocator_t *a, int status,
                              const wsuv_header_t *headers, size_t nheaders, const void *body,
                              size_t body_len) {
  const struct message m = {status, headers, nheaders, body, body_len, 1};
  return write_checked(buf, a, &m);
}

/* RFC 9110 15.5.6 */
static size_t required_headers(int status, wsuv_header_t headers[2]) {
  static const wsuv_header_t type = {"Content-Type", "text/plain", 0, 0};
  static const wsuv_header_t allow = {"Allow", "GET", 0, 0};
  size_t n = 0;
  if (status == 405)
    headers[n++] = allow;
  headers[n++] = type;
  return n;
}

int wsuv__response_write_refusal(struct wsuv__buf *buf, const wsuv_allocator_t *a, int err,
                                 const char *detail) {
  struct wsuv__detail line; /* bounds the text and makes it printable */
  wsuv_header_t headers[2];
  struct message m;

  wsuv__detail_clear(&line);
  wsuv__detail_add(&line, detail != NULL && detail[0] != '\0' ? detail : wsuv_strerror(err));
  line.text[line.len++] = '\n'; /* in place of the NUL */
  m.status = wsuv_err_http_status(err);
  m.headers = headers;
  m.nheaders = required_headers(m.status, headers);
  m.keeps = 0;
  m.body = line.text;
  m.body_len = line.len;
  return write_message(buf, a, &m);
}
