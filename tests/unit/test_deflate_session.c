/* Messages over permessage-deflate, endpoint to endpoint: what is compressed, what that does to messages, and its limits. */
#include "deflate/session.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/deflate_rig.h"
#include "support/failing_alloc.h"
#include "wsuv/handshake.h"

enum { MIB = 1 << 20, BUFFER = 4 * MIB };

struct pair {
  wsuv_deflate_t *deflate;
  struct deflate_side client;
  struct deflate_side server;
};

static void open_with(struct pair *pair, const wsuv_deflate_options_t *options,
                      const struct deflate_side_options *side) {
  struct deflate_deal deal;
  CHECK_ERR(0, wsuv_deflate_new(&pair->deflate, options));
  deflate_rig_agree(pair->deflate, pair->deflate, &deal);
  CHECK_ERR(0, deflate_side_open(&pair->client, WSUV_CLIENT, &deal.client, side));
  CHECK_ERR(0, deflate_side_open(&pair->server, WSUV_SERVER, &deal.server, side));
}

static void close_pair(struct pair *pair) {
  deflate_side_close(&pair->client);
  deflate_side_close(&pair->server);
  wsuv_deflate_free(pair->deflate);
}

static const wsuv_deflate_options_t shared = WSUV_DEFLATE_SHARED_INIT;
static const wsuv_deflate_options_t dedicated = WSUV_DEFLATE_DEDICATED_INIT;

static uint8_t data[BUFFER];

static uint64_t random_state;

static uint32_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)(random_state >> 16);
}

static void fill_with_text(size_t len, uint64_t seed) {
  static const char *const words[] = {"{\"user\":\"",  "alice", "bob",   "\",\"text\":\"", "hello ",
                                      "w\xc3\xb6rld ", "\"},",  "12345", "true",           "null"};
  size_t at = 0;
  random_state = seed + 88172645463325252u;
  while (at < len) {
    const char *word = words[next_random() % 10];
    size_t n = strlen(word);
    if (n > len - at) {
      memset(data + at, ' ', len - at);
      return;
    }
    memcpy(data + at, word, n);
    at += n;
  }
}

static void fill_randomly(size_t len) {
  size_t i;
  random_state = 88172645463325252u;
  for (i = 0; i < len; i++)
    data[i] = (uint8_t)next_random();
}

static void check_message(const struct deflate_side *side, int n, size_t len) {
  CHECK_INT(n, side->nmessages);
  CHECK_BYTES(data, len, side->seen, side->nseen);
}

/* The first octet of what a server sends for this message. */
static int first_octet(struct pair *pair, size_t len, int flags) {
  size_t n;
  uint8_t *octets;
  int first;
  CHECK_ERR(0, wsuv_endpoint_send_message(pair->server.ep, WSUV_BINARY, data, len, flags));
  octets = deflate_rig_take(&pair->server, &n);
  CHECK_ERR(0, deflate_rig_receive(&pair->client, octets, n));
  CHECK_BYTES(data, len, pair->client.seen, pair->client.nseen);
  first = octets[0];
  free(octets);
  return first;
}

/* ---- there and back ---- */

/* Any takeover, any windows, any cuts, compressed and not, in both directions at once.
 * covers: D014 D015 D016 D032 D036 D054 D013 PMD.3 PMD.15 PMS.1 PMS.2 */
