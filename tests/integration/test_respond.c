/* Answers that keep the connection: wsuv_upgrade_respond, over sockets made by hand. */
#include <stdio.h>
#include <string.h>

#include "api/conn_rest.h"
#include "api/server.h"
#include "api/upgrade.h"
#include "integration/given_stream.h"

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: b\r\n\r\n"
#define OK(body)   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" body
#define LAST(body) "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n" body

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
  wsuv_server_options_t options;
  wsuv_conn_options_t conn;
  unsigned nasked;
  char targets[64]; /* the last letter of each, in order */
};

static struct rig *rig_of(struct host *host) {
  return host->arg;
}

static void note(struct host *host, wsuv_upgrade_t *request) {
  struct rig *rig = rig_of(host);
  wsuv_span_t path = wsuv_upgrade_path(request);
  size_t len = strlen(rig->targets);

  rig->nasked++;
  if (len + 1 < sizeof rig->targets)
    rig->targets[len] = (char)path.data[path.len - 1];
}

/* The body is the last two octets of the path. */
static int respond_to(struct host *host, wsuv_upgrade_t *request) {
  wsuv_span_t path = wsuv_upgrade_path(request);
  return CALL(host->lb, wsuv_upgrade_respond(request, 200, NULL, 0, path.data + path.len - 2, 2));
}

static void answer(struct host *host, wsuv_upgrade_t *request) {
  note(host, request);
  CHECK_ERR(0, respond_to(host, request));
}

static void answer_late(struct host *host, wsuv_upgrade_t *request) {
  note(host, request);
  host_decide_late(host, request);
}

static int respond_late(struct rig *rig) {
  wsuv_upgrade_t *request = rig->host.upgrade;

  rig->host.upgrade = NULL;
  return respond_to(&rig->host, request);
}

static void prepare(struct rig *rig, void (*on_request)(struct host *, wsuv_upgrade_t *)) {
  static const wsuv_server_options_t server_presets = WSUV_SERVER_OPTIONS_INIT;
  static const wsuv_conn_options_t conn_presets = WSUV_CONN_OPTIONS_INIT;

  memset(rig, 0, sizeof *rig);
  loopback_open(&rig->lb);
  rig->options = server_presets;
  rig->conn = conn_presets;
  rig->options.conn = &rig->conn;
  host_init(&rig->host, &rig->lb);
  rig->host.on_request = on_request;
  rig->host.on_event = talker_echo;
  rig->host.arg = rig;
}

static void start(struct rig *rig) {
  CHECK_ERR(0, host_listen(&rig->host, &rig->options));
  raw_connect(&rig->raw, &rig->lb, rig->host.port);
}

static void open_rig(struct rig *rig, void (*on_request)(struct host *, wsuv_upgrade_t *)) {
  prepare(rig, on_request);
  start(rig);
}

/* All that came behind what was taken; takes it. */
static void expect(struct raw *raw, const char *text) {
  size_t len = strlen(text);

  RUN_UNTIL(raw->lb, raw->in_len - raw->at >= len || raw->eof || raw->error != 0);
  CHECK_BYTES(text, len, raw->in + raw->at, raw->in_len - raw->at);
  raw->at += len;
}

static void expect_end(struct raw *raw) {
  RUN_UNTIL(raw->lb, raw->eof || raw->error != 0);
  CHECK_TRUE(raw->eof);
  CHECK_SIZE(raw->at, raw->in_len);
}

/* Over one more head. */
static void skip_head(struct raw *raw) {
  const char *end;

  while ((end = raw->in_len > raw->at ? strstr((char *)raw->in + raw->at, "\r\n\r\n") : NULL) ==
         NULL)
    loopback_turn(raw->lb);
  raw->at = (size_t)(end + 4 - (char *)raw->in);
}

/* ---- one after the other ---- */

static void test_in_the_callback(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer);
  raw_say(&rig.raw, GET("/aa"));
  expect(&rig.raw, OK("aa"));
  raw_say(&rig.raw, GET("/bb"));
  expect(&rig.raw, OK("bb"));
  CHECK_SIZE(1, wsuv_server_nconns(rig.host.server));
  loopback_close(&rig.lb);
  CHECK_INT(2, rig.nasked);
}

