/* Messages with a policy, through an endpoint: what room is, what goes and what arrives, what a peer's decoder sees. */
#include "proto/endpoint_policy.h"

#include <stdlib.h>
#include <string.h>

#include "proto/endpoint_closing.h"
#include "proto/endpoint_send.h"
#include "proto/outbox_entry.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/toy_extension.h"
#include "wsuv/handshake.h"

enum { LIMIT = 2000, NREQUESTS = 8, SEEN_MAX = 256 };

/* ---- an extension with a memory that does not heed WSUV_SEND_NO_COMPRESS ---- */

struct delta {
  uint8_t sent;
  uint8_t received;
};

static int add_up(uint8_t *last, wsuv_extension_step_t *step, int decodes) {
  while (step->in_len > 0 && step->out_len > 0) {
    uint8_t octet = *step->in++;
    *step->out++ = (uint8_t)(decodes ? octet + *last : octet - *last);
    *last = decodes ? (uint8_t)(octet + *last) : octet;
    step->in_len--;
    step->out_len--;
  }
  return step->in_len > 0 ? WSUV_STEP_MORE : WSUV_STEP_DONE;
}

/* Each octet as its difference from the one before, from message to message; leaves those that begin with '!' as they are. */
static int encode_delta(void *session, wsuv_extension_step_t *step) {
  struct delta *delta = session;
  if ((step->flags & WSUV_FIRST) != 0 && step->in_len > 0 && step->in[0] == '!')
    return WSUV_STEP_PASS;
  if ((step->flags & WSUV_FIRST) != 0)
    step->rsv = 4;
  return add_up(&delta->sent, step, 0);
}

static int decode_delta(void *session, wsuv_extension_step_t *step) {
  struct delta *delta = session;
  return add_up(&delta->received, step, 1);
}

static const wsuv_extension_t toy_delta = {.size = sizeof toy_delta,
                                           .token = "toy-delta",
                                           .rsv = 4,
                                           .encode = encode_delta,
                                           .decode = decode_delta};

/* Puts '<' in place of a message's first octet; the same for all. */
static int encode_plainly(void *session, wsuv_extension_step_t *step) {
  size_t n = step->in_len;
  (void)session;
  if ((step->flags & WSUV_SEND_NO_COMPRESS) != 0)
    return WSUV_STEP_PASS;
  CHECK_TRUE(n > 0 && n <= step->out_len);
  memcpy(step->out, step->in, n);
  *step->out = '<';
  step->out += n;
  step->out_len -= n;
  step->in += n;
  step->in_len = 0;
  step->rsv = 4;
  return WSUV_STEP_DONE;
}

static const void *variant_of(const void *session) {
  return session;
}

static const wsuv_extension_t toy_shared = {.size = sizeof toy_shared,
                                            .token = "toy-shared",
                                            .rsv = 4,
                                            .encode = encode_plainly,
                                            .variant = variant_of};

/* ---- an endpoint and its peer ---- */

struct rig {
  struct failing_alloc fa;
  wsuv_endpoint_t *ep;
  wsuv_endpoint_t *peer;
  char
      seen[SEEN_MAX]; /* the first octets of what the peer was given, P for a Ping, C for a Close */
  size_t nseen;
  int close_code;
  struct wsuv__outbox_entry requests[NREQUESTS];
};

static void see(struct rig *rig, char what) {
  CHECK_TRUE(rig->nseen + 1 < SEEN_MAX);
  rig->seen[rig->nseen++] = what;
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  size_t i;
  (void)type;
  see(data, len > 0 ? (char)payload[0] : '-');
  if (len > 0 && payload[0] == '!')
    see(data, (char)payload[1]);
  for (i = 1; i < len && payload[0] != '!'; i++)
    CHECK_INT(payload[0], payload[i]);
}

static void on_ping(void *data, const uint8_t *payload, size_t len) {
  (void)payload;
  (void)len;
  see(data, 'P');
}

static void on_close(void *data, int code, const char *reason, size_t reason_len) {
  struct rig *rig = data;
  (void)reason;
  (void)reason_len;
  rig->close_code = code;
  see(rig, 'C');
}

