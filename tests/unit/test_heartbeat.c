#include <string.h>

#include "proto/heartbeat.h"
#include "support/check.h"
#include "wsuv/errno.h"

struct source {
  uint64_t next;
  int err;
  size_t ncalls;
};

static int take_next(void *arg, void *buf, size_t len) {
  struct source *source = arg;
  source->ncalls++;
  if (source->err != 0)
    return source->err;
  CHECK_SIZE(sizeof source->next, len);
  memcpy(buf, &source->next, len);
  source->next++;
  return 0;
}

static void check_next(struct wsuv__heartbeat *h, struct source *source, const char *expected) {
  char payload[WSUV__HEARTBEAT_PAYLOAD_MAX];
  int n = wsuv__heartbeat_next(h, take_next, source, payload);
  CHECK_BYTES(expected, strlen(expected), payload, (size_t)n);
}

static int answer(struct wsuv__heartbeat *h, const char *payload) {
  return wsuv__heartbeat_answer(h, (const uint8_t *)payload, strlen(payload));
}

/* covers: PNG.1 PNG.2 */
static void payloads_count_and_carry_a_nonce(void **state) {
  struct wsuv__heartbeat h = {0, 0};
  struct source source = {0xabc, 0, 0};
  (void)state;
  check_next(&h, &source, "ping #1 0000000000000abc");
  check_next(&h, &source, "ping #2 0000000000000abc");
  check_next(&h, &source, "ping #3 0000000000000abc");
  CHECK_SIZE(3, h.outstanding);
  CHECK_SIZE(1, source.ncalls);
}

/* covers: PNG.3 PNG.6 EPT-102 */
static void a_pong_for_any_ping_answers_all(void **state) {
  static const char *const payloads[] = {"ping #1 0000000000000007", "ping #2 0000000000000007",
                                         "ping #3 0000000000000007"};
  size_t i;
  (void)state;
  for (i = 0; i < 3; i++) {
    struct wsuv__heartbeat h = {0, 0};
    struct source source = {7, 0, 0};
    check_next(&h, &source, payloads[0]);
    check_next(&h, &source, payloads[1]);
    check_next(&h, &source, payloads[2]);
    CHECK_TRUE(answer(&h, payloads[i]));
    CHECK_SIZE(0, h.outstanding);
    CHECK_FALSE(answer(&h, payloads[i]));
    check_next(&h, &source, "ping #1 0000000000000008");
  }
}

/* covers: PNG.4 EPT-103 EPT-104 */
static void other_pongs_are_no_answers(void **state) {
  struct wsuv__heartbeat h = {0, 0};
  struct source source = {7, 0, 0};
  (void)state;
  CHECK_FALSE(answer(&h, "ping #0 0000000000000000"));
  CHECK_FALSE(answer(&h, "ping #1 0000000000000000"));
  check_next(&h, &source, "ping #1 0000000000000007");
  check_next(&h, &source, "ping #2 0000000000000007");
  CHECK_FALSE(answer(&h, ""));
  CHECK_FALSE(answer(&h, "abc"));
  CHECK_FALSE(answer(&h, "ping #3 0000000000000007"));
  CHECK_FALSE(answer(&h, "ping #1 0000000000000008"));
  CHECK_FALSE(answer(&h, "ping #1 000000000000000"));
  CHECK_FALSE(answer(&h, "ping #1 00000000000000070"));
  CHECK_SIZE(2, h.outstanding);
}

static void an_undone_ping_is_not_outstanding(void **state) {
  struct wsuv__heartbeat h = {0, 0};
  struct source source = {7, 0, 0};
  (void)state;
  check_next(&h, &source, "ping #1 0000000000000007");
  check_next(&h, &source, "ping #2 0000000000000007");
  wsuv__heartbeat_undo(&h);
  CHECK_FALSE(answer(&h, "ping #2 0000000000000007"));
  check_next(&h, &source, "ping #2 0000000000000007");
}

static void a_failing_source_changes_nothing(void **state) {
  struct wsuv__heartbeat h = {0, 0};
  struct source source = {7, WSUV_ERANDOM, 0};
  char payload[WSUV__HEARTBEAT_PAYLOAD_MAX];
  (void)state;
  CHECK_ERR(WSUV_ERANDOM, wsuv__heartbeat_next(&h, take_next, &source, payload));
  CHECK_SIZE(0, h.outstanding);
}

static void the_longest_payload_fits(void **state) {
  struct wsuv__heartbeat h = {UINT64_MAX, UINT32_MAX - 1};
  struct source source = {0, 0, 0};
  (void)state;
  check_next(&h, &source, "ping #4294967295 ffffffffffffffff");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(payloads_count_and_carry_a_nonce),
      cmocka_unit_test(a_pong_for_any_ping_answers_all),
      cmocka_unit_test(other_pongs_are_no_answers),
      cmocka_unit_test(an_undone_ping_is_not_outstanding),
      cmocka_unit_test(a_failing_source_changes_nothing),
      cmocka_unit_test(the_longest_payload_fits),
  };
  return cmocka_run_group_tests_name("heartbeat", tests, NULL, NULL);
}
