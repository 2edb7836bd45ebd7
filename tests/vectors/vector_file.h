/* Reads vector files and runs each vector as a cmocka test. */
#ifndef WSUV_TESTS_VECTOR_FILE_H
#define WSUV_TESTS_VECTOR_FILE_H

#include <stddef.h>

enum { VECTOR_LINES_MAX = 200 };

/* The lines between two titles; comments and blank lines are left out. */
struct vector {
  char *name; /* file, line and title */
  const char *file;
  size_t nlines;
  const char *lines[VECTOR_LINES_MAX];
  size_t numbers[VECTOR_LINES_MAX]; /* of the lines, for messages */
};

typedef void (*vector_run_fn)(const struct vector *vector);

/* The folders of vectors that an endpoint runs, as far as the build has what they need; NULL behind the last. */
const char *vector_protocol_folder(size_t i);

/* Runs every vector of every file of tests/vectors/<folder>/. Returns the number of failures; a folder without vectors is
 * one. */
int vector_run_folder(const char *folder, vector_run_fn run);

#endif
