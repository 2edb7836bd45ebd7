/* Memory with a ceiling, whose end is checked. */
#ifndef WSUV_TESTS_COUNTING_MEMORY_H
#define WSUV_TESTS_COUNTING_MEMORY_H

#include <stdlib.h>

#include "wsuv/protocol.h"

#define FUZZ_CHECK(condition) \
  do {                        \
    if (!(condition))         \
      abort();                \
  } while (0)

enum { MEMORY_MAX = 256 * 1024 };

struct memory {
  size_t outstanding;
  size_t more; /* than MEMORY_MAX may be */
};

static void *resize(void *arg, void *ptr, size_t size) {
  struct memory *memory = arg;
  size_t *block = ptr != NULL ? (size_t *)ptr - 2 : NULL;
  size_t old = block != NULL ? block[0] : 0;
  block = realloc(block, size + 2 * sizeof *block);
  FUZZ_CHECK(block != NULL);
  block[0] = size;
  memory->outstanding += size - old;
  FUZZ_CHECK(memory->outstanding < MEMORY_MAX + memory->more);
  return block + 2;
}

static void *allocate(void *arg, size_t size) {
  return resize(arg, NULL, size);
}

static void release(void *arg, void *ptr) {
  struct memory *memory = arg;
  size_t *block = (size_t *)ptr - 2;
  memory->outstanding -= block[0];
  free(block);
}

static wsuv_allocator_t counting_allocator(struct memory *memory) {
  wsuv_allocator_t allocator = {allocate, resize, release, NULL};
  allocator.arg = memory;
  return allocator;
}

#endif