static void test_later(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer_late);
  raw_say(&rig.raw, GET("/aa"));
  RUN_UNTIL(&rig.lb, rig.host.upgrade != NULL);
  CHECK_ERR(0, respond_late(&rig));
  expect(&rig.raw, OK("aa"));
  raw_say(&rig.raw, GET("/bb"));
  RUN_UNTIL(&rig.lb, rig.host.upgrade != NULL);
  CHECK_ERR(0, respond_late(&rig));
  expect(&rig.raw, OK("bb"));
  loopback_close(&rig.lb);
}

static void answer_wrongly(struct host *host, wsuv_upgrade_t *request) {
  static const wsuv_header_t own = {"Connection", "keep-alive", 0, 0};

  note(host, request);
  CHECK_ERR(WSUV_ESTATE, CALL(host->lb, wsuv_upgrade_accept(request, NULL)));
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_respond(request, 101, NULL, 0, NULL, 0)));
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_respond(request, 199, NULL, 0, NULL, 0)));
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_respond(request, 600, NULL, 0, NULL, 0)));
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_respond(request, 200, NULL, 0, NULL, 1)));
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_respond(request, 204, NULL, 0, "x", 1)));
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_respond(request, 401, NULL, 0, NULL, 0)));
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_respond(request, 200, &own, 1, NULL, 0)));
  CHECK_ERR(0, respond_to(host, request));
  CHECK_ERR(WSUV_ESTATE, CALL(host->lb, wsuv_upgrade_respond(request, 200, NULL, 0, NULL, 0)));
  CHECK_ERR(WSUV_ESTATE, CALL(host->lb, wsuv_upgrade_reject(request, 200, NULL, 0, NULL, 0)));
  CHECK_ERR(WSUV_ESTATE, CALL(host->lb, wsuv_upgrade_redirect(request, 302, "/")));
}

/* After an error the request still waits; a second answer is refused. */
static void test_errors(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer_wrongly);
  raw_say(&rig.raw, GET("/aa"));
  expect(&rig.raw, OK("aa"));
  loopback_close(&rig.lb);
}

/* It is for on_request's alone. */
static void respond_to_upgrade(struct host *host, wsuv_upgrade_t *upgrade) {
  CHECK_ERR(WSUV_ESTATE, CALL(host->lb, wsuv_upgrade_respond(upgrade, 200, NULL, 0, NULL, 0)));
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_accept(upgrade, NULL)));
}

static void test_upgrade_after_requests(void **state) {
  struct rig rig;
  struct raw *raw = &rig.raw;
  (void)state;

  prepare(&rig, answer);
  rig.host.on_upgrade = respond_to_upgrade;
  start(&rig);
  raw_say(raw, GET("/aa"));
  expect(raw, OK("aa"));
  raw_say(raw, GET("/bb"));
  expect(raw, OK("bb"));
  raw_say(raw, RAW_REQUEST);
  skip_head(raw);
  raw_frame(raw, WSUV_TEXT, "hello", 5);
  raw_expect_frame(raw, WSUV_TEXT, "hello", 5);
  CHECK_INT(2, rig.nasked);
  loopback_close(&rig.lb);
}

/* ---- ahead ---- */

#define AHEAD GET("/aa") GET("/bb") "HEAD /cc HTTP/1.1\r\nHost: b\r\n\r\n" RAW_REQUEST