static void run_model(wsuv_deflate_options_t options, uint64_t seed) {
  struct pair pair;
  int i;
  open_with(&pair, &options, NULL);
  for (i = 0; i < 60; i++) {
    size_t len = next_random() % (i % 10 == 0 ? 70000 : 2000);
    int from_client = (int)(next_random() & 1);
    int flags = next_random() % 4 == 0 ? WSUV_SEND_NO_COMPRESS : 0;
    size_t chunk = next_random() % 3 == 0 ? 1 + next_random() % 3000 : 0;
    size_t step = next_random() % 3 == 0 ? 1 + next_random() % 300 : 0;
    struct deflate_side *from = from_client ? &pair.client : &pair.server;
    struct deflate_side *to = from_client ? &pair.server : &pair.client;
    uint64_t kept = random_state;
    size_t at = 0;
    fill_with_text(len, seed + (uint64_t)(i % 7));
    random_state = kept;
    if (chunk == 0) {
      CHECK_ERR(0, wsuv_endpoint_send_message(from->ep, WSUV_BINARY, data, len, flags));
    } else {
      CHECK_ERR(0, wsuv_endpoint_send_begin(from->ep, WSUV_BINARY, flags));
      for (; len - at > chunk; at += chunk)
        CHECK_ERR(0, wsuv_endpoint_send_chunk(from->ep, data + at, chunk,
                                              next_random() & 1 ? WSUV_SEND_FLUSH : 0));
      CHECK_ERR(0, wsuv_endpoint_send_end(from->ep, data + at, len - at));
    }
    CHECK_ERR(0, deflate_rig_move(from, to, step));
    CHECK_BYTES(data, len, to->seen, to->nseen);
  }
  close_pair(&pair);
}

static void messages_arrive_as_they_were(void **state) {
  static const int windows[] = {0, 8, 9, 12, 15};
  unsigned i;
  (void)state;
  random_state = 4711;
  for (i = 0; i < 100; i++) {
    wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
    options.params.deflate_no_context_takeover = i & 1;
    options.params.inflate_no_context_takeover = i >> 1 & 1;
    options.params.deflate_max_window_bits = windows[i / 4 % 5];
    options.params.inflate_max_window_bits = windows[i / 20];
    options.threshold = i % 3 == 0 ? WSUV_OFF : 0;
    options.mem_level = 1 + (int)(i % 9);
    options.level = 1 + (int)(i % 9);
    options.strategy = (int)(i % 5);
    run_model(options, i);
  }
}

/* covers: D065 */
static void a_relay_keeps_the_parameters_of_each_side(void **state) {
  wsuv_deflate_options_t small = WSUV_DEFLATE_DEDICATED_INIT;
  struct pair left;
  struct pair right;
  int i;
  (void)state;
  small.params.deflate_max_window_bits = 9;
  small.params.inflate_max_window_bits = 9;
  small.params.deflate_no_context_takeover = 1;
  open_with(&left, &dedicated, NULL);
  open_with(&right, &small, NULL);
  for (i = 1; i <= 20; i++) {
    fill_with_text(3000, (uint64_t)(i % 3));
    CHECK_ERR(0, wsuv_endpoint_send(left.client.ep, WSUV_BINARY, data, 3000));
    CHECK_ERR(0, deflate_rig_move(&left.client, &left.server, 100));
    CHECK_ERR(
        0, wsuv_endpoint_send(right.client.ep, WSUV_BINARY, left.server.seen, left.server.nseen));
    CHECK_ERR(0, deflate_rig_move(&right.client, &right.server, 100));
    check_message(&right.server, i, 3000);
  }
  close_pair(&left);
  close_pair(&right);
}

/* ---- at rest ---- */

/* Counts that fit into what is kept are the same afterwards. */
static void what_is_kept_has_an_end(void **state) {
  struct wsuv__deflate_session session = {.deflate_bits = 12, .inflate_bits = 15};
  struct wsuv__deflate_session other = {.deflate_bits = 15, .inflate_bits = 12};
  wsuv_deflate_stats_t stats = {UINT32_MAX, 3, 2, 1};
  uint8_t kept[WSUV_FOLD_MAX];
  (void)state;
  CHECK_NOT_NULL(wsuv__deflate_fold(&session, NULL));
  CHECK_TRUE(wsuv__deflate_fold(&session, NULL) != wsuv__deflate_fold(&other, NULL));
  session.stats = stats;
  CHECK_PTR(NULL, wsuv__deflate_fold(&session, NULL));
  CHECK_PTR(wsuv__deflate_fold(&session, kept), wsuv__deflate_fold(&session, kept));
  wsuv__deflate_restore(&other, kept);
  CHECK_BYTES(&stats, sizeof stats, &other.stats, sizeof other.stats);
  wsuv__deflate_restore(&other, NULL);
  CHECK_SIZE(0, other.stats.sent_octets);
  session.stats.sent_octets++;
  CHECK_PTR(NULL, wsuv__deflate_fold(&session, kept));
}

