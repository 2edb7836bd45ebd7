/* Options, creation and release of an endpoint. */
#include <string.h>

#include "base/option.h"
#include "proto/endpoint_hold.h"
#include "proto/endpoint_pull.h"
#include "proto/extensions.h"
#include "proto/traffic.h"

#define DEFAULT_MAX_MESSAGE_SIZE (16u * 1024 * 1024)
#define DEFAULT_READ_AHEAD       (64u * 1024)
#define DEFAULT_WRITE_LIMIT      (32u * 1024 * 1024)
#define DEFAULT_CLOSE_TIMEOUT_MS 5000u
#define DEFAULT_MAX_PINGS        3u
#define DEFAULT_MAX_FRAGMENTS    16384u
#define DEFAULT_MAX_CONTROL_RATE 1000u
#define PROGRESS_WINDOW_MS       30000u

/* Of what a peer may do beside sending large messages. */
static int take_limits(struct wsuv__endpoint_config *config, const wsuv_endpoint_options_t *o) {
  uint64_t max_fragments;
  uint64_t max_control_rate;
  int err = wsuv__option_take(&max_fragments, o->max_fragments, DEFAULT_MAX_FRAGMENTS, UINT32_MAX);

  if (err == 0)
    err = wsuv__option_take(&max_control_rate, o->max_control_rate, DEFAULT_MAX_CONTROL_RATE,
                            UINT32_MAX);
  if (err == 0)
    err = wsuv__option_take(&config->min_receive_rate, o->min_receive_rate, 0, 0);
  if (err == 0)
    err = wsuv__option_take(&config->idle_timeout_ms, o->idle_timeout_ms, WSUV__NEVER, WSUV__NEVER);
  if (err != 0)
    return err;
  config->max_fragments = (uint32_t)max_fragments;
  config->max_control_rate = (uint32_t)max_control_rate;
  config->progress_window_ms = PROGRESS_WINDOW_MS;
  return 0;
}

static int take_numbers(struct wsuv__endpoint_config *config, const wsuv_endpoint_options_t *o) {
  uint64_t write_limit;
  uint64_t read_ahead;
  uint64_t max_pings;
  int err = wsuv__option_take(&config->max_message_size, o->max_message_size,
                              DEFAULT_MAX_MESSAGE_SIZE, INT64_MAX);

  if (err == 0)
    err =
        wsuv__option_take(&config->rules.max_payload_len, o->max_frame_size, INT64_MAX, INT64_MAX);
  if (err == 0)
    err = wsuv__option_take(&write_limit, o->write_limit, DEFAULT_WRITE_LIMIT, SIZE_MAX);
  if (err == 0)
    err =
        wsuv__option_take(&config->ping_interval_ms, o->ping_interval_ms, WSUV__NEVER, WSUV__NEVER);
  if (err == 0)
    err = wsuv__option_take(&config->close_timeout_ms, o->close_timeout_ms,
                            DEFAULT_CLOSE_TIMEOUT_MS, WSUV__NEVER);
  if (err == 0)
    err = wsuv__option_take(&read_ahead, o->read_ahead, DEFAULT_READ_AHEAD, 0);
  if (err == 0)
    err = wsuv__option_take(&max_pings, o->max_pings, DEFAULT_MAX_PINGS, UINT32_MAX);
  if (err != 0)
    return err;
  config->write_limit = write_limit > SIZE_MAX ? SIZE_MAX : (size_t)write_limit;
  config->read_ahead = read_ahead > SIZE_MAX ? SIZE_MAX : (size_t)read_ahead;
  config->max_pings = (uint32_t)max_pings;
  return 0;
}

int wsuv__endpoint_config_init(struct wsuv__endpoint_config *config,
                               const wsuv_endpoint_options_t *options) {
  int err;

  memset(config, 0, sizeof *config);
  if (options == NULL || options->size < sizeof *options)
    return WSUV_EINVAL;
  if (options->role != WSUV_SERVER && options->role != WSUV_CLIENT)
    return WSUV_EINVAL;
  if (options->rsv < 0 || options->rsv > 7 || (options->opcodes & ~WSUV_CUSTOM_OPCODES) != 0)
    return WSUV_EINVAL;
  err = take_numbers(config, options);
  if (err == 0)
    err = take_limits(config, options);
  if (err != 0)
    return err;
  config->allocator = wsuv__allocator_or_default(options->allocator);
  config->random = options->random;
  config->random_arg = options->random_arg;
  config->rules.role = (uint8_t)options->role;
  config->rules.lenient_masking = options->lenient_masking != 0;
  config->rules.rsv_data = (uint8_t)options->rsv;
  config->rules.rsv_control = (uint8_t)options->rsv;
  config->rules.opcodes = (uint16_t)options->opcodes;
  config->manual_pong = options->manual_pong != 0;
  if (config->random == NULL &&
      (options->role == WSUV_CLIENT || config->ping_interval_ms != WSUV__NEVER))
    return WSUV_EINVAL;
  return 0;
}

