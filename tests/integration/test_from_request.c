/* Requests that the application's HTTP server has parsed itself (wsuv_upgrade_from_request). */
#include <string.h>

#include "integration/given_stream.h"
#include "support/toy_extension.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static const wsuv_header_t good[] = {
    {"Host", "localhost", 0, 0},           {"Upgrade", "websocket", 0, 0},
    {"Connection", "Upgrade", 0, 0},       {"Sec-WebSocket-Key", KEY, 0, 0},
    {"Sec-WebSocket-Version", "13", 0, 0}, {"X-Empty", NULL, 0, 0},
    {"X-Cut", "yes, and no", 5, 3},
};
#define NGOOD (sizeof good / sizeof good[0])

static wsuv_request_t good_request(void) {
  wsuv_request_t request = WSUV_REQUEST_INIT;

  request.method = "GET";
  request.target = "/chat?room=1 HTTP/1.1";
  request.target_len = 12;
  request.headers = good;
  request.nheaders = NGOOD;
  return request;
}

static void open_all(struct loopback *lb, struct host *host,
                     void (*on_upgrade)(struct host *host, wsuv_upgrade_t *upgrade)) {
  loopback_open(lb);
  host_init(host, lb);
  host->on_event = talker_echo;
  host->on_upgrade = on_upgrade;
  CHECK_ERR(0, host_create(host, NULL));
}

static int hand_over(struct host *host, struct given *given, const wsuv_request_t *request, int own,
                     const void *leftover, size_t len) {
  wsuv_adopt_options_t options = given_options(own, leftover, len);

  return CALL(host->lb, wsuv_upgrade_from_request(host->server, given->stream, request, &options));
}

/* ---- bytes ---- */

static size_t play_split(enum given_kind kind, size_t at, int own) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  wsuv_request_t request = good_request();
  uint8_t bytes[64];
  size_t len = frame_put(bytes, WSUV_CLIENT, WSUV_TEXT, "hello", 5);

  len += frame_put(bytes + len, WSUV_CLIENT, WSUV_PING, "p", 1);
  open_all(&lb, &host, NULL);
  CHECK_INT(0, given_open(&given, &peer, &lb, kind));
  CHECK_ERR(0, hand_over(&host, &given, &request, own, bytes, at));
  memset(bytes, 0, at);
  if (at < len)
    raw_send(&peer, bytes + at, len - at);
  RUN_UNTIL(&lb, raw_took_head(&peer));
  CHECK_NOT_NULL(strstr(raw_text(&peer), "HTTP/1.1 101 "));
  CHECK_NOT_NULL(strstr(raw_text(&peer), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  raw_expect_frame(&peer, WSUV_TEXT, "hello", 5);
  raw_expect_frame(&peer, WSUV_PONG, "p", 1);
  given.talker = host.talkers[0];
  raw_close_frame(&peer, 1000, NULL);
  raw_expect_close(&peer, 1000);
  raw_expect_eof(&peer);
  raw_end(&peer);
  RUN_UNTIL(&lb, given.ndone == 1);
  CHECK_INT(own, given.closed_by_library);
  CHECK_STR("omic", host.talkers[0]->log);
  loopback_close(&lb);
  return len;
}

/* covers: W044 */
static void test_every_split(void **state) {
  size_t len = play_split(GIVEN_TCP, 0, 0);
  size_t at;
  (void)state;

  for (at = 0; at <= len; at++) {
    (void)play_split(GIVEN_TCP, at, 1);
    (void)play_split(GIVEN_PIPE, at, (int)(at % 2));
  }
}

/* ---- what the application sees and answers ---- */

static void check_request(struct host *host, wsuv_upgrade_t *upgrade) {
  char peer[64];

  CHECK_STR("GET", wsuv_upgrade_method(upgrade));
  CHECK_STR("/chat?room=1", wsuv_upgrade_target(upgrade));
  CHECK_SIZE(NGOOD, wsuv_upgrade_nheaders(upgrade));
  CHECK_STR("localhost", wsuv_upgrade_header(upgrade, "host"));
  CHECK_STR("", wsuv_upgrade_header(upgrade, "x-empty"));
  CHECK_STR("yes", wsuv_upgrade_header(upgrade, "x-cut"));
  CHECK_NULL(wsuv_upgrade_header(upgrade, "x-absent"));
  CHECK_ERR(0, wsuv_upgrade_peer(upgrade, peer, sizeof peer));
  CHECK_STR("unix", peer);
  CHECK_NULL(host->upgrade);
  host->upgrade = upgrade;
}

static void test_late_answer(void **state) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  wsuv_request_t request = good_request();
  uint8_t frame[32];
  size_t len = frame_put(frame, WSUV_CLIENT, WSUV_TEXT, "ahead", 5);
  (void)state;

  open_all(&lb, &host, check_request);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  CHECK_ERR(0, hand_over(&host, &given, &request, 1, frame, len));
  CHECK_NULL(host.upgrade); /* never inside the call */
  RUN_UNTIL(&lb, host.upgrade != NULL);
  CHECK_SIZE(0, peer.in_len);
  CHECK_ERR(0, CALL(&lb, wsuv_upgrade_accept(host.upgrade, NULL)));
  RUN_UNTIL(&lb, raw_took_head(&peer));
  raw_expect_frame(&peer, WSUV_TEXT, "ahead", 5);
  loopback_close(&lb);
  CHECK_INT(1, given.ndone);
}