/* ---- what is compressed ---- */

/* covers: D064 PMD.15 PMD.2 */
static void a_message_may_be_left_alone(void **state) {
  struct pair pair;
  wsuv_deflate_stats_t stats;
  (void)state;
  fill_with_text(1000, 1);
  open_with(&pair, &shared, NULL);
  CHECK_INT(0xc2, first_octet(&pair, 1000, 0));
  CHECK_INT(0x82, first_octet(&pair, 1000, WSUV_SEND_NO_COMPRESS));
  CHECK_INT(0x82, first_octet(&pair, 63, 0));
  CHECK_INT(0x82, first_octet(&pair, 0, 0));
  CHECK_ERR(WSUV_EINVAL,
            wsuv_endpoint_send_message(pair.server.ep, WSUV_TEXT, "x", 1, WSUV_SEND_FLUSH));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send_begin(pair.server.ep, WSUV_TEXT, WSUV_SEND_FLUSH));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send_begin(pair.server.ep, WSUV_TEXT, 64));
  CHECK_ERR(0, wsuv_deflate_stats(&pair.server.negotiated, &stats));
  CHECK_SIZE(1000, stats.sent_octets);
  CHECK_TRUE(stats.sent_compressed_octets > 0 && stats.sent_compressed_octets < 500);
  CHECK_ERR(0, wsuv_deflate_stats(&pair.client.negotiated, &stats));
  CHECK_SIZE(1000, stats.received_octets);
  close_pair(&pair);
}

static void the_threshold_is_an_option(void **state) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_SHARED_INIT;
  struct pair pair;
  (void)state;
  fill_with_text(1000, 1);
  options.threshold = 200;
  open_with(&pair, &options, NULL);
  CHECK_INT(0x82, first_octet(&pair, 199, 0));
  CHECK_INT(0xc2, first_octet(&pair, 200, 0));
  close_pair(&pair);
  options.threshold = WSUV_OFF;
  open_with(&pair, &options, NULL);
  CHECK_INT(0xc2, first_octet(&pair, 0, 0));
  CHECK_INT(0xc2, first_octet(&pair, 1, 0));
  close_pair(&pair);
  open_with(&pair, &dedicated, NULL);
  CHECK_INT(0x82, first_octet(&pair, 15, 0));
  CHECK_INT(0xc2, first_octet(&pair, 16, 0));
  close_pair(&pair);
}

static void what_looks_compressed_is_left_alone(void **state) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  struct pair pair;
  (void)state;
  fill_randomly(5000);
  open_with(&pair, &options, NULL);
  CHECK_INT(0x82, first_octet(&pair, 5000, 0));
  close_pair(&pair);
  options.no_probe = 1;
  open_with(&pair, &options, NULL);
  CHECK_INT(0xc2, first_octet(&pair, 5000, 0));
  close_pair(&pair);
}

/* Without a context to keep, nothing is lost by not having compressed it. */
static void what_comes_out_no_smaller_is_sent_as_it_was(void **state) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_SHARED_INIT;
  wsuv_deflate_stats_t stats;
  struct pair pair;
  (void)state;
  fill_randomly(100000);
  options.no_probe = 1;
  open_with(&pair, &options, NULL);
  CHECK_INT(0x82, first_octet(&pair, 100, 0));
  CHECK_INT(0x82, first_octet(&pair, 300, 0));
  CHECK_INT(0x82, first_octet(&pair, 100000, 0));
  CHECK_ERR(0, wsuv_deflate_stats(&pair.server.negotiated, &stats));
  CHECK_SIZE(0, stats.sent_octets);
  fill_with_text(1000, 1);
  CHECK_INT(0xc2, first_octet(&pair, 1000, 0)); /* the context is clean */
  close_pair(&pair);
}

