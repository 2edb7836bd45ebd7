/* Latencies by the hundredthousand in constant memory: buckets whose width is below 1 % of what they count. */
#ifndef WSUV_BENCH_HISTOGRAM_H
#define WSUV_BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_EXPONENT 40 /* 2^40 ns are 18 minutes; what takes longer counts as that */
#define HISTOGRAM_BUCKETS  ((HISTOGRAM_EXPONENT - HISTOGRAM_SUB_BITS + 2) << HISTOGRAM_SUB_BITS)

typedef struct histogram {
  uint64_t n;
  uint64_t max_ns;
  uint64_t buckets[HISTOGRAM_BUCKETS];
} histogram_t;

void histogram_clear(histogram_t *h);
void histogram_add(histogram_t *h, uint64_t ns);

/* Nanoseconds that `fraction` (0.999) of the values do not exceed; 0 of none. */
double histogram_quantile(const histogram_t *h, double fraction);

#endif
