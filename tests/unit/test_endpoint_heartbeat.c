/* The heartbeat with time as an argument: when a Ping counts as sent, and round-trip times. What is seen of it on the wire is
 * in vectors/pings/. */
#include <string.h>

#include "proto/endpoint.h"
#include "support/check.h"
#include "support/failing_alloc.h"

static const wsuv_endpoint_handler_t silent = {.size = sizeof silent};

struct rig {
  struct failing_alloc fa;
  wsuv_endpoint_t *ep;
  uint8_t next_random;
  uint8_t out[4096]; /* taken last */
  size_t len;
};

static int count_up(void *arg, void *buf, size_t len) {
  struct rig *rig = arg;
  uint8_t *octets = buf;
  while (len-- > 0)
    *octets++ = ++rig->next_random;
  return 0;
}

static void open_rig(struct rig *rig, int max_pings) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  memset(rig, 0, sizeof *rig);
  failing_alloc_init(&rig->fa);
  options.allocator = &rig->fa.allocator;
  options.random = count_up;
  options.random_arg = rig;
  options.ping_interval_ms = 1000;
  options.max_pings = max_pings;
  CHECK_ERR(0, wsuv_endpoint_new(&rig->ep, &options, &silent, NULL));
}

static void close_rig(struct rig *rig) {
  wsuv_endpoint_free(rig->ep);
  failing_alloc_check_no_leaks(&rig->fa);
}

/* The transport takes at most `max` octets. */
static void take(struct rig *rig, size_t max) {
  wsuv_span_t spans[8];
  size_t n = wsuv_endpoint_output(rig->ep, spans, 8);
  size_t i;
  rig->len = 0;
  for (i = 0; i < n && rig->len < max; i++) {
    size_t len = spans[i].len < max - rig->len ? spans[i].len : max - rig->len;
    CHECK_TRUE(rig->len + len <= sizeof rig->out);
    memcpy(rig->out + rig->len, spans[i].data, len);
    rig->len += len;
  }
  wsuv_endpoint_output_done(rig->ep, rig->len);
}

/* The last Ping that was taken, answered. */
static void answer(struct rig *rig, const uint8_t *ping) {
  uint8_t pong[2 + 125];
  size_t len = 2u + ping[1];
  CHECK_INT(0x89, ping[0]);
  memcpy(pong, ping, len);
  pong[0] = 0x8a;
  pong[1] |= 0x80; /* with a mask of zeros */
  memmove(pong + 6, pong + 2, len - 2);
  memset(pong + 2, 0, 4);
  CHECK_ERR(0, wsuv_endpoint_receive(rig->ep, pong, len + 4));
}

static void check_rtt(struct rig *rig, int64_t last, int64_t min, int64_t smoothed) {
  wsuv_rtt_t rtt;
  CHECK_ERR(last < 0 ? WSUV_ESTATE : 0, wsuv_endpoint_rtt(rig->ep, &rtt));
  CHECK_INT(last, rtt.last_ms);
  CHECK_INT(min, rtt.min_ms);
  CHECK_INT(smoothed, rtt.smoothed_ms);
}

/* covers: PNG.2 */
static void round_trips_are_measured(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig, 3);
  check_rtt(&rig, -1, -1, -1);
  wsuv_endpoint_tick(rig.ep, 1000);
  take(&rig, SIZE_MAX);
  check_rtt(&rig, -1, -1, -1);
  wsuv_endpoint_tick(rig.ep, 1080);
  answer(&rig, rig.out);
  check_rtt(&rig, 80, 80, 80);
  wsuv_endpoint_tick(rig.ep, 2080);
  take(&rig, SIZE_MAX);
  wsuv_endpoint_tick(rig.ep, 2080 + 160);
  answer(&rig, rig.out);
  check_rtt(&rig, 160, 80, 90);
  wsuv_endpoint_tick(rig.ep, 3240);
  take(&rig, SIZE_MAX);
  answer(&rig, rig.out);
  check_rtt(&rig, 0, 0, 78); /* 78.75 */
  close_rig(&rig);
}

