#include "base/siphash.h"

struct state {
  uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int bits) {
  return (x << bits) | (x >> (64 - bits));
}

/* Little-endian, of up to eight octets. */
static uint64_t read_word(const uint8_t *p, size_t len) {
  uint64_t word = 0;

  while (len-- > 0)
    word = (word << 8) | p[len];
  return word;
}

static void run_round(struct state *s) {
  s->v0 += s->v1;
  s->v1 = rotate(s->v1, 13) ^ s->v0;
  s->v0 = rotate(s->v0, 32);
  s->v2 += s->v3;
  s->v3 = rotate(s->v3, 16) ^ s->v2;
  s->v0 += s->v3;
  s->v3 = rotate(s->v3, 21) ^ s->v0;
  s->v2 += s->v1;
  s->v1 = rotate(s->v1, 17) ^ s->v2;
  s->v2 = rotate(s->v2, 32);
}

static void compress(struct state *s, uint64_t word) {
  s->v3 ^= word;
  run_round(s);
  run_round(s);
  s->v0 ^= word;
}

uint64_t wsuv__siphash(const uint8_t key[WSUV__SIPHASH_KEY_SIZE], const void *data, size_t len) {
  const uint8_t *p = data;
  uint64_t k0 = read_word(key, 8);
  uint64_t k1 = read_word(key + 8, 8);
  struct state s = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                    k1 ^ 0x7465646279746573u};
  size_t left = len;

  for (; left >= 8; left -= 8, p += 8)
    compress(&s, read_word(p, 8));
  compress(&s, (uint64_t)len << 56 | read_word(p, left));
  s.v2 ^= 0xff;
  run_round(&s);
  run_round(&s);
  run_round(&s);
  run_round(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
