/* SIGINT, SIGTERM and SIGHUP on a libuv loop. */
#ifndef SAMPLES_SIGNALS_H
#define SAMPLES_SIGNALS_H

#include <uv.h>

/* Calls `stop` for each SIGINT, SIGTERM and, unless it is ignored (nohup), SIGHUP; `again` is 0 the first time. Does not
 * keep the loop alive. */
typedef struct signals {
  uv_signal_t handles[3];
  void (*stop)(void *arg, int again);
  void *arg;
  int again;
  int number; /* of the last one */
} signals_t;

int signals_start(signals_t *signals, uv_loop_t *loop, void (*stop)(void *arg, int again),
                  void *arg);
void signals_end(signals_t *signals);

#endif
