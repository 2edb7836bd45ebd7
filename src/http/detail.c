#include "http/detail.h"

#include <string.h>

#define QUOTED_MAX 48u

void wsuv__detail_clear(struct wsuv__detail *detail) {
  detail->len = 0;
  detail->text[0] = '\0';
}

void wsuv__detail_add_text(struct wsuv__detail *detail, const char *data, size_t len) {
  size_t i;
  for (i = 0; i < len && detail->len < WSUV__DETAIL_MAX; i++)
    detail->text[detail->len++] = data[i] >= 0x20 && data[i] < 0x7f ? data[i] : '?';
  detail->text[detail->len] = '\0';
}

void wsuv__detail_add(struct wsuv__detail *detail, const char *text) {
  wsuv__detail_add_text(detail, text, strlen(text));
}

void wsuv__detail_add_quoted(struct wsuv__detail *detail, const char *data, size_t len) {
  wsuv__detail_add(detail, "\"");
  wsuv__detail_add_text(detail, data, len > QUOTED_MAX ? QUOTED_MAX : len);
  wsuv__detail_add(detail, len > QUOTED_MAX ? "...\"" : "\"");
}

void wsuv__detail_add_number(struct wsuv__detail *detail, unsigned number) {
  char digits[12];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  wsuv__detail_add_text(detail, digits + at, sizeof digits - at);
}
