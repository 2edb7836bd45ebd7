#include <string.h>

#include "support/check.h"
#include "support/guard_page.h"
#include "wsuv/frame.h"

/* covers: CON.6 CLF.4 CLF.5 CLF.6 W179 W180 W181 W182 W183 W186 W187 W188 W189 */
static void what_may_be_sent_is_a_closed_set(void **state) {
  int code;
  (void)state;
  for (code = -10; code < 70000; code++) {
    int expected = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                   (code >= 3000 && code <= 4999);
    CHECK_INT(expected, wsuv_close_code_is_sendable(code));
  }
}

/* covers: CON.3 CON.4 CON.5 */
static void names_and_codes_convert_both_ways(void **state) {
  int code;
  int nnamed = 0;
  (void)state;
  for (code = 0; code < 66000; code++) {
    const char *name = wsuv_close_code_name(code);
    if (name == NULL)
      continue;
    CHECK_INT(code, wsuv_close_code_by_name(name));
    CHECK_TRUE(wsuv_close_code_is_sendable(code));
    nnamed++;
  }
  CHECK_INT(12, nnamed);
  CHECK_INT(1011, wsuv_close_code_by_name("SERVER_ERROR"));
  CHECK_STR("INTERNAL_ERROR", wsuv_close_code_name(1011));
  CHECK_INT(0, wsuv_close_code_by_name("success"));
  CHECK_INT(0, wsuv_close_code_by_name(""));
}

struct encode_row {
  const char *name;
  int code;
  const char *reason;
  size_t reason_len;
  int result;
  const char *payload;
};

static char longest[124];

/* covers: CLF.1 CLF.2 CLF.3 CLF.7 CLF.9 W124 W126 */
static const struct encode_row encodings[] = {
    {"nothing", 0, NULL, 0, 0, ""},
    {"nothing, with an empty reason", 0, "", 0, 0, ""},
    {"a code", 1000, NULL, 0, 2, "\x03\xe8"},
    {"a code and a reason", 1001, "bye", 3, 5,
     "\x03\xe9"
     "bye"},
    {"the highest code", 4999, "", 0, 2, "\x13\x87"},
    {"a reason without a code", 0, "x", 1, WSUV_EINVAL, NULL},
    {"a reason that is not there", 1000, NULL, 1, WSUV_EINVAL, NULL},
    {"a code that cannot be sent", 1005, NULL, 0, WSUV_EINVAL, NULL},
    {"a negative code", -1, NULL, 0, WSUV_EINVAL, NULL},
    {"a code that would wrap", 66536, NULL, 0, WSUV_EINVAL, NULL},
    {"a reason that is not UTF-8", 1000, "\xff", 1, WSUV_EINVAL, NULL},
    {"a reason that stops inside a character", 1000, "\xc3", 1, WSUV_EINVAL, NULL},
    {"a reason over 123 octets", 1000, longest, 124, WSUV_EINVAL, NULL},
};

static void run_encoding(const void *data) {
  const struct encode_row *row = data;
  uint8_t out[WSUV_CONTROL_PAYLOAD_MAX];
  CHECK_INT(row->result, wsuv_close_payload_encode(row->code, row->reason, row->reason_len, out));
  if (row->result > 0)
    CHECK_BYTES(row->payload, (size_t)row->result, out, (size_t)row->result);
}

static void the_longest_reason_fills_the_payload(void **state) {
  struct guard_page out = guard_page_new(NULL, WSUV_CONTROL_PAYLOAD_MAX);
  struct guard_page reason = guard_page_new(longest, 123);
  (void)state;
  CHECK_INT(125, wsuv_close_payload_encode(1000, (const char *)reason.data, 123, out.data));
  CHECK_BYTES(longest, 123, out.data + 2, 123);
  guard_page_free(&out);
  guard_page_free(&reason);
}

struct decode_row {
  const char *name;
  const char *payload;
  size_t len;
  int result;
  int code;
  size_t reason_len;
};

