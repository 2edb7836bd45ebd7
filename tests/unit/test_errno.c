/* The public codes next to libuv's. */
#include <string.h>
#include <uv.h>

#include "support/check.h"
#include "wsuv/errno.h"

static void shared_codes_are_those_of_libuv(void **state) {
  (void)state;
  CHECK_INT(UV_EINVAL, WSUV_EINVAL);
  CHECK_INT(UV_ENOMEM, WSUV_ENOMEM);
  CHECK_INT(UV_ECANCELED, WSUV_ECANCELED);
  CHECK_INT(UV_ETIMEDOUT, WSUV_ETIMEDOUT);
  CHECK_INT(UV_ENOBUFS, WSUV_ENOBUFS);
}

static void own_codes_are_none_of_libuv(void **state) {
  static const int own[] = {
#define ROW(name, number, close_code, http_status, text) number,
      WSUV_ERRNO_MAP(ROW)
#undef ROW
  };
  static const int uv[] = {
#define ROW(name, text) UV_##name,
      UV_ERRNO_MAP(ROW)
#undef ROW
  };
  size_t i;
  size_t j;
  (void)state;
  for (i = 0; i < sizeof own / sizeof own[0]; i++)
    for (j = 0; j < sizeof uv / sizeof uv[0]; j++)
      CHECK_TRUE(own[i] != uv[j]);
}

static void codes_of_libuv_are_named_by_libuv(void **state) {
  (void)state;
  CHECK_STR("ECONNREFUSED", wsuv_err_name(UV_ECONNREFUSED));
  CHECK_STR(uv_strerror(UV_ECONNREFUSED), wsuv_strerror(UV_ECONNREFUSED));
  CHECK_STR("ESTATE", wsuv_err_name(WSUV_ESTATE));
  CHECK_TRUE(strlen(wsuv_strerror(WSUV_ESTATE)) > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shared_codes_are_those_of_libuv),
      cmocka_unit_test(own_codes_are_none_of_libuv),
      cmocka_unit_test(codes_of_libuv_are_named_by_libuv),
  };
  return cmocka_run_group_tests_name("errno", tests, NULL, NULL);
}
