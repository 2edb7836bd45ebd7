/* Names and texts where libuv is not linked (wsuv::core); api/strerror.c takes its place in wsuv::wsuv. */
#include <stddef.h>

#include "base/error.h"

const char *wsuv_err_name(int err) {
  const struct wsuv__error *row = wsuv__error_find(err);
  return row != NULL ? row->name : "UNKNOWN";
}

const char *wsuv_strerror(int err) {
  const struct wsuv__error *row = wsuv__error_find(err);
  if (row != NULL)
    return row->text;
  return err == 0 ? "success" : "unknown error";
}
