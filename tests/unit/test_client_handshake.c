/* The client's half of the opening handshake. */
#include <string.h>

#include "support/check.h"
#include "support/handshake_lines.h"
#include "wsuv/handshake.h"

#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n"
#define GOOD   ASK ACCEPT

static const char *const offers[] = {"b", "a"};

static wsuv_handshake_options_t client_options(void) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_CLIENT);
  options.url = "ws://h/";
  options.key = KEY_VALUE;
  return options;
}

static void check_request(const char *expected, const wsuv_handshake_options_t *options) {
  wsuv_handshake_t *h;
  wsuv_span_t text;
  CHECK_ERR(0, wsuv_handshake_new(&h, options));
  CHECK_ERR(0, wsuv_handshake_request(h, &text));
  CHECK_BYTES(expected, strlen(expected), text.data, text.len);
  wsuv_handshake_free(h);
}

#define HEAD(target, host)                                                                     \
  "GET " target " HTTP/1.1\r\nHost: " host "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
  "Sec-WebSocket-Key: " KEY_VALUE "\r\nSec-WebSocket-Version: 13\r\n"

/* covers: HSK.8 HSK.14 HSC.8 CON.2 W020 W021 W024 W025 W028 W029 W031 W033 H006 H012 H050 */
static void the_request_has_the_fields_in_the_documented_order(void **state) {
  static const wsuv_header_t extra[] = {{"X-A", "1", 0, 0}, {"X-A", "2", 0, 0}};
  wsuv_handshake_options_t options = client_options();
  (void)state;
  check_request(HEAD("/", "h") "\r\n", &options);
  options.origin = "";
  check_request(HEAD("/", "h") "\r\n", &options);
  options.subprotocols = offers;
  options.nsubprotocols = 2;
  options.origin = "http://o";
  options.headers = extra;
  options.nheaders = 2;
  check_request(HEAD("/", "h") "Sec-WebSocket-Protocol: b, a\r\nOrigin: http://o\r\nX-A: 1\r\nX-A: "
                               "2\r\n\r\n",
                &options);
}

/* covers: DEC.7 HSC.3 U008 H016 */
static void user_information_becomes_authorization_unless_one_is_given(void **state) {
  static const wsuv_header_t own = {"authorization", "Bearer x", 0, 0};
  wsuv_handshake_options_t options = client_options();
  (void)state;
  options.url = "ws://u:p@h:81/x";
  check_request(HEAD("/x", "h:81") "Authorization: Basic dTpw\r\n\r\n", &options);
  options.headers = &own;
  options.nheaders = 1;
  check_request(HEAD("/x", "h:81") "authorization: Bearer x\r\n\r\n", &options);
}

static void check_refused(int expected, const wsuv_handshake_options_t *options) {
  wsuv_handshake_t *h;
  CHECK_ERR(expected, wsuv_handshake_new(&h, options));
  CHECK_NULL(h);
}

/* covers: HSK.9 HSC.7 W080 W009 W033 C14 */
static void bad_options_are_refused(void **state) {
  static const wsuv_header_t origin = {"Origin", "http://o", 0, 0};
  static const wsuv_header_t evil = {"X", "a\r\nEvil: 1", 0, 0};
  static const wsuv_header_t own = {"sec-websocket-KEY_VALUE", "dGhlIHNhbXBsZSBub25jZQ==", 0, 0};
  wsuv_handshake_options_t options = client_options();
  (void)state;
  options.url = NULL;
  check_refused(WSUV_EURL, &options);
  options.url = "ftp://h/";
  check_refused(WSUV_EURL, &options);
  options = client_options();
  options.key = "dGhlIHNhbXBsZSBub25jZQ=";
  check_refused(WSUV_EINVAL, &options);
  options = client_options();
  options.origin = "http://o\r\nEvil: 1";
  check_refused(WSUV_EINVAL, &options);
  options = client_options();
  options.headers = &evil;
  options.nheaders = 1;
  check_refused(WSUV_EINVAL, &options);
  options.headers = &own;
  check_refused(WSUV_EINVAL, &options);
  options.headers = &origin;
  check_request(HEAD("/", "h") "Origin: http://o\r\n\r\n", &options);
  options.origin = "http://o";
  check_refused(WSUV_EINVAL, &options);
}

/* covers: HSC.6 */
static void the_url_is_there_for_the_connection(void **state) {
  wsuv_handshake_options_t options = client_options();
  wsuv_handshake_t *h;
  (void)state;
  options.url = "wss://u:p@[::1]:8443/x?y";
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_STR("::1", wsuv_handshake_host(h));
  CHECK_INT(8443, wsuv_handshake_port(h));
  CHECK_INT(1, wsuv_handshake_is_secure(h));
  CHECK_STR("/x?y", wsuv_handshake_target(h));
  wsuv_handshake_free(h);

  options.url = "http://h?y";
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_STR("h", wsuv_handshake_host(h));
  CHECK_INT(80, wsuv_handshake_port(h));
  CHECK_INT(0, wsuv_handshake_is_secure(h));
  CHECK_STR("/?y", wsuv_handshake_target(h));
  wsuv_handshake_free(h);

  options.role = WSUV_SERVER;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_NULL(wsuv_handshake_host(h));
  CHECK_NULL(wsuv_handshake_target(h));
  CHECK_INT(0, wsuv_handshake_port(h));
  CHECK_INT(0, wsuv_handshake_is_secure(h));
  wsuv_handshake_free(h);
}

