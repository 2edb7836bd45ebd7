/* Messages in the write queue that may go: random steps against a model, then the edges one by one. */
#include "proto/outbox_policy.h"

#include <stdlib.h>
#include <string.h>

#include "proto/frame_parser.h"
#include "proto/outbox_entry.h"
#include "proto/outbox_request.h"
#include "support/check.h"
#include "support/failing_alloc.h"

enum { NEPOCHS = 200, NSTEPS = 500, NKEYS = 6, SINK_SIZE = 1 << 18 };

/* What was queued, in the order in which it is to leave. Items that went for another one's sake are taken out. */
struct item {
  uint32_t id;
  size_t len; /* header included */
  uint64_t key;
  struct wsuv__outbox_entry *request; /* NULL: none */
  uint8_t keeping;                    /* enum wsuv__outbox_keeping */
  uint8_t is_control;
  uint8_t
      was_corked; /* a control frame that may be in a block, where others do not know it any more */
  uint8_t was_handed_out;
};

struct scene {
  struct failing_alloc fa;
  struct wsuv__outbox outbox;
  struct wsuv__cork cork;
  uint8_t cork_memory[250];
  int masked;
  uint64_t random;
  size_t room; /* what the transport takes before it is full */
  size_t nsunk;
  uint8_t sink[SINK_SIZE];
  struct item items[NSTEPS];
  size_t nitems;
  uint32_t nids;
  uint32_t newest[NKEYS]; /* id of the last one sent of each key; 0: none */
  struct wsuv__outbox_entry requests[NSTEPS];
  int expected_status[NSTEPS]; /* of requests; 1: none */
  size_t nrequests;
};

static uint64_t next_random(struct scene *s) {
  s->random ^= s->random << 13;
  s->random ^= s->random >> 7;
  s->random ^= s->random << 17;
  return s->random >> 11;
}

static size_t below(struct scene *s, size_t n) {
  return (size_t)(next_random(s) % n);
}

static size_t take_some(void *arg, const wsuv_span_t *spans, size_t nspans) {
  struct scene *s = arg;
  size_t total = 0;
  size_t i;
  for (i = 0; i < nspans && s->room > 0; i++) {
    size_t len = spans[i].len < s->room ? spans[i].len : s->room;
    CHECK_TRUE(s->nsunk + len <= SINK_SIZE);
    memcpy(s->sink + s->nsunk, spans[i].data, len);
    s->nsunk += len;
    s->room -= len;
    total += len;
  }
  return total;
}

static struct scene *new_scene(uint64_t seed, int masked) {
  struct scene *s = calloc(1, sizeof *s);
  size_t i;
  CHECK_NOT_NULL(s);
  failing_alloc_init(&s->fa);
  wsuv__outbox_init(&s->outbox, &s->fa.allocator);
  wsuv__outbox_set_writer(&s->outbox, take_some, s);
  s->cork.base = s->cork_memory;
  s->cork.cap = sizeof s->cork_memory;
  s->random = seed;
  s->masked = masked;
  for (i = 0; i < NSTEPS; i++)
    s->expected_status[i] = 1;
  return s;
}

/* ---- the model ---- */

static size_t total_len(const struct scene *s) {
  size_t total = 0;
  size_t i;
  for (i = 0; i < s->nitems; i++)
    total += s->items[i].len;
  return total;
}

/* Marks what has begun to leave or is pinned: `until` octets from the beginning of all. */
static void mark_handed_out(struct scene *s, size_t until) {
  size_t start = 0;
  size_t i;
  for (i = 0; i < s->nitems && start < until; i++) {
    s->items[i].was_handed_out = 1;
    start += s->items[i].len;
  }
}

static void insert_item(struct scene *s, size_t at, const struct item *item) {
  CHECK_TRUE(s->nitems < NSTEPS);
  memmove(s->items + at + 1, s->items + at, (s->nitems - at) * sizeof *item);
  s->items[at] = *item;
  s->nitems++;
}

static void remove_item(struct scene *s, size_t at) {
  if (s->items[at].request != NULL)
    s->expected_status[s->items[at].request - s->requests] = WSUV_EDROPPED;
  s->nitems--;
  memmove(s->items + at, s->items + at + 1, (s->nitems - at) * sizeof s->items[0]);
}

static size_t find_waiting(const struct scene *s, uint64_t key) {
  size_t i;
  for (i = 0; i < s->nitems; i++)
    if (s->items[i].keeping == KEEPING_LATEST && s->items[i].key == key &&
        !s->items[i].was_handed_out)
      break;
  return i;
}

