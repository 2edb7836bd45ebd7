/* Connections that do nothing, and what the server's resident memory grows by for each. With messages to exchange each has had
 * so many of its own before. With a time they are held for it, and what CPU time that costs is measured, too. */
#include <stdlib.h>
#include <time.h>

#include "batch.h"
#include "client_deflate.h"
#include "process.h"

#define FIRST 10 /* what comes with the first connections is not what each costs */

static void open_idle(const load_options_t *options, const batch_t *batch, size_t n) {
  for (size_t i = 0; i < n; i++) {
    client_t client;
    client_open(&client, options, i);
    client_deflate_begin();
    for (size_t j = 0; j < options->exchange; j++) {
      (void)batch_exchange(batch, &client, (i + j) % batch->n);
    }
  }
}

/* What they cost while nothing is sent to the server. */
static void hold(const load_options_t *options, load_result_t *result) {
  struct timespec pause = {(time_t)options->seconds, 0};
  pause.tv_nsec = (long)((options->seconds - (double)pause.tv_sec) * 1e9);
  uint64_t cpu = process_cpu_ns((long)options->pid);
  (void)nanosleep(&pause, NULL);
  result->held_ns = (double)(process_cpu_ns((long)options->pid) - cpu) /
                    (double)(options->nconns + FIRST) / options->seconds;
}

void load_idle(const load_options_t *options, load_result_t *result) {
  static batch_t batch;
  static messages_t messages;
  if (options->exchange > 0) {
    batch_messages(&messages, options, 64);
    batch_build(&batch, options, &messages, messages.n);
  }
  open_idle(options, &batch, FIRST);
  uint64_t before = process_memory((long)options->pid);
  uint64_t cpu = process_cpu_ns((long)options->pid);
  uint64_t start = clock_ns();
  open_idle(options, &batch, (size_t)options->nconns);
  result->n = options->nconns;
  result->seconds = (double)(clock_ns() - start) / 1e9;
  result->cpu_ns = (double)(process_cpu_ns((long)options->pid) - cpu);
  result->octets =
      ((double)process_memory((long)options->pid) - (double)before) / (double)options->nconns;
  if (options->seconds > 0) {
    hold(options, result);
  }
}
