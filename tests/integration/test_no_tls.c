/* A build without TLS says so. */
#include <wsuv/tls.h>

#include "integration/loopback.h"

static void test_connect(void **state) {
  static const char *const urls[] = {"wss://localhost/", "HTTPS://localhost/"};
  struct loopback lb;
  struct talker clients[2];
  size_t i;
  (void)state;

  loopback_open(&lb);
  for (i = 0; i < 2; i++)
    CHECK_ERR(WSUV_ENOTLS, talker_connect_url(&clients[i], &lb, urls[i], NULL));
  loopback_close(&lb);
}

static void test_contexts(void **state) {
  wsuv_tls_context_t *context;
  char why[8] = "before";
  (void)state;

  CHECK_ERR(WSUV_ENOTLS, wsuv_tls_context_new(&context, WSUV_CLIENT, NULL, why, sizeof why));
  CHECK_NULL(context);
  CHECK_STR("TLS is ", why); /* cut */
  CHECK_ERR(WSUV_ENOTLS, wsuv_tls_context_from_ssl_ctx(&context, WSUV_SERVER, NULL));
  CHECK_NULL(context);
  wsuv_tls_context_release(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_connect),
      cmocka_unit_test(test_contexts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
