/* Keys, base64 and the random source. */
#include <string.h>

#include "http/accept_key.h"
#include "support/check.h"
#include "support/guard_page.h"
#include "wsuv/handshake.h"

/* covers: HSK.3 CON.2 W038 W072 */
static void accept_is_that_of_the_rfc(void **state) {
  char accept[29];
  struct guard_page key = guard_page_new("dGhlIHNhbXBsZSBub25jZQ==", 24);
  (void)state;
  CHECK_ERR(0, wsuv_handshake_accept_key((const char *)key.data, key.len, accept));
  CHECK_STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", accept);
  CHECK_ERR(0, wsuv_handshake_accept_key("\t dGhlIHNhbXBsZSBub25jZQ== ", 27, accept));
  CHECK_STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", accept);
  guard_page_free(&key);
}

static void accept_needs_a_key(void **state) {
  char accept[29];
  (void)state;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_accept_key("", 0, accept));
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_accept_key(" \t", 2, accept));
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_accept_key(NULL, 0, accept));
}

/* covers: HSC.7 W026 W027 U010 */
static void a_thousand_keys_are_valid_and_differ(void **state) {
  static char keys[1000][WSUV__KEY_LEN + 1];
  size_t i;
  size_t j;
  (void)state;
  for (i = 0; i < 1000; i++) {
    CHECK_ERR(0, wsuv__accept_key_generate(keys[i]));
    CHECK_TRUE(wsuv__accept_key_is_valid(keys[i], strlen(keys[i])));
    for (j = 0; j < i; j++)
      if (strcmp(keys[i], keys[j]) == 0)
        CHECK_SIZE(i, j);
  }
}

static void base64_is_that_of_rfc_4648(void **state) {
  static const char *const rows[][2] = {
      {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  char out[16];
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t len = strlen(rows[i][0]);
    wsuv__accept_key_base64(out, rows[i][0], len);
    CHECK_STR(rows[i][1], out);
    CHECK_SIZE(strlen(out), WSUV__BASE64_LEN(len));
  }
}

struct key_case {
  const char *name;
  const char *key;
  int is_valid;
};

/* covers: HSS.4 W052 */
static const struct key_case key_cases[] = {
    {"16 bytes", "dGhlIHNhbXBsZSBub25jZQ==", 1},
    {"non-zero bits behind the last byte", "AAAAAAAAAAAAAAAAAAAAAB==", 1},
    {"plus and slash", "+/AAAAAAAAAAAAAAAAAAAA==", 1},
    {"URL alphabet", "-_AAAAAAAAAAAAAAAAAAAA==", 0},
    {"15 bytes", "dGhlIHNhbXBsZSBub25j", 0},
    {"17 bytes", "dGhlIHNhbXBsZSBub25jZTE=", 0},
    {"no padding", "dGhlIHNhbXBsZSBub25jZQ", 0},
    {"padding too long", "AAAAAAAAAAAAAAAAAAAAA===", 0},
    {"padding inside", "AAAAAAAAAAAAAAAAAAAAA=A=", 0},
    {"blank inside", "AAAAAAAAAA AAAAAAAAAAA==", 0},
    {"empty", "", 0},
};

static void run_key(const void *data) {
  const struct key_case *row = data;
  CHECK_INT(row->is_valid, wsuv__accept_key_is_valid(row->key, strlen(row->key)));
}

static void random_fills_all_and_nothing_else(void **state) {
  uint8_t buf[66] = {0};
  uint8_t zero[64] = {0};
  (void)state;
  CHECK_ERR(0, wsuv_random(NULL, buf + 1, 64));
  CHECK_TRUE(memcmp(buf + 1, zero, 64) != 0);
  CHECK_INT(0, buf[0]);
  CHECK_INT(0, buf[65]);
  CHECK_ERR(0, wsuv_random(NULL, NULL, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accept_is_that_of_the_rfc),
      cmocka_unit_test(accept_needs_a_key),
      cmocka_unit_test(a_thousand_keys_are_valid_and_differ),
      cmocka_unit_test(base64_is_that_of_rfc_4648),
      cmocka_unit_test(random_fills_all_and_nothing_else),
  };
  int nfailed = cmocka_run_group_tests_name("accept_key", tests, NULL, NULL);
  nfailed += CHECK_RUN_TABLE("keys", key_cases, run_key);
  return nfailed;
}
