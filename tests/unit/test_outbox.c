/* The write queue. A writer that takes a few octets at a time stands for the transport; what it took is read back with the
 * frame parser, and order and content are compared with what was queued. */
#include <stdlib.h>
#include <string.h>

#include "proto/frame_parser.h"
#include "proto/outbox.h"
#include "proto/outbox_entry.h"
#include "proto/outbox_request.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/guard_page.h"

enum { MAX_FRAMES = 64, SINK_SIZE = 1 << 18, CORK_MAX = 1 << 16 };

/* ---- the transport ---- */

struct sink {
  size_t per_call; /* the most it takes at once */
  size_t ncalls;
  size_t len;
  uint8_t octets[SINK_SIZE];
};

static size_t take_some(void *arg, const wsuv_span_t *spans, size_t nspans) {
  struct sink *sink = arg;
  size_t room = sink->per_call;
  size_t total = 0;
  size_t i;
  sink->ncalls++;
  CHECK_TRUE(nspans > 0 && nspans <= WSUV__OUTBOX_MAX_SPANS);
  for (i = 0; i < nspans && room > 0; i++) {
    size_t len = spans[i].len < room ? spans[i].len : room;
    CHECK_TRUE(sink->len + len <= SINK_SIZE);
    if (len > 0)
      memcpy(sink->octets + sink->len, spans[i].data, len);
    sink->len += len;
    total += len;
    room -= len;
  }
  return total;
}

/* ---- a queue and what is expected of it ---- */

struct scene {
  struct failing_alloc fa;
  struct wsuv__outbox outbox;
  struct wsuv__cork cork;
  struct sink sink;
  int masked;
  uint8_t data[MAX_FRAMES]; /* first octets of data frames that were queued, in order */
  size_t ndata;
  uint8_t pings[MAX_FRAMES];
  size_t npings;
  uint8_t last_pong;
  uint8_t large[20000];
  struct wsuv__outbox_entry requests[8];
  size_t nrequests;
};

static uint8_t cork_memory[CORK_MAX];

static struct scene *new_scene(size_t per_call, size_t cork_cap, int masked) {
  struct scene *s = calloc(1, sizeof *s);
  CHECK_NOT_NULL(s);
  failing_alloc_init(&s->fa);
  wsuv__outbox_init(&s->outbox, &s->fa.allocator);
  s->sink.per_call = per_call;
  s->masked = masked;
  s->cork.base = cork_memory;
  s->cork.cap = cork_cap;
  if (per_call > 0)
    wsuv__outbox_set_writer(&s->outbox, take_some, &s->sink);
  return s;
}

static void free_scene(struct scene *s) {
  s->outbox.window = 0;
  wsuv__outbox_cancel(&s->outbox);
  failing_alloc_check_no_leaks(&s->fa);
  free(s);
}

static wsuv_frame_header_t header_of(const struct scene *s, uint8_t opcode, size_t len) {
  wsuv_frame_header_t header = {0, 0, 0, 1, 0, {0xa5, 0x5a, 0x0f, 0xf0}};
  header.opcode = opcode;
  header.payload_len = len;
  header.masked = (uint8_t)s->masked;
  return header;
}

/* A payload starts with its number; the rest follows from it. */
static void fill(uint8_t *octets, uint8_t number, size_t len) {
  size_t i;
  for (i = 0; i < len; i++)
    octets[i] = (uint8_t)(number + i * 3);
}

static int send_data(struct scene *s, uint8_t number, size_t len) {
  wsuv_frame_header_t header = header_of(s, WSUV_BINARY, len);
  struct guard_page payload = guard_page_new(NULL, len);
  int err;
  fill(payload.data, number, len);
  err = wsuv__outbox_append(&s->outbox, &header, payload.data, len);
  guard_page_free(&payload);
  if (err == 0)
    s->data[s->ndata++] = number;
  return err;
}

static int send_control(struct scene *s, uint8_t opcode, uint8_t number, size_t len) {
  wsuv_frame_header_t header = header_of(s, opcode, len);
  uint8_t payload[125];
  int err;
  fill(payload, number, len);
  err = wsuv__outbox_append_control(&s->outbox, &header, payload, len);
  if (err == 0 && opcode == WSUV_PING)
    s->pings[s->npings++] = number;
  if (err == 0 && opcode == WSUV_PONG)
    s->last_pong = number;
  return err;
}

