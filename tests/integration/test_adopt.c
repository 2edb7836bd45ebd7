/* A server's connections on streams that the application opened (wsuv/adopt.h), where the opening handshake is still to be
 * read; and what becomes of the streams. */
#include <stdlib.h>
#include <string.h>

#include "api/conn.h"
#include "integration/given_stream.h"

static void open_all(struct loopback *lb, struct host *host) {
  loopback_open(lb);
  host_init(host, lb);
  host->on_event = talker_echo;
  CHECK_ERR(0, host_create(host, NULL));
}

static int adopt(struct host *host, struct given *given, int own, const void *leftover,
                 size_t len) {
  wsuv_adopt_options_t options = given_options(own, leftover, len);

  return CALL(host->lb, wsuv_server_adopt(host->server, given->stream, &options));
}

/* ---- bytes ---- */

/* The request and two frames. */
static size_t put_bytes(uint8_t *out) {
  size_t len = strlen(RAW_REQUEST);

  memcpy(out, RAW_REQUEST, len);
  len += frame_put(out + len, WSUV_CLIENT, WSUV_TEXT, "hello", 5);
  return len + frame_put(out + len, WSUV_CLIENT, WSUV_PING, "p", 1);
}

static void check_echo(struct raw *peer) {
  RUN_UNTIL(peer->lb, raw_took_head(peer));
  CHECK_NOT_NULL(strstr(raw_text(peer), "HTTP/1.1 101 "));
  raw_expect_frame(peer, WSUV_TEXT, "hello", 5);
  raw_expect_frame(peer, WSUV_PONG, "p", 1);
}

/* The first `at` octets were read by the application. Returns how many octets there are, 0 where the kind of stream is not
 * to be had. */
static size_t play_split(enum given_kind kind, size_t at, int own) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  uint8_t bytes[512];
  size_t len = put_bytes(bytes);

  open_all(&lb, &host);
  if (given_open(&given, &peer, &lb, kind) != 0) {
    loopback_close(&lb);
    return 0;
  }
  CHECK_ERR(0, adopt(&host, &given, own, bytes, at));
  memset(bytes, 0, at); /* it was copied */
  if (at < len)
    raw_send(&peer, bytes + at, len - at);
  check_echo(&peer);
  given.talker = host.talkers[0];
  raw_close_frame(&peer, 1000, NULL);
  raw_expect_close(&peer, 1000);
  if (kind != GIVEN_TTY) /* a terminal has no write side to shut down */
    raw_expect_eof(&peer);
  raw_close(&peer);
  RUN_UNTIL(&lb, given.ndone == 1);
  CHECK_INT(own, given.closed_by_library);
  CHECK_INT(1, host.talkers[0]->end.clean);
  CHECK_STR("omic", host.talkers[0]->log);
  loopback_close(&lb);
  CHECK_INT(1, given.ndone);
  return len;
}

/* covers: UV.1 UV.3 IOC.6 */
static void test_every_split_of_tcp(void **state) {
  size_t len = play_split(GIVEN_TCP, 0, 0);
  size_t at;
  (void)state;

  for (at = 1; at <= len; at++)
    (void)play_split(GIVEN_TCP, at, (int)(at % 2));
}

static void test_every_split_of_a_pipe(void **state) {
  size_t len = play_split(GIVEN_PIPE, 0, 1);
  size_t at;
  (void)state;

  for (at = 1; at <= len; at++)
    (void)play_split(GIVEN_PIPE, at, (int)(at % 2));
}

static void test_terminal(void **state) {
  (void)state;
  if (play_split(GIVEN_TTY, 0, 0) == 0)
    skip();
  (void)play_split(GIVEN_TTY, 40, 1);
}

static void test_defaults(void **state) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  char text[64];
  (void)state;

  open_all(&lb, &host);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_TCP));
  CHECK_ERR(0, CALL(&lb, wsuv_server_adopt(host.server, given.stream, NULL)));
  CHECK_SIZE(1, wsuv_server_nconns(host.server));
  raw_say(&peer, RAW_REQUEST);
  RUN_UNTIL(&lb, host.ntalkers == 1);
  CHECK_ERR(0, wsuv_conn_peer(host.talkers[0]->conn, text, sizeof text));
  CHECK_TRUE(strncmp(text, "127.0.0.1:", 10) == 0);
  loopback_end(&lb);
  RUN_UNTIL(&lb, lb.loop_closed);
  CHECK_PTR(&given, given.stream->data);
  CHECK_INT(0, given.ndone);
  given_close(&given);
  loopback_close(&lb);
}

/* ---- what is refused ---- */

