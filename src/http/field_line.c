#include "http/field_line.h"

#include <string.h>

#include "wsuv/errno.h"

static struct wsuv__text text_of(const char *data, size_t len) {
  struct wsuv__text text;
  text.data = data;
  text.len = len == 0 && data != NULL ? strlen(data) : len;
  return text;
}

struct wsuv__text wsuv__field_line_name(const wsuv_header_t *header) {
  return text_of(header->name, header->name_len);
}

struct wsuv__text wsuv__field_line_value(const wsuv_header_t *header) {
  return text_of(header->value, header->value_len);
}

int wsuv__field_line_value_is_valid(const char *data, size_t len) {
  size_t i;
  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)data[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f)
      return 0;
  }
  return 1;
}

int wsuv__field_line_check(const wsuv_header_t *header) {
  struct wsuv__text name = wsuv__field_line_name(header);
  struct wsuv__text value = wsuv__field_line_value(header);
  if (name.data == NULL || value.data == NULL)
    return WSUV_EINVAL;
  if (!wsuv__token_is_valid(name.data, name.len))
    return WSUV_EINVAL;
  return wsuv__field_line_value_is_valid(value.data, value.len) ? 0 : WSUV_EINVAL;
}

static int is_own(struct wsuv__text name, int owns_origin) {
  static const char *const own[] = {"Host", "Upgrade", "Connection", "Content-Length",
                                    "Transfer-Encoding"};
  size_t i;
  for (i = 0; i < sizeof own / sizeof own[0]; i++)
    if (wsuv__token_is(name.data, name.len, own[i]))
      return 1;
  if (owns_origin && wsuv__token_is(name.data, name.len, "Origin"))
    return 1;
  return wsuv__token_starts_with(name.data, name.len, "Sec-WebSocket-");
}

int wsuv__field_line_check_extra(const wsuv_header_t *headers, size_t nheaders, int owns_origin) {
  size_t i;
  if (headers == NULL && nheaders > 0)
    return WSUV_EINVAL;
  for (i = 0; i < nheaders; i++) {
    if (wsuv__field_line_check(&headers[i]) != 0)
      return WSUV_EINVAL;
    if (is_own(wsuv__field_line_name(&headers[i]), owns_origin))
      return WSUV_EINVAL;
  }
  return 0;
}

static int write_line(struct wsuv__buf *buf, const wsuv_allocator_t *a, struct wsuv__text name,
                      struct wsuv__text value) {
  if (wsuv__buf_append(buf, a, name.data, name.len) != 0 ||
      wsuv__buf_append_text(buf, a, ": ") != 0 ||
      wsuv__buf_append(buf, a, value.data, value.len) != 0 ||
      wsuv__buf_append_text(buf, a, "\r\n") != 0)
    return WSUV_ENOMEM;
  return 0;
}

int wsuv__field_line_write(struct wsuv__buf *buf, const wsuv_allocator_t *a, const char *name,
                           struct wsuv__text value) {
  return write_line(buf, a, text_of(name, 0), value);
}

int wsuv__field_line_write_all(struct wsuv__buf *buf, const wsuv_allocator_t *a,
                               const wsuv_header_t *headers, size_t nheaders) {
  size_t i;
  for (i = 0; i < nheaders; i++) {
    int err =
        write_line(buf, a, wsuv__field_line_name(&headers[i]), wsuv__field_line_value(&headers[i]));
    if (err != 0)
      return err;
  }
  return 0;
}