static const wsuv_endpoint_handler_t silent = {.size = sizeof silent};
static const wsuv_endpoint_handler_t witness = {
    .size = sizeof witness, .on_message = on_message, .on_ping = on_ping, .on_close = on_close};

static wsuv_endpoint_t *new_endpoint(struct rig *rig, wsuv_role_t role,
                                     const wsuv_endpoint_handler_t *handler,
                                     const wsuv_extension_t *extension, void *session) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  wsuv_negotiated_t negotiated = {.extension = extension, .session = session};
  wsuv_endpoint_t *ep;
  options.role = role;
  options.random = wsuv_random;
  options.write_limit = LIMIT;
  options.extensions = &negotiated;
  options.nextensions = extension != NULL;
  options.allocator = &rig->fa.allocator;
  CHECK_ERR(0, wsuv_endpoint_new(&ep, &options, handler, rig));
  return ep;
}

static void open_with(struct rig *rig, wsuv_role_t role, const wsuv_extension_t *extension,
                      void *ours, void *theirs) {
  memset(rig, 0, sizeof *rig);
  failing_alloc_init(&rig->fa);
  rig->ep = new_endpoint(rig, role, &silent, extension, ours);
  rig->peer = new_endpoint(rig, role == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER, &witness,
                           extension, theirs);
}

static void open_rig(struct rig *rig) {
  open_with(rig, WSUV_SERVER, NULL, NULL, NULL);
}

static void close_rig(struct rig *rig) {
  wsuv_endpoint_free(rig->ep);
  wsuv_endpoint_free(rig->peer);
  failing_alloc_check_no_leaks(&rig->fa);
}

/* Up to `most` octets go over; how many did. */
static size_t move(struct rig *rig, size_t most) {
  size_t total = 0;
  wsuv_span_t span;
  while (total < most && wsuv_endpoint_output(rig->ep, &span, 1) > 0) {
    uint8_t copy[LIMIT + 100];
    size_t len = span.len < most - total ? span.len : most - total;
    CHECK_TRUE(len <= sizeof copy);
    memcpy(copy, span.data, len);
    wsuv_endpoint_output_done(rig->ep, len);
    CHECK_ERR(0, wsuv_endpoint_receive(rig->peer, copy, len));
    total += len;
  }
  return total;
}

static void check_seen(struct rig *rig, const char *expected) {
  (void)move(rig, SIZE_MAX);
  rig->seen[rig->nseen] = '\0';
  CHECK_STR(expected, rig->seen);
}

/* ---- sending ---- */

static uint8_t letters[128][LIMIT];

static void fill_letters(void) {
  size_t i;
  for (i = 0; i < 128; i++)
    memset(letters[i], (int)i, LIMIT);
}

static struct wsuv__whole whole_of(char letter, size_t len, enum wsuv__outbox_keeping keeping) {
  struct wsuv__whole s = {.type = WSUV_TEXT, .payload = letters[(int)letter], .len = len};
  s.keeping = keeping;
  return s;
}

static int send_always(struct rig *rig, char letter, size_t len) {
  struct wsuv__whole s = whole_of(letter, len, KEEPING_ALWAYS);
  return wsuv__endpoint_send_whole(rig->ep, &s);
}

static int send_droppable(struct rig *rig, char letter, size_t len) {
  struct wsuv__whole s = whole_of(letter, len, KEEPING_WHILE_ROOM);
  return wsuv__endpoint_send_whole(rig->ep, &s);
}

static int send_latest(struct rig *rig, uint64_t key, char letter, size_t len) {
  struct wsuv__whole s = whole_of(letter, len, KEEPING_LATEST);
  s.key = key;
  return wsuv__endpoint_send_whole(rig->ep, &s);
}

static int send_request(struct rig *rig, size_t i, char letter, size_t len,
                        enum wsuv__outbox_keeping keeping) {
  struct wsuv__whole s = whole_of(letter, len, keeping);
  s.request = &rig->requests[i];
  return wsuv__endpoint_send_whole(rig->ep, &s);
}

