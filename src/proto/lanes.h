/* Vectors of LANES octets, in the words of GNU C: operators work octet by octet. The file that includes this has defined
 * LANES. */
#ifndef WSUV_PROTO_LANES_H
#define WSUV_PROTO_LANES_H

#include <stdint.h>
#include <string.h>

typedef uint8_t lanes __attribute__((vector_size(LANES)));
typedef uint32_t lanes_of_words __attribute__((vector_size(LANES)));

static inline lanes load(const uint8_t *p) {
  lanes v;

  memcpy(&v, p, sizeof v);
  return v;
}

static inline void store(uint8_t *p, lanes v) {
  memcpy(p, &v, sizeof v);
}

static inline lanes splat(uint8_t octet) {
  return (lanes){0} + octet;
}

static inline lanes splat_word(uint32_t word) {
  return (lanes)((lanes_of_words){0} + word);
}

#endif
