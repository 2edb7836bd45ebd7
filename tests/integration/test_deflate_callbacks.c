/* permessage-deflate over real sockets: callbacks that end or stop things while compressed messages are on their way, and the
 * way back to the stream. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "integration/deflate_wire.h"
#include "integration/given_stream.h"

/* ---- callbacks that end and stop things, with more of the same behind ---- */

/* A long compressed message, a Ping, a compressed one in two frames, a plain one and a Close: in one segment. */
#define LONG_LEN 100000u

static size_t put_marked(uint8_t *out, wsuv_role_t from, int opcode, int rsv, int fin,
                         const void *octets, size_t len) {
  size_t n = frame_put(out, from, (wsuv_opcode_t)opcode, octets, len);
  out[0] = (uint8_t)((fin ? 0x80 : 0) | rsv << 4 | opcode);
  return n;
}

static size_t put_play(uint8_t *out, wsuv_role_t from) {
  size_t n;

  fill_text(wire_payload, LONG_LEN);
  n = pack(wire_room, sizeof wire_room, wire_payload, LONG_LEN, CODEC_FINISH);
  n = put_marked(out, from, WSUV_TEXT, RSV1, 1, wire_room, n);
  n += frame_put(out + n, from, WSUV_PING, "p", 1);
  n += put_marked(out + n, from, WSUV_TEXT, RSV1, 0, hello, 3);
  n += put_marked(out + n, from, WSUV_CONTINUATION, 0, 1, hello + 3, 4);
  n += frame_put(out + n, from, WSUV_TEXT, "plain", 5);
  return n + frame_put(out + n, from, WSUV_CLOSE, "\x03\xe9", 2);
}

static void act_send(struct wire *w) {
  wsuv_conn_t *conn = w->us->conn;
  static uint8_t text[3000];

  fill_text(text, sizeof text);
  (void)CALL(&w->lb, wsuv_conn_send_text(conn, text, sizeof text));
  if (CALL(&w->lb, wsuv_conn_send_begin(conn, WSUV_TEXT, 0)) != 0)
    return;
  (void)CALL(&w->lb, wsuv_conn_send_chunk(conn, text, 1000, 0));
  (void)CALL(&w->lb, wsuv_conn_send_chunk(conn, text, 1000, WSUV_SEND_FLUSH));
  (void)CALL(&w->lb, wsuv_conn_ping(conn, "!", 1));
  (void)CALL(&w->lb, wsuv_conn_send_end(conn, text, 1000));
}

static void act_close(struct wire *w) {
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_close(w->us->conn, 4000, NULL)));
}

static void act_terminate(struct wire *w) {
  CALL_VOID(&w->lb, wsuv_conn_terminate(w->us->conn));
}

static void act_loop_close(struct wire *w) {
  loopback_end(&w->lb);
}

static void act_send_and_close(struct wire *w) {
  act_send(w);
  act_close(w);
}

static void act_send_and_terminate(struct wire *w) {
  act_send(w);
  act_terminate(w);
}

/* The message that was begun is cut off. */
static void act_begin_and_close(struct wire *w) {
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_begin(w->us->conn, WSUV_TEXT, 0)));
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_chunk(w->us->conn, "held back", 9, 0)));
  act_close(w);
}

static void act_begin_and_terminate(struct wire *w) {
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_begin(w->us->conn, WSUV_TEXT, 0)));
  CHECK_ERR(0, CALL(&w->lb, wsuv_conn_send_chunk(w->us->conn, "held back", 9, 0)));
  act_terminate(w);
}

static void act_stop_and_start(struct wire *w) {
  CALL_VOID(&w->lb, wsuv_conn_read_stop(w->us->conn));
  CALL_VOID(&w->lb, wsuv_conn_read_start(w->us->conn));
}

static void act_stop(struct wire *w) {
  CALL_VOID(&w->lb, wsuv_conn_read_stop(w->us->conn));
  w->is_stopped = 1;
}

