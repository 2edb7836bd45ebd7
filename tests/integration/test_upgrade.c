/* The opening handshake between our own server and client, and what a server says to requests made by hand. */
#include <stdio.h>
#include <string.h>

#include "integration/raw_peer.h"

static void open_all(struct loopback *lb, struct host *host,
                     void (*on_upgrade)(struct host *host, wsuv_upgrade_t *upgrade)) {
  loopback_open(lb);
  host_init(host, lb);
  host->on_upgrade = on_upgrade;
  host->on_event = talker_echo;
}

/* ---- what the application sees and answers ---- */

static const char *const offered[] = {"soap", "chat.v2", "chat.v1"};
static const char *const supported[] = {"chat.v1", "chat.v2"};

static void check_request(struct host *host, wsuv_upgrade_t *upgrade) {
  static const wsuv_header_t extra[] = {{"X-Room", "12", 0, 0}, {"Set-Cookie", "a=b", 0, 0}};
  wsuv_accept_options_t options = WSUV_ACCEPT_OPTIONS_INIT;
  char peer[64];
  size_t i;

  CHECK_STR("GET", wsuv_upgrade_method(upgrade));
  CHECK_STR("/chat?room=1", wsuv_upgrade_target(upgrade));
  CHECK_STR("https://example.org", wsuv_upgrade_header(upgrade, "origin"));
  CHECK_STR("Basic dXNlcjpwYXNzOjE=", wsuv_upgrade_header(upgrade, "AUTHORIZATION"));
  CHECK_STR("yes", wsuv_upgrade_header(upgrade, "X-Asked"));
  CHECK_NULL(wsuv_upgrade_header(upgrade, "X-Absent"));
  for (i = 0; i < wsuv_upgrade_nheaders(upgrade); i++)
    CHECK_TRUE(wsuv_upgrade_header_at(upgrade, i).name_len > 0);
  CHECK_TRUE(i > 6);
  CHECK_ERR(0, wsuv_upgrade_peer(upgrade, peer, sizeof peer));
  options.headers = extra;
  options.nheaders = 2;
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_accept(upgrade, &options)));
}

/* The fields of the response are there in on_open alone. */
static void check_response(struct talker *t, enum event event) {
  size_t n = wsuv_conn_response_nheaders(t->conn);

  if (event != EV_OPEN) {
    CHECK_SIZE(0, n);
    CHECK_NULL(wsuv_conn_response_header(t->conn, "X-Room"));
    return;
  }
  CHECK_TRUE(n >= 5); /* three that every 101 has (RFC 6455 4.2.2) */
  CHECK_STR("Set-Cookie", wsuv_conn_response_header_at(t->conn, n - 1).name);
  CHECK_STR("a=b", wsuv_conn_response_header_at(t->conn, n - 1).value);
  CHECK_STR("12", wsuv_conn_response_header(t->conn, "x-room"));
  CHECK_NULL(wsuv_conn_response_header(t->conn, "X-Absent"));
  CHECK_ERR(0, talker_say(t, "hello"));
}

/* covers: HTR.1 HSS.15 W028 W031 W033 W044 W055 W066 U008 H016 */
static void test_negotiation(void **state) {
  static const wsuv_header_t asked = {"X-Asked", "yes", 0, 0};
  static const char *const origin = "https://example.org";
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  char url[64];
  (void)state;

  open_all(&lb, &host, check_request);
  options.subprotocols = supported;
  options.nsubprotocols = 2;
  options.origins = &origin;
  options.norigins = 1;
  CHECK_ERR(0, host_listen(&host, &options));
  (void)snprintf(url, sizeof url, "ws://user:pass%%3A1@127.0.0.1:%d/chat?room=1", host.port);
  to.url = url;
  to.origin = origin;
  to.subprotocols = offered;
  to.nsubprotocols = 3;
  to.headers = &asked;
  to.nheaders = 1;
  talker_init(&client, &lb);
  client.on_event = check_response;
  CHECK_ERR(0, talker_connect(&client, &host, &to));
  CHECK_SIZE(0, wsuv_conn_response_nheaders(client.conn));
  RUN_UNTIL(&lb, client.n[EV_MESSAGE] == 1 && host.ntalkers == 1);
  CHECK_SIZE(0, wsuv_conn_response_nheaders(host.talkers[0]->conn));
  CHECK_STR("chat.v2", wsuv_conn_subprotocol(client.conn));
  CHECK_STR("chat.v2", wsuv_conn_subprotocol(host.talkers[0]->conn));
  loopback_close(&lb);
}

