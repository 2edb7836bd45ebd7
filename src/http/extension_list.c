#include "http/extension_list.h"

#include <string.h>

#include "http/field_line.h"
#include "http/token.h"
#include "wsuv/errno.h"

/* Behind the struct, in the same block: elements, parameters, characters. Each string of the text is followed by a
 * separator or the end, so that with its NUL it takes no more room than it took there. */
struct wsuv_extension_list {
  wsuv_allocator_t allocator;
  wsuv_extension_element_t *elements;
  size_t nelements;
  wsuv_extension_param_t *params;
  size_t nparams;
  char *end; /* of the characters written so far */
};

struct cursor {
  const char *at;
  const char *end;
  wsuv_extension_grammar_t grammar;
};

/* ---- the characters ---- */

static int is_at(const struct cursor *in, char c) {
  return in->at < in->end && *in->at == c;
}

static int take(struct cursor *in, char c) {
  if (!is_at(in, c))
    return 0;
  in->at++;
  return 1;
}

static void skip_blanks(struct cursor *in) {
  while (is_at(in, ' ') || is_at(in, '\t'))
    in->at++;
}

/* Copies a token; NULL where there is none. */
static char *take_token(struct wsuv_extension_list *list, struct cursor *in) {
  char *start = list->end;
  while (in->at < in->end && wsuv__token_is_char((unsigned char)*in->at))
    *list->end++ = *in->at++;
  if (list->end == start)
    return NULL;
  *list->end++ = '\0';
  return start;
}

static char *take_name(struct wsuv_extension_list *list, struct cursor *in) {
  char *name = take_token(list, in);
  char *at;
  for (at = name; at != NULL && *at != '\0'; at++)
    if (*at >= 'A' && *at <= 'Z')
      *at = (char)(*at - 'A' + 'a');
  return name;
}

/* quoted-string (RFC 9110 5.6.4), behind its first quotation mark; NULL if it is none. */
static char *take_quoted(struct wsuv_extension_list *list, struct cursor *in) {
  char *start = list->end;
  while (in->at < in->end && *in->at != '"') {
    if (*in->at == '\\' && ++in->at == in->end)
      return NULL;
    if (!wsuv__field_line_value_is_valid(in->at, 1))
      return NULL;
    *list->end++ = *in->at++;
  }
  if (!take(in, '"'))
    return NULL;
  if (in->grammar == WSUV_GRAMMAR_STRICT &&
      !wsuv__token_is_valid(start, (size_t)(list->end - start)))
    return NULL;
  *list->end++ = '\0';
  return start;
}

static char *take_empty(struct wsuv_extension_list *list) {
  *list->end = '\0';
  return list->end++;
}

/* Behind "=". */
static char *take_value(struct wsuv_extension_list *list, struct cursor *in) {
  char *value;
  skip_blanks(in);
  if (take(in, '"'))
    return take_quoted(list, in);
  value = take_token(list, in);
  return value == NULL && in->grammar == WSUV_GRAMMAR_TOLERANT ? take_empty(list) : value;
}

/* ---- the list ---- */

static int is_element_end(const struct cursor *in) {
  return in->at == in->end || is_at(in, ',');
}

/* Behind ";". */
static int parse_param(struct wsuv_extension_list *list, struct cursor *in) {
  wsuv_extension_param_t param = {NULL, NULL};
  skip_blanks(in);
  if (in->grammar == WSUV_GRAMMAR_TOLERANT && (is_element_end(in) || is_at(in, ';')))
    return 0;
  param.name = take_name(list, in);
  if (param.name == NULL || list->nparams == WSUV_EXTENSION_PARAMS_MAX)
    return WSUV_EHEADER;
  skip_blanks(in);
  if (take(in, '=')) {
    param.value = take_value(list, in);
    if (param.value == NULL)
      return WSUV_EHEADER;
  }
  list->params[list->nparams++] = param;
  return 0;
}