static void test_wrong_streams(void **state) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  wsuv_adopt_options_t options = given_options(1, NULL, 1);
  uv_tcp_t closed_one;
  uv_timer_t timer;
  uv_udp_t udp;
  uv_loop_t other;
  uv_tcp_t of_other;
  (void)state;

  open_all(&lb, &host);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_TCP));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_server_adopt(host.server, given.stream, &options)));
  options = given_options(1, NULL, 0);
  options.size = 1;
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_server_adopt(host.server, given.stream, &options)));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_server_adopt(host.server, NULL, NULL)));
  CHECK_ERR(0, uv_timer_init(&lb.uv, &timer));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_server_adopt(host.server, (uv_stream_t *)&timer, NULL)));
  uv_close((uv_handle_t *)&timer, NULL);
  CHECK_ERR(0, uv_udp_init(&lb.uv, &udp));
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_server_adopt(host.server, (uv_stream_t *)&udp, NULL)));
  uv_close((uv_handle_t *)&udp, NULL);
  CHECK_ERR(0, uv_tcp_init(&lb.uv, &closed_one));
  closed_one.data = &given;
  CHECK_ERR(WSUV_ESTREAM,
            CALL(&lb, wsuv_server_adopt(host.server, (uv_stream_t *)&closed_one, NULL)));
  uv_close((uv_handle_t *)&closed_one, NULL);
  CHECK_ERR(WSUV_ESTREAM,
            CALL(&lb, wsuv_server_adopt(host.server, (uv_stream_t *)&closed_one, NULL)));
  CHECK_PTR(&given, closed_one.data);
  CHECK_ERR(0, uv_loop_init(&other));
  CHECK_ERR(0, uv_tcp_init(&other, &of_other));
  CHECK_ERR(WSUV_ESTREAM,
            CALL(&lb, wsuv_server_adopt(host.server, (uv_stream_t *)&of_other, NULL)));
  uv_close((uv_handle_t *)&of_other, NULL);
  (void)uv_run(&other, UV_RUN_DEFAULT);
  CHECK_ERR(0, uv_loop_close(&other));
  CHECK_SIZE(0, wsuv_server_nconns(host.server));
  given_close_untouched(&given);
  CHECK_ERR(WSUV_ESTREAM, CALL(&lb, wsuv_server_adopt(host.server, given.stream, NULL)));
  loopback_close(&lb);
}

static void test_wrong_servers(void **state) {
  static const char *const paths[] = {"/tmp/x"};
  struct loopback lb;
  struct host host;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  options.host = "127.0.0.1";
  CHECK_ERR(WSUV_EINVAL, host_create(&host, &options));
  options.host = NULL;
  options.port = 1;
  CHECK_ERR(WSUV_EINVAL, host_create(&host, &options));
  options.port = 0;
  options.path = paths[0];
  CHECK_ERR(WSUV_EINVAL, host_create(&host, &options));
  options.path = NULL;
  options.backlog = 1;
  CHECK_ERR(WSUV_EINVAL, host_create(&host, &options));
  options.backlog = 0;
  options.max_connections = -1;
  CHECK_ERR(WSUV_EINVAL, host_create(&host, &options));
  options.max_connections = 0;
  CHECK_ERR(0, host_create(&host, &options));
  loopback_close(&lb);
  CHECK_INT(1, host.nclosed);
}

static void test_limit_and_end(void **state) {
  struct loopback lb;
  struct host host;
  struct given given[2];
  struct raw peers[2];
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  options.max_connections = 1;
  CHECK_ERR(0, host_create(&host, &options));
  CHECK_INT(0, given_open(&given[0], &peers[0], &lb, GIVEN_PIPE));
  CHECK_INT(0, given_open(&given[1], &peers[1], &lb, GIVEN_PIPE));
  CHECK_ERR(0, adopt(&host, &given[0], 1, NULL, 0));
  CHECK_ERR(WSUV_EBUSY, adopt(&host, &given[1], 1, NULL, 0));
  CHECK_PTR(&given[1], given[1].stream->data);
  CHECK_INT(503, wsuv_err_http_status(WSUV_EBUSY));
  CALL_VOID(&lb, wsuv_server_close(host.server));
  CALL_VOID(&lb, wsuv_server_close(host.server));
  CHECK_ERR(WSUV_ESTATE, adopt(&host, &given[1], 1, NULL, 0));
  CHECK_INT(0, host.nclosed);
  RUN_UNTIL(&lb, raw_took_head(&peers[0])); /* its request had not come */
  CHECK_NOT_NULL(strstr(raw_text(&peers[0]), "HTTP/1.1 503 "));
  raw_end(&peers[0]);
  RUN_UNTIL(&lb, host.nclosed == 1);
  CHECK_INT(1, given[0].ndone);
  given_close(&given[1]);
  loopback_close(&lb);
}

