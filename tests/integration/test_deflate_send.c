/* permessage-deflate over real sockets: what stands on the wire. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/deflate_wire.h"

/* ---- the choice for each message ---- */

enum content { TEXT, NOISE };

struct choice {
  const char *name;
  const wsuv_deflate_options_t *preset;
  int64_t threshold;
  int no_probe;
  enum content content;
  size_t len;
  int flags;
  int rsv; /* expected */
};

static const struct choice choices[] = {
    {"text, shared", &shared, 0, 0, TEXT, 1000, 0, RSV1},
    {"text, dedicated", &dedicated, 0, 0, TEXT, 1000, 0, RSV1},
    {"NO_COMPRESS, shared", &shared, 0, 0, TEXT, 1000, WSUV_SEND_NO_COMPRESS, 0},
    {"NO_COMPRESS, dedicated", &dedicated, 0, 0, TEXT, 1000, WSUV_SEND_NO_COMPRESS, 0},
    {"NO_COMPRESS, no threshold", &dedicated, WSUV_OFF, 1, TEXT, 1000, WSUV_SEND_NO_COMPRESS, 0},
    {"below 64, shared", &shared, 0, 0, TEXT, 63, 0, 0},
    {"from 64 on, shared", &shared, 0, 0, TEXT, 64, 0, RSV1},
    {"below 16, dedicated", &dedicated, 0, 0, TEXT, 15, 0, 0},
    {"from 16 on, dedicated", &dedicated, 0, 0, TEXT, 16, 0, RSV1},
    {"below a threshold", &shared, 500, 0, TEXT, 499, 0, 0},
    {"at a threshold", &shared, 500, 0, TEXT, 500, 0, RSV1},
    {"empty", &dedicated, 0, 0, TEXT, 0, 0, 0},
    {"empty, no threshold, shared", &shared, WSUV_OFF, 0, TEXT, 0, 0, RSV1},
    {"empty, no threshold, dedicated", &dedicated, WSUV_OFF, 0, TEXT, 0, 0, RSV1},
    {"an octet, no threshold", &shared, WSUV_OFF, 0, TEXT, 1, 0, RSV1},
    {"noise, shared", &shared, 0, 0, NOISE, 1000, 0, 0},
    {"noise, dedicated", &dedicated, 0, 0, NOISE, 1000, 0, 0},
    {"noise, large", &dedicated, 0, 0, NOISE, 100000, 0, 0},
    {"noise without a look, dedicated", &dedicated, 0, 1, NOISE, 1000, 0, RSV1},
    {"noise without a look, shared: in vain", &shared, 0, 1, NOISE, 1000, 0, 0},
    {"noise without a look or threshold", &shared, WSUV_OFF, 1, NOISE, 1000, 0, RSV1},
    {"noise too short to be judged, dedicated", &dedicated, 0, 0, NOISE, 200, 0, RSV1},
    {"noise too short to be judged, shared: in vain", &shared, 0, 0, NOISE, 200, 0, 0},
};

static void on_sent(wsuv_send_t *req, int status) {
  int *nsent = req->data;
  CHECK_ERR(0, status);
  ++*nsent;
}

static void send_prepared(struct wire *w, wsuv_opcode_t type, const struct choice *c) {
  wsuv_prepared_t *prepared;

  CHECK_ERR(
      0, wsuv_prepared_new(&prepared, &w->lb.fa.allocator, type, wire_payload, c->len, c->flags));
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_prepared(w->us->conn, prepared)));
  wsuv_prepared_free(prepared);
}

/* Between two messages that are compressed, so that with takeover a context that is wrong shows. */
static void play_choice(struct wire *w, const struct choice *c) {
  wsuv_opcode_t type = c->content == TEXT ? WSUV_TEXT : WSUV_BINARY;
  wsuv_conn_t *conn = w->us->conn;
  int nsent = 0;
  wsuv_send_t req = {.data = &nsent};

  if (c->content == TEXT)
    fill_text(wire_payload, c->len);
  else
    fill_noise(wire_payload, c->len);
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_message(conn, type, wire_payload, c->len, c->flags)));
  expect_message(w, type, c->rsv, wire_payload, c->len);
  CHECK_ERR(
      0, CALL(&w->lb, wsuv_conn_send(conn, &req, type, wire_payload, c->len, c->flags, on_sent)));
  expect_message(w, type, c->rsv, wire_payload, c->len);
  RUN_UNTIL(&w->lb, nsent == 1);
  send_prepared(w, type, c);
  expect_message(w, type, c->rsv, wire_payload, c->len);
  if (c->flags == 0) {
    CHECK_ERR(0,
              CALL(&w->lb, type == WSUV_TEXT ? wsuv_conn_send_text(conn, wire_payload, c->len)
                                             : wsuv_conn_send_binary(conn, wire_payload, c->len)));
    expect_message(w, type, c->rsv, wire_payload, c->len);
  }
}

