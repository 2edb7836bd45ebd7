/* The deadline that every read looks at. */
#ifndef WSUV_PROTO_ENDPOINT_DEADLINE_H
#define WSUV_PROTO_ENDPOINT_DEADLINE_H

#include "proto/endpoint.h"

/* wsuv_endpoint_next_deadline while nothing is closing. Nearly always nothing is unfinished. */
static inline uint64_t wsuv__endpoint_open_deadline(const struct wsuv_endpoint *endpoint) {
  const struct wsuv__limits *limits = &endpoint->limits;
  uint64_t due_ms =
      limits->idle_due_ms < endpoint->ping_due_ms ? limits->idle_due_ms : endpoint->ping_due_ms;

  return limits->progress_ms < due_ms && !wsuv__endpoint_progress_is_suspended(endpoint)
             ? limits->progress_ms
             : due_ms;
}

#endif
