/* The short ways and the long ones: one peer, played to endpoints that differ in nothing but the way that its octets and theirs
 * take. All have to see the same, send the same octets and end alike.
 *
 * Octet 0 picks role and limits, octet 1 what callbacks do, octet 2 the pieces; the rest is the peer's script (peer_script.h).
 * Between two events time passes, what was paused is resumed, and something is sent. With the top bit of octet 0 the ways get
 * the same pieces and a transport that takes little, and calls may be refused; without it each has pieces of its own, and all
 * that is sent leaves at once. covers: W210 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/spares.h"
#include "fuzz/counting_memory.h"
#include "fuzz/peer_script.h"
#include "proto/endpoint_cork.h"
#include "proto/endpoint_fold.h"
#include "proto/endpoint_hold.h"
#include "proto/endpoint_pull.h"
#include "proto/endpoint_tail.h"
#include "proto/extensions.h"
#include "wsuv/prepared.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
  HEAD_LEN = 3,
  SMALL_CORK = 4096,
  LARGE_CORK = STREAM_MAX + 64,
  START_MS = 5000,

};

enum way_flags {
  WITH_CORK = 1,
  WITH_TRACE = 2, /* the short ways are closed by somebody who looks at frames, */
  WITH_HOOK = 4,  /* by one who might change them */
  WITH_EXTENSION = 8,
  IN_OCTETS = 16,
  IN_PIECES = 32,
  WITH_FOLDS = 64,
  WITH_TAILS = 128,
  BY_ASKING = 256 /* for events */
};

struct way {
  const char *name;
  unsigned flags;
};

/* The first of each is the shortest. */
static const struct way ways_of_pieces[] = {{"short", WITH_CORK},
                                            {"octets", IN_OCTETS},
                                            {"octets, folded", IN_OCTETS | WITH_FOLDS},
                                            {"pieces", WITH_CORK | IN_PIECES},
                                            {"pieces, folded", WITH_CORK | IN_PIECES | WITH_FOLDS},
                                            {"tails", WITH_CORK | IN_PIECES | WITH_TAILS},
                                            {"asked for", BY_ASKING},
                                            {"asked for, pieces", BY_ASKING | IN_PIECES}};
static const struct way ways_of_calls[] = {{"short", WITH_CORK},
                                           {"traced", WITH_CORK | WITH_TRACE},
                                           {"folded", WITH_CORK | WITH_FOLDS},
                                           {"hooked", WITH_CORK | WITH_HOOK},
                                           {"extended", WITH_CORK | WITH_EXTENSION}};

struct run {
  const struct way *way;
  struct wsuv__endpoint_config config;
  struct wsuv_endpoint ep;
  struct wsuv__pull pull;
  struct wsuv__trace trace;
  struct wsuv__cork cork;
  struct wsuv__spares spares;
  wsuv_allocator_t allocator;
  struct memory memory;
  struct wsuv__buf events; /* what the peer did */
  struct wsuv__buf calls;  /* what came of calls, and the state between events */
  struct wsuv__buf deadlines;
  struct wsuv__buf sent;
  size_t budget; /* what the transport takes */
  uint64_t now_ms;
  uint32_t key_random;
  uint32_t nrandom; /* calls, of which some fail */
  uint32_t piece_random;
  int asks_otherwise; /* who asks for events is paused all the time */
  uint8_t reaction;
  int is_tight;
};

static uint8_t cork_memory[LARGE_CORK]; /* lent to one at a time */

static int is_shortest(const struct run *r) {
  return r->way->flags == WITH_CORK;
}

static void append(struct wsuv__buf *buf, const void *data, size_t len) {
  FUZZ_CHECK(wsuv__buf_append(buf, wsuv__allocator_or_default(NULL), data, len) == 0);
}

static void note(struct wsuv__buf *record, int kind, const void *data, size_t len) {
  append(record, &kind, sizeof kind);
  append(record, &len, sizeof len);
  if (len > 0)
    append(record, data, len);
}

static void note_call(struct run *r, int kind, int64_t result) {
  note(&r->calls, kind, &result, sizeof result);
}

/* ---- the transport ---- */

static int take_random(void *arg, void *buf, size_t len) {
  struct run *r = arg;
  uint8_t *octets = buf;

  if (r->is_tight && (r->reaction & 128) != 0 && ++r->nrandom % 5 == 0)
    return WSUV_ERANDOM;
  while (len-- > 0) {
    r->key_random = r->key_random * 1664525u + 1013904223u;
    *octets++ = (uint8_t)(r->key_random >> 24);
  }
  return 0;
}