struct response_case {
  const char *name;
  int status;
  const char *lines;
  int verdict;
  const char *detail;
  const char *subprotocol;
};

#define OFFERED "expected one that was offered (RFC 6455 4.1)"

/* covers: HSC.9 HSC.10 HSC.11 HSC.12 HSC.13 HSC.15 EXT.6 W195 HSC.16 HSK.4 HSK.7 ERR.1 ERR.4 ERR.9 ERR.16 ERR.17 ERR.21 W083
 * W085 W088 W035 W036 W037 W038 W039 W040 W041 W042 W044 C15 */
static const struct response_case response_cases[] = {
    {"as it should be", 101, GOOD, 0, "", NULL},
    {"any case, any order", 101, ACCEPT "CONNECTION: x, UPGRADE\nuPGRADE: WebSOCKET\n", 0, "",
     NULL},
    {"Connection in two lines", 101, "Connection: x\n" GOOD, 0, "", NULL},
    {"unrelated fields", 101, GOOD "X: y\nSec-WebSocket-Foo: a\nSec-WebSocket-Version: 8\n", 0, "",
     NULL},
    {"subprotocol", 101, GOOD "Sec-WebSocket-Protocol: a \n", 0, "", "a"},
    {"empty extensions", 101, GOOD "Sec-WebSocket-Extensions: \n", WSUV_EBADEXTENSION,
     "Sec-WebSocket-Extensions: \"\" is malformed (RFC 6455 9.1)", NULL},
    {"malformed extensions", 101, GOOD "Sec-WebSocket-Extensions: foo; a=\n", WSUV_EBADEXTENSION,
     "Sec-WebSocket-Extensions: \"foo; a=\" is malformed (RFC 6455 9.1)", NULL},
    {"status 200", 200, GOOD, WSUV_ESTATUS, "status is 200, expected 101 (RFC 6455 4.1)", NULL},
    {"status 404 and nothing else", 404, "", WSUV_ESTATUS,
     "status is 404, expected 101 (RFC 6455 4.1)", NULL},
    {"status -1", -1, GOOD, WSUV_ESTATUS, "status is 0, expected 101 (RFC 6455 4.1)", NULL},
    {"nothing", 101, "", WSUV_EMISSING,
     "missing Connection, Upgrade, Sec-WebSocket-Accept (RFC 6455 4.1)", NULL},
    {"no Upgrade", 101, "Connection: Upgrade\n" ACCEPT, WSUV_EMISSING,
     "missing Upgrade (RFC 6455 4.1)", NULL},
    {"Upgrade is another", 101, "Upgrade: h2c\nConnection: Upgrade\n" ACCEPT, WSUV_EHEADER,
     "Upgrade is \"h2c\", expected websocket (RFC 6455 4.1)", NULL},
    {"Upgrade is longer", 101, "Upgrade: websockets\nConnection: Upgrade\n" ACCEPT, WSUV_EHEADER,
     "Upgrade is \"websockets\", expected websocket (RFC 6455 4.1)", NULL},
    {"Upgrade is a list", 101, "Upgrade: websocket, h2c\nConnection: Upgrade\n" ACCEPT,
     WSUV_EHEADER, "Upgrade is \"websocket, h2c\", expected websocket (RFC 6455 4.1)", NULL},
    {"Upgrade is empty", 101, "Upgrade:\nConnection: Upgrade\n" ACCEPT, WSUV_EHEADER,
     "Upgrade is \"\", expected websocket (RFC 6455 4.1)", NULL},
    {"Connection without the token", 101, "Upgrade: websocket\nConnection: notupgrade\n" ACCEPT,
     WSUV_EHEADER, "Connection is \"notupgrade\", expected Upgrade (RFC 6455 4.1)", NULL},
    {"Connection with a bad token", 101, "Upgrade: websocket\nConnection: Upgrade, a b\n" ACCEPT,
     WSUV_ETOKEN, "Connection: \"a b\" is not a token (RFC 9110 5.6.2)", NULL},
    {"accept of another key", 101,
     "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: "
     "ICX+Yqv66kxgM0FcWaLWlFLwTAI=\n",
     WSUV_EACCEPT,
     "Sec-WebSocket-Accept is \"ICX+Yqv66kxgM0FcWaLWlFLwTAI=\", expected "
     "s3pPLMBiTxaQ9kYGzzhZRbK+xOo= "
     "(RFC 6455 4.1)",
     NULL},
    {"accept in another case", 101,
     "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: "
     "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n",
     WSUV_EACCEPT, NULL, NULL},
    {"accept cut", 101,
     "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\n",
     WSUV_EACCEPT, NULL, NULL},
    {"accept longer", 101,
     "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: "
     "s3pPLMBiTxaQ9kYGzzhZRbK+xOo==\n",
     WSUV_EACCEPT, NULL, NULL},
    {"accept with blanks around", 101,
     "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: \t "
     "s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t\n",
     0, "", NULL},
    {"accept twice", 101, GOOD "sec-websocket-ACCEPT: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n",
     WSUV_EDUPLICATE, "sec-websocket-ACCEPT appears more than once (RFC 6455 11.3)", NULL},
    {"subprotocol twice", 101, GOOD "Sec-WebSocket-Protocol: a\nSec-WebSocket-Protocol: a\n",
     WSUV_EDUPLICATE, "Sec-WebSocket-Protocol appears more than once (RFC 6455 11.3)", NULL},
    {"extensions twice", 101, GOOD "Sec-WebSocket-Extensions:\nSec-WebSocket-Extensions:\n",
     WSUV_EDUPLICATE, "Sec-WebSocket-Extensions appears more than once (RFC 6455 11.3)", NULL},
    {"an extension", 101, GOOD "Sec-WebSocket-Extensions: foo; a=1\n", WSUV_EEXTENSION,
     "Sec-WebSocket-Extensions: \"foo; a=1\" was not offered (RFC 6455 4.1)", NULL},
    {"another subprotocol", 101, GOOD "Sec-WebSocket-Protocol: c\n", WSUV_ESUBPROTOCOL,
     "Sec-WebSocket-Protocol is \"c\", " OFFERED, NULL},
    {"subprotocol in another case", 101, GOOD "Sec-WebSocket-Protocol: A\n", WSUV_ESUBPROTOCOL,
     "Sec-WebSocket-Protocol is \"A\", " OFFERED, NULL},
    {"list of subprotocols", 101, GOOD "Sec-WebSocket-Protocol: b, a\n", WSUV_ESUBPROTOCOL,
     "Sec-WebSocket-Protocol is \"b, a\", " OFFERED, NULL},
    {"empty subprotocol", 101, GOOD "Sec-WebSocket-Protocol:\n", WSUV_ESUBPROTOCOL,
     "Sec-WebSocket-Protocol is \"\", " OFFERED, NULL},
    {"control and high octets in a detail", 101,
     "Upgrade: \x01\xc3\xa4\nConnection: Upgrade\n" ACCEPT, WSUV_EHEADER,
     "Upgrade is \"???\", expected websocket (RFC 6455 4.1)", NULL},
};

