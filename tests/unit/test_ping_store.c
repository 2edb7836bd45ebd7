#include <stdio.h>
#include <string.h>

#include "support/check.h"
#include "wsuv/errno.h"
#include "wsuv/handshake.h"
#include "wsuv/heartbeat.h"

enum { MANY = 40 };

static int draw_same(void *arg, void *buf, size_t len) {
  memset(buf, 0x5A, len);
  return *(int *)arg;
}

static int working = 0;

static wsuv_ping_store_t new_store(wsuv_ping_policy_t policy) {
  wsuv_ping_store_t store;
  CHECK_ERR(0, wsuv_ping_store_init(&store, policy, draw_same, &working));
  return store;
}

static void add(wsuv_ping_store_t *store, char payload[WSUV_PING_PAYLOAD_MAX]) {
  int n = wsuv_ping_store_add(store, payload);
  CHECK_TRUE(n > 0 && n < WSUV_PING_PAYLOAD_MAX);
  CHECK_SIZE(n, strlen(payload));
}

static int answer(wsuv_ping_store_t *store, const char *payload) {
  return wsuv_ping_store_remove(store, payload, strlen(payload));
}

/* A random source that always gives the same must not make two payloads alike. covers: PNG.1 PNG.2 */
static void payloads_are_numbered_printable_and_never_alike(void **state) {
  static char payloads[4 * MANY][WSUV_PING_PAYLOAD_MAX];
  wsuv_ping_store_t store = new_store(WSUV_PONG_ANSWERS_ALL);
  size_t i;
  size_t j;
  (void)state;
  for (i = 0; i < 4 * MANY; i++) {
    char start[16];
    if (i > 0 && i % MANY == 0)
      wsuv_ping_store_reset(&store);
    add(&store, payloads[i]);
    CHECK_SIZE(i % MANY + 1, wsuv_ping_store_count(&store));
    snprintf(start, sizeof start, "ping #%u ", (unsigned)(i % MANY + 1));
    CHECK_BYTES(start, strlen(start), payloads[i], strlen(start));
    for (j = 0; payloads[i][j] != '\0'; j++)
      CHECK_TRUE(payloads[i][j] >= ' ' && payloads[i][j] <= '~');
    for (j = 0; j < i; j++)
      CHECK_TRUE(strcmp(payloads[i], payloads[j]) != 0);
  }
}

/* covers: PNG.3 PNG.6 EPT-102 */
static void a_pong_for_any_answers_all(void **state) {
  char payloads[3][WSUV_PING_PAYLOAD_MAX];
  wsuv_ping_store_t store = new_store(WSUV_PONG_ANSWERS_ALL);
  int which;
  int i;
  (void)state;
  for (which = 0; which < 3; which++) {
    for (i = 0; i < 3; i++)
      add(&store, payloads[i]);
    CHECK_SIZE(3, wsuv_ping_store_count(&store));
    CHECK_TRUE(answer(&store, payloads[which]));
    CHECK_SIZE(0, wsuv_ping_store_count(&store));
    CHECK_FALSE(answer(&store, payloads[which]));
  }
}

/* covers: PNG.4 PNG.5 EPT-103 EPT-104 */
static void another_pong_changes_nothing(void **state) {
  char stale[WSUV_PING_PAYLOAD_MAX];
  char payload[WSUV_PING_PAYLOAD_MAX];
  char altered[WSUV_PING_PAYLOAD_MAX];
  wsuv_ping_store_t store = new_store(WSUV_PONG_ANSWERS_ALL);
  size_t len;
  size_t i;
  (void)state;
  CHECK_FALSE(wsuv_ping_store_remove(&store, NULL, 0));
  add(&store, stale);
  wsuv_ping_store_reset(&store);
  CHECK_FALSE(answer(&store, stale));
  add(&store, payload);
  len = strlen(payload);
  CHECK_FALSE(answer(&store, stale));
  CHECK_FALSE(answer(&store, ""));
  CHECK_FALSE(answer(&store, "ping #"));
  CHECK_FALSE(answer(&store, "ping #1"));
  CHECK_FALSE(answer(&store, "ping #2 "));
  CHECK_FALSE(answer(&store, "ping #0 "));
  CHECK_FALSE(answer(&store, "ping #18446744073709551617 "));
  CHECK_FALSE(answer(&store, "ping #-1 "));
  for (i = 0; i < len; i++) {
    CHECK_FALSE(wsuv_ping_store_remove(&store, payload, i));
    memcpy(altered, payload, sizeof altered);
    altered[i] ^= 1;
    CHECK_FALSE(answer(&store, altered));
  }
  CHECK_FALSE(wsuv_ping_store_remove(&store, payload, len + 1));
  CHECK_SIZE(1, wsuv_ping_store_count(&store));
  CHECK_TRUE(answer(&store, payload));
}

