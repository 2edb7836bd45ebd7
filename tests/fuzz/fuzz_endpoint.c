/* Whole endpoints: received octets and local calls in any order. Run twice, once with the received octets in one piece a
 * step and once cut up; both have to see the same events, send the same octets and end alike. Then twice without what depends
 * on time, once with its pauses and once without any; both have to see the same events.
 *
 * Octet 0 picks role and limits, octet 1 the pieces, octet 2 what callbacks do, whether messages come whole, extensions and
 * claims. Then steps: an octet below 16 is a local call (see `act`), any other one says how many of the following octets are
 * received. covers: W210 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/counting_memory.h"
#include "proto/endpoint.h"
#include "support/toy_extension.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_MESSAGE = 300, WRITE_LIMIT = 2000, PROGRESS_WINDOW_MS = 300 };

struct run {
  wsuv_endpoint_t *ep;
  wsuv_endpoint_options_t options;
  wsuv_negotiated_t negotiated[2];
  wsuv_allocator_t allocator;
  struct memory memory;
  uint8_t pattern;
  uint8_t reaction;
  uint32_t piece_random;
  uint32_t key_random;
  uint64_t now_ms;
  uint64_t sum;       /* of all events */
  uint64_t piece_sum; /* of the pieces of the message that is coming in */
  size_t piece_len;
  size_t nevents;
  int is_timeless; /* no ticks, no heartbeats */
  int is_pauseless;
  uint8_t *pending; /* what the transport holds back while paused */
  size_t npending;
  uint8_t *sent;
  size_t nsent;
  int error;
};

/* ---- events ---- */

static void note(struct run *r, int kind, const void *data, size_t len) {
  const uint8_t *octets = data;
  size_t i;
  r->nevents++;
  r->sum = r->sum * 1000003 + (uint64_t)kind;
  for (i = 0; i < len; i++)
    r->sum = r->sum * 31 + octets[i];
  r->sum = r->sum * 31 + len;
}

static void pause(struct run *r) {
  if (!r->is_pauseless)
    wsuv_endpoint_pause(r->ep);
}

/* Pauses at every piece and every slice, however they were cut: the transport resumes at once (see `receive_pending`). */
static int stutters(const struct run *r) {
  return (r->reaction & 7) == 7;
}

static void react(struct run *r, unsigned event) {
  if (stutters(r))
    pause(r);
  if ((r->reaction >> 6) != event)
    return;
  switch (r->reaction & 7) {
  case 1:
    (void)wsuv_endpoint_close(r->ep, 1001, "bye", 3);
    break;
  case 2:
    (void)wsuv_endpoint_send(r->ep, WSUV_TEXT, "echo", 4);
    break;
  case 3:
    pause(r);
    break;
  case 4:
    (void)wsuv_endpoint_ping(r->ep, "p", 1);
    break;
  case 5:
    if (!r->is_timeless)
      (void)wsuv_endpoint_check_heartbeat(r->ep);
    break;
  case 6:
    pause(r);
    (void)wsuv_endpoint_resume(r->ep);
    break;
  default:
    break;
  }
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  FUZZ_CHECK(type == WSUV_BINARY || (int)type == 3 ||
             (type == WSUV_TEXT && wsuv_utf8_is_valid(payload, len)));
  FUZZ_CHECK(len <= MAX_MESSAGE);
  note(data, (int)type, payload, len);
  if (len > 0)
    memset(payload, '#', len);
  react(data, 0);
}

/* How a message is cut depends on how it was received, its octets do not; they count once it is complete. */
static void on_fragment(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len, int flags) {
  struct run *r = data;
  size_t i;
  FUZZ_CHECK(len > 0 || (flags & WSUV_FINAL) != 0);
  FUZZ_CHECK(((flags & WSUV_FIRST) != 0) == (r->piece_len == SIZE_MAX));
  if ((flags & WSUV_FIRST) != 0) {
    r->piece_sum = (uint64_t)type;
    r->piece_len = 0;
  }
  for (i = 0; i < len; i++)
    r->piece_sum = r->piece_sum * 31 + payload[i];
  r->piece_len += len;
  FUZZ_CHECK(r->piece_len <= MAX_MESSAGE);
  if ((flags & WSUV_FINAL) == 0) {
    if (stutters(r))
      pause(r);
    return;
  }
  note(r, (int)type, &r->piece_sum, sizeof r->piece_sum);
  r->piece_len = SIZE_MAX;
  react(r, 0);
}

static void on_ping(void *data, const uint8_t *payload, size_t len) {
  FUZZ_CHECK(len <= 125);
  note(data, WSUV_PING, payload, len);
  react(data, 1);
}

static void on_pong(void *data, const uint8_t *payload, size_t len) {
  FUZZ_CHECK(len <= 125);
  note(data, WSUV_PONG, payload, len);
  react(data, 2);
}

