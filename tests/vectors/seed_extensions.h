/* Extensions for the rows that need some, and the notation "token{param;param=value}|token{}". */
#ifndef WSUV_TESTS_SEED_EXTENSIONS_H
#define WSUV_TESTS_SEED_EXTENSIONS_H

#include "vectors/seed_vectors.h"
#include "wsuv/deflate.h"

enum { SEED_MAX_EXTENSIONS = 8, SEED_MAX_PARAMS = 16 };

struct seed_elements {
  struct seed_text text; /* cut in place */
  wsuv_extension_param_t params[SEED_MAX_PARAMS];
  size_t nparams;
  wsuv_extension_element_t items[SEED_MAX_EXTENSIONS];
  size_t len;
};

/* Reads the notation; "-" is an empty list. Zeroed at first. */
void seed_elements_read(struct seed_elements *elements, const char *text);
void seed_elements_free(struct seed_elements *elements);

/* Writes the notation, escaped; "-" for nothing. */
void seed_elements_add(struct seed_text *out, const wsuv_extension_element_t *const *elements,
                       size_t n);

/* What the row's params ask for:
 * - pmd=1: permessage-deflate, in dedicated mode;
 * - rawext: each offers its element as it stands;
 * - extensions: each answers "got", with the first parameter of the offer and its value. */
struct seed_extensions {
  struct seed_elements raw;
  struct seed_text names;
  wsuv_extension_t items[SEED_MAX_EXTENSIONS];
  const wsuv_extension_t *pointers[SEED_MAX_EXTENSIONS];
  size_t len;
  wsuv_deflate_t *deflate;
};

void seed_extensions_init(struct seed_extensions *extensions, const struct seed_row *row);
void seed_extensions_free(struct seed_extensions *extensions);

#endif
