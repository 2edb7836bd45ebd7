#include "results.h"

#include "median.h"
#include "process.h"

#define MAX_ROUNDS 1000
#define NOTHING    (-1.0)

void results_allocate(results_t *results) {
  size_t n = results->nworkloads * results->roster->n;
  results->cells = allocate(n * results->nrounds * sizeof *results->cells + 1);
  results->syscalls = allocate(n * sizeof *results->syscalls + 1);
  for (size_t i = 0; i < n; i++) {
    results->syscalls[i] = NOTHING;
  }
}

load_result_t *results_cell(const results_t *results, size_t workload, size_t contestant,
                            size_t round) {
  size_t row = workload * results->roster->n + contestant;
  return &results->cells[row * results->nrounds + round];
}

double *results_syscalls(const results_t *results, size_t workload, size_t contestant) {
  return &results->syscalls[workload * results->roster->n + contestant];
}

static double metric_of(const load_result_t *r, metric_t metric) {
  switch (metric) {
  case METRIC_CPU_US:
    return r->cpu_ns / 1e3 / (double)r->n;
  case METRIC_RATE:
    return (double)r->n / r->seconds;
  case METRIC_P50:
    return r->p50_us;
  case METRIC_P99:
    return r->p99_us;
  case METRIC_P999:
    return r->p999_us;
  case METRIC_OCTETS:
    return r->octets > 0 ? r->octets : 0;
  }
  return NOTHING;
}

double results_median(const results_t *results, size_t workload, size_t contestant,
                      metric_t metric) {
  double values[MAX_ROUNDS];
  size_t n = 0;
  for (size_t i = 0; i < results->nrounds && i < MAX_ROUNDS; i++) {
    const load_result_t *r = results_cell(results, workload, contestant, i);
    if (r->n > 0) {
      values[n++] = metric_of(r, metric);
    }
  }
  return median_of(values, n);
}

double results_ratio(const results_t *results, size_t workload, size_t contestant, size_t base,
                     metric_t metric) {
  double values[MAX_ROUNDS];
  size_t n = 0;
  for (size_t i = 0; i < results->nrounds && i < MAX_ROUNDS; i++) {
    const load_result_t *r = results_cell(results, workload, contestant, i);
    const load_result_t *b = results_cell(results, workload, base, i);
    if (r->n > 0 && b->n > 0 && metric_of(b, metric) > 0) {
      values[n++] = metric_of(r, metric) / metric_of(b, metric);
    }
  }
  return median_of(values, n);
}