/* covers: PNG.6 */
static void in_order_only_the_oldest_counts(void **state) {
  char p[4][WSUV_PING_PAYLOAD_MAX];
  wsuv_ping_store_t store = new_store(WSUV_PONG_IN_ORDER);
  (void)state;
  add(&store, p[0]);
  add(&store, p[1]);
  add(&store, p[2]);
  CHECK_FALSE(answer(&store, p[1]));
  CHECK_SIZE(3, wsuv_ping_store_count(&store));
  CHECK_TRUE(answer(&store, p[0]));
  CHECK_SIZE(2, wsuv_ping_store_count(&store));
  CHECK_FALSE(answer(&store, p[0]));
  add(&store, p[3]);
  CHECK_BYTES("ping #4 ", 8, p[3], 8);
  CHECK_TRUE(answer(&store, p[1]));
  CHECK_TRUE(answer(&store, p[2]));
  CHECK_TRUE(answer(&store, p[3]));
  CHECK_SIZE(0, wsuv_ping_store_count(&store));
  add(&store, p[0]);
  CHECK_BYTES("ping #1 ", 8, p[0], 8);
}

/* One that draws: what a peer sees tells nothing of the next round. covers: PNG.2 */
static void each_round_draws_anew(void **state) {
  char first[WSUV_PING_PAYLOAD_MAX];
  char second[WSUV_PING_PAYLOAD_MAX];
  wsuv_ping_store_t store;
  (void)state;
  CHECK_ERR(0, wsuv_ping_store_init(&store, WSUV_PONG_ANSWERS_ALL, wsuv_random, NULL));
  add(&store, first);
  CHECK_TRUE(answer(&store, first));
  add(&store, second);
  CHECK_TRUE(strcmp(strchr(first, '-'), strchr(second, '-')) != 0);
}

static void errors_add_nothing(void **state) {
  char payload[WSUV_PING_PAYLOAD_MAX];
  int failing = -1;
  wsuv_ping_store_t store;
  (void)state;
  CHECK_ERR(WSUV_EINVAL, wsuv_ping_store_init(&store, WSUV_PONG_IN_ORDER, NULL, NULL));
  CHECK_ERR(WSUV_EINVAL, wsuv_ping_store_init(&store, (wsuv_ping_policy_t)2, draw_same, &failing));
  CHECK_ERR(0, wsuv_ping_store_init(&store, WSUV_PONG_IN_ORDER, draw_same, &failing));
  CHECK_ERR(WSUV_ERANDOM, wsuv_ping_store_add(&store, payload));
  CHECK_SIZE(0, wsuv_ping_store_count(&store));
  failing = 0;
  add(&store, payload);
  CHECK_BYTES("ping #1 ", 8, payload, 8);
  store.next = UINT32_MAX; /* as after that many */
  store.serial = UINT64_MAX - UINT32_MAX;
  CHECK_ERR(WSUV_ENOBUFS, wsuv_ping_store_add(&store, payload));
  store.next--;
  add(&store, payload);
  CHECK_SIZE(UINT32_MAX - 1, wsuv_ping_store_count(&store));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(payloads_are_numbered_printable_and_never_alike),
      cmocka_unit_test(a_pong_for_any_answers_all),
      cmocka_unit_test(another_pong_changes_nothing),
      cmocka_unit_test(in_order_only_the_oldest_counts),
      cmocka_unit_test(each_round_draws_anew),
      cmocka_unit_test(errors_add_nothing),
  };
  return cmocka_run_group_tests_name("ping_store", tests, NULL, NULL);
}
