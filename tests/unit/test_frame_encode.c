#include <string.h>

#include "support/check.h"
#include "support/guard_page.h"
#include "wsuv/frame.h"

static int draw_counting(void *arg, void *buf, size_t len) {
  uint8_t *next = arg;
  uint8_t *octets = buf;
  size_t i;
  for (i = 0; i < len; i++)
    octets[i] = ++*next;
  return 0;
}

static int draw_nothing(void *arg, void *buf, size_t len) {
  (void)arg;
  (void)buf;
  (void)len;
  return -5;
}

static void check_encoded(const wsuv_frame_t *frame, const char *octets, size_t len) {
  struct guard_page out = guard_page_new(NULL, len);
  size_t n = 99;
  CHECK_ERR(WSUV_ENOBUFS, wsuv_frame_encode(frame, NULL, 0, &n));
  CHECK_SIZE(len, n);
  CHECK_ERR(WSUV_ENOBUFS, wsuv_frame_encode(frame, out.data, len - 1, &n));
  CHECK_INT(0, out.data[0]);
  CHECK_ERR(0, wsuv_frame_encode(frame, out.data, len, &n));
  CHECK_BYTES(octets, len, out.data, n);
  guard_page_free(&out);
}

#define CHECK_ENCODED(frame, literal) check_encoded(frame, literal, sizeof(literal) - 1)

/* covers: FRM.1 FRM.2 FRM.5 FRM.7 FRM-028 FRM-029 EPT.14 MSK.1 MSK.2 CORE.4 */
static void one_frame_for_each_role_and_kind(void **state) {
  uint8_t counter = 0;
  wsuv_frame_t frame;
  (void)state;
  CHECK_ERR(0, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_TEXT, "Hello", 5));
  CHECK_ENCODED(&frame, "\x81\5Hello");
  CHECK_ERR(0, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_BINARY, NULL, 0));
  CHECK_ENCODED(&frame, "\x82\0");
  CHECK_ERR(0, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_PING, "p", 1));
  CHECK_ENCODED(&frame, "\x89\1p");
  CHECK_ERR(0, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, 3, "c", 1));
  CHECK_ENCODED(&frame, "\x83\1c");
  CHECK_ERR(0, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, 15, "c", 1));
  CHECK_ENCODED(&frame, "\x8f\1c");
  CHECK_ERR(0,
            wsuv_frame_create(&frame, WSUV_CLIENT, draw_counting, &counter, WSUV_TEXT, "aaaaa", 5));
  CHECK_ENCODED(&frame, "\x81\x85\1\2\3\4`cbe`");
  CHECK_ERR(0, wsuv_frame_create(&frame, WSUV_CLIENT, draw_counting, &counter, WSUV_PONG, NULL, 0));
  CHECK_ENCODED(&frame, "\x8a\x80\5\6\7\10");
}

/* The payload of a Close is not judged: for tests and proxies. covers: CLF.8 CLO-059 */
static void a_raw_close_payload_is_any_payload(void **state) {
  wsuv_frame_t frame;
  uint8_t payload[126] = {0};
  (void)state;
  CHECK_ERR(0, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_CLOSE, "\0\1zz", 4));
  CHECK_ENCODED(&frame, "\x88\4\0\1zz");
  CHECK_ERR(WSUV_ECONTROLSIZE,
            wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_CLOSE, payload, 126));
}

/* covers: MSK.4 FRM.13 STR.8 */
static void the_payload_stays_as_it_is(void **state) {
  char payload[] = "payload";
  wsuv_frame_t frame;
  uint8_t out[64];
  uint8_t counter = 7;
  size_t n;
  (void)state;
  CHECK_ERR(0,
            wsuv_frame_create(&frame, WSUV_CLIENT, draw_counting, &counter, WSUV_TEXT, payload, 7));
  CHECK_ERR(0, wsuv_frame_encode(&frame, out, sizeof out, &n));
  CHECK_STR("payload", payload);
  payload[0] = 'P'; /* read when it is encoded, not when it is made */
  CHECK_ERR(0, wsuv_frame_encode(&frame, out, sizeof out, &n));
  CHECK_INT('P', out[6] ^ frame.header.masking_key[0]);
}

/* covers: FRM.9 FRM.10 FRM.11 CORE.7 STR.4 */
static void reserved_bits_and_fin_are_set_on_the_frame(void **state) {
  wsuv_frame_t frame;
  (void)state;
  CHECK_ERR(0, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_TEXT, "a", 1));
  frame.header.fin = 0;
  frame.header.rsv = 4;
  CHECK_ENCODED(&frame, "\x41\1a");
  frame.header.fin = 1;
  CHECK_ENCODED(&frame, "\xc1\1a");
}