static void on_close(void *data, int code, const char *reason, size_t reason_len) {
  FUZZ_CHECK(code == 1005 || wsuv_close_code_is_sendable(code));
  FUZZ_CHECK(wsuv_utf8_is_valid(reason, reason_len) && reason[reason_len] == '\0');
  note(data, code, reason, reason_len);
  react(data, 3);
}

static void on_control(void *data, int opcode, const uint8_t *payload, size_t len) {
  FUZZ_CHECK(opcode == 11);
  note(data, opcode, payload, len);
}

/* Changes octets by their place, so that a wrong offset shows, and consumes those behind the twentieth. */
static size_t on_data_frame(void *data, const wsuv_frame_header_t *header, uint64_t offset,
                            uint8_t *payload, size_t len) {
  size_t i;
  FUZZ_CHECK(offset + len <= header->payload_len);
  for (i = 0; i < len && (header->opcode & 7) == WSUV_BINARY; i++)
    payload[i] = (uint8_t)(payload[i] + offset + i);
  pause(data);
  return offset > 20 ? 0 : 20 - (size_t)offset;
}

static const wsuv_endpoint_handler_t hooked_handler = {.size = sizeof hooked_handler,
                                                       .on_message = on_message,
                                                       .on_data_frame = on_data_frame,
                                                       .on_ping = on_ping,
                                                       .on_pong = on_pong,
                                                       .on_control = on_control,
                                                       .on_close = on_close};

static const wsuv_endpoint_handler_t handler = {.size = sizeof handler,
                                                .on_message = on_message,
                                                .on_ping = on_ping,
                                                .on_pong = on_pong,
                                                .on_control = on_control,
                                                .on_close = on_close};

static const wsuv_endpoint_handler_t pieces_handler = {.size = sizeof pieces_handler,
                                                       .on_fragment = on_fragment,
                                                       .on_ping = on_ping,
                                                       .on_pong = on_pong,
                                                       .on_control = on_control,
                                                       .on_close = on_close};

static int take_random(void *arg, void *buf, size_t len) {
  struct run *r = arg;
  uint8_t *octets = buf;
  while (len-- > 0) {
    r->key_random = r->key_random * 1664525u + 1013904223u;
    *octets++ = (uint8_t)(r->key_random >> 24);
  }
  return 0;
}

/* ---- steps ---- */

static size_t next_piece(struct run *r, size_t left) {
  size_t piece = r->pattern;
  if (piece == 0)
    return left;
  if (piece > 15) {
    r->piece_random = r->piece_random * 1664525u + 1013904223u;
    piece = 1 + (r->piece_random >> 16) % 20;
  }
  return piece < left ? piece : left;
}

static void check_error(struct run *r, int err) {
  FUZZ_CHECK(r->error == 0 || err == r->error || err == WSUV_ESTATE);
  if (err != WSUV_ESTATE && err != 0)
    r->error = err;
}

static void receive_pending(struct run *r) {
  size_t at = 0;
  while (stutters(r) && r->ep->delivery == DELIVERY_PAUSED)
    check_error(r, wsuv_endpoint_resume(r->ep));
  while (at < r->npending && wsuv_endpoint_wants_read(r->ep)) {
    size_t piece = next_piece(r, r->npending - at);
    check_error(r, wsuv_endpoint_receive(r->ep, r->pending + at, piece));
    at += piece;
    while (stutters(r) && r->ep->delivery == DELIVERY_PAUSED)
      check_error(r, wsuv_endpoint_resume(r->ep));
  }
  r->npending -= at;
  if (r->npending > 0)
    memmove(r->pending, r->pending + at, r->npending);
}

static void drain(struct run *r, size_t max) {
  size_t n;
  do {
    wsuv_span_t spans[3];
    size_t written = 0;
    size_t i;
    n = wsuv_endpoint_output(r->ep, spans, 1 + r->nsent % 3);
    for (i = 0; i < n && max > 0; i++) {
      size_t len = spans[i].len < max ? spans[i].len : max;
      r->sent = realloc(r->sent, r->nsent + len + 1);
      FUZZ_CHECK(r->sent != NULL);
      memcpy(r->sent + r->nsent, spans[i].data, len);
      r->nsent += len;
      written += len;
      max -= len;
    }
    wsuv_endpoint_output_done(r->ep, written);
  } while (n > 0 && max > 0);
}

/* Begins a message in fragments, or ends the one that is open. */
static void act_on_stream(struct run *r) {
  if (wsuv_endpoint_send_begin(r->ep, WSUV_TEXT, 0) == 0)
    (void)wsuv_endpoint_send_chunk(r->ep, "frag", 4, 0);
  else
    (void)wsuv_endpoint_send_end(r->ep, "ment", 4);
}

