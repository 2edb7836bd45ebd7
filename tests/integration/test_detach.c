/* The way back (wsuv_conn_detach): the peers agree by a message on leaving WebSocket, and go on with the same stream. */
#include <string.h>

#include "api/conn_rest.h"
#include "integration/given_stream.h"
#include "proto/endpoint_hold.h"

enum { RAW_MAX = 64 };

/* The application around one stream: a connection, then octets that are sent back as they come. */
struct app {
  struct loopback lb;
  struct talker t;
  struct given given;
  struct raw peer;
  int detach_at; /* the message number that is the last, 0: none */
  int result;    /* of the call */
  int ndetached;
  uint8_t in[RAW_MAX]; /* what came behind the WebSocket */
  size_t in_len;
  size_t leftover_len;
  uv_write_t write;
};

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char room[RAW_MAX];
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(room, sizeof room);
}

static void take(struct app *app, const void *octets, size_t len) {
  CHECK_TRUE(len <= sizeof app->in - app->in_len);
  memcpy(app->in + app->in_len, octets, len);
  app->in_len += len;
}

static void read_raw(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  struct given *given = stream->data;
  struct app *app = given->talker->arg;

  if (nread > 0)
    take(app, buf->base, (size_t)nread);
}

static void on_detached(wsuv_conn_t *conn, uv_stream_t *stream, const void *leftover, size_t len) {
  struct talker *t = wsuv_conn_data(conn);
  struct app *app = t->arg;

  CHECK_INT(0, app->lb.in_call);
  CHECK_SIZE(0, t->n[EV_CLOSE]);
  CHECK_PTR(app->given.stream, stream);
  CHECK_PTR(&app->given, stream->data);
  CHECK_INT(0, uv_is_closing((uv_handle_t *)stream));
  app->ndetached++;
  app->leftover_len = len;
  take(app, leftover, len);
}

static int detach(struct app *app) {
  return CALL(&app->lb, wsuv_conn_detach(app->t.conn, on_detached));
}

static void detach_on_message(struct talker *t, enum event event) {
  struct app *app = t->arg;

  if (event == EV_MESSAGE && (int)t->n[EV_MESSAGE] == app->detach_at) {
    CHECK_ERR(0, talker_say(t, "bye"));
    app->result = detach(app);
    CHECK_INT(0, app->ndetached); /* never inside the call */
  }
}

static void open_app(struct app *app, enum given_kind kind, wsuv_role_t role, int own,
                     const wsuv_conn_options_t *conn) {
  wsuv_attach_options_t options = WSUV_ATTACH_OPTIONS_INIT;
  wsuv_adopt_options_t adopt = given_options(own, NULL, 0);

  memset(app, 0, sizeof *app);
  loopback_open(&app->lb);
  talker_init(&app->t, &app->lb);
  app->t.on_event = detach_on_message;
  app->t.arg = app;
  app->detach_at = 1;
  CHECK_INT(0, given_open(&app->given, &app->peer, &app->lb, kind));
  app->given.talker = &app->t;
  app->peer.role = role == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER;
  options.adopt = &adopt;
  options.conn = conn;
  CHECK_ERR(0, CALL(&app->lb, wsuv_conn_attach(app->lb.loop, &app->t.conn, app->given.stream, role,
                                               &options, &talker_handler, &app->t)));
  app->t.handed_out = 1;
  RUN_UNTIL(&app->lb, app->t.n[EV_OPEN] == 1);
}

static void close_app(struct app *app) {
  given_close(&app->given);
  loopback_close(&app->lb);
}

/* The stream works: what comes is all of `rest`, and what is sent arrives. */
static void check_goes_on(struct app *app, const void *rest, size_t len) {
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t) "raw", 3);

  CHECK_INT(1, app->ndetached);
  CHECK_INT(0, app->given.ndone); /* the detach callback stands in its place */
  CHECK_ERR(0, uv_read_start(app->given.stream, give_room, read_raw));
  RUN_UNTIL(&app->lb, app->in_len >= len);
  CHECK_BYTES(rest, len, app->in, app->in_len);
  CHECK_ERR(0, uv_write(&app->write, app->given.stream, &buf, 1, NULL));
  RUN_UNTIL(&app->lb, app->peer.in_len == app->peer.at + 3);
  CHECK_BYTES("raw", 3, app->peer.in + app->peer.at, 3);
  CHECK_INT(0, app->peer.eof);
}

