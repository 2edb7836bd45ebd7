/* Connections that do nothing, and what the server's resident memory grows by for each. With messages to exchange each has had
 * so many of its own before. With a time they are held for it, and what CPU time that costs is measured, too. */
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "batch.h"
#include "client_deflate.h"
#include "process.h"
#include "ws_client.h"

#define FIRST 10 /* what comes with the first connections is not what each costs */

/* They stay open until the program ends, also when the array is freed. */
static client_t *open_idle(const load_options_t *options, const batch_t *batch, size_t n) {
  client_t *clients = allocate(n * sizeof *clients);
  for (size_t i = 0; i < n; i++) {
    client_open(&clients[i], options, i);
    client_deflate_begin();
    for (size_t j = 0; j < options->exchange; j++) {
      (void)batch_exchange(batch, &clients[i], (i + j) % batch->n);
    }
  }
  return clients;
}

/* Frames that the server sent, which are read. Pings are all that it may send. */
static double take_frames(const load_options_t *options, const client_t *clients, size_t n) {
  unsigned char buffer[4096];
  double nframes = 0;
  for (size_t i = 0; i < n && !options->target.tls && !options->raw; i++) {
    ssize_t nread = recv(clients[i].fd, buffer, sizeof buffer, MSG_DONTWAIT);
    size_t head_len = 0;
    size_t len = 0;
    for (ssize_t at = 0; at < nread; at += (ssize_t)len) {
      len = ws_whole_frame(buffer + at, (size_t)(nread - at), &head_len);
      if (len == 0) {
        break;
      }
      nframes++;
    }
  }
  return nframes;
}

/* What they cost while nothing is sent to the server. */
static void hold(const load_options_t *options, const client_t *first, const client_t *clients,
                 load_result_t *result) {
  size_t n = (size_t)options->nconns;
  struct timespec pause = {(time_t)options->seconds, 0};
  pause.tv_nsec = (long)((options->seconds - (double)pause.tv_sec) * 1e9);
  (void)take_frames(options, first, FIRST);
  (void)take_frames(options, clients, n);
  uint64_t cpu = process_cpu_ns((long)options->pid);
  (void)nanosleep(&pause, NULL);
  result->held_ns = (double)(process_cpu_ns((long)options->pid) - cpu);
  result->nheld_frames = take_frames(options, first, FIRST) + take_frames(options, clients, n);
}

void load_idle(const load_options_t *options, load_result_t *result) {
  static batch_t batch;
  static messages_t messages;
  if (options->exchange > 0) {
    batch_messages(&messages, options, 64);
    batch_build(&batch, options, &messages, messages.n);
  }
  client_t *first = open_idle(options, &batch, FIRST);
  uint64_t before = process_memory((long)options->pid);
  uint64_t cpu = process_cpu_ns((long)options->pid);
  uint64_t start = clock_ns();
  client_t *clients = open_idle(options, &batch, (size_t)options->nconns);
  result->n = options->nconns;
  result->seconds = (double)(clock_ns() - start) / 1e9;
  result->cpu_ns = (double)(process_cpu_ns((long)options->pid) - cpu);
  result->octets =
      ((double)process_memory((long)options->pid) - (double)before) / (double)options->nconns;
  if (options->seconds > 0) {
    hold(options, first, clients, result);
  }
  free(first);
  free(clients);
}
