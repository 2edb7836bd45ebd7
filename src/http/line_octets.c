#include "http/line_octets.h"

static int is_allowed(uint8_t c, uint8_t previous, int is_request_line) {
  if (c == '\n' || previous == '\r')
    return c == '\n' && previous == '\r';
  if (c == '\r')
    return 1;
  if (is_request_line)
    return c >= 0x20 && c < 0x7f;
  return (c >= 0x20 && c != 0x7f) || c == '\t';
}

/* Nearly all are visible ASCII or SP, right everywhere but behind a CR: what follows one is judged with the CR. */
int wsuv__line_octets_judge(const uint8_t *data, size_t len, uint8_t previous,
                            int is_request_line) {
  size_t i;

  if (len > 0 && !is_allowed(data[0], previous, is_request_line))
    return 0;
  for (i = 0; i < len; i++) {
    if (data[i] >= 0x20 && data[i] < 0x7f)
      continue;
    if (i > 0 && !is_allowed(data[i], data[i - 1], is_request_line))
      return 0;
    if (data[i] == '\r' && i + 1 < len && data[i + 1] != '\n')
      return 0;
  }
  return 1;
}
