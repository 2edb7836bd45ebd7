/* An endpoint between messages that was folded and unfolded is the one that it was; one that anything goes on in is not
 * folded. */
#include <string.h>

#include "proto/endpoint_closing.h"
#include "proto/endpoint_fold.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/traffic.h"

#define START_MS    1000000u
#define INTERVAL_MS 20000u
#define IDLE_MS     50000u

struct rig {
  struct failing_alloc fa;
  struct wsuv__endpoint_config config;
  struct wsuv_endpoint ep;
  struct wsuv__folded folded;
  int nmessages;
};

static int count_up(void *arg, void *buf, size_t len) {
  (void)arg;
  memset(buf, 7, len);
  return 0;
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct rig *rig = data;
  (void)type;
  (void)payload;
  (void)len;
  rig->nmessages++;
}

static const wsuv_endpoint_handler_t handler = {.size = sizeof handler, .on_message = on_message};

static void open_rig(struct rig *rig) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);

  memset(rig, 0, sizeof *rig);
  failing_alloc_init(&rig->fa);
  options.allocator = &rig->fa.allocator;
  options.random = count_up;
  options.ping_interval_ms = INTERVAL_MS;
  options.idle_timeout_ms = IDLE_MS;
  options.min_receive_rate = 1;
  CHECK_ERR(0, wsuv__endpoint_config_init(&rig->config, &options));
  wsuv__endpoint_init(&rig->ep, &rig->config, &handler, rig, START_MS);
}

static void receive(struct rig *rig, const char *frame, size_t len) {
  uint8_t octets[64];

  memcpy(octets, frame, len);
  CHECK_ERR(0, wsuv_endpoint_receive(&rig->ep, octets, len));
}

static void take_output(struct rig *rig) {
  wsuv_span_t spans[4];
  size_t n = wsuv_endpoint_output(&rig->ep, spans, 4);
  size_t len = 0;

  while (n > 0)
    len += spans[--n].len;
  wsuv_endpoint_output_done(&rig->ep, len);
}

static void fold(struct rig *rig) {
  CHECK_INT(1, wsuv__endpoint_may_fold(&rig->ep));
  wsuv__endpoint_fold(&rig->ep, &rig->folded);
  memset(&rig->ep, 0xA5, sizeof rig->ep);
}

static void unfold(struct rig *rig, uint64_t now_ms) {
  wsuv__endpoint_unfold(&rig->ep, &rig->folded, &rig->config, &handler, rig, now_ms);
}

static void close_rig(struct rig *rig) {
  wsuv__endpoint_release(&rig->ep);
  failing_alloc_check_no_leaks(&rig->fa);
}

#define TEXT_A "\x81\x81\0\0\0\0a"
#define PING   "\x89\x80\0\0\0\0"

static void test_times(void **state) {
  struct rig rig;
  wsuv_traffic_t received;
  wsuv_traffic_t sent;
  wsuv_drops_t drops;
  (void)state;

  open_rig(&rig);
  wsuv_endpoint_tick(&rig.ep, START_MS + 10000);
  receive(&rig, TEXT_A, 7);
  wsuv_endpoint_tick(&rig.ep, START_MS + 15000);
  fold(&rig);
  unfold(&rig, START_MS + 16000);
  CHECK_INT(1, rig.ep.now_ms == START_MS + 16000);
  CHECK_INT(1, wsuv_endpoint_next_deadline(&rig.ep) == START_MS + 10000 + INTERVAL_MS);
  wsuv_endpoint_tick(&rig.ep, START_MS + 10000 + INTERVAL_MS);
  CHECK_TRUE(wsuv_endpoint_queued(&rig.ep) > 0); /* the Ping */
  wsuv_endpoint_traffic(&rig.ep, &received, &sent, &drops);
  CHECK_SIZE(1, received.text);
  take_output(&rig);
  receive(&rig, TEXT_A, 7);
  CHECK_INT(2, rig.nmessages);
  close_rig(&rig);
}

static void test_idleness(void **state) {
  struct rig rig;
  (void)state;

  open_rig(&rig);
  fold(&rig);
  unfold(&rig, START_MS + IDLE_MS);
  wsuv_endpoint_tick(&rig.ep, START_MS + IDLE_MS);
  CHECK_ERR(WSUV_EIDLE, rig.ep.error);
  close_rig(&rig);
}

static void test_round_trip(void **state) {
  struct rig rig;
  wsuv_span_t span;
  wsuv_rtt_t rtt;
  uint8_t pong[64];
  size_t len;
  (void)state;

  open_rig(&rig);
  fold(&rig);
  CHECK_ERR(WSUV_ESTATE, wsuv__folded_rtt(&rig.folded, &rtt));
  unfold(&rig, START_MS + 1);
  CHECK_ERR(0, wsuv_endpoint_check_heartbeat(&rig.ep));
  CHECK_INT(0, wsuv__endpoint_may_fold(&rig.ep)); /* it waits */
  CHECK_SIZE(1, wsuv_endpoint_output(&rig.ep, &span, 1));
  len = span.len - 2;
  memcpy(pong, "\x8A\0\0\0\0\0", 6);
  pong[1] = (uint8_t)(0x80 | len);
  memcpy(pong + 6, span.data + 2, len);
  wsuv_endpoint_output_done(&rig.ep, span.len);
  CHECK_INT(0, wsuv__endpoint_may_fold(&rig.ep)); /* its Pong is awaited */
  wsuv_endpoint_tick(&rig.ep, START_MS + 31);
  CHECK_ERR(0, wsuv_endpoint_receive(&rig.ep, pong, len + 6));
  fold(&rig);
  CHECK_ERR(0, wsuv__folded_rtt(&rig.folded, &rtt));
  CHECK_INT(30, (int)rtt.last_ms);
  unfold(&rig, START_MS + 5000);
  CHECK_ERR(0, wsuv_endpoint_rtt(&rig.ep, &rtt));
  CHECK_INT(30, (int)rtt.last_ms);
  CHECK_INT(30, (int)rtt.min_ms);
  CHECK_INT(30, (int)rtt.smoothed_ms);
  close_rig(&rig);
}

