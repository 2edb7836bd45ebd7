#include <string.h>

#include "wsuv/frame.h"

/* Control characters would write lines of their own into a log. */
static void put_reason(char *out, const char *reason, size_t len) {
  size_t i;
  for (i = 0; i < len; i++)
    out[i] = (unsigned char)reason[i] < 0x20 || reason[i] == 0x7f ? '?' : reason[i];
  out[len] = '\0';
}

/* snprintf would take ten times as long, for every connection that ends. Returns the length. */
static size_t put_number(char *out, int number) {
  char digits[16];
  char *at = digits + sizeof digits;
  unsigned rest = number < 0 ? 0u - (unsigned)number : (unsigned)number;
  size_t len;

  do
    *--at = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (number < 0)
    *--at = '-';
  len = (size_t)(digits + sizeof digits - at);
  memcpy(out, at, len);
  return len;
}

/* "1001/ENDPOINT_UNAVAILABLE"; not NUL-terminated. Returns the length. */
static size_t put_code(char *out, int code) {
  static const char none[] = "no code";
  const char *name = wsuv_close_code_name(code);
  size_t len;

  if (code == 0) {
    memcpy(out, none, sizeof none - 1);
    return sizeof none - 1;
  }
  len = put_number(out, code);
  if (name == NULL)
    return len;
  out[len++] = '/';
  while (*name != '\0')
    out[len++] = *name++;
  return len;
}

int wsuv_close_format(char *out, size_t size, int code, const char *reason, size_t reason_len) {
  char text[48];
  size_t len;

  if (out == NULL || (reason == NULL && reason_len > 0) || reason_len > WSUV_CLOSE_REASON_MAX)
    return WSUV_EINVAL;
  len = put_code(text, code);
  if (len + (reason_len > 0 ? 2 + reason_len : 0) >= size)
    return WSUV_ENOBUFS;
  memcpy(out, text, len);
  out[len] = '\0';
  if (reason_len == 0)
    return (int)len;
  out[len] = ':';
  out[len + 1] = ' ';
  put_reason(out + len + 2, reason, reason_len);
  return (int)(len + 2 + reason_len);
}