static const struct {
  const char *name;
  void (*act)(struct wire *w);
  int ends; /* at once: nothing of what is behind is heard */
} acts[] = {
    {"nothing", NULL, 0},
    {"send", act_send, 0},
    {"close", act_close, 0},
    {"terminate", act_terminate, 1},
    {"loop_close", act_loop_close, 1},
    {"send and close", act_send_and_close, 0},
    {"send and terminate", act_send_and_terminate, 1},
    {"begin and close", act_begin_and_close, 0},
    {"begin and terminate", act_begin_and_terminate, 1},
    {"read_stop and start", act_stop_and_start, 0},
    {"read_stop", act_stop, 0},
};
#define NACTS (sizeof acts / sizeof acts[0])

enum where { ON_OPEN, ON_MESSAGE, ON_SECOND, ON_FRAGMENT, ON_PING_BETWEEN, ON_CLOSE, NWHERES };

static const char *const where_names[NWHERES] = {"on_open",     "on_message", "a second on_message",
                                                 "on_fragment", "on_ping",    "on_close"};

static enum where where_now;

static void act_here(struct talker *t, enum event event) {
  struct wire *w = wire_of(t);
  int is_here = (where_now == ON_OPEN && event == EV_OPEN) ||
                (where_now == ON_MESSAGE && event == EV_MESSAGE) ||
                (where_now == ON_SECOND && event == EV_MESSAGE && t->n[EV_MESSAGE] == 2) ||
                (where_now == ON_PING_BETWEEN && event == EV_PING) ||
                (where_now == ON_CLOSE && event == EV_CLOSE);

  CHECK_TRUE(!w->is_stopped || event == EV_CLOSE);
  if (!is_here || w->act == NULL || w->acted)
    return;
  w->us = t;
  w->acted = 1;
  if (where_now == ON_CLOSE) { /* too late for all of it, and harmless */
    (void)CALL(t->lb, wsuv_conn_send_text(t->conn, "late late late late", 19));
    (void)CALL(t->lb, wsuv_conn_close(t->conn, 1000, NULL));
    CALL_VOID(t->lb, wsuv_conn_terminate(t->conn));
    CALL_VOID(t->lb, wsuv_conn_read_start(t->conn));
    return;
  }
  w->act(w);
}

struct row {
  const char *name;
  size_t act;
  enum where where;
};

static void go_on(struct wire *w) {
  unsigned heard = w->us->n[EV_MESSAGE] + (unsigned)w->npieces;

  turn_often(&w->lb);
  CHECK_SIZE(heard, w->us->n[EV_MESSAGE] + (unsigned)w->npieces);
  w->is_stopped = 0;
  CALL_VOID(&w->lb, wsuv_conn_read_start(w->us->conn));
}

static void check_heard(const struct wire *w, const struct row *row) {
  size_t all = LONG_LEN + 5 + 5;

  if (!acts[row->act].ends || row->where == ON_CLOSE) {
    CHECK_SIZE(all, w->us->received);
    CHECK_SIZE(1, w->us->n[EV_PING]);
    CHECK_INT(1001, w->us->end.code);
    return;
  }
  CHECK_TRUE(w->us->received <= LONG_LEN + (row->where == ON_SECOND ? 5 : 0));
  if (row->where == ON_FRAGMENT)
    CHECK_INT(1, w->npieces);
  if (row->where == ON_OPEN)
    CHECK_SIZE(0, w->us->received);
}