/* covers: FRM.17 */
static void spans_name_header_and_payload(void **state) {
  uint8_t head[WSUV_FRAME_HEADER_MAX];
  uint8_t counter = 0;
  wsuv_frame_t frame;
  wsuv_span_t spans[2];
  (void)state;
  CHECK_ERR(0, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_TEXT, "Hello", 5));
  CHECK_INT(2, wsuv_frame_spans(&frame, head, spans));
  CHECK_BYTES("\x81\5", 2, spans[0].data, spans[0].len);
  CHECK_PTR(frame.payload, spans[1].data);
  CHECK_SIZE(5, spans[1].len);
  CHECK_ERR(0, wsuv_frame_create(&frame, WSUV_CLIENT, draw_counting, &counter, WSUV_TEXT, NULL, 0));
  CHECK_INT(1, wsuv_frame_spans(&frame, head, spans));
  CHECK_BYTES("\x81\x80\1\2\3\4", 6, spans[0].data, spans[0].len);
  frame.header.rsv = 8;
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_spans(&frame, head, spans));
}

/* A masking key is four octets by its type. covers: FRM.3 FRM.4 FRM.5 FRM.12 FRM.18 */
static void what_cannot_be_a_frame_is_refused(void **state) {
  wsuv_frame_t frame;
  uint8_t octets[200] = {0};
  uint8_t out[300];
  size_t n = 99;
  (void)state;
  CHECK_SIZE(4, sizeof frame.header.masking_key);
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_create(&frame, (wsuv_role_t)0, NULL, NULL, WSUV_TEXT, "a", 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_create(&frame, WSUV_CLIENT, NULL, NULL, WSUV_TEXT, "a", 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, 16, "a", 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, -1, "a", 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_TEXT, NULL, 1));
  CHECK_ERR(WSUV_ECONTROLSIZE,
            wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_PING, octets, 126));
  CHECK_ERR(WSUV_ERANDOM,
            wsuv_frame_create(&frame, WSUV_CLIENT, draw_nothing, NULL, WSUV_TEXT, "a", 1));
  CHECK_ERR(0, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_TEXT, octets, 200));
  frame.header.rsv = 8;
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_encode(&frame, out, sizeof out, &n));
  CHECK_SIZE(0, n);
  frame.header.rsv = 0;
  frame.header.payload_len = UINT64_MAX;
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_encode(&frame, out, sizeof out, &n));
  frame.header.payload_len = (uint64_t)INT64_MAX + 1;
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_encode(&frame, out, sizeof out, &n));
  frame.header.payload_len = 126;
  frame.header.opcode = WSUV_PONG;
  CHECK_ERR(WSUV_ECONTROLSIZE, wsuv_frame_encode(&frame, out, sizeof out, &n));
  frame.payload = NULL;
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_encode(&frame, out, sizeof out, &n));
}

/* covers: FRM.6 FRM-010 FRM-015 */
static void each_form_of_length(void **state) {
  static const size_t lengths[][2] = {{125, 2}, {126, 4}, {65535, 4}, {65536, 10}};
  static uint8_t payload[65536];
  static uint8_t out[65536 + WSUV_FRAME_HEADER_MAX];
  size_t i;
  (void)state;
  memset(payload, 'x', sizeof payload);
  for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    wsuv_frame_t frame;
    size_t n;
    CHECK_ERR(
        0, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_BINARY, payload, lengths[i][0]));
    CHECK_ERR(0, wsuv_frame_encode(&frame, out, sizeof out, &n));
    CHECK_SIZE(lengths[i][0] + lengths[i][1], n);
    CHECK_BYTES(payload, lengths[i][0], out + lengths[i][1], n - lengths[i][1]);
  }
}

/* covers: CORE.3 CORE.13 */
static void utf8_can_be_judged_in_pieces(void **state) {
  wsuv_utf8_t utf8;
  (void)state;
  memset(&utf8, 0, sizeof utf8);
  CHECK_TRUE(wsuv_utf8_is_complete(&utf8));
  CHECK_TRUE(wsuv_utf8_feed(&utf8, "a\xe2", 2));
  CHECK_FALSE(wsuv_utf8_is_complete(&utf8));
  CHECK_TRUE(wsuv_utf8_feed(&utf8, NULL, 0));
  CHECK_TRUE(wsuv_utf8_feed(&utf8, "\x82\xac", 2));
  CHECK_TRUE(wsuv_utf8_is_complete(&utf8));
  CHECK_FALSE(wsuv_utf8_feed(&utf8, "\xff", 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_frame_for_each_role_and_kind),
      cmocka_unit_test(a_raw_close_payload_is_any_payload),
      cmocka_unit_test(the_payload_stays_as_it_is),
      cmocka_unit_test(reserved_bits_and_fin_are_set_on_the_frame),
      cmocka_unit_test(spans_name_header_and_payload),
      cmocka_unit_test(what_cannot_be_a_frame_is_refused),
      cmocka_unit_test(each_form_of_length),
      cmocka_unit_test(utf8_can_be_judged_in_pieces),
  };
  return cmocka_run_group_tests_name("frame_encode", tests, NULL, NULL);
}
