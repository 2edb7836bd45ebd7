/* The server's half of the opening handshake. */
#include <string.h>

#include "support/check.h"
#include "support/handshake_lines.h"
#include "wsuv/handshake.h"

static const char *const supported[] = {"ghi", "def"};

static wsuv_handshake_t *new_server(void) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_handshake_t *h;
  options.subprotocols = supported;
  options.nsubprotocols = 2;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  return h;
}

struct request_case {
  const char *name;
  const char *lines;
  int verdict;
  const char *detail;
  const char *subprotocol;
};

#define C421 " (RFC 6455 4.2.1)"

/* covers: HSS.3 HSS.4 HSS.5 HSS.6 HSS.7 HSS.8 HSK.4 HSK.6 HSK.7 ERR.5 ERR.7 ERR.11 ERR.18 ERR.21 W086 W089 W045 W049 W050 W051
 * W052 W053 W055 W057 W058 W064 W069 W070 W076 H013 H014 H015 H041 H046 H051 C9 C15 C17 */
static const struct request_case request_cases[] = {
    {"as it should be", GOOD_REQUEST, 0, "", NULL},
    {"any case, any order",
     V13 "HOST: h\nconnection: x,UPGRADE\nSEC-websocket-KEY: "
         "dGhlIHNhbXBsZSBub25jZQ==\nuPGRADE: WebSOCKET\n",
     0, "", NULL},
    {"two Connection lines", "Connection: keep-alive\n" GOOD_REQUEST, 0, "", NULL},
    {"two Upgrade lines", "Upgrade: h2c/1\n" GOOD_REQUEST, 0, "", NULL},
    {"empty elements", HOST "Upgrade: ,websocket\nConnection: ,, Upgrade ,\n" KEY V13, 0, "", NULL},
    {"unrelated fields", GOOD_REQUEST "X-Foo: bar\nSec-WebSocket-Foo: a b\nOrigin: x\n", 0, "",
     NULL},
    {"extensions that are not supported", GOOD_REQUEST "Sec-WebSocket-Extensions: foo; a=1\n", 0,
     "", NULL},
    {"malformed extensions", GOOD_REQUEST "Sec-WebSocket-Extensions: foo, ;;\n", 0, "", NULL},
    {"Host with port", "Host: [::1]:80\n" ASK KEY V13, 0, "", NULL},
    {"client's order of preference", GOOD_REQUEST "Sec-WebSocket-Protocol: abc, def, ghi\n", 0, "",
     "def"},
    {"several lines", GOOD_REQUEST "Sec-WebSocket-Protocol: abc\nSec-WebSocket-Protocol: ghi\n", 0,
     "", "ghi"},
    {"none in common", GOOD_REQUEST "Sec-WebSocket-Protocol: DEF\n", 0, "", NULL},
    {"empty list", GOOD_REQUEST "Sec-WebSocket-Protocol: \n", 0, "", NULL},
    {"subprotocol that is no token", GOOD_REQUEST "Sec-WebSocket-Protocol: def, a b\n", WSUV_ETOKEN,
     "Sec-WebSocket-Protocol: \"a b\" is not a token (RFC 9110 5.6.2)", NULL},
    {"an ordinary request", HOST "Connection: keep-alive\n", WSUV_ENOUPGRADE,
     "missing Upgrade, Sec-WebSocket-Version, Sec-WebSocket-Key" C421, NULL},
    {"another upgrade", HOST "Upgrade: h2c\nConnection: Upgrade\n", WSUV_EMISSING,
     "missing Sec-WebSocket-Version, Sec-WebSocket-Key" C421, NULL},
    {"only a key", KEY, WSUV_EMISSING,
     "missing Host, Connection, Upgrade, Sec-WebSocket-Version" C421, NULL},
    {"no Host", ASK KEY V13, WSUV_EMISSING, "missing Host" C421, NULL},
    {"no Upgrade", HOST "Connection: Upgrade\n" KEY V13, WSUV_EMISSING, "missing Upgrade" C421,
     NULL},
    {"no Connection", HOST "Upgrade: websocket\n" KEY V13, WSUV_EMISSING, "missing Connection" C421,
     NULL},
    {"no version", HOST ASK KEY, WSUV_EMISSING, "missing Sec-WebSocket-Version" C421, NULL},
    {"no key", HOST ASK V13, WSUV_EMISSING, "missing Sec-WebSocket-Key" C421, NULL},
    {"two Hosts", GOOD_REQUEST HOST, WSUV_EDUPLICATE,
     "Host appears more than once (RFC 6455 11.3, RFC 9112 3.2)", NULL},
    {"two versions", GOOD_REQUEST "sec-websocket-version: 13\n", WSUV_EDUPLICATE,
     "sec-websocket-version appears more than once (RFC 6455 11.3, RFC 9112 3.2)", NULL},
    {"two keys", GOOD_REQUEST KEY, WSUV_EDUPLICATE, NULL, NULL},
    {"Host with a blank", "Host: a b\n" ASK KEY V13, WSUV_EHEADER,
     "Host is \"a b\", expected host[:port] (RFC 9112 3.2)", NULL},
    {"Host with a path", "Host: a@b/c\n" ASK KEY V13, WSUV_EHEADER, NULL, NULL},
    {"Host with an open bracket", "Host: [::1\n" ASK KEY V13, WSUV_EHEADER, NULL, NULL},
    {"Host with a list", "Host: a, b\n" ASK KEY V13, WSUV_EHEADER, NULL, NULL},
    {"empty Host", "Host:\n" ASK KEY V13, WSUV_EHEADER, NULL, NULL},
    {"Upgrade is another", HOST "Upgrade: h2c\nConnection: Upgrade\n" KEY V13, WSUV_EHEADER,
     "Upgrade is \"h2c\", expected websocket" C421, NULL},
    {"Upgrade with a version", HOST "Upgrade: websocket/13\nConnection: Upgrade\n" KEY V13,
     WSUV_EHEADER, NULL, NULL},
    {"Upgrade with a bad element", HOST "Upgrade: websocket, a/b/c\nConnection: Upgrade\n" KEY V13,
     WSUV_ETOKEN, "Upgrade: \"a/b/c\" is not a token (RFC 9110 5.6.2)", NULL},
    {"Connection is another", HOST "Upgrade: websocket\nConnection: upgrade-x\n" KEY V13,
     WSUV_EHEADER, "Connection is \"upgrade-x\", expected Upgrade" C421, NULL},
    {"Connection is empty", HOST "Upgrade: websocket\nConnection:\n" KEY V13, WSUV_EHEADER, NULL,
     NULL},
    {"version 8", HOST ASK KEY "Sec-WebSocket-Version: 8\n", WSUV_EVERSION,
     "Sec-WebSocket-Version is \"8\", expected 13 (RFC 6455 4.2.2)", NULL},
    {"version 013", HOST ASK KEY "Sec-WebSocket-Version: 013\n", WSUV_EVERSION, NULL, NULL},
    {"version +13", HOST ASK KEY "Sec-WebSocket-Version: +13\n", WSUV_EVERSION, NULL, NULL},
    {"version 13.0", HOST ASK KEY "Sec-WebSocket-Version: 13.0\n", WSUV_EVERSION, NULL, NULL},
    {"version 0x0d", HOST ASK KEY "Sec-WebSocket-Version: 0x0d\n", WSUV_EVERSION, NULL, NULL},
    {"version 4294967309", HOST ASK KEY "Sec-WebSocket-Version: 4294967309\n", WSUV_EVERSION, NULL,
     NULL},
    {"version 269", HOST ASK KEY "Sec-WebSocket-Version: 269\n", WSUV_EVERSION, NULL, NULL},
    {"version list", HOST ASK KEY "Sec-WebSocket-Version: 13, 8\n", WSUV_EVERSION, NULL, NULL},
    {"empty version", HOST ASK KEY "Sec-WebSocket-Version:\n", WSUV_EVERSION,
     "Sec-WebSocket-Version is \"\", expected 13 (RFC 6455 4.2.2)", NULL},
    {"version before the key", HOST ASK "Sec-WebSocket-Key: x\nSec-WebSocket-Version: 8\n",
     WSUV_EVERSION, NULL, NULL},
    {"blanks around version and key",
     HOST ASK "Sec-WebSocket-Key: \tdGhlIHNhbXBsZSBub25jZQ== \nSec-WebSocket-Version:  13\t\n", 0,
     "", NULL},
    {"short key", HOST ASK V13 "Sec-WebSocket-Key: blahblah\n", WSUV_EHEADER,
     "Sec-WebSocket-Key is not 16 bytes in base64" C421, NULL},
    {"empty key", HOST ASK V13 "Sec-WebSocket-Key:\n", WSUV_EHEADER, NULL, NULL},
};