static void choose(struct host *host, wsuv_upgrade_t *upgrade) {
  static const wsuv_header_t wrong = {"Sec-WebSocket-Accept", "x", 0, 0};
  wsuv_accept_options_t options = WSUV_ACCEPT_OPTIONS_INIT;

  options.subprotocol = "never offered";
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_accept(upgrade, &options)));
  options.subprotocol = NULL;
  options.headers = &wrong;
  options.nheaders = 1;
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_accept(upgrade, &options)));
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_reject(upgrade, 101, NULL, 0, NULL, 0)));
  CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_reject(upgrade, 400, &wrong, 0, NULL, 3)));
  options.nheaders = 0;
  options.subprotocol = host->arg;
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_accept(upgrade, &options)));
}

static void test_chosen(const char *subprotocol, const char *expected) {
  struct loopback lb;
  struct host host;
  struct talker client;
  wsuv_connect_options_t to = WSUV_CONNECT_OPTIONS_INIT;
  char choice[16];

  (void)snprintf(choice, sizeof choice, "%s", subprotocol);
  open_all(&lb, &host, choose);
  host.arg = choice;
  CHECK_ERR(0, host_listen(&host, NULL));
  to.subprotocols = offered;
  to.nsubprotocols = 3;
  talker_init(&client, &lb);
  CHECK_ERR(0, talker_connect(&client, &host, &to));
  RUN_UNTIL(&lb, client.n[EV_OPEN] == 1);
  CHECK_STR(expected, wsuv_conn_subprotocol(client.conn));
  loopback_close(&lb);
}

static void test_application_chooses(void **state) {
  (void)state;
  test_chosen("soap", "soap");
}

/* covers: W067 */
static void test_application_wants_none(void **state) {
  (void)state;
  test_chosen("", NULL);
}

static void reject(struct host *host, wsuv_upgrade_t *upgrade) {
  static const wsuv_header_t why = {"WWW-Authenticate", "Basic realm=\"x\"", 0, 0};
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(upgrade, 401, &why, 1, "who are you?", 12)));
}

static void check_refusal(struct talker *t, enum event event) {
  CHECK_INT(EV_CLOSE, event);
  CHECK_STR("Basic realm=\"x\"", wsuv_conn_response_header(t->conn, "WWW-Authenticate"));
}

/* covers: W035 W061 */
static void test_reject(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  (void)state;

  open_all(&lb, &host, reject);
  CHECK_ERR(0, host_listen(&host, NULL));
  talker_init(&client, &lb);
  client.on_event = check_refusal;
  CHECK_ERR(0, talker_connect(&client, &host, NULL));
  RUN_UNTIL(&lb, client.n[EV_CLOSE] == 1 && wsuv_server_nconns(host.server) == 0);
  CHECK_ERR(WSUV_ESTATUS, client.end.error);
  CHECK_INT(401, client.end.http_status);
  CHECK_STR("who are you?", client.end.body);
  CHECK_SIZE(12, client.end.body_len);
  CHECK_INT(0, client.end.opened);
  CHECK_INT(1006, client.end.code);
  CHECK_SIZE(0, host.ntalkers);
  loopback_close(&lb);
}

static void end_loop(struct host *host, wsuv_upgrade_t *upgrade) {
  char peer[64];

  loopback_end(host->lb);
  CHECK_ERR(WSUV_ECANCELED, wsuv_upgrade_peer(upgrade, peer, sizeof peer));
  CHECK_STR("/", wsuv_upgrade_target(upgrade));
  CHECK_ERR(WSUV_ECANCELED, CALL(host->lb, wsuv_upgrade_accept(upgrade, NULL)));
}