static void act(struct run *r, uint8_t action) {
  static const uint8_t binary[150] = {0xff};
  wsuv_span_t spans[2];
  if (r->is_timeless && (action == 8 || action == 9 || action == 12))
    return;
  switch (action) {
  case 0:
    (void)wsuv_endpoint_send(r->ep, WSUV_TEXT, "text", 4);
    break;
  case 1:
    (void)wsuv_endpoint_send(r->ep, WSUV_BINARY, binary, sizeof binary);
    break;
  case 2:
    (void)wsuv_endpoint_ping(r->ep, "ping", 4);
    break;
  case 3:
    (void)wsuv_endpoint_pong(r->ep, "pong", 4);
    break;
  case 4:
    (void)wsuv_endpoint_close(r->ep, 1000, "done", 4);
    break;
  case 5:
    (void)wsuv_endpoint_close(r->ep, 0, NULL, 0);
    break;
  case 6:
    pause(r);
    break;
  case 7:
    check_error(r, wsuv_endpoint_resume(r->ep));
    break;
  case 8:
    wsuv_endpoint_tick(r->ep, r->now_ms += 30);
    break;
  case 9:
    wsuv_endpoint_tick(r->ep, r->now_ms += 500);
    break;
  case 10:
    drain(r, SIZE_MAX);
    break;
  case 11:
    drain(r, 3);
    break;
  case 12:
    (void)wsuv_endpoint_check_heartbeat(r->ep);
    break;
  case 13:
    (void)wsuv_endpoint_output(r->ep, spans, 2);
    break;
  case 14:
    (void)wsuv_endpoint_receive_eof(r->ep);
    break;
  default:
    act_on_stream(r);
    break;
  }
}

/* ---- what must hold ---- */

/* The other role's parser takes all that was sent; nothing but Pongs follows a Close. */
static void check_sent(const struct run *r) {
  struct wsuv__frame_rules rules = {.max_payload_len = INT64_MAX};
  struct wsuv__frame_parser p;
  struct wsuv__frame_input in = {r->sent, r->nsent};
  struct wsuv__frame_slice slice;
  int closed = 0;
  int rc;
  rules = *r->ep->rules;
  rules.max_payload_len = INT64_MAX;
  rules.lenient_masking = 0;
  rules.role = r->options.role == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER;
  wsuv__frame_parser_init(&p);
  while ((rc = wsuv__frame_parser_next(&p, &rules, &in, &slice)) > 0) {
    FUZZ_CHECK(!slice.first || !closed || p.header.opcode == WSUV_PONG);
    FUZZ_CHECK(p.header.opcode != WSUV_TEXT || p.header.rsv != 0 ||
               wsuv_utf8_is_valid(slice.data, slice.len));
    if (slice.first && p.header.opcode == WSUV_CLOSE)
      closed = 1;
  }
  FUZZ_CHECK(rc == 0 && !wsuv__frame_parser_is_midframe(&p));
  FUZZ_CHECK(closed == wsuv_endpoint_sent_close(r->ep));
}

static void add_extensions(struct run *r) {
  static const wsuv_extension_t *const extensions[] = {&toy_runs, &toy_count};
  size_t i;
  for (i = 0; i < 2; i++) {
    r->negotiated[i].extension = extensions[i];
    r->negotiated[i].session = toy_session_new();
  }
  r->options.extensions = r->negotiated;
  r->options.nextensions = 2;
}

static const wsuv_endpoint_handler_t *pick_handler(const struct run *r) {
  if ((r->reaction & 8) != 0)
    return &pieces_handler;
  return stutters(r) && (r->reaction & 64) != 0 ? &hooked_handler : &handler;
}

/* Thirty seconds are no option, and many steps. */
static void shorten_window(struct wsuv_endpoint *ep) {
  struct wsuv__endpoint_config *config = (struct wsuv__endpoint_config *)(uintptr_t)ep->config;
  config->progress_window_ms = PROGRESS_WINDOW_MS;
}