/* Requests that are done, in that order, with that status. */
static void expect_done(struct rig *rig, size_t i, int status) {
  struct wsuv__list *done = &rig->ep->outbox.done;
  struct wsuv__outbox_entry *entry;
  CHECK_FALSE(wsuv__list_is_empty(done));
  entry = wsuv__outbox_entry_of(done->next);
  CHECK_PTR(&rig->requests[i], entry);
  CHECK_ERR(status, entry->status);
  wsuv__list_remove(&entry->link);
}

static void expect_none_done(const struct rig *rig) {
  CHECK_TRUE(wsuv__list_is_empty(&rig->ep->outbox.done));
}

/* The payload that makes the queue full to the octet. */
static size_t exact_fit(const struct rig *rig) {
  const struct wsuv__outbox *outbox = &rig->ep->outbox;
  return LIMIT - WSUV_FRAME_HEADER_MAX - wsuv__endpoint_taken(rig->ep) - outbox->held -
         wsuv__outbox_overhead(outbox);
}

static void check_edge(struct rig *rig, enum wsuv__outbox_keeping keeping) {
  size_t len = exact_fit(rig);
  struct wsuv__whole s = whole_of('n', len + 1, keeping);
  size_t before = rig->ep->outbox.queued;
  s.key = 999;
  CHECK_ERR(WSUV_EQUEUEFULL, wsuv__endpoint_send_whole(rig->ep, &s));
  CHECK_SIZE(before, rig->ep->outbox.queued);
  s.len = len;
  CHECK_ERR(0, wsuv__endpoint_send_whole(rig->ep, &s));
}

/* ---- room ---- */

static void room_is_exact(void **state) {
  static const enum wsuv__outbox_keeping keepings[] = {KEEPING_ALWAYS, KEEPING_WHILE_ROOM,
                                                       KEEPING_LATEST};
  size_t i;
  (void)state;
  for (i = 0; i < 3; i++) {
    struct rig rig;
    open_rig(&rig); /* empty */
    check_edge(&rig, keepings[i]);
    close_rig(&rig);
    open_rig(
        &rig); /* octets in a row, requests and messages that stand alone, octets that TLS holds */
    CHECK_ERR(0, send_always(&rig, 'a', 10));
    CHECK_ERR(0, send_always(&rig, 'b', 10));
    CHECK_SIZE(0, wsuv__outbox_overhead(&rig.ep->outbox));
    CHECK_ERR(0, send_request(&rig, 0, 'c', 10, KEEPING_ALWAYS));
    CHECK_ERR(0, send_latest(&rig, 7, 'd', 10));
    CHECK_SIZE(2 * WSUV__OUTBOX_ENTRY_COST, wsuv__outbox_overhead(&rig.ep->outbox));
    rig.ep->outbox.held = 33;
    CHECK_SIZE(LIMIT - 14 - 4 * 12 - 2 * 128 - 33, exact_fit(&rig));
    check_edge(&rig, keepings[i]);
    (void)move(&rig, SIZE_MAX);
    expect_done(&rig, 0, 0);
    close_rig(&rig);
  }
}