/* The end is under way already, though the memory is still there. */
static void test_end_before_the_answer(void **state) {
  struct loopback lb;
  struct host host;
  struct talker client;
  (void)state;

  open_all(&lb, &host, end_loop);
  CHECK_ERR(0, host_listen(&host, NULL));
  talker_init(&client, &lb);
  CHECK_ERR(0, talker_connect(&client, &host, NULL));
  RUN_UNTIL(&lb, lb.loop_closed);
  CHECK_SIZE(0, host.ntalkers);
  CHECK_ERR(WSUV_ECANCELED, client.end.error);
  loopback_close(&lb);
}

static void answer_page(struct host *host, wsuv_upgrade_t *request) {
  static const wsuv_header_t type = {"Content-Type", "text/html", 0, 0};

  CHECK_STR("/page", wsuv_upgrade_target(request));
  CHECK_ERR(WSUV_ESTATE, CALL(host->lb, wsuv_upgrade_accept(request, NULL)));
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(request, 200, &type, 1, "<p>hi", 5)));
}

/* covers: H055 */
static void test_page(void **state) {
  struct loopback lb;
  struct host host;
  struct raw raw;
  (void)state;

  open_all(&lb, &host, NULL);
  host.on_request = answer_page;
  CHECK_ERR(0, host_listen(&host, NULL));
  raw_connect(&raw, &lb, host.port);
  raw_say(&raw, "GET /page HTTP/1.1\r\nHost: x\r\n\r\n");
  raw_expect_eof(&raw);
  CHECK_STR("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n"
            "Connection: close\r\n\r\n<p>hi",
            raw_text(&raw));
  loopback_close(&lb);
}

/* ---- requests made by hand ---- */

struct request {
  const char *name;
  const char *text;
  const char *begins; /* of the response */
  const char *has;
};

#define GET    "GET / HTTP/1.1\r\nHost: x\r\n"
#define FIELDS "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static const struct request requests[] = {
    {"no HTTP", "\x16\x03\x01 hello\r\n\r\n", "HTTP/1.1 400 ", "Connection: close\r\n"},
    {"no Host", "GET / HTTP/1.1\r\n" FIELDS KEY "Sec-WebSocket-Version: 13\r\n\r\n",
     "HTTP/1.1 400 ", "Connection: close\r\n"},
    {"no key", GET FIELDS "Sec-WebSocket-Version: 13\r\n\r\n", "HTTP/1.1 400 ",
     "Sec-WebSocket-Key"},
    {"a body", GET FIELDS KEY "Sec-WebSocket-Version: 13\r\nContent-Length: 3\r\n\r\nabc",
     "HTTP/1.1 400 ", "Connection: close\r\n"},
    {"POST", "POST / HTTP/1.1\r\nHost: x\r\n" FIELDS KEY "Sec-WebSocket-Version: 13\r\n\r\n",
     "HTTP/1.1 405 ", "Allow: GET\r\n"},
    {"a page", GET "\r\n", "HTTP/1.1 426 ", "Upgrade: websocket\r\n"},
    {"version 12", GET FIELDS KEY "Sec-WebSocket-Version: 12\r\n\r\n", "HTTP/1.1 426 ",
     "Sec-WebSocket-Version: 13\r\n"},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 ", "Connection: close\r\n"},
    {"a long line",
     GET "X: 0123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890123456789\r\n\r\n",
     "HTTP/1.1 431 ", "Connection: close\r\n"},
    {"many fields", GET "a: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\n\r\n",
     "HTTP/1.1 431 ", "Connection: close\r\n"},
};

static void answer_request(struct loopback *lb, struct host *host, const struct request *request) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;

  open_all(lb, host, NULL);
  conn.max_head_size = strcmp(request->name, "a long line") == 0 ? 128 : 0;
  conn.max_headers = 7;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(host, &options));
}

