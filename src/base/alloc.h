/* Every allocation of the library goes through an allocator that somebody handed in. */
#ifndef WSUV_BASE_ALLOC_H
#define WSUV_BASE_ALLOC_H

#include <stddef.h>

#include "wsuv/protocol.h"

/* malloc, realloc, free: what NULL in an option means. */
extern const wsuv_allocator_t wsuv__default_allocator;

/* The allocator to use for an option that may be NULL. */
const wsuv_allocator_t *wsuv__allocator_or_default(const wsuv_allocator_t *a);

void *wsuv__alloc(const wsuv_allocator_t *a, size_t size);
void *wsuv__alloc_zeroed(const wsuv_allocator_t *a, size_t size);
void *wsuv__resize(const wsuv_allocator_t *a, void *ptr, size_t size);

/* A copy of a NUL-terminated text, or NULL. */
char *wsuv__alloc_text(const wsuv_allocator_t *a, const char *text);

void wsuv__release(const wsuv_allocator_t *a, void *ptr);

#endif