static void chunks_that_are_held_back_take_room(void **state) {
  struct rig rig;
  (void)state;
  open_with(&rig, WSUV_SERVER, &toy_runs, toy_session_new(), toy_session_new());
  CHECK_ERR(0, wsuv_endpoint_send_begin(rig.ep, WSUV_TEXT, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(rig.ep, letters['a'], 100, 0));
  CHECK_SIZE(0, rig.ep->outbox.queued);
  CHECK_SIZE(100, rig.ep->held_back);
  CHECK_SIZE(LIMIT - 14 - 100, exact_fit(&rig));
  CHECK_ERR(WSUV_EQUEUEFULL, wsuv_endpoint_send_chunk(rig.ep, letters['a'], LIMIT - 14 - 99, 0));
  CHECK_ERR(0, wsuv_endpoint_send_end(rig.ep, letters['a'], LIMIT - 14 - 100));
  CHECK_SIZE(0, rig.ep->held_back);
  check_seen(&rig, "a");
  close_rig(&rig);
}

static void the_oldest_go_when_that_helps(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig);
  CHECK_ERR(0, send_droppable(&rig, 'a', 600));
  CHECK_ERR(0, send_always(&rig, 'b', 600));
  CHECK_ERR(0, send_droppable(&rig, 'c', 300));
  /* more than all that may go, more than the limit */
  CHECK_ERR(WSUV_EQUEUEFULL, send_droppable(&rig, 'd', 1500));
  CHECK_ERR(WSUV_EQUEUEFULL, send_droppable(&rig, 'd', LIMIT));
  /* of others nothing goes for their sake */
  CHECK_ERR(WSUV_EQUEUEFULL, send_always(&rig, 'd', 600));
  CHECK_ERR(WSUV_EQUEUEFULL, send_latest(&rig, 1, 'd', 600));
  CHECK_SIZE(604 + 604 + 304, rig.ep->outbox.queued);
  CHECK_ERR(0, send_droppable(&rig, 'd', 600));
  CHECK_SIZE(604 + 304 + 604, rig.ep->outbox.queued);
  check_seen(&rig, "bcd");
  close_rig(&rig);
}

static void the_newest_takes_the_place_full_or_not(void **state) {
  struct rig rig;
  size_t len;
  (void)state;
  open_rig(&rig);
  CHECK_ERR(0, send_latest(&rig, 1, 'a', 100));
  CHECK_ERR(0, send_latest(&rig, 2, 'b', 100));
  CHECK_ERR(0, send_latest(&rig, 1, 'c', 50)); /* not full */
  CHECK_ERR(0, send_always(&rig, 'x', exact_fit(&rig)));
  CHECK_ERR(WSUV_EQUEUEFULL, send_latest(&rig, 3, 'd', 1));
  len = LIMIT - WSUV_FRAME_HEADER_MAX + 102 + WSUV__OUTBOX_ENTRY_COST - rig.ep->outbox.queued -
        wsuv__outbox_overhead(&rig.ep->outbox);
  CHECK_ERR(WSUV_EQUEUEFULL, send_latest(&rig, 2, 'd', len + 1));
  CHECK_ERR(0, send_latest(&rig, 2, 'e', len));
  CHECK_ERR(0, send_latest(&rig, 2, 'f', 90));
  check_seen(&rig, "cfx");
  close_rig(&rig);
}

static void what_has_begun_to_leave_stays(void **state) {
  size_t moved;
  (void)state;
  for (moved = 1; moved < 102; moved++) {
    struct rig rig;
    open_rig(&rig);
    CHECK_ERR(0, send_latest(&rig, 1, 'a', 100));
    CHECK_SIZE(moved, move(&rig, moved));
    CHECK_ERR(0, send_latest(&rig, 1, 'b', 100));
    CHECK_ERR(0, send_latest(&rig, 1, 'c', 100));
    check_seen(&rig, "ac");
    close_rig(&rig);
  }
}

static void pinned_stays(void **state) {
  struct rig rig;
  wsuv_span_t spans[4];
  (void)state;
  open_rig(&rig);
  CHECK_ERR(0, send_request(&rig, 0, 'a', 900, KEEPING_WHILE_ROOM));
  CHECK_ERR(0, send_request(&rig, 1, 'b', 700, KEEPING_WHILE_ROOM));
  CHECK_SIZE(2, wsuv_endpoint_output(rig.ep, spans, 4));
  CHECK_SIZE(904, rig.ep->outbox.window);
  CHECK_ERR(WSUV_EQUEUEFULL, send_droppable(&rig, 'c', 1200));
  CHECK_ERR(0, send_droppable(&rig, 'c', 700));
  CHECK_PTR(letters['a'], spans[1].data);
  expect_done(&rig, 1, WSUV_EDROPPED);
  check_seen(&rig, "ac");
  expect_done(&rig, 0, 0);
  expect_none_done(&rig);
  close_rig(&rig);
}

/* ---- others amid them ---- */