static void run_request(const void *data) {
  const struct request_case *row = data;
  wsuv_handshake_t *h = new_server();
  CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  give_lines(h, row->lines);
  CHECK_ERR(row->verdict, wsuv_handshake_finish(h));
  if (row->detail != NULL)
    CHECK_STR(row->detail, wsuv_handshake_detail(h));
  CHECK_STR(row->subprotocol, wsuv_handshake_subprotocol(h));
  wsuv_handshake_free(h);
}

struct line_case {
  const char *name;
  const char *method;
  int major;
  int minor;
  int verdict;
  const char *detail;
};

/* covers: HSS.2 ERR.3 ERR.6 W046 W047 H009 H054 */
static const struct line_case line_cases[] = {
    {"HTTP/1.1", "GET", 1, 1, 0, ""},
    {"HTTP/1.2", "GET", 1, 2, 0, ""},
    {"HTTP/1.0", "GET", 1, 0, WSUV_EHTTPVERSION,
     "HTTP version is \"HTTP/1.0\", expected HTTP/1.1" C421},
    {"HTTP/2.0", "GET", 2, 0, WSUV_EHTTPVERSION,
     "HTTP version is \"HTTP/2\", expected HTTP/1.1" C421},
    {"HTTP/0.9", "GET", 0, 9, WSUV_EHTTPVERSION,
     "HTTP version is \"HTTP/0.9\", expected HTTP/1.1" C421},
    {"POST", "POST", 1, 1, WSUV_EMETHOD, "method is \"POST\", expected GET" C421},
    {"get", "get", 1, 1, WSUV_EMETHOD, "method is \"get\", expected GET" C421},
    {"empty method", "", 1, 1, WSUV_EMETHOD, "method is \"\", expected GET" C421},
    {"long method", "GETGETGETGETGETGETGET", 1, 1, WSUV_EMETHOD,
     "method is \"GETGETGETGETGETG\", expected GET" C421},
    {"HTTP/2.1", "GET", 2, 1, WSUV_EHTTPVERSION,
     "HTTP version is \"HTTP/2.1\", expected HTTP/1.1" C421},
    {"version before method", "POST", 1, 0, WSUV_EHTTPVERSION,
     "HTTP version is \"HTTP/1.0\", expected HTTP/1.1" C421},
};

