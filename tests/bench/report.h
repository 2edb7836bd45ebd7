/* The results of `wsuv-bench run` as Markdown, CSV and a plot. */
#ifndef WSUV_BENCH_REPORT_H
#define WSUV_BENCH_REPORT_H

#include <stdio.h>

#include "results.h"

/* Tables, and ratios to each of `bases`, which are indexes in the roster. */
void report_markdown(const results_t *results, const size_t *bases, size_t nbases, FILE *out);

/* A line for each measurement. */
void report_csv(const results_t *results, FILE *out);

/* An SVG of the ratios of CPU time to one contestant, by gnuplot. Returns 0 where that failed. */
int report_plot(const results_t *results, size_t base, const char *path);

#endif