static size_t take_output(void *arg, const wsuv_span_t *spans, size_t nspans) {
  struct run *r = arg;
  size_t total = 0;
  size_t i;

  for (i = 0; i < nspans && r->budget > 0; i++) {
    size_t len = spans[i].len < r->budget ? spans[i].len : r->budget;

    if (len == 0)
      continue;
    append(&r->sent, spans[i].data, len);
    r->budget -= len;
    total += len;
  }
  wsuv__traffic_octets_left(&r->ep, total);
  return total;
}

static void drain(struct run *r) {
  wsuv_span_t spans[4];
  size_t n;

  while (r->budget > 0 && (n = wsuv_endpoint_output(&r->ep, spans, 4)) > 0)
    wsuv__outbox_consume(&r->ep.outbox, take_output(r, spans, n));
  wsuv__endpoint_note_output(&r->ep);
}

/* ---- what callbacks do, by the message ---- */

static void pause(struct run *r) {
  if ((r->way->flags & BY_ASKING) == 0)
    wsuv_endpoint_pause(&r->ep);
  r->asks_otherwise = 1;
}

static void send_fragments(struct run *r) {
  note_call(r, 3, wsuv_endpoint_send_begin(&r->ep, WSUV_TEXT, 0));
  note_call(r, 4, wsuv_endpoint_send_chunk(&r->ep, "frag", 4, 0));
  note_call(r, 5, wsuv_endpoint_send_end(&r->ep, "ment", 4));
}

/* Later octets would come later in some ways only. */
static void let_time_pass(struct run *r) {
  if (r->is_tight)
    wsuv_endpoint_tick(&r->ep, r->now_ms += 200);
}

static void send_prepared(struct run *r) {
  wsuv_prepared_t *prepared;

  FUZZ_CHECK(wsuv_prepared_new(&prepared, &r->allocator, WSUV_TEXT, "to many", 7, 0) == 0);
  note_call(r, 16, wsuv_endpoint_send_prepared(&r->ep, prepared));
  wsuv_prepared_free(prepared);
}

/* What connections do (api/conn_message.c). */
static int send_short(struct run *r, wsuv_opcode_t type, const uint8_t *payload, size_t len) {
  if (r->config.rules.role != WSUV_SERVER ||
      !wsuv__endpoint_may_cork(&r->ep, type, payload, len, r->config.write_limit) ||
      (type == WSUV_TEXT && !wsuv__endpoint_delivers(&r->ep, payload, len)))
    return wsuv_endpoint_send(&r->ep, type, payload, len);
  wsuv__endpoint_cork_plain(&r->ep, type, payload, len);
  return 0;
}

static void echo(struct run *r, int type, const uint8_t *payload, size_t len) {
  note_call(r, 1,
            is_shortest(r) ? send_short(r, (wsuv_opcode_t)type, payload, len)
                           : wsuv_endpoint_send(&r->ep, (wsuv_opcode_t)type, payload, len));
}

/* What else may be called from callbacks. Where pieces differ nothing may wait: octets that do show life, and those of prepared
 * messages go by reference, are overtaken, and dropped by a failure. */
static void call_others(struct run *r, unsigned rule) {
  uint8_t octet = 0;

  if (rule == 16 && r->is_tight)
    note_call(r, 12, wsuv_endpoint_check_heartbeat(&r->ep));
  if (rule == 17 && r->is_tight)
    note_call(r, 13, wsuv_endpoint_receive(&r->ep, &octet, 1));
  if (rule == 18) {
    r->asks_otherwise = 1; /* there the end waits */
    note_call(r, 14, wsuv_endpoint_receive_eof(&r->ep));
  }
  if (rule == 19) {
    pause(r);
    note_call(r, 15, wsuv_endpoint_resume(&r->ep));
  }
  if (rule == 20 && r->is_tight)
    send_prepared(r);
  if (rule == 21)
    (void)wsuv_endpoint_send_begin(&r->ep, WSUV_BINARY, 0);
  if (rule == 22)
    note_call(r, 17, wsuv_endpoint_send_end(&r->ep, "end", 3));
}

