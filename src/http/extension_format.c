/* Writing: one pass judges and counts, the next writes into room that is there. */
#include <limits.h>
#include <string.h>

#include "http/extension_list.h"
#include "http/field_line.h"
#include "http/token.h"
#include "wsuv/errno.h"

/* Where the characters go; `base` NULL: they are only counted. */
struct pen {
  char *base;
  size_t len;
};

static void put(struct pen *pen, const char *text, size_t len) {
  if (pen->base != NULL && len > 0)
    memcpy(pen->base + pen->len, text, len);
  pen->len += len;
}

static void put_text(struct pen *pen, const char *text) {
  put(pen, text, strlen(text));
}

static void put_value(struct pen *pen, const char *value) {
  size_t len = strlen(value);
  size_t i;
  if (wsuv__token_is_valid(value, len)) {
    put(pen, value, len);
    return;
  }
  put(pen, "\"", 1);
  for (i = 0; i < len; i++) {
    if (value[i] == '"' || value[i] == '\\')
      put(pen, "\\", 1);
    put(pen, &value[i], 1);
  }
  put(pen, "\"", 1);
}

static int is_token(const char *text) {
  return text != NULL && wsuv__token_is_valid(text, strlen(text));
}

static int put_param(struct pen *pen, const wsuv_extension_param_t *param) {
  if (!is_token(param->name))
    return WSUV_EINVAL;
  put_text(pen, "; ");
  put_text(pen, param->name);
  if (param->value == NULL)
    return 0;
  if (!wsuv__field_line_value_is_valid(param->value, strlen(param->value)))
    return WSUV_EINVAL;
  put(pen, "=", 1);
  put_value(pen, param->value);
  return 0;
}

static int put_elements(struct pen *pen, const wsuv_extension_element_t *elements,
                        size_t nelements) {
  size_t i;
  size_t j;
  if (elements == NULL && nelements > 0)
    return WSUV_EINVAL;
  for (i = 0; i < nelements; i++) {
    if (!is_token(elements[i].token) || (elements[i].params == NULL && elements[i].nparams > 0))
      return WSUV_EINVAL;
    put_text(pen, i > 0 ? ", " : "");
    put_text(pen, elements[i].token);
    for (j = 0; j < elements[i].nparams; j++)
      if (put_param(pen, &elements[i].params[j]) != 0)
        return WSUV_EINVAL;
  }
  return 0;
}

int wsuv_extension_format(char *out, size_t size, const wsuv_extension_element_t *elements,
                          size_t nelements) {
  struct pen pen = {NULL, 0};
  if (put_elements(&pen, elements, nelements) != 0 || pen.len > INT_MAX)
    return WSUV_EINVAL;
  if (out == NULL || pen.len >= size)
    return WSUV_ENOBUFS;
  pen.base = out;
  pen.len = 0;
  put_elements(&pen, elements, nelements);
  out[pen.len] = '\0';
  return (int)pen.len;
}

int wsuv__extension_list_write(struct wsuv__buf *buf, const wsuv_allocator_t *a,
                               const wsuv_extension_element_t *elements, size_t nelements) {
  struct pen pen = {NULL, 0};
  if (put_elements(&pen, elements, nelements) != 0)
    return WSUV_EINVAL;
  if (wsuv__buf_reserve(buf, a, pen.len + 1) != 0)
    return WSUV_ENOMEM;
  pen.base = (char *)buf->base + buf->len;
  pen.len = 0;
  put_elements(&pen, elements, nelements);
  buf->len += pen.len;
  return 0;
}

int wsuv__extension_list_write_param(struct wsuv__buf *buf, const wsuv_allocator_t *a,
                                     const wsuv_extension_param_t *param) {
  struct pen pen = {NULL, 0};
  if (put_param(&pen, param) != 0)
    return WSUV_EINVAL;
  if (wsuv__buf_reserve(buf, a, pen.len) != 0)
    return WSUV_ENOMEM;
  pen.base = (char *)buf->base + buf->len;
  pen.len = 0;
  put_param(&pen, param);
  buf->len += pen.len;
  return 0;
}