static void reject(struct host *host, wsuv_upgrade_t *upgrade) {
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(upgrade, 403, NULL, 0, "no", 2)));
}

static void test_rejected(void **state) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  wsuv_request_t request = good_request();
  (void)state;

  open_all(&lb, &host, reject);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_TCP));
  CHECK_ERR(0, hand_over(&host, &given, &request, 0, NULL, 0));
  RUN_UNTIL(&lb, raw_took_head(&peer));
  CHECK_NOT_NULL(strstr(raw_text(&peer), "HTTP/1.1 403 "));
  raw_expect_eof(&peer);
  raw_end(&peer);
  RUN_UNTIL(&lb, given.ndone == 1);
  CHECK_SIZE(0, host.ntalkers);
  loopback_close(&lb);
}

/* The peer goes while the application thinks; the pointer is still to be answered. */
static void test_orphan(void **state) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  wsuv_request_t request = good_request();
  (void)state;

  open_all(&lb, &host, host_decide_late);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_TCP));
  CHECK_ERR(0, hand_over(&host, &given, &request, 1, NULL, 0));
  RUN_UNTIL(&lb, host.upgrade != NULL);
  raw_close(&peer);
  RUN_UNTIL(&lb, given.ndone == 1);
  CHECK_ERR(WSUV_ECANCELED, CALL(&lb, wsuv_upgrade_accept(host.upgrade, NULL)));
  loopback_close(&lb);
}

/* Closed between the call and the question: 503, and nobody is asked. */
static void test_server_closes(void **state) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  wsuv_request_t request = good_request();
  (void)state;

  open_all(&lb, &host, host_decide_late);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_TCP));
  CHECK_ERR(0, hand_over(&host, &given, &request, 1, NULL, 0));
  CALL_VOID(&lb, wsuv_server_close(host.server));
  RUN_UNTIL(&lb, raw_took_head(&peer));
  CHECK_NOT_NULL(strstr(raw_text(&peer), "HTTP/1.1 503 "));
  CHECK_NULL(host.upgrade);
  raw_end(&peer);
  RUN_UNTIL(&lb, host.nclosed == 1);
  loopback_close(&lb);
}

/* ---- what is refused ---- */

/* The good request with its i-th field changed, and what the verdict is. */
struct fault {
  const char *what;
  size_t field;
  wsuv_header_t header;
  int err;
  int status;
};

