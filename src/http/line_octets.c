#include "http/line_octets.h"

#include <string.h>

static int is_allowed(uint8_t c, uint8_t previous, int is_request_line) {
  if (c == '\n' || previous == '\r')
    return c == '\n' && previous == '\r';
  if (c == '\r')
    return 1;
  if (is_request_line)
    return c >= 0x20 && c < 0x7f;
  return (c >= 0x20 && c != 0x7f) || c == '\t';
}

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* Eight octets of visible ASCII or SP. An octet too small or too large shows in its highest bit, or in that of one above it
 * where it borrows or carries: some octet is wrong then, and it does not matter which. */
static inline int are_visible(const uint8_t *data) {
  uint64_t octets;

  memcpy(&octets, data, sizeof octets);
  return ((octets | (octets - EACH(0x20)) | (octets + EACH(1))) & EACH(0x80)) == 0;
}

static inline size_t skip_visible(const uint8_t *data, size_t i, size_t len) {
  while (len - i >= 8 && are_visible(data + i))
    i += 8;
  return i;
}

/* Nearly all are visible ASCII or SP, right everywhere but behind a CR: what follows one is judged with the CR. */
int wsuv__line_octets_judge(const uint8_t *data, size_t len, uint8_t previous,
                            int is_request_line) {
  size_t i;

  if (len > 0 && !is_allowed(data[0], previous, is_request_line))
    return 0;
  for (i = skip_visible(data, 0, len); i < len; i++) {
    if (data[i] >= 0x20 && data[i] < 0x7f)
      continue;
    if (i > 0 && !is_allowed(data[i], data[i - 1], is_request_line))
      return 0;
    if (data[i] == '\r' && i + 1 < len && data[i + 1] != '\n')
      return 0;
  }
  return 1;
}
