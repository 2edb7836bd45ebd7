#include "rows.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define KIB ((uint64_t)1 << 10)

const char *const variant_names[NVARIANTS] = {"echo", "tls", "deflate", "broadcast"};

/* The rows of the targets, and one with a rate, for latency. */
static const workload_t all[] = {
    {"echo-20", "64 × 20 B", VARIANT_ECHO, LOAD_ECHO, KIND_BINARY, 64, 1, 20},
    {"echo-125", "64 × 125 B", VARIANT_ECHO, LOAD_ECHO, KIND_BINARY, 64, 1, 125},
    {"echo-1k", "64 × 1 KiB", VARIANT_ECHO, LOAD_ECHO, KIND_BINARY, 64, 1, KIB},
    {"echo-1k-text", "64 × 1 KiB text, not ASCII", VARIANT_ECHO, LOAD_ECHO, KIND_UNICODE, 64, 1,
     KIB},
    {"echo-16k", "64 × 16 KiB", VARIANT_ECHO, LOAD_ECHO, KIND_BINARY, 64, 1, 16 * KIB},
    {"echo-16k-text", "64 × 16 KiB text, not ASCII", VARIANT_ECHO, LOAD_ECHO, KIND_UNICODE, 64, 1,
     16 * KIB},
    {"echo-64k", "64 × 64 KiB", VARIANT_ECHO, LOAD_ECHO, KIND_BINARY, 64, 1, 64 * KIB},
    {"echo-1m", "8 × 1 MiB", VARIANT_ECHO, LOAD_ECHO, KIND_BINARY, 8, 1, KIB *KIB},
    {"pipe-20", "64 × 32 in flight × 20 B", VARIANT_ECHO, LOAD_ECHO, KIND_BINARY, 64, 32, 20},
    {"pipe-1k", "64 × 32 in flight × 1 KiB", VARIANT_ECHO, LOAD_ECHO, KIND_BINARY, 64, 32, KIB},
    {"crowd-20", "500 × 20 B", VARIANT_ECHO, LOAD_ECHO, KIND_BINARY, 500, 1, 20},
    {"tls-20", "TLS, 64 × 20 B", VARIANT_TLS, LOAD_ECHO, KIND_BINARY, 64, 1, 20},
    {"tls-1k", "TLS, 64 × 1 KiB", VARIANT_TLS, LOAD_ECHO, KIND_BINARY, 64, 1, KIB},
    {"tls-64k", "TLS, 64 × 64 KiB", VARIANT_TLS, LOAD_ECHO, KIND_BINARY, 64, 1, 64 * KIB},
    {"tls-pipe-1k", "TLS, 64 × 32 in flight × 1 KiB", VARIANT_TLS, LOAD_ECHO, KIND_BINARY, 64, 32,
     KIB},
    {"deflate-125", "deflate, 64 × 125 B text", VARIANT_DEFLATE, LOAD_ECHO, KIND_JSON, 64, 1, 125},
    {"deflate-1k", "deflate, 64 × 1 KiB text", VARIANT_DEFLATE, LOAD_ECHO, KIND_JSON, 64, 1, KIB},
    {"broadcast-1", "broadcast to 1,000 × 125 B", VARIANT_BROADCAST, LOAD_BROADCAST, KIND_BINARY,
     1000, 1, 125},
    {"broadcast-16", "the same in bursts of 16", VARIANT_BROADCAST, LOAD_BROADCAST, KIND_BINARY,
     1000, 16, 125},
    {"churn", "connect, upgrade, close", VARIANT_ECHO, LOAD_CHURN, KIND_BINARY, 64, 1, 0},
    {"paced-125", "64 × 125 B, 10,000 a second in all", VARIANT_ECHO, LOAD_PACED, KIND_BINARY, 64,
     10000, 125},
    {"idle", "idle", VARIANT_ECHO, LOAD_IDLE, KIND_BINARY, 10000, 1, 0},
    {"idle-tls", "idle, TLS", VARIANT_TLS, LOAD_IDLE, KIND_BINARY, 5000, 1, 0},
    {"idle-deflate", "idle, deflate negotiated", VARIANT_DEFLATE, LOAD_IDLE, KIND_JSON, 10000, 1,
     0},
};

const workload_t *workloads_all(size_t *n) {
  *n = sizeof all / sizeof all[0];
  return all;
}

int name_fits(const char *name, const char *patterns) {
  static const char separators[] = ", ";
  char pattern[128];
  if (patterns == NULL) {
    return 1;
  }
  for (patterns += strspn(patterns, separators); *patterns != '\0';
       patterns += strspn(patterns, separators)) {
    size_t len = strcspn(patterns, separators);
    (void)snprintf(pattern, sizeof pattern, "%.*s", (int)len, patterns);
    if (fnmatch(pattern, name, 0) == 0) {
      return 1;
    }
    patterns += len;
  }
  return 0;
}

void workload_options(const workload_t *workload, load_options_t *options) {
  options->mode = workload->mode;
  options->kind = workload->kind;
  options->nconns = workload->nconns;
  options->in_flight = workload->mode == LOAD_PACED ? 1 : workload->in_flight;
  options->rate = workload->mode == LOAD_PACED ? workload->in_flight : 0;
  options->payload = workload->payload;
  options->deflate = workload->variant == VARIANT_DEFLATE;
  options->target.tls = workload->variant == VARIANT_TLS;
}
