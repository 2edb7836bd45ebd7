#include "support/frame_text.h"

#include <stdio.h>
#include <string.h>

#include "support/check.h"

static void say(struct frame_text *out, const void *data, size_t len) {
  CHECK_TRUE(out->len + len < sizeof out->text);
  if (len > 0)
    memcpy(out->text + out->len, data, len);
  out->len += len;
  out->text[out->len] = '\0';
}

void frame_text_add(struct frame_text *out, const wsuv_frame_header_t *header, int first, int last,
                    const void *data, size_t len) {
  char start[16];

  if (first) {
    (void)snprintf(start, sizeof start, "%s%u:", header->fin ? "" : "~", (unsigned)header->opcode);
    say(out, start, strlen(start));
  }
  say(out, data, len);
  if (last)
    say(out, ".", 1);
}