static void run_line(const void *data) {
  const struct line_case *row = data;
  wsuv_handshake_t *h = new_server();
  CHECK_ERR(
      0, wsuv_handshake_request_line(h, row->method, strlen(row->method), row->major, row->minor));
  give_lines(h, GOOD_REQUEST);
  CHECK_ERR(row->verdict, wsuv_handshake_finish(h));
  CHECK_STR(row->detail, wsuv_handshake_detail(h));
  wsuv_handshake_free(h);
}

static wsuv_handshake_t *new_accepted(void) {
  wsuv_handshake_t *h = new_server();
  CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  give_lines(h, GOOD_REQUEST "Sec-WebSocket-Protocol: abc, def, ghi\n");
  CHECK_ERR(0, wsuv_handshake_finish(h));
  return h;
}

#define RESPONSE                                                                      \
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

static void check_response(const char *expected, wsuv_handshake_t *h, const wsuv_header_t *headers,
                           size_t nheaders) {
  wsuv_span_t text;
  CHECK_ERR(0, wsuv_handshake_response(h, headers, nheaders, &text));
  CHECK_BYTES(expected, strlen(expected), text.data, text.len);
}

/* covers: HSK.8 HSK.14 HSS.15 W084 W087 W067 W071 W072 W073 H052 H058 */
static void the_response_has_the_fields_in_the_documented_order(void **state) {
  static const wsuv_header_t extra[] = {{"Set-Cookie", "a=1", 0, 0}, {"Set-Cookie", "b=2", 0, 0}};
  wsuv_handshake_t *h = new_accepted();
  (void)state;
  check_response(RESPONSE "Sec-WebSocket-Protocol: def\r\n\r\n", h, NULL, 0);
  check_response(RESPONSE
                 "Sec-WebSocket-Protocol: def\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n",
                 h, extra, 2);
  wsuv_handshake_free(h);
}

