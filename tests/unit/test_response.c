/* Responses that end a connection. */
#include <string.h>

#include "http/response.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/errno.h"

static const wsuv_header_t two_headers[] = {{"X-A", "1", 0, 0}, {"Location: ", "/b\r\n", 8, 2}};

static void check_written(const char *expected, int err, struct wsuv__buf *buf) {
  CHECK_ERR(0, err);
  CHECK_BYTES(expected, strlen(expected), buf->base, buf->len);
  wsuv__buf_free(buf, &wsuv__default_allocator);
}

/* covers: H037 H040 H058 H059 W061 W062 */
static void a_response_has_length_and_close(void **state) {
  struct wsuv__buf buf = {0};
  const wsuv_allocator_t *a = &wsuv__default_allocator;
  (void)state;
  check_written("HTTP/1.1 302 Found\r\nX-A: 1\r\nLocation: /b\r\nContent-Length: 12\r\n"
                "Connection: close\r\n\r\nhello, world",
                wsuv__response_write(&buf, a, 302, two_headers, 2, "hello, world", 12), &buf);
  check_written("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                wsuv__response_write(&buf, a, 403, NULL, 0, NULL, 0), &buf);
  check_written("HTTP/1.1 799 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                wsuv__response_write(&buf, a, 799, NULL, 0, NULL, 0), &buf);
  check_written("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
                wsuv__response_write(&buf, a, 204, NULL, 0, NULL, 0), &buf);
  check_written("HTTP/1.1 100 Continue\r\n\r\n",
                wsuv__response_write(&buf, a, 100, NULL, 0, NULL, 0), &buf);
}

static void a_kept_connection_needs_no_word(void **state) {
  struct wsuv__buf buf = {0};
  const wsuv_allocator_t *a = &wsuv__default_allocator;
  (void)state;
  check_written("HTTP/1.1 200 OK\r\nX-A: 1\r\nLocation: /b\r\nContent-Length: 2\r\n\r\nhi",
                wsuv__response_write_kept(&buf, a, 200, two_headers, 2, "hi", 2), &buf);
  check_written("HTTP/1.1 304 Not Modified\r\n\r\n",
                wsuv__response_write_kept(&buf, a, 304, NULL, 0, NULL, 0), &buf);
  check_written(
      "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Content-Length: 0\r\nConnection: Upgrade\r\n\r\n",
      wsuv__response_write_kept(&buf, a, 426, NULL, 0, NULL, 0), &buf);
  CHECK_ERR(WSUV_EINVAL, wsuv__response_write_kept(&buf, a, 401, NULL, 0, NULL, 0));
  CHECK_ERR(WSUV_EINVAL, wsuv__response_write_kept(&buf, a, 204, NULL, 0, "x", 1));
}

/* covers: H053 H066 */
static void a_426_says_what_to_upgrade_to(void **state) {
  static const wsuv_header_t own[] = {{"upgrade", "x", 0, 0}, {"Sec-WebSocket-Version", "8", 0, 0}};
  struct wsuv__buf buf = {0};
  const wsuv_allocator_t *a = &wsuv__default_allocator;
  (void)state;
  check_written(
      "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Content-Length: 0\r\nConnection: Upgrade, close\r\n\r\n",
      wsuv__response_write(&buf, a, 426, NULL, 0, NULL, 0), &buf);
  check_written("HTTP/1.1 426 Upgrade Required\r\nupgrade: x\r\nSec-WebSocket-Version: 8\r\n"
                "Content-Length: 0\r\nConnection: Upgrade, close\r\n\r\n",
                wsuv__response_write(&buf, a, 426, own, 2, NULL, 0), &buf);
}

/* covers: H061 */
static void a_401_has_a_challenge(void **state) {
  static const wsuv_header_t challenge = {"www-authenticate", "Basic", 0, 0};
  struct wsuv__buf buf = {0};
  const wsuv_allocator_t *a = &wsuv__default_allocator;
  (void)state;
  CHECK_ERR(WSUV_EINVAL, wsuv__response_write(&buf, a, 401, two_headers, 2, NULL, 0));
  check_written("HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\nContent-Length: 0\r\n"
                "Connection: close\r\n\r\n",
                wsuv__response_write(&buf, a, 401, &challenge, 1, NULL, 0), &buf);
}

struct bad_case {
  const char *name;
  int status;
  wsuv_header_t header;
  const char *body;
};

/* covers: HSK.9 H045 C14 */
static const struct bad_case bad_cases[] = {
    {"status 99", 99, {"X", "1", 0, 0}, ""},
    {"status 1000", 1000, {"X", "1", 0, 0}, ""},
    {"LF in a value", 400, {"X", "1\nY: 2", 0, 0}, ""},
    {"name that is no token", 400, {"X Y", "1", 0, 0}, ""},
    {"Content-Length", 400, {"content-length", "1", 0, 0}, ""},
    {"Connection", 400, {"Connection", "keep-alive", 0, 0}, ""},
    {"Transfer-Encoding", 400, {"Transfer-Encoding", "chunked", 0, 0}, ""},
    {"body of a 204", 204, {"X", "1", 0, 0}, "x"},
    {"body of a 304", 304, {"X", "1", 0, 0}, "x"},
};

static void run_bad(const void *data) {
  const struct bad_case *row = data;
  struct wsuv__buf buf = {0};
  wsuv__buf_append_text(&buf, &wsuv__default_allocator, "before");
  CHECK_ERR(WSUV_EINVAL, wsuv__response_write(&buf, &wsuv__default_allocator, row->status,
                                              &row->header, 1, row->body, strlen(row->body)));
  CHECK_BYTES("before", 6, buf.base, buf.len);
  wsuv__buf_free(&buf, &wsuv__default_allocator);
}

/* covers: HSS.12 W064 W212 H009 H053 */
static void a_refusal_says_what_its_status_requires(void **state) {
  struct wsuv__buf buf = {0};
  const wsuv_allocator_t *a = &wsuv__default_allocator;
  (void)state;
  check_written(
      "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Content-Type: text/plain\r\nContent-Length: 4\r\nConnection: Upgrade, close\r\n\r\n"
      "old\n",
      wsuv__response_write_refusal(&buf, a, WSUV_EVERSION, "old"), &buf);
  check_written("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Type: text/plain\r\n"
                "Content-Length: 4\r\nConnection: close\r\n\r\nx??\n",
                wsuv__response_write_refusal(&buf, a, WSUV_EMETHOD, "x\n\x80"), &buf);
  check_written("HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain\r\n"
                "Content-Length: 41\r\nConnection: close\r\n\r\n"
                "HTTP version is not 1.1 (RFC 6455 4.2.1)\n",
                wsuv__response_write_refusal(&buf, a, WSUV_EHTTPVERSION, ""), &buf);
}

static void every_error_has_a_refusal(void **state) {
  static const int rows[][2] = {{WSUV_EHTTP, 400},    {WSUV_EHEADSIZE, 431}, {WSUV_ENOUPGRADE, 426},
                                {WSUV_EMISSING, 400}, {WSUV_EBODY, 400},     {WSUV_ETIMEDOUT, 408},
                                {WSUV_ENOMEM, 503},   {WSUV_EACCEPT, 500},   {-12345, 500}};
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct wsuv__buf buf = {0};
    CHECK_ERR(0, wsuv__response_write_refusal(&buf, &wsuv__default_allocator, rows[i][0], NULL));
    CHECK_INT(rows[i][1],
              (buf.base[9] - '0') * 100 + (buf.base[10] - '0') * 10 + (buf.base[11] - '0'));
    CHECK_TRUE(wsuv__response_reason(rows[i][1])[0] != '\0');
    wsuv__buf_free(&buf, &wsuv__default_allocator);
  }
}

static void a_long_detail_is_cut(void **state) {
  static char detail[5000];
  struct wsuv__buf buf = {0};
  (void)state;
  memset(detail, 'x', sizeof detail - 1);
  CHECK_ERR(0, wsuv__response_write_refusal(&buf, &wsuv__default_allocator, WSUV_EHTTP, detail));
  CHECK_TRUE(buf.len < 400);
  wsuv__buf_free(&buf, &wsuv__default_allocator);
}

static void every_allocation_may_fail(void **state) {
  size_t n;
  (void)state;
  for (n = 1;; n++) {
    struct failing_alloc fa;
    struct wsuv__buf buf = {0};
    int err;
    failing_alloc_init(&fa);
    failing_alloc_fail_once(&fa, n);
    err = wsuv__response_write(&buf, &fa.allocator, 302, two_headers, 2, "hello", 5);
    CHECK_ERR(failing_alloc_has_failed(&fa) ? WSUV_ENOMEM : 0, err);
    CHECK_TRUE(err == 0 || buf.len == 0);
    wsuv__buf_free(&buf, &fa.allocator);
    failing_alloc_check_no_leaks(&fa);
    if (err == 0)
      break;
  }
  CHECK_TRUE(n > 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_response_has_length_and_close),
      cmocka_unit_test(a_kept_connection_needs_no_word),
      cmocka_unit_test(a_426_says_what_to_upgrade_to),
      cmocka_unit_test(a_401_has_a_challenge),
      cmocka_unit_test(a_refusal_says_what_its_status_requires),
      cmocka_unit_test(every_error_has_a_refusal),
      cmocka_unit_test(a_long_detail_is_cut),
      cmocka_unit_test(every_allocation_may_fail),
  };
  int nfailed = cmocka_run_group_tests_name("response", tests, NULL, NULL);
  nfailed += CHECK_RUN_TABLE("bad responses", bad_cases, run_bad);
  return nfailed;
}
