/* One run of a vector of handshake/. */
#ifndef WSUV_TESTS_OPENING_RUN_H
#define WSUV_TESTS_OPENING_RUN_H

#include "vectors/vector_file.h"
#include "vectors/vector_split.h"
#include "vectors/vector_wire.h"

/* `failing` is the number of the allocation that fails; 0: none. Returns the octets that the parser was given, and whether that
 * allocation was ever asked for. */
size_t opening_run_once(const struct vector *vector, struct vector_split split, size_t failing,
                        int *has_failed);

/* Over a wire that lies idle; a server's answer goes back over it. Returns the octets that the peer wrote. */
size_t opening_run_over(struct vector_wire *wire, const struct vector *vector,
                        struct vector_split split);

#endif