/* covers: D008 PMD.16 */
static void control_frames_are_never_compressed(void **state) {
  struct pair pair;
  size_t len;
  uint8_t *octets;
  (void)state;
  fill_with_text(125, 1);
  open_with(&pair, &shared, NULL);
  CHECK_ERR(0, wsuv_endpoint_ping(pair.server.ep, data, 125));
  CHECK_ERR(0, wsuv_endpoint_pong(pair.server.ep, data, 125));
  CHECK_ERR(
      0, wsuv_endpoint_close(pair.server.ep, 1000, (const char *)"aaaaaaaaaaaaaaaaaaaaaaaaa", 25));
  octets = deflate_rig_take(&pair.server, &len);
  CHECK_SIZE(127 + 127 + 29, len);
  CHECK_TRUE(octets[0] < 0x90 && octets[127] < 0x90 && octets[254] == 0x88);
  free(octets);
  close_pair(&pair);
}

/* ---- streams ---- */

static wsuv_frame_header_t header_at(const uint8_t *octets, size_t len, size_t *at) {
  wsuv_frame_header_t header;
  int n = wsuv_frame_header_decode(&header, octets + *at, len - *at);
  CHECK_TRUE(n > 0);
  *at += (size_t)n + (size_t)header.payload_len;
  return header;
}

/* covers: D009 PMS.1 PMS.2 PMS.3 PMS.6 PMS.7 */
static void chunks_are_held_back_until_flushed(void **state) {
  wsuv_frame_header_t header;
  struct pair pair;
  uint8_t *octets;
  size_t at = 0;
  size_t len;
  (void)state;
  open_with(&pair, &dedicated, NULL);
  CHECK_ERR(0, wsuv_endpoint_send_begin(pair.server.ep, WSUV_TEXT, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(pair.server.ep, "one", 3, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(pair.server.ep, "", 0, 0));
  CHECK_SIZE(0, wsuv_endpoint_queued(pair.server.ep));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(pair.server.ep, "two", 3, WSUV_SEND_FLUSH));
  octets = deflate_rig_take(&pair.server, &len);
  header = header_at(octets, len, &at);
  CHECK_SIZE(len, at);
  CHECK_TRUE(!header.fin && header.rsv == 4 && header.opcode == WSUV_TEXT);
  CHECK_ERR(0, deflate_rig_receive(&pair.client, octets, len));
  free(octets);
  CHECK_ERR(0, wsuv_endpoint_ping(pair.server.ep, "p", 1));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(pair.server.ep, "three", 5, 0));
  CHECK_ERR(0, wsuv_endpoint_send_end(pair.server.ep, NULL, 0));
  octets = deflate_rig_take(&pair.server, &len);
  at = 3;
  header = header_at(octets, len, &at);
  CHECK_SIZE(len, at);
  CHECK_TRUE(header.fin && header.rsv == 0 && header.opcode == WSUV_CONTINUATION);
  CHECK_ERR(0, deflate_rig_receive(&pair.client, octets, len));
  CHECK_BYTES("onetwothree", 11, pair.client.seen, pair.client.nseen);
  free(octets);
  close_pair(&pair);
}