static void play_row(const struct row *row, wsuv_role_t role,
                     const wsuv_deflate_options_t *preset) {
  static uint8_t bytes[2 * MIB];
  const wsuv_handler_t handler = wire_in_pieces();
  struct setup setup = {.role = role, .deflate = preset, .on_event = act_here, .early = bytes};
  struct wire w;

  memset(&w, 0, sizeof w);
  w.act = acts[row->act].act;
  where_now = row->where;
  setup.handler = row->where == ON_FRAGMENT ? &handler : NULL;
  setup.early_len = put_play(bytes, role == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER);
  wire_open(&w, &setup);
  RUN_UNTIL(&w.lb, w.acted || w.act == NULL || where_now == ON_CLOSE);
  if (w.is_stopped)
    go_on(&w);
  RUN_UNTIL(&w.lb, w.us->n[EV_CLOSE] == 1 || w.peer->in_len > w.peer->at);
  raw_end(w.peer);
  RUN_UNTIL(&w.lb, w.us->n[EV_CLOSE] == 1);
  check_heard(&w, row);
  wire_close(&w);
}

/* covers: UV.15 */
static void run_row(const void *row) {
  size_t i;

  for (i = 0; i < 4; i++)
    play_row(row, roles[i & 1], (i & 2) != 0 ? &shared : &dedicated);
}

static int run_rows(void) {
  static struct row rows[NACTS * NWHERES];
  static char names[NACTS * NWHERES][64];
  size_t i;

  for (i = 0; i < NACTS * NWHERES; i++) {
    rows[i].act = i % NACTS;
    rows[i].where = (enum where)(i / NACTS);
    (void)snprintf(names[i], sizeof names[i], "%s in %s", acts[i % NACTS].name,
                   where_names[i / NACTS]);
    rows[i].name = names[i];
  }
  return CHECK_RUN_TABLE("callbacks amid compressed messages", rows, run_row);
}

/* The peer is gone when the application reads on: what it sent comes out all the same, and its end behind it. A Ping behind
 * the message is answered at once; without it there is nothing but what the decoder has. */
static void end_while_stopped(wsuv_role_t role, int pieces, int with_ping) {
  static uint8_t bytes[LONG_LEN];
  const wsuv_handler_t handler = wire_in_pieces();
  struct setup setup = {.role = role, .deflate = &shared, .on_event = act_here, .early = bytes};
  struct wire w = {.act = act_stop};
  size_t n;

  fill_text(wire_payload, LONG_LEN);
  n = pack(wire_room, sizeof wire_room, wire_payload, LONG_LEN, CODEC_FINISH);
  setup.early_len = put_marked(bytes, role == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER, WSUV_TEXT,
                               RSV1, 1, wire_room, n);
  setup.handler = pieces ? &handler : NULL;
  where_now = pieces ? ON_FRAGMENT : ON_OPEN;
  wire_open(&w, &setup);
  RUN_UNTIL(&w.lb, w.is_stopped);
  if (with_ping) {
    raw_frame(w.peer, WSUV_PING, "?", 1);
    raw_expect_frame(w.peer, WSUV_PONG, "?", 1);
  }
  raw_end(w.peer);
  go_on(&w);
  RUN_UNTIL(&w.lb, w.us->n[EV_CLOSE] == 1);
  CHECK_SIZE(LONG_LEN, w.us->received);
  CHECK_ERR(WSUV_EABNORMAL, w.us->end.error);
  wire_close(&w);
}

static void the_end_waits_behind_what_is_compressed(void **state) {
  int i;
  (void)state;
  for (i = 0; i < 8; i++)
    end_while_stopped(roles[i & 1], (i & 2) != 0, (i & 4) != 0);
}

/* ---- the way back to the stream ---- */

struct leaver {
  struct loopback lb; /* first */
  wsuv_deflate_t *deflate;
  struct host host;
  struct given given;
  struct raw peer;
  int is_begun; /* a message of ours is under way */
  int result;
  int ndetached;
  char leftover[32];
};

static void on_detached(wsuv_conn_t *conn, uv_stream_t *stream, const void *leftover, size_t len) {
  struct talker *t = wsuv_conn_data(conn);
  struct leaver *l = WSUV__LIST_ENTRY(t->lb, struct leaver, lb);

  CHECK_PTR(l->given.stream, stream);
  CHECK_TRUE(len < sizeof l->leftover);
  memcpy(l->leftover, leftover, len);
  l->ndetached++;
}