/* Folding gives no peer another second. */
static void test_control_frames(void **state) {
  struct rig rig;
  uint8_t octets[] = PING;
  int i;
  (void)state;

  open_rig(&rig);
  rig.config.max_control_rate = 3;
  for (i = 0; i < 3; i++) {
    wsuv_endpoint_tick(&rig.ep, START_MS + 300 * (uint64_t)i);
    receive(&rig, PING, 6);
    take_output(&rig);
    fold(&rig);
    unfold(&rig, START_MS + 300 * (uint64_t)i);
  }
  wsuv_endpoint_tick(&rig.ep, START_MS + WSUV__CONTROL_WINDOW_MS - 1);
  CHECK_ERR(WSUV_ECONTROLRATE, wsuv_endpoint_receive(&rig.ep, octets, 6));
  close_rig(&rig);
  open_rig(&rig);
  rig.config.max_control_rate = 1;
  for (i = 0; i < 3; i++) {
    wsuv_endpoint_tick(&rig.ep, START_MS + WSUV__CONTROL_WINDOW_MS * (uint64_t)i);
    receive(&rig, PING, 6);
    take_output(&rig);
    fold(&rig);
    unfold(&rig, START_MS + WSUV__CONTROL_WINDOW_MS * (uint64_t)i + 1);
  }
  CHECK_ERR(0, rig.ep.error);
  close_rig(&rig);
}

/* ---- what stands against it ---- */

static void in_a_header(struct rig *rig) {
  receive(rig, TEXT_A, 1);
}

static void in_a_payload(struct rig *rig) {
  receive(rig, "\x81\x82\0\0\0\0a", 7);
}

static void in_a_message(struct rig *rig) {
  receive(rig, "\x01\x81\0\0\0\0a", 7);
}

static void in_a_control_frame(struct rig *rig) {
  receive(rig, "\x8A\x82\0\0\0\0a", 7);
}

static void tell_late(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct rig *rig = data;

  (void)type;
  (void)payload;
  (void)len;
  wsuv_endpoint_tick(&rig->ep, START_MS + 10);
}

static const wsuv_endpoint_handler_t late_handler = {.size = sizeof late_handler,
                                                     .on_message = tell_late};

/* The second of the Pong begins later than the octets came that it was among. */
static void counted_later(struct rig *rig) {
  rig->ep.handler = &late_handler;
  receive(rig, TEXT_A "\x8A\x80\0\0\0\0", 13);
  CHECK_INT(1, (int)rig->ep.limits.ncontrol);
}

static void queued(struct rig *rig) {
  CHECK_ERR(0, wsuv_endpoint_send(&rig->ep, WSUV_TEXT, "a", 1));
}

static void sending(struct rig *rig) {
  CHECK_ERR(0, wsuv_endpoint_send_begin(&rig->ep, WSUV_TEXT, 0));
}

static void paused(struct rig *rig) {
  wsuv_endpoint_pause(&rig->ep);
}

static void closing(struct rig *rig) {
  CHECK_ERR(0, wsuv_endpoint_close(&rig->ep, 1000, NULL, 0));
}

static void failed(struct rig *rig) {
  CHECK_ERR(WSUV_ETIMEDOUT, wsuv__endpoint_fail(&rig->ep, WSUV_ETIMEDOUT));
}

static void ended(struct rig *rig) {
  (void)wsuv_endpoint_receive_eof(&rig->ep);
}

static const struct row {
  const char *name;
  void (*happens)(struct rig *rig);
} rows[] = {
    {"in a header", in_a_header},
    {"in a payload", in_a_payload},
    {"in a message", in_a_message},
    {"in a control frame", in_a_control_frame},
    {"a control frame counted later than it came", counted_later},
    {"something is queued", queued},
    {"a message is being sent", sending},
    {"paused", paused},
    {"closing", closing},
    {"failed", failed},
    {"the transport ended", ended},
};

static void run_row(const void *data) {
  const struct row *row = data;
  struct rig rig;

  open_rig(&rig);
  row->happens(&rig);
  CHECK_INT(0, wsuv__endpoint_may_fold(&rig.ep));
  close_rig(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_times),
      cmocka_unit_test(test_idleness),
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_control_frames),
  };
  int failures = CHECK_RUN_TABLE("what stands against it", rows, run_row);

  return failures + cmocka_run_group_tests_name("endpoint_fold", tests, NULL, NULL);
}
