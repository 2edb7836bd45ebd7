/* How the octets of a vector are cut into pieces. */
#ifndef WSUV_TESTS_VECTOR_SPLIT_H
#define WSUV_TESTS_VECTOR_SPLIT_H

#include <stddef.h>
#include <stdint.h>

enum vector_split_kind {
  SPLIT_NOT,
  SPLIT_LINES, /* what each line puts in is a piece */
  SPLIT_BYTES,
  SPLIT_AT,
  SPLIT_RANDOM
};

struct vector_split {
  enum vector_split_kind kind;
  size_t at;     /* SPLIT_AT: the octet that starts a new piece */
  uint32_t seed; /* SPLIT_RANDOM */
  size_t fed;    /* octets so far */
};

/* The length of the next piece out of `left` octets; counts it as fed. */
size_t vector_split_next(struct vector_split *split, size_t left);

/* "split at 7", for messages. */
const char *vector_split_name(const struct vector_split *split);

/* Calls `run` with every split that is worth it for `total` octets: whole, octet by octet, every cut in two (a sample of
 * them where there are many), and random ones. */
void vector_split_all(size_t total, void (*run)(void *arg, struct vector_split split), void *arg);

#endif