static void control_frames_and_a_close(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig);
  CHECK_ERR(0, send_droppable(&rig, 'a', 100));
  CHECK_ERR(0, send_droppable(&rig, 'b', 100));
  (void)move(&rig, 10);
  CHECK_ERR(0, wsuv_endpoint_ping(rig.ep, "1", 1));
  CHECK_ERR(0, send_latest(&rig, 1, 'c', 100));
  CHECK_ERR(0, send_latest(&rig, 2, 'd', 100));
  CHECK_ERR(0, wsuv_endpoint_ping(rig.ep, "2", 1));
  CHECK_ERR(0, send_latest(&rig, 1, 'e', 100));
  CHECK_ERR(0, wsuv_endpoint_close(rig.ep, 1000, "bye", 3));
  CHECK_ERR(WSUV_ESTATE, send_latest(&rig, 1, 'f', 100)); /* and nothing goes for it */
  CHECK_ERR(WSUV_ESTATE, send_droppable(&rig, 'f', 1900));
  check_seen(&rig, "aPPbedC");
  CHECK_INT(1000, rig.close_code);
  close_rig(&rig);
}

/* A message in fragments is open: nothing may come in between, and nothing is dropped for it. */
static void amid_fragments_nothing_goes(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig);
  CHECK_ERR(0, send_droppable(&rig, 'a', 1500));
  CHECK_ERR(0, wsuv_endpoint_send_begin(rig.ep, WSUV_TEXT, 0));
  CHECK_ERR(WSUV_ESTATE, send_droppable(&rig, 'b', 1500));
  CHECK_ERR(WSUV_ESTATE, send_latest(&rig, 1, 'b', 1));
  CHECK_ERR(WSUV_EQUEUEFULL, wsuv_endpoint_send_chunk(rig.ep, letters['c'], 1500, 0));
  CHECK_ERR(0, wsuv_endpoint_send_end(rig.ep, letters['c'], 1));
  check_seen(&rig, "ac");
  close_rig(&rig);
}

static void a_slow_reader_fails(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig);
  CHECK_ERR(0, send_request(&rig, 0, 'a', 100, KEEPING_ALWAYS));
  CHECK_ERR(0, send_request(&rig, 1, 'b', 100, KEEPING_ALWAYS));
  CHECK_ERR(0, send_request(&rig, 2, 'c', 100, KEEPING_WHILE_ROOM));
  CHECK_ERR(0, send_latest(&rig, 1, 'd', 100));
  CHECK_SIZE(10, move(&rig, 10));
  CHECK_ERR(WSUV_ESLOWREADER, wsuv__endpoint_fail_slow_reader(rig.ep));
  expect_done(&rig, 1, WSUV_ECANCELED);
  expect_done(&rig, 2, WSUV_ECANCELED);
  expect_none_done(&rig);
  CHECK_NULL(rig.ep->outbox.keys);
  CHECK_ERR(WSUV_ESTATE, send_droppable(&rig, 'e', 1));
  check_seen(&rig, "aC");
  CHECK_INT(1008, rig.close_code);
  expect_done(&rig, 0, 0);
  expect_none_done(&rig);
  close_rig(&rig);
}

static void the_end_cancels_what_waits(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig);
  CHECK_ERR(0, send_request(&rig, 0, 'a', 1500, KEEPING_WHILE_ROOM));
  CHECK_ERR(0, send_request(&rig, 1, 'b', 1500, KEEPING_WHILE_ROOM));
  CHECK_ERR(0, send_latest(&rig, 1, 'c', 1));
  wsuv__endpoint_end_sends(rig.ep);
  expect_done(&rig, 0, WSUV_EDROPPED);
  expect_done(&rig, 1, WSUV_ECANCELED);
  expect_none_done(&rig);
  close_rig(&rig);
}

