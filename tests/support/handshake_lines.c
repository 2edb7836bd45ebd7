#include "support/handshake_lines.h"

#include <string.h>

#include "support/check.h"

void give_lines(wsuv_handshake_t *h, const char *lines) {
  while (*lines != '\0') {
    const char *colon = strchr(lines, ':');
    const char *end = strchr(lines, '\n');
    CHECK_ERR(0, wsuv_handshake_header(h, lines, (size_t)(colon - lines), colon + 1,
                                       (size_t)(end - colon - 1)));
    lines = end + 1;
  }
}
