/* The short ways of common messages, in and out, have the outcome of the long ones: the same streams, in one piece and octet by
 * octet, with a cork and without. */
#include <stdio.h>
#include <string.h>

#include "proto/endpoint.h"
#include "proto/endpoint_cork.h"
#include "support/check.h"
#include "wsuv/frame.h"

#define STREAM_SIZE 200000u
#define LOG_SIZE    20000u

struct side {
  wsuv_endpoint_t *ep;
  char log[LOG_SIZE];
  size_t log_len;
  uint8_t sent[2 * STREAM_SIZE];
  size_t nsent;
  uint8_t next_key;
  int nmessages;
  int pause_at; /* at that message; 0: never */
  int close_at;
};

static struct side whole;
static struct side octets;
static uint8_t stream[STREAM_SIZE];
static uint8_t copy[STREAM_SIZE];
static size_t stream_len;
static uint32_t seed;

static uint32_t pick(uint32_t n) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % n;
}

static void note(struct side *side, const char *what, int type, const uint8_t *payload,
                 size_t len) {
  uint32_t sum = 0;
  size_t i;

  for (i = 0; i < len; i++)
    sum = sum * 31u + payload[i];
  side->log_len +=
      (size_t)snprintf(side->log + side->log_len, LOG_SIZE - side->log_len, "%s %d %zu %u rsv %d\n",
                       what, type, len, (unsigned)sum, wsuv_endpoint_message_rsv(side->ep));
  CHECK_TRUE(side->log_len < LOG_SIZE);
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct side *side = data;

  note(side, "message", (int)type, payload, len);
  (void)wsuv_endpoint_send(side->ep, type, payload, len);
  if (++side->nmessages == side->pause_at)
    wsuv_endpoint_pause(side->ep);
  if (side->nmessages == side->close_at)
    (void)wsuv_endpoint_close(side->ep, WSUV_CLOSE_NORMAL, NULL, 0);
}

static void on_ping(void *data, const uint8_t *payload, size_t len) {
  note(data, "ping", 0, payload, len);
}

static void on_close(void *data, int code, const char *reason, size_t reason_len) {
  note(data, "close", code, (const uint8_t *)reason, reason_len);
}

static const wsuv_endpoint_handler_t handler = {
    .size = sizeof handler, .on_message = on_message, .on_ping = on_ping, .on_close = on_close};

/* Another key for each frame, the same on both sides. */
static int next_key(void *arg, void *buf, size_t len) {
  struct side *side = arg;
  uint8_t *key = buf;
  size_t i;

  for (i = 0; i < len; i++)
    key[i] = side->next_key++;
  return 0;
}

static size_t take_all(void *arg, const wsuv_span_t *spans, size_t nspans) {
  struct side *side = arg;
  size_t total = 0;
  size_t i;

  for (i = 0; i < nspans; i++) {
    if (spans[i].len > 0)
      memcpy(side->sent + side->nsent + total, spans[i].data, spans[i].len);
    total += spans[i].len;
  }
  side->nsent += total;
  return total;
}

/* ---- streams ---- */

static size_t random_len(void) {
  static const size_t lens[] = {0, 1, 3, 7, 8, 9, 20, 63, 64, 65, 125, 126, 127, 300, 4000};
  return pick(3) == 0 ? pick(140) : lens[pick(sizeof lens / sizeof lens[0])];
}

