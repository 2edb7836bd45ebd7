#include <string.h>

#include "support/check.h"
#include "wsuv/handshake.h"
#include "wsuv/message.h"

static wsuv_streamer_t new_streamer(wsuv_role_t role, int type) {
  wsuv_streamer_t s;
  CHECK_ERR(0, wsuv_streamer_init(&s, role, type, role == WSUV_CLIENT ? wsuv_random : NULL, NULL));
  return s;
}

static void check_frame(const wsuv_frame_t *frame, int opcode, int fin, const char *payload) {
  CHECK_INT(opcode, frame->header.opcode);
  CHECK_INT(fin, frame->header.fin);
  CHECK_INT(0, frame->header.rsv);
  CHECK_BYTES(payload, strlen(payload), frame->payload, frame->header.payload_len);
}

/* covers: STR.1 STR.3 STR.4 STR-001 STR-002 STR-003 STR-008 CORE.3 */
static void the_first_frame_has_the_type(void **state) {
  static const int types[] = {WSUV_TEXT, WSUV_BINARY, 3, 7};
  size_t i;
  (void)state;
  for (i = 0; i < sizeof types / sizeof types[0]; i++) {
    wsuv_streamer_t s = new_streamer(WSUV_SERVER, types[i]);
    wsuv_frame_t frame;
    CHECK_ERR(0, wsuv_streamer_chunk(&s, "a", 1, &frame));
    check_frame(&frame, types[i], 0, "a");
    CHECK_INT(0, frame.header.masked);
    CHECK_ERR(0, wsuv_streamer_chunk(&s, NULL, 0, &frame));
    check_frame(&frame, WSUV_CONTINUATION, 0, "");
    CHECK_ERR(0, wsuv_streamer_final(&s, "b", 1, &frame));
    check_frame(&frame, WSUV_CONTINUATION, 1, "b");
    CHECK_ERR(0, wsuv_streamer_end(&s));
    s = new_streamer(WSUV_SERVER, types[i]);
    CHECK_ERR(0, wsuv_streamer_final(&s, NULL, 0, &frame));
    check_frame(&frame, types[i], 1, "");
  }
}

/* covers: STR.2 STR.8 MSK.2 MSK.3 STR-010 CORE.4 */
static void a_client_masks_each_frame_afresh(void **state) {
  wsuv_streamer_t s = new_streamer(WSUV_CLIENT, WSUV_TEXT);
  char payload[] = "payload";
  uint8_t keys[3][4];
  uint8_t out[64];
  wsuv_frame_t frame;
  size_t n;
  int i;
  (void)state;
  for (i = 0; i < 3; i++) {
    CHECK_ERR(0, wsuv_streamer_chunk(&s, payload, 7, &frame));
    CHECK_INT(1, frame.header.masked);
    memcpy(keys[i], frame.header.masking_key, 4);
    CHECK_ERR(0, wsuv_frame_encode(&frame, out, sizeof out, &n));
    CHECK_STR("payload", payload);
    wsuv_mask(out + 6, out + 6, 7, keys[i], 0);
    CHECK_BYTES(payload, 7, out + 6, n - 6);
  }
  CHECK_TRUE(memcmp(keys[0], keys[1], 4) != 0 || memcmp(keys[0], keys[2], 4) != 0);
  CHECK_ERR(WSUV_EUNFINISHED, wsuv_streamer_end(&s));
}