static void test_empty_server_ends(void **state) {
  struct loopback lb;
  struct host host;
  (void)state;

  open_all(&lb, &host);
  loopback_run_out(&lb); /* it keeps no loop alive */
  CALL_VOID(&lb, wsuv_server_close(host.server));
  RUN_UNTIL(&lb, host.nclosed == 1);
  loopback_close(&lb);
}

/* A connection that never opens has no on_close; the stream comes back all the same. */
static void test_bad_request(void **state) {
  int own;
  (void)state;

  for (own = 0; own < 2; own++) {
    struct loopback lb;
    struct host host;
    struct given given;
    struct raw peer;

    open_all(&lb, &host);
    CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_TCP));
    CHECK_ERR(0, adopt(&host, &given, own, "GET /", 5));
    raw_say(&peer, "\x01");
    RUN_UNTIL(&lb, raw_took_head(&peer));
    CHECK_NOT_NULL(strstr(raw_text(&peer), "HTTP/1.1 400 "));
    raw_expect_eof(&peer);
    raw_end(&peer);
    RUN_UNTIL(&lb, given.ndone == 1);
    CHECK_INT(own, given.closed_by_library);
    CHECK_SIZE(0, host.ntalkers);
    CHECK_SIZE(0, wsuv_server_nconns(host.server));
    loopback_close(&lb);
  }
}

/* ---- ends ---- */

static void open_one(struct loopback *lb, struct host *host, struct given *given, struct raw *peer,
                     int own) {
  open_all(lb, host);
  CHECK_INT(0, given_open(given, peer, lb, GIVEN_PIPE));
  CHECK_ERR(0, adopt(host, given, own, NULL, 0));
  raw_say(peer, RAW_REQUEST);
  RUN_UNTIL(lb, host->ntalkers == 1 && raw_took_head(peer));
  given->talker = host->talkers[0];
}

static void test_loop_close(void **state) {
  int own;
  (void)state;

  for (own = 0; own < 2; own++) {
    struct loopback lb;
    struct host host;
    struct given given;
    struct raw peer;

    open_one(&lb, &host, &given, &peer, own);
    loopback_end(&lb);
    CHECK_INT(0, given.ndone);
    RUN_UNTIL(&lb, lb.loop_closed);
    CHECK_INT(1, given.ndone);
    CHECK_INT(own, given.closed_by_library);
    CHECK_ERR(WSUV_ECANCELED, host.talkers[0]->end.error);
    loopback_close(&lb);
  }
}

static void fill_up(struct talker *t) {
  static const uint8_t zeros[4 * 1024 * 1024];

  CHECK_ERR(0, CALL(t->lb, wsuv_conn_send_binary(t->conn, zeros, sizeof zeros)));
  loopback_turn(t->lb);
  CHECK_TRUE(wsuv_conn_queued(t->conn) > 0);
}

static void test_giving_back_waits_for_the_write(void **state) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  int i;
  (void)state;

  open_one(&lb, &host, &given, &peer, 0);
  raw_stop_reading(&peer);
  fill_up(host.talkers[0]);
  CALL_VOID(&lb, wsuv_conn_terminate(host.talkers[0]->conn));
  for (i = 0; i < 20; i++)
    (void)uv_run(&lb.uv, UV_RUN_NOWAIT);
  CHECK_INT(0, given.ndone);
  CHECK_NOT_NULL(host.talkers[0]->conn);
  raw_start_reading(&peer);
  RUN_UNTIL(&lb, given.ndone == 1);
  CHECK_ERR(WSUV_ECANCELED, host.talkers[0]->end.error);
  loopback_close(&lb);
}

/* By which the heartbeat tells a slow peer from a dead one. */
static void test_write_progress_is_the_given_streams(void **state) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  struct wsuv__stream *stream;
  size_t before;
  (void)state;

  open_one(&lb, &host, &given, &peer, 1);
  raw_stop_reading(&peer);
  fill_up(host.talkers[0]);
  stream = &host.talkers[0]->conn->stream.base;
  before = stream->ops->unwritten(stream);
  CHECK_TRUE(before > 0);
  CHECK_SIZE(uv_stream_get_write_queue_size(given.stream), before);
  raw_start_reading(&peer);
  RUN_UNTIL(&lb, stream->ops->unwritten(stream) < before);
  loopback_close(&lb);
}

/* The way out of that. */
static void test_close_behind_terminate(void **state) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  int full;
  (void)state;

  for (full = 0; full < 2; full++) {
    open_one(&lb, &host, &given, &peer, 0);
    raw_stop_reading(&peer);
    if (full)
      fill_up(host.talkers[0]);
    CALL_VOID(&lb, wsuv_conn_terminate(host.talkers[0]->conn));
    if (full) /* else the stream would be given back after it is gone: wait for close_cb */
      given_close(&given);
    RUN_UNTIL(&lb, host.talkers[0]->conn == NULL);
    RUN_UNTIL(&lb, given.handle == NULL);
    loopback_close(&lb);
  }
}