/* Behind what has begun to leave, is pinned or in the cork, and other control frames. */
static size_t control_place(const struct scene *s) {
  size_t until = s->nsunk + s->outbox.window + s->cork.len;
  size_t start = 0;
  size_t i = 0;
  while (i < s->nitems && start < until)
    start += s->items[i++].len;
  while (i < s->nitems && s->items[i].is_control && !s->items[i].was_corked)
    i++;
  return i;
}

static void check_account(const struct scene *s) {
  CHECK_SIZE(total_len(s) - s->nsunk, wsuv__outbox_waiting(&s->outbox));
}

/* ---- steps ---- */

enum way { WAY_COPIED, WAY_SHARED, WAY_REQUEST, WAY_SHARED_REQUEST, NWAYS };

static wsuv_frame_header_t header_of(const struct scene *s, uint8_t opcode, size_t len) {
  wsuv_frame_header_t header = {0, 0, 0, 1, 0, {0xa5, 0x5a, 0x0f, 0xf0}};
  header.opcode = opcode;
  header.payload_len = len;
  header.masked = (uint8_t)s->masked;
  return header;
}

static struct wsuv__outbox_entry *new_request(struct scene *s, enum way way) {
  return way == WAY_REQUEST || way == WAY_SHARED_REQUEST ? &s->requests[s->nrequests++] : NULL;
}

static int append_shared(struct scene *s, struct wsuv__outbox_entry *request, const uint8_t *data,
                         size_t len) {
  struct wsuv__shared_frame *frame =
      wsuv__shared_frame_new(&s->fa.allocator, WSUV_BINARY, 0, data, len);
  int err = frame != NULL ? wsuv__outbox_append_shared(&s->outbox, request, frame) : WSUV_ENOMEM;
  if (frame != NULL)
    wsuv__shared_frame_release(frame);
  return err;
}

static void append(struct scene *s, enum way way, struct item *item, const uint8_t *data,
                   size_t len) {
  wsuv_frame_header_t header = header_of(s, WSUV_BINARY, len);
  item->request = new_request(s, way);
  switch (way) {
  case WAY_COPIED:
    CHECK_ERR(0, item->keeping == KEEPING_ALWAYS
                     ? wsuv__outbox_append(&s->outbox, &header, data, len)
                     : wsuv__outbox_append_alone(&s->outbox, &header, data, len));
    break;
  case WAY_REQUEST:
    CHECK_ERR(0, wsuv__outbox_append_request(&s->outbox, item->request, &header, data, len));
    break;
  case WAY_SHARED:
  case WAY_SHARED_REQUEST:
  case NWAYS:
    CHECK_ERR(0, append_shared(s, item->request, data, len));
  }
}

/* The id, then octets that follow from it; a request's payload must stay, so it has a home of its own. */
static const uint8_t *make_payload(uint32_t id, uint8_t *out, size_t len) {
  size_t i;
  for (i = 0; i < len; i++)
    out[i] = (uint8_t)(i < 4 ? id >> (8 * i) : id * 31 + i);
  return out;
}

static uint8_t homes[NSTEPS][300];

static void step_send(struct scene *s) {
  static const uint8_t keepings[] = {KEEPING_ALWAYS, KEEPING_WHILE_ROOM, KEEPING_WHILE_ROOM,
                                     KEEPING_LATEST, KEEPING_LATEST};
  struct item item = {.keeping = keepings[below(s, 5)]};
  enum way way = (enum way)below(s, s->masked ? 1 : NWAYS);
  size_t len = 4 + below(s, below(s, 8) == 0 ? 296 : 40);
  size_t at = s->nitems;
  if (s->masked && below(s, 3) == 0)
    way = WAY_REQUEST;
  item.id = ++s->nids;
  item.key = below(s, NKEYS);
  item.len = len + (s->masked ? 4 : 0) + (len > 125 ? 4 : 2);
  if (item.keeping == KEEPING_LATEST)
    CHECK_ERR(0, wsuv__outbox_reserve_key(&s->outbox));
  append(s, way, &item, make_payload(item.id, homes[item.id % NSTEPS], len), len);
  if (item.request != NULL)
    s->expected_status[item.request - s->requests] = 0;
  if (item.keeping == KEEPING_WHILE_ROOM)
    wsuv__outbox_keep_while_room(&s->outbox);
  if (item.keeping == KEEPING_LATEST) {
    at = find_waiting(s, item.key);
    CHECK_INT(at < s->nitems, wsuv__outbox_keep_latest(&s->outbox, item.key));
    if (at < s->nitems)
      remove_item(s, at);
    s->newest[item.key] = item.id;
  }
  insert_item(s, at, &item);
}