static void leave_on_message(struct talker *t, enum event event) {
  struct leaver *l = WSUV__LIST_ENTRY(t->lb, struct leaver, lb);

  if (event != EV_MESSAGE || t->n[EV_MESSAGE] != 2)
    return;
  fill_text(wire_payload, 1000);
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_text(t->conn, wire_payload, 1000)));
  if (l->is_begun) {
    CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_begin(t->conn, WSUV_TEXT, 0)));
    CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_chunk(t->conn, "held back", 9, 0)));
  }
  l->result = CALL(t->lb, wsuv_conn_detach(t->conn, on_detached));
}

static void open_leaver(struct leaver *l, const wsuv_deflate_options_t *preset) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_adopt_options_t adopt = given_options(0, NULL, 0);
  const wsuv_extension_t *extension;

  loopback_open(&l->lb);
  l->deflate = make_deflate(&l->lb, preset);
  extension = wsuv_deflate_extension(l->deflate);
  options.extensions = &extension;
  options.nextensions = 1;
  host_init(&l->host, &l->lb);
  l->host.on_event = leave_on_message;
  CHECK_ERR(0, host_create(&l->host, &options));
  CHECK_INT(0, given_open(&l->given, &l->peer, &l->lb, GIVEN_TCP));
  CHECK_ERR(0, CALL(&l->lb, wsuv_server_adopt(l->host.server, l->given.stream, &adopt)));
}

static void close_leaver(struct leaver *l) {
  loopback_end(&l->lb);
  RUN_UNTIL(&l->lb, l->lb.loop_closed);
  wsuv_deflate_free(l->deflate);
  given_close(&l->given);
  loopback_close(&l->lb);
}

/* Two compressed messages, the second of which is the last, and octets that are none of WebSocket's. */
static void play_leaver(int is_begun, const wsuv_deflate_options_t *preset) {
  static const char request[] =
      "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
  uint8_t bytes[400];
  size_t len = sizeof request - 1;
  struct leaver l;
  wsuv_frame_header_t header;
  const uint8_t *octets;

  memset(&l, 0, sizeof l);
  l.is_begun = is_begun;
  open_leaver(&l, preset);
  memcpy(bytes, request, len);
  len += put_marked(bytes + len, WSUV_CLIENT, WSUV_TEXT, RSV1, 1, OCTETS(hello));
  len += put_marked(bytes + len, WSUV_CLIENT, WSUV_TEXT, RSV1, 1, OCTETS(hello));
  memcpy(bytes + len, "not a frame", 11);
  raw_send(&l.peer, bytes, len + (is_begun ? 0 : 11));
  RUN_UNTIL(&l.lb, raw_took_head(&l.peer));
  RUN_UNTIL(&l.lb, raw_took_frame(&l.peer, &header, &octets));
  CHECK_INT(RSV1, header.rsv);
  CHECK_ERR(is_begun ? WSUV_ESTATE : 0, l.result);
  if (!is_begun) {
    RUN_UNTIL(&l.lb, l.host.talkers[0]->n[EV_CLOSE] == 1);
    CHECK_STR("not a frame", l.leftover);
    CHECK_STR("ommc", l.host.talkers[0]->log);
    CHECK_ERR(0, l.host.talkers[0]->end.error);
  }
  CHECK_INT(!is_begun, l.ndetached);
  close_leaver(&l);
}

static void a_connection_is_detached(void **state) {
  int i;
  (void)state;
  for (i = 0; i < 4; i++)
    play_leaver(i & 1, (i & 2) != 0 ? &shared : &dedicated);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_end_waits_behind_what_is_compressed),
      cmocka_unit_test(a_connection_is_detached),
  };
  int failures = cmocka_run_group_tests_name("deflate: callbacks", tests, NULL, NULL);

  failures += run_rows();
  return failures;
}