/* Masked copies: what is sent may change behind the call, also of a request and of a prepared message. */
static void a_client_masks(void **state) {
  struct rig rig;
  wsuv_prepared_t *prepared;
  struct wsuv__whole s = {.keeping = KEEPING_LATEST, .key = 3};
  (void)state;
  open_with(&rig, WSUV_CLIENT, NULL, NULL, NULL);
  CHECK_ERR(0, wsuv_prepared_new(&prepared, &rig.fa.allocator, WSUV_TEXT, letters['p'], 900, 0));
  CHECK_ERR(0, send_request(&rig, 0, 'a', 600, KEEPING_WHILE_ROOM));
  CHECK_ERR(0, send_latest(&rig, 3, 'b', 500));
  CHECK_ERR(0, wsuv__endpoint_send_whole_prepared(rig.ep, &s, prepared));
  CHECK_SIZE(608 + 908, rig.ep->outbox.queued);
  s.keeping = KEEPING_WHILE_ROOM;
  s.request = &rig.requests[1];
  CHECK_ERR(0, wsuv__endpoint_send_whole_prepared(rig.ep, &s, prepared));
  wsuv_prepared_free(prepared);
  expect_done(&rig, 0, WSUV_EDROPPED);
  check_seen(&rig, "pp");
  expect_done(&rig, 1, 0);
  expect_none_done(&rig);
  close_rig(&rig);
}

/* ---- extensions ---- */

/* What an encoder with a memory has changed stays, in its turn; what it left alone may go. */
static void a_decoder_with_a_memory_never_goes_astray(void **state) {
  struct delta ours = {0, 0};
  struct delta theirs = {0, 0};
  struct rig rig;
  int i;
  (void)state;
  open_with(&rig, WSUV_SERVER, &toy_delta, &ours, &theirs);
  for (i = 0; i < 4; i++) {
    char pair[2] = {'!', (char)('0' + i)};
    struct wsuv__whole s = {.type = WSUV_TEXT, .payload = pair, .len = 2, .key = 1};
    s.keeping = KEEPING_LATEST;
    CHECK_ERR(0, send_latest(&rig, 2, (char)('a' + i), 300)); /* changed: all of them arrive */
    CHECK_ERR(0, wsuv__endpoint_send_whole(rig.ep, &s));      /* left alone: the last one does */
  }
  CHECK_ERR(WSUV_EQUEUEFULL, send_droppable(&rig, 'z', 900)); /* there is nothing that may go */
  check_seen(&rig, "a!3bcd");
  CHECK_ERR(0, send_droppable(&rig, 'z', 900));
  check_seen(&rig, "a!3bcdz");
  close_rig(&rig);
}

/* Of one key some are changed and some not: what is older never comes behind what is newer. */
static void out_of_date_never_comes_last(void **state) {
  struct delta ours = {0, 0};
  struct delta theirs = {0, 0};
  struct wsuv__whole first = {.type = WSUV_TEXT, .payload = "!1", .len = 2, .key = 1};
  struct wsuv__whole last = {.type = WSUV_TEXT, .payload = "!3", .len = 2, .key = 1};
  struct rig rig;
  (void)state;
  open_with(&rig, WSUV_SERVER, &toy_delta, &ours, &theirs);
  first.keeping = last.keeping = KEEPING_LATEST;
  first.request = &rig.requests[0];
  CHECK_ERR(0, wsuv__endpoint_send_whole(rig.ep, &first));
  CHECK_ERR(0, send_latest(&rig, 1, 'b', 300));
  expect_done(&rig, 0, WSUV_EDROPPED);
  CHECK_ERR(0, wsuv__endpoint_send_whole(rig.ep, &last));
  check_seen(&rig, "b!3");
  close_rig(&rig);
}

static void frames_that_are_counted_all_arrive(void **state) {
  struct rig rig;
  char letter;
  (void)state;
  open_with(&rig, WSUV_SERVER, &toy_count, toy_session_new(), toy_session_new());
  for (letter = 'a'; letter < 'f'; letter++)
    CHECK_ERR(0, send_latest(&rig, 1, letter, 300));
  CHECK_ERR(WSUV_EQUEUEFULL, send_droppable(&rig, 'z', 900));
  check_seen(&rig, "abcde");
  close_rig(&rig);
}