/* covers: W045 W046 W047 W049 W052 W053 W064 W077 W212 H008 H013 H035 H043 H053 H055 H066 */
static void test_request(const void *row) {
  const struct request *request = row;
  struct loopback lb;
  struct host host;
  struct raw raw;

  answer_request(&lb, &host, request);
  raw_connect(&raw, &lb, host.port);
  raw_say(&raw, request->text);
  raw_expect_eof(&raw);
  CHECK_BYTES(request->begins, strlen(request->begins), raw.in, strlen(request->begins));
  CHECK_NOT_NULL(strstr(raw_text(&raw), request->has));
  raw_end(&raw);
  RUN_UNTIL(&lb, wsuv_server_nconns(host.server) == 0);
  CHECK_SIZE(0, host.ntalkers);
  loopback_close(&lb);
}

/* Frames behind the head are the first frames, however the bytes are split; `late`: the decision comes afterwards.
 * covers: HSS.13 W043 */
static void split_at(const uint8_t *bytes, size_t len, size_t at, int late) {
  struct loopback lb;
  struct host host;
  struct raw raw;
  int i;

  open_all(&lb, &host, late ? host_decide_late : NULL);
  CHECK_ERR(0, host_listen(&host, NULL));
  raw_connect(&raw, &lb, host.port);
  RUN_UNTIL(&lb, raw.connected);
  raw_send(&raw, bytes, at);
  RUN_UNTIL(&lb, raw.nwriting == 0);
  for (i = 0; i < 3; i++)
    (void)uv_run(&lb.uv, UV_RUN_NOWAIT);
  raw_send(&raw, bytes + at, len - at);
  if (late) {
    RUN_UNTIL(&lb, host.upgrade != NULL);
    for (i = 0; i < 3; i++)
      (void)uv_run(&lb.uv, UV_RUN_NOWAIT);
    CHECK_ERR(0, CALL(&lb, wsuv_upgrade_accept(host.upgrade, NULL)));
  }
  RUN_UNTIL(&lb, raw_took_head(&raw));
  raw_expect_frame(&raw, WSUV_TEXT, "one", 3);
  raw_expect_frame(&raw, WSUV_TEXT, "", 0);
  raw_expect_frame(&raw, WSUV_BINARY, "two", 3);
  CHECK_STR("ommm", host.talkers[0]->log);
  loopback_close(&lb);
}

static void split_everywhere(int late) {
  uint8_t bytes[512];
  size_t head = strlen(RAW_REQUEST);
  size_t len = head;
  size_t at;

  memcpy(bytes, RAW_REQUEST, head);
  len += frame_put(bytes + len, WSUV_CLIENT, WSUV_TEXT, "one", 3);
  len += frame_put(bytes + len, WSUV_CLIENT, WSUV_TEXT, NULL, 0);
  len += frame_put(bytes + len, WSUV_CLIENT, WSUV_BINARY, "two", 3);
  for (at = loopback_is_slow() ? head - 2 : 1; at <= len; at++)
    split_at(bytes, len, at, late);
}

/* covers: UV.3 IOC.6 DOC.1 */
static void test_leftover(void **state) {
  (void)state;
  split_everywhere(0);
}

static void test_leftover_late(void **state) {
  (void)state;
  split_everywhere(1);
}

static void expect_refusal(struct raw *raw, struct host *host, const char *status) {
  raw_expect_eof(raw);
  CHECK_BYTES(status, strlen(status), raw->in, strlen(status));
  raw_end(raw);
  RUN_UNTIL(host->lb, wsuv_server_nconns(host->server) == 0);
  CHECK_SIZE(0, host->ntalkers);
}

/* covers: HSS.13 */
static void test_early_data_refused(void **state) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  struct loopback lb;
  struct host host;
  struct raw raw;
  (void)state;

  options.refuse_early_data = 1;
  open_all(&lb, &host, NULL);
  CHECK_ERR(0, host_listen(&host, &options));
  raw_connect(&raw, &lb, host.port);
  raw_say(&raw, RAW_REQUEST "x");
  expect_refusal(&raw, &host, "HTTP/1.1 400 ");
  loopback_close(&lb);
}