static void step_ping(struct scene *s) {
  struct item item = {.is_control = 1, .id = ++s->nids};
  size_t len = 4 + below(s, 20);
  wsuv_frame_header_t header = header_of(s, WSUV_PING, len);
  uint8_t payload[24];
  item.len = len + (s->masked ? 6 : 2);
  CHECK_ERR(0, wsuv__outbox_append_control(&s->outbox, &header, make_payload(item.id, payload, len),
                                           len));
  item.was_corked = wsuv__list_is_empty(&s->outbox.entries) ? 1 : 0;
  insert_item(s, control_place(s), &item);
}

/* As the model would: the oldest first, none if all are not enough. */
static size_t model_make_room(struct scene *s, size_t need) {
  size_t n = s->outbox.nentries;
  size_t freed = 0;
  size_t ndropped = 0;
  size_t i;
  for (i = 0; i < s->nitems && freed < need; i++)
    if (s->items[i].keeping == KEEPING_WHILE_ROOM && !s->items[i].was_handed_out)
      freed += s->items[i].len + (n-- > 1 ? WSUV__OUTBOX_ENTRY_COST : 0);
  if (freed < need)
    return 0;
  freed = 0;
  n = s->outbox.nentries;
  for (i = 0; freed < need;) {
    if (s->items[i].keeping != KEEPING_WHILE_ROOM || s->items[i].was_handed_out) {
      i++;
      continue;
    }
    freed += s->items[i].len + (n-- > 1 ? WSUV__OUTBOX_ENTRY_COST : 0);
    remove_item(s, i);
    ndropped++;
  }
  return ndropped;
}

static void step_make_room(struct scene *s) {
  size_t need = 1 + below(s, 1200);
  size_t before = s->outbox.queued + wsuv__outbox_overhead(&s->outbox);
  size_t expected = model_make_room(s, need);
  size_t after;
  CHECK_SIZE(expected, wsuv__outbox_make_room(&s->outbox, need));
  after = s->outbox.queued + wsuv__outbox_overhead(&s->outbox);
  CHECK_TRUE(expected == 0 ? after == before : before - after >= need);
}

static void step_flush(struct scene *s) {
  s->room = below(s, 400);
  CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
  mark_handed_out(s, s->nsunk);
}

/* As around an event: while nothing waits, what is to stay is collected in the cork. */
static void step_cork(struct scene *s) {
  if (s->outbox.cork == NULL)
    wsuv__outbox_lend_cork(&s->outbox, &s->cork);
  else
    CHECK_ERR(0, wsuv__outbox_return_cork(&s->outbox));
}

/* Handed out, then taken in whole or in part, with other steps in between. */
static void step_pin(struct scene *s) {
  wsuv_span_t spans[8];
  size_t n;
  step_flush(s); /* the cork's octets are first */
  n = wsuv__outbox_gather(&s->outbox, spans, 1 + below(s, 8));
  CHECK_INT(s->outbox.queued > 0, n > 0);
  mark_handed_out(s, s->nsunk + s->outbox.window);
}

static void step_consume(struct scene *s) {
  wsuv_span_t spans[8];
  size_t window = s->outbox.window;
  size_t written = below(s, 3) == 0 ? below(s, window + 1) : window;
  size_t n = wsuv__outbox_gather(&s->outbox, spans, 8);
  CHECK_TRUE(s->outbox.window >=
             window); /* what was handed out is still there, perhaps with more */
  mark_handed_out(s, s->nsunk + s->outbox.window);
  s->room = written;
  CHECK_SIZE(written, take_some(s, spans, n));
  wsuv__outbox_consume(&s->outbox, written);
}

static void run_step(struct scene *s) {
  size_t dice = below(s, 22);
  if (dice < 11)
    step_send(s);
  else if (dice < 13)
    step_ping(s);
  else if (dice < 15)
    step_make_room(s);
  else if (dice > 19)
    step_cork(s);
  else if (s->outbox.window > 0)
    step_consume(s);
  else if (dice < 18)
    step_flush(s);
  else
    step_pin(s);
  mark_handed_out(s, s->nsunk);
  check_account(s);
}

/* ---- what arrives ---- */