static int send_request(struct scene *s, uint8_t number, const uint8_t *payload, size_t len) {
  struct wsuv__outbox_entry *entry = &s->requests[s->nrequests];
  wsuv_frame_header_t header = header_of(s, WSUV_BINARY, len);
  int err = wsuv__outbox_append_request(&s->outbox, entry, &header, payload, len);
  if (err == 0) {
    s->nrequests++;
    s->data[s->ndata++] = number;
  }
  return err;
}

/* ---- reading it back ---- */

/* Control frames keep no order among themselves where older ones are already part of a block that waits. */

struct reading {
  size_t ndata;
  size_t npings;
  int has_last_pong;
  uint8_t order[2 * MAX_FRAMES]; /* the opcodes, in order */
  size_t nframes;
  int is_complete;
};

static void read_frame(struct reading *r, const struct scene *s, uint8_t opcode,
                       const uint8_t *payload, size_t len) {
  uint8_t expected[20000];
  uint8_t number = len > 0 ? payload[0] : 0;
  CHECK_TRUE(len <= sizeof expected);
  fill(expected, number, len);
  CHECK_BYTES(expected, len, payload, len);
  r->order[r->nframes++] = opcode;
  if (opcode == WSUV_BINARY) {
    CHECK_TRUE(r->ndata < s->ndata);
    CHECK_INT(s->data[r->ndata], number);
    r->ndata++;
  } else if (opcode == WSUV_PING) {
    CHECK_NOT_NULL(memchr(s->pings, number, s->npings));
    r->npings++;
  } else if (opcode == WSUV_PONG && number == s->last_pong) {
    r->has_last_pong = 1;
  }
}

static struct reading read_back(const struct scene *s) {
  struct wsuv__frame_rules rules = {.max_payload_len = INT64_MAX, .role = WSUV_CLIENT};
  struct guard_page copy = guard_page_new(s->sink.octets, s->sink.len);
  struct wsuv__frame_input in = {copy.data, copy.len};
  struct wsuv__frame_parser parser;
  struct wsuv__frame_slice slice;
  struct reading r;
  int rc;
  memset(&r, 0, sizeof r);
  rules.role = s->masked ? WSUV_SERVER : WSUV_CLIENT;
  wsuv__frame_parser_init(&parser);
  while ((rc = wsuv__frame_parser_next(&parser, &rules, &in, &slice)) > 0)
    if (slice.first && slice.last)
      read_frame(&r, s, parser.header.opcode, slice.data, slice.len);
  CHECK_ERR(0, rc);
  r.is_complete = !wsuv__frame_parser_is_midframe(&parser);
  guard_page_free(&copy);
  return r;
}

static void check_everything_arrived(const struct scene *s) {
  struct reading r = read_back(s);
  CHECK_TRUE(r.is_complete);
  CHECK_SIZE(s->ndata, r.ndata);
  CHECK_SIZE(s->npings, r.npings);
  CHECK_TRUE(r.has_last_pong || s->last_pong == 0);
}

static void flush_all(struct scene *s) {
  size_t turns = 0;
  while (wsuv__outbox_waiting(&s->outbox) > 0 && s->outbox.state != OUTBOX_DEAD) {
    (void)wsuv__outbox_flush(&s->outbox);
    CHECK_TRUE(turns++ < 200000);
  }
}

/* ---- scenarios ---- */

/* A bit of everything, with the transport writing a little in between. Errors are not judged here: what was refused is
 * not expected to arrive. */
