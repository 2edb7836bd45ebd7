/* Faults of the opening handshake in the words of VECTORS.tsv: "err BadHeader name=Upgrade". */
#ifndef WSUV_TESTS_SEED_WORDS_H
#define WSUV_TESTS_SEED_WORDS_H

#include "vectors/seed_vectors.h"
#include "wsuv/handshake.h"

/* Kind and attributes, taken from the handshake's fault. Fails the test for a code without words. */
void seed_words_add_error(struct seed_text *out, const wsuv_handshake_t *handshake);

#endif