static void close_in_on_close(struct talker *t, enum event event) {
  struct given *given = t->host->arg;

  if (event == EV_CLOSE)
    uv_close((uv_handle_t *)given->stream, NULL);
}

/* Between terminate and on_close, or inside of that, when the stream is about to be given back: its memory stays until then. */
static void test_close_before_it_is_given_back(void **state) {
  int inside;
  (void)state;

  for (inside = 0; inside < 2; inside++) {
    struct loopback lb;
    struct host host;
    struct given given;
    struct raw peer;

    open_one(&lb, &host, &given, &peer, 0);
    host.arg = &given;
    host.talkers[0]->on_event = inside ? close_in_on_close : NULL;
    CALL_VOID(&lb, wsuv_conn_terminate(host.talkers[0]->conn));
    RUN_UNTIL(&lb, wsuv_conn_state(host.talkers[0]->conn) == WSUV_STATE_RELEASING);
    if (!inside)
      uv_close((uv_handle_t *)given.stream, NULL);
    RUN_UNTIL(&lb, host.talkers[0]->conn == NULL);
    CHECK_INT(0, given.ndone);
    loopback_close(&lb);
    free(given.handle);
  }
}

static void close_stream(struct talker *t, enum event event) {
  struct given *given = t->host->arg;

  if (event == EV_MESSAGE)
    given_close(given);
}

static void test_closed_by_the_application(void **state) {
  int own;
  (void)state;

  for (own = 0; own < 2; own++) {
    struct loopback lb;
    struct host host;
    struct given given;
    struct raw peer;

    open_one(&lb, &host, &given, &peer, own);
    host.arg = &given;
    host.talkers[0]->on_event = close_stream;
    raw_frame(&peer, WSUV_TEXT, "go", 2);
    RUN_UNTIL(&lb, host.talkers[0]->conn == NULL && given.handle == NULL);
    CHECK_ERR(UV_ECANCELED, host.talkers[0]->end.error);
    CHECK_INT(0, given.ndone);
    loopback_close(&lb);
  }
}

static void test_closed_with_a_write_under_way(void **state) {
  int own;
  (void)state;

  for (own = 0; own < 2; own++) {
    struct loopback lb;
    struct host host;
    struct given given;
    struct raw peer;

    open_one(&lb, &host, &given, &peer, own);
    raw_stop_reading(&peer);
    fill_up(host.talkers[0]);
    given_close(&given);
    RUN_UNTIL(&lb, host.talkers[0]->conn == NULL && given.handle == NULL);
    CHECK_ERR(UV_ECANCELED, host.talkers[0]->end.error);
    CHECK_INT(0, given.ndone);
    loopback_close(&lb);
  }
}

/* ---- every allocation ---- */

static int play_torture(const void *row, struct failure failure) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  uint8_t bytes[512];
  size_t len = put_bytes(bytes);
  int err;
  (void)row;

  loopback_open(&lb);
  host_init(&host, &lb);
  host.on_event = talker_echo;
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  failing_alloc_fail_as(&lb.fa, failure);
  err = host_create(&host, NULL);
  if (err == 0)
    err = adopt(&host, &given, (int)(failure.n % 2), bytes, len - 3);
  if (err == 0)
    raw_send(&peer, bytes + len - 3, 3);
  return given_end_torture(&given, &peer, err);
}

static void test_torture(void **state) {
  (void)state;

  CHECK_TRUE(failing_alloc_torture(play_torture, NULL, 1, 1) > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_split_of_tcp),
      cmocka_unit_test(test_every_split_of_a_pipe),
      cmocka_unit_test(test_terminal),
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_wrong_streams),
      cmocka_unit_test(test_wrong_servers),
      cmocka_unit_test(test_limit_and_end),
      cmocka_unit_test(test_empty_server_ends),
      cmocka_unit_test(test_bad_request),
      cmocka_unit_test(test_loop_close),
      cmocka_unit_test(test_giving_back_waits_for_the_write),
      cmocka_unit_test(test_write_progress_is_the_given_streams),
      cmocka_unit_test(test_close_behind_terminate),
      cmocka_unit_test(test_close_before_it_is_given_back),
      cmocka_unit_test(test_closed_by_the_application),
      cmocka_unit_test(test_closed_with_a_write_under_way),
      cmocka_unit_test(test_torture),
  };
  return cmocka_run_group_tests_name("adopt", tests, NULL, NULL);
}