static void check_ended(const struct app *app) {
  CHECK_STR("omc", app->t.log);
  CHECK_ERR(0, app->t.end.error);
  CHECK_INT(0, app->t.end.clean);
  CHECK_INT(0, app->t.end.sent_code);
  CHECK_INT(1006, app->t.end.code);
}

/* The last message and `nrest` octets behind it come in two pieces, cut at `at`. */
static size_t play(enum given_kind kind, wsuv_role_t role, size_t nrest, size_t at) {
  struct app app;
  uint8_t bytes[32];
  size_t len;

  open_app(&app, kind, role, (int)(at % 2), NULL);
  len = frame_put(bytes, app.peer.role, WSUV_TEXT, "last", 4);
  memcpy(bytes + len, "\xff\x00rest of it", nrest); /* no frame at all */
  len += nrest;
  raw_send(&app.peer, bytes, at);
  RUN_UNTIL(&app.lb, app.peer.nwriting == 0);
  if (at < len)
    raw_send(&app.peer, bytes + at, len - at);
  raw_expect_frame(&app.peer, WSUV_TEXT, "bye", 3);
  RUN_UNTIL(&app.lb, app.t.conn == NULL);
  CHECK_ERR(0, app.result);
  check_ended(&app);
  check_goes_on(&app, bytes + len - nrest, nrest);
  close_app(&app);
  return len;
}

static void test_leftover(void **state) {
  static const size_t sizes[] = {0, 1, 2, 12};
  size_t i;
  size_t at;
  (void)state;

  for (i = 0; i < 4; i++) {
    size_t len = play(GIVEN_TCP, WSUV_SERVER, sizes[i], 1);
    for (at = 1; at <= len; at++) {
      (void)play(GIVEN_TCP, WSUV_SERVER, sizes[i], at);
      (void)play(GIVEN_PIPE, WSUV_SERVER, sizes[i], at);
    }
    len = play(GIVEN_TCP, WSUV_CLIENT, sizes[i], 1);
    for (at = 1; at <= len; at++)
      (void)play(GIVEN_PIPE, WSUV_CLIENT, sizes[i], at);
  }
}

/* Frames that were received and not delivered are octets again. */
static void test_paused(void **state) {
  struct app app;
  uint8_t bytes[32];
  size_t first;
  size_t len;
  (void)state;

  open_app(&app, GIVEN_PIPE, WSUV_CLIENT, 0, NULL);
  first = frame_put(bytes, WSUV_SERVER, WSUV_TEXT, "last", 4);
  len = first + frame_put(bytes + first, WSUV_SERVER, WSUV_TEXT, "unheard", 7);
  len += frame_put(bytes + len, WSUV_SERVER, WSUV_PING, "p", 1);
  raw_send(&app.peer, bytes, len);
  RUN_UNTIL(&app.lb, app.t.conn == NULL);
  CHECK_SIZE(len - first, app.leftover_len);
  raw_expect_frame(&app.peer, WSUV_TEXT, "bye", 3);
  check_ended(&app);
  check_goes_on(&app, bytes + first, len - first);
  close_app(&app);
}

/* Outside of any callback, while the application had stopped reading. */
static void stop_at_message(struct talker *t, enum event event) {
  if (event == EV_MESSAGE)
    CALL_VOID(t->lb, wsuv_conn_read_stop(t->conn));
}

