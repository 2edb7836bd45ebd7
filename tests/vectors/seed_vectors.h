/* Reads VECTORS.tsv: facts about the Perl distribution that wsuv re-creates, one a row. Its first lines describe the
 * columns and the notation. */
#ifndef WSUV_TESTS_SEED_VECTORS_H
#define WSUV_TESTS_SEED_VECTORS_H

#include <stddef.h>
#include <stdint.h>

/* The columns as they stand in the file. */
struct seed_row {
  const char *id;
  const char *area;
  const char *source;
  const char *op;
  const char *params;
  const char *input;
  const char *expect_seed;
  const char *expect_c;
  const char *note;
};

/* What this library has to do: expect_c, or expect_seed where that says "same". "n/a" if it does not apply. */
const char *seed_row_expected(const struct seed_row *row);

/* A growing, NUL-terminated text; ends the program when there is no memory. Zeroed at first; release with
 * seed_text_free. */
struct seed_text {
  char *data;
  size_t len;
};

void seed_text_add(struct seed_text *text, const void *data, size_t len);
void seed_text_add_str(struct seed_text *text, const char *str);
void seed_text_add_number(struct seed_text *text, long long number);

/* Adds with %XX in place of controls, octets from 0x7f on and % | ; as the file writes them; "-" for nothing. */
void seed_text_add_escaped(struct seed_text *text, const void *data, size_t len);

/* Adds with %XX resolved. */
void seed_text_add_unescaped(struct seed_text *text, const char *data, size_t len);

/* Adds the octets of BYTES: hex pairs, XX*N, joined by +; "-" is nothing. Fails the test on anything else. */
void seed_text_add_bytes(struct seed_text *text, const char *bytes);

void seed_text_free(struct seed_text *text);

/* The value of `key` in the row's params, unescaped, added to `value`. 1, or 0 if it is not there. */
int seed_row_param(const struct seed_row *row, const char *key, struct seed_text *value);

/* Takes the next piece of `list` up to `separator`; 0 at the end. Start with *list at the text. */
int seed_next_piece(const char **list, const char *separator, const char **piece, size_t *len);

/* Skips the running test and says why. */
void seed_skip(const struct seed_row *row, const char *reason);

typedef void (*seed_run_fn)(const struct seed_row *row);

/* Runs every row whose id starts with one of the prefixes as a cmocka test named by id and op; fails if there are none.
 * Returns the number of failures: what main returns. */
int seed_run(const char *group, const char *const *prefixes, size_t nprefixes, seed_run_fn run_row);

#endif