static void play(struct scene *s) {
  fill(s->large, 9, sizeof s->large);
  if (s->cork.cap > 0)
    wsuv__outbox_lend_cork(&s->outbox, &s->cork);
  (void)send_data(s, 1, 10);
  (void)send_control(s, WSUV_PING, 50, 4);
  (void)send_data(s, 2, 0x30);
  (void)send_control(s, WSUV_PONG, 90, 125);
  (void)send_data(s, 3, 300);
  (void)send_request(s, 9, s->large, 700);
  (void)send_data(s, 5, 1);
  if (s->outbox.cork != NULL)
    (void)wsuv__outbox_return_cork(&s->outbox);
  (void)send_control(s, WSUV_PONG, 91, 1);
  (void)send_control(s, WSUV_PONG, 92, 7);
  (void)wsuv__outbox_flush(&s->outbox);
  (void)send_control(s, WSUV_PING, 51, 3);
  (void)send_data(s, 6, 1500);
  (void)send_request(s, 9, s->large, 1000);
  (void)wsuv__outbox_flush(&s->outbox);
  (void)send_control(s, WSUV_PING, 52, 2);
  (void)send_control(s, WSUV_PONG, 93, 2);
  (void)send_data(s, 7, 126);
  (void)send_data(s, 8, 20000);
  (void)send_control(s, WSUV_PONG, 94, 3);
}

static const size_t corks[] = {0, 16, 100, 600, CORK_MAX};

static void run_everywhere(void (*run)(size_t per_call, size_t cork, int masked)) {
  size_t k;
  size_t i;
  for (i = 0; i < sizeof corks / sizeof corks[0]; i++) {
    for (k = 1; k < 3000; k += k < 40 ? 1 : k / 3) {
      run(k, corks[i], 0);
      run(k, corks[i], 1);
    }
    run(SINK_SIZE, corks[i], 0);
    run(SINK_SIZE, corks[i], 1);
  }
}

static void play_and_read(size_t per_call, size_t cork, int masked) {
  struct scene *s = new_scene(per_call, cork, masked);
  struct wsuv__list *node;
  size_t ndone = 0;
  play(s);
  flush_all(s);
  CHECK_SIZE(8 + 1, s->ndata);
  check_everything_arrived(s);
  CHECK_SIZE(0, wsuv__outbox_waiting(&s->outbox));
  for (node = s->outbox.done.next; node != &s->outbox.done; node = node->next) {
    CHECK_PTR(&s->requests[ndone], wsuv__outbox_entry_of(node));
    CHECK_ERR(0, s->requests[ndone].status);
    ndone++;
  }
  CHECK_SIZE(2, ndone);
  free_scene(s);
}

/* covers: W112 W127 W137 W147 EPT.43 */
static void all_arrives_in_order_whatever_the_transport_takes(void **state) {
  (void)state;
  run_everywhere(play_and_read);
}

/* Every allocation fails once. Either an error said so and nothing was queued, or the outbox is dead and its last frame
 * may be cut short. */
static void play_without(size_t per_call, size_t cork, int masked, size_t n, int *has_failed) {
  struct scene *s = new_scene(per_call, cork, masked);
  failing_alloc_fail_once(&s->fa, n);
  play(s);
  flush_all(s);
  *has_failed = failing_alloc_has_failed(&s->fa);
  if (s->outbox.state == OUTBOX_DEAD)
    (void)read_back(s);
  else
    check_everything_arrived(s);
  free_scene(s);
}

static void every_allocation_may_fail(void **state) {
  static const size_t steps[] = {1, 7, 33, 500, SINK_SIZE};
  size_t i;
  size_t j;
  int masked;
  (void)state;
  for (i = 0; i < sizeof corks / sizeof corks[0]; i++) {
    for (j = 0; j < sizeof steps / sizeof steps[0]; j++) {
      for (masked = 0; masked < 2; masked++) {
        int has_failed = 1;
        size_t n;
        for (n = 1; has_failed; n++)
          play_without(steps[j], corks[i], masked, n, &has_failed);
      }
    }
  }
}

/* The transport has taken k octets of two frames; a Ping comes. covers: W112 W137 W140 */
static void control_frames_go_between_frames(void **state) {
  size_t k;
  (void)state;
  for (k = 0; k <= 24; k++) {
    struct scene *s = new_scene(1, 0, 0);
    struct reading r;
    size_t before = k == 0 ? 0 : k <= 12 ? 1 : 2;
    size_t i;
    CHECK_ERR(0, send_data(s, 1, 10));
    CHECK_ERR(0, send_data(s, 2, 10));
    for (i = 0; i < k; i++)
      CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
    CHECK_ERR(0, send_control(s, WSUV_PING, 50, 5));
    CHECK_ERR(0, send_data(s, 3, 10));
    CHECK_ERR(0, send_control(s, WSUV_PING, 51, 5));
    flush_all(s);
    r = read_back(s);
    CHECK_SIZE(5, r.nframes);
    CHECK_INT(WSUV_PING, r.order[before]);
    CHECK_INT(WSUV_PING, r.order[before + 1]);
    free_scene(s);
  }
}

