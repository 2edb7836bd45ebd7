/* permessage-deflate over real sockets: what a peer may send, and what a hostile one cannot do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/deflate_wire.h"

/* ---- what a peer may send ---- */

/* RFC 7692 7.2.3, and plain messages between compressed ones. covers: D015 D016 D053 D057 D058 D059 D060 D061 D062 PMD.7
 * PMD.8 PMD.10 PMD.15 */
static void run_received(wsuv_role_t role) {
  struct wire w;
  size_t i;

  wire_begin(&w, role, &dedicated);
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello));
  expect_heard(&w, 1, "Hello");
  CHECK_INT(RSV1, w.us->rsv);
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello_again));
  expect_heard(&w, 2, "Hello");
  peer_frame(&w, WSUV_TEXT, 0, 1, OCTETS("plain"));
  expect_heard(&w, 3, "plain");
  CHECK_INT(0, w.us->rsv);
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"));
  expect_heard(&w, 4, "Hello");
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"));
  expect_heard(&w, 5, "Hello");
  peer_frame(&w, WSUV_TEXT, RSV1, 1,
             OCTETS("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"));
  expect_heard(&w, 6, "Hello");
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS("\x00"));
  expect_heard(&w, 7, "");
  peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(""));
  expect_heard(&w, 8, "");
  for (i = 0; i < 7; i++) { /* a fragment for each octet */
    peer_frame(&w, i == 0 ? WSUV_TEXT : WSUV_CONTINUATION, i == 0 ? RSV1 : 0, i == 6, hello + i, 1);
    if (i < 6)
      peer_frame(&w, WSUV_PING, 0, 1, "p", 1);
  }
  expect_heard(&w, 9, "Hello");
  CHECK_SIZE(6, w.us->n[EV_PING]);
  peer_frame(&w, WSUV_TEXT, 0, 0, OCTETS("pl"));
  peer_frame(&w, WSUV_CONTINUATION, 0, 1, OCTETS("ain"));
  expect_heard(&w, 10, "plain");
  CHECK_SIZE(8 * 5, stats_of(w.us).received_octets + 10);
  wire_close(&w);
}

static void both_kinds_are_received(void **state) {
  (void)state;
  run_received(WSUV_SERVER);
  run_received(WSUV_CLIENT);
}

/* Without context takeover no message can refer to what came before it, not even where both were decompressed by the same
 * context: it may have been somebody else's. covers: PMD.12 */
static void nothing_is_left_of_an_earlier_message(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < 2; i++) {
    struct setup setup = {.role = roles[i], .deflate = &shared};
    struct wire w = {.act = NULL};
    if (roles[i] == WSUV_CLIENT)
      setup.element = "permessage-deflate; server_no_context_takeover";
    wire_open(&w, &setup);
    peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello));
    expect_heard(&w, 1, "Hello");
    peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello_again));
    raw_expect_close(w.peer, 1007);
    CHECK_SIZE(1, w.us->n[EV_MESSAGE]);
    wire_close(&w);
  }
}

/* ---- what a hostile peer sends ---- */

static void send_8_mib(struct wire *w) {
  static const uint8_t zeros[8 * MIB];
  peer_frame(w, WSUV_BINARY, RSV1, 1, wire_room,
             pack(wire_room, sizeof wire_room, zeros, sizeof zeros, CODEC_FINISH));
}

/* 1 MiB that becomes 1 GiB: a stream may be repeated behind its flush. */
static void send_1_gib(struct wire *w) {
  static const uint8_t zeros[MIB];
  size_t unit = pack(wire_room, sizeof wire_room, zeros, sizeof zeros, CODEC_FLUSH);
  uint8_t *all = malloc(1024 * unit);
  size_t i;

  CHECK_NOT_NULL(all);
  for (i = 0; i < 1024; i++)
    memcpy(all + i * unit, wire_room, unit);
  peer_frame(w, WSUV_BINARY, RSV1, 1, all, 1024 * unit - 4);
  free(all);
}

/* In fragments without an end. */
static void send_empty_blocks(struct wire *w) {
  size_t i;

  for (i = 0; i < 100000; i += 5)
    memcpy(wire_room + i, "\x00\x00\x00\xff\xff", 5);
  peer_frame(w, WSUV_BINARY, RSV1, 0, wire_room, 50000);
  peer_frame(w, WSUV_CONTINUATION, 0, 0, wire_room + 50000, 50000);
}

