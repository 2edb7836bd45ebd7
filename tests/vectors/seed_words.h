/* Faults of the opening handshake in the words of VECTORS.tsv: "err BadHeader name=Upgrade". */
#ifndef WSUV_TESTS_SEED_WORDS_H
#define WSUV_TESTS_SEED_WORDS_H

#include "vectors/seed_vectors.h"

/* Kind and attributes, taken from the error code and the detail line. Fails the test for a code without words. */
void seed_words_add_error(struct seed_text *out, int err, const char *detail);

#endif