/* An encoder without a memory is asked as ever, and what it makes may go. */
static void what_is_the_same_for_all_may_go(void **state) {
  int kind;
  struct rig rig;
  wsuv_span_t span;
  (void)state;
  open_with(&rig, WSUV_SERVER, &toy_shared, &kind, &kind);
  CHECK_ERR(0, send_latest(&rig, 1, 'a', 20));
  CHECK_ERR(0, send_latest(&rig, 1, 'b', 3));
  CHECK_SIZE(1, wsuv_endpoint_output(rig.ep, &span, 1));
  CHECK_BYTES("\xc1\x03<bb", 5, span.data, span.len);
  wsuv_endpoint_output_done(rig.ep, span.len);
  CHECK_SIZE(0, wsuv_endpoint_queued(rig.ep));
  close_rig(&rig);
}

/* ---- prepared ---- */

static void prepared_is_shared_and_outlives_its_owner(void **state) {
  struct rig rigs[3];
  struct failing_alloc fa;
  wsuv_prepared_t *prepared;
  const uint8_t *shared = NULL;
  size_t i;
  (void)state;
  failing_alloc_init(&fa);
  CHECK_ERR(0, wsuv_prepared_new(&prepared, &fa.allocator, WSUV_TEXT, letters['p'], 1000, 0));
  for (i = 0; i < 3; i++) {
    struct wsuv__whole s = {.keeping = (enum wsuv__outbox_keeping)i};
    open_rig(&rigs[i]);
    s.request = i == 2 ? &rigs[i].requests[0] : NULL;
    CHECK_ERR(0, wsuv__endpoint_send_whole_prepared(rigs[i].ep, &s, prepared));
  }
  wsuv_prepared_free(prepared);
  CHECK_SIZE(1, fa.noutstanding);
  for (i = 0; i < 3; i++) {
    wsuv_span_t span;
    CHECK_SIZE(1, wsuv_endpoint_output(rigs[i].ep, &span, 1));
    CHECK_TRUE(i == 0 || span.data == shared);
    shared = span.data;
    check_seen(&rigs[i], "p");
    CHECK_SIZE(i < 2, fa.noutstanding);
    if (i == 2)
      expect_done(&rigs[i], 0, 0);
    close_rig(&rigs[i]);
  }
  failing_alloc_check_no_leaks(&fa);
}

static void prepared_obeys_the_policy(void **state) {
  struct rig rig;
  wsuv_prepared_t *prepared;
  struct wsuv__whole s = {.keeping = KEEPING_WHILE_ROOM};
  (void)state;
  open_rig(&rig);
  CHECK_ERR(0, wsuv_prepared_new(&prepared, &rig.fa.allocator, WSUV_TEXT, letters['p'], 900, 0));
  s.request = &rig.requests[0];
  CHECK_ERR(0, wsuv__endpoint_send_whole_prepared(rig.ep, &s, prepared));
  s.request = &rig.requests[1];
  CHECK_ERR(0, wsuv__endpoint_send_whole_prepared(rig.ep, &s, prepared));
  s.request = &rig.requests[2];
  CHECK_ERR(0, wsuv__endpoint_send_whole_prepared(rig.ep, &s, prepared));
  expect_done(&rig, 0, WSUV_EDROPPED);
  s.keeping = KEEPING_ALWAYS;
  s.request = NULL;
  CHECK_ERR(WSUV_EQUEUEFULL, wsuv__endpoint_send_whole_prepared(rig.ep, &s, prepared));
  CHECK_ERR(WSUV_ESLOWREADER, wsuv__endpoint_fail_slow_reader(rig.ep));
  expect_done(&rig, 1, WSUV_ECANCELED);
  expect_done(&rig, 2, WSUV_ECANCELED);
  wsuv_prepared_free(prepared);
  check_seen(&rig, "C");
  close_rig(&rig);
}

/* ---- memory ---- */