/* covers: D013 D014 D036 D032 PMD.1 PMD.14 PMD.15 D062 D050 D064 */
static void run_choice(const void *row) {
  const struct choice *c = row;
  wsuv_deflate_options_t o = *c->preset;
  size_t i;

  o.threshold = c->threshold;
  o.no_probe = c->no_probe;
  for (i = 0; i < 2; i++) {
    struct wire w;
    wire_begin(&w, roles[i], &o);
    send_and_expect_compressed(&w);
    play_choice(&w, c);
    send_and_expect_compressed(&w);
    wire_close(&w);
  }
}

/* covers: D008 PMD.16 */
static void control_frames_are_never_compressed(void **state) {
  static const char ping[100] = "0000000000";
  static const char reason[] = "going away going away going away going away";
  wsuv_deflate_options_t o = dedicated;
  size_t i;
  (void)state;
  o.threshold = WSUV_OFF;
  for (i = 0; i < 2; i++) {
    struct wire w;
    struct frame frame;
    wire_begin(&w, roles[i], &o);
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_ping(w.us->conn, ping, sizeof ping)));
    expect_message(&w, WSUV_PING, 0, ping, sizeof ping);
    raw_frame(w.peer, WSUV_PING, ping, sizeof ping);
    expect_message(&w, WSUV_PONG, 0, ping, sizeof ping);
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_close(w.us->conn, 1001, reason)));
    frame = take_frame(&w);
    CHECK_INT(WSUV_CLOSE, frame.opcode);
    CHECK_INT(0, frame.rsv);
    CHECK_BYTES(reason, sizeof reason - 1, frame.payload + 2, frame.len - 2);
    wire_close(&w);
  }
}

/* The bit is the extension's. What is refused has not been compressed: with takeover the next message would show it. */
static void what_is_refused_leaves_the_context_as_it_was(void **state) {
  static const wsuv_frame_header_t marked = {.opcode = WSUV_BINARY, .rsv = RSV1, .fin = 1};
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct setup setup = {.role = WSUV_SERVER, .deflate = &dedicated, .conn = &conn};
  struct wire w = {.act = NULL};
  wsuv_conn_t *us;
  (void)state;
  conn.write_limit = 4096;
  wire_open(&w, &setup);
  us = w.us->conn;
  send_and_expect_compressed(&w);
  memset(wire_payload, 'x', 5000);
  CHECK_ERR(WSUV_EQUEUEFULL, CALL(&w.lb, wsuv_conn_send_text(us, wire_payload, 5000)));
  memcpy(wire_payload, "\xc3\xc3", 2);
  CHECK_ERR(WSUV_EENCODING, CALL(&w.lb, wsuv_conn_send_text(us, wire_payload, 1000)));
  CHECK_ERR(WSUV_EINVAL, CALL(&w.lb, wsuv_conn_send_frame(us, &marked, wire_payload, 1000)));
  CHECK_ERR(WSUV_EINVAL, CALL(&w.lb, wsuv_conn_send_message(us, WSUV_BINARY, wire_payload, 1000,
                                                            WSUV_SEND_FLUSH)));
  send_and_expect_compressed(&w);
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_begin(us, WSUV_TEXT, 0)));
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_chunk(us, "begun, ", 7, 0)));
  memset(wire_payload, 'x', 5000);
  memcpy(wire_payload, "\xc3\xc3", 2);
  CHECK_ERR(WSUV_EENCODING, CALL(&w.lb, wsuv_conn_send_chunk(us, wire_payload, 1000, 0)));
  memset(wire_payload, 'x', 5000);
  CHECK_ERR(WSUV_EQUEUEFULL, CALL(&w.lb, wsuv_conn_send_chunk(us, wire_payload, 5000, 0)));
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_end(us, "the end", 7)));
  expect_message(&w, WSUV_TEXT, RSV1, "begun, the end", 14);
  send_and_expect_compressed(&w);
  wire_close(&w);
}

/* ---- streams ---- */

struct stream {
  struct wire w;
  int nframes;
  size_t given; /* octets of wire_payload that went in */
  size_t seen;  /* and that came out at the peer */
};

static void give_chunk(struct stream *s, size_t len, int flags) {
  CHECK_ERR(
      0, CALL(&s->w.lb, wsuv_conn_send_chunk(s->w.us->conn, wire_payload + s->given, len, flags)));
  s->given += len;
}

/* A Ping that comes at once: no frame of the message was sent before it. */
static void expect_nothing(struct stream *s) {
  CHECK_ERR(0, CALL(&s->w.lb, wsuv_conn_ping(s->w.us->conn, "?", 1)));
  expect_message(&s->w, WSUV_PING, 0, "?", 1);
}

/* The next frame of the message; all that was given so far comes out of it. */
static void expect_all(struct stream *s, int fin) {
  struct frame frame = take_frame(&s->w);

  CHECK_INT(s->nframes == 0 ? WSUV_TEXT : WSUV_CONTINUATION, frame.opcode);
  CHECK_INT(s->nframes == 0 ? RSV1 : 0, frame.rsv);
  CHECK_INT(fin, frame.fin);
  s->nframes++;
  s->seen += unpack(&s->w, &frame, wire_room + s->seen, sizeof wire_room - s->seen);
  CHECK_BYTES(wire_payload, s->given, wire_room, s->seen);
}