/* covers: CLF.1 CLF.10 CLF.11 W125 W191 */
static const struct decode_row decodings[] = {
    {"nothing", "", 0, 0, 0, 0},
    {"one octet", "\x03", 1, WSUV_ECLOSEPAYLOAD, 0, 0},
    {"a code", "\x03\xe8", 2, 0, 1000, 0},
    {"a code and a reason", "\x0f\xa0why", 5, 0, 4000, 3},
    {"code 0", "\0\0", 2, WSUV_ECLOSECODE, 0, 0},
    {"code 999", "\x03\xe7", 2, WSUV_ECLOSECODE, 0, 0},
    {"code 1006 and a reason that is not UTF-8: the code comes first", "\x03\xee\xff", 3,
     WSUV_ECLOSECODE, 0, 0},
    {"code 5000", "\x13\x88", 2, WSUV_ECLOSECODE, 0, 0},
    {"a reason that is not UTF-8", "\x03\xe8\xff", 3, WSUV_EENCODING, 0, 0},
    {"a reason that stops inside a character", "\x03\xe8\xf0\x9f\x98", 5, WSUV_EENCODING, 0, 0},
    {"a reason with a NUL",
     "\x03\xe8"
     "a\0b",
     5, 0, 1000, 3},
};

static void run_decoding(const void *data) {
  const struct decode_row *row = data;
  struct guard_page page = guard_page_new(row->payload, row->len);
  wsuv_span_t reason;
  int code = -1;
  CHECK_ERR(row->result, wsuv_close_payload_decode(page.data, page.len, &code, &reason));
  CHECK_INT(row->code, code);
  CHECK_SIZE(row->reason_len, reason.len);
  if (row->reason_len > 0)
    CHECK_PTR(page.data + 2, reason.data);
  guard_page_free(&page);
}

struct format_row {
  const char *name;
  int code;
  const char *reason;
  const char *text;
};

/* covers: ERR.14 ERR.21 ERR.22 W135 */
static const struct format_row formats[] = {
    {"code with a name", 1000, NULL, "1000/SUCCESS"},
    {"and a reason", 1001, "going down", "1001/ENDPOINT_UNAVAILABLE: going down"},
    {"an empty reason", 1011, "", "1011/INTERNAL_ERROR"},
    {"code without a name", 4000, "x", "4000: x"},
    {"abnormal", 1006, NULL, "1006"},
    {"nothing", 0, NULL, "no code"},
    {"control characters", 1002, "a\nb\x7f\x01", "1002/PROTOCOL_ERROR: a?b??"},
    {"UTF-8 stays", 3000, "\xc3\xa4", "3000: \xc3\xa4"},
    {"any number", INT_MIN, NULL, "-2147483648"},
};

static void run_format(const void *data) {
  const struct format_row *row = data;
  size_t reason_len = row->reason != NULL ? strlen(row->reason) : 0;
  char out[WSUV_CLOSE_TEXT_MAX];
  size_t size;
  for (size = 0; size <= strlen(row->text); size++)
    CHECK_ERR(WSUV_ENOBUFS, wsuv_close_format(out, size, row->code, row->reason, reason_len));
  CHECK_INT(strlen(row->text), wsuv_close_format(out, size, row->code, row->reason, reason_len));
  CHECK_STR(row->text, out);
}

/* covers: ERR.21 */
static void a_close_as_text_is_bounded(void **state) {
  char reason[124];
  char out[WSUV_CLOSE_TEXT_MAX];
  (void)state;
  memset(reason, 'x', sizeof reason);
  CHECK_ERR(WSUV_EINVAL, wsuv_close_format(out, sizeof out, 1010, reason, 124));
  CHECK_ERR(WSUV_EINVAL, wsuv_close_format(out, sizeof out, 1010, NULL, 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_close_format(NULL, 0, 1010, NULL, 0));
  CHECK_INT(5 + 22 + 2 + 123, wsuv_close_format(out, sizeof out, 1010, reason, 123));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_may_be_sent_is_a_closed_set),
      cmocka_unit_test(names_and_codes_convert_both_ways),
      cmocka_unit_test(a_close_as_text_is_bounded),
      cmocka_unit_test(the_longest_reason_fills_the_payload),
  };
  memset(longest, 'r', sizeof longest);
  return CHECK_RUN_TABLE("texts", formats, run_format) +
         CHECK_RUN_TABLE("close payloads written", encodings, run_encoding) +
         CHECK_RUN_TABLE("close payloads read", decodings, run_decoding) +
         cmocka_run_group_tests_name("close_code", tests, NULL, NULL);
}
