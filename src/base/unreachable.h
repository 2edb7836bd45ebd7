/* For the default branch of a switch whose cases are complete: an invariant of ours is broken. */
#ifndef WSUV_BASE_UNREACHABLE_H
#define WSUV_BASE_UNREACHABLE_H

#include <assert.h>
#include <stdlib.h>

#define WSUV__UNREACHABLE() \
  do {                      \
    assert(!"unreachable"); \
    abort();                \
  } while (0)

#endif
