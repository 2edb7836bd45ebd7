/* What a handshake says about a fault, as attributes; the lines are in test_client_handshake.c, test_server_handshake.c. */
#include <string.h>

#include "support/check.h"
#include "support/handshake_lines.h"
#include "wsuv/handshake.h"

static wsuv_handshake_t *new_handshake(wsuv_role_t role) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(role);
  wsuv_handshake_t *h;
  options.url = "ws://h/";
  options.key = "dGhlIHNhbXBsZSBub25jZQ==";
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  return h;
}

static wsuv_handshake_fault_t judge(wsuv_handshake_t *h, int verdict, const char *lines) {
  wsuv_handshake_fault_t fault;
  CHECK_ERR(0, wsuv_handshake_request_line(h, "GET", 3, 1, 1));
  give_lines(h, lines);
  CHECK_ERR(0, wsuv_handshake_fault(h, &fault));
  CHECK_ERR(verdict, wsuv_handshake_finish(h));
  CHECK_ERR(verdict, wsuv_handshake_fault(h, &fault));
  CHECK_ERR(verdict, fault.error);
  return fault;
}

/* covers: CORE.11 ERR.5 ERR.9 ERR.11 ERR.18 ERR.21 */
static void a_fault_has_attributes_but_no_secrets(void **state) {
  wsuv_handshake_t *h = new_handshake(WSUV_SERVER);
  wsuv_handshake_fault_t fault = judge(h, WSUV_EMISSING, V13 "Host: h\nUpgrade: websocket\n");
  (void)state;
  CHECK_SIZE(2, fault.nnames);
  CHECK_STR("Connection", fault.names[0]);
  CHECK_STR("Sec-WebSocket-Key", fault.names[1]);
  CHECK_NULL(fault.name);
  CHECK_STR("RFC 6455 4.2.1", fault.clause);
  wsuv_handshake_free(h);

  h = new_handshake(WSUV_SERVER);
  fault = judge(h, WSUV_EVERSION, HOST ASK KEY "Sec-WebSocket-Version: 8\n");
  CHECK_STR("Sec-WebSocket-Version", fault.name);
  CHECK_STR("8", fault.value);
  CHECK_STR("13", fault.expected);
  CHECK_STR("RFC 6455 4.2.2", fault.clause);
  CHECK_SIZE(0, fault.nnames);
  CHECK_NULL(fault.names);
  wsuv_handshake_free(h);

  h = new_handshake(WSUV_SERVER);
  fault = judge(h, WSUV_EDUPLICATE, GOOD_REQUEST "Host: g\n");
  CHECK_STR("Host", fault.name);
  CHECK_STR("h, g", fault.value);
  CHECK_STR("appears more than once", fault.why);
  wsuv_handshake_free(h);

  h = new_handshake(WSUV_SERVER);
  fault = judge(h, WSUV_EDUPLICATE, GOOD_REQUEST KEY);
  CHECK_STR("Sec-WebSocket-Key", fault.name);
  CHECK_NULL(fault.value);
  wsuv_handshake_free(h);

  h = new_handshake(WSUV_SERVER);
  fault = judge(h, WSUV_EHEADER, HOST ASK V13 "Sec-WebSocket-Key: secret\n");
  CHECK_STR("is not 16 bytes in base64", fault.why);
  CHECK_NULL(fault.value);
  wsuv_handshake_free(h);

  h = new_handshake(WSUV_SERVER);
  fault = judge(h, 0, GOOD_REQUEST);
  CHECK_TRUE(fault.name == NULL && fault.why == NULL && fault.clause == NULL);
  wsuv_handshake_free(h);
}

/* covers: ERR.21 */
static void the_value_of_a_fault_is_printable_and_cut(void **state) {
  static char lines[2000] = HOST ASK KEY "Sec-WebSocket-Version: \x01\xc3\xa4";
  wsuv_handshake_t *h = new_handshake(WSUV_SERVER);
  wsuv_handshake_fault_t fault;
  size_t len = strlen(lines);
  (void)state;
  memset(lines + len, 'x', 1000);
  lines[len + 1000] = '\n';
  fault = judge(h, WSUV_EVERSION, lines);
  CHECK_SIZE(200, strlen(fault.value));
  CHECK_TRUE(strncmp(fault.value, "???xxx", 6) == 0);
  CHECK_STR("x...", fault.value + 196);
  wsuv_handshake_free(h);
}

