#include <signal.h>
#include <stdlib.h>

#include "report.h"

/* gnuplot stops at a column without a number. */
static int has_ratio(const results_t *results, size_t column, size_t base) {
  int found = 0;
  for (size_t row = 0; row < results->nworkloads; row++) {
    found |= results->workloads[row]->mode != LOAD_IDLE &&
             results_ratio(results, row, column, base, METRIC_CPU_US) >= 0;
  }
  return found;
}

/* Returns the number of columns. */
static size_t put_data(const results_t *results, size_t base, FILE *out) {
  (void)fprintf(out, "$data << EOD\n\"\"");
  size_t n = 0;
  for (size_t i = 0; i < results->roster->n; i++) {
    if (has_ratio(results, i, base)) {
      (void)fprintf(out, " \"%s\"", results->roster->list[i].name);
      n++;
    }
  }
  (void)fprintf(out, "\n");
  for (size_t row = 0; row < results->nworkloads; row++) {
    if (results->workloads[row]->mode == LOAD_IDLE) {
      continue;
    }
    (void)fprintf(out, "\"%s\"", results->workloads[row]->name);
    for (size_t i = 0; i < results->roster->n; i++) {
      double ratio = results_ratio(results, row, i, base, METRIC_CPU_US);
      if (ratio < 0 && has_ratio(results, i, base)) {
        (void)fprintf(out, " ?");
      } else if (ratio >= 0) {
        (void)fprintf(out, " %.4f", ratio);
      }
    }
    (void)fprintf(out, "\n");
  }
  (void)fprintf(out, "EOD\n");
  return n;
}

/* Names and paths stand in single quotes, in which gnuplot doubles one. */
static void put_quoted(const char *text, FILE *out) {
  (void)fputc('\'', out);
  for (; *text != '\0'; text++) {
    (void)fputs(*text == '\'' ? "''" : (const char[]){*text, '\0'}, out);
  }
  (void)fputc('\'', out);
}

int report_plot(const results_t *results, size_t base, const char *path) {
  (void)signal(SIGPIPE, SIG_IGN); /* gnuplot may end before it has read all */
  FILE *out = popen("gnuplot", "w");
  if (out == NULL) {
    return 0;
  }
  (void)fprintf(out, "set terminal svg size %zu,480 noenhanced\nset output ",
                400 + 12 * results->nworkloads * (results->roster->n + 1));
  put_quoted(path, out);
  (void)fprintf(out,
                "\nset title 'server CPU for each message, as a ratio to %s: smaller is better'\n",
                results->roster->list[base].name);
  (void)fprintf(out, "set style data histograms\nset style histogram clustered gap 1\n"
                     "set style fill solid 0.8 noborder\nset boxwidth 0.9\nset logscale y 2\n"
                     "set datafile missing '?'\nset grid ytics\nset key outside top\n"
                     "set xtics rotate by 35 right nomirror\nset ylabel 'ratio'\n");
  size_t n = put_data(results, base, out);
  (void)fprintf(out, "plot for [i=2:%zu] $data using i:xtic(1) title columnheader(i)\n", n + 1);
  return pclose(out) == 0;
}