static void test_later(void **state) {
  struct app app;
  uint8_t bytes[32];
  size_t len;
  (void)state;

  open_app(&app, GIVEN_TCP, WSUV_SERVER, 1, NULL);
  app.t.on_event = stop_at_message;
  len = frame_put(bytes, WSUV_CLIENT, WSUV_TEXT, "last", 4);
  memcpy(bytes + len, "rest", 4);
  raw_send(&app.peer, bytes, len + 4);
  RUN_UNTIL(&app.lb, app.t.n[EV_MESSAGE] == 1);
  CHECK_ERR(0, detach(&app));
  CHECK_INT(WSUV_STATE_DETACHING, wsuv_conn_state(app.t.conn));
  CHECK_ERR(WSUV_ESTATE, detach(&app));
  CHECK_ERR(WSUV_ESTATE, talker_say(&app.t, "late"));
  CHECK_ERR(WSUV_ESTATE, CALL(&app.lb, wsuv_conn_ping(app.t.conn, NULL, 0)));
  CHECK_ERR(WSUV_ESTATE, CALL(&app.lb, wsuv_conn_close(app.t.conn, 0, NULL)));
  CALL_VOID(&app.lb, wsuv_conn_read_start(app.t.conn)); /* delivers nothing */
  CALL_VOID(&app.lb, wsuv_conn_read_stop(app.t.conn));
  RUN_UNTIL(&app.lb, app.t.conn == NULL);
  CHECK_SIZE(4, app.leftover_len);
  check_ended(&app);
  check_goes_on(&app, "rest", 4);
  close_app(&app);
}

/* ---- output first ---- */

static const uint8_t zeros[4 * 1024 * 1024];

static void fill_up(struct app *app) {
  raw_stop_reading(&app->peer);
  CHECK_ERR(0, CALL(&app->lb, wsuv_conn_send_binary(app->t.conn, zeros, sizeof zeros)));
  loopback_turn(&app->lb);
  CHECK_TRUE(wsuv_conn_queued(app->t.conn) > 0);
}

static void test_output_first(void **state) {
  struct app app;
  int i;
  (void)state;

  open_app(&app, GIVEN_PIPE, WSUV_SERVER, 0, NULL);
  fill_up(&app);
  CHECK_ERR(0, detach(&app));
  raw_say(&app.peer, "rest"); /* the kernel has it for who reads next */
  for (i = 0; i < 20; i++)
    (void)uv_run(&app.lb.uv, UV_RUN_NOWAIT);
  CHECK_INT(0, app.ndetached);
  raw_start_reading(&app.peer);
  RUN_UNTIL(&app.lb, app.t.conn == NULL);
  CHECK_ERR(0, app.t.end.error);
  raw_expect_frame(&app.peer, WSUV_BINARY, zeros, sizeof zeros);
  check_goes_on(&app, "rest", 4);
  close_app(&app);
}

/* The peer's end is read by who gets the stream. */
static void test_end_of_the_peer(void **state) {
  struct app app;
  (void)state;

  open_app(&app, GIVEN_PIPE, WSUV_SERVER, 0, NULL);
  fill_up(&app);
  raw_end(&app.peer);
  CHECK_ERR(0, detach(&app));
  raw_start_reading(&app.peer);
  RUN_UNTIL(&app.lb, app.t.conn == NULL);
  CHECK_ERR(0, app.t.end.error);
  CHECK_INT(1, app.ndetached);
  close_app(&app);
}

/* Reading was stopped, so that the end waits behind a message that nobody has heard. */
static void hold_message(struct app *app, int own) {
  open_app(app, GIVEN_PIPE, WSUV_SERVER, own, NULL);
  CALL_VOID(&app->lb, wsuv_conn_read_stop(app->t.conn));
  raw_frame(&app->peer, WSUV_TEXT, "unheard", 7);
  RUN_UNTIL(&app->lb, wsuv__endpoint_eof_must_wait(&app->t.conn->awake->endpoint));
}

static void test_end_that_was_held(void **state) {
  int own;
  (void)state;

  for (own = 0; own < 2; own++) {
    struct app app;

    hold_message(&app, own);
    raw_end(&app.peer);
    RUN_UNTIL(&app.lb, app.t.conn->error != 0);
    CHECK_ERR(0, detach(&app));
    RUN_UNTIL(&app.lb, app.t.conn == NULL);
    CHECK_ERR(0, app.t.end.error);
    CHECK_INT(1, app.ndetached);
    CHECK_INT(0, app.given.ndone);
    CHECK_SIZE(6 + 7, app.leftover_len);
    close_app(&app);
  }
}

