#include <stdio.h>
#include <string.h>

#include "wsuv/frame.h"

/* Control characters would write lines of their own into a log. */
static void put_reason(char *out, const char *reason, size_t len) {
  size_t i;
  for (i = 0; i < len; i++)
    out[i] = (unsigned char)reason[i] < 0x20 || reason[i] == 0x7f ? '?' : reason[i];
  out[len] = '\0';
}

int wsuv_close_format(char *out, size_t size, int code, const char *reason, size_t reason_len) {
  const char *name = wsuv_close_code_name(code);
  char text[48];
  size_t len;
  int n;
  if (out == NULL || (reason == NULL && reason_len > 0) || reason_len > WSUV_CLOSE_REASON_MAX)
    return WSUV_EINVAL;
  n = code == 0 ? snprintf(text, sizeof text, "no code")
                : snprintf(text, sizeof text, "%d%s%s", code, name != NULL ? "/" : "",
                           name != NULL ? name : "");
  len = (size_t)n;
  if (len + (reason_len > 0 ? 2 + reason_len : 0) >= size)
    return WSUV_ENOBUFS;
  memcpy(out, text, len + 1);
  if (reason_len == 0)
    return n;
  out[len] = ':';
  out[len + 1] = ' ';
  put_reason(out + len + 2, reason, reason_len);
  return (int)(len + 2 + reason_len);
}