/* covers: STR.6 STR.7 STR-004 STR-005 STR-006 */
static void guards(void **state) {
  wsuv_streamer_t s = new_streamer(WSUV_SERVER, WSUV_BINARY);
  wsuv_frame_t frame;
  int type;
  (void)state;
  CHECK_ERR(WSUV_EINVAL, wsuv_streamer_chunk(&s, NULL, 1, &frame));
  CHECK_ERR(0, wsuv_streamer_final(&s, "x", 1, &frame));
  CHECK_ERR(WSUV_ESTATE, wsuv_streamer_chunk(&s, "y", 1, &frame));
  CHECK_ERR(WSUV_ESTATE, wsuv_streamer_final(&s, "y", 1, &frame));
  CHECK_ERR(0, wsuv_streamer_end(&s));
  CHECK_ERR(WSUV_ESTATE, wsuv_streamer_final(&s, "y", 1, &frame));
  for (type = 8; type < 17; type++)
    CHECK_ERR(WSUV_EINVAL, wsuv_streamer_init(&s, WSUV_SERVER, type, NULL, NULL));
  CHECK_ERR(WSUV_EINVAL, wsuv_streamer_init(&s, WSUV_SERVER, WSUV_CONTINUATION, NULL, NULL));
  CHECK_ERR(WSUV_EINVAL, wsuv_streamer_init(&s, WSUV_SERVER, -1, NULL, NULL));
  CHECK_ERR(WSUV_EINVAL, wsuv_streamer_init(&s, WSUV_CLIENT, WSUV_TEXT, NULL, NULL));
  CHECK_ERR(WSUV_EINVAL, wsuv_streamer_init(&s, (wsuv_role_t)3, WSUV_TEXT, wsuv_random, NULL));
  CHECK_ERR(WSUV_ESTATE, wsuv_streamer_chunk(&s, "y", 1, &frame)); /* init failed */
}

/* covers: STR.5 STR-007 ERR.15 */
static void dropping_it_before_the_end_is_told(void **state) {
  wsuv_streamer_t s = new_streamer(WSUV_SERVER, WSUV_BINARY);
  wsuv_frame_t frame;
  (void)state;
  CHECK_ERR(WSUV_EUNFINISHED, wsuv_streamer_end(&s)); /* nothing was made */
  CHECK_ERR(0, wsuv_streamer_end(&s));                /* told once */
  CHECK_ERR(WSUV_ESTATE, wsuv_streamer_final(&s, "x", 1, &frame));
  s = new_streamer(WSUV_SERVER, WSUV_BINARY);
  CHECK_ERR(0, wsuv_streamer_chunk(&s, "x", 1, &frame));
  CHECK_ERR(WSUV_EUNFINISHED, wsuv_streamer_end(&s));
}

/* A refused chunk leaves the message as it was. covers: CORE.13 W190 */
static void text_is_judged_over_its_chunks(void **state) {
  wsuv_streamer_t s = new_streamer(WSUV_SERVER, WSUV_TEXT);
  wsuv_frame_t frame;
  (void)state;
  CHECK_ERR(0, wsuv_streamer_chunk(&s, "\xe2\x82", 2, &frame));
  CHECK_ERR(WSUV_EENCODING, wsuv_streamer_chunk(&s, "x", 1, &frame));
  CHECK_ERR(WSUV_EENCODING, wsuv_streamer_final(&s, NULL, 0, &frame));
  CHECK_ERR(0, wsuv_streamer_final(&s, "\xac", 1, &frame));
  check_frame(&frame, WSUV_CONTINUATION, 1, "\xac");
  s = new_streamer(WSUV_SERVER, WSUV_BINARY);
  CHECK_ERR(0, wsuv_streamer_final(&s, "\xff", 1, &frame));
}

static int draw_or_fail(void *arg, void *buf, size_t len) {
  memset(buf, 7, len);
  return *(int *)arg;
}

static void without_randomness_nothing_has_changed(void **state) {
  int answer = -1;
  wsuv_streamer_t s;
  wsuv_frame_t frame;
  (void)state;
  CHECK_ERR(0, wsuv_streamer_init(&s, WSUV_CLIENT, WSUV_TEXT, draw_or_fail, &answer));
  CHECK_ERR(WSUV_ERANDOM, wsuv_streamer_chunk(&s, "\xc3", 1, &frame));
  answer = 0;
  CHECK_ERR(0, wsuv_streamer_chunk(&s, "a", 1, &frame));
  check_frame(&frame, WSUV_TEXT, 0, "a");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_frame_has_the_type),
      cmocka_unit_test(a_client_masks_each_frame_afresh),
      cmocka_unit_test(guards),
      cmocka_unit_test(dropping_it_before_the_end_is_told),
      cmocka_unit_test(text_is_judged_over_its_chunks),
      cmocka_unit_test(without_randomness_nothing_has_changed),
  };
  return cmocka_run_group_tests_name("streamer", tests, NULL, NULL);
}
