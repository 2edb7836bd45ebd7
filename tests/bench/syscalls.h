/* System calls of a server, counted by strace or perf. */
#ifndef WSUV_BENCH_SYSCALLS_H
#define WSUV_BENCH_SYSCALLS_H

#include "load.h"

/* NULL where they can be counted, or else why not. */
const char *syscalls_obstacle(void);

/* Calls for each message of such a load: the difference of two loads, the second of which has twice as many. Negative where
 * that failed. */
double syscalls_each(const load_options_t *options, uint64_t nmessages, const char *label);

#endif
