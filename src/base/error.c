#include "base/error.h"

#include <stddef.h>

static const struct wsuv__error errors[] = {
#define ROW(name, number, close_code, http_status, text) \
  {number, close_code, http_status, #name, text},
    WSUV_ERRNO_MAP(ROW)
#undef ROW
};

static const struct wsuv__error shared_errors[] = {
    {WSUV_EINVAL, 1011, 500, "EINVAL", "invalid argument"},
    {WSUV_ENOMEM, 1011, 503, "ENOMEM", "not enough memory"},
    {WSUV_ECANCELED, 0, 500, "ECANCELED", "operation canceled"},
    {WSUV_ETIMEDOUT, 1008, 408, "ETIMEDOUT", "timed out"},
    {WSUV_ENOBUFS, 1011, 500, "ENOBUFS", "no buffer space available"},
};

static const struct wsuv__error *find_in(const struct wsuv__error *rows, size_t nrows, int err) {
  size_t i;
  for (i = 0; i < nrows; i++)
    if (rows[i].number == err)
      return &rows[i];
  return NULL;
}

const struct wsuv__error *wsuv__error_find(int err) {
  const struct wsuv__error *row;
  if (err == 0) /* what most connections end with */
    return NULL;
  row = find_in(errors, sizeof errors / sizeof errors[0], err);
  if (row != NULL)
    return row;
  return find_in(shared_errors, sizeof shared_errors / sizeof shared_errors[0], err);
}

int wsuv_err_close_code(int err) {
  const struct wsuv__error *row = wsuv__error_find(err);
  return row != NULL ? row->close_code : 0;
}

int wsuv_err_http_status(int err) {
  const struct wsuv__error *row = wsuv__error_find(err);
  return row != NULL && row->http_status != 0 ? row->http_status : 500;
}