/* Requests, an upgrade and a first frame in two pieces. */
static void run_cut(void (*on_request)(struct host *, wsuv_upgrade_t *), const uint8_t *bytes,
                    size_t len, size_t cut) {
  static const char answers[] =
      OK("aa") OK("bb") "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP/1.1 101 ";
  struct rig rig;
  struct raw *raw = &rig.raw;

  open_rig(&rig, on_request);
  RUN_UNTIL(&rig.lb, raw->connected);
  raw_send(raw, bytes, cut);
  RUN_UNTIL(&rig.lb, raw->nwriting == 0);
  (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  raw_send(raw, bytes + cut, len - cut);
  while (rig.host.ntalkers == 0) {
    if (rig.host.upgrade != NULL)
      CHECK_ERR(0, respond_late(&rig));
    loopback_turn(&rig.lb);
  }
  RUN_UNTIL(&rig.lb, raw->in_len > sizeof answers);
  CHECK_BYTES(answers, strlen(answers), raw->in, strlen(answers));
  raw->at = strlen(answers);
  skip_head(raw);
  raw_expect_frame(raw, WSUV_TEXT, "first", 5);
  CHECK_STR("abc", rig.targets);
  loopback_close(&rig.lb);
}

/* Cut at every place. */
static void run_cuts(void (*on_request)(struct host *, wsuv_upgrade_t *)) {
  uint8_t bytes[sizeof AHEAD + 16] = AHEAD;
  size_t len = sizeof AHEAD - 1;
  size_t cut;

  len += frame_put(bytes + len, WSUV_CLIENT, WSUV_TEXT, "first", 5);
  for (cut = 0; cut <= len; cut += loopback_is_slow() ? 17 : 1)
    run_cut(on_request, bytes, len, cut);
}

static void test_ahead(void **state) {
  (void)state;
  run_cuts(answer);
}

static void test_ahead_and_late(void **state) {
  (void)state;
  run_cuts(answer_late);
}

/* One at a time: what waits for the application is not overtaken. */
static void test_order(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer_late);
  raw_say(&rig.raw, GET("/aa") GET("/bb") GET("/cc"));
  RUN_UNTIL(&rig.lb, rig.host.upgrade != NULL);
  (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  CHECK_STR("a", rig.targets);
  CHECK_ERR(0, respond_late(&rig));
  expect(&rig.raw, OK("aa"));
  RUN_UNTIL(&rig.lb, rig.host.upgrade != NULL);
  CHECK_STR("ab", rig.targets);
  CHECK_ERR(0, CALL(&rig.lb, wsuv_upgrade_reject(rig.host.upgrade, 404, NULL, 0, NULL, 0)));
  expect(&rig.raw, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  expect_end(&rig.raw);
  CHECK_STR("ab", rig.targets);
  loopback_close(&rig.lb);
}

/* A fault ends the connection behind the answers that are owed. */
static void test_fault_behind(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer);
  raw_say(&rig.raw, GET("/aa") "GET  /bb HTTP/1.1\r\n" GET("/cc"));
  RUN_UNTIL(&rig.lb, rig.raw.eof);
  CHECK_BYTES(OK("aa") "HTTP/1.1 400 ", strlen(OK("aa") "HTTP/1.1 400 "), rig.raw.in,
              strlen(OK("aa") "HTTP/1.1 400 "));
  CHECK_STR("a", rig.targets);
  CHECK_INT(1, (int)rig.host.server->rejected[WSUV_REJECTED_MALFORMED]);
  loopback_close(&rig.lb);
}

/* covers: H036 */
static void test_body_is_refused(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer);
  raw_say(&rig.raw,
          GET("/aa") "GET /bb HTTP/1.1\r\nHost: b\r\nContent-Length: 36\r\n\r\n" GET("/cc"));
  RUN_UNTIL(&rig.lb, rig.raw.eof);
  CHECK_STR("a", rig.targets);
  CHECK_NOT_NULL(strstr(raw_text(&rig.raw), OK("aa")));
  CHECK_NULL(strstr(raw_text(&rig.raw), "cc"));
  loopback_close(&rig.lb);
}

/* ---- what ends it ---- */

struct ending_row {
  const char *name;
  const char *request;
  const char *answer;
};

static const struct ending_row endings[] = {
    {"close", "GET /aa HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n", LAST("aa")},
    {"close among others", "GET /aa HTTP/1.1\r\nHost: b\r\nConnection: x, CLOSE\r\n\r\n",
     LAST("aa")},
    {"close in a second line",
     "GET /aa HTTP/1.1\r\nHost: b\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
     LAST("aa")},
    {"close behind what is no token",
     "GET /aa HTTP/1.1\r\nHost: b\r\nConnection: a b, close\r\n\r\n", LAST("aa")},
    {"HEAD and close", "HEAD /aa HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n", LAST("")},
};