static const struct fault faults[] = {
    {"no Host", 0, {"X-Host", "localhost", 0, 0}, WSUV_EMISSING, 400},
    {"another protocol", 1, {"Upgrade", "h2c", 0, 0}, WSUV_EHEADER, 400},
    {"version 8", 4, {"Sec-WebSocket-Version", "8", 0, 0}, WSUV_EVERSION, 426},
    {"short key", 3, {"Sec-WebSocket-Key", "abc", 0, 0}, WSUV_EHEADER, 400},
    {"two keys", 5, {"Sec-WebSocket-Key", KEY, 0, 0}, WSUV_EDUPLICATE, 400},
    {"a body", 5, {"Content-Length", "1", 0, 0}, WSUV_EBODY, 400},
    {"LF in a value", 5, {"X-A", "b\nHost: c", 0, 0}, WSUV_EHTTP, 400},
    {"CR in a value", 5, {"X-A", "b\r", 0, 0}, WSUV_EHTTP, 400},
    {"NUL in a value", 5, {"X-A", "b\0c", 0, 3}, WSUV_EHTTP, 400},
    {"no name", 5, {NULL, "b", 0, 0}, WSUV_EHTTP, 400},
    {"colon in a name", 5, {"A: b", "c", 0, 0}, WSUV_EHTTP, 400},
    {"CRLF in a name", 5, {"A\r\nB", "c", 0, 0}, WSUV_EHTTP, 400},
    {"folded", 5, {" A", "c", 0, 0}, WSUV_EHTTP, 400},
};

static void run_fault(const void *data) {
  const struct fault *fault = data;
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  wsuv_request_t request = good_request();
  wsuv_header_t headers[NGOOD];

  open_all(&lb, &host, NULL);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  memcpy(headers, good, sizeof headers);
  headers[fault->field] = fault->header;
  request.headers = headers;
  CHECK_ERR(fault->err, hand_over(&host, &given, &request, 1, NULL, 0));
  CHECK_INT(fault->status, wsuv_err_http_status(lb.result));
  CHECK_PTR(&given, given.stream->data);
  CHECK_SIZE(0, wsuv_server_nconns(host.server));
  request = good_request();
  CHECK_ERR(0, hand_over(&host, &given, &request, 1, NULL, 0));
  RUN_UNTIL(&lb, raw_took_head(&peer)); /* nothing was touched: the good one goes through */
  loopback_close(&lb);
}

static void test_faults(void **state) {
  size_t i;
  (void)state;

  for (i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    print_message("%s\n", faults[i].what);
    run_fault(&faults[i]);
  }
}

/* covers: W028 W031 */
static void test_other_faults(void **state) {
  static const wsuv_header_t plain[] = {{"Host", "localhost", 0, 0}};
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  wsuv_request_t r = good_request();
  wsuv_header_t many[101];
  size_t i;
  (void)state;

  open_all(&lb, &host, NULL);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  CHECK_ERR(WSUV_EINVAL, hand_over(&host, &given, NULL, 1, NULL, 0));
  r.size = 8;
  CHECK_ERR(WSUV_EINVAL, hand_over(&host, &given, &r, 1, NULL, 0));
  r = good_request();
  r.target = NULL;
  CHECK_ERR(WSUV_EINVAL, hand_over(&host, &given, &r, 1, NULL, 0));
  r = good_request();
  r.headers = NULL;
  CHECK_ERR(WSUV_EINVAL, hand_over(&host, &given, &r, 1, NULL, 0));
  r = good_request();
  r.method = "POST";
  CHECK_ERR(WSUV_EMETHOD, hand_over(&host, &given, &r, 1, NULL, 0));
  r.method = "GET /x HTTP/1.1\r\nA: b\r\n";
  CHECK_ERR(WSUV_EHTTP, hand_over(&host, &given, &r, 1, NULL, 0));
  r = good_request();
  r.target_len = 0; /* "/chat?room=1 HTTP/1.1" as a whole */
  CHECK_ERR(WSUV_EHTTP, hand_over(&host, &given, &r, 1, NULL, 0));
  r.target = "";
  CHECK_ERR(WSUV_EHTTP, hand_over(&host, &given, &r, 1, NULL, 0));
  r = good_request();
  r.version_minor = 0;
  CHECK_ERR(WSUV_EHTTPVERSION, hand_over(&host, &given, &r, 1, NULL, 0));
  r.version_major = 2147483647;
  r.version_minor = -2147483647;
  CHECK_TRUE(hand_over(&host, &given, &r, 1, NULL, 0) != 0);
  r = good_request();
  r.headers = plain;
  r.nheaders = 1;
  CHECK_ERR(WSUV_ENOUPGRADE, hand_over(&host, &given, &r, 1, NULL, 0));
  CHECK_INT(426, wsuv_err_http_status(WSUV_ENOUPGRADE));
  for (i = 0; i < 101; i++)
    many[i] = good[i < NGOOD ? i : 5];
  r.headers = many;
  r.nheaders = 101;
  CHECK_ERR(WSUV_EHEADSIZE, hand_over(&host, &given, &r, 1, NULL, 0));
  r = good_request();
  CHECK_ERR(WSUV_EINVAL, CALL(&lb, wsuv_upgrade_from_request(host.server, NULL, &r, NULL)));
  CHECK_PTR(&given, given.stream->data);
  CHECK_SIZE(0, wsuv_server_nconns(host.server));
  given_close(&given);
  loopback_close(&lb);
}

