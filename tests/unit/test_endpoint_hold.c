/* Reading ahead while paused: a flood of Pings, masked payload that the scan must not touch, memory that runs out. What is seen
 * of it on the wire is in vectors/pings/. */
#include <string.h>

#include "proto/endpoint_hold.h"
#include "support/check.h"
#include "support/failing_alloc.h"

struct rig {
  struct failing_alloc fa;
  wsuv_endpoint_t *ep;
  int npings;
  int nmessages;
  uint8_t last[400];
  size_t len;
};

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct rig *rig = data;
  (void)type;
  CHECK_TRUE(len <= sizeof rig->last);
  memcpy(rig->last, payload, len);
  rig->len = len;
  rig->nmessages++;
}

static void on_ping(void *data, const uint8_t *payload, size_t len) {
  struct rig *rig = data;
  (void)payload;
  (void)len;
  rig->npings++;
}

static const wsuv_endpoint_handler_t handler = {
    .size = sizeof handler, .on_message = on_message, .on_ping = on_ping};

static void open_rig(struct rig *rig) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  memset(rig, 0, sizeof *rig);
  failing_alloc_init(&rig->fa);
  options.allocator = &rig->fa.allocator;
  options.read_ahead = 128 * 1024;
  CHECK_ERR(0, wsuv_endpoint_new(&rig->ep, &options, &handler, rig));
}

static void close_rig(struct rig *rig) {
  wsuv_endpoint_free(rig->ep);
  failing_alloc_check_no_leaks(&rig->fa);
}

/* A masked frame, given in pieces of `piece` octets. */
static int receive_frame(struct rig *rig, wsuv_opcode_t opcode, const uint8_t *payload, size_t len,
                         size_t piece) {
  wsuv_frame_header_t header = {len, (uint8_t)opcode, 0, 1, 1, {0xa1, 0xb2, 0xc3, 0xd4}};
  uint8_t frame[WSUV_FRAME_HEADER_MAX + 400];
  size_t total = (size_t)wsuv_frame_header_encode(&header, frame);
  size_t at = 0;
  int err = 0;
  wsuv_mask(frame + total, payload, len, header.masking_key, 0);
  total += len;
  while (at < total && err == 0) {
    size_t n = total - at < piece ? total - at : piece;
    err = wsuv_endpoint_receive(rig->ep, frame + at, n);
    at += n;
  }
  return err;
}

/* covers: W140 EPT.8 */
static void of_ten_thousand_pings_one_pong_waits(void **state) {
  struct rig rig;
  const size_t pong_max = 2 + 4;
  int i;
  (void)state;
  open_rig(&rig);
  wsuv_endpoint_pause(rig.ep);
  for (i = 0; i < 10000; i++) {
    uint8_t payload[4] = {(uint8_t)i, (uint8_t)(i >> 8), 'x', 'y'};
    CHECK_ERR(0, receive_frame(&rig, WSUV_PING, payload, sizeof payload, SIZE_MAX));
    CHECK_SIZE(pong_max, wsuv_endpoint_queued(rig.ep));
  }
  CHECK_TRUE(rig.fa.outstanding_size < 256u * 1024);
  CHECK_INT(0, rig.npings);
  CHECK_ERR(0, wsuv_endpoint_resume(rig.ep));
  CHECK_INT(10000, rig.npings);
  CHECK_SIZE(pong_max, wsuv_endpoint_queued(rig.ep)); /* none was answered twice */
  CHECK_NULL(rig.ep->hold);
  close_rig(&rig);
}

