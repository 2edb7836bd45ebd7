/* An allocator that counts, fails where a test wants it to, and knows what was not given back. The torture loop:
 *
 *   for (n = 1;; n++) {
 *     failing_alloc_init(&fa);
 *     failing_alloc_fail_once(&fa, n);
 *     run the scenario with &fa.allocator; every error it may return is WSUV_ENOMEM
 *     failing_alloc_check_no_leaks(&fa);
 *     if (!failing_alloc_has_failed(&fa))
 *       break;
 *   }
 *
 * Several threads may use it at once; the counts are to be read when only one is left.
 */
#ifndef WSUV_TESTS_FAILING_ALLOC_H
#define WSUV_TESTS_FAILING_ALLOC_H

#include <stddef.h>

#include "wsuv/protocol.h"

struct failing_alloc {
  wsuv_allocator_t allocator; /* hand this to the library; `arg` points back here */
  size_t ncalls;              /* alloc and resize calls so far */
  size_t nfailed;             /* of them refused */
  size_t fail_first;          /* 1-based number of the first call to fail; 0: none */
  size_t fail_last;
  size_t noutstanding; /* blocks not given back */
  size_t outstanding_size;
  size_t peak_size;
};

/* Do not move or copy the struct afterwards. */
void failing_alloc_init(struct failing_alloc *fa);

/* The n-th call from now on fails (n counts from 1), once or together with every later one. 0: none fails. */
void failing_alloc_fail_once(struct failing_alloc *fa, size_t n);
void failing_alloc_fail_from(struct failing_alloc *fa, size_t n);

int failing_alloc_has_failed(const struct failing_alloc *fa);

/* Which allocation of a scenario fails, and whether it is the only one. */
struct failure {
  size_t n;
  int once;
};

void failing_alloc_fail_as(struct failing_alloc *fa, struct failure failure);

/* Plays the scenario from its beginning to its end; whether an allocation failed, so that there may be another. */
typedef int (*scenario_fn)(const void *row, struct failure failure);

/* The torture loop for scenarios with a beginning and an end of their own. Fails each `step`-th allocation in turn; returns
 * the number of the first one that there was not. */
size_t failing_alloc_torture(scenario_fn play, const void *row, int once, size_t step);

/* Fails the test unless every block was given back. */
void failing_alloc_check_no_leaks(const struct failing_alloc *fa);

#endif
