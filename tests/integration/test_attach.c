/* Connections on streams where the opening handshake was done already (wsuv_conn_attach), in either role. */
#include <string.h>

#include "integration/given_stream.h"
#include "support/toy_extension.h"

static int attach(struct talker *t, struct given *given, wsuv_role_t role,
                  const wsuv_attach_options_t *options) {
  struct loopback *lb = t->lb;

  if (CALL(lb, wsuv_conn_attach(lb->loop, &t->conn, given->stream, role, options, &talker_handler,
                                t)) == 0)
    t->handed_out = 1;
  else
    CHECK_NULL(t->conn);
  return lb->result;
}

/* ---- bytes ---- */

static void take_role(struct raw *peer, wsuv_role_t role) {
  peer->role = role == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER;
}

static size_t put_frames(uint8_t *out, const struct raw *peer) {
  size_t len = frame_put(out, peer->role, WSUV_TEXT, "hello", 5);
  return len + frame_put(out + len, peer->role, WSUV_PING, "p", 1);
}

static size_t play_split(enum given_kind kind, wsuv_role_t role, size_t at, int own) {
  struct loopback lb;
  struct talker t;
  struct given given;
  struct raw peer;
  uint8_t bytes[64];
  wsuv_attach_options_t options = WSUV_ATTACH_OPTIONS_INIT;
  wsuv_adopt_options_t adopt;
  size_t len;

  loopback_open(&lb);
  talker_init(&t, &lb);
  t.on_event = talker_echo;
  CHECK_INT(0, given_open(&given, &peer, &lb, kind));
  given.talker = &t;
  take_role(&peer, role);
  len = put_frames(bytes, &peer);
  adopt = given_options(own, bytes, at);
  options.adopt = &adopt;
  CHECK_ERR(0, attach(&t, &given, role, &options));
  CHECK_INT(WSUV_STATE_OPENING_HANDSHAKE, wsuv_conn_state(t.conn));
  CHECK_INT(role, wsuv_conn_role(t.conn));
  CHECK_NULL(wsuv_conn_server(t.conn));
  memset(bytes, 0, at);
  if (at < len)
    raw_send(&peer, bytes + at, len - at);
  raw_expect_frame(&peer, WSUV_TEXT, "hello", 5);
  raw_expect_frame(&peer, WSUV_PONG, "p", 1);
  CHECK_ERR(0, CALL(&lb, wsuv_conn_close(t.conn, 0, NULL)));
  raw_expect_close(&peer, 1000);
  raw_close_frame(&peer, 1000, NULL);
  if (role == WSUV_SERVER)
    raw_expect_eof(&peer); /* RFC 6455 7.1.1: the server ends first, a client waits for it */
  raw_end(&peer);
  RUN_UNTIL(&lb, given.ndone == 1);
  CHECK_INT(own, given.closed_by_library);
  CHECK_STR("omic", t.log);
  CHECK_INT(1, t.end.clean);
  CHECK_INT(1, t.end.opened);
  loopback_close(&lb);
  return len;
}

static void play_every_split(enum given_kind kind, wsuv_role_t role) {
  size_t len = play_split(kind, role, 0, 0);
  size_t at;

  for (at = 1; at <= len; at++)
    (void)play_split(kind, role, at, (int)(at % 2));
}

static void test_every_split(void **state) {
  (void)state;
  play_every_split(GIVEN_TCP, WSUV_SERVER);
  play_every_split(GIVEN_TCP, WSUV_CLIENT);
  play_every_split(GIVEN_PIPE, WSUV_SERVER);
  play_every_split(GIVEN_PIPE, WSUV_CLIENT);
}

/* ---- options ---- */

static void stop_reading(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    CALL_VOID(t->lb, wsuv_conn_read_stop(t->conn));
}