static void test_ending(const void *given) {
  const struct ending_row *row = given;
  struct rig rig;

  open_rig(&rig, answer);
  raw_say(&rig.raw, row->request);
  raw_say(&rig.raw, GET("/bb"));
  expect(&rig.raw, row->answer);
  expect_end(&rig.raw);
  CHECK_STR("a", rig.targets);
  CHECK_INT(0, (int)rig.host.server->rejected[WSUV_REJECTED_BY_APPLICATION]);
  loopback_close(&rig.lb);
}

static const struct ending_row kept[] = {
    {"keep-alive", "GET /aa HTTP/1.1\r\nHost: b\r\nConnection: keep-alive\r\n\r\n", OK("aa")},
    {"a token that begins alike", "GET /aa HTTP/1.1\r\nHost: b\r\nConnection: closed\r\n\r\n",
     OK("aa")},
    {"HEAD", "HEAD /aa HTTP/1.1\r\nHost: b\r\n\r\n", OK("")},
    {"an empty body", "GET /aa HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n", OK("aa")},
    {"empty lines before", "\r\n\r\nGET /aa HTTP/1.1\r\nHost: b\r\n\r\n", OK("aa")},
};

static void test_kept(const void *given) {
  const struct ending_row *row = given;
  struct rig rig;

  open_rig(&rig, answer);
  raw_say(&rig.raw, row->request);
  expect(&rig.raw, row->answer);
  raw_say(&rig.raw, row->request);
  expect(&rig.raw, row->answer);
  loopback_close(&rig.lb);
}

/* HTTP/1.0 does not come so far: 505. */
static void test_http_1_0(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer);
  raw_say(&rig.raw, "GET /aa HTTP/1.0\r\nHost: b\r\nConnection: keep-alive\r\n\r\n");
  raw_expect_eof(&rig.raw);
  CHECK_BYTES("HTTP/1.1 505 ", 13, rig.raw.in, 13);
  CHECK_INT(0, rig.nasked);
  loopback_close(&rig.lb);
}

static void check_max_requests(int64_t max) {
  struct rig rig;
  int64_t i;

  prepare(&rig, answer);
  rig.options.max_requests = max;
  start(&rig);
  for (i = 1; i < max; i++) {
    raw_say(&rig.raw, GET("/aa"));
    expect(&rig.raw, OK("aa"));
  }
  raw_say(&rig.raw, GET("/aa") GET("/bb"));
  expect(&rig.raw, LAST("aa"));
  expect_end(&rig.raw);
  CHECK_INT((int)max, rig.nasked);
  loopback_close(&rig.lb);
}

static void test_max_requests(void **state) {
  (void)state;
  check_max_requests(1);
  check_max_requests(2);
  check_max_requests(3);
}

static void test_wrong_options(void **state) {
  struct rig rig;
  (void)state;

  prepare(&rig, answer);
  rig.options.max_requests = -2;
  CHECK_ERR(WSUV_EINVAL, host_listen(&rig.host, &rig.options));
  rig.options.max_requests = 0;
  rig.options.keep_alive_timeout_ms = -2;
  CHECK_ERR(WSUV_EINVAL, host_listen(&rig.host, &rig.options));
  loopback_close(&rig.lb);
}

/* ---- closing ---- */

static void test_server_closed_between(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer);
  raw_say(&rig.raw, GET("/aa"));
  expect(&rig.raw, OK("aa"));
  CALL_VOID(&rig.lb, wsuv_server_close(rig.host.server));
  expect_end(&rig.raw);
  CHECK_INT(0, (int)rig.host.server->rejected[WSUV_REJECTED_STOPPING]);
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.host.nclosed == 1);
  loopback_close(&rig.lb);
}

static void answer_and_close(struct host *host, wsuv_upgrade_t *request) {
  answer(host, request);
  CALL_VOID(host->lb, wsuv_server_close(host->server));
}

