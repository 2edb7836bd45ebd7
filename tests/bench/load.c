#include "load.h"

#include <signal.h>

#include "process.h"
#include "tls_client.h"

void load_meter_begin(load_meter_t *meter, const load_options_t *options, double seconds) {
  histogram_clear(&meter->latency);
  meter->cpu_ns = process_cpu_ns((long)options->pid);
  meter->start_ns = clock_ns();
  meter->deadline_ns = seconds > 0 ? meter->start_ns + (uint64_t)(seconds * 1e9) : UINT64_MAX;
}

void load_meter_end(const load_meter_t *meter, const load_options_t *options, uint64_t n,
                    load_result_t *result) {
  result->n = n;
  result->seconds = (double)(clock_ns() - meter->start_ns) / 1e9;
  result->cpu_ns = (double)(process_cpu_ns((long)options->pid) - meter->cpu_ns);
  result->p50_us = histogram_quantile(&meter->latency, 0.5) / 1e3;
  result->p99_us = histogram_quantile(&meter->latency, 0.99) / 1e3;
  result->p999_us = histogram_quantile(&meter->latency, 0.999) / 1e3;
  result->max_us = (double)meter->latency.max_ns / 1e3;
}

void load_measure(load_options_t *options, load_result_t *result) {
  static void (*const modes[])(const load_options_t *, load_result_t *) = {
      load_echo, load_paced, load_broadcast, load_churn, load_idle};
  (void)signal(SIGPIPE, SIG_IGN);
  (void)raise_file_limit();
  target_resolve(&options->target);
  if (options->target.tls) {
    tls_client_begin((int)options->tls_version, options->target.host);
  }
  modes[options->mode](options, result);
}
