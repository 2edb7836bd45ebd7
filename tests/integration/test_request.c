/* What the application sees of a request, and how its answer looks to a peer made by hand. */
#include <stdio.h>
#include <string.h>

#include "integration/raw_peer.h"

#define FIELDS                                                                                   \
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
  "Sec-WebSocket-Version: 13\r\n"

struct seen {
  char host[32];
  char target[32];
  unsigned n;
};

static void note(struct seen *seen, const wsuv_upgrade_t *upgrade) {
  (void)snprintf(seen->host, sizeof seen->host, "%s", wsuv_upgrade_host(upgrade));
  (void)snprintf(seen->target, sizeof seen->target, "%s", wsuv_upgrade_target(upgrade));
  seen->n++;
}

/* As an application with resources does. */
static void route(struct host *host, wsuv_upgrade_t *upgrade) {
  static const wsuv_header_t challenge = {"WWW-Authenticate", "Basic realm=\"x\"", 0, 0};
  const char *target = wsuv_upgrade_target(upgrade);
  const char *proof = wsuv_upgrade_header(upgrade, "Authorization");

  note(host->arg, upgrade);
  if (strncmp(target, "/private", 8) == 0 && (proof == NULL || strcmp(proof, "Basic OnB3") != 0)) {
    CHECK_ERR(WSUV_EINVAL, CALL(host->lb, wsuv_upgrade_reject(upgrade, 401, NULL, 0, NULL, 0)));
    CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(upgrade, 401, &challenge, 1, NULL, 0)));
  } else if (strncmp(target, "/chat", 5) == 0 || strncmp(target, "/private", 8) == 0) {
    CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_accept(upgrade, NULL)));
  } else {
    CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(upgrade, 404, NULL, 0, NULL, 0)));
  }
}

static void answer_plain(struct host *host, wsuv_upgrade_t *request) {
  note(host->arg, request);
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(request, 426, NULL, 0, NULL, 0)));
}

static void greet(struct talker *t, enum event event) {
  if (event == EV_OPEN)
    CHECK_ERR(0, talker_say(t, "welcome"));
}

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
  struct seen seen;
};

static void open_rig(struct rig *rig) {
  memset(&rig->seen, 0, sizeof rig->seen);
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_upgrade = route;
  rig->host.on_request = answer_plain;
  rig->host.on_event = greet;
  rig->host.arg = &rig->seen;
  CHECK_ERR(0, host_listen(&rig->host, NULL));
  raw_connect(&rig->raw, &rig->lb, rig->host.port);
}

struct request {
  const char *name;
  const char *line;
  const char *fields;
  const char *host;
  const char *target;
  const char *status;
};

/* covers: W065 W207 H018 H019 H049 H061 */
static const struct request requests[] = {
    {"Host names the authority", "GET /chat?a HTTP/1.1\r\n", "Host: b:81\r\n", "b:81", "/chat?a",
     "HTTP/1.1 101 "},
    {"an absolute target names it instead", "GET http://a:80/chat?a HTTP/1.1\r\n", "Host: b:81\r\n",
     "a:80", "/chat?a", "HTTP/1.1 101 "},
    {"an absolute target without a path", "GET http://a HTTP/1.1\r\n", "Host: b\r\n", "a", "/",
     "HTTP/1.1 404 "},
    {"a resource that is not there", "GET /x HTTP/1.1\r\n", "Host: b\r\n", "b", "/x",
     "HTTP/1.1 404 "},
    {"no authorization", "GET /private HTTP/1.1\r\n", "Host: b\r\n", "b", "/private",
     "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"},
    {"authorization", "GET /private HTTP/1.1\r\n", "Host: b\r\nAuthorization: Basic OnB3\r\n", "b",
     "/private", "HTTP/1.1 101 "},
};