static void add_frame(wsuv_role_t role, uint8_t opcode, int fin, size_t len) {
  wsuv_frame_header_t header = {.opcode = opcode, .fin = (uint8_t)fin, .payload_len = len};
  uint8_t payload[4096];
  wsuv_frame_t frame;
  size_t n = 0;
  size_t i;

  header.masked = (uint8_t)(role == WSUV_SERVER);
  for (i = 0; i < 4 && header.masked; i++)
    header.masking_key[i] = (uint8_t)pick(256);
  for (i = 0; i < len; i++)
    payload[i] = (uint8_t)('a' + pick(26));
  if (opcode == WSUV_BINARY && len > 0)
    payload[0] = 0xFF;
  if (len > 2 && pick(2) == 0)
    memcpy(payload + len - 2, "\xC3\xA9", 2);
  if (opcode == WSUV_TEXT && len > 0 && pick(40) == 0)
    payload[len - 1] = (uint8_t)(pick(2) == 0 ? 0xC3 : 0xFF);
  memset(&frame, 0, sizeof frame);
  frame.header = header;
  frame.payload = payload;
  if (stream_len + len + WSUV_FRAME_HEADER_MAX > STREAM_SIZE)
    return;
  CHECK_ERR(0, wsuv_frame_encode(&frame, stream + stream_len, STREAM_SIZE - stream_len, &n));
  switch (pick(150)) { /* faults, where frames are judged */
  case 0:
    stream[stream_len] |= 0x40;
    break;
  case 1:
    stream[stream_len + 1] ^= 0x80;
    break;
  case 2:
    stream[stream_len] |= 3;
    break;
  case 3:
    if (len == 126)
      stream[stream_len + 3] = 5; /* not the shortest form */
    break;
  default:
    break;
  }
  stream_len += n;
}

static void add_something(wsuv_role_t role) {
  uint8_t type = (uint8_t)(pick(2) == 0 ? WSUV_TEXT : WSUV_BINARY);

  switch (pick(12)) {
  case 0:
    add_frame(role, WSUV_PING, 1, pick(126));
    break;
  case 1:
    add_frame(role, WSUV_BINARY, 0, random_len());
    add_frame(role, WSUV_PING, 1, 5);
    add_frame(role, WSUV_CONTINUATION, 1, random_len());
    break;
  default:
    add_frame(role, type, 1, random_len());
  }
}

/* ---- both sides ---- */

static void set_up(struct side *side, wsuv_role_t role) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(role);

  side->log_len = 0;
  side->log[0] = '\0';
  side->nsent = 0;
  side->next_key = 7;
  side->nmessages = 0;
  options.random = next_key;
  options.random_arg = side;
  options.max_message_size = 3000;
  options.max_control_rate = WSUV_OFF;
  CHECK_ERR(0, wsuv_endpoint_new(&side->ep, &options, &handler, side));
}

static void feed(struct side *side, uint8_t *data, size_t len) {
  (void)wsuv_endpoint_receive(side->ep, data, len);
  (void)wsuv_endpoint_resume(side->ep);
}

static void take_output(struct side *side) {
  wsuv_span_t spans[8];
  size_t n;

  while ((n = wsuv_endpoint_output(side->ep, spans, 8)) > 0)
    wsuv_endpoint_output_done(side->ep, take_all(side, spans, n));
}

static void run_whole(void) {
  static uint8_t memory[65536];
  struct wsuv__cork cork = {.base = memory, .cap = sizeof memory};
  size_t at = 0;

  memcpy(copy, stream, stream_len);
  wsuv__outbox_set_writer(&whole.ep->outbox, take_all, &whole);
  while (at < stream_len) {
    size_t n = 1 + pick(pick(2) == 0 ? 20000 : 200);
    if (n > stream_len - at)
      n = stream_len - at;
    wsuv__outbox_lend_cork(&whole.ep->outbox, &cork);
    feed(&whole, copy + at, n);
    CHECK_ERR(0, wsuv__outbox_return_cork(&whole.ep->outbox));
    take_output(&whole);
    at += n;
  }
}

static void run_octets(void) {
  size_t i;

  memcpy(copy, stream, stream_len);
  for (i = 0; i < stream_len; i++) {
    feed(&octets, copy + i, 1);
    take_output(&octets);
  }
}