/* Offering is asking for room: who has none is asked once, and again when what waited was handed out and taken. A flush asks
 * always. */
static void who_left_something_is_not_offered_more(void **state) {
  size_t cork_cap;
  (void)state;
  for (cork_cap = 0; cork_cap <= CORK_MAX; cork_cap += CORK_MAX) {
    struct scene *s = new_scene(15, cork_cap, 0);
    wsuv_span_t spans[WSUV__OUTBOX_MAX_SPANS];
    wsuv__outbox_lend_cork(&s->outbox, &s->cork);
    CHECK_ERR(0, send_data(s, 1, 10));
    CHECK_ERR(0, wsuv__outbox_offer(&s->outbox));
    CHECK_SIZE(1, s->sink.ncalls); /* it took all 12 */
    CHECK_ERR(0, send_data(s, 2, 10));
    CHECK_ERR(0, send_data(s, 3, 10));
    CHECK_ERR(0, wsuv__outbox_offer(&s->outbox));
    CHECK_ERR(0, wsuv__outbox_offer(&s->outbox));
    CHECK_SIZE(2, s->sink.ncalls);
    CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
    CHECK_SIZE(3, s->sink.ncalls);
    CHECK_SIZE(0, wsuv__outbox_waiting(&s->outbox));
    s->sink.per_call = 5;
    CHECK_ERR(0, send_data(s, 4, 10));
    CHECK_ERR(0, wsuv__outbox_offer(&s->outbox));
    (void)wsuv__outbox_gather(&s->outbox, spans, WSUV__OUTBOX_MAX_SPANS);
    CHECK_ERR(0, wsuv__outbox_offer(&s->outbox));
    CHECK_SIZE(4, s->sink.ncalls);
    memcpy(s->sink.octets + s->sink.len, spans[0].data, spans[0].len);
    s->sink.len += spans[0].len;
    wsuv__outbox_consume(&s->outbox, spans[0].len);
    CHECK_ERR(0, send_data(s, 5, 3));
    CHECK_ERR(0, wsuv__outbox_offer(&s->outbox));
    CHECK_SIZE(5, s->sink.ncalls);
    check_everything_arrived(s);
    CHECK_ERR(0, wsuv__outbox_return_cork(&s->outbox));
    free_scene(s);
  }
}

/* Everything handed out by gather stays where it is until consumed, whatever is queued meanwhile. */
static void pinned_once(size_t nspans, size_t written) {
  struct scene *s = new_scene(0, 0, 0);
  wsuv_span_t spans[8];
  uint8_t copy[4096];
  size_t total = 0;
  size_t at = 0;
  size_t n;
  size_t i;
  fill(s->large, 9, sizeof s->large);
  CHECK_ERR(0, send_data(s, 1, 20));
  CHECK_ERR(0, send_request(s, 9, s->large, 30));
  CHECK_ERR(0, send_control(s, WSUV_PONG, 90, 4));
  CHECK_ERR(0, send_data(s, 2, 20));
  n = wsuv__outbox_gather(&s->outbox, spans, nspans);
  CHECK_TRUE(n > 0 && n <= nspans);
  for (i = 0; i < n; i++) {
    memcpy(copy + total, spans[i].data, spans[i].len);
    total += spans[i].len;
  }
  CHECK_SIZE(total, s->outbox.window);
  CHECK_ERR(0, send_control(s, WSUV_PONG, 91, 9));
  CHECK_ERR(0, send_control(s, WSUV_PING, 50, 3));
  CHECK_ERR(0, send_data(s, 3, 600));
  CHECK_ERR(0, send_control(s, WSUV_PONG, 92, 1));
  for (i = 0; i < n; i++) {
    CHECK_BYTES(copy + at, spans[i].len, spans[i].data, spans[i].len);
    at += spans[i].len;
  }
  if (written > total)
    written = total;
  memcpy(s->sink.octets, copy, written);
  s->sink.len = written;
  wsuv__outbox_consume(&s->outbox, written);
  CHECK_ERR(0, send_control(s, WSUV_PONG, 93, 2));
  s->sink.per_call = 13;
  wsuv__outbox_set_writer(&s->outbox, take_some, &s->sink);
  flush_all(s);
  check_everything_arrived(s);
  free_scene(s);
}

