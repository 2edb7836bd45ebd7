#include "vectors/vector_split.h"

#include <stdio.h>

enum { EVERY_CUT = 400, EDGE_CUTS = 24, SAMPLED_CUTS = 24, RANDOM_SPLITS = 3, RANDOM_PIECE = 9 };

static uint32_t next_random(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 16;
}

size_t vector_split_next(struct vector_split *split, size_t left) {
  size_t piece = left;
  if (split->kind == SPLIT_BYTES)
    piece = 1;
  else if (split->kind == SPLIT_AT && split->fed < split->at && split->at - split->fed < left)
    piece = split->at - split->fed;
  else if (split->kind == SPLIT_RANDOM)
    piece = 1 + next_random(&split->seed) % (left > 1000 ? 2000 : RANDOM_PIECE);
  if (piece > left)
    piece = left;
  split->fed += piece;
  return piece;
}

const char *vector_split_name(const struct vector_split *split) {
  static char name[64];
  switch (split->kind) {
  case SPLIT_BYTES:
    return "octet by octet";
  case SPLIT_AT:
    snprintf(name, sizeof name, "split at %zu", split->at);
    return name;
  case SPLIT_RANDOM:
    snprintf(name, sizeof name, "random splits, seed state %u", (unsigned)split->seed);
    return name;
  case SPLIT_LINES:
    return "line by line";
  case SPLIT_NOT:
    break;
  }
  return "whole";
}

static void run_cuts(size_t total, void (*run)(void *arg, struct vector_split split), void *arg) {
  size_t step = total <= EVERY_CUT ? 1 : total / SAMPLED_CUTS;
  size_t at;
  for (at = 1; at < total; at++) {
    struct vector_split split = {SPLIT_AT, at, 0, 0};
    if (step == 1 || at < EDGE_CUTS || total - at < EDGE_CUTS || at % step == 0)
      run(arg, split);
  }
}

void vector_split_all(size_t total, void (*run)(void *arg, struct vector_split split), void *arg) {
  struct vector_split whole = {SPLIT_NOT, 0, 0, 0};
  struct vector_split bytes = {SPLIT_BYTES, 0, 0, 0};
  uint32_t seed;
  run(arg, whole);
  run(arg, bytes);
  run_cuts(total, run, arg);
  for (seed = 1; seed <= RANDOM_SPLITS; seed++) {
    struct vector_split random = {SPLIT_RANDOM, 0, seed, 0};
    run(arg, random);
  }
}
