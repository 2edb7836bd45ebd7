/* Workers with an echoing server and a counting allocator of their own, and a loopback for the clients on the test's thread. What
 * the workers' threads count is under a lock. */
#ifndef WSUV_TESTS_WORKERS_RIG_H
#define WSUV_TESTS_WORKERS_RIG_H

#include <wsuv/workers.h>

#include "integration/loopback.h"

#define RIG_LOOPS   8
#define RIG_CLIENTS 48

struct workers_rig {
  struct loopback lb;
  struct failing_alloc fa; /* of the workers */
  wsuv_workers_options_t options;
  wsuv_server_options_t server;
  wsuv_loop_options_t loop;
  wsuv_workers_t *workers; /* set by the first on_start */
  struct talker clients[RIG_CLIENTS];
  int nclients;
  uv_mutex_t lock;
  uv_cond_t changed; /* one of the counts */
  int fail_start_at; /* on_start of this index fails; -1: none */
  int nstarted;
  int nstopped;
  int nclosed; /* servers */
  int nopen[RIG_LOOPS];
  uv_thread_t threads[RIG_LOOPS];
};

/* Options for `nloops`; nothing is started. */
void rig_open(struct workers_rig *rig, int nloops);

void rig_start(struct workers_rig *rig);

/* wsuv_workers_join, and that everything was stopped. */
void rig_join(struct workers_rig *rig);

/* The clients' side, and that the workers left nothing. */
void rig_close(struct workers_rig *rig);

/* One more client, connected and open. */
struct talker *rig_connect(struct workers_rig *rig);

/* Each client says something and hears it. */
void rig_echo(struct workers_rig *rig);

/* Turns the clients' loop until all of them are closed. */
void rig_await_close(struct workers_rig *rig);

/* The index of the worker whose thread this is. */
int rig_index(struct workers_rig *rig);

int rig_read(struct workers_rig *rig, const int *count);

/* Waits until the count is at least `n`. */
void rig_await(struct workers_rig *rig, const int *count, int n);

#endif