static int parse_element(struct wsuv_extension_list *list, struct cursor *in) {
  wsuv_extension_element_t element = {NULL, NULL, 0};
  size_t before = list->nparams;
  element.token = take_name(list, in);
  element.params = list->params + before;
  if (element.token == NULL || list->nelements == WSUV_EXTENSION_ELEMENTS_MAX)
    return WSUV_EHEADER;
  skip_blanks(in);
  if (in->grammar == WSUV_GRAMMAR_TOLERANT && take(in, '=')) {
    if (take_value(list, in) == NULL)
      return WSUV_EHEADER;
    skip_blanks(in);
  }
  while (take(in, ';')) {
    if (parse_param(list, in) != 0)
      return WSUV_EHEADER;
    skip_blanks(in);
  }
  if (!is_element_end(in))
    return WSUV_EHEADER;
  element.nparams = list->nparams - before;
  list->elements[list->nelements++] = element;
  return 0;
}

/* 1#element (RFC 9110 5.6.1): empty ones are skipped. */
static int parse_elements(struct wsuv_extension_list *list, struct cursor *in) {
  for (;;) {
    skip_blanks(in);
    if (in->at == in->end)
      return 0;
    if (!take(in, ',') && parse_element(list, in) != 0)
      return WSUV_EHEADER;
  }
}

/* How often `c` is there, but never over `max`: what goes beyond is refused while parsing. */
static size_t count(const char *text, size_t len, char c, size_t max) {
  const char *end = text + len;
  size_t n = 0;
  while (n < max && text < end && (text = memchr(text, c, (size_t)(end - text))) != NULL) {
    text++;
    n++;
  }
  return n;
}

/* With room for all that `text` can hold. */
static struct wsuv_extension_list *new_list(const wsuv_allocator_t *a, const char *text,
                                            size_t len) {
  size_t nelements = count(text, len, ',', WSUV_EXTENSION_ELEMENTS_MAX - 1) + 1;
  size_t nparams = count(text, len, ';', WSUV_EXTENSION_PARAMS_MAX);
  size_t tables =
      nelements * sizeof(wsuv_extension_element_t) + nparams * sizeof(wsuv_extension_param_t);
  struct wsuv_extension_list *list;
  if (len >= SIZE_MAX - sizeof *list - tables)
    return NULL;
  list = wsuv__alloc(a, sizeof *list + tables + len + 1);
  if (list == NULL)
    return NULL;
  list->allocator = *a;
  list->elements = (wsuv_extension_element_t *)(void *)(list + 1);
  list->nelements = 0;
  list->params = (wsuv_extension_param_t *)(void *)(list->elements + nelements);
  list->nparams = 0;
  list->end = (char *)(list->params + nparams);
  return list;
}

int wsuv_extension_list_parse(wsuv_extension_list_t **out, const wsuv_allocator_t *allocator,
                              const char *text, size_t len, wsuv_extension_grammar_t grammar) {
  struct wsuv_extension_list *list;
  struct cursor in;

  if (out == NULL)
    return WSUV_EINVAL;
  *out = NULL;
  if ((text == NULL && len > 0) ||
      (grammar != WSUV_GRAMMAR_QUOTED && grammar != WSUV_GRAMMAR_STRICT &&
       grammar != WSUV_GRAMMAR_TOLERANT))
    return WSUV_EINVAL;
  in.at = text != NULL ? text : "";
  in.end = in.at + len;
  in.grammar = grammar;
  list = new_list(wsuv__allocator_or_default(allocator), in.at, len);
  if (list == NULL)
    return WSUV_ENOMEM;
  if (parse_elements(list, &in) != 0) {
    wsuv_extension_list_free(list);
    return WSUV_EHEADER;
  }
  *out = list;
  return 0;
}

void wsuv_extension_list_free(wsuv_extension_list_t *list) {
  wsuv_allocator_t a;
  if (list == NULL)
    return;
  a = list->allocator;
  wsuv__release(&a, list);
}

size_t wsuv_extension_list_len(const wsuv_extension_list_t *list) {
  return list->nelements;
}

const wsuv_extension_element_t *wsuv_extension_list_at(const wsuv_extension_list_t *list,
                                                       size_t index) {
  return &list->elements[index];
}
