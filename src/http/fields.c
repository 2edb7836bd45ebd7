#include "http/fields.h"

#include <string.h>

#include "http/token.h"

#define SMALLEST_CAP 16u

static int grow(struct wsuv__fields *fields, const wsuv_allocator_t *a) {
  size_t cap = fields->cap < SMALLEST_CAP ? SMALLEST_CAP : fields->cap * 2;
  struct wsuv__field *items;
  if (cap > (size_t)-1 / sizeof *items)
    return 0;
  items = wsuv__resize(a, fields->items, cap * sizeof *items);
  if (items == NULL)
    return 0;
  fields->items = items;
  fields->cap = cap;
  return 1;
}

struct wsuv__field *wsuv__fields_add(struct wsuv__fields *fields, const wsuv_allocator_t *a) {
  struct wsuv__field *field;
  if (fields->len == fields->cap && !grow(fields, a))
    return NULL;
  field = &fields->items[fields->len++];
  memset(field, 0, sizeof *field);
  return field;
}

wsuv_header_t wsuv__fields_get(const struct wsuv__fields *fields, const char *text, size_t i) {
  const struct wsuv__field *field = &fields->items[i];
  wsuv_header_t header;
  header.name = text + field->name_at;
  header.name_len = field->name_len;
  header.value = text + field->value_at;
  header.value_len = field->value_len;
  return header;
}

int wsuv__fields_find(const struct wsuv__fields *fields, const char *text, const char *name,
                      size_t nth, wsuv_header_t *out) {
  size_t len = strlen(name);
  size_t i;
  for (i = 0; i < fields->len; i++) {
    const struct wsuv__field *field = &fields->items[i];
    if (field->name_len != len || !wsuv__token_is(text + field->name_at, field->name_len, name) ||
        nth-- > 0)
      continue;
    *out = wsuv__fields_get(fields, text, i);
    return 1;
  }
  return 0;
}

void wsuv__fields_free(struct wsuv__fields *fields, const wsuv_allocator_t *a) {
  wsuv__release(a, fields->items);
  memset(fields, 0, sizeof *fields);
}
