/* Lent memory in which the output of one event is collected. */
#ifndef WSUV_BASE_CORK_H
#define WSUV_BASE_CORK_H

#include <stddef.h>
#include <stdint.h>

struct wsuv__cork {
  uint8_t *base;
  size_t len;
  size_t cap;
  size_t head_len;  /* octets at the front that are an HTTP head; frames follow */
  const void *text; /* what is being delivered, if it is text: sent back, it is not judged again */
  size_t text_len;
};

#endif
