/* SIGINT, SIGTERM and SIGHUP on a libuv loop. */
#ifndef SAMPLES_SIGNALS_H
#define SAMPLES_SIGNALS_H

#include <uv.h>

/* Calls `stop` for each SIGINT, SIGTERM and, unless it is ignored (nohup), SIGHUP; `again` is 0 the first time. Does not
 * keep the loop alive. */
typedef struct signals {
  uv_signal_t handles[3];
  void (*stop)(void *arg, int again);
  void (*hangup)(void *arg); /* of signals_on_hangup */
  void *arg, *hangup_arg;
  int again;
  int number; /* of the last one */
} signals_t;

int signals_start(signals_t *signals, uv_loop_t *loop, void (*stop)(void *arg, int again),
                  void *arg);

/* From now on SIGHUP, also an ignored one, calls this instead: what daemons read their files again for. */
int signals_on_hangup(signals_t *signals, void (*hangup)(void *arg), void *arg);

void signals_end(signals_t *signals);

#endif
