/* The field table of a received head: offsets into the head's text, so that the text may move while it grows. */
#ifndef WSUV_HTTP_FIELDS_H
#define WSUV_HTTP_FIELDS_H

#include <stddef.h>

#include "base/alloc.h"

struct wsuv__field {
  size_t name_at;
  size_t name_len;
  size_t value_at;
  size_t value_len;
};

struct wsuv__fields {
  struct wsuv__field *items;
  size_t len;
  size_t cap;
};

/* A new last field, empty. NULL: out of memory. The caller checks the limit first. */
struct wsuv__field *wsuv__fields_add(struct wsuv__fields *fields, const wsuv_allocator_t *a);

/* The field as seen in `text`, the memory that the offsets count from. */
wsuv_header_t wsuv__fields_get(const struct wsuv__fields *fields, const char *text, size_t i);

/* The `nth` field (from 0) of that name in any letter case (RFC 9110 5.1). 1 and *out, or 0. */
int wsuv__fields_find(const struct wsuv__fields *fields, const char *text, const char *name,
                      size_t nth, wsuv_header_t *out);

void wsuv__fields_free(struct wsuv__fields *fields, const wsuv_allocator_t *a);

#endif