static uint32_t id_of(const uint8_t *payload) {
  return (uint32_t)payload[0] | (uint32_t)payload[1] << 8 | (uint32_t)payload[2] << 16 |
         (uint32_t)payload[3] << 24;
}

static void check_frame(const struct item *item, const struct wsuv__frame_parser *parser,
                        const struct wsuv__frame_slice *slice) {
  size_t i;
  CHECK_INT(item->is_control ? WSUV_PING : WSUV_BINARY, parser->header.opcode);
  CHECK_SIZE(item->id, id_of(slice->data));
  for (i = 4; i < slice->len; i++)
    CHECK_INT((uint8_t)(item->id * 31 + i), slice->data[i]);
}

static void check_arrived(struct scene *s) {
  struct wsuv__frame_rules rules = {.max_payload_len = INT64_MAX, .role = WSUV_CLIENT};
  struct wsuv__frame_input in = {s->sink, s->nsunk};
  struct wsuv__frame_parser parser;
  struct wsuv__frame_slice slice;
  uint32_t last[NKEYS] = {0};
  size_t n = 0;
  size_t i;
  if (s->masked)
    rules.role = WSUV_SERVER;
  wsuv__frame_parser_init(&parser);
  while (wsuv__frame_parser_next(&parser, &rules, &in, &slice) > 0) {
    CHECK_TRUE(slice.first && slice.last && n < s->nitems);
    check_frame(&s->items[n], &parser, &slice);
    if (s->items[n].keeping == KEEPING_LATEST)
      last[s->items[n].key] = s->items[n].id;
    n++;
  }
  CHECK_SIZE(s->nitems, n);
  CHECK_SIZE(0, in.len);
  for (i = 0; i < NKEYS; i++)
    CHECK_SIZE(s->newest[i], last[i]);
}

static void check_requests(const struct scene *s) {
  const struct wsuv__list *node = s->outbox.done.next;
  size_t n = 0;
  for (; node != &s->outbox.done; node = node->next) {
    const struct wsuv__outbox_entry *entry =
        wsuv__outbox_entry_of((struct wsuv__list *)(uintptr_t)node);
    CHECK_ERR(s->expected_status[entry - s->requests], entry->status);
    n++;
  }
  CHECK_SIZE(s->nrequests, n);
}

static void free_scene(struct scene *s) {
  s->outbox.window = 0;
  wsuv__outbox_cancel(&s->outbox);
  failing_alloc_check_no_leaks(&s->fa);
  free(s);
}

static void run_epoch(uint64_t seed, int masked) {
  struct scene *s = new_scene(seed, masked);
  size_t i;
  for (i = 0; i < NSTEPS; i++)
    run_step(s);
  s->outbox.window = 0;
  s->room = SINK_SIZE;
  CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
  if (s->outbox.cork != NULL)
    step_cork(s);
  CHECK_SIZE(0, s->outbox.nentries);
  CHECK_NULL(s->outbox.keys);
  CHECK_TRUE(wsuv__list_is_empty(&s->outbox.droppables));
  check_arrived(s);
  check_requests(s);
  free_scene(s);
}

/* 100,000 steps: WSUV_SEED=N for others. */
static void what_leaves_is_what_the_model_says(void **state) {
  const char *wanted = getenv("WSUV_SEED");
  uint64_t seed = wanted != NULL ? strtoull(wanted, NULL, 10) : 20260101;
  uint64_t epoch;
  (void)state;
  print_message("WSUV_SEED=%llu\n", (unsigned long long)seed);
  for (epoch = 0; epoch < NEPOCHS; epoch++)
    run_epoch((seed + epoch) * 0x9E3779B97F4A7C15u + 1, epoch % 2 == 1);
}

/* ---- edges ---- */

static void send_droppable(struct scene *s, char letter, size_t len) {
  wsuv_frame_header_t header = header_of(s, WSUV_BINARY, len);
  uint8_t payload[200];
  memset(payload, letter, sizeof payload);
  CHECK_ERR(0, wsuv__outbox_append_alone(&s->outbox, &header, payload, len));
  wsuv__outbox_keep_while_room(&s->outbox);
}

static int send_latest(struct scene *s, uint64_t key, char letter) {
  wsuv_frame_header_t header = header_of(s, WSUV_BINARY, 1);
  CHECK_ERR(0, wsuv__outbox_reserve_key(&s->outbox));
  CHECK_ERR(0, wsuv__outbox_append_alone(&s->outbox, &header, &letter, 1));
  return wsuv__outbox_keep_latest(&s->outbox, key);
}