static void test_request(const void *row) {
  const struct request *request = row;
  struct rig rig;

  open_rig(&rig);
  raw_say(&rig.raw, request->line);
  raw_say(&rig.raw, FIELDS);
  raw_say(&rig.raw, request->fields);
  raw_say(&rig.raw, "\r\n");
  RUN_UNTIL(&rig.lb, raw_took_head(&rig.raw));
  CHECK_BYTES(request->status, strlen(request->status), rig.raw.in, strlen(request->status));
  CHECK_STR(request->host, rig.seen.host);
  CHECK_STR(request->target, rig.seen.target);
  loopback_close(&rig.lb);
}

struct plain {
  const char *name;
  const char *text;
  const char *status;
  unsigned nasked;
};

/* covers: H013 H014 H015 H055 H066 */
static const struct plain plains[] = {
    {"as it should be", "GET /page HTTP/1.1\r\nHost: b\r\n\r\n",
     "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n", 1},
    {"another method", "POST http://a/page HTTP/1.1\r\nHost: b\r\n\r\n", "HTTP/1.1 426 ", 1},
    {"no Host", "GET /page HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", 0},
    {"no Host, another method", "POST /page HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", 0},
    {"two Hosts", "GET /page HTTP/1.1\r\nHost: b\r\nHost: b\r\n\r\n", "HTTP/1.1 400 ", 0},
    {"no good Host", "GET /page HTTP/1.1\r\nHost: b/c\r\n\r\n", "HTTP/1.1 400 ", 0},
};

static void test_plain(const void *row) {
  const struct plain *plain = row;
  struct rig rig;

  open_rig(&rig);
  raw_say(&rig.raw, plain->text);
  raw_expect_eof(&rig.raw);
  CHECK_BYTES(plain->status, strlen(plain->status), rig.raw.in, strlen(plain->status));
  CHECK_INT(plain->nasked, rig.seen.n);
  loopback_close(&rig.lb);
}

/* What on_open sends stands right behind the 101's empty line. covers: W074 H057 */
static void test_data_behind_the_answer(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig);
  raw_say(&rig.raw, RAW_REQUEST);
  RUN_UNTIL(&rig.lb, raw_took_head(&rig.raw));
  CHECK_BYTES("HTTP/1.1 101 ", 13, rig.raw.in, 13);
  raw_expect_frame(&rig.raw, WSUV_TEXT, "welcome", 7);
  loopback_close(&rig.lb);
}

/* covers: H060 */
static void test_continue_before_the_answer(void **state) {
  static const char first[] = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 ";
  struct rig rig;
  (void)state;

  open_rig(&rig);
  raw_say(&rig.raw, "GET /chat HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\n" FIELDS "\r\n");
  RUN_UNTIL(&rig.lb, rig.raw.in_len > sizeof first);
  CHECK_BYTES(first, strlen(first), rig.raw.in, strlen(first));
  loopback_close(&rig.lb);
}

/* A request behind one that ends the connection is not looked at. covers: H036 */
static void test_nothing_is_served_behind_a_refusal(void **state) {
  struct rig rig;
  const char *answer;
  (void)state;

  open_rig(&rig);
  raw_say(&rig.raw, "GET /x HTTP/1.1\r\nHost: b\r\n" FIELDS "\r\n" RAW_REQUEST);
  raw_expect_eof(&rig.raw);
  answer = raw_text(&rig.raw);
  CHECK_BYTES("HTTP/1.1 404 ", 13, answer, 13);
  CHECK_NULL(strstr(answer + 1, "HTTP/1.1"));
  CHECK_INT(1, rig.seen.n);
  CHECK_SIZE(0, rig.host.ntalkers);
  loopback_close(&rig.lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_data_behind_the_answer),
      cmocka_unit_test(test_continue_before_the_answer),
      cmocka_unit_test(test_nothing_is_served_behind_a_refusal),
  };
  int failures = CHECK_RUN_TABLE("requests", requests, test_request);
  failures += CHECK_RUN_TABLE("plain requests", plains, test_plain);
  failures += cmocka_run_group_tests_name("request", tests, NULL, NULL);
  return failures;
}