/* Every place of the pause in message, Ping, message; every length of pieces. covers: MSK.5 PAR.16 */
static void payload_is_unmasked_once(void **state) {
  uint8_t payload[300];
  size_t piece;
  size_t i;
  (void)state;
  for (i = 0; i < sizeof payload; i++)
    payload[i] = (uint8_t)(i * 7);
  for (piece = 1; piece < 20; piece++) {
    struct rig rig;
    open_rig(&rig);
    wsuv_endpoint_pause(rig.ep);
    CHECK_ERR(0, receive_frame(&rig, WSUV_BINARY, payload, sizeof payload, piece));
    CHECK_ERR(0, receive_frame(&rig, WSUV_PING, payload, 125, piece));
    CHECK_SIZE(2 + 125, wsuv_endpoint_queued(rig.ep));
    CHECK_ERR(0, receive_frame(&rig, WSUV_BINARY, payload, 299, piece));
    CHECK_ERR(0, wsuv_endpoint_resume(rig.ep));
    CHECK_INT(2, rig.nmessages);
    CHECK_INT(1, rig.npings);
    CHECK_BYTES(payload, 299, rig.last, rig.len);
    CHECK_SIZE(2 + 125, wsuv_endpoint_queued(rig.ep));
    close_rig(&rig);
  }
}

/* Where there is no memory for the Pong it goes out when the Ping is delivered. covers: EPT.8 */
static void a_pong_without_memory_is_made_up_for(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig);
  wsuv_endpoint_pause(rig.ep);
  failing_alloc_fail_once(&rig.fa, 3); /* the hold, its octets, the Pong */
  CHECK_ERR(0, receive_frame(&rig, WSUV_PING, (const uint8_t *)"p", 1, SIZE_MAX));
  CHECK_SIZE(0, wsuv_endpoint_queued(rig.ep));
  CHECK_ERR(0, receive_frame(&rig, WSUV_PING, (const uint8_t *)"q", 1, SIZE_MAX));
  CHECK_SIZE(0, wsuv_endpoint_queued(rig.ep)); /* in their order */
  CHECK_ERR(0, wsuv_endpoint_resume(rig.ep));
  CHECK_INT(2, rig.npings);
  CHECK_SIZE(3, wsuv_endpoint_queued(rig.ep));
  close_rig(&rig);
}

static void no_memory_to_hold_fails(void **state) {
  size_t nth;
  (void)state;
  for (nth = 1; nth <= 2; nth++) {
    struct rig rig;
    open_rig(&rig);
    wsuv_endpoint_pause(rig.ep);
    failing_alloc_fail_once(&rig.fa, nth);
    CHECK_ERR(WSUV_ENOMEM, receive_frame(&rig, WSUV_BINARY, (const uint8_t *)"b", 1, SIZE_MAX));
    CHECK_TRUE(wsuv_endpoint_sent_close(rig.ep));
    CHECK_ERR(WSUV_ENOMEM, wsuv_endpoint_resume(rig.ep));
    CHECK_INT(0, rig.nmessages);
    close_rig(&rig);
  }
}

/* covers: IOC.4 */
static void nothing_comes_behind_the_end(void **state) {
  struct rig rig;
  (void)state;
  open_rig(&rig);
  wsuv_endpoint_pause(rig.ep);
  CHECK_ERR(0, receive_frame(&rig, WSUV_BINARY, (const uint8_t *)"b", 1, SIZE_MAX));
  CHECK_ERR(0, wsuv_endpoint_receive_eof(rig.ep));
  CHECK_FALSE(wsuv_endpoint_wants_read(rig.ep));
  CHECK_FALSE(wsuv_endpoint_wants_close(rig.ep));
  CHECK_ERR(WSUV_ESTATE, receive_frame(&rig, WSUV_BINARY, (const uint8_t *)"c", 1, SIZE_MAX));
  CHECK_ERR(WSUV_EABNORMAL, wsuv_endpoint_resume(rig.ep));
  CHECK_INT(1, rig.nmessages);
  CHECK_TRUE(wsuv_endpoint_wants_close(rig.ep));
  close_rig(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(of_ten_thousand_pings_one_pong_waits),
      cmocka_unit_test(payload_is_unmasked_once),
      cmocka_unit_test(a_pong_without_memory_is_made_up_for),
      cmocka_unit_test(no_memory_to_hold_fails),
      cmocka_unit_test(nothing_comes_behind_the_end),
  };
  return cmocka_run_group_tests_name("endpoint hold", tests, NULL, NULL);
}