static void test_options(void **state) {
  struct loopback lb;
  struct talker t;
  struct given given;
  struct raw peer;
  uint8_t bytes[64];
  wsuv_attach_options_t options = WSUV_ATTACH_OPTIONS_INIT;
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  wsuv_adopt_options_t adopt;
  (void)state;

  loopback_open(&lb);
  talker_init(&t, &lb);
  t.on_event = stop_reading;
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  adopt = given_options(1, bytes, put_frames(bytes, &peer));
  limits.max_message_size = 4;
  options.adopt = &adopt;
  options.subprotocol = "chat";
  options.conn = &limits;
  CHECK_ERR(0, attach(&t, &given, WSUV_SERVER, &options));
  CHECK_STR("chat", wsuv_conn_subprotocol(t.conn));
  RUN_UNTIL(&lb, t.n[EV_OPEN] == 1);
  (void)uv_run(&lb.uv, UV_RUN_NOWAIT);
  CHECK_STR("o", t.log); /* stopped inside on_open: the leftover waits too */
  CALL_VOID(&lb, wsuv_conn_read_start(t.conn));
  raw_expect_close(&peer, 1009);
  raw_end(&peer);
  RUN_UNTIL(&lb, given.ndone == 1);
  CHECK_ERR(WSUV_EMSGSIZE, t.end.error);
  loopback_close(&lb);
}

static void test_wrong_input(void **state) {
  static const wsuv_handler_t no_close = {.size = sizeof(wsuv_handler_t)};
  struct loopback lb;
  struct talker t;
  struct given given;
  struct raw peer;
  wsuv_attach_options_t options = WSUV_ATTACH_OPTIONS_INIT;
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  wsuv_adopt_options_t adopt = given_options(1, NULL, 1);
  wsuv_conn_t *conn;
  (void)state;

  loopback_open(&lb);
  talker_init(&t, &lb);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  CHECK_ERR(WSUV_EINVAL, attach(&t, &given, (wsuv_role_t)3, NULL));
  options.adopt = &adopt;
  CHECK_ERR(WSUV_EINVAL, attach(&t, &given, WSUV_CLIENT, &options));
  options.adopt = NULL;
  options.subprotocol = "a b";
  CHECK_ERR(WSUV_EINVAL, attach(&t, &given, WSUV_CLIENT, &options));
  options.subprotocol = "";
  CHECK_ERR(WSUV_EINVAL, attach(&t, &given, WSUV_CLIENT, &options));
  options.subprotocol = NULL;
  limits.max_pings = -7;
  options.conn = &limits;
  CHECK_ERR(WSUV_EINVAL, attach(&t, &given, WSUV_CLIENT, &options));
  options.conn = NULL;
  options.size--;
  CHECK_ERR(WSUV_EINVAL, attach(&t, &given, WSUV_CLIENT, &options));
  CHECK_ERR(WSUV_EINVAL,
            wsuv_conn_attach(lb.loop, &conn, given.stream, WSUV_CLIENT, NULL, &no_close, NULL));
  CHECK_ERR(WSUV_EINVAL,
            wsuv_conn_attach(lb.loop, &conn, given.stream, WSUV_CLIENT, NULL, NULL, NULL));
  CHECK_ERR(WSUV_EINVAL,
            wsuv_conn_attach(lb.loop, &conn, NULL, WSUV_CLIENT, NULL, &talker_handler, NULL));
  given_close_untouched(&given);
  CHECK_ERR(WSUV_ESTREAM, attach(&t, &given, WSUV_CLIENT, NULL));
  loopback_close(&lb);
}