static void what_was_handed_out_is_pinned(void **state) {
  size_t nspans;
  size_t written;
  (void)state;
  for (nspans = 1; nspans <= 8; nspans++)
    for (written = 0; written < 90; written++)
      pinned_once(nspans, written);
}

static void nothing_is_written_while_octets_are_pinned(void **state) {
  struct scene *s = new_scene(SINK_SIZE, 0, 0);
  wsuv_span_t spans[2];
  (void)state;
  CHECK_ERR(0, send_data(s, 1, 20));
  CHECK_SIZE(1, wsuv__outbox_gather(&s->outbox, spans, 2));
  CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
  CHECK_ERR(0, send_data(s, 2, 20000));
  CHECK_SIZE(0, s->sink.ncalls);
  free_scene(s);
}

/* covers: W140 EPT.8 */
static void a_flood_of_pings_takes_no_more_than_one_pong(void **state) {
  struct scene *s = new_scene(0, 0, 0);
  size_t i;
  (void)state;
  CHECK_ERR(0, send_control(s, WSUV_PONG, 1, 125));
  for (i = 0; i < 10000; i++)
    CHECK_ERR(0, send_control(s, WSUV_PONG, (uint8_t)(i % 90 + 1), i % 126));
  CHECK_SIZE(2 + 9999 % 126, wsuv__outbox_waiting(&s->outbox));
  CHECK_SIZE(1, s->fa.noutstanding);
  CHECK_ERR(0, send_data(s, 5, 4));
  for (i = 0; i < 1000; i++)
    CHECK_ERR(0, send_control(s, WSUV_PONG, 77, 3));
  CHECK_TRUE(s->fa.noutstanding <= 2);
  free_scene(s);
}

static void corked_frames_leave_in_one_write(void **state) {
  struct scene *s = new_scene(SINK_SIZE, 1000, 0);
  int i;
  (void)state;
  wsuv__outbox_lend_cork(&s->outbox, &s->cork);
  for (i = 1; i <= 10; i++)
    CHECK_ERR(0, send_data(s, (uint8_t)i, 20));
  CHECK_ERR(0, send_control(s, WSUV_PING, 50, 4));
  CHECK_SIZE(0, s->sink.ncalls);
  CHECK_SIZE(226, wsuv__outbox_waiting(&s->outbox));
  CHECK_ERR(0, wsuv__outbox_return_cork(&s->outbox));
  CHECK_SIZE(1, s->sink.ncalls);
  CHECK_SIZE(0, s->fa.ncalls);
  check_everything_arrived(s);
  CHECK_NULL(s->outbox.cork);
  CHECK_SIZE(0, s->cork.len);
  free_scene(s);
}

static void a_full_cork_is_written_out(void **state) {
  struct scene *s = new_scene(SINK_SIZE, 100, 0);
  int i;
  (void)state;
  wsuv__outbox_lend_cork(&s->outbox, &s->cork);
  for (i = 1; i <= 9; i++)
    CHECK_ERR(0, send_data(s, (uint8_t)i, 40));
  CHECK_SIZE(4, s->sink.ncalls);
  CHECK_ERR(0, wsuv__outbox_return_cork(&s->outbox));
  CHECK_SIZE(0, s->fa.ncalls);
  check_everything_arrived(s);
  free_scene(s);
}

static void a_large_payload_is_written_from_where_it_lies(void **state) {
  struct scene *s = new_scene(SINK_SIZE, 1000, 0);
  (void)state;
  wsuv__outbox_lend_cork(&s->outbox, &s->cork);
  CHECK_ERR(0, send_data(s, 1, 20));
  CHECK_ERR(0, send_data(s, 2, 20000));
  CHECK_SIZE(1, s->sink.ncalls);
  CHECK_ERR(0, send_data(s, 3, 20));
  CHECK_ERR(0, wsuv__outbox_return_cork(&s->outbox));
  CHECK_SIZE(0, s->fa.ncalls);
  check_everything_arrived(s);
  free_scene(s);
}