/* Such a stream is of no use: it goes as its ownership says. */
static void test_break_that_was_held(void **state) {
  int own;
  (void)state;

  for (own = 0; own < 2; own++) {
    struct app app;

    hold_message(&app, own);
    wsuv__conn_stream_events.on_read(app.t.conn, UV_ECONNRESET, NULL);
    CHECK_ERR(0, detach(&app));
    RUN_UNTIL(&app.lb, app.given.ndone == 1);
    CHECK_ERR(UV_ECONNRESET, app.t.end.error);
    CHECK_INT(0, app.ndetached);
    CHECK_INT(own, app.given.closed_by_library);
    close_app(&app);
  }
}

/* Between the call and the loop's next turn libuv may report what it had polled already. */
static void test_reads_that_were_under_way(void **state) {
  struct app app;
  uint8_t late[] = {'r', 'e', 's', 't'};
  (void)state;

  open_app(&app, GIVEN_PIPE, WSUV_SERVER, 0, NULL);
  CHECK_ERR(0, detach(&app));
  wsuv__conn_enter(app.t.conn); /* else the first of them ends it */
  wsuv__conn_stream_events.on_read(app.t.conn, 4, late);
  wsuv__conn_stream_events.on_read(app.t.conn, UV_EOF, NULL);
  wsuv__conn_leave(app.t.conn);
  RUN_UNTIL(&app.lb, app.t.conn == NULL);
  CHECK_ERR(0, app.t.end.error);
  CHECK_BYTES("rest", 4, app.in, app.leftover_len);
  close_app(&app);
}

enum trouble { PEER_GONE, TIMED_OUT, TERMINATED, LOOP_CLOSED, STREAM_CLOSED, NTROUBLES };

static const int trouble_errors[NTROUBLES] = {UV_EPIPE, WSUV_ETIMEDOUT, WSUV_ECANCELED,
                                              WSUV_ECANCELED, UV_ECANCELED};

static void play_trouble(enum trouble trouble, int own) {
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct app app;

  conn.close_timeout_ms = trouble == TIMED_OUT ? 1 : WSUV_OFF;
  open_app(&app, GIVEN_PIPE, WSUV_SERVER, own, &conn);
  fill_up(&app);
  CHECK_ERR(0, detach(&app));
  if (trouble == PEER_GONE)
    raw_close(&app.peer);
  if (trouble == TERMINATED)
    CALL_VOID(&app.lb, wsuv_conn_terminate(app.t.conn));
  if (trouble == LOOP_CLOSED)
    loopback_end(&app.lb);
  if (trouble == STREAM_CLOSED)
    given_close(&app.given);
  if (!own && trouble != PEER_GONE && trouble != STREAM_CLOSED) {
    RUN_UNTIL(&app.lb, wsuv_conn_state(app.t.conn) == WSUV_STATE_RELEASING);
    raw_start_reading(&app.peer); /* else libuv keeps the write, and with it the stream */
  }
  RUN_UNTIL(&app.lb, app.t.conn == NULL);
  CHECK_INT(0, app.ndetached);
  if (trouble == PEER_GONE)
    CHECK_TRUE(app.t.end.error == UV_EPIPE || app.t.end.error == UV_ECONNRESET);
  else
    CHECK_ERR(trouble_errors[trouble], app.t.end.error);
  CHECK_INT(trouble != STREAM_CLOSED, app.given.ndone);
  CHECK_INT(own && trouble != STREAM_CLOSED, app.given.closed_by_library);
  close_app(&app);
}

static void test_troubles(void **state) {
  int trouble;
  (void)state;

  for (trouble = 0; trouble < NTROUBLES; trouble++) {
    play_trouble((enum trouble)trouble, 0);
    play_trouble((enum trouble)trouble, 1);
  }
}

/* ---- refused ---- */

static void test_not_the_applications_stream(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  (void)state;

  loopback_open(&lb);
  host_echo(&host, &lb);
  connect_pair(&host, &client);
  CHECK_ERR(WSUV_ESTATE, CALL(&lb, wsuv_conn_detach(client.conn, on_detached)));
  CHECK_ERR(WSUV_ESTATE, CALL(&lb, wsuv_conn_detach(host.talkers[0]->conn, on_detached)));
  CHECK_INT(WSUV_STATE_OPEN, wsuv_conn_state(client.conn));
  loopback_close(&lb);
}

