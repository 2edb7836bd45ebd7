#include "histogram.h"

#include <string.h>

#define SUB ((uint64_t)1 << HISTOGRAM_SUB_BITS)

static size_t bucket_of(uint64_t ns) {
  if (ns < SUB) {
    return (size_t)ns;
  }
  int exponent = 63 - __builtin_clzll(ns);
  if (exponent > HISTOGRAM_EXPONENT) {
    return HISTOGRAM_BUCKETS - 1;
  }
  int shift = exponent - HISTOGRAM_SUB_BITS;
  return ((size_t)shift << HISTOGRAM_SUB_BITS) + (size_t)(ns >> shift);
}

/* The middle of the bucket: the inverse of bucket_of. */
static double value_of(size_t bucket) {
  if (bucket < 2 * SUB) {
    return (double)bucket;
  }
  size_t shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
  uint64_t low = (uint64_t)(bucket - (shift << HISTOGRAM_SUB_BITS)) << shift;
  return (double)low + (double)((uint64_t)1 << shift) / 2;
}

void histogram_clear(histogram_t *h) {
  memset(h, 0, sizeof *h);
}

void histogram_add(histogram_t *h, uint64_t ns) {
  h->n++;
  h->max_ns = ns > h->max_ns ? ns : h->max_ns;
  h->buckets[bucket_of(ns)]++;
}

double histogram_quantile(const histogram_t *h, double fraction) {
  uint64_t wanted = (uint64_t)((double)h->n * fraction);
  uint64_t below = 0;
  wanted += wanted < h->n;
  for (size_t i = 0; i < HISTOGRAM_BUCKETS && h->n > 0; i++) {
    below += h->buckets[i];
    if (below >= wanted) {
      double value = value_of(i);
      return value < (double)h->max_ns ? value : (double)h->max_ns;
    }
  }
  return 0;
}