/* covers: PMS.4 PMS.5 */
static void a_stream_is_alone(void **state) {
  struct pair pair;
  (void)state;
  open_with(&pair, &dedicated, NULL);
  CHECK_ERR(0, wsuv_endpoint_unfinished(pair.server.ep));
  CHECK_ERR(0, wsuv_endpoint_send_begin(pair.server.ep, WSUV_TEXT, 0));
  CHECK_ERR(WSUV_EUNFINISHED, wsuv_endpoint_unfinished(pair.server.ep));
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send_begin(pair.server.ep, WSUV_TEXT, 0));
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send(pair.server.ep, WSUV_TEXT, "x", 1));
  CHECK_ERR(0, wsuv_endpoint_send_end(pair.server.ep, "x", 1));
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send_end(pair.server.ep, "x", 1));
  CHECK_ERR(0, wsuv_endpoint_unfinished(pair.server.ep));
  CHECK_ERR(0, wsuv_endpoint_send(pair.server.ep, WSUV_TEXT, "x", 1));
  close_pair(&pair);
}

/* covers: PMD.18 CORE.8 */
static void pieces_come_as_they_arrive(void **state) {
  static const struct deflate_side_options fragments = {NULL, 0, 1};
  struct pair pair;
  (void)state;
  fill_with_text(3 * MIB, 3);
  open_with(&pair, &dedicated, &fragments);
  CHECK_ERR(0, wsuv_endpoint_send(pair.server.ep, WSUV_BINARY, data, 3 * MIB));
  CHECK_ERR(0, deflate_rig_move(&pair.server, &pair.client, 500));
  check_message(&pair.client, 1, 3 * MIB);
  CHECK_TRUE(pair.client.npieces > 100);
  close_pair(&pair);
}

/* ---- limits ---- */

static struct deflate_side_options limited = {NULL, 0, 0};

/* covers: D018 PMD.13 */
static void the_limit_is_on_what_comes_out(void **state) {
  size_t size;
  (void)state;
  for (size = 0; size <= 70000; size += size < 10 ? 1 : 34995) {
    size_t len = size > 0 ? size : 1;
    size_t over;
    for (over = 0; over <= 1; over++) {
      wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
      struct pair pair;
      limited.max_message_size = (int64_t)len;
      options.threshold = WSUV_OFF;
      options.no_probe = 1;
      open_with(&pair, &options, &limited);
      fill_with_text(len + over, size);
      CHECK_ERR(0, wsuv_endpoint_send(pair.server.ep, WSUV_BINARY, data, len + over));
      CHECK_ERR(over ? WSUV_EMSGSIZE : 0, deflate_rig_move(&pair.server, &pair.client, 100));
      CHECK_INT(!over, pair.client.nmessages);
      close_pair(&pair);
    }
  }
}

static int send_zeros(const wsuv_deflate_options_t *options, size_t len) {
  struct pair pair;
  int err;
  memset(data, 0, len);
  open_with(&pair, options, NULL);
  CHECK_ERR(0, wsuv_endpoint_send(pair.server.ep, WSUV_BINARY, data, len));
  err = deflate_rig_move(&pair.server, &pair.client, 1000);
  CHECK_INT(err == 0, pair.client.nmessages);
  close_pair(&pair);
  return err;
}

static void the_ratio_has_a_limit(void **state) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  (void)state;
  CHECK_ERR(0, send_zeros(&options, MIB));
  CHECK_ERR(WSUV_ERATIO, send_zeros(&options, 2 * MIB));
  CHECK_INT(1009, wsuv_err_close_code(WSUV_ERATIO));
  options.max_ratio = WSUV_OFF;
  CHECK_ERR(0, send_zeros(&options, 2 * MIB));
  options.max_ratio = 2000;
  CHECK_ERR(0, send_zeros(&options, 2 * MIB));
}