static void run_response(const void *data) {
  const struct response_case *row = data;
  wsuv_handshake_options_t options = client_options();
  wsuv_handshake_t *h;
  options.subprotocols = offers;
  options.nsubprotocols = 2;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, wsuv_handshake_status_line(h, row->status));
  give_lines(h, row->lines);
  CHECK_ERR(0, wsuv_handshake_header(h, "Upgrade", 7, NULL, 0)); /* no value: not there */
  CHECK_ERR(row->verdict, wsuv_handshake_finish(h));
  CHECK_ERR(row->verdict, wsuv_handshake_finish(h));
  if (row->detail != NULL)
    CHECK_STR(row->detail, wsuv_handshake_detail(h));
  CHECK_STR(row->subprotocol, wsuv_handshake_subprotocol(h));
  wsuv_handshake_free(h);
}

static void subprotocols_that_were_not_offered_fail(void **state) {
  wsuv_handshake_options_t options = client_options();
  wsuv_handshake_t *h;
  (void)state;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, wsuv_handshake_status_line(h, 101));
  give_lines(h, GOOD "Sec-WebSocket-Protocol: a\n");
  CHECK_ERR(WSUV_ESUBPROTOCOL, wsuv_handshake_finish(h));
  CHECK_STR("Sec-WebSocket-Protocol is \"a\", expected none (RFC 6455 4.1)",
            wsuv_handshake_detail(h));
  wsuv_handshake_free(h);
}

/* covers: ERR.21 */
static void a_detail_is_bounded(void **state) {
  static char value[10000];
  wsuv_handshake_options_t options = client_options();
  wsuv_handshake_t *h;
  (void)state;
  memset(value, 'x', sizeof value);
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, wsuv_handshake_status_line(h, 101));
  CHECK_ERR(0, wsuv_handshake_header(h, "Upgrade", 7, value, sizeof value));
  give_lines(h, "Connection: Upgrade\n" ACCEPT);
  CHECK_ERR(WSUV_EHEADER, wsuv_handshake_finish(h));
  CHECK_TRUE(strlen(wsuv_handshake_detail(h)) <= 200);
  wsuv_handshake_free(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_request_has_the_fields_in_the_documented_order),
      cmocka_unit_test(user_information_becomes_authorization_unless_one_is_given),
      cmocka_unit_test(bad_options_are_refused),
      cmocka_unit_test(the_url_is_there_for_the_connection),
      cmocka_unit_test(subprotocols_that_were_not_offered_fail),
      cmocka_unit_test(a_detail_is_bounded),
  };
  int nfailed = cmocka_run_group_tests_name("client handshake", tests, NULL, NULL);
  nfailed += CHECK_RUN_TABLE("responses", response_cases, run_response);
  return nfailed;
}