/* covers: PNG.2 UV.7 */
static void a_ping_counts_from_when_it_left(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig, 3);
  CHECK_ERR(0, wsuv_endpoint_send(rig.ep, WSUV_TEXT, "before it", 9));
  take(&rig, 1);
  wsuv_endpoint_tick(rig.ep, 1000);
  take(&rig, 10);
  CHECK_SIZE(10, rig.len);
  wsuv_endpoint_tick(rig.ep, 1700);
  take(&rig, SIZE_MAX);
  wsuv_endpoint_tick(rig.ep, 1750);
  answer(&rig, rig.out);
  check_rtt(&rig, 50, 50, 50);
  close_rig(&rig);
}

/* covers: PNG.3 */
static void a_late_pong_is_measured_from_its_own_ping(void **state) {
  struct rig rig;
  uint8_t pings[3][64];
  int i;
  (void)state;
  for (i = 0; i < 3; i++) {
    int k;
    open_rig(&rig, 4);
    for (k = 0; k < 3; k++) {
      wsuv_endpoint_tick(rig.ep, 1000 * (uint64_t)(k + 1));
      take(&rig, sizeof pings[k]);
      memcpy(pings[k], rig.out, rig.len);
    }
    wsuv_endpoint_tick(rig.ep, 3100);
    answer(&rig, pings[i]);
    if (i == 1)
      check_rtt(&rig, -1, -1, -1); /* when the second one left is not known any more */
    else
      check_rtt(&rig, i == 0 ? 2100 : 100, i == 0 ? 2100 : 100, i == 0 ? 2100 : 100);
    answer(&rig, pings[0]); /* answers nothing any more */
    if (i == 1)
      check_rtt(&rig, -1, -1, -1);
    close_rig(&rig);
  }
}

/* covers: PNG.4 */
static void the_applications_pings_are_not_measured(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig, 3);
  CHECK_ERR(0, wsuv_endpoint_ping(rig.ep, "ping #1", 7));
  take(&rig, SIZE_MAX);
  wsuv_endpoint_tick(rig.ep, 10);
  answer(&rig, rig.out);
  check_rtt(&rig, -1, -1, -1);
  close_rig(&rig);
}

/* covers: EPT.16 UV.7 */
static void by_hand_too_only_one_ping_waits(void **state) {
  struct rig rig;
  size_t queued;
  wsuv_close_status_t status;
  (void)state;
  open_rig(&rig, 3);
  CHECK_ERR(0, wsuv_endpoint_check_heartbeat(rig.ep));
  queued = wsuv_endpoint_queued(rig.ep);
  CHECK_ERR(0, wsuv_endpoint_check_heartbeat(rig.ep));
  CHECK_ERR(0, wsuv_endpoint_check_heartbeat(rig.ep));
  CHECK_SIZE(queued, wsuv_endpoint_queued(rig.ep));
  take(&rig, 1); /* the peer reads again */
  CHECK_ERR(0, wsuv_endpoint_check_heartbeat(rig.ep));
  CHECK_ERR(0, wsuv_endpoint_check_heartbeat(rig.ep));
  CHECK_ERR(0, wsuv_endpoint_check_heartbeat(rig.ep));
  CHECK_ERR(WSUV_ETIMEDOUT, wsuv_endpoint_check_heartbeat(rig.ep));
  wsuv_endpoint_close_status(rig.ep, &status);
  CHECK_INT(1008, status.sent_code);
  close_rig(&rig);
}

/* covers: EPT.16 */
static void a_ping_without_memory_is_none(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig, 1);
  failing_alloc_fail_once(&rig.fa, 1);
  CHECK_ERR(WSUV_ENOMEM, wsuv_endpoint_check_heartbeat(rig.ep));
  CHECK_SIZE(0, wsuv_endpoint_queued(rig.ep));
  CHECK_ERR(0, wsuv_endpoint_check_heartbeat(rig.ep));
  CHECK_ERR(WSUV_ETIMEDOUT, wsuv_endpoint_check_heartbeat(rig.ep));
  close_rig(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(round_trips_are_measured),
      cmocka_unit_test(a_ping_counts_from_when_it_left),
      cmocka_unit_test(a_late_pong_is_measured_from_its_own_ping),
      cmocka_unit_test(the_applications_pings_are_not_measured),
      cmocka_unit_test(by_hand_too_only_one_ping_waits),
      cmocka_unit_test(a_ping_without_memory_is_none),
  };
  return cmocka_run_group_tests_name("endpoint heartbeat", tests, NULL, NULL);
}