static void close_and_detach(struct talker *t, enum event event) {
  if (event != EV_MESSAGE)
    return;
  CHECK_ERR(0, CALL(t->lb, wsuv_conn_close(t->conn, 0, NULL)));
  CHECK_ERR(WSUV_ESTATE, CALL(t->lb, wsuv_conn_detach(t->conn, on_detached)));
}

static void test_wrong_moments(void **state) {
  static const uint8_t begun[] = {0x01, 0x01, 'a'}; /* a fragment of a text */
  struct app app;
  (void)state;

  open_app(&app, GIVEN_PIPE, WSUV_CLIENT, 0, NULL);
  app.detach_at = 0;
  CHECK_ERR(WSUV_EINVAL, CALL(&app.lb, wsuv_conn_detach(app.t.conn, NULL)));
  CHECK_ERR(0, CALL(&app.lb, wsuv_conn_send_begin(app.t.conn, WSUV_TEXT, 0)));
  CHECK_ERR(WSUV_ESTATE, detach(&app));
  CHECK_ERR(0, CALL(&app.lb, wsuv_conn_send_end(app.t.conn, "x", 1)));
  raw_send(&app.peer, "\x89", 1); /* half of a header, and a Pong that shows that it came */
  raw_send(&app.peer, "\x00", 1);
  RUN_UNTIL(&app.lb, app.t.n[EV_PING] == 1);
  raw_send(&app.peer, begun, sizeof begun);
  raw_frame(&app.peer, WSUV_PING, "2", 1);
  RUN_UNTIL(&app.lb, app.t.n[EV_PING] == 2);
  CHECK_ERR(WSUV_ESTATE, detach(&app)); /* inside a fragmented message */
  raw_send(&app.peer, "\x80\x00", 2);
  raw_frame(&app.peer, WSUV_PONG, "3", 1);
  raw_send(&app.peer,
           "\x89\x05"
           "1",
           3);
  RUN_UNTIL(&app.lb, app.t.n[EV_PONG] == 1 && app.peer.nwriting == 0);
  (void)uv_run(&app.lb.uv, UV_RUN_NOWAIT);
  CHECK_ERR(WSUV_ESTATE, detach(&app)); /* inside a frame */
  raw_send(&app.peer, "2345", 4);
  RUN_UNTIL(&app.lb, app.t.n[EV_PING] == 3);
  app.t.on_event = close_and_detach;
  raw_frame(&app.peer, WSUV_TEXT, "end", 3);
  RUN_UNTIL(&app.lb, app.t.n[EV_MESSAGE] == 2);
  CHECK_INT(0, app.ndetached);
  raw_close(&app.peer);
  RUN_UNTIL(&app.lb, app.given.ndone == 1);
  close_app(&app);
}

static void test_before_open(void **state) {
  struct loopback lb;
  struct talker t;
  struct given given;
  struct raw peer;
  (void)state;

  loopback_open(&lb);
  talker_init(&t, &lb);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  CHECK_ERR(0, CALL(&lb, wsuv_conn_attach(lb.loop, &t.conn, given.stream, WSUV_CLIENT, NULL,
                                          &talker_handler, &t)));
  t.handed_out = 1;
  CHECK_ERR(WSUV_ESTATE, CALL(&lb, wsuv_conn_detach(t.conn, on_detached)));
  RUN_UNTIL(&lb, t.n[EV_OPEN] == 1);
  loopback_end(&lb);
  RUN_UNTIL(&lb, t.conn == NULL);
  given_close(&given);
  loopback_close(&lb);
}

/* ---- round and round ---- */

/* Inside its callback the stream goes to the next connection, with its leftover. */
static void attach_again(wsuv_conn_t *conn, uv_stream_t *stream, const void *leftover, size_t len) {
  struct talker *t = wsuv_conn_data(conn);
  struct app *app = t->arg;
  wsuv_attach_options_t options = WSUV_ATTACH_OPTIONS_INIT;
  wsuv_adopt_options_t adopt = given_options(0, leftover, len);
  struct talker *next = &((struct talker *)app->given.talker)[1];

  options.adopt = &adopt;
  CHECK_ERR(0, CALL(&app->lb, wsuv_conn_attach(app->lb.loop, &next->conn, stream, WSUV_SERVER,
                                               &options, &talker_handler, next)));
  next->handed_out = 1;
  app->ndetached++;
}