/* What was sent ahead is not looked at any more. */
static void test_server_closed_in_the_callback(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer_and_close);
  raw_say(&rig.raw, GET("/aa") GET("/bb"));
  expect(&rig.raw, OK("aa"));
  expect_end(&rig.raw);
  CHECK_INT(1, rig.nasked);
  loopback_close(&rig.lb);
}

static void test_server_closed_before_the_answer(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer_late);
  raw_say(&rig.raw, GET("/aa") GET("/bb"));
  RUN_UNTIL(&rig.lb, rig.host.upgrade != NULL);
  CALL_VOID(&rig.lb, wsuv_server_close(rig.host.server));
  CHECK_ERR(0, respond_late(&rig));
  expect(&rig.raw, LAST("aa"));
  expect_end(&rig.raw);
  CHECK_INT(1, rig.nasked);
  loopback_close(&rig.lb);
}

static void test_server_closed_amid_the_next(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer);
  raw_say(&rig.raw, GET("/aa") "GET /b");
  expect(&rig.raw, OK("aa"));
  RUN_UNTIL(&rig.lb, rig.raw.nwriting == 0);
  (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  CALL_VOID(&rig.lb, wsuv_server_close(rig.host.server));
  CHECK_INT(1, (int)rig.host.server->rejected[WSUV_REJECTED_STOPPING]);
  RUN_UNTIL(&rig.lb, rig.raw.eof);
  CHECK_NOT_NULL(strstr(raw_text(&rig.raw), OK("aa") "HTTP/1.1 503 "));
  loopback_close(&rig.lb);
}

static void test_peer_leaves(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer);
  raw_say(&rig.raw, GET("/aa"));
  expect(&rig.raw, OK("aa"));
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 0);
  loopback_close(&rig.lb);
}

static void test_peer_leaves_before_the_answer(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, answer_late);
  raw_say(&rig.raw, GET("/aa"));
  RUN_UNTIL(&rig.lb, rig.host.upgrade != NULL);
  CHECK_ERR(0, respond_late(&rig));
  expect(&rig.raw, OK("aa"));
  raw_say(&rig.raw, GET("/bb"));
  RUN_UNTIL(&rig.lb, rig.host.upgrade != NULL);
  raw_reset(&rig.raw);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 0);
  CHECK_ERR(WSUV_ECANCELED,
            CALL(&rig.lb, wsuv_upgrade_respond(rig.host.upgrade, 0, NULL, 0, NULL, 0)));
  loopback_close(&rig.lb);
}

/* ---- time ---- */

static void test_idle(void **state) {
  struct rig rig;
  (void)state;

  prepare(&rig, answer);
  rig.options.keep_alive_timeout_ms = 1;
  rig.conn.handshake_timeout_ms = WSUV_OFF;
  start(&rig);
  raw_say(&rig.raw, GET("/aa"));
  expect(&rig.raw, OK("aa"));
  expect_end(&rig.raw); /* without a word */
  CHECK_INT(0, (int)rig.host.server->rejected[WSUV_REJECTED_SLOW]);
  raw_end(&rig.raw);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 0);
  loopback_close(&rig.lb);
}

static wsuv_conn_t *only_conn(struct rig *rig) {
  CHECK_SIZE(1, wsuv_server_nconns(rig->host.server));
  return WSUV__LIST_ENTRY(rig->host.server->conns.next, wsuv_conn_t, link);
}

/* From the answer on it is keep_alive_timeout_ms, from the first octet handshake_timeout_ms, of which an octet more is no
 * other deadline. */
