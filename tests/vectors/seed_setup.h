/* The options of an opening handshake from the params of a row. */
#ifndef WSUV_TESTS_SEED_SETUP_H
#define WSUV_TESTS_SEED_SETUP_H

#include "vectors/seed_extensions.h"
#include "vectors/seed_vectors.h"
#include "wsuv/handshake.h"

enum { SEED_MAX_LIST = 16 };

struct seed_setup {
  wsuv_handshake_options_t options;
  struct seed_text key;
  struct seed_text uri;
  struct seed_text origin;
  struct seed_text subprotocol_list;
  struct seed_text header_list;
  const char *subprotocols[SEED_MAX_LIST];
  wsuv_header_t headers[SEED_MAX_LIST];
  size_t nheaders;
  struct seed_extensions extensions;
};

/* `options` points into the struct: do not move it. */
void seed_setup_init(struct seed_setup *s, const struct seed_row *row, wsuv_role_t role);
void seed_setup_free(struct seed_setup *s);

#endif