static void detach_to_attach(struct talker *t, enum event event) {
  if (event == EV_MESSAGE)
    CHECK_ERR(0, CALL(t->lb, wsuv_conn_detach(t->conn, attach_again)));
}

static void test_attached_again(void **state) {
  struct app app;
  struct talker talkers[2];
  wsuv_attach_options_t options = WSUV_ATTACH_OPTIONS_INIT;
  wsuv_adopt_options_t adopt = given_options(1, NULL, 0);
  (void)state;

  memset(&app, 0, sizeof app);
  loopback_open(&app.lb);
  talker_init(&talkers[0], &app.lb);
  talker_init(&talkers[1], &app.lb);
  talkers[0].on_event = detach_to_attach;
  talkers[0].arg = &app;
  talkers[1].on_event = talker_echo;
  CHECK_INT(0, given_open(&app.given, &app.peer, &app.lb, GIVEN_TCP));
  app.given.talker = talkers;
  options.adopt = &adopt;
  CHECK_ERR(0, CALL(&app.lb, wsuv_conn_attach(app.lb.loop, &talkers[0].conn, app.given.stream,
                                              WSUV_SERVER, &options, &talker_handler, talkers)));
  talkers[0].handed_out = 1;
  raw_frame(&app.peer, WSUV_TEXT, "last", 4);
  raw_frame(&app.peer, WSUV_TEXT, "first", 5);
  raw_expect_frame(&app.peer, WSUV_TEXT, "first", 5);
  CHECK_INT(1, app.ndetached);
  CHECK_STR("omc", talkers[0].log);
  CHECK_STR("om", talkers[1].log);
  CALL_VOID(&app.lb, wsuv_conn_terminate(talkers[1].conn));
  RUN_UNTIL(&app.lb, app.given.ndone == 1);
  loopback_close(&app.lb);
}

/* ---- every allocation ---- */

static int play_torture(const void *row, struct failure failure) {
  struct app app;
  uint8_t bytes[32];
  size_t len;
  (void)row;

  open_app(&app, GIVEN_PIPE, WSUV_CLIENT, 0, NULL);
  failing_alloc_fail_as(&app.lb.fa, failure);
  len = frame_put(bytes, WSUV_SERVER, WSUV_TEXT, "last", 4);
  memcpy(bytes + len, "rest", 4);
  raw_send(&app.peer, bytes, len + 4);
  RUN_UNTIL(&app.lb, app.peer.nwriting == 0 && app.t.n[EV_MESSAGE] == 1);
  raw_end(&app.peer);
  RUN_UNTIL(&app.lb, app.t.conn == NULL);
  CHECK_INT(app.t.end.error == 0, app.ndetached);
  if (app.ndetached)
    CHECK_BYTES("rest", 4, app.in, app.leftover_len);
  else
    CHECK_ERR(WSUV_ENOMEM, app.t.end.error);
  close_app(&app);
  return failing_alloc_has_failed(&app.lb.fa);
}

static void test_torture(void **state) {
  (void)state;

  CHECK_TRUE(failing_alloc_torture(play_torture, NULL, 1, 1) > 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_leftover),
      cmocka_unit_test(test_paused),
      cmocka_unit_test(test_later),
      cmocka_unit_test(test_output_first),
      cmocka_unit_test(test_end_of_the_peer),
      cmocka_unit_test(test_end_that_was_held),
      cmocka_unit_test(test_break_that_was_held),
      cmocka_unit_test(test_reads_that_were_under_way),
      cmocka_unit_test(test_troubles),
      cmocka_unit_test(test_not_the_applications_stream),
      cmocka_unit_test(test_wrong_moments),
      cmocka_unit_test(test_before_open),
      cmocka_unit_test(test_attached_again),
      cmocka_unit_test(test_torture),
  };
  return cmocka_run_group_tests_name("detach", tests, NULL, NULL);
}