static void send_plain(struct scene *s, char letter) {
  wsuv_frame_header_t header = header_of(s, WSUV_BINARY, 1);
  CHECK_ERR(0, wsuv__outbox_append(&s->outbox, &header, &letter, 1));
}

static void check_sink(struct scene *s, const char *letters) {
  char seen[64];
  size_t n = 0;
  size_t at = 0;
  s->room = SINK_SIZE;
  CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
  while (at < s->nsunk) {
    seen[n++] = (char)s->sink[at + 2];
    at += 2u + s->sink[at + 1];
  }
  CHECK_BYTES(letters, strlen(letters), seen, n);
}

/* 100 octets are in each of three; 12 of the first have left, say. */
static void room_is_made_to_the_octet(void **state) {
  static const struct {
    size_t left;
    size_t need;
    size_t ndropped;
    const char *arrive;
  } rows[] = {
      {0, 1, 1, "bc"},
      {0, 102 + 128, 1, "bc"},
      {0, 102 + 128 + 1, 2, "c"},
      {0, 2 * (102 + 128), 2, "c"},
      {0, 2 * (102 + 128) + 1, 3, ""},
      {0, 2 * (102 + 128) + 102, 3, ""}, /* the last entry costs nothing but its octets */
      {0, 2 * (102 + 128) + 103, 0, "abc"},
      {12, 1, 1, "ac"},
      {12, 2 * (102 + 128), 2, "a"},
      {12, 2 * (102 + 128) + 1, 0, "abc"},
      {102, 102 + 128 + 102, 2, "a"},
      {102, 102 + 128 + 103, 0, "abc"},
      {103, 102 + 128, 1, "ab"}, /* two entries: c, and what is left of b */
      {103, 102 + 128 + 1, 0, "abc"},
      {101, 102 + 128, 1, "ac"},
  };
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct scene *s = new_scene(1, 0);
    send_droppable(s, 'a', 100);
    send_droppable(s, 'b', 100);
    send_droppable(s, 'c', 100);
    s->room = rows[i].left;
    CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
    CHECK_SIZE(rows[i].ndropped, wsuv__outbox_make_room(&s->outbox, rows[i].need));
    check_sink(s, rows[i].arrive);
    free_scene(s);
  }
}

static void the_newest_takes_its_place(void **state) {
  struct scene *s = new_scene(1, 0);
  (void)state;
  CHECK_INT(0, send_latest(s, 7, 'a'));
  send_plain(s, 'x');
  CHECK_INT(0, send_latest(s, 8, 'b'));
  CHECK_INT(1, send_latest(s, 7, 'c'));
  CHECK_INT(1, send_latest(s, 7, 'd'));
  CHECK_SIZE(3 + 128, wsuv__outbox_key_octets(&s->outbox, 8));
  CHECK_SIZE(0, wsuv__outbox_key_octets(&s->outbox, 9));
  CHECK_INT(1, wsuv__outbox_drop_key(&s->outbox, 8));
  CHECK_INT(0, wsuv__outbox_drop_key(&s->outbox, 8));
  check_sink(s, "dx");
  CHECK_INT(0, send_latest(s, 7, 'e')); /* d has left */
  CHECK_SIZE(3, wsuv__outbox_key_octets(&s->outbox, 7));
  check_sink(s, "dxe");
  free_scene(s);
}

/* Handed out alone, so that those behind it may still go; not itself. */
static void pinned_is_left_alone(void **state) {
  struct scene *s = new_scene(1, 0);
  wsuv_span_t spans[8];
  (void)state;
  CHECK_INT(0, send_latest(s, 7, 'a'));
  CHECK_INT(0, send_latest(s, 8, 'b'));
  send_droppable(s, 'c', 1);
  CHECK_SIZE(1, wsuv__outbox_gather(&s->outbox, spans, 8));
  CHECK_SIZE(3, s->outbox.window);
  CHECK_SIZE(0, wsuv__outbox_key_octets(&s->outbox, 7));
  CHECK_INT(0, send_latest(s, 7, 'd'));
  CHECK_INT(1, send_latest(s, 8, 'e'));
  CHECK_SIZE(1, wsuv__outbox_make_room(&s->outbox, 1));
  CHECK_SIZE(0, wsuv__outbox_make_room(&s->outbox, 1));
  wsuv__outbox_consume(&s->outbox, 0); /* in the end it was not taken */
  CHECK_INT(1, send_latest(s, 7, 'f'));
  check_sink(s, "aef");
  free_scene(s);
}

