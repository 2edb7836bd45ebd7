#include "io/tls_hello.h"

#include <string.h>

#define HOST_NAME 0

static size_t get16(const uint8_t *at) {
  return (size_t)at[0] << 8 | at[1];
}

static int copy_name(const uint8_t *name, size_t len, char *out) {
  size_t i;

  if (len > 0 && name[len - 1] == '.')
    len--;
  if (len == 0 || len > WSUV__SERVER_NAME_MAX)
    return 0;
  for (i = 0; i < len; i++) {
    char c = (char)name[i];
    if (c <= ' ' || c > '~')
      return 0;
    out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
  }
  out[len] = '\0';
  return 1;
}

size_t wsuv__tls_hello_name(const uint8_t *extension, size_t len,
                            char out[WSUV__SERVER_NAME_MAX + 1]) {
  size_t at = 2;

  out[0] = '\0';
  if (len < 2 || get16(extension) != len - 2)
    return 0;
  while (len - at >= 3) {
    size_t size = get16(extension + at + 1);
    if (size > len - at - 3)
      return 0;
    if (extension[at] == HOST_NAME) {
      if (copy_name(extension + at + 3, size, out))
        return strlen(out);
      out[0] = '\0';
      return 0;
    }
    at += 3 + size;
  }
  return 0;
}