void wsuv__endpoint_restart_timers(struct wsuv_endpoint *ep) {
  uint64_t interval = ep->config->ping_interval_ms;

  ep->heard_ms = ep->now_ms;
  ep->pinged_ms = ep->now_ms;
  ep->ping_due_ms = interval < WSUV__NEVER - ep->now_ms ? ep->now_ms + interval : WSUV__NEVER;
  wsuv__endpoint_start_limits(ep);
}

void wsuv__endpoint_init(struct wsuv_endpoint *ep, const struct wsuv__endpoint_config *config,
                         const wsuv_endpoint_handler_t *handler, void *data, uint64_t now_ms) {
  memset(ep, 0, sizeof *ep);
  ep->config = config;
  ep->rules = &config->rules;
  ep->handler = handler;
  ep->data = data;
  ep->now_ms = now_ms;
  ep->close_due_ms = WSUV__NEVER;
  ep->limits.progress_ms = WSUV__NEVER;
  wsuv__endpoint_restart_timers(ep);
  wsuv__frame_parser_init(&ep->parser);
  wsuv__message_init(&ep->message);
  wsuv__outbox_init(&ep->outbox, config->allocator);
}

void wsuv__endpoint_use_extensions(struct wsuv_endpoint *ep, struct wsuv__extensions *set) {
  if (set == NULL)
    return;
  ep->extensions = set;
  ep->rules = &set->rules;
}

void wsuv__endpoint_end_sends(struct wsuv_endpoint *ep) {
  ep->outbox.window = 0;
  wsuv__outbox_cancel(&ep->outbox);
}

void wsuv__endpoint_release(struct wsuv_endpoint *ep) {
  const wsuv_allocator_t *a = ep->config->allocator;
  struct wsuv__extensions *set = ep->extensions;

  wsuv__endpoint_end_sends(ep);
  wsuv__message_reset(&ep->message, a);
  wsuv__endpoint_drop_held(ep);
  wsuv__release(a, ep->control);
  wsuv__release(a, ep->peer_close);
  wsuv__release(a, ep->traffic);
  wsuv__trace_free(ep);
  ep->traffic = NULL;
  ep->control = NULL;
  ep->peer_close = NULL;
  ep->extensions = NULL;
  ep->rules = &ep->config->rules;
  wsuv__extensions_free(set, a); /* user code, which must not find sessions that ended */
}

/* An endpoint of its own brings its config along. */
struct lone_endpoint {
  struct wsuv_endpoint endpoint;
  struct wsuv__endpoint_config config;
  struct wsuv__pull pull; /* used where there is no handler */
};

/* What the config does not hold. */
static int judge(const wsuv_endpoint_options_t *options, const wsuv_endpoint_handler_t *handler) {
  if (options->extensions == NULL && options->nextensions > 0)
    return WSUV_EINVAL;
  if (handler == NULL)
    return 0;
  return handler->size < sizeof *handler || options->fragments ? WSUV_EINVAL : 0;
}

int wsuv_endpoint_new(wsuv_endpoint_t **out, const wsuv_endpoint_options_t *options,
                      const wsuv_endpoint_handler_t *handler, void *data) {
  struct wsuv__endpoint_config config;
  struct wsuv__extensions *set;
  struct lone_endpoint *lone;
  int err = wsuv__endpoint_config_init(&config, options);

  *out = NULL;
  if (err == 0)
    err = judge(options, handler);
  if (err != 0)
    return err;
  if (handler == NULL)
    handler = wsuv__endpoint_pull_handler(options->fragments);
  lone = wsuv__alloc(config.allocator, sizeof *lone);
  if (lone == NULL)
    return WSUV_ENOMEM;
  err = wsuv__extensions_new(&set, config.allocator, &config.rules, options->extensions,
                             options->nextensions);
  if (err != 0) {
    wsuv__release(config.allocator, lone);
    return err;
  }
  memset(&lone->pull, 0, sizeof lone->pull);
  lone->config = config;
  if (handler->on_fragment != NULL && options->max_message_size == 0)
    lone->config.max_message_size = INT64_MAX;
  if (handler->on_fragment != NULL && options->max_fragments == 0)
    lone->config.max_fragments = UINT32_MAX;
  wsuv__endpoint_init(&lone->endpoint, &lone->config, handler, data, 0);
  wsuv__endpoint_use_extensions(&lone->endpoint, set);
  if (wsuv__endpoint_is_pull(&lone->endpoint))
    wsuv__endpoint_begin_pull(&lone->endpoint, &lone->pull);
  *out = &lone->endpoint;
  return 0;
}

void wsuv_endpoint_free(wsuv_endpoint_t *endpoint) {
  struct lone_endpoint *lone = (struct lone_endpoint *)(void *)endpoint;

  if (endpoint == NULL)
    return;
  wsuv__buf_free(&lone->pull.copy, lone->config.allocator);
  wsuv__endpoint_release(endpoint);
  wsuv__release(lone->config.allocator, lone);
}
