/* What both roles of the opening handshake share: creation, states, memory. */
#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/handshake.h"

static const char *const one[] = {"a"};
static const char *const twice[] = {"a", "b", "a"};
static const char *const empty[] = {""};
static const char *const blank[] = {"a b"};
static const char *const slash[] = {"a/b"};
static const char *const null[] = {NULL};

struct offer_case {
  const char *name;
  const char *const *list;
  size_t len;
  int result;
};

/* covers: HSK.1 HSS.1 W030 */
static const struct offer_case offer_cases[] = {
    {"one", one, 1, 0},
    {"none", NULL, 0, 0},
    {"given twice", twice, 3, WSUV_EINVAL},
    {"empty", empty, 1, WSUV_EINVAL},
    {"with a blank", blank, 1, WSUV_EINVAL},
    {"with a slash", slash, 1, WSUV_EINVAL},
    {"null", null, 1, WSUV_EINVAL},
    {"no list", NULL, 1, WSUV_EINVAL},
};

static void run_offer(const void *data) {
  const struct offer_case *row = data;
  wsuv_handshake_options_t server = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_handshake_options_t client = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_CLIENT);
  wsuv_handshake_t *h;
  server.subprotocols = client.subprotocols = row->list;
  server.nsubprotocols = client.nsubprotocols = row->len;
  client.url = "ws://h";
  server.origin = "a\nb"; /* what is for clients does not matter to a server */
  server.key = "x";
  CHECK_ERR(row->result, wsuv_handshake_new(&h, &server));
  CHECK_INT(row->result == 0, h != NULL);
  wsuv_handshake_free(h);
  CHECK_ERR(row->result, wsuv_handshake_new(&h, &client));
  CHECK_INT(row->result == 0, h != NULL);
  wsuv_handshake_free(h);
}

/* covers: ERR.2 */
static void bad_options_are_refused(void **state) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_handshake_t *h;
  (void)state;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(NULL, &options));
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, NULL));
  CHECK_NULL(h);
  options.size = 8;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
  options.size = sizeof options;
  options.role = (wsuv_role_t)3;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
  wsuv_handshake_free(NULL);
}

/* covers: HSK.11 HSK.13 HSS.11 ERR.19 */
static void calls_of_the_other_role_or_at_the_wrong_time_are_state_errors(void **state) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_handshake_t *h;
  wsuv_span_t text;
  (void)state;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_request(h, &text));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_status_line(h, 101));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_response(h, NULL, 0, &text));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_select_subprotocol(h, NULL));
  CHECK_NULL(wsuv_handshake_subprotocol(h));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_finish(h)); /* no request line yet */
  CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  CHECK_ERR(WSUV_ENOUPGRADE, wsuv_handshake_finish(h));
  CHECK_ERR(WSUV_ENOUPGRADE, wsuv_handshake_finish(h));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_header(h, "Host", 4, "h", 1));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_response(h, NULL, 0, &text));
  wsuv_handshake_free(h);

  options.role = WSUV_CLIENT;
  options.url = "ws://h";
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_response(h, NULL, 0, &text));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_select_subprotocol(h, "a"));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_finish(h));
  wsuv_handshake_free(h);
}

/* Fields come from anywhere, one call each; the first error of any step. covers: HSK.5 HTR.2 */
static int hand_over(wsuv_handshake_t *to, const char *const fields[][2], size_t nfields) {
  size_t i;
  int err = 0;
  for (i = 0; i < nfields && err == 0; i++)
    err = wsuv_handshake_header(to, fields[i][0], strlen(fields[i][0]), fields[i][1],
                                strlen(fields[i][1]));
  return err;
}

static int run_server(const wsuv_allocator_t *a) {
  static const char *const fields[][2] = {{"Host", "h"},
                                          {"Upgrade", "websocket"},
                                          {"Connection", "keep-alive"},
                                          {"Connection", "Upgrade"},
                                          {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                                          {"Sec-WebSocket-Version", "13"},
                                          {"Sec-WebSocket-Protocol", "x, a"}};
  static const wsuv_header_t extra = {"Set-Cookie", "a=1", 0, 0};
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_handshake_t *h;
  wsuv_span_t text;
  int err;
  options.allocator = a;
  options.subprotocols = one;
  options.nsubprotocols = 1;
  err = wsuv_handshake_new(&h, &options);
  if (err != 0)
    return err;
  err = wsuv_handshake_request_line(h, "GET", 3, 1, 1);
  if (err == 0)
    err = hand_over(h, fields, sizeof fields / sizeof fields[0]);
  if (err == 0)
    err = wsuv_handshake_finish(h);
  if (err == 0)
    err = wsuv_handshake_select_subprotocol(h, "x");
  if (err == 0)
    err = wsuv_handshake_response(h, &extra, 1, &text);
  wsuv_handshake_free(h);
  return err;
}

static int run_client(const wsuv_allocator_t *a) {
  static const char *const fields[][2] = {{"Upgrade", "websocket"},
                                          {"Connection", "Upgrade"},
                                          {"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
                                          {"Sec-WebSocket-Protocol", "a"}};
  static const wsuv_header_t extra = {"X-A", "1", 0, 0};
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_CLIENT);
  wsuv_handshake_t *h;
  int err;
  options.allocator = a;
  options.subprotocols = one;
  options.nsubprotocols = 1;
  options.url = "ws://u:p@h/";
  options.origin = "http://o";
  options.key = "dGhlIHNhbXBsZSBub25jZQ==";
  options.headers = &extra;
  options.nheaders = 1;
  err = wsuv_handshake_new(&h, &options);
  if (err != 0)
    return err;
  err = wsuv_handshake_status_line(h, 101);
  if (err == 0)
    err = hand_over(h, fields, sizeof fields / sizeof fields[0]);
  if (err == 0)
    err = wsuv_handshake_finish(h);
  wsuv_handshake_free(h);
  return err;
}

static void fail_each_allocation(int (*run)(const wsuv_allocator_t *a)) {
  size_t n;
  for (n = 1;; n++) {
    struct failing_alloc fa;
    int err;
    failing_alloc_init(&fa);
    failing_alloc_fail_once(&fa, n);
    err = run(&fa.allocator);
    failing_alloc_check_no_leaks(&fa);
    CHECK_ERR(failing_alloc_has_failed(&fa) ? WSUV_ENOMEM : 0, err);
    if (err == 0)
      break;
  }
  CHECK_TRUE(n > 5);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  fail_each_allocation(run_server);
  fail_each_allocation(run_client);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bad_options_are_refused),
      cmocka_unit_test(calls_of_the_other_role_or_at_the_wrong_time_are_state_errors),
      cmocka_unit_test(every_allocation_may_fail),
  };
  int nfailed = cmocka_run_group_tests_name("handshake", tests, NULL, NULL);
  nfailed += CHECK_RUN_TABLE("subprotocols", offer_cases, run_offer);
  return nfailed;
}
