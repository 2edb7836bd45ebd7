#include "api/options.h"

#include "base/option.h"
#include "wsuv/trace.h"

#define DEFAULT_HANDSHAKE_TIMEOUT_MS 10000u
#define DEFAULT_PING_INTERVAL_MS     20000
#define DEFAULT_MIN_RECEIVE_RATE     32
#define DEFAULT_HIGH_WATER           (1024u * 1024)
#define DEFAULT_MAX_HEAD_SIZE        16384u
#define DEFAULT_MAX_HEADERS          100u
#define KEPT_RESPONSE_BODY           4096u /* for the application to see why it was refused */

static int take_size(size_t *out, int64_t value, uint64_t preset) {
  uint64_t taken;
  int err = wsuv__option_take(&taken, value, preset, SIZE_MAX);

  if (err == 0)
    *out = taken > SIZE_MAX ? SIZE_MAX : (size_t)taken;
  return err;
}

static int take_water_marks(struct wsuv__conn_config *config, const wsuv_conn_options_t *o) {
  int err = take_size(&config->write_high_water, o->write_high_water, DEFAULT_HIGH_WATER);

  if (err == 0)
    err = take_size(&config->write_low_water, o->write_low_water, config->write_high_water / 2);
  if (err == 0 && config->write_low_water > config->write_high_water)
    err = WSUV_EINVAL;
  return err;
}

static int take_head_limits(struct wsuv__conn_config *config, const wsuv_conn_options_t *o) {
  int err = take_size(&config->head.max_bytes, o->max_head_size, DEFAULT_MAX_HEAD_SIZE);

  if (err == 0)
    err = take_size(&config->head.max_headers, o->max_headers, DEFAULT_MAX_HEADERS);
  config->head.max_body = KEPT_RESPONSE_BODY;
  return err;
}

static int take_endpoint_options(struct wsuv__conn_config *config, const wsuv_conn_options_t *o,
                                 wsuv_role_t role, const wsuv_allocator_t *a,
                                 struct wsuv__loop *io) {
  wsuv_endpoint_options_t endpoint = WSUV_ENDPOINT_OPTIONS_INIT(role);

  endpoint.allocator = a;
  endpoint.random = wsuv__random_pool_take;
  endpoint.random_arg = &io->random;
  endpoint.max_message_size = o->max_message_size;
  endpoint.max_frame_size = o->max_frame_size;
  endpoint.write_limit = o->write_limit;
  endpoint.close_timeout_ms = o->close_timeout_ms;
  endpoint.max_pings = o->max_pings;
  endpoint.read_ahead = o->read_ahead;
  endpoint.rsv = o->rsv;
  endpoint.opcodes = o->opcodes;
  endpoint.manual_pong = o->manual_pong;
  endpoint.max_fragments = o->max_fragments;
  endpoint.max_control_rate = o->max_control_rate;
  endpoint.idle_timeout_ms = o->idle_timeout_ms;
  endpoint.min_receive_rate =
      o->min_receive_rate != 0 ? o->min_receive_rate : DEFAULT_MIN_RECEIVE_RATE;
  endpoint.ping_interval_ms =
      o->ping_interval_ms != 0 ? o->ping_interval_ms : DEFAULT_PING_INTERVAL_MS;
  return wsuv__endpoint_config_init(&config->endpoint, &endpoint);
}

static int take_trace(struct wsuv__conn_config *config, const wsuv_conn_options_t *o) {
  uint64_t frames;
  int err = wsuv__option_take(&frames, o->trace_frames, 0, 0);

  if (err == 0 && frames > WSUV_TRACE_FRAMES_MAX)
    err = WSUV_EINVAL;
  config->endpoint.trace_frames = err == 0 ? (uint32_t)frames : 0;
  return err;
}

int wsuv__conn_config_init(struct wsuv__conn_config *config, const wsuv_conn_options_t *options,
                           const wsuv_handler_t *handler, wsuv_role_t role,
                           const wsuv_allocator_t *a, struct wsuv__loop *io) {
  static const wsuv_conn_options_t presets = WSUV_CONN_OPTIONS_INIT;
  const wsuv_conn_options_t *o = options != NULL ? options : &presets;
  int err;

  if (o->size < sizeof *o)
    return WSUV_EINVAL;
  err = take_endpoint_options(config, o, role, a, io);
  config->endpoint.spares = &io->spares;
  if (handler->on_fragment != NULL && o->max_message_size == 0)
    config->endpoint.max_message_size = INT64_MAX; /* pieces take no memory */
  if (handler->on_fragment != NULL && o->max_fragments == 0)
    config->endpoint.max_fragments = UINT32_MAX;
  if (err == 0)
    err = wsuv__option_take(&config->handshake_timeout_ms, o->handshake_timeout_ms,
                            DEFAULT_HANDSHAKE_TIMEOUT_MS, WSUV__NEVER);
  if (err == 0)
    err = take_water_marks(config, o);
  if (err == 0)
    err = take_head_limits(config, o);
  if ((int)o->slow_reader < WSUV_SLOW_DEFAULT || o->slow_reader > WSUV_SLOW_CLOSE)
    err = WSUV_EINVAL;
  config->slow_reader = o->slow_reader != WSUV_SLOW_DEFAULT ? o->slow_reader : WSUV_SLOW_REFUSE;
  if (err == 0)
    err = take_trace(config, o);
  config->cork_limit = config->write_high_water < config->endpoint.write_limit
                           ? config->write_high_water
                           : config->endpoint.write_limit;
  config->tcp_delay = o->tcp_delay;
  return err;
}