/* What cannot be kept of a frame that has begun to leave ends the stream for good. */
static void a_torn_frame_that_cannot_be_kept_is_the_end(void **state) {
  struct scene *s = new_scene(100, 0, 0);
  (void)state;
  failing_alloc_fail_from(&s->fa, 1);
  CHECK_ERR(WSUV_ENOMEM, send_data(s, 1, 20000));
  CHECK_INT(OUTBOX_DEAD, s->outbox.state);
  CHECK_ERR(WSUV_ESTATE, send_data(s, 2, 1));
  CHECK_ERR(WSUV_ESTATE, send_control(s, WSUV_PONG, 90, 1));
  CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
  CHECK_SIZE(100, s->sink.len);
  free_scene(s);
}

/* covers: W127 W136 EPT.15 */
static void nothing_but_pongs_follows_the_seal(void **state) {
  struct scene *s = new_scene(1, 0, 0);
  (void)state;
  CHECK_ERR(0, send_data(s, 1, 4));
  wsuv__outbox_seal(&s->outbox);
  CHECK_ERR(WSUV_ESTATE, send_data(s, 2, 4));
  CHECK_ERR(WSUV_ESTATE, send_request(s, 9, s->large, 4));
  CHECK_ERR(WSUV_ESTATE, send_control(s, WSUV_PING, 50, 4));
  CHECK_ERR(0, send_control(s, WSUV_PONG, 90, 4));
  flush_all(s);
  check_everything_arrived(s);
  free_scene(s);
}

/* covers: ERR.8 */
static void wrong_headers_are_refused(void **state) {
  struct scene *s = new_scene(1, 0, 0);
  wsuv_frame_header_t header = header_of(s, 16, 0);
  (void)state;
  CHECK_ERR(WSUV_EINVAL, wsuv__outbox_append(&s->outbox, &header, NULL, 0));
  header = header_of(s, WSUV_PING, 126);
  CHECK_ERR(WSUV_ECONTROLSIZE, wsuv__outbox_append_control(&s->outbox, &header, s->large, 126));
  CHECK_SIZE(0, wsuv__outbox_waiting(&s->outbox));
  free_scene(s);
}

/* Raw octets are one piece: a frame comes behind them. */
static void an_http_head_is_not_a_row_of_frames(void **state) {
  size_t k;
  (void)state;
  for (k = 0; k <= 21; k++) {
    struct scene *s = new_scene(1, 0, 0);
    size_t i;
    CHECK_ERR(0, wsuv__outbox_append_raw(&s->outbox, "HTTP/1.1 101 x\r\n\r\n\r\n", 20));
    CHECK_ERR(0, send_data(s, 1, 5));
    for (i = 0; i < k; i++)
      CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
    CHECK_ERR(0, send_control(s, WSUV_PING, 50, 5));
    flush_all(s);
    CHECK_BYTES("HTTP/1.1 101 x\r\n\r\n\r\n", 20, s->sink.octets, 20);
    s->sink.len -= 20;
    memmove(s->sink.octets, s->sink.octets + 20, s->sink.len);
    check_everything_arrived(s);
    free_scene(s);
  }
}

static void check_done(struct scene *s, const int *statuses, size_t n) {
  struct wsuv__list *node = s->outbox.done.next;
  size_t i;
  for (i = 0; i < n; i++) {
    CHECK_TRUE(node != &s->outbox.done);
    CHECK_PTR(&s->requests[i], wsuv__outbox_entry_of(node));
    CHECK_ERR(statuses[i], wsuv__outbox_entry_of(node)->status);
    node = node->next;
  }
  CHECK_TRUE(node == &s->outbox.done);
}