/* The first chunk ends inside a character. */
static void play_stream(struct stream *s) {
  wsuv_conn_t *conn = s->w.us->conn;

  begin_unpacking(&s->w);
  s->nframes = 0;
  s->given = s->seen = 0;
  fill_text(wire_payload, 20000);
  CHECK_ERR(0, CALL(&s->w.lb, wsuv_conn_send_begin(conn, WSUV_TEXT, 0)));
  expect_nothing(s);
  give_chunk(s, 0, 0);
  give_chunk(s, 26, 0);
  give_chunk(s, 10, 0);
  expect_nothing(s);
  CHECK_ERR(WSUV_ESTATE, CALL(&s->w.lb, wsuv_conn_send_text(conn, wire_payload, 100)));
  CHECK_ERR(WSUV_ESTATE, CALL(&s->w.lb, wsuv_conn_send_begin(conn, WSUV_TEXT, 0)));
  give_chunk(s, 0, WSUV_SEND_FLUSH);
  expect_all(s, 0);
  give_chunk(s, 500, 0);
  give_chunk(s, 0, 0);
  expect_nothing(s);
  give_chunk(s, 1, WSUV_SEND_FLUSH);
  expect_all(s, 0);
  give_chunk(s, 0, WSUV_SEND_FLUSH); /* there is nothing left to be sent */
  expect_nothing(s);
  give_chunk(s, 700, 0);
  expect_nothing(s);
  CHECK_ERR(0, CALL(&s->w.lb, wsuv_conn_send_end(conn, wire_payload + s->given, 100)));
  s->given += 100;
  expect_all(s, 1);
}

/* Ended without a last octet, and without any. */
static void play_short_streams(struct stream *s) {
  wsuv_conn_t *conn = s->w.us->conn;
  struct loopback *lb = &s->w.lb;

  CHECK_ERR(0, CALL(lb, wsuv_conn_send_begin(conn, WSUV_BINARY, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_chunk(conn, "short", 5, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_end(conn, NULL, 0)));
  expect_message(&s->w, WSUV_BINARY, RSV1, "short", 5);
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_begin(conn, WSUV_BINARY, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_chunk(conn, NULL, 0, 0)));
  CHECK_ERR(0, CALL(lb, wsuv_conn_send_end(conn, NULL, 0)));
  expect_message(&s->w, WSUV_BINARY, RSV1, "", 0);
}

/* covers: D009 PMD.2 PMS.1 PMS.2 PMS.3 PMS.4 PMS.5 PMS.6 PMS.7 CORE.8 */
static void streams_are_compressed(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < 4; i++) {
    struct stream s;
    wire_begin(&s.w, roles[i % 2], i < 2 ? &dedicated : &shared);
    play_stream(&s);
    play_short_streams(&s);
    play_stream(&s);
    send_and_expect_compressed(&s.w);
    wire_close(&s.w);
  }
}

static void a_stream_may_go_uncompressed(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < 2; i++) {
    struct wire w;
    wsuv_conn_t *conn;
    wire_begin(&w, roles[i], &dedicated);
    conn = w.us->conn;
    send_and_expect_compressed(&w);
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_begin(conn, WSUV_TEXT, WSUV_SEND_NO_COMPRESS)));
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_chunk(conn, "secret", 6, 0)));
    expect_plain_frame(&w, WSUV_TEXT, 0, "secret");
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_chunk(conn, "secret", 6, WSUV_SEND_FLUSH)));
    expect_plain_frame(&w, WSUV_CONTINUATION, 0, "secret");
    CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_end(conn, "end", 3)));
    expect_plain_frame(&w, WSUV_CONTINUATION, 1, "end");
    send_and_expect_compressed(&w);
    wire_close(&w);
  }
}

/* Judged by its first chunk, and not again. */
static void a_stream_of_noise_goes_uncompressed(void **state) {
  struct wire w;
  struct frame frame;
  wsuv_conn_t *conn;
  (void)state;
  wire_begin(&w, WSUV_SERVER, &shared);
  conn = w.us->conn;
  fill_noise(wire_payload, 1000);
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_begin(conn, WSUV_BINARY, 0)));
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_chunk(conn, wire_payload, 1000, 0)));
  frame = take_frame(&w);
  CHECK_INT(0, frame.rsv);
  CHECK_BYTES(wire_payload, 1000, frame.payload, frame.len);
  CHECK_ERR(0, CALL(&w.lb, wsuv_conn_send_end(conn, "text text text text text text text", 34)));
  expect_plain_frame(&w, WSUV_CONTINUATION, 1, "text text text text text text text");
  send_and_expect_compressed(&w);
  wire_close(&w);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(control_frames_are_never_compressed),
      cmocka_unit_test(what_is_refused_leaves_the_context_as_it_was),
      cmocka_unit_test(streams_are_compressed),
      cmocka_unit_test(a_stream_may_go_uncompressed),
      cmocka_unit_test(a_stream_of_noise_goes_uncompressed),
  };
  int failures = cmocka_run_group_tests_name("deflate: sending", tests, NULL, NULL);

  failures += CHECK_RUN_TABLE("choice", choices, run_choice);
  return failures;
}
