/* A row of octets that grows. */
#ifndef SAMPLES_CAT_OCTETS_H
#define SAMPLES_CAT_OCTETS_H

#include <stddef.h>

/* Zeroed, it is empty. `failed` is set by an addition that found no memory, which adds nothing, and stays. */
typedef struct octets {
  char *data;
  size_t len, size;
  int failed;
} octets_t;

void octets_append(octets_t *octets, const void *data, size_t len);
void octets_append_text(octets_t *octets, const char *text);
void octets_insert(octets_t *octets, size_t at, const void *data, size_t len);
void octets_remove(octets_t *octets, size_t at, size_t len);
void octets_clear(octets_t *octets); /* keeps the memory */
void octets_free(octets_t *octets);

#endif
