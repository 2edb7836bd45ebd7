#include <string.h>

#include "support/check.h"
#include "support/guard_page.h"
#include "wsuv/message.h"

static wsuv_frame_t frame_of(int opcode, int fin, const char *payload) {
  wsuv_frame_t frame;
  memset(&frame, 0, sizeof frame);
  frame.header.opcode = (uint8_t)opcode;
  frame.header.fin = (uint8_t)fin;
  frame.header.payload_len = strlen(payload);
  frame.payload = (const uint8_t *)payload;
  return frame;
}

/* covers: MSG.1 MSG.2 MSG.4 CORE.6 MSG-001 */
static void three_frames_are_one_message(void **state) {
  wsuv_frame_t frames[3] = {frame_of(1, 0, "123"), frame_of(0, 0, ""), frame_of(0, 1, "456")};
  wsuv_message_t message;
  struct guard_page out = guard_page_new(NULL, 12);
  uint8_t octets[32];
  size_t n;
  (void)state;
  frames[0].header.rsv = 4;
  frames[2].header.rsv = 1;
  CHECK_ERR(0, wsuv_message_init(&message, frames, 3));
  CHECK_INT(WSUV_TEXT, wsuv_message_type(&message));
  CHECK_SIZE(6, message.payload_len);
  CHECK_SIZE(3, message.nframes);
  CHECK_INT(4, message.frames[0].header.rsv);
  CHECK_INT(1, message.frames[2].header.rsv);
  CHECK_ERR(WSUV_ENOBUFS, wsuv_message_copy_payload(&message, out.data, 5));
  CHECK_INT(0, out.data[0]);
  CHECK_ERR(0, wsuv_message_copy_payload(&message, out.data + 6, 6));
  CHECK_BYTES("123456", 6, out.data + 6, 6);
  CHECK_ERR(WSUV_ENOBUFS, wsuv_message_encode(&message, out.data, 11, &n));
  CHECK_SIZE(12, n);
  CHECK_ERR(0, wsuv_message_encode(&message, out.data, 12, &n));
  CHECK_BYTES("\x41\3"
              "123\0\0\x90\3"
              "456",
              12, out.data, n);
  guard_page_free(&out);
  frames[1].header.rsv = 8; /* it is the caller's frame */
  CHECK_ERR(WSUV_EINVAL, wsuv_message_encode(&message, octets, sizeof octets, &n));
  CHECK_SIZE(0, n);
}

/* covers: MSG.2 FRM.8 FRM.16 */
static void masked_frames_and_other_kinds(void **state) {
  wsuv_frame_t frame = frame_of(5, 1, "abc");
  wsuv_message_t message;
  uint8_t out[32];
  size_t n;
  (void)state;
  frame.header.masked = 1;
  memcpy(frame.header.masking_key, "\1\1\1\1", 4);
  CHECK_ERR(0, wsuv_message_init(&message, &frame, 1));
  CHECK_INT(5, wsuv_message_type(&message));
  CHECK_ERR(0, wsuv_message_copy_payload(&message, out, 3));
  CHECK_BYTES("abc", 3, out, 3);
  CHECK_ERR(0, wsuv_message_encode(&message, out, sizeof out, &n));
  CHECK_BYTES("\x85\x83\1\1\1\1`cb", 9, out, n);
  frame = frame_of(WSUV_PING, 1, "");
  CHECK_ERR(0, wsuv_message_init(&message, &frame, 1));
  CHECK_TRUE(wsuv_opcode_is_control(wsuv_message_type(&message)));
  CHECK_ERR(0, wsuv_message_copy_payload(&message, NULL, 0));
}

static int init_of(const wsuv_frame_t *frames, size_t n) {
  wsuv_message_t message;
  return wsuv_message_init(&message, frames, n);
}

/* covers: MSG.1 MSG.5 MSG-002 FRM.18 */
static void frames_that_make_no_message_are_refused(void **state) {
  wsuv_frame_t f[2] = {frame_of(1, 0, "a"), frame_of(0, 1, "b")};
  (void)state;
  CHECK_ERR(WSUV_EINVAL, init_of(NULL, 0));
  CHECK_ERR(WSUV_EINVAL, init_of(f, 0));
  CHECK_ERR(WSUV_EINVAL, init_of(NULL, 1));
  CHECK_ERR(0, init_of(f, 2));
  CHECK_ERR(WSUV_EUNFINISHED, init_of(f, 1));
  CHECK_ERR(WSUV_ECONTINUATION, init_of(f + 1, 1));
  f[1].header.opcode = WSUV_TEXT;
  CHECK_ERR(WSUV_EINTERLEAVED, init_of(f, 2));
  f[1].header.opcode = WSUV_CONTINUATION;
  f[0].header.fin = 1;
  CHECK_ERR(WSUV_EINVAL, init_of(f, 2));
  f[0].header.fin = 0;
  f[0].header.payload_len = INT64_MAX;
  CHECK_ERR(WSUV_EMSGSIZE, init_of(f, 2));
  f[0] = frame_of(WSUV_PING, 1, "a");
  CHECK_ERR(WSUV_EINVAL, init_of(f, 2));
  f[0].header.fin = 0;
  CHECK_ERR(WSUV_ECONTROLFIN, init_of(f, 1));
  f[0].header.payload_len = 126;
  CHECK_ERR(WSUV_ECONTROLSIZE, init_of(f, 1));
  f[0] = frame_of(1, 1, "a");
  f[0].header.rsv = 8;
  CHECK_ERR(WSUV_EINVAL, init_of(f, 1));
  f[0].header.rsv = 0;
  f[0].payload = NULL;
  CHECK_ERR(WSUV_EINVAL, init_of(f, 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(three_frames_are_one_message),
      cmocka_unit_test(masked_frames_and_other_kinds),
      cmocka_unit_test(frames_that_make_no_message_are_refused),
  };
  return cmocka_run_group_tests_name("message_view", tests, NULL, NULL);
}
