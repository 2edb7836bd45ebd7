#include "vectors/seed_extensions.h"

#include <stdio.h>
#include <string.h>

#include "support/check.h"

/* ---- the notation ---- */

static void read_param(struct seed_elements *elements, char *text) {
  char *equals = strchr(text, '=');
  CHECK_TRUE(elements->nparams < SEED_MAX_PARAMS);
  if (equals != NULL)
    *equals = '\0';
  elements->params[elements->nparams].name = text;
  elements->params[elements->nparams].value = equals != NULL ? equals + 1 : NULL;
  elements->nparams++;
}

/* "token{...}"; returns what is behind it. */
static char *read_element(struct seed_elements *elements, char *text) {
  wsuv_extension_element_t *element = &elements->items[elements->len++];
  size_t before = elements->nparams;
  char *open = strchr(text, '{');
  char *close = strchr(text, '}');
  CHECK_TRUE(elements->len <= SEED_MAX_EXTENSIONS && open != NULL && close != NULL);
  *open = '\0';
  *close = '\0';
  element->token = text;
  element->params = &elements->params[before];
  for (text = open + 1; *text != '\0' || text < close;) {
    char *end = strchr(text, ';');
    if (end != NULL)
      *end = '\0';
    read_param(elements, text);
    text = end != NULL ? end + 1 : close;
  }
  element->nparams = elements->nparams - before;
  return close + 1;
}

void seed_elements_read(struct seed_elements *elements, const char *text) {
  char *at;
  if (strcmp(text, "-") == 0)
    return;
  seed_text_add_str(&elements->text, text);
  for (at = elements->text.data; *at != '\0'; at += *at == '|')
    at = read_element(elements, at);
}

void seed_elements_free(struct seed_elements *elements) {
  seed_text_free(&elements->text);
}

void seed_elements_add(struct seed_text *out, const wsuv_extension_element_t *const *elements,
                       size_t n) {
  size_t i;
  size_t j;
  for (i = 0; i < n; i++) {
    seed_text_add_str(out, i > 0 ? "|" : "");
    seed_text_add_escaped(out, elements[i]->token, strlen(elements[i]->token));
    for (j = 0; j < elements[i]->nparams; j++) {
      const wsuv_extension_param_t *param = &elements[i]->params[j];
      seed_text_add_str(out, j > 0 ? ";" : "{");
      seed_text_add_escaped(out, param->name, strlen(param->name));
      seed_text_add_str(out, param->value != NULL ? "=" : "");
      if (param->value != NULL && param->value[0] != '\0')
        seed_text_add_escaped(out, param->value, strlen(param->value));
    }
    seed_text_add_str(out, elements[i]->nparams > 0 ? "}" : "{}");
  }
  if (n == 0)
    seed_text_add_str(out, "-");
}

/* ---- the hooks ---- */

static int offer_raw(const wsuv_extension_t *extension, wsuv_extension_writer_t *writer) {
  const wsuv_extension_element_t *element = extension->config;
  size_t i;
  wsuv_extension_writer_element(writer);
  for (i = 0; i < element->nparams; i++)
    wsuv_extension_writer_param(writer, element->params[i].name, element->params[i].value);
  return 0;
}

static int answer_got(const wsuv_extension_t *extension, const wsuv_extension_element_t *offer,
                      wsuv_extension_writer_t *writer, void **session) {
  char got[32];
  (void)extension;
  (void)session;
  if (offer->nparams == 0)
    return WSUV_OFFER_DECLINED;
  snprintf(got, sizeof got, "%.10s+%.10s", offer->params[0].name,
           offer->params[0].value != NULL ? offer->params[0].value : "null");
  wsuv_extension_writer_param(writer, "got", got);
  return WSUV_OFFER_ACCEPTED;
}

/* ---- the row's ---- */

static wsuv_extension_t *add(struct seed_extensions *extensions, const char *token) {
  wsuv_extension_t *extension = &extensions->items[extensions->len];
  CHECK_TRUE(extensions->len < SEED_MAX_EXTENSIONS);
  extensions->pointers[extensions->len++] = extension;
  extension->size = sizeof *extension;
  extension->token = token;
  return extension;
}

static void add_deflate(struct seed_extensions *extensions, const struct seed_row *row) {
  const wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  int err = wsuv_deflate_new(&extensions->deflate, &options);
  if (err == WSUV_ENODEFLATE)
    seed_skip(row, "built without permessage-deflate");
  CHECK_ERR(0, err);
  extensions->pointers[extensions->len++] = wsuv_deflate_extension(extensions->deflate);
}

void seed_extensions_init(struct seed_extensions *extensions, const struct seed_row *row) {
  struct seed_text param = {NULL, 0};
  char *name;
  size_t i;
  memset(extensions, 0, sizeof *extensions);
  if (seed_row_param(row, "pmd", &param))
    add_deflate(extensions, row);
  seed_text_free(&param);
  if (seed_row_param(row, "rawext", &param))
    seed_elements_read(&extensions->raw, param.data);
  seed_text_free(&param);
  for (i = 0; i < extensions->raw.len; i++) {
    wsuv_extension_t *raw = add(extensions, extensions->raw.items[i].token);
    raw->config = &extensions->raw.items[i];
    raw->offer = offer_raw;
  }
  seed_row_param(row, "extensions", &extensions->names);
  for (name = extensions->names.data; name != NULL && *name != '\0';) {
    char *end = strchr(name, ',');
    if (end != NULL)
      *end++ = '\0';
    add(extensions, name)->answer = answer_got;
    name = end;
  }
}

void seed_extensions_free(struct seed_extensions *extensions) {
  wsuv_deflate_free(extensions->deflate);
  seed_elements_free(&extensions->raw);
  seed_text_free(&extensions->names);
}