static void start(struct run *r, const uint8_t *data, uint8_t pattern, int is_timeless,
                  int is_pauseless) {
  const wsuv_endpoint_options_t defaults =
      WSUV_ENDPOINT_OPTIONS_INIT((data[0] & 1) != 0 ? WSUV_CLIENT : WSUV_SERVER);
  memset(r, 0, sizeof *r);
  r->options = defaults;
  r->allocator = counting_allocator(&r->memory);
  r->options.allocator = &r->allocator;
  r->options.random = take_random;
  r->options.random_arg = r;
  r->options.max_message_size = (data[0] & 2) != 0 ? 20 : MAX_MESSAGE;
  r->options.max_frame_size = (data[0] & 4) != 0 ? 15 : 0;
  r->options.write_limit = (data[0] & 8) != 0 ? 100 : WRITE_LIMIT;
  r->options.ping_interval_ms = (data[0] & 16) != 0 ? 50 : 0;
  r->options.close_timeout_ms = (data[0] & 32) != 0 ? 100 : 0;
  r->options.max_pings = (data[0] & 64) != 0 ? 1 : 0;
  r->options.lenient_masking = (data[0] & 128) != 0;
  r->options.max_fragments = (data[0] & 2) != 0 ? 3 : 0;
  if (!is_timeless) {
    r->options.max_control_rate = (data[0] & 4) != 0 ? 2 : 0;
    r->options.min_receive_rate = (data[0] & 8) != 0 ? 40 : 0;
    r->options.idle_timeout_ms = (data[0] & 64) != 0 ? 400 : 0;
  }
  if ((data[2] & 16) != 0)
    add_extensions(r);
  r->options.rsv = (data[2] & 32) != 0 ? 4 : 0;
  r->options.opcodes = (data[2] & 32) != 0 ? 1u << 3 | 1u << 11 : 0;
  r->pattern = pattern;
  r->reaction = data[2];
  r->is_timeless = is_timeless;
  r->is_pauseless = is_pauseless;
  r->piece_len = SIZE_MAX;
  FUZZ_CHECK(wsuv_endpoint_new(&r->ep, &r->options, pick_handler(r), r) == 0);
  shorten_window(r->ep);
}

static void play(struct run *r, const uint8_t *data, size_t size) {
  size_t at = 3;
  r->pending = malloc(size + 1);
  FUZZ_CHECK(r->pending != NULL);
  while (at < size) {
    uint8_t step = data[at++];
    size_t len = step < 16 ? 0 : step - 15u;
    if (len > size - at)
      len = size - at;
    memcpy(r->pending + r->npending, data + at, len);
    r->npending += len;
    at += len;
    if (step < 16)
      act(r, step);
    receive_pending(r);
    FUZZ_CHECK(wsuv_endpoint_queued(r->ep) < WRITE_LIMIT + 1000);
  }
  drain(r, SIZE_MAX);
  FUZZ_CHECK(wsuv_endpoint_queued(r->ep) == 0);
  check_sent(r);
}

static void finish(struct run *r) {
  wsuv_endpoint_free(r->ep);
  FUZZ_CHECK(r->memory.outstanding == 0);
  free(r->pending);
  free(r->sent);
}

/* Whatever is held comes out, one event after the other if need be. */
static void play_to_the_end(struct run *r, const uint8_t *data, size_t size) {
  size_t nevents;
  play(r, data, size);
  do {
    nevents = r->nevents;
    check_error(r, wsuv_endpoint_resume(r->ep));
  } while (r->nevents > nevents);
  FUZZ_CHECK(!wsuv__endpoint_is_parsing(r->ep) || r->ep->delivery == DELIVERY_FLOWING);
}

static void compare_with_pauseless(const uint8_t *data, size_t size) {
  static struct run pausing;
  static struct run flowing;
  wsuv_close_status_t a;
  wsuv_close_status_t b;
  start(&pausing, data, data[1], 1, 0);
  start(&flowing, data, 0, 1, 1);
  play_to_the_end(&pausing, data, size);
  play_to_the_end(&flowing, data, size);
  FUZZ_CHECK(pausing.nevents == flowing.nevents && pausing.sum == flowing.sum);
  wsuv_endpoint_close_status(pausing.ep, &a);
  wsuv_endpoint_close_status(flowing.ep, &b);
  FUZZ_CHECK(a.code == b.code && a.error == b.error && a.reason_len == b.reason_len);
  finish(&pausing);
  finish(&flowing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct run whole;
  static struct run split;
  wsuv_close_status_t a;
  wsuv_close_status_t b;
  if (size < 3)
    return 0;
  start(&whole, data, 0, 0, 0);
  start(&split, data, data[1], 0, 0);
  play(&whole, data, size);
  play(&split, data, size);
  FUZZ_CHECK(whole.nevents == split.nevents && whole.sum == split.sum);
  if (!stutters(
          &whole)) { /* what is behind a pause in the same piece has its Pings answered ahead */
    FUZZ_CHECK(whole.nsent == split.nsent);
    FUZZ_CHECK(whole.nsent == 0 || memcmp(whole.sent, split.sent, whole.nsent) == 0);
  }
  wsuv_endpoint_close_status(whole.ep, &a);
  wsuv_endpoint_close_status(split.ep, &b);
  FUZZ_CHECK(a.code == b.code && a.sent_code == b.sent_code && a.error == b.error);
  FUZZ_CHECK(a.clean == b.clean && a.reason_len == b.reason_len);
  finish(&whole);
  finish(&split);
  FUZZ_CHECK(toy_sessions_alive() == 0);
  compare_with_pauseless(data, size);
  FUZZ_CHECK(toy_sessions_alive() == 0);
  return 0;
}