static void send_block_type_3(struct wire *w) {
  peer_frame(w, WSUV_BINARY, RSV1, 1, OCTETS("\x07\x00\x00"));
}

static void send_cut_stream(struct wire *w) {
  fill_text(wire_payload, 1000);
  peer_frame(w, WSUV_TEXT, RSV1, 1, wire_room,
             pack(wire_room, sizeof wire_room, wire_payload, 1000, CODEC_FINISH) / 2);
}

static void send_far_distance(struct wire *w) {
  peer_frame(w, WSUV_TEXT, RSV1, 1, OCTETS(hello_again)); /* nothing came before */
}

/* The second fragment is wrong. */
static void send_late_fault(struct wire *w) {
  size_t n;
  fill_text(wire_payload, 1000);
  n = pack(wire_room, sizeof wire_room, wire_payload, 1000, CODEC_FLUSH);
  peer_frame(w, WSUV_TEXT, RSV1, 0, wire_room, n);
  peer_frame(w, WSUV_CONTINUATION, 0, 1, OCTETS("\x07"));
}

static void send_bad_text(struct wire *w) {
  peer_frame(w, WSUV_TEXT, RSV1, 1, wire_room,
             pack(wire_room, sizeof wire_room, "ab\xc3\x28", 4, CODEC_FINISH));
}

static void send_marked_continuation(struct wire *w) {
  peer_frame(w, WSUV_TEXT, RSV1, 0, hello, 3);
  peer_frame(w, WSUV_CONTINUATION, RSV1, 1, hello + 3, 4);
}

static void send_marked_continuation_of_plain(struct wire *w) {
  peer_frame(w, WSUV_TEXT, 0, 0, OCTETS("pl"));
  peer_frame(w, WSUV_CONTINUATION, RSV1, 1, OCTETS("ain"));
}

static void send_marked_ping(struct wire *w) {
  peer_frame(w, WSUV_PING, RSV1, 1, "p", 1);
}

static void send_rsv2(struct wire *w) {
  peer_frame(w, WSUV_TEXT, RSV1 | 2, 1, OCTETS(hello));
}

struct attack {
  const char *name;
  void (*send)(struct wire *w);
  int64_t max_message_size;
  int64_t max_ratio;
  size_t most; /* octets that pieces may bring */
  int code;
  int error;
};

static const struct attack attacks[] = {
    {"a bomb, message size", send_8_mib, 65536, 0, 65536, 1009, WSUV_EMSGSIZE},
    {"a bomb, small size", send_8_mib, 100, 0, 100, 1009, WSUV_EMSGSIZE},
    {"a bomb, ratio", send_8_mib, 0, 0, MIB + 65536, 1009, WSUV_ERATIO},
    {"a bomb, large ratio", send_8_mib, 0, 1000, MIB + 65536, 1009, WSUV_ERATIO},
    {"a bomb of 1 GiB", send_1_gib, 0, 0, MIB + 65536, 1009, WSUV_ERATIO},
    {"a bomb of 1 GiB, size only", send_1_gib, 4 * MIB, WSUV_OFF, 4 * MIB, 1009, WSUV_EMSGSIZE},
    {"endless empty blocks", send_empty_blocks, 0, 0, 0, 1009, WSUV_ERATIO},
    {"endless empty blocks, any ratio", send_empty_blocks, 0, WSUV_OFF, 0, 1009, WSUV_ERATIO},
    {"a block of type 3", send_block_type_3, 0, 0, 0, 1007, WSUV_EPAYLOAD},
    {"a stream that stops short", send_cut_stream, 0, 0, 1000, 1007, WSUV_EPAYLOAD},
    {"a distance too far", send_far_distance, 0, 0, 1, 1007, WSUV_EPAYLOAD},
    {"a fault in the second fragment", send_late_fault, 0, 0, 1000, 1007, WSUV_EPAYLOAD},
    {"text that is none", send_bad_text, 0, 0, 2, 1007, WSUV_EENCODING},
    {"RSV1 on a continuation", send_marked_continuation, 0, 0, 5, 1002, WSUV_ERSV},
    {"RSV1 on a plain continuation", send_marked_continuation_of_plain, 0, 0, 2, 1002, WSUV_ERSV},
    {"RSV1 on a Ping", send_marked_ping, 0, 0, 0, 1002, WSUV_ERSV},
    {"RSV2 beside it", send_rsv2, 0, 0, 0, 1002, WSUV_ERSV},
};