/* A compressed message of which only `row` is repeated, without end. The octets until the client has had enough. */
static size_t endless(const uint8_t *row, size_t len, int *err) {
  static const struct deflate_side_options fragments = {NULL, 0, 1};
  static const uint8_t header[] = {0xc2, 127, 0, 0, 0, 1, 0, 0, 0, 0};
  struct pair pair;
  size_t sent = 0;
  open_with(&pair, &dedicated, &fragments);
  CHECK_ERR(0, deflate_rig_receive(&pair.client, header, sizeof header));
  do {
    *err = deflate_rig_receive(&pair.client, row, len);
    sent += len;
  } while (*err == 0 && sent < 8 * (size_t)MIB);
  CHECK_SIZE(0, pair.client.nseen);
  close_pair(&pair);
  return sent;
}

static void empty_blocks_come_to_an_end(void **state) {
  static const uint8_t stored[] = {0, 0, 0, 0xff, 0xff};
  static const uint8_t final[] = {3, 0};
  int err;
  (void)state;
  CHECK_TRUE(endless(stored, sizeof stored, &err) < 70000);
  CHECK_ERR(WSUV_ERATIO, err);
  CHECK_TRUE(endless(final, sizeof final, &err) < 70000);
  CHECK_ERR(WSUV_ERATIO, err);
}

/* Who flushes behind every octet is no attacker. */
static void much_flushing_is_allowed(void **state) {
  struct pair pair;
  size_t i;
  (void)state;
  fill_with_text(100000, 5);
  open_with(&pair, &dedicated, NULL);
  CHECK_ERR(0, wsuv_endpoint_send_begin(pair.server.ep, WSUV_BINARY, 0));
  for (i = 0; i < 100000; i++)
    CHECK_ERR(0, wsuv_endpoint_send_chunk(pair.server.ep, data + i, 1, WSUV_SEND_FLUSH));
  CHECK_ERR(0, wsuv_endpoint_send_end(pair.server.ep, NULL, 0));
  CHECK_ERR(0, deflate_rig_move(&pair.server, &pair.client, 0));
  check_message(&pair.client, 1, 100000);
  close_pair(&pair);
}

/* covers: D017 */
static void text_is_what_comes_out(void **state) {
  static const uint8_t cut[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xe2\x82";
  struct pair pair;
  size_t len;
  uint8_t *octets;
  (void)state;
  open_with(&pair, &dedicated, NULL);
  CHECK_ERR(0, wsuv_endpoint_send(pair.server.ep, WSUV_BINARY, cut, sizeof cut - 1));
  octets = deflate_rig_take(&pair.server, &len);
  octets[0] = 0xc1;
  CHECK_ERR(WSUV_EENCODING, deflate_rig_receive(&pair.client, octets, len));
  free(octets);
  close_pair(&pair);
}

/* covers: D010 D011 D012 PER.17 */
static void reserved_bit_1_stands_on_first_frames_only(void **state) {
  static const struct {
    uint8_t octets[8];
    size_t len;
    int err;
  } cases[] = {
      {{0xc9, 0}, 2, WSUV_ERSV},          {{0xca, 0}, 2, WSUV_ERSV},
      {{0xc8, 0}, 2, WSUV_ERSV},          {{0x41, 0, 0xc0, 0}, 4, WSUV_ERSV},
      {{0x01, 0, 0xc0, 0}, 4, WSUV_ERSV}, {{0x01, 0, 0x40, 0}, 4, WSUV_ERSV},
      {{0xe1, 0}, 2, WSUV_ERSV},          {{0xc1, 0}, 2, 0},
      {{0x41, 0, 0x80, 0}, 4, 0},
  };
  size_t i;
  (void)state;
  for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct pair pair;
    open_with(&pair, &dedicated, NULL);
    CHECK_ERR(cases[i].err, deflate_rig_receive(&pair.client, cases[i].octets, cases[i].len));
    close_pair(&pair);
  }
}