static void react(struct run *r, int type, const uint8_t *payload, size_t len) {
  static const uint8_t binary[300] = {0xFF};
  unsigned rule = r->reaction + (unsigned)len + (len > 0 ? payload[0] : 0u);

  call_others(r, rule % 32);
  switch (rule % 32) {
  case 0:
    pause(r);
    break;
  case 1:
    note_call(r, 2, wsuv_endpoint_close(&r->ep, 1001, "bye", 3));
    break;
  case 2:
    send_fragments(r);
    break;
  case 3:
    note_call(r, 6, wsuv_endpoint_ping(&r->ep, "p", 1));
    echo(r, type, payload, len);
    break;
  case 4:
    note_call(r, 7, wsuv_endpoint_send(&r->ep, WSUV_BINARY, binary, sizeof binary));
    break;
  case 5:
    let_time_pass(r);
    break;
  case 6:
    note_call(r, 8, wsuv_endpoint_send(&r->ep, WSUV_TEXT, "\xFF", 1));
    break;
  case 7:
    break;
  default:
    echo(r, type, payload, len);
  }
}

/* Octets in the cork are as good as sent, and others leave now: a failure drops what waits. */
static void settle(struct run *r) {
  if (r->ep.outbox.cork == NULL)
    drain(r);
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct run *r = data;

  note(&r->events, (int)type, payload, len);
  r->cork.text = type == WSUV_TEXT && is_shortest(r) ? payload : NULL;
  r->cork.text_len = len;
  react(r, (int)type, payload, len);
  r->cork.text = NULL;
  settle(r);
}

static void on_ping(void *data, const uint8_t *payload, size_t len) {
  struct run *r = data;

  note(&r->events, WSUV_PING, payload, len);
  if (len > 100)
    react(r, WSUV_BINARY, payload, len);
  settle(r);
}

static void on_pong(void *data, const uint8_t *payload, size_t len) {
  struct run *r = data;

  note(&r->events, WSUV_PONG, payload, len);
  if (len > 100)
    react(r, WSUV_BINARY, payload, len);
  settle(r);
}

static void on_close(void *data, int code, const char *reason, size_t reason_len) {
  struct run *r = data;

  note(&r->events, code, reason, reason_len);
  react(r, WSUV_TEXT, (const uint8_t *)reason, reason_len);
  settle(r);
}

static size_t on_data_frame(void *data, const wsuv_frame_header_t *header, uint64_t offset,
                            uint8_t *payload, size_t len) {
  (void)data;
  (void)payload;
  FUZZ_CHECK(offset + len <= header->payload_len);
  return len;
}

static const wsuv_endpoint_handler_t handler = {.size = sizeof handler,
                                                .on_message = on_message,
                                                .on_ping = on_ping,
                                                .on_pong = on_pong,
                                                .on_close = on_close};
static const wsuv_endpoint_handler_t hooked_handler = {.size = sizeof hooked_handler,
                                                       .on_message = on_message,
                                                       .on_data_frame = on_data_frame,
                                                       .on_ping = on_ping,
                                                       .on_pong = on_pong,
                                                       .on_close = on_close};
static const wsuv_extension_t no_extension = {.size = sizeof no_extension, .token = "none"};
static const struct wsuv__trace_hooks no_hooks;

static void keep(struct wsuv__spares *spares) {
  (void)spares;
}

static void ask_for_events(struct run *r) {
  wsuv_event_t event;

  while (wsuv_endpoint_next_event(&r->ep, &event) > 0) {
    if (event.type == WSUV_EVENT_MESSAGE)
      on_message(r, (wsuv_opcode_t)event.opcode, event.payload, event.len);
    else if (event.type == WSUV_EVENT_PING)
      on_ping(r, event.payload, event.len);
    else if (event.type == WSUV_EVENT_PONG)
      on_pong(r, event.payload, event.len);
    else
      on_close(r, event.code, (const char *)event.payload, event.len);
  }
}

/* ---- events of its own ---- */

static void rest(struct run *r) {
  struct wsuv__folded folded;

  if (!wsuv__endpoint_may_fold(&r->ep))
    return;
  wsuv__endpoint_fold(&r->ep, &folded);
  memset(&r->ep, 0xA5, sizeof r->ep);
  wsuv__endpoint_unfold(&r->ep, &folded, &r->config, &handler, r, r->now_ms);
  wsuv__outbox_set_writer(&r->ep.outbox, take_output, r);
}