static void compare(void) {
  wsuv_endpoint_fault_t faults[2];
  wsuv_traffic_t traffic[4];
  wsuv_drops_t drops[2];

  CHECK_STR(octets.log, whole.log);
  CHECK_INT(wsuv_endpoint_fault(octets.ep, &faults[0]), wsuv_endpoint_fault(whole.ep, &faults[1]));
  CHECK_INT(faults[0].frame.opcode, faults[1].frame.opcode);
  CHECK_INT(faults[0].frame.fin, faults[1].frame.fin);
  CHECK_INT(faults[0].frame.masked, faults[1].frame.masked);
  CHECK_SIZE((size_t)faults[0].frame.payload_len, (size_t)faults[1].frame.payload_len);
  CHECK_SIZE((size_t)faults[0].message_size, (size_t)faults[1].message_size);
  wsuv_endpoint_traffic(octets.ep, &traffic[0], &traffic[1], &drops[0]);
  wsuv_endpoint_traffic(whole.ep, &traffic[2], &traffic[3], &drops[1]);
  CHECK_BYTES(&traffic[0], sizeof traffic[0], &traffic[2], sizeof traffic[2]);
  CHECK_SIZE((size_t)traffic[1].text, (size_t)traffic[3].text);
  CHECK_SIZE((size_t)traffic[1].text_octets, (size_t)traffic[3].text_octets);
  CHECK_SIZE((size_t)traffic[1].binary, (size_t)traffic[3].binary);
  CHECK_SIZE((size_t)traffic[1].binary_octets, (size_t)traffic[3].binary_octets);
  if (whole.pause_at == 0) /* else Pings are answered ahead of what is held */
    CHECK_BYTES(octets.sent, octets.nsent, whole.sent, whole.nsent);
}

static void compare_streams(wsuv_role_t role, int pause_at, int close_at) {
  uint32_t round;

  for (round = 0; round < 150; round++) {
    int n = 40;
    seed = round;
    for (stream_len = 0; n > 0; n--)
      add_something(role);
    whole.pause_at = octets.pause_at = pause_at;
    whole.close_at = octets.close_at = close_at;
    set_up(&whole, role);
    set_up(&octets, role);
    run_whole();
    run_octets();
    compare();
    wsuv_endpoint_free(whole.ep);
    wsuv_endpoint_free(octets.ep);
  }
}

static void a_server_in_one_piece_and_octet_by_octet(void **state) {
  (void)state;
  compare_streams(WSUV_SERVER, 0, 0);
}

static void a_client_in_one_piece_and_octet_by_octet(void **state) {
  (void)state;
  compare_streams(WSUV_CLIENT, 0, 0);
}

static void a_pause_between_two_messages_of_one_piece(void **state) {
  (void)state;
  compare_streams(WSUV_SERVER, 7, 0);
}

static void a_close_between_two_messages_of_one_piece(void **state) {
  (void)state;
  compare_streams(WSUV_SERVER, 0, 9);
}

/* ---- time ---- */

enum { SLOW_START_MS = 1000, SLOW_WINDOW_MS = 30000 };

static void tell_late(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct side *side = data;

  (void)type;
  (void)payload;
  (void)len;
  if (++side->nmessages == 2)
    wsuv_endpoint_tick(side->ep, SLOW_START_MS + SLOW_WINDOW_MS);
}

static const wsuv_endpoint_handler_t late_handler = {.size = sizeof late_handler,
                                                     .on_message = tell_late};

/* The window of a message that ended is not that of those behind it in the same piece. */
static void run_slow(size_t piece) {
  static const char slow[] = "\x82\4abcd\x82\2ef";
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_CLIENT);
  uint8_t frames[sizeof slow - 1];
  size_t at;

  memset(&whole, 0, sizeof whole);
  memcpy(frames, slow, sizeof frames);
  options.random = next_key;
  options.random_arg = &whole;
  options.min_receive_rate = 1;
  CHECK_ERR(0, wsuv_endpoint_new(&whole.ep, &options, &late_handler, &whole));
  wsuv_endpoint_tick(whole.ep, SLOW_START_MS);
  CHECK_ERR(0, wsuv_endpoint_receive(whole.ep, frames, 3));
  wsuv_endpoint_tick(whole.ep, SLOW_START_MS + SLOW_WINDOW_MS - 1);
  for (at = 3; at < sizeof frames; at += piece)
    CHECK_ERR(0, wsuv_endpoint_receive(whole.ep, frames + at, piece));
  CHECK_INT(2, whole.nmessages);
  wsuv_endpoint_free(whole.ep);
}

static void time_told_behind_a_slow_message(void **state) {
  (void)state;
  run_slow(1);
  run_slow(7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_server_in_one_piece_and_octet_by_octet),
      cmocka_unit_test(a_client_in_one_piece_and_octet_by_octet),
      cmocka_unit_test(a_pause_between_two_messages_of_one_piece),
      cmocka_unit_test(a_close_between_two_messages_of_one_piece),
      cmocka_unit_test(time_told_behind_a_slow_message),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
