#include <string.h>

#include "report.h"

/* Three digits that count, but no fractions of what is large. */
static void put_number(FILE *out, double value) {
  (void)fprintf(out, "%.*f", value < 10 ? 2 : (value < 100 ? 1 : 0), value);
}

static int is_idle(const results_t *results, size_t row) {
  return results->workloads[row]->mode == LOAD_IDLE;
}

static void put_head(const results_t *results, const char *title, FILE *out) {
  (void)fprintf(out, "\n### %s\n\n| workload |", title);
  for (size_t i = 0; i < results->roster->n; i++) {
    (void)fprintf(out, " %s |", results->roster->list[i].name);
  }
  (void)fprintf(out, "\n| :--- |");
  for (size_t i = 0; i < results->roster->n; i++) {
    (void)fprintf(out, " ---: |");
  }
  (void)fprintf(out, "\n");
}

typedef void (*put_cell_t)(const results_t *results, size_t row, size_t column, FILE *out);

/* A table of the rows that are of idle connections, or of those that are not. */
static void put_table(const results_t *results, const char *title, int idle, put_cell_t put_cell,
                      FILE *out) {
  int has_head = 0;
  for (size_t row = 0; row < results->nworkloads; row++) {
    if (is_idle(results, row) != idle) {
      continue;
    }
    if (!has_head) {
      put_head(results, title, out);
      has_head = 1;
    }
    (void)fprintf(out, "| %s |", results->workloads[row]->title);
    for (size_t column = 0; column < results->roster->n; column++) {
      (void)fprintf(out, " ");
      put_cell(results, row, column, out);
      (void)fprintf(out, " |");
    }
    (void)fprintf(out, "\n");
  }
}

static struct {
  const size_t *list;
  size_t n;
} bases; /* of the table that is being printed */

static void put_cpu(const results_t *results, size_t row, size_t column, FILE *out) {
  double median = results_median(results, row, column, METRIC_CPU_US);
  if (median < 0) {
    (void)fprintf(out, "-");
    return;
  }
  put_number(out, median);
  for (size_t i = 0; i < bases.n; i++) {
    double ratio = results_ratio(results, row, column, bases.list[i], METRIC_CPU_US);
    (void)fprintf(out, "%s", i == 0 ? " (" : "; ");
    if (ratio < 0) {
      (void)fprintf(out, "-");
    } else {
      (void)fprintf(out, "%.2f", ratio);
    }
  }
  (void)fprintf(out, "%s", bases.n > 0 ? ")" : "");
}

static void put_metric(const results_t *results, size_t row, size_t column, metric_t metric,
                       FILE *out) {
  double median = results_median(results, row, column, metric);
  if (median < 0) {
    (void)fprintf(out, "-");
  } else {
    put_number(out, median);
  }
}

static void put_rate(const results_t *results, size_t row, size_t column, FILE *out) {
  put_metric(results, row, column, METRIC_RATE, out);
}

static void put_octets(const results_t *results, size_t row, size_t column, FILE *out) {
  put_metric(results, row, column, METRIC_OCTETS, out);
}

static void put_latency(const results_t *results, size_t row, size_t column, FILE *out) {
  put_metric(results, row, column, METRIC_P50, out);
  if (results_median(results, row, column, METRIC_P50) < 0) {
    return;
  }
  (void)fprintf(out, " / ");
  put_metric(results, row, column, METRIC_P99, out);
  (void)fprintf(out, " / ");
  put_metric(results, row, column, METRIC_P999, out);
}

static void put_syscalls(const results_t *results, size_t row, size_t column, FILE *out) {
  double value = *results_syscalls(results, row, column);
  if (value < 0) {
    (void)fprintf(out, "-");
  } else {
    (void)fprintf(out, "%.3f", value);
  }
}

static void put_ours_to_each(const results_t *results, size_t row, size_t column, FILE *out) {
  size_t ours = roster_index(results->roster, ROSTER_OURS);
  double ratio = results_ratio(results, row, ours, column, METRIC_CPU_US);
  if (ratio < 0) {
    (void)fprintf(out, "-");
  } else {
    (void)fprintf(out, "%.2f", ratio);
  }
}

static void put_cpu_title(const results_t *results, char *title, size_t size) {
  (void)snprintf(title, size, "Server CPU, µs each");
  for (size_t i = 0; i < bases.n; i++) {
    size_t len = strlen(title);
    (void)snprintf(title + len, size - len, "%s%s", i == 0 ? " (ratio to " : "; to ",
                   results->roster->list[bases.list[i]].name);
  }
  size_t len = strlen(title);
  (void)snprintf(title + len, size - len, "%s", bases.n > 0 ? ")" : "");
}

void report_markdown(const results_t *results, const size_t *base_list, size_t nbases, FILE *out) {
  char title[1024];
  int has_syscalls = 0;
  bases.list = base_list;
  bases.n = nbases;
  (void)fprintf(out,
                "Medians of the rounds, of which there were %zu; ratios are medians of the ratios "
                "within each round. Each: "
                "an echo, a delivery, or a connection.\n",
                results->nrounds);
  put_cpu_title(results, title, sizeof title);
  put_table(results, title, 0, put_cpu, out);
  if (results->roster->n > 2 && roster_index(results->roster, ROSTER_OURS) < results->roster->n) {
    put_table(results, "CPU of " ROSTER_OURS ", as a ratio to each", 0, put_ours_to_each, out);
  }
  put_table(results, "Each a second", 0, put_rate, out);
  put_table(results, "Latency, p50 / p99 / p99.9 µs", 0, put_latency, out);
  for (size_t i = 0; i < results->nworkloads * results->roster->n; i++) {
    has_syscalls |= results->syscalls[i] >= 0;
  }
  if (has_syscalls) {
    put_table(results, "System calls of the server, each", 0, put_syscalls, out);
  }
  put_table(results, "Octets of resident memory for each connection", 1, put_octets, out);
}

void report_csv(const results_t *results, FILE *out) {
  (void)fprintf(out, "workload,server,round,n,seconds,cpu_us,p50_us,p99_us,p999_us,max_us,late_us,"
                     "octets,syscalls\n");
  for (size_t row = 0; row < results->nworkloads; row++) {
    for (size_t column = 0; column < results->roster->n; column++) {
      for (size_t round = 0; round < results->nrounds; round++) {
        const load_result_t *r = results_cell(results, row, column, round);
        double calls = *results_syscalls(results, row, column);
        if (r->n == 0) {
          continue;
        }
        (void)fprintf(out, "%s,%s,%zu,%llu,%.6f,%.4f,%.1f,%.1f,%.1f,%.1f,%.1f,%.0f,",
                      results->workloads[row]->name, results->roster->list[column].name, round + 1,
                      (unsigned long long)r->n, r->seconds, r->cpu_ns / 1e3 / (double)r->n,
                      r->p50_us, r->p99_us, r->p999_us, r->max_us, r->late_us, r->octets);
        (void)fprintf(out, calls < 0 ? "\n" : "%.3f\n", calls);
      }
    }
  }
}
