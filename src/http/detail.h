/* One bounded line of printable ASCII that says what was wrong; longer text is cut, foreign bytes become '?'. */
#ifndef WSUV_HTTP_DETAIL_H
#define WSUV_HTTP_DETAIL_H

#include <stddef.h>

#define WSUV__DETAIL_MAX 200

struct wsuv__detail {
  size_t len;
  char text[WSUV__DETAIL_MAX + 1];
};

void wsuv__detail_clear(struct wsuv__detail *detail);
void wsuv__detail_add(struct wsuv__detail *detail, const char *text);
void wsuv__detail_add_text(struct wsuv__detail *detail, const char *data, size_t len);

/* In quotation marks, cut after 48 characters: values come from the peer. */
void wsuv__detail_add_quoted(struct wsuv__detail *detail, const char *data, size_t len);

void wsuv__detail_add_number(struct wsuv__detail *detail, unsigned number);

#endif