/* covers: D020 PMD.9 */
static void a_window_of_eight_is_agreed_on_and_kept(void **state) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_deflate_params_t params;
  struct pair pair;
  int i;
  (void)state;
  options.params.deflate_max_window_bits = 8;
  options.params.inflate_max_window_bits = 8;
  open_with(&pair, &options, NULL);
  CHECK_ERR(0, wsuv_deflate_params(&pair.server.negotiated, &params));
  CHECK_INT(8, params.deflate_max_window_bits);
  CHECK_INT(8, params.inflate_max_window_bits);
  for (i = 1; i <= 20; i++) {
    fill_with_text(5000, (uint64_t)i);
    CHECK_ERR(0, wsuv_endpoint_send(pair.server.ep, WSUV_BINARY, data, 5000));
    CHECK_ERR(0, deflate_rig_move(&pair.server, &pair.client, 0));
    check_message(&pair.client, i, 5000);
  }
  close_pair(&pair);
}

/* ---- memory ---- */

static void shared_contexts_are_lent(void **state) {
  enum { N = 40 };
  static struct pair pairs[N];
  wsuv_deflate_t *deflate;
  size_t after_one = 0;
  int i;
  (void)state;
  fill_with_text(1000, 1);
  CHECK_ERR(0, wsuv_deflate_new(&deflate, &shared));
  for (i = 0; i < N; i++) {
    struct deflate_deal deal;
    deflate_rig_agree(deflate, deflate, &deal);
    CHECK_ERR(0, deflate_side_open(&pairs[i].client, WSUV_CLIENT, &deal.client, NULL));
    CHECK_ERR(0, deflate_side_open(&pairs[i].server, WSUV_SERVER, &deal.server, NULL));
    CHECK_ERR(0, wsuv_endpoint_send(pairs[i].server.ep, WSUV_BINARY, data, 1000));
    CHECK_ERR(0, deflate_rig_move(&pairs[i].server, &pairs[i].client, 0));
    if (i == 0)
      after_one = wsuv_deflate_memory(deflate);
  }
  CHECK_SIZE(after_one, wsuv_deflate_memory(deflate));
  for (i = 0; i < N; i++) {
    deflate_side_close(&pairs[i].client);
    deflate_side_close(&pairs[i].server);
  }
  CHECK_SIZE(after_one, wsuv_deflate_memory(deflate));
  wsuv_deflate_free(deflate);
}

static void over_the_limit_messages_go_uncompressed(void **state) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_deflate_options_t peer = WSUV_DEFLATE_DEDICATED_INIT;
  struct deflate_side client;
  struct deflate_side server;
  struct deflate_deal deal;
  wsuv_deflate_t *ours;
  wsuv_deflate_t *theirs;
  (void)state;
  options.max_memory = 1;
  CHECK_ERR(0, wsuv_deflate_new(&ours, &options));
  CHECK_ERR(0, wsuv_deflate_new(&theirs, &peer));
  deflate_rig_agree(theirs, ours, &deal);
  CHECK_ERR(0, deflate_side_open(&client, WSUV_CLIENT, &deal.client, NULL));
  CHECK_ERR(0, deflate_side_open(&server, WSUV_SERVER, &deal.server, NULL));
  fill_with_text(1000, 1);
  CHECK_ERR(0, wsuv_endpoint_send(server.ep, WSUV_BINARY, data, 1000)); /* takes the first */
  CHECK_TRUE(wsuv_endpoint_queued(server.ep) < 500);
  CHECK_ERR(0, deflate_rig_move(&server, &client, 0));
  CHECK_ERR(0, wsuv_endpoint_send(client.ep, WSUV_BINARY, data, 1000));
  CHECK_ERR(WSUV_ENOMEM, deflate_rig_move(&client, &server, 0));
  deflate_side_close(&client);
  deflate_side_close(&server);
  deflate_rig_agree(theirs, ours, &deal);
  deflate_rig_end(&deal.client);
  CHECK_ERR(0, deflate_side_open(&server, WSUV_SERVER, &deal.server, NULL));
  CHECK_ERR(0, wsuv_endpoint_send(server.ep, WSUV_BINARY, data, 1000)); /* from the pool */
  CHECK_TRUE(wsuv_endpoint_queued(server.ep) < 500);
  deflate_side_close(&server);
  wsuv_deflate_free(ours);
  wsuv_deflate_free(theirs);
}

