/* What the rounds of `wsuv-bench run` brought, and its medians. */
#ifndef WSUV_BENCH_RESULTS_H
#define WSUV_BENCH_RESULTS_H

#include "load.h"
#include "roster.h"
#include "rows.h"

typedef enum metric {
  METRIC_CPU_US,
  METRIC_RATE,
  METRIC_P50,
  METRIC_P99,
  METRIC_P999,
  METRIC_OCTETS
} metric_t;

typedef struct results {
  const roster_t *roster;
  const workload_t *workloads[64];
  size_t nworkloads;
  size_t nrounds;
  load_result_t *cells; /* by workload, contestant and round; n is 0 where nothing was measured */
  double *syscalls;     /* by workload and contestant; negative: unknown */
} results_t;

/* After the other fields were set. */
void results_allocate(results_t *results);

load_result_t *results_cell(const results_t *results, size_t workload, size_t contestant,
                            size_t round);
double *results_syscalls(const results_t *results, size_t workload, size_t contestant);

/* Both are negative where there is nothing. The ratio is the median of the ratios within each round. */
double results_median(const results_t *results, size_t workload, size_t contestant,
                      metric_t metric);
double results_ratio(const results_t *results, size_t workload, size_t contestant, size_t base,
                     metric_t metric);

#endif