/* What must stay is handed out up to the first that may go. */
static void what_may_go_is_not_handed_out_behind_others(void **state) {
  struct scene *s = new_scene(1, 0);
  wsuv_span_t spans[8];
  (void)state;
  send_plain(s, 'a');
  send_droppable(s, 'b', 1);
  send_plain(s, 'c');
  CHECK_SIZE(1, wsuv__outbox_gather(&s->outbox, spans, 8));
  CHECK_SIZE(3, s->outbox.window);
  CHECK_SIZE(1, wsuv__outbox_make_room(&s->outbox, 1));
  s->outbox.window = 0;
  check_sink(s, "ac");
  free_scene(s);
}

static void send_pong(struct scene *s, char letter) {
  wsuv_frame_header_t header = header_of(s, WSUV_PONG, 1);
  CHECK_ERR(0, wsuv__outbox_append_control(&s->outbox, &header, &letter, 1));
}

/* A frame has begun to leave, others wait behind it: one Pong between them takes the place of the one before. */
static void one_pong_waits_amid_messages_that_may_go(void **state) {
  struct scene *s = new_scene(1, 0);
  int i;
  (void)state;
  send_droppable(s, 'a', 1);
  send_droppable(s, 'b', 1);
  s->room = 1;
  CHECK_ERR(0, wsuv__outbox_flush(&s->outbox));
  for (i = 0; i < 100; i++)
    send_pong(s, (char)('A' + i % 26));
  CHECK_SIZE(3, s->outbox.nentries);
  send_droppable(s, 'c', 1);
  send_pong(s, 'Z');
  check_sink(s, "aZbc");
  free_scene(s);
}

/* A plain message behind each one that may go: what memory is taken is what is counted. */
static void memory_is_what_is_counted(void **state) {
  struct scene *s = new_scene(1, 0);
  size_t counted;
  int i;
  (void)state;
  for (i = 0; i < 500; i++) {
    send_droppable(s, 'a', 10);
    send_plain(s, 'b');
  }
  counted = s->outbox.queued + wsuv__outbox_overhead(&s->outbox);
  CHECK_TRUE(s->fa.outstanding_size <= counted + WSUV__OUTBOX_ENTRY_COST);
  free_scene(s);
}

static void nothing_is_queued_behind_the_seal(void **state) {
  struct scene *s = new_scene(1, 0);
  wsuv_frame_header_t header = header_of(s, WSUV_BINARY, 1);
  (void)state;
  send_droppable(s, 'a', 1);
  wsuv__outbox_seal(&s->outbox);
  CHECK_ERR(WSUV_ESTATE, wsuv__outbox_append_alone(&s->outbox, &header, "x", 1));
  CHECK_ERR(WSUV_ESTATE, append_shared(s, NULL, (const uint8_t *)"x", 1));
  check_sink(s, "a");
  free_scene(s);
}

/* A reservation that was not used is no leak. */
static void every_allocation_may_fail(void **state) {
  size_t n;
  (void)state;
  for (n = 1;; n++) {
    struct scene *s = new_scene(1, 0);
    wsuv_frame_header_t header = header_of(s, WSUV_BINARY, 1);
    int err;
    failing_alloc_fail_once(&s->fa, n);
    err = wsuv__outbox_reserve_key(&s->outbox);
    if (err == 0)
      err = wsuv__outbox_append_alone(&s->outbox, &header, "x", 1);
    if (err == 0)
      CHECK_INT(0, wsuv__outbox_keep_latest(&s->outbox, 1));
    if (err == 0)
      err = append_shared(s, NULL, (const uint8_t *)"y", 1);
    check_sink(s, err == 0 ? "xy" : n > 2 ? "x" : "");
    if (failing_alloc_has_failed(&s->fa))
      CHECK_ERR(WSUV_ENOMEM, err);
    else
      CHECK_SIZE(5, n);
    free_scene(s);
    if (err == 0)
      break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_leaves_is_what_the_model_says),
      cmocka_unit_test(room_is_made_to_the_octet),
      cmocka_unit_test(the_newest_takes_its_place),
      cmocka_unit_test(pinned_is_left_alone),
      cmocka_unit_test(what_may_go_is_not_handed_out_behind_others),
      cmocka_unit_test(one_pong_waits_amid_messages_that_may_go),
      cmocka_unit_test(memory_is_what_is_counted),
      cmocka_unit_test(nothing_is_queued_behind_the_seal),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("outbox policy", tests, NULL, NULL);
}