struct expect_case {
  const char *name;
  const char *lines;
  int continues;
};

/* covers: H060 */
static const struct expect_case expect_cases[] = {
    {"none", "", 0},
    {"100-continue", "Expect: 100-continue\n", 1},
    {"in another letter case", "expect: 100-Continue\n", 1},
    {"among others", "Expect: x\nExpect: 100-continue\n", 1},
    {"another", "Expect: 100-continues\n", 0},
    {"no token", "Expect: a b, 100-continue\n", 0},
};

static void run_expect(const void *data) {
  const struct expect_case *row = data;
  const char *first =
      row->continues ? "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 " : "HTTP/1.1 101 ";
  wsuv_handshake_t *h = new_server();
  wsuv_span_t text;
  CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  give_lines(h, GOOD_REQUEST);
  give_lines(h, row->lines);
  CHECK_ERR(0, wsuv_handshake_finish(h));
  CHECK_ERR(0, wsuv_handshake_response(h, NULL, 0, &text));
  CHECK_BYTES(first, strlen(first), text.data, strlen(first));
  wsuv_handshake_free(h);
}

/* covers: HSS.5 W066 W067 W068 */
static void the_application_may_choose_another_subprotocol_of_the_clients(void **state) {
  wsuv_handshake_t *h = new_accepted();
  (void)state;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_select_subprotocol(h, "xyz"));
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_select_subprotocol(h, ""));
  CHECK_STR("def", wsuv_handshake_subprotocol(h));
  CHECK_ERR(0, wsuv_handshake_select_subprotocol(h, wsuv_handshake_subprotocol(h)));
  CHECK_STR("def", wsuv_handshake_subprotocol(h));
  CHECK_ERR(0, wsuv_handshake_select_subprotocol(h, "abc"));
  check_response(RESPONSE "Sec-WebSocket-Protocol: abc\r\n\r\n", h, NULL, 0);
  CHECK_ERR(0, wsuv_handshake_select_subprotocol(h, NULL));
  check_response(RESPONSE "\r\n", h, NULL, 0);
  CHECK_NULL(wsuv_handshake_subprotocol(h));
  wsuv_handshake_free(h);
}

/* covers: HSK.9 C14 */
static void bad_extra_fields_are_refused(void **state) {
  static const wsuv_header_t rows[] = {{"X", "a\r\nEvil: 1", 0, 0},
                                       {"Sec-WebSocket-Protocol", "x", 0, 0},
                                       {"Upgrade", "x", 0, 0},
                                       {"Content-Length", "0", 0, 0}};
  wsuv_handshake_t *h = new_accepted();
  wsuv_span_t text;
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CHECK_ERR(WSUV_EINVAL, wsuv_handshake_response(h, &rows[i], 1, &text));
  check_response(RESPONSE "Sec-WebSocket-Protocol: def\r\n\r\n", h, NULL, 0);
  wsuv_handshake_free(h);
}

struct origin_case {
  const char *name;
  const char *lines;
  int verdict;
};

