/* An endpoint's options with defaults filled in. */
#ifndef WSUV_PROTO_ENDPOINT_CONFIG_H
#define WSUV_PROTO_ENDPOINT_CONFIG_H

#include "proto/frame_parser.h"
#include "wsuv/endpoint.h"

#define WSUV__NEVER UINT64_MAX

struct wsuv__spares;

/* Shared by all endpoints made with them. */
struct wsuv__endpoint_config {
  const wsuv_allocator_t *allocator;
  int (*random)(void *arg, void *buf, size_t len);
  void *random_arg;
  uint64_t max_message_size;
  uint64_t ping_interval_ms;   /* WSUV__NEVER: off */
  uint64_t close_timeout_ms;   /* WSUV__NEVER: off */
  uint64_t idle_timeout_ms;    /* WSUV__NEVER: off */
  uint64_t min_receive_rate;   /* octets a second; 0: off */
  uint64_t progress_window_ms; /* over which that is averaged */
  size_t write_limit;
  size_t read_ahead;
  uint32_t max_pings;        /* UINT32_MAX: off */
  uint32_t max_fragments;    /* UINT32_MAX: off */
  uint32_t max_control_rate; /* a second; UINT32_MAX: off */
  int manual_pong;
  struct wsuv__spares *spares; /* buffers for large messages; NULL: none are kept */
  uint32_t trace_frames;       /* kept, where wsuv_endpoint.trace is set */
  struct wsuv__frame_rules rules;
};

/* Checks the options and fills in defaults. WSUV_EINVAL. */
int wsuv__endpoint_config_init(struct wsuv__endpoint_config *config,
                               const wsuv_endpoint_options_t *options);

#endif