static int play_torture(const void *row, struct failure failure) {
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  wsuv_request_t request = good_request();
  uint8_t bytes[32];
  size_t len = frame_put(bytes, WSUV_CLIENT, WSUV_TEXT, "hello", 5);
  int err;
  (void)row;

  open_all(&lb, &host, NULL);
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  failing_alloc_fail_as(&lb.fa, failure);
  err = hand_over(&host, &given, &request, (int)(failure.n % 2), bytes, len - 3);
  if (err == 0)
    raw_send(&peer, bytes + len - 3, 3);
  return given_end_torture(&given, &peer, err);
}

static void test_torture(void **state) {
  (void)state;

  CHECK_TRUE(failing_alloc_torture(play_torture, NULL, 1, 1) > 5);
}

/* ---- extensions ---- */

static struct host *judging;
static void (*end_while_judging)(struct host *host);

static void end_server(struct host *host) {
  wsuv_server_close(host->server);
}

static void end_loop(struct host *host) {
  loopback_end(host->lb);
}

static int end_and_accept(const wsuv_extension_t *extension, const wsuv_extension_element_t *offer,
                          wsuv_extension_writer_t *writer, void **session) {
  end_while_judging(judging);
  return toy_runs.answer(extension, offer, writer, session);
}

/* The hook is user code, inside the call: the stream stays the application's. */
static void test_ended_by_a_hook(void **state) {
  static void (*const ends[])(struct host * host) = {end_server, end_loop};
  size_t i;
  (void)state;

  for (i = 0; i < 2; i++) {
    struct loopback lb;
    struct host host;
    struct given given;
    struct raw peer;
    wsuv_extension_t hasty = toy_runs;
    const wsuv_extension_t *const list[] = {&hasty};
    wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
    wsuv_request_t request = good_request();
    wsuv_header_t headers[NGOOD];

    memcpy(headers, good, sizeof good);
    headers[NGOOD - 1].name = "Sec-WebSocket-Extensions";
    headers[NGOOD - 1].name_len = 0;
    headers[NGOOD - 1].value = "toy-runs";
    headers[NGOOD - 1].value_len = 0;
    request.headers = headers;
    hasty.answer = end_and_accept;
    options.extensions = list;
    options.nextensions = 1;
    loopback_open(&lb);
    host_init(&host, &lb);
    CHECK_ERR(0, host_create(&host, &options));
    judging = &host;
    end_while_judging = ends[i];
    CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_TCP));
    CHECK_ERR(WSUV_ESTATE, hand_over(&host, &given, &request, 1, NULL, 0));
    CHECK_PTR(&given, given.stream->data);
    CHECK_INT(0, toy_sessions_alive());
    RUN_UNTIL(&lb, host.nclosed == 1);
    CHECK_INT(0, given.ndone);
    given_close(&given);
    loopback_close(&lb);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_split),     cmocka_unit_test(test_late_answer),
      cmocka_unit_test(test_rejected),        cmocka_unit_test(test_orphan),
      cmocka_unit_test(test_server_closes),   cmocka_unit_test(test_faults),
      cmocka_unit_test(test_other_faults),    cmocka_unit_test(test_torture),
      cmocka_unit_test(test_ended_by_a_hook),
  };
  return cmocka_run_group_tests_name("from_request", tests, NULL, NULL);
}
