/* A load in a process of its own: on a processor of its own, and whatever ends it ends nothing else. */
#ifndef WSUV_BENCH_LOAD_CHILD_H
#define WSUV_BENCH_LOAD_CHILD_H

#include "load.h"

/* As load_measure; 0 where that failed, which stderr then says, with the label before. */
int load_in_child(load_options_t *options, int processor, const char *label, load_result_t *result);

#endif