/* Around everything that happens to it, as with a connection. */
static void enter(struct run *r) {
  wsuv__endpoint_set_now(&r->ep, r->now_ms);
  r->cork.len = 0;
  if ((r->way->flags & WITH_CORK) != 0)
    wsuv__outbox_lend_cork(&r->ep.outbox, &r->cork);
}

static void leave(struct run *r) {
  if (r->ep.outbox.cork != NULL)
    (void)wsuv__outbox_return_cork(&r->ep.outbox);
  drain(r);
  if ((r->way->flags & WITH_FOLDS) != 0)
    rest(r);
}

/* Single octets, but for the middle of a long payload and where none is looked at. */
static size_t next_octets(const struct run *r) {
  const struct wsuv_endpoint *ep = &r->ep;
  const struct wsuv__frame_parser *parser = ep->hold != NULL ? &ep->hold->scan : &ep->parser;

  if (!wsuv__endpoint_is_parsing(ep) || (ep->hold != NULL && !ep->hold->is_scanning))
    return STREAM_MAX;
  return parser->state == FRAME_PAYLOAD_DATA && parser->remaining > 100
             ? (size_t)parser->remaining - 50
             : 1;
}

static size_t next_piece(struct run *r, size_t left) {
  size_t piece = left;

  r->piece_random = r->piece_random * 1664525u + 1013904223u;
  if ((r->way->flags & IN_OCTETS) != 0)
    piece = next_octets(r);
  else if ((r->way->flags & IN_PIECES) != 0)
    piece = 1 + (r->piece_random >> 8) % ((r->piece_random >> 29) != 0 ? 40u : 30000u);
  return piece < left ? piece : left;
}

static size_t receive_piece(struct run *r, const uint8_t *octets, size_t left) {
  size_t len = next_piece(r, left);
  uint8_t *tail;
  size_t room = (r->way->flags & WITH_TAILS) != 0 ? wsuv__endpoint_tail(&r->ep, &tail) : 0;
  uint8_t octet;
  uint8_t *copy;

  if (room > 0) {
    len = room < left ? room : left;
    memcpy(tail, octets, len);
    (void)wsuv__endpoint_receive_tail(&r->ep, tail, len);
    return len;
  }
  copy = len > 1 ? malloc(len) : &octet;
  FUZZ_CHECK(copy != NULL);
  memcpy(copy, octets, len);
  (void)wsuv__endpoint_receive_or_hold(&r->ep, copy, len);
  if ((r->way->flags & BY_ASKING) != 0)
    ask_for_events(r);
  if (copy != &octet)
    free(copy);
  return len;
}

static void receive(struct run *r, const uint8_t *octets, size_t len) {
  while (len > 0) {
    size_t n;

    enter(r);
    n = receive_piece(r, octets, len);
    leave(r);
    octets += n;
    len -= n;
  }
}

/* ---- runs ---- */

/* What must be the same between two events, and at the end. */
static void note_state(struct run *r) {
  wsuv_rtt_t rtt;
  uint64_t due_ms;

  (void)wsuv_endpoint_rtt(&r->ep, &rtt);
  note(&r->calls, 20, &rtt, sizeof rtt);
  note_call(r, 21, r->ep.error);
  note_call(r, 22, r->ep.closing);
  note_call(r, 23, wsuv_endpoint_wants_close(&r->ep));
  note_call(r, 24, (int64_t)wsuv_endpoint_queued(&r->ep));
  due_ms = wsuv_endpoint_next_deadline(&r->ep);
  note(&r->deadlines, 25, &due_ms, sizeof due_ms);
}

static void move(struct run *r, uint8_t move) {
  static const uint16_t passed_ms[] = {0, 40, 300, 1000};

  enter(r);
  if ((move & 4) != 0)
    (void)wsuv_endpoint_resume(&r->ep);
  leave(r);
  enter(r);
  if ((move & 8) != 0)
    note_call(r, 10, wsuv_endpoint_send(&r->ep, WSUV_TEXT, "text", 4));
  leave(r);
  if (r->is_tight)
    r->budget = (move & 32) != 0 ? 50 : 100000;
  r->now_ms += passed_ms[move & 3];
  enter(r);
  wsuv_endpoint_tick(&r->ep, r->now_ms);
  if ((move & 16) != 0)
    note_call(r, 11, wsuv_endpoint_ping(&r->ep, "ping", 4));
  leave(r);
  note_state(r);
}