/* covers: HSS.9 W054 W063 */
static const struct origin_case origin_cases[] = {
    {"no Origin", GOOD_REQUEST, 0},
    {"the first", GOOD_REQUEST "Origin: https://a.example\n", 0},
    {"the second, in another case", GOOD_REQUEST "origin:\tHTTPS://b.Example:8443 \n", 0},
    {"another", GOOD_REQUEST "Origin: https://c.example\n", WSUV_EORIGIN},
    {"longer", GOOD_REQUEST "Origin: https://a.example.evil\n", WSUV_EORIGIN},
    {"shorter", GOOD_REQUEST "Origin: https://a.exampl\n", WSUV_EORIGIN},
    {"another scheme", GOOD_REQUEST "Origin: http://a.example\n", WSUV_EORIGIN},
    {"opaque", GOOD_REQUEST "Origin: null\n", WSUV_EORIGIN},
    {"empty", GOOD_REQUEST "Origin:\n", WSUV_EORIGIN},
    {"two", GOOD_REQUEST "Origin: https://a.example\nOrigin: https://a.example\n", WSUV_EORIGIN},
    {"behind the key", HOST ASK V13 "Sec-WebSocket-Key: x\nOrigin: x\n", WSUV_EHEADER},
    {"before the subprotocols", GOOD_REQUEST "Origin: x\nSec-WebSocket-Protocol: a b\n",
     WSUV_EORIGIN},
};

static void run_origin(const void *data) {
  static const char *const origins[] = {"https://a.example", "https://b.example:8443"};
  const struct origin_case *row = data;
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_handshake_t *h;
  wsuv_handshake_fault_t fault;
  options.origins = origins;
  options.norigins = 2;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  give_lines(h, row->lines);
  CHECK_ERR(row->verdict, wsuv_handshake_finish(h));
  CHECK_ERR(row->verdict, wsuv_handshake_fault(h, &fault));
  if (row->verdict == WSUV_EORIGIN)
    CHECK_STR("Origin", fault.name);
  CHECK_INT(403, wsuv_err_http_status(WSUV_EORIGIN));
  wsuv_handshake_free(h);
}

/* covers: HSS.9 W054 */
static void an_origin_can_be_required(void **state) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_handshake_t *h;
  (void)state;
  options.require_origin = 1;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  give_lines(h, GOOD_REQUEST);
  CHECK_ERR(WSUV_EORIGIN, wsuv_handshake_finish(h));
  CHECK_STR("Origin is missing (RFC 6455 4.2.2)", wsuv_handshake_detail(h));
  wsuv_handshake_free(h);

  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  give_lines(h, GOOD_REQUEST "Origin: x\n");
  CHECK_ERR(0, wsuv_handshake_finish(h));
  wsuv_handshake_free(h);
}

/* covers: HSS.9 */
static void bad_origins_are_refused(void **state) {
  static const char *const rows[] = {"",         "https://a b", "a,b",  "a\r",
                                     "\xc3\xa4", "null",        "NULL", NULL};
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_handshake_t *h;
  size_t i;
  (void)state;
  options.norigins = 1;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    options.origins = &rows[i];
    CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
    CHECK_NULL(h);
  }
}

static void bad_lists_are_refused(void **state) {
  static const char *const starred[] = {"https://a.example", "*"};
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_handshake_t *h;
  (void)state;
  options.origins = starred;
  options.norigins = 2;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
  options.norigins = 1;
  options.same_origin = 1;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
  options.origins = starred + 1;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
}

struct policy_case {
  const char *name;
  const char *origin; /* its only list entry; NULL: same origin */
  int secure;
  const char *lines;
  int verdict;
};

#define HERE "Host: server.example.com\n" ASK KEY V13

