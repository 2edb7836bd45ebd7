#include "counting_memory.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_HEAD 16 /* its size, and what keeps the rest aligned */

static void *count_alloc(void *arg, size_t size) {
  size_t *total = arg;
  size_t *block = malloc(size + BLOCK_HEAD);
  if (block == NULL) {
    return NULL;
  }
  *block = size;
  *total += size;
  return (unsigned char *)block + BLOCK_HEAD;
}

static void count_release(void *arg, void *ptr) {
  size_t *total = arg;
  if (ptr != NULL) {
    size_t *block = (size_t *)(void *)((unsigned char *)ptr - BLOCK_HEAD);
    *total -= *block;
    free(block);
  }
}

static void *count_resize(void *arg, void *ptr, size_t size) {
  unsigned char *fresh = count_alloc(arg, size);
  if (fresh != NULL && ptr != NULL) {
    const size_t *block = (const size_t *)(const void *)((unsigned char *)ptr - BLOCK_HEAD);
    memcpy(fresh, ptr, *block < size ? *block : size);
    count_release(arg, ptr);
  }
  return fresh;
}

wsuv_allocator_t counting_memory(size_t *total) {
  return (wsuv_allocator_t){count_alloc, count_resize, count_release, total};
}
