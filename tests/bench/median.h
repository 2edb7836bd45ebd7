/* The middle of what the rounds of a benchmark brought. */
#ifndef WSUV_BENCH_MEDIAN_H
#define WSUV_BENCH_MEDIAN_H

#include <stddef.h>

/* Sorts; negative of none. */
double median_of(double *values, size_t n);

#endif