static const struct policy_case policy_cases[] = {
    {"same origin, none", NULL, 0, HERE, 0},
    {"same origin", NULL, 0, HERE "Origin: http://server.example.com\n", 0},
    {"same origin, behind a proxy", NULL, 0, HERE "Origin: https://Server.example.com\n", 0},
    {"same origin over TLS", NULL, 1, HERE "Origin: https://server.example.com\n", 0},
    {"http over TLS", NULL, 1, HERE "Origin: http://server.example.com\n", WSUV_EORIGIN},
    {"another host", NULL, 0, HERE "Origin: http://server.example.com.evil.org\n", WSUV_EORIGIN},
    {"opaque", NULL, 0, HERE "Origin: null\n", WSUV_EORIGIN},
    {"empty", NULL, 0, HERE "Origin:\n", WSUV_EORIGIN},
    {"twice the same", NULL, 0,
     HERE "Origin: http://server.example.com\nOrigin: http://server.example.com\n", WSUV_EORIGIN},
    {"no Host", NULL, 0, ASK V13 KEY "Origin: http://server.example.com\n", WSUV_EORIGIN},
    {"no Host, no Origin", NULL, 0, ASK V13 KEY, 0},
    {"any", "*", 0, HERE "Origin: http://elsewhere.example\n", 0},
    {"any, opaque", "*", 0, HERE "Origin: null\n", 0},
    {"any, none", "*", 0, HERE, 0},
    {"a list does not hold the same", "http://a.example", 0,
     HERE "Origin: http://server.example.com\n", WSUV_EORIGIN},
    {"a list, and its default port", "http://a.example", 0, HERE "Origin: http://a.example:80\n",
     WSUV_EORIGIN},
};

static void run_policy(const void *data) {
  const struct policy_case *row = data;
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_handshake_t *h;
  options.require_host = 0;
  options.origins = row->origin != NULL ? &row->origin : NULL;
  options.norigins = row->origin != NULL;
  options.same_origin = row->origin == NULL;
  options.secure = row->secure;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  give_lines(h, row->lines);
  CHECK_ERR(row->verdict, wsuv_handshake_finish(h));
  if (row->verdict != 0 && row->origin == NULL)
    CHECK_NOT_NULL(strstr(wsuv_handshake_detail(h), ", expected that of Host (RFC 6455 4.2.2)"));
  wsuv_handshake_free(h);
}

static void check_required(int verdict, const char *lines) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_handshake_t *h;
  options.subprotocols = supported;
  options.nsubprotocols = 2;
  options.require_subprotocol = 1;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  give_lines(h, lines);
  CHECK_ERR(verdict, wsuv_handshake_finish(h));
  wsuv_handshake_free(h);
}

/* covers: HSS.5 */
static void a_subprotocol_can_be_required(void **state) {
  (void)state;
  check_required(0, GOOD_REQUEST "Sec-WebSocket-Protocol: x, def\n");
  check_required(WSUV_ENOSUBPROTOCOL, GOOD_REQUEST);
  check_required(WSUV_ENOSUBPROTOCOL, GOOD_REQUEST "Sec-WebSocket-Protocol: x\n");
  check_required(WSUV_ETOKEN, GOOD_REQUEST "Sec-WebSocket-Protocol: x y\n");
  CHECK_INT(400, wsuv_err_http_status(WSUV_ENOSUBPROTOCOL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_origin_can_be_required),
      cmocka_unit_test(bad_origins_are_refused),
      cmocka_unit_test(bad_lists_are_refused),
      cmocka_unit_test(a_subprotocol_can_be_required),
      cmocka_unit_test(the_response_has_the_fields_in_the_documented_order),
      cmocka_unit_test(the_application_may_choose_another_subprotocol_of_the_clients),
      cmocka_unit_test(bad_extra_fields_are_refused),
  };
  int nfailed = cmocka_run_group_tests_name("server handshake", tests, NULL, NULL);
  nfailed += CHECK_RUN_TABLE("requests", request_cases, run_request);
  nfailed += CHECK_RUN_TABLE("request lines", line_cases, run_line);
  nfailed += CHECK_RUN_TABLE("expectations", expect_cases, run_expect);
  nfailed += CHECK_RUN_TABLE("origins", origin_cases, run_origin);
  nfailed += CHECK_RUN_TABLE("origin policies", policy_cases, run_policy);
  return nfailed;
}
