/* Options as the library uses them: defaults filled in, checked. */
#ifndef WSUV_API_OPTIONS_H
#define WSUV_API_OPTIONS_H

#include "http/head_parser.h"
#include "io/loop.h"
#include "proto/endpoint.h"
#include "wsuv/conn.h"

/* Shared by all connections made with it. */
struct wsuv__conn_config {
  struct wsuv__endpoint_config endpoint;
  struct wsuv__head_limits head;
  uint64_t handshake_timeout_ms; /* WSUV__NEVER: off */
  size_t write_high_water;       /* SIZE_MAX: off */
  size_t write_low_water;
  size_t
      cork_limit; /* what may wait of a connection without further steps: the least of its limits */
  int tcp_delay;
  wsuv_slow_t slow_reader; /* never WSUV_SLOW_DEFAULT */
};

/* `options` may be NULL. WSUV_EINVAL. */
int wsuv__conn_config_init(struct wsuv__conn_config *config, const wsuv_conn_options_t *options,
                           const wsuv_handler_t *handler, wsuv_role_t role,
                           const wsuv_allocator_t *a, struct wsuv__loop *io);

#endif
