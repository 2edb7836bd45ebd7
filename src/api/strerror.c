/* Names and texts in wsuv::wsuv: libuv speaks for its own codes. base/strerror.c is the one of wsuv::core. */
#include <uv.h>

#include "base/error.h"

_Static_assert(WSUV_EINVAL == UV_EINVAL && WSUV_ENOMEM == UV_ENOMEM, "shared codes equal libuv's");
_Static_assert(WSUV_ECANCELED == UV_ECANCELED && WSUV_ENOBUFS == UV_ENOBUFS, "shared codes");
_Static_assert(WSUV_ETIMEDOUT == UV_ETIMEDOUT, "shared codes");

const char *wsuv_err_name(int err) {
  const struct wsuv__error *row = wsuv__error_find(err);
  return row != NULL ? row->name : err < 0 ? uv_err_name(err) : "UNKNOWN";
}

const char *wsuv_strerror(int err) {
  const struct wsuv__error *row = wsuv__error_find(err);
  if (row != NULL)
    return row->text;
  return err < 0 ? uv_strerror(err) : err == 0 ? "success" : "unknown error";
}
