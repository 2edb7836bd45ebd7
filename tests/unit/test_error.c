/* covers: ERR.1 PER.24 */
#include <string.h>

#include "base/error.h"
#include "support/check.h"
#include "wsuv/protocol.h"

static const int all[] = {
#define ROW(name, number, close_code, http_status, text) number,
    WSUV_ERRNO_MAP(ROW)
#undef ROW
        WSUV_EINVAL,
    WSUV_ENOMEM, WSUV_ECANCELED, WSUV_ETIMEDOUT, WSUV_ENOBUFS};

enum { NALL = sizeof all / sizeof all[0] };

static void every_error_has_a_name_and_a_text(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < NALL; i++) {
    CHECK_NOT_NULL(wsuv__error_find(all[i]));
    CHECK_TRUE(wsuv_err_name(all[i])[0] == 'E');
    CHECK_TRUE(strlen(wsuv_strerror(all[i])) > 5);
    CHECK_TRUE(strcmp("unknown error", wsuv_strerror(all[i])) != 0);
  }
}

static void numbers_and_names_are_unique(void **state) {
  size_t i;
  size_t j;
  (void)state;
  for (i = 0; i < NALL; i++) {
    for (j = 0; j < i; j++) {
      CHECK_TRUE(all[i] != all[j]);
      CHECK_TRUE(strcmp(wsuv_err_name(all[i]), wsuv_err_name(all[j])) != 0);
    }
  }
}

static void own_numbers_are_far_from_those_of_the_system(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < NALL - 5; i++)
    CHECK_TRUE(all[i] <= -20001 && all[i] > -20100);
}

/* The text is the reason of the Close: it has to fit and to be sendable. */
static void close_codes_are_sendable(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < NALL; i++) {
    int code = wsuv_err_close_code(all[i]);
    CHECK_TRUE(code == 0 || wsuv_close_code_is_sendable(code));
    CHECK_TRUE(strlen(wsuv_strerror(all[i])) <= 123);
  }
}

static void statuses_are_those_of_errors(void **state) {
  size_t i;
  (void)state;
  for (i = 0; i < NALL; i++) {
    int status = wsuv_err_http_status(all[i]);
    CHECK_TRUE(status >= 400 && status <= 599);
  }
}

struct code_row {
  const char *name;
  int err;
  int close_code;
  int http_status;
};

/* covers: PER.1 PER.14 PER.15 W168 W212 */
static const struct code_row codes[] = {
    {"EUNMASKED", WSUV_EUNMASKED, 1002, 500},
    {"ELENGTH", WSUV_ELENGTH, 1002, 500},
    {"ECLOSECODE", WSUV_ECLOSECODE, 1002, 500},
    {"EENCODING", WSUV_EENCODING, 1007, 500},
    {"EMSGSIZE", WSUV_EMSGSIZE, 1009, 413},
    {"ENOMEM", WSUV_ENOMEM, 1011, 503},
    {"ERANDOM", WSUV_ERANDOM, 1011, 500},
    {"ETIMEDOUT", WSUV_ETIMEDOUT, 1008, 408},
    {"EABNORMAL", WSUV_EABNORMAL, 0, 500},
    {"ECANCELED", WSUV_ECANCELED, 0, 500},
    {"EVERSION", WSUV_EVERSION, 0, 426},
    {"EHEADSIZE", WSUV_EHEADSIZE, 0, 431},
    {"UNKNOWN", -12345, 0, 500},
    {"UNKNOWN", 0, 0, 500},
};

static void run_code(const void *data) {
  const struct code_row *row = data;
  CHECK_STR(row->name, wsuv_err_name(row->err));
  CHECK_INT(row->close_code, wsuv_err_close_code(row->err));
  CHECK_INT(row->http_status, wsuv_err_http_status(row->err));
}

static void other_numbers_have_a_text_too(void **state) {
  (void)state;
  CHECK_STR("success", wsuv_strerror(0));
  CHECK_STR("unknown error", wsuv_strerror(-12345));
  CHECK_NULL(wsuv__error_find(0));
  CHECK_NULL(wsuv__error_find(WSUV_ERRNO_LAST_));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_error_has_a_name_and_a_text),
      cmocka_unit_test(numbers_and_names_are_unique),
      cmocka_unit_test(own_numbers_are_far_from_those_of_the_system),
      cmocka_unit_test(close_codes_are_sendable),
      cmocka_unit_test(statuses_are_those_of_errors),
      cmocka_unit_test(other_numbers_have_a_text_too),
  };
  return CHECK_RUN_TABLE("error codes", codes, run_code) +
         cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
