#include "client_deflate.h"

#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "zlib_stream.h"

#define WINDOW_BITS 12 /* what is compressed here stays within; hardly a server allows less */

const char *client_deflate_offer(int repeatable) {
  return repeatable ? "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                      "client_no_context_takeover; client_max_window_bits\r\n"
                    : "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
}

size_t client_deflate_room(size_t len) {
  return len + len / 8 + 64;
}

void client_deflate_judge(const char *answer, int repeatable) {
  static const char bits[] = "client_max_window_bits=";
  const char *at = strstr(answer, bits);
  if (strstr(answer, "permessage-deflate") == NULL) {
    fail("the server does not compress");
  }
  if (at != NULL && strtol(at + sizeof bits - 1, NULL, 10) < WINDOW_BITS) {
    fail("the server wants a smaller window");
  }
  if (repeatable && strstr(answer, "server_no_context_takeover") == NULL) {
    fail("the server's echoes differ from each other: it has context takeover");
  }
}

#ifdef Z

/* As RFC 7692 7.2.1 has it. */
size_t client_deflate_compress(const unsigned char *text, size_t len, unsigned char *out,
                               size_t room) {
  stream_t z = {
      .next_in = text, .avail_in = (unsigned)len, .next_out = out, .avail_out = (unsigned)room};
  if (Z(deflateInit2)(&z, 6, Z_DEFLATED, -WINDOW_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
      Z(deflate)(&z, Z_SYNC_FLUSH) != Z_OK || z.avail_out == 0) {
    fail("cannot compress");
  }
  (void)Z(deflateEnd)(&z);
  return room - z.avail_out - CLIENT_DEFLATE_TAIL;
}

/* The context of what one server sends, from its first message on. */
static stream_t inflater;

void client_deflate_begin(void) {
  if (inflater.state == NULL ? Z(inflateInit2)(&inflater, -15) != Z_OK
                             : Z(inflateReset)(&inflater) != Z_OK) {
    fail("cannot decompress");
  }
}

int client_deflate_is(unsigned char *payload, size_t len, const unsigned char *text,
                      size_t text_len) {
  static const unsigned char tail[CLIENT_DEFLATE_TAIL] = {0x00, 0x00, 0xff, 0xff};
  unsigned char *out = allocate(text_len + 1);
  memcpy(payload + len, tail, sizeof tail);
  inflater.next_in = payload;
  inflater.avail_in = (unsigned)(len + sizeof tail);
  inflater.next_out = out;
  inflater.avail_out = (unsigned)(text_len + 1);
  int is_same = Z(inflate)(&inflater, Z_SYNC_FLUSH) == Z_OK && inflater.avail_in == 0 &&
                inflater.avail_out == 1 && memcmp(out, text, text_len) == 0;
  free(out);
  return is_same;
}

#else

static _Noreturn void refuse(void) {
  fail("built without zlib");
}

size_t client_deflate_compress(const unsigned char *text, size_t len, unsigned char *out,
                               size_t room) {
  (void)text, (void)len, (void)out, (void)room;
  refuse();
}

void client_deflate_begin(void) {
}

int client_deflate_is(unsigned char *payload, size_t len, const unsigned char *text,
                      size_t text_len) {
  (void)payload, (void)len, (void)text, (void)text_len;
  refuse();
}

#endif