static void configure(struct run *r, uint8_t limits) {
  wsuv_endpoint_options_t options =
      WSUV_ENDPOINT_OPTIONS_INIT((limits & 1) != 0 ? WSUV_CLIENT : WSUV_SERVER);

  r->memory.more = (size_t)4 * STREAM_MAX;
  r->allocator = counting_allocator(&r->memory);
  options.allocator = &r->allocator;
  options.random = take_random;
  options.random_arg = r;
  options.max_message_size = (limits & 2) != 0 ? 130 : 0;
  options.max_frame_size = (limits & 4) != 0 ? 100 : 0;
  options.max_fragments = (limits & 8) != 0 ? 2 : 0;
  options.max_control_rate = (limits & 16) != 0 ? 3 : WSUV_OFF;
  options.ping_interval_ms = (limits & 32) != 0 ? 200 : WSUV_OFF;
  options.min_receive_rate = (limits & 32) != 0 ? 100 : 0;
  options.idle_timeout_ms = (limits & 64) != 0 ? 900 : 0;
  options.close_timeout_ms = (limits & 64) != 0 ? 200 : 0;
  options.write_limit = (limits & 128) != 0 ? 1500 : 0;
  options.read_ahead = STREAM_MAX;
  FUZZ_CHECK(wsuv__endpoint_config_init(&r->config, &options) == 0);
  r->config.progress_window_ms = 500;
  wsuv__spares_init(&r->spares, &r->allocator, keep);
  if ((r->way->flags & WITH_TAILS) != 0)
    r->config.spares = &r->spares;
}

static void add_extension(struct run *r) {
  const wsuv_negotiated_t negotiated = {.extension = &no_extension};
  struct wsuv__extensions *set;

  FUZZ_CHECK(wsuv__extensions_new(&set, &r->allocator, &r->config.rules, &negotiated, 1) == 0);
  wsuv__endpoint_use_extensions(&r->ep, set);
}

/* Where calls are not compared nothing waits behind the cork, since control frames overtake what does. */
static void start(struct run *r, const struct way *way, const uint8_t *data) {
  memset(r, 0, sizeof *r);
  r->way = way;
  configure(r, data[0]);
  r->is_tight = data[0] >> 7;
  r->reaction = data[1];
  r->piece_random = data[2];
  r->budget = r->is_tight ? 100000 : SIZE_MAX;
  r->now_ms = START_MS;
  r->cork.base = cork_memory;
  r->cork.cap = r->is_tight ? SMALL_CORK : LARGE_CORK;
  wsuv__endpoint_init(&r->ep, &r->config,
                      (way->flags & WITH_HOOK) != 0 ? &hooked_handler : &handler, r, r->now_ms);
  if ((way->flags & WITH_CORK) != 0)
    wsuv__outbox_set_writer(&r->ep.outbox, take_output, r);
  if ((way->flags & WITH_EXTENSION) != 0)
    add_extension(r);
  r->trace.hooks = &no_hooks;
  if ((way->flags & WITH_TRACE) != 0)
    r->ep.trace = &r->trace;
  if ((way->flags & BY_ASKING) != 0) {
    r->ep.handler = wsuv__endpoint_pull_handler(0);
    wsuv__endpoint_begin_pull(&r->ep, &r->pull);
  }
}

static void play(struct run *r, const struct peer_stream *stream) {
  size_t at = 0;
  size_t i;

  for (i = 0; i < stream->nevents; i++) {
    receive(r, stream->octets + at, stream->events[i].end - at);
    at = stream->events[i].end;
    move(r, stream->events[i].move);
  }
  r->budget = SIZE_MAX;
  enter(r);
  (void)wsuv_endpoint_receive_eof(&r->ep);
  if ((r->way->flags & BY_ASKING) != 0)
    ask_for_events(r);
  leave(r);
  note_state(r);
}

static void finish(struct run *r) {
  wsuv__endpoint_release(&r->ep);
  wsuv__buf_free(&r->pull.copy, &r->allocator);
  wsuv__spares_free(&r->spares);
  FUZZ_CHECK(r->memory.outstanding == 0);
  wsuv__buf_free(&r->sent, wsuv__allocator_or_default(NULL));
  wsuv__buf_free(&r->events, wsuv__allocator_or_default(NULL));
  wsuv__buf_free(&r->deadlines, wsuv__allocator_or_default(NULL));
  wsuv__buf_free(&r->calls, wsuv__allocator_or_default(NULL));
}