/* The application was asked already: its answer comes too late. covers: HSS.13 */
static void test_early_data_refused_late(void **state) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  struct loopback lb;
  struct host host;
  struct raw raw;
  (void)state;

  options.refuse_early_data = 1;
  open_all(&lb, &host, host_decide_late);
  CHECK_ERR(0, host_listen(&host, &options));
  raw_connect(&raw, &lb, host.port);
  raw_say(&raw, RAW_REQUEST);
  RUN_UNTIL(&lb, host.upgrade != NULL);
  raw_say(&raw, "x");
  expect_refusal(&raw, &host, "HTTP/1.1 400 ");
  CHECK_ERR(WSUV_ECANCELED, CALL(&lb, wsuv_upgrade_accept(host.upgrade, NULL)));
  loopback_close(&lb);
}

/* Frames behind the answer are not early. covers: HSS.13 */
static void test_no_early_data(void **state) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  struct loopback lb;
  struct host host;
  struct raw raw;
  (void)state;

  options.refuse_early_data = 1;
  open_all(&lb, &host, NULL);
  CHECK_ERR(0, host_listen(&host, &options));
  raw_open(&raw, &host);
  raw_frame(&raw, WSUV_TEXT, "x", 1);
  raw_expect_frame(&raw, WSUV_TEXT, "x", 1);
  loopback_close(&lb);
}

struct policy {
  const char *name;
  const char *fields;
  const char *status;
};

/* covers: HSS.5 HSS.9 HSS.12 W054 W063 */
static const struct policy policies[] = {
    {"no Origin", "Sec-WebSocket-Protocol: chat\r\n", "HTTP/1.1 403 "},
    {"another origin", "Origin: http://b\r\nSec-WebSocket-Protocol: chat\r\n", "HTTP/1.1 403 "},
    {"no subprotocol", "Origin: http://a\r\n", "HTTP/1.1 400 "},
    {"another subprotocol", "Origin: http://a\r\nSec-WebSocket-Protocol: x\r\n", "HTTP/1.1 400 "},
    {"as it should be", "Origin: http://a\r\nSec-WebSocket-Protocol: x, chat\r\n", "HTTP/1.1 101 "},
};

static void test_policy(const void *row) {
  static const char *const chat[] = {"chat"};
  static const char *const origins[] = {"http://z", "http://a"};
  const struct policy *policy = row;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  struct loopback lb;
  struct host host;
  struct raw raw;

  options.subprotocols = chat;
  options.nsubprotocols = 1;
  options.require_subprotocol = 1;
  options.require_origin = 1;
  options.origins = origins;
  options.norigins = 2;
  open_all(&lb, &host, NULL);
  CHECK_ERR(0, host_listen(&host, &options));
  raw_connect(&raw, &lb, host.port);
  raw_say(&raw, GET FIELDS KEY "Sec-WebSocket-Version: 13\r\n");
  raw_say(&raw, policy->fields);
  raw_say(&raw, "\r\n");
  RUN_UNTIL(&lb, raw_took_head(&raw));
  CHECK_BYTES(policy->status, strlen(policy->status), raw.in, strlen(policy->status));
  loopback_close(&lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_negotiation),
      cmocka_unit_test(test_application_chooses),
      cmocka_unit_test(test_application_wants_none),
      cmocka_unit_test(test_reject),
      cmocka_unit_test(test_page),
      cmocka_unit_test(test_end_before_the_answer),
      cmocka_unit_test(test_early_data_refused),
      cmocka_unit_test(test_early_data_refused_late),
      cmocka_unit_test(test_no_early_data),
      cmocka_unit_test(test_leftover),
      cmocka_unit_test(test_leftover_late),
  };
  int failures = CHECK_RUN_TABLE("requests", requests, test_request);
  failures += CHECK_RUN_TABLE("policies", policies, test_policy);

  failures += cmocka_run_group_tests_name("upgrade", tests, NULL, NULL);
  return failures;
}
