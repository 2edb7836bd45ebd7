#include "cat/octets.h"

#include <stdlib.h>
#include <string.h>

static int reserve(octets_t *octets, size_t more) {
  enum { SMALLEST = 256 };
  if (octets->size - octets->len >= more)
    return 0;
  size_t needed = octets->len + more;
  size_t size = needed < SMALLEST ? SMALLEST : needed + needed / 2;
  char *data = (char *)realloc(octets->data, size);
  if (data == NULL) {
    octets->failed = 1;
    return -1;
  }
  octets->data = data;
  octets->size = size;
  return 0;
}

void octets_insert(octets_t *octets, size_t at, const void *data, size_t len) {
  if (len == 0 || reserve(octets, len) != 0)
    return;
  memmove(octets->data + at + len, octets->data + at, octets->len - at);
  memcpy(octets->data + at, data, len);
  octets->len += len;
}

void octets_append(octets_t *octets, const void *data, size_t len) {
  octets_insert(octets, octets->len, data, len);
}

void octets_append_text(octets_t *octets, const char *text) {
  octets_append(octets, text, strlen(text));
}

void octets_remove(octets_t *octets, size_t at, size_t len) {
  if (len == 0)
    return;
  memmove(octets->data + at, octets->data + at + len, octets->len - at - len);
  octets->len -= len;
}

void octets_clear(octets_t *octets) {
  octets->len = 0;
}

void octets_free(octets_t *octets) {
  free(octets->data);
  memset(octets, 0, sizeof *octets);
}