/* covers: CORE.11 ERR.1 ERR.4 */
static void a_client_has_the_status_and_both_accepts(void **state) {
  wsuv_handshake_t *h = new_handshake(WSUV_CLIENT);
  wsuv_handshake_fault_t fault;
  (void)state;
  CHECK_ERR(0, wsuv_handshake_status_line(h, 404));
  CHECK_ERR(WSUV_ESTATUS, wsuv_handshake_finish(h));
  CHECK_ERR(WSUV_ESTATUS, wsuv_handshake_fault(h, &fault));
  CHECK_INT(404, fault.status);
  CHECK_NULL(fault.reason);
  CHECK_STR("status", fault.name);
  CHECK_STR("404", fault.value);
  CHECK_STR("101", fault.expected);
  wsuv_handshake_free(h);

  h = new_handshake(WSUV_CLIENT);
  CHECK_ERR(0, wsuv_handshake_status_line(h, 101));
  give_lines(h, "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: nope\n");
  CHECK_ERR(WSUV_EACCEPT, wsuv_handshake_finish(h));
  CHECK_ERR(WSUV_EACCEPT, wsuv_handshake_fault(h, &fault));
  CHECK_STR("Sec-WebSocket-Accept", fault.name);
  CHECK_STR("nope", fault.value);
  CHECK_STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", fault.expected);
  CHECK_INT(0, fault.status);
  wsuv_handshake_free(h);
}

/* Several lines are one list. covers: W090 */
static void a_client_reports_the_versions_of_the_server(void **state) {
  wsuv_handshake_t *h = new_handshake(WSUV_CLIENT);
  (void)state;
  CHECK_ERR(0, wsuv_handshake_status_line(h, 426));
  give_lines(h, "Sec-WebSocket-Version: 7\nSec-WebSocket-Version: 8, 25\n");
  CHECK_ERR(WSUV_ESTATUS, wsuv_handshake_finish(h));
  CHECK_STR("status is 426, expected 101, Sec-WebSocket-Version is \"7, 8, 25\" (RFC 6455 4.1)",
            wsuv_handshake_detail(h));
  wsuv_handshake_free(h);
}

/* covers: ERR.4 ERR.21 */
static void a_reason_phrase_is_kept_for_a_wrong_status(void **state) {
  wsuv_handshake_t *h = new_handshake(WSUV_CLIENT);
  wsuv_handshake_fault_t fault;
  (void)state;
  CHECK_ERR(0, wsuv_handshake_status_line(h, 404));
  CHECK_ERR(0, wsuv_handshake_reason_phrase(h, "Moved\x01", 6));
  CHECK_ERR(0, wsuv_handshake_reason_phrase(h,
                                            "Not\xa0"
                                            "Found",
                                            9));
  CHECK_ERR(WSUV_ESTATUS, wsuv_handshake_finish(h));
  CHECK_ERR(WSUV_ESTATUS, wsuv_handshake_fault(h, &fault));
  CHECK_STR("Not?Found", fault.reason);
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_reason_phrase(h, "x", 1));
  wsuv_handshake_free(h);

  h = new_handshake(WSUV_CLIENT);
  CHECK_ERR(0, wsuv_handshake_status_line(h, 101));
  CHECK_ERR(0, wsuv_handshake_reason_phrase(h, "Switching", 9));
  CHECK_ERR(WSUV_EMISSING, wsuv_handshake_finish(h));
  CHECK_ERR(WSUV_EMISSING, wsuv_handshake_fault(h, &fault));
  CHECK_NULL(fault.reason);
  wsuv_handshake_free(h);

  h = new_handshake(WSUV_SERVER);
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_reason_phrase(h, "x", 1));
  wsuv_handshake_free(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_fault_has_attributes_but_no_secrets),
      cmocka_unit_test(the_value_of_a_fault_is_printable_and_cut),
      cmocka_unit_test(a_client_has_the_status_and_both_accepts),
      cmocka_unit_test(a_client_reports_the_versions_of_the_server),
      cmocka_unit_test(a_reason_phrase_is_kept_for_a_wrong_status),
  };
  return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