/* ---- what must be the same ---- */

static void check(int is_same, const struct run *r, const char *what) {
  if (!is_same)
    (void)fprintf(stderr, "%s: other %s\n", r->way->name, what);
  FUZZ_CHECK(is_same);
}

static int same_octets(const struct wsuv__buf *a, const struct wsuv__buf *b) {
  return a->len == b->len && (a->len == 0 || memcmp(a->base, b->base, a->len) == 0);
}

/* What stands between frames and messages may change lengths: a message has the size of its octets that came, and not of those
 * that were announced. */
static int counts_size_later(const struct run *r) {
  return (r->way->flags & (WITH_HOOK | WITH_EXTENSION)) != 0;
}

static void compare_ends(const struct run *a, const struct run *b) {
  wsuv_endpoint_fault_t faults[2];
  wsuv_traffic_t traffic[4];
  wsuv_drops_t drops[2];
  wsuv_close_status_t ends[2];

  (void)wsuv_endpoint_fault(&a->ep, &faults[0]);
  (void)wsuv_endpoint_fault(&b->ep, &faults[1]);
  if (counts_size_later(b))
    faults[1].message_size = faults[0].message_size;
  check(memcmp(&faults[0], &faults[1], sizeof faults[0]) == 0, b, "fault");
  wsuv_endpoint_traffic(&a->ep, &traffic[0], &traffic[1], &drops[0]);
  wsuv_endpoint_traffic(&b->ep, &traffic[2], &traffic[3], &drops[1]);
  check(memcmp(traffic, traffic + 2, 2 * sizeof traffic[0]) == 0, b, "counts");
  wsuv_endpoint_close_status(&a->ep, &ends[0]);
  wsuv_endpoint_close_status(&b->ep, &ends[1]);
  check(ends[0].code == ends[1].code && ends[0].sent_code == ends[1].sent_code &&
            ends[0].clean == ends[1].clean && ends[0].reason_len == ends[1].reason_len &&
            memcmp(ends[0].reason, ends[1].reason, ends[0].reason_len) == 0,
        b, "end");
}

static void compare(const struct run *a, const struct run *b) {
  check(same_octets(&a->events, &b->events), b, "events");
  if (counts_size_later(b) && (a->ep.error == WSUV_EMSGSIZE || b->ep.error == WSUV_EMSGSIZE))
    return;
  check(same_octets(&a->calls, &b->calls), b, "results of calls");
  if ((b->way->flags & WITH_FOLDS) == 0) /* which put them off */
    check(same_octets(&a->deadlines, &b->deadlines), b, "deadlines");
  check(same_octets(&a->sent, &b->sent), b, "output");
  compare_ends(a, b);
}

/* Idleness looks at what waits when it is due, and a Ping is due by what was heard before: after a rest both are at other
 * times. */
static int is_comparable(const struct way *way, const struct run *first) {
  if ((way->flags & BY_ASKING) != 0)
    return !first->asks_otherwise;
  return (way->flags & WITH_FOLDS) == 0 || (first->config.idle_timeout_ms == WSUV__NEVER &&
                                            first->config.ping_interval_ms == WSUV__NEVER);
}

static void run_ways(const struct way *ways, size_t nways, const uint8_t *data,
                     const struct peer_stream *stream) {
  static struct run first;
  static struct run other;
  size_t i;

  start(&first, &ways[0], data);
  play(&first, stream);
  for (i = 1; i < nways; i++) {
    if (!is_comparable(&ways[i], &first))
      continue;
    start(&other, &ways[i], data);
    play(&other, stream);
    compare(&first, &other);
    finish(&other);
  }
  finish(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct peer_stream stream;
  struct script script;

  if (size < HEAD_LEN)
    return 0;
  script.at = data + HEAD_LEN;
  script.left = size - HEAD_LEN;
  peer_play(&stream, &script, (data[0] & 1) == 0);
  if (data[0] >> 7)
    run_ways(ways_of_calls, sizeof ways_of_calls / sizeof ways_of_calls[0], data, &stream);
  else
    run_ways(ways_of_pieces, sizeof ways_of_pieces / sizeof ways_of_pieces[0], data, &stream);
  return 0;
}
