/* The settings of compression whose cost is measured. */
#ifndef WSUV_BENCH_COST_MODE_H
#define WSUV_BENCH_COST_MODE_H

#include <stddef.h>

typedef struct cost_mode {
  const char *name;
  int deflate_bits; /* 0: no compression */
  int inflate_bits;
  int mem_level;
  int level;
  int takeover;
} cost_mode_t;

extern const cost_mode_t cost_modes[];
extern const size_t cost_nmodes;

#endif
