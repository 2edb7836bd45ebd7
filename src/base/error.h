/* The table behind wsuv/errno.h. */
#ifndef WSUV_BASE_ERROR_H
#define WSUV_BASE_ERROR_H

#include "wsuv/errno.h"

struct wsuv__error {
  int number;
  int close_code;
  int http_status;
  const char *name;
  const char *text;
};

/* NULL for a code that is not wsuv's own (libuv's, the system's). */
const struct wsuv__error *wsuv__error_find(int err);

#endif