/* A bomb must not become memory: what is kept is a message up to the limit, twice that while its buffer grows. */
static void check_memory(const struct wire *w, size_t before, int64_t limit) {
  size_t kept = limit > MIB ? (size_t)limit : MIB;
  CHECK_TRUE(w->lb.fa.peak_size - before < 3 * kept + MIB);
}

static void play_attack(const struct attack *attack, wsuv_role_t role, int pieces,
                        const wsuv_deflate_options_t *preset) {
  const wsuv_handler_t handler = wire_in_pieces();
  wsuv_deflate_options_t o = *preset;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct setup setup = {.role = role, .deflate = &o, .conn = &conn};
  struct wire w = {.act = NULL};
  size_t before;

  o.max_ratio = attack->max_ratio;
  conn.max_message_size = attack->max_message_size;
  setup.handler = pieces ? &handler : NULL;
  wire_open(&w, &setup);
  before = w.lb.fa.outstanding_size;
  w.lb.fa.peak_size = before;
  attack->send(&w);
  raw_expect_close(w.peer, attack->code);
  raw_close_frame(w.peer, attack->code, NULL);
  raw_end(w.peer);
  RUN_UNTIL(&w.lb, w.us->n[EV_CLOSE] == 1);
  CHECK_ERR(attack->error, w.us->end.error);
  CHECK_INT(attack->code, w.us->end.sent_code);
  CHECK_SIZE(0, w.us->n[EV_MESSAGE]);
  CHECK_INT(0, w.nmessages);
  CHECK_TRUE(w.us->received <= attack->most);
  check_memory(&w, before, attack->max_message_size);
  wire_close(&w);
}

/* covers: D005 D010 D011 D017 D018 D063 PER.17 PMD.11 PMD.13 W205 */
static void run_attack(const void *row) {
  size_t i;

  for (i = 0; i < 8; i++)
    play_attack(row, roles[i & 1], (i & 2) != 0, (i & 4) != 0 ? &shared : &dedicated);
}

/* ---- max_memory ---- */

/* The limit lets the first context be made. */
static void over_the_limit_messages_go_uncompressed(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < 4; i++) {
    wsuv_deflate_options_t o = i < 2 ? dedicated : shared;
    struct wire w;
    o.max_memory = 1;
    wire_begin(&w, roles[i % 2], &o);
    peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello));
    expect_heard(&w, 1, "Hello");
    fill_text(wire_payload, 1000);
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_text(w.us->conn, wire_payload, 1000)));
    expect_message(&w, WSUV_TEXT, 0, wire_payload, 1000);
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_begin(w.us->conn, WSUV_TEXT, 0)));
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_chunk(w.us->conn, "begun", 5, 0)));
    expect_plain_frame(&w, WSUV_TEXT, 0, "begun");
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_end(w.us->conn, "end", 3)));
    expect_plain_frame(&w, WSUV_CONTINUATION, 1, "end");
    CHECK_SIZE(0, stats_of(w.us).sent_octets);
    wire_close(&w);
  }
}

static void over_the_limit_a_compressed_message_ends_the_connection(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < 4; i++) {
    wsuv_deflate_options_t o = i < 2 ? dedicated : shared;
    struct wire w;
    o.max_memory = 1;
    wire_begin(&w, roles[i % 2], &o);
    send_and_expect_compressed(&w);
    peer_frame(&w, WSUV_TEXT, 0, 1, OCTETS("plain"));
    expect_heard(&w, 1, "plain");
    peer_frame(&w, WSUV_TEXT, RSV1, 1, OCTETS(hello));
    raw_expect_close(w.peer, 1011);
    raw_close_frame(w.peer, 1011, NULL);
    raw_end(w.peer);
    RUN_UNTIL(&w.lb, w.us->n[EV_CLOSE] == 1);
    CHECK_ERR(WSUV_ENOMEM, w.us->end.error);
    CHECK_SIZE(1, w.us->n[EV_MESSAGE]);
    wire_close(&w);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_kinds_are_received),
      cmocka_unit_test(nothing_is_left_of_an_earlier_message),
      cmocka_unit_test(over_the_limit_messages_go_uncompressed),
      cmocka_unit_test(over_the_limit_a_compressed_message_ends_the_connection),
  };
  int failures = cmocka_run_group_tests_name("deflate: receiving", tests, NULL, NULL);

  failures += CHECK_RUN_TABLE("hostile", attacks, run_attack);
  return failures;
}