static void test_deadlines(void **state) {
  struct rig rig;
  wsuv_conn_t *conn;
  uint64_t before;
  (void)state;

  prepare(&rig, answer);
  rig.options.keep_alive_timeout_ms = 1000000;
  rig.conn.handshake_timeout_ms = 2000000;
  start(&rig);
  raw_say(&rig.raw, GET("/aa"));
  expect(&rig.raw, OK("aa"));
  conn = only_conn(&rig);
  CHECK_TRUE(conn->awake->due_ms >= 1000000 && conn->awake->due_ms - uv_now(&rig.lb.uv) <= 1000000);
  raw_say(&rig.raw, "G");
  RUN_UNTIL(&rig.lb, conn->awake->upgrade != NULL);
  CHECK_TRUE(conn->awake->due_ms - uv_now(&rig.lb.uv) > 1000000);
  CHECK_TRUE(conn->awake->due_ms - uv_now(&rig.lb.uv) <= 2000000);
  before = conn->awake->due_ms;
  raw_say(&rig.raw, "ET /bb");
  RUN_UNTIL(&rig.lb, conn->awake->upgrade->head.total == 7);
  CHECK_TRUE(before == conn->awake->due_ms);
  loopback_close(&rig.lb);
}

static void test_slow_next_request(void **state) {
  struct rig rig;
  (void)state;

  prepare(&rig, answer);
  rig.options.keep_alive_timeout_ms = WSUV_OFF;
  start(&rig);
  raw_say(&rig.raw, GET("/aa"));
  expect(&rig.raw, OK("aa"));
  rig.host.server->config.handshake_timeout_ms =
      1; /* only now, so that the first may take its time */
  raw_say(&rig.raw, "GET /");
  RUN_UNTIL(&rig.lb, rig.raw.eof);
  CHECK_NOT_NULL(strstr(raw_text(&rig.raw), OK("aa") "HTTP/1.1 408 "));
  CHECK_INT(1, (int)rig.host.server->rejected[WSUV_REJECTED_SLOW]);
  loopback_close(&rig.lb);
}

/* ---- memory ---- */

static void test_many(void **state) {
  struct rig rig;
  size_t idle = 0;
  int i;
  (void)state;

  prepare(&rig, answer);
  rig.options.max_requests = WSUV_OFF;
  start(&rig);
  for (i = 0; i < 1000; i++) {
    raw_say(&rig.raw, GET("/aa"));
    expect(&rig.raw, OK("aa"));
    RUN_UNTIL(&rig.lb, rig.raw.nwriting == 0 && only_conn(&rig)->awake->upgrade == NULL);
    idle = i == 0 ? rig.lb.fa.outstanding_size : idle;
    CHECK_SIZE(idle, rig.lb.fa.outstanding_size);
  }
  CHECK_NULL(only_conn(&rig)->awake->upgrade); /* of an idle one nothing but itself is left */
  loopback_close(&rig.lb);
}

/* All of them at once. */
static void test_many_ahead(void **state) {
  struct rig rig;
  int i;
  (void)state;

  prepare(&rig, answer);
  rig.options.max_requests = 1000;
  start(&rig);
  for (i = 0; i < 1000; i++)
    raw_say(&rig.raw, GET("/aa"));
  raw_say(&rig.raw, GET("/bb"));
  raw_expect_eof(&rig.raw);
  CHECK_INT(1000, rig.nasked);
  CHECK_SIZE(999 * strlen(OK("aa")) + strlen(LAST("aa")), rig.raw.in_len);
  loopback_close(&rig.lb);
}

static char page[300000];

static void answer_page(struct host *host, wsuv_upgrade_t *request) {
  note(host, request);
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_respond(request, 200, NULL, 0, page, sizeof page)));
}

#define NFLOOD 20000

/* Who sends requests and does not read has one answer that waits, what one small read took of the requests, and the memory that
 * a connection has from the first octet of a request on. */
