/* What a request's getters say, where a redirect leads, and what is counted of requests that are refused. */
#include <string.h>

#include "api/server.h"
#include "integration/raw_peer.h"

#define FIELDS                                                                                   \
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
  "Sec-WebSocket-Version: 13\r\n"

struct rig {
  struct loopback lb;
  struct host host;
  struct raw raw;
};

static void open_rig(struct rig *rig, void (*decide)(struct host *host, wsuv_upgrade_t *upgrade),
                     void *arg) {
  loopback_open(&rig->lb);
  host_init(&rig->host, &rig->lb);
  rig->host.on_upgrade = decide;
  rig->host.on_request = decide;
  rig->host.arg = arg;
  CHECK_ERR(0, host_listen(&rig->host, NULL));
  raw_connect(&rig->raw, &rig->lb, rig->host.port);
}

/* ---- getters ---- */

struct target {
  const char *name;
  const char *line;
  const char *path;
  const char *query; /* NULL: none */
};

static const struct target targets[] = {
    {"path and query", "GET /chat?room=1 HTTP/1.1\r\n", "/chat", "room=1"},
    {"no query", "GET /chat HTTP/1.1\r\n", "/chat", NULL},
    {"an empty query", "GET /chat? HTTP/1.1\r\n", "/chat", ""},
    {"the root", "GET / HTTP/1.1\r\n", "/", NULL},
    {"question marks in the query", "GET /a?b?c=?d HTTP/1.1\r\n", "/a", "b?c=?d"},
    {"escapes stay", "GET /a%3fb?c%20d HTTP/1.1\r\n", "/a%3fb", "c%20d"},
    {"a whole URL", "GET http://b/a?c HTTP/1.1\r\n", "/a", "c"},
    {"a whole URL without a path", "GET http://b?c HTTP/1.1\r\n", "/", "c"},
    {"no path at all", "OPTIONS * HTTP/1.1\r\n", "*", NULL},
};

static void check_target(struct host *host, wsuv_upgrade_t *upgrade) {
  const struct target *row = host->arg;
  wsuv_span_t path = wsuv_upgrade_path(upgrade);

  CHECK_BYTES(row->path, strlen(row->path), path.data, path.len);
  CHECK_STR(row->query, wsuv_upgrade_query(upgrade));
  CHECK_STR("1", wsuv_upgrade_header(upgrade, "x-many"));
  CHECK_STR("1", wsuv_upgrade_header_nth(upgrade, "x-many", 0));
  CHECK_STR("", wsuv_upgrade_header_nth(upgrade, "X-MANY", 1));
  CHECK_STR("3", wsuv_upgrade_header_nth(upgrade, "X-Many", 2));
  CHECK_NULL(wsuv_upgrade_header_nth(upgrade, "X-Many", 3));
  CHECK_NULL(wsuv_upgrade_header_nth(upgrade, "X-None", 0));
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(upgrade, 404, NULL, 0, NULL, 0)));
}

static void test_target(const void *given) {
  static struct target row;
  struct rig rig;

  row = *(const struct target *)given;
  open_rig(&rig, check_target, &row);
  raw_say(&rig.raw, row.line);
  raw_say(&rig.raw, "Host: b\r\nX-Many: 1\r\nX-Other: 2\r\nx-many:\r\nX-MANY: 3\r\n\r\n");
  raw_expect_eof(&rig.raw);
  CHECK_BYTES("HTTP/1.1 404 ", 13, rig.raw.in, 13);
  loopback_close(&rig.lb);
}

/* ---- redirects ---- */

struct redirect {
  const char *name;
  int status;
  const char *location;
  const char *answer; /* NULL: WSUV_EINVAL */
};

#define END                      "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define ANSWER(status, location) "HTTP/1.1 " status "\r\nLocation: " location END

static const struct redirect redirects[] = {
    {"301", 301, "/there", ANSWER("301 Moved Permanently", "/there")},
    {"302", 302, "wss://a.example/b?c#d", ANSWER("302 Found", "wss://a.example/b?c#d")},
    {"303", 303, "x", ANSWER("303 See Other", "x")},
    {"307", 307, "//b/", ANSWER("307 Temporary Redirect", "//b/")},
    {"308", 308, "/%20", ANSWER("308 Permanent Redirect", "/%20")},
    {"300", 300, "/", NULL},
    {"304", 304, "/", NULL},
    {"305", 305, "/", NULL},
    {"306", 306, "/", NULL},
    {"309", 309, "/", NULL},
    {"200", 200, "/", NULL},
    {"no location", 302, NULL, NULL},
    {"an empty location", 302, "", NULL},
    {"a second line", 302, "/\r\nSet-Cookie: a=b", NULL},
    {"LF", 302, "/\nSet-Cookie: a=b", NULL},
    {"CR at the end", 302, "/\r", NULL},
    {"a blank", 302, "/a b", NULL},
    {"a blank at the end", 302, "/a ", NULL},
    {"a control character", 302, "/\x01", NULL},
    {"DEL", 302, "/\x7f", NULL},
    {"not ASCII", 302, "/\xc3\xa4", NULL},
};

static void redirect(struct host *host, wsuv_upgrade_t *upgrade) {
  const struct redirect *row = host->arg;
  int err = CALL(host->lb, wsuv_upgrade_redirect(upgrade, row->status, row->location));

  CHECK_ERR(row->answer != NULL ? 0 : WSUV_EINVAL, err);
  if (err != 0) /* it still waits */
    CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_redirect(upgrade, 302, "/else")));
}