/* covers: IOC.2 IOC.3 UV.4 */
static void requests_complete_in_order_with_their_last_octet(void **state) {
  static const int all_right[] = {0, 0};
  struct scene *s = new_scene(1, 0, 0);
  (void)state;
  fill(s->large, 9, sizeof s->large);
  CHECK_ERR(0, send_request(s, 9, s->large, 3));
  CHECK_ERR(0, send_request(s, 9, s->large, 0));
  while (s->sink.len < 4) {
    CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
    check_done(s, all_right, 0);
  }
  CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
  check_done(s, all_right, 1);
  flush_all(s);
  check_done(s, all_right, 2);
  free_scene(s);
}

static void cancelled_requests_say_so(void **state) {
  static const int statuses[] = {0, WSUV_ECANCELED, WSUV_ECANCELED};
  struct scene *s = new_scene(5, 0, 1);
  (void)state;
  fill(s->large, 9, sizeof s->large);
  CHECK_ERR(0, send_request(s, 9, s->large, 4));
  CHECK_ERR(0, send_request(s, 9, s->large, 40));
  CHECK_ERR(0, send_request(s, 9, s->large, 50));
  CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
  CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
  CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
  wsuv__outbox_cancel(&s->outbox);
  check_done(s, statuses, 3);
  CHECK_SIZE(0, wsuv__outbox_waiting(&s->outbox));
  CHECK_INT(OUTBOX_DEAD, s->outbox.state);
  free_scene(s);
}

/* After k octets: the frame that has begun and control frames stay. covers: W168 */
static void dropping_spares_what_has_begun(void **state) {
  size_t k;
  (void)state;
  for (k = 0; k <= 30; k++) {
    struct scene *s = new_scene(1, 0, 0);
    struct reading r;
    size_t i;
    fill(s->large, 9, sizeof s->large);
    CHECK_ERR(0, send_data(s, 1, 10));
    CHECK_ERR(0, send_request(s, 9, s->large, 10));
    CHECK_ERR(0, send_data(s, 2, 10));
    for (i = 0; i < k; i++)
      CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
    CHECK_ERR(0, send_control(s, WSUV_PING, 50, 3));
    wsuv__outbox_drop_waiting(&s->outbox);
    flush_all(s);
    r = read_back(s);
    CHECK_TRUE(r.is_complete);
    CHECK_SIZE((k + 11) / 12, r.ndata);
    CHECK_SIZE(1, r.npings);
    free_scene(s);
  }
}

/* The queue's account is right at every moment. */
static void the_count_of_waiting_octets_is_exact(void **state) {
  struct scene *s = new_scene(0, 0, 0);
  wsuv_span_t spans[WSUV__OUTBOX_MAX_SPANS];
  size_t waiting;
  (void)state;
  play(s);
  while ((waiting = wsuv__outbox_waiting(&s->outbox)) > 0) {
    size_t n = wsuv__outbox_gather(&s->outbox, spans, WSUV__OUTBOX_MAX_SPANS);
    size_t total = 0;
    size_t i;
    for (i = 0; i < n; i++)
      total += spans[i].len;
    CHECK_SIZE(waiting, total);
    wsuv__outbox_consume(&s->outbox, waiting < 17 ? waiting : 17);
  }
  free_scene(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_arrives_in_order_whatever_the_transport_takes),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(control_frames_go_between_frames),
      cmocka_unit_test(who_left_something_is_not_offered_more),
      cmocka_unit_test(what_was_handed_out_is_pinned),
      cmocka_unit_test(nothing_is_written_while_octets_are_pinned),
      cmocka_unit_test(a_flood_of_pings_takes_no_more_than_one_pong),
      cmocka_unit_test(corked_frames_leave_in_one_write),
      cmocka_unit_test(a_full_cork_is_written_out),
      cmocka_unit_test(a_large_payload_is_written_from_where_it_lies),
      cmocka_unit_test(a_torn_frame_that_cannot_be_kept_is_the_end),
      cmocka_unit_test(nothing_but_pongs_follows_the_seal),
      cmocka_unit_test(wrong_headers_are_refused),
      cmocka_unit_test(an_http_head_is_not_a_row_of_frames),
      cmocka_unit_test(requests_complete_in_order_with_their_last_octet),
      cmocka_unit_test(cancelled_requests_say_so),
      cmocka_unit_test(dropping_spares_what_has_begun),
      cmocka_unit_test(the_count_of_waiting_octets_is_exact),
  };
  return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