static void test_flood_without_reading(void **state) {
  static char flood[NFLOOD * (sizeof GET("/aa") - 1)];
  struct rig rig;
  size_t before;
  unsigned asked = 0;
  unsigned quiet = 0;
  size_t i;
  (void)state;

  for (i = 0; i < NFLOOD; i++)
    memcpy(flood + i * (sizeof GET("/aa") - 1), GET("/aa"), sizeof GET("/aa") - 1);
  prepare(&rig, answer_page);
  rig.options.max_requests = WSUV_OFF;
  rig.conn.close_timeout_ms = WSUV_OFF;
  start(&rig);
  RUN_UNTIL(&rig.lb, rig.raw.connected && wsuv_server_nconns(rig.host.server) == 1);
  before = rig.lb.fa.outstanding_size;
  raw_stop_reading(&rig.raw);
  raw_send(&rig.raw, flood, sizeof flood);
  for (; quiet < 50; quiet = asked == rig.nasked ? quiet + 1 : 0) {
    asked = rig.nasked;
    (void)uv_run(&rig.lb.uv, UV_RUN_NOWAIT);
  }
  CHECK_TRUE(asked > 1 && asked < NFLOOD / 10);
  CHECK_TRUE(rig.lb.fa.outstanding_size - before < sizeof page + 24000);
  rig.lb.fa.peak_size = 0;
  raw_start_reading(&rig.raw);
  RUN_UNTIL(&rig.lb, rig.nasked > asked + 20); /* it goes on where it stopped */
  CHECK_TRUE(rig.lb.fa.peak_size - before < 3 * sizeof page + 24000); /* amid making an answer */
  loopback_close(&rig.lb);
}

/* An answer that nobody takes does not stay for ever; one that is taken slowly does. */
static void test_answer_is_not_taken(void **state) {
  struct rig rig;
  int i;
  (void)state;

  prepare(&rig, answer_page);
  rig.conn.close_timeout_ms = 1;
  start(&rig);
  RUN_UNTIL(&rig.lb, rig.raw.connected);
  raw_stop_reading(&rig.raw);
  for (i = 0; i < 100; i++)
    raw_say(&rig.raw, GET("/aa"));
  RUN_UNTIL(&rig.lb, rig.nasked > 0 && wsuv_server_nconns(rig.host.server) == 0);
  CHECK_TRUE(rig.nasked < 100);
  loopback_close(&rig.lb);
}

/* ---- streams of the application's ---- */

static void test_adopted(void **state) {
  static const char begun[] = GET("/aa") GET("/bb") "GET /c";
  struct rig rig;
  struct given given;
  struct raw peer;
  wsuv_adopt_options_t adopt = given_options(0, begun, sizeof begun - 1);
  (void)state;

  prepare(&rig, answer);
  CHECK_ERR(0, host_create(&rig.host, &rig.options));
  CHECK_INT(0, given_open(&given, &peer, &rig.lb, GIVEN_PIPE));
  CHECK_ERR(0, CALL(&rig.lb, wsuv_server_adopt(rig.host.server, given.stream, &adopt)));
  expect(&peer, OK("aa") OK("bb"));
  raw_say(&peer, "c HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n");
  expect(&peer, LAST("cc"));
  expect_end(&peer);
  CHECK_INT(0, given.ndone);
  raw_end(&peer);
  RUN_UNTIL(&rig.lb, given.ndone == 1);
  loopback_close(&rig.lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_in_the_callback),
      cmocka_unit_test(test_later),
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_upgrade_after_requests),
      cmocka_unit_test(test_ahead),
      cmocka_unit_test(test_ahead_and_late),
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_fault_behind),
      cmocka_unit_test(test_body_is_refused),
      cmocka_unit_test(test_http_1_0),
      cmocka_unit_test(test_max_requests),
      cmocka_unit_test(test_wrong_options),
      cmocka_unit_test(test_server_closed_between),
      cmocka_unit_test(test_server_closed_in_the_callback),
      cmocka_unit_test(test_server_closed_before_the_answer),
      cmocka_unit_test(test_server_closed_amid_the_next),
      cmocka_unit_test(test_peer_leaves),
      cmocka_unit_test(test_peer_leaves_before_the_answer),
      cmocka_unit_test(test_idle),
      cmocka_unit_test(test_deadlines),
      cmocka_unit_test(test_slow_next_request),
      cmocka_unit_test(test_many),
      cmocka_unit_test(test_many_ahead),
      cmocka_unit_test(test_flood_without_reading),
      cmocka_unit_test(test_answer_is_not_taken),
      cmocka_unit_test(test_adopted),
  };
  int failures = CHECK_RUN_TABLE("what ends it", endings, test_ending);
  failures += CHECK_RUN_TABLE("what does not", kept, test_kept);
  failures += cmocka_run_group_tests_name("respond", tests, NULL, NULL);
  return failures;
}
