#include "vectors/seed_setup.h"

#include <string.h>

#include "support/check.h"

/* Cuts the text at the separator in place. */
static size_t cut_list(struct seed_text *text, char separator, const char **items) {
  char *at = text->data;
  size_t n = 0;
  while (at != NULL && *at != '\0') {
    CHECK_TRUE(n < SEED_MAX_LIST);
    items[n++] = at;
    at = strchr(at, separator);
    if (at != NULL)
      *at++ = '\0';
  }
  return n;
}

/* "Name: value"; the value may hold anything but NUL. */
static wsuv_header_t header_of(const char *line) {
  const char *colon = strstr(line, ": ");
  wsuv_header_t header = {line, NULL, 0, 0};
  CHECK_NOT_NULL(colon);
  header.name_len = (size_t)(colon - line);
  header.value = colon + 2;
  return header;
}

void seed_setup_init(struct seed_setup *s, const struct seed_row *row, wsuv_role_t role) {
  const wsuv_handshake_options_t defaults = WSUV_HANDSHAKE_OPTIONS_INIT(role);
  struct seed_text required = {NULL, 0};
  const char *lines[SEED_MAX_LIST];
  size_t i;

  memset(s, 0, sizeof *s);
  s->options = defaults;
  s->options.require_host = seed_row_param(row, "require_host", &required); /* the seed never did */
  seed_text_free(&required);
  if (seed_row_param(row, "key", &s->key))
    s->options.key = s->key.data;
  if (seed_row_param(row, "origin", &s->origin))
    s->options.origin = s->origin.data;
  s->options.url = seed_row_param(row, "uri", &s->uri) ? s->uri.data : "ws://haha.tld";
  seed_row_param(row, "subprotocols", &s->subprotocol_list);
  s->options.nsubprotocols = cut_list(&s->subprotocol_list, ',', s->subprotocols);
  s->options.subprotocols = s->subprotocols;
  seed_row_param(row, "headers", &s->header_list);
  s->nheaders = cut_list(&s->header_list, '|', lines);
  for (i = 0; i < s->nheaders; i++)
    s->headers[i] = header_of(lines[i]);
  seed_extensions_init(&s->extensions, row);
  s->options.extensions = s->extensions.pointers;
  s->options.nextensions = s->extensions.len;
  if (role == WSUV_CLIENT) {
    s->options.headers = s->headers;
    s->options.nheaders = s->nheaders;
  }
}

void seed_setup_free(struct seed_setup *s) {
  seed_text_free(&s->key);
  seed_text_free(&s->uri);
  seed_text_free(&s->origin);
  seed_text_free(&s->subprotocol_list);
  seed_text_free(&s->header_list);
  seed_extensions_free(&s->extensions);
}