static void run_redirect(const struct redirect *given, const char *request, int counted) {
  static struct redirect row;
  struct rig rig;

  row = *given;
  open_rig(&rig, redirect, &row);
  raw_say(&rig.raw, request);
  raw_expect_eof(&rig.raw);
  CHECK_STR(row.answer != NULL ? row.answer : ANSWER("302 Found", "/else"), raw_text(&rig.raw));
  CHECK_INT(counted, (int)rig.host.server->rejected[WSUV_REJECTED_BY_APPLICATION]);
  loopback_close(&rig.lb);
}

static void test_redirect(const void *given) {
  run_redirect(given, "GET / HTTP/1.1\r\nHost: b\r\n" FIELDS "\r\n", 1);
  run_redirect(given, "GET / HTTP/1.1\r\nHost: b\r\n\r\n", 0);
}

static void test_redirect_of_an_orphan(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, host_decide_late, NULL);
  raw_say(&rig.raw, RAW_REQUEST);
  RUN_UNTIL(&rig.lb, rig.host.upgrade != NULL);
  raw_reset(&rig.raw);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 0);
  CHECK_STR("/chat", wsuv_upgrade_target(rig.host.upgrade));
  CHECK_NULL(wsuv_upgrade_query(rig.host.upgrade));
  CHECK_ERR(WSUV_ECANCELED, CALL(&rig.lb, wsuv_upgrade_redirect(rig.host.upgrade, 0, NULL)));
  loopback_close(&rig.lb);
}

/* ---- counts ---- */

struct count {
  const char *name;
  const char *text;
  wsuv_rejection_t counted;
};

static const struct count counts[] = {
    {"no HTTP", "hello\r\n\r\n", WSUV_REJECTED_MALFORMED},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", WSUV_REJECTED_MALFORMED},
    {"no key",
     "GET / HTTP/1.1\r\nHost: b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Version: 13\r\n\r\n",
     WSUV_REJECTED_MALFORMED},
    {"an origin", "GET / HTTP/1.1\r\nHost: b\r\n" FIELDS "Origin: http://c\r\n\r\n",
     WSUV_REJECTED_ORIGIN},
    {"the application", "GET / HTTP/1.1\r\nHost: b\r\n" FIELDS "\r\n",
     WSUV_REJECTED_BY_APPLICATION},
    {"a page", "GET / HTTP/1.1\r\nHost: b\r\n\r\n", WSUV_NREJECTIONS},
};

static void refuse(struct host *host, wsuv_upgrade_t *upgrade) {
  CHECK_ERR(0, CALL(host->lb, wsuv_upgrade_reject(upgrade, 403, NULL, 0, NULL, 0)));
}

static void check_counts(const wsuv_server_t *server, wsuv_rejection_t counted) {
  int i;

  for (i = 0; i < WSUV_NREJECTIONS; i++)
    CHECK_INT(i == (int)counted, (int)server->rejected[i]);
}

static void test_count(const void *given) {
  const struct count *row = given;
  struct rig rig;

  open_rig(&rig, refuse, NULL);
  raw_say(&rig.raw, row->text);
  raw_expect_eof(&rig.raw);
  check_counts(rig.host.server, row->counted);
  loopback_close(&rig.lb);
}

/* 408, or nothing for who said nothing, or whose request was not decided on in time. */
static void check_slow(const char *text, void (*decide)(struct host *, wsuv_upgrade_t *)) {
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  wsuv_conn_options_t conn = WSUV_CONN_OPTIONS_INIT;
  struct loopback lb;
  struct host host;
  struct raw raw;

  loopback_open(&lb);
  host_init(&host, &lb);
  host.on_upgrade = decide;
  conn.handshake_timeout_ms = 100;
  options.conn = &conn;
  CHECK_ERR(0, host_listen(&host, &options));
  raw_connect(&raw, &lb, host.port);
  raw_say(&raw, text);
  RUN_UNTIL(&lb, raw.eof || raw.error != 0);
  check_counts(host.server, WSUV_REJECTED_SLOW);
  if (host.upgrade != NULL)
    CHECK_ERR(WSUV_ECANCELED, CALL(&lb, wsuv_upgrade_accept(host.upgrade, NULL)));
  loopback_close(&lb);
}

static void test_count_slow(void **state) {
  (void)state;
  check_slow("", host_decide_late);
  check_slow("GET ", host_decide_late);
  check_slow(RAW_REQUEST, host_decide_late);
}

static void test_count_stopping(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig, refuse, NULL);
  RUN_UNTIL(&rig.lb, wsuv_server_nconns(rig.host.server) == 1);
  CALL_VOID(&rig.lb, wsuv_server_close(rig.host.server));
  check_counts(rig.host.server, WSUV_REJECTED_STOPPING);
  raw_expect_eof(&rig.raw);
  loopback_close(&rig.lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_redirect_of_an_orphan),
      cmocka_unit_test(test_count_slow),
      cmocka_unit_test(test_count_stopping),
  };
  int failures = CHECK_RUN_TABLE("targets", targets, test_target);
  failures += CHECK_RUN_TABLE("redirects", redirects, test_redirect);
  failures += CHECK_RUN_TABLE("counts", counts, test_count);
  failures += cmocka_run_group_tests_name("redirect", tests, NULL, NULL);
  return failures;
}
