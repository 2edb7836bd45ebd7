/* Which pages a server lets in: by default only its own. */
#include <stdio.h>
#include <string.h>

#include "integration/given_stream.h"

#define FIELDS                                                                                   \
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
  "Sec-WebSocket-Version: 13\r\n"

enum rule { SAME, ANY, LISTED, SAME_REQUIRED, ANY_REQUIRED };

struct row {
  const char *name;
  enum rule rule;
  const char *fields;
  int status;
};

static const struct row rows[] = {
    {"no browser", SAME, "Host: a:81\r\n", 101},
    {"its own page", SAME, "Host: a:81\r\nOrigin: http://a:81\r\n", 101},
    {"its own page behind a proxy with TLS", SAME, "Host: a\r\nOrigin: https://A\r\n", 101},
    {"its own page by IPv6", SAME, "Host: [::1]:81\r\nOrigin: http://[::1]:81\r\n", 101},
    {"another port", SAME, "Host: a:81\r\nOrigin: http://a\r\n", 403},
    {"another host", SAME, "Host: a\r\nOrigin: http://b\r\n", 403},
    {"its name as a part", SAME, "Host: a.b\r\nOrigin: http://a.b.evil.org\r\n", 403},
    {"opaque", SAME, "Host: a\r\nOrigin: null\r\n", 403},
    {"empty", SAME, "Host: a\r\nOrigin:\r\n", 403},
    {"two", SAME, "Host: a\r\nOrigin: http://a\r\nOrigin: http://a\r\n", 403},
    {"the list decides", LISTED, "Host: a\r\nOrigin: https://b.example\r\n", 101},
    {"which does not hold its own", LISTED, "Host: a\r\nOrigin: http://a\r\n", 403},
    {"and no browser passes", LISTED, "Host: a\r\n", 101},
    {"any", ANY, "Host: a\r\nOrigin: http://b\r\n", 101},
    {"any, opaque", ANY, "Host: a\r\nOrigin: null\r\n", 101},
    {"required", SAME_REQUIRED, "Host: a\r\n", 403},
    {"required, and the same", SAME_REQUIRED, "Host: a\r\nOrigin: http://a\r\n", 101},
    {"required, and another", SAME_REQUIRED, "Host: a\r\nOrigin: http://b\r\n", 403},
    {"any, but required", ANY_REQUIRED, "Host: a\r\n", 403},
    {"any, and there", ANY_REQUIRED, "Host: a\r\nOrigin: null\r\n", 101},
};

static void choose_rule(wsuv_server_options_t *options, enum rule rule) {
  static const char *const any = "*";
  static const char *const listed = "https://b.example";

  options->norigins = rule == LISTED || rule == ANY || rule == ANY_REQUIRED;
  options->origins = rule == LISTED ? &listed : &any;
  options->require_origin = rule == SAME_REQUIRED || rule == ANY_REQUIRED;
}

static void expect_status(struct raw *raw, int status) {
  char begins[32];
  int n = snprintf(begins, sizeof begins, "HTTP/1.1 %d ", status);

  RUN_UNTIL(raw->lb, raw_took_head(raw));
  CHECK_BYTES(begins, (size_t)n, raw->in, (size_t)n);
}

static void test_row(const void *given) {
  const struct row *row = given;
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  struct loopback lb;
  struct host host;
  struct raw raw;

  choose_rule(&options, row->rule);
  loopback_open(&lb);
  host_init(&host, &lb);
  CHECK_ERR(0, host_listen(&host, &options));
  raw_connect(&raw, &lb, host.port);
  raw_say(&raw, "GET / HTTP/1.1\r\n" FIELDS);
  raw_say(&raw, row->fields);
  raw_say(&raw, "\r\n");
  expect_status(&raw, row->status);
  loopback_close(&lb);
}

/* Requests that the application's HTTP server has parsed are judged by the same rule. */
static void test_from_request(void **state) {
  static const wsuv_header_t fields[] = {
      {"Host", "a", 0, 0},
      {"Upgrade", "websocket", 0, 0},
      {"Connection", "Upgrade", 0, 0},
      {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", 0, 0},
      {"Sec-WebSocket-Version", "13", 0, 0},
      {"Origin", "http://b", 0, 0},
  };
  wsuv_request_t request = WSUV_REQUEST_INIT;
  wsuv_adopt_options_t adopt = given_options(1, NULL, 0);
  struct loopback lb;
  struct host host;
  struct given given;
  struct raw peer;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  CHECK_ERR(0, host_create(&host, NULL));
  CHECK_INT(0, given_open(&given, &peer, &lb, GIVEN_PIPE));
  request.method = "GET";
  request.target = "/";
  request.headers = fields;
  request.nheaders = 6;
  CHECK_ERR(WSUV_EORIGIN,
            CALL(&lb, wsuv_upgrade_from_request(host.server, given.stream, &request, &adopt)));
  request.nheaders = 5;
  CHECK_ERR(0, CALL(&lb, wsuv_upgrade_from_request(host.server, given.stream, &request, &adopt)));
  expect_status(&peer, 101);
  loopback_close(&lb);
}

static void test_wrong_lists(void **state) {
  static const char *const starred[] = {"*", "http://a"};
  static const char *const opaque[] = {"null"};
  wsuv_server_options_t options = WSUV_SERVER_OPTIONS_INIT;
  struct loopback lb;
  struct host host;
  (void)state;

  loopback_open(&lb);
  host_init(&host, &lb);
  options.origins = starred;
  options.norigins = 2;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &options));
  options.origins = opaque;
  options.norigins = 1;
  CHECK_ERR(WSUV_EINVAL, host_listen(&host, &options));
  options.origins = starred;
  CHECK_ERR(0, host_listen(&host, &options));
  loopback_close(&lb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_from_request),
      cmocka_unit_test(test_wrong_lists),
  };
  int failures = CHECK_RUN_TABLE("origin rule", rows, test_row);
  failures += cmocka_run_group_tests_name("origin rule", tests, NULL, NULL);
  return failures;
}
