#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static void *default_alloc(void *arg, size_t size) {
  (void)arg;
  return malloc(size);
}

static void *default_resize(void *arg, void *ptr, size_t size) {
  (void)arg;
  return realloc(ptr, size);
}

static void default_release(void *arg, void *ptr) {
  (void)arg;
  free(ptr);
}

const wsuv_allocator_t wsuv__default_allocator = {default_alloc, default_resize, default_release,
                                                  NULL};

const wsuv_allocator_t *wsuv__allocator_or_default(const wsuv_allocator_t *a) {
  return a != NULL ? a : &wsuv__default_allocator;
}

void *wsuv__alloc(const wsuv_allocator_t *a, size_t size) {
  return a->alloc(a->arg, size);
}

void *wsuv__alloc_zeroed(const wsuv_allocator_t *a, size_t size) {
  void *ptr = a->alloc(a->arg, size);
  if (ptr != NULL)
    memset(ptr, 0, size);
  return ptr;
}

void *wsuv__resize(const wsuv_allocator_t *a, void *ptr, size_t size) {
  return a->resize(a->arg, ptr, size);
}

void wsuv__release(const wsuv_allocator_t *a, void *ptr) {
  if (ptr != NULL)
    a->release(a->arg, ptr);
}

char *wsuv__alloc_text(const wsuv_allocator_t *a, const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = wsuv__alloc(a, size);

  if (copy != NULL)
    memcpy(copy, text, size);
  return copy;
}