/* Each way once; 0 or the first error, after which the others are sent all the same. */
static int send_each_way(struct rig *rig, wsuv_prepared_t *prepared) {
  struct wsuv__whole shared = {.keeping = KEEPING_LATEST, .key = 5};
  int errs[6];
  int err = 0;
  size_t i;
  errs[0] = send_droppable(rig, 'a', 100);
  errs[1] = send_latest(rig, 1, 'b', 100);
  errs[2] = send_request(rig, 0, 'c', 100, KEEPING_WHILE_ROOM);
  errs[3] = send_latest(rig, 1, 'd', 100);
  errs[4] = wsuv__endpoint_send_whole_prepared(rig->ep, &shared, prepared);
  errs[5] = wsuv_endpoint_send_prepared(rig->ep, prepared);
  for (i = 0; i < 6; i++) {
    CHECK_TRUE(errs[i] == 0 || errs[i] == WSUV_ENOMEM || errs[i] == WSUV_ESTATE);
    err = err != 0 ? err : errs[i];
  }
  return err;
}

/* Nothing leaks, a request is called back if and only if it was taken, and what was taken arrives whole. */
static void run_without(wsuv_role_t role, const wsuv_extension_t *extension, int in_prepared,
                        size_t n, int *has_failed) {
  int kind;
  struct failing_alloc fa;
  struct rig rig;
  wsuv_prepared_t *prepared;
  int err;
  failing_alloc_init(&fa);
  CHECK_ERR(0, wsuv_prepared_new(&prepared, &fa.allocator, WSUV_TEXT, letters['p'], 600, 0));
  open_with(&rig, role, extension, &kind, &kind);
  if (in_prepared)
    failing_alloc_fail_once(&fa, n);
  else
    failing_alloc_fail_once(&rig.fa, n);
  err = send_each_way(&rig, prepared);
  failing_alloc_fail_once(&rig.fa, 0);
  failing_alloc_fail_once(&fa, 0);
  *has_failed = failing_alloc_has_failed(&rig.fa) || failing_alloc_has_failed(&fa);
  CHECK_TRUE(*has_failed || err == 0); /* counts are left out where there is no memory for them */
  if (extension == NULL && err == 0)
    check_seen(&rig, "adcpp");
  wsuv_prepared_free(prepared);
  wsuv__endpoint_end_sends(rig.ep);
  close_rig(&rig);
  failing_alloc_check_no_leaks(&fa);
}

static void fail_each(wsuv_role_t role, const wsuv_extension_t *extension, int in_prepared,
                      size_t least) {
  int has_failed = 1;
  size_t n;
  for (n = 1; has_failed; n++)
    run_without(role, extension, in_prepared, n, &has_failed);
  CHECK_TRUE(n > least);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  fail_each(WSUV_SERVER, NULL, 0, 6);
  fail_each(WSUV_CLIENT, NULL, 0, 7);
  fail_each(WSUV_SERVER, &toy_shared, 0, 10);
  fail_each(WSUV_SERVER, &toy_shared, 1, 2); /* the variant and its frame */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(room_is_exact),
      cmocka_unit_test(chunks_that_are_held_back_take_room),
      cmocka_unit_test(the_oldest_go_when_that_helps),
      cmocka_unit_test(the_newest_takes_the_place_full_or_not),
      cmocka_unit_test(what_has_begun_to_leave_stays),
      cmocka_unit_test(pinned_stays),
      cmocka_unit_test(control_frames_and_a_close),
      cmocka_unit_test(amid_fragments_nothing_goes),
      cmocka_unit_test(a_slow_reader_fails),
      cmocka_unit_test(the_end_cancels_what_waits),
      cmocka_unit_test(a_client_masks),
      cmocka_unit_test(a_decoder_with_a_memory_never_goes_astray),
      cmocka_unit_test(out_of_date_never_comes_last),
      cmocka_unit_test(frames_that_are_counted_all_arrive),
      cmocka_unit_test(what_is_the_same_for_all_may_go),
      cmocka_unit_test(prepared_is_shared_and_outlives_its_owner),
      cmocka_unit_test(prepared_obeys_the_policy),
      cmocka_unit_test(every_allocation_may_fail),
  };
  fill_letters();
  return cmocka_run_group_tests_name("endpoint policy", tests, NULL, NULL);
}
