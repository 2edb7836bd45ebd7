#include "response_head.h"

#include <stdlib.h>
#include <string.h>

static int take_status_line(wsuv_handshake_t *handshake, const char *line, size_t len) {
  if (len < 12 || memcmp(line, "HTTP/1.1 ", 9) != 0 || strspn(line + 9, "0123456789") != 3 ||
      (len > 12 && line[12] != ' '))
    return WSUV_EHTTP;
  return wsuv_handshake_status_line(handshake, atoi(line + 9));
}

static int take_field_line(wsuv_handshake_t *handshake, const char *line, size_t len) {
  const char *colon = memchr(line, ':', len);
  if (colon == NULL || colon == line)
    return WSUV_EHTTP;
  for (const char *at = line; at < colon; at++)
    if (*at <= ' ' || *at > '~') /* also a folded line, and a space before the colon */
      return WSUV_EHTTP;
  const char *value = colon + 1;
  const char *end = line + len;
  while (value < end && (*value == ' ' || *value == '\t'))
    value++;
  while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  return wsuv_handshake_header(handshake, line, (size_t)(colon - line), value,
                               (size_t)(end - value));
}

int response_head_take(wsuv_handshake_t *handshake, const char *head, size_t len) {
  const char *line = head;
  for (;;) {
    const char *end = memchr(line, '\r', (size_t)(head + len - line));
    size_t line_len = end != NULL ? (size_t)(end - line) : 0;
    if (end == NULL || end[1] != '\n' || memchr(line, '\n', line_len) != NULL ||
        memchr(line, '\0', line_len) != NULL)
      return WSUV_EHTTP;
    if (line_len == 0)
      return line == head ? WSUV_EHTTP : wsuv_handshake_finish(handshake);
    int err = line == head ? take_status_line(handshake, line, line_len)
                           : take_field_line(handshake, line, line_len);
    if (err != 0)
      return err;
    line = end + 2;
  }
}

size_t response_head_length(const uint8_t *bytes, size_t len) {
  for (size_t i = 4; i <= len; i++)
    if (memcmp(bytes + i - 4, "\r\n\r\n", 4) == 0)
      return i;
  return 0;
}