static int exchange(const wsuv_deflate_options_t *options, const wsuv_allocator_t *a) {
  const struct deflate_side_options side = {a, 0, 0};
  struct deflate_deal deal;
  struct deflate_side client;
  struct deflate_side server = {.ep = NULL};
  wsuv_deflate_t *deflate;
  int i;
  int err = wsuv_deflate_new(&deflate, options);
  if (err != 0)
    return err;
  err = deflate_rig_accept(deflate,
                           options->params.deflate_no_context_takeover
                               ? "permessage-deflate; server_no_context_takeover"
                               : "permessage-deflate",
                           &deal.client);
  if (err == 0)
    err = deflate_side_open(&client, WSUV_CLIENT, &deal.client, &side);
  if (err == 0) {
    err = deflate_rig_accept(deflate, "permessage-deflate", &deal.server);
    if (err == 0)
      err = deflate_side_open(&server, WSUV_SERVER, &deal.server, &side);
    for (i = 0; i < 2 && err == 0; i++) {
      err = wsuv_endpoint_send(server.ep, WSUV_BINARY, data, 40000);
      if (err == 0)
        err = deflate_rig_move(&server, &client, 3000);
      if (err == 0)
        CHECK_BYTES(data, 40000, client.seen, client.nseen);
    }
    if (server.ep != NULL)
      deflate_side_close(&server);
    deflate_side_close(&client);
  }
  wsuv_deflate_free(deflate);
  return err;
}

/* Where there is no memory for a compressor the message goes as it is; all else is an error like any other. */
static void every_allocation_may_fail(void **state) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  struct failing_alloc fa;
  size_t n;
  int takeover;
  (void)state;
  fill_with_text(40000, 1);
  for (takeover = 0; takeover <= 1; takeover++)
    for (n = 1;; n++) {
      int err;
      failing_alloc_init(&fa);
      failing_alloc_fail_once(&fa, n);
      options.allocator = &fa.allocator;
      options.params.deflate_no_context_takeover = takeover;
      err = exchange(&options, &fa.allocator);
      failing_alloc_check_no_leaks(&fa);
      if (!failing_alloc_has_failed(&fa)) {
        CHECK_ERR(0, err);
        break;
      }
      if (err != 0)
        CHECK_ERR(WSUV_ENOMEM, err);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_arrive_as_they_were),
      cmocka_unit_test(a_relay_keeps_the_parameters_of_each_side),
      cmocka_unit_test(what_is_kept_has_an_end),
      cmocka_unit_test(a_message_may_be_left_alone),
      cmocka_unit_test(the_threshold_is_an_option),
      cmocka_unit_test(what_looks_compressed_is_left_alone),
      cmocka_unit_test(what_comes_out_no_smaller_is_sent_as_it_was),
      cmocka_unit_test(control_frames_are_never_compressed),
      cmocka_unit_test(chunks_are_held_back_until_flushed),
      cmocka_unit_test(a_stream_is_alone),
      cmocka_unit_test(pieces_come_as_they_arrive),
      cmocka_unit_test(the_limit_is_on_what_comes_out),
      cmocka_unit_test(the_ratio_has_a_limit),
      cmocka_unit_test(empty_blocks_come_to_an_end),
      cmocka_unit_test(much_flushing_is_allowed),
      cmocka_unit_test(text_is_what_comes_out),
      cmocka_unit_test(reserved_bit_1_stands_on_first_frames_only),
      cmocka_unit_test(a_window_of_eight_is_agreed_on_and_kept),
      cmocka_unit_test(shared_contexts_are_lent),
      cmocka_unit_test(over_the_limit_messages_go_uncompressed),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("deflate session", tests, NULL, NULL);
}