/* Before on_open, by each of the three ways. */
static void test_ended_at_once(void **state) {
  int way;
  (void)state;

  for (way = 0; way < 6; way++) {
    struct loopback lb;
    struct talker t;
    struct given given;
    struct raw peer;
    wsuv_attach_options_t options = WSUV_ATTACH_OPTIONS_INIT;
    wsuv_adopt_options_t adopt = given_options(way % 2, "\x89", 1);

    loopback_open(&lb);
    talker_init(&t, &lb);
    CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
    given.talker = &t;
    options.adopt = &adopt;
    CHECK_ERR(0, attach(&t, &given, WSUV_CLIENT, &options));
    if (way / 2 == 0)
      CHECK_ERR(0, CALL(&lb, wsuv_conn_close(t.conn, 0, NULL)));
    else if (way / 2 == 1)
      CALL_VOID(&lb, wsuv_conn_terminate(t.conn));
    else
      loopback_end(&lb);
    RUN_UNTIL(&lb, given.ndone == 1);
    CHECK_INT(way % 2, given.closed_by_library);
    CHECK_STR("c", t.log);
    CHECK_ERR(WSUV_ECANCELED, t.end.error);
    loopback_close(&lb);
  }
}

static int play_torture(const void *row, struct failure failure) {
  struct loopback lb;
  struct talker t;
  struct given given;
  struct raw peer;
  uint8_t bytes[64];
  wsuv_attach_options_t options = WSUV_ATTACH_OPTIONS_INIT;
  wsuv_adopt_options_t adopt;
  size_t len;
  int err;
  (void)row;

  loopback_open(&lb);
  talker_init(&t, &lb);
  t.on_event = talker_echo;
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  take_role(&peer, WSUV_CLIENT);
  len = put_frames(bytes, &peer);
  adopt = given_options((int)(failure.n % 2), bytes, len - 3);
  options.adopt = &adopt;
  options.subprotocol = "chat";
  failing_alloc_fail_as(&lb.fa, failure);
  err = attach(&t, &given, WSUV_CLIENT, &options);
  if (err == 0)
    raw_send(&peer, bytes + len - 3, 3);
  return given_end_torture(&given, &peer, err);
}

static void test_torture(void **state) {
  (void)state;

  CHECK_TRUE(failing_alloc_torture(play_torture, NULL, 1, 1) > 3);
}

/* covers: HSK.12 */
static void test_extensions(void **state) {
  wsuv_attach_options_t options = WSUV_ATTACH_OPTIONS_INIT;
  wsuv_conn_options_t limits = WSUV_CONN_OPTIONS_INIT;
  wsuv_negotiated_t runs = {&toy_runs, toy_session_new()};
  struct loopback lb;
  struct talker t;
  struct given given;
  struct raw peer;
  wsuv_adopt_options_t adopt;
  uint8_t frame[32];
  size_t len;

  (void)state;
  loopback_open(&lb);
  talker_init(&t, &lb);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_TCP));
  given.talker = &t;
  take_role(&peer, WSUV_SERVER);
  adopt = given_options(1, NULL, 0);
  options.adopt = &adopt;
  options.conn = &limits;
  options.nextensions = 1;
  CHECK_ERR(WSUV_EINVAL, attach(&t, &given, WSUV_SERVER, &options));
  options.extensions = &runs;
  limits.rsv = 2;
  CHECK_ERR(WSUV_ECLAIM, attach(&t, &given, WSUV_SERVER, &options));
  CHECK_INT(1, toy_sessions_alive()); /* still the application's */
  limits.rsv = 0;
  CHECK_ERR(0, attach(&t, &given, WSUV_SERVER, &options));
  len = frame_put(frame, WSUV_CLIENT, WSUV_TEXT, "\3a\1b", 4);
  frame[0] |= 2 << 4;
  raw_send(&peer, frame, len);
  RUN_UNTIL(&lb, t.n[EV_MESSAGE] == 1);
  CHECK_BYTES("aaab", 4, t.payload, t.len);
  CHECK_SIZE(1, wsuv_conn_nextensions(t.conn));
  CALL_VOID(&lb, wsuv_conn_terminate(t.conn));
  RUN_UNTIL(&lb, t.n[EV_CLOSE] == 1);
  CHECK_INT(0, toy_sessions_alive());
  loopback_close(&lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_split), cmocka_unit_test(test_options),
      cmocka_unit_test(test_wrong_input), cmocka_unit_test(test_ended_at_once),
      cmocka_unit_test(test_torture),     cmocka_unit_test(test_extensions),
  };
  return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}
