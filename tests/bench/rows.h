/* The rows of the tables, the workloads of `wsuv-bench run`. */
#ifndef WSUV_BENCH_ROWS_H
#define WSUV_BENCH_ROWS_H

#include <stddef.h>

#include "load.h"

/* What a server is started as. */
typedef enum variant { VARIANT_ECHO, VARIANT_TLS, VARIANT_DEFLATE, VARIANT_BROADCAST } variant_t;

#define NVARIANTS 4

extern const char *const variant_names[NVARIANTS];

typedef struct workload {
  const char *name;
  const char *title;
  variant_t variant;
  load_mode_t mode;
  message_kind_t kind;
  uint64_t nconns;
  uint64_t in_flight; /* messages a second where they are paced */
  uint64_t payload;
} workload_t;

/* All of them, in the order of the table. */
const workload_t *workloads_all(size_t *n);

/* Whether one of the patterns, which commas or blanks separate, fits the name; NULL fits every one. */
int name_fits(const char *name, const char *patterns);

/* Sets everything but the server. */
void workload_options(const workload_t *workload, load_options_t *options);

#endif
