/* The server_name extension of a ClientHello: what is taken for a name is one, and says the same when it is sent again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/tls_hello.h"

#define FUZZ_CHECK(condition) \
  do {                        \
    if (!(condition))         \
      abort();                \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const char *name, size_t len) {
  uint8_t extension[5 + WSUV__SERVER_NAME_MAX];
  char out[WSUV__SERVER_NAME_MAX + 1];

  extension[0] = (uint8_t)((len + 3) >> 8);
  extension[1] = (uint8_t)(len + 3);
  extension[2] = 0;
  extension[3] = 0;
  extension[4] = (uint8_t)len;
  memcpy(extension + 5, name, len);
  FUZZ_CHECK(wsuv__tls_hello_name(extension, len + 5, out) ==
             (name[len - 1] == '.' ? len - 1 : len));
  FUZZ_CHECK(memcmp(name, out, strlen(out)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char out[WSUV__SERVER_NAME_MAX + 1];
  size_t len;
  size_t i;

  memset(out, 'x', sizeof out);
  len = wsuv__tls_hello_name(data, size, out);
  FUZZ_CHECK(len <= WSUV__SERVER_NAME_MAX && strlen(out) == len);
  for (i = 0; i < len; i++)
    FUZZ_CHECK(out[i] > ' ' && out[i] <= '~' && !(out[i] >= 'A' && out[i] <= 'Z'));
  if (len > 0 && strcmp(out, ".") != 0)
    check_again(out, len);
  return 0;
}
