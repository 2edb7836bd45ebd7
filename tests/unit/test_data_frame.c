/* The hook for data frames: a message of any length consumed as it comes, or changed on its way. */
#include <string.h>

#include "proto/endpoint.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/toy_extension.h"
#include "wsuv/handshake.h"

enum what_to_do { LET_ALL, LET_NONE, LET_HALF, LET_TOO_MUCH, MAKE_UPPER, CLOSE, PAUSE };

struct seen {
  wsuv_endpoint_t *ep;
  enum what_to_do what;
  uint64_t octets;
  uint64_t next_offset;
  int nframes;
  int nmessages;
  size_t message_len;
  char message[64];
  int nclosed;
};

static size_t on_data_frame(void *data, const wsuv_frame_header_t *header, uint64_t offset,
                            uint8_t *payload, size_t len) {
  struct seen *seen = data;
  size_t i;
  if (offset == 0)
    seen->nframes++;
  else
    CHECK_SIZE(seen->next_offset, offset);
  seen->next_offset = offset + len;
  seen->octets += len;
  CHECK_TRUE(offset + len <= header->payload_len);
  CHECK_TRUE(len > 0 || header->payload_len == 0);
  switch (seen->what) {
  case LET_NONE:
    return 0;
  case LET_HALF:
    return len / 2;
  case LET_TOO_MUCH:
    return len + 1;
  case MAKE_UPPER:
    for (i = 0; i < len; i++)
      payload[i] = (uint8_t)(payload[i] - 32);
    return len;
  case CLOSE:
    CHECK_ERR(0, wsuv_endpoint_close(seen->ep, 1000, NULL, 0));
    return len;
  case PAUSE:
    wsuv_endpoint_pause(seen->ep);
    return len;
  case LET_ALL:
    break;
  }
  return len;
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct seen *seen = data;
  (void)type;
  seen->nmessages++;
  seen->message_len = len;
  if (len > 0 && len < sizeof seen->message)
    memcpy(seen->message, payload, len);
}

static const wsuv_endpoint_handler_t handler = {
    .size = sizeof handler, .on_message = on_message, .on_data_frame = on_data_frame};

static void open_endpoint(struct seen *seen, enum what_to_do what, struct failing_alloc *fa) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  memset(seen, 0, sizeof *seen);
  seen->what = what;
  failing_alloc_init(fa);
  options.allocator = &fa->allocator;
  options.lenient_masking = 1;
  options.max_message_size = 10;
  CHECK_ERR(0, wsuv_endpoint_new(&seen->ep, &options, &handler, seen));
}

static void close_endpoint(struct seen *seen, struct failing_alloc *fa) {
  wsuv_endpoint_free(seen->ep);
  failing_alloc_check_no_leaks(fa);
}

static int receive(struct seen *seen, const char *octets, size_t len, size_t piece) {
  uint8_t copy[64];
  int err = 0;
  while (len > 0 && err == 0) {
    size_t n = piece < len ? piece : len;
    memcpy(copy, octets, n);
    err = wsuv_endpoint_receive(seen->ep, copy, n);
    octets += n;
    len -= n;
  }
  return err;
}

#define RECEIVE(seen, literal, piece) receive(seen, literal, sizeof(literal) - 1, piece)

/* covers: EPT.3 DEF.8 DOC.9 EPT-062 */
static void a_message_over_every_limit_is_consumed_in_constant_memory(void **state) {
  static const uint8_t head[] = {0x02, 127, 0, 0, 0, 1, 0, 0, 0, 0};
  static uint8_t piece[65536];
  const uint64_t len = (uint64_t)1 << 32;
  struct failing_alloc fa;
  struct seen seen;
  uint8_t copy[sizeof head];
  uint64_t fed;
  (void)state;
  open_endpoint(&seen, LET_NONE, &fa);
  memcpy(copy, head, sizeof head);
  CHECK_ERR(0, wsuv_endpoint_receive(seen.ep, copy, sizeof copy));
  for (fed = 0; fed < len; fed += sizeof piece)
    CHECK_ERR(0, wsuv_endpoint_receive(seen.ep, piece, sizeof piece));
  CHECK_ERR(0, RECEIVE(&seen, "\x80\2ab", 100));
  CHECK_SIZE(len + 2, seen.octets);
  CHECK_INT(2, seen.nframes);
  CHECK_INT(1, seen.nmessages);
  CHECK_SIZE(0, seen.message_len);
  CHECK_TRUE(fa.peak_size < 1024);
  close_endpoint(&seen, &fa);
}

/* covers: EPT.3 DEF.6 EPT-061 EPT-063 */
static void frames_are_seen_at_any_split_and_after_they_were_judged(void **state) {
  size_t piece;
  (void)state;
  for (piece = 1; piece < 20; piece++) {
    struct failing_alloc fa;
    struct seen seen;
    open_endpoint(&seen, LET_ALL, &fa);
    CHECK_ERR(0, RECEIVE(&seen, "\x01\3abc\x89\1p\x00\0\x80\2de\x81\0", piece));
    CHECK_INT(4, seen.nframes);
    CHECK_SIZE(5, seen.octets);
    CHECK_INT(2, seen.nmessages);
    CHECK_ERR(WSUV_ECONTINUATION, RECEIVE(&seen, "\x80\1x", piece));
    CHECK_INT(4, seen.nframes);
    close_endpoint(&seen, &fa);
  }
}

/* covers: PAR.12 EPT.3 */
static void octets_may_be_changed_and_dropped(void **state) {
  static const struct {
    enum what_to_do what;
    const char *message;
  } rows[] = {{MAKE_UPPER, "ABCD"}, {LET_HALF, "ab"}, {LET_TOO_MUCH, "abcd"}, {LET_NONE, ""}};
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct failing_alloc fa;
    struct seen seen;
    open_endpoint(&seen, rows[i].what, &fa);
    CHECK_ERR(0, RECEIVE(&seen, "\x81\4abcd", 6));
    CHECK_BYTES(rows[i].message, strlen(rows[i].message), seen.message, seen.message_len);
    close_endpoint(&seen, &fa);
  }
}

/* covers: W205 PER.15 */
static void the_limit_counts_what_goes_on(void **state) {
  struct failing_alloc fa;
  struct seen seen;
  (void)state;
  open_endpoint(&seen, LET_HALF, &fa);
  CHECK_ERR(0, RECEIVE(&seen, "\x82\024aaaaaaaaaabbbbbbbbbb", 22));
  CHECK_SIZE(10, seen.message_len);
  CHECK_ERR(WSUV_EMSGSIZE, RECEIVE(&seen, "\x82\026aaaaaaaaaabbbbbbbbbbcc", 24));
  close_endpoint(&seen, &fa);
}

static void it_may_close_and_pause(void **state) {
  struct failing_alloc fa;
  struct seen seen;
  (void)state;
  open_endpoint(&seen, CLOSE, &fa);
  CHECK_ERR(0, RECEIVE(&seen, "\x81\1a", 3));
  CHECK_INT(1, seen.nmessages); /* data still counts until the peer's Close */
  close_endpoint(&seen, &fa);
  open_endpoint(&seen, PAUSE, &fa);
  CHECK_ERR(0, RECEIVE(&seen, "\x81\1a\x81\1b", 6));
  CHECK_INT(1, seen.nmessages);
  CHECK_ERR(0, wsuv_endpoint_resume(seen.ep));
  CHECK_INT(2, seen.nmessages);
  close_endpoint(&seen, &fa);
}

/* The hook sees what the peer sent, the message is what the extension makes of what the hook lets through. */
static void it_comes_before_extensions(void **state) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_CLIENT);
  wsuv_negotiated_t runs = {&toy_runs, toy_session_new()};
  struct seen seen = {.what = LET_HALF};
  (void)state;
  options.extensions = &runs;
  options.nextensions = 1;
  options.random = wsuv_random;
  CHECK_ERR(0, wsuv_endpoint_new(&seen.ep, &options, &handler, &seen));
  CHECK_ERR(0, RECEIVE(&seen, "\xa1\4\3a\2b", 6));
  CHECK_SIZE(4, seen.octets);
  CHECK_BYTES("aaa", 3, seen.message, seen.message_len);
  wsuv_endpoint_free(seen.ep);
  CHECK_INT(0, toy_sessions_alive());
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_message_over_every_limit_is_consumed_in_constant_memory),
      cmocka_unit_test(frames_are_seen_at_any_split_and_after_they_were_judged),
      cmocka_unit_test(octets_may_be_changed_and_dropped),
      cmocka_unit_test(the_limit_counts_what_goes_on),
      cmocka_unit_test(it_may_close_and_pause),
      cmocka_unit_test(it_comes_before_extensions),
  };
  return cmocka_run_group_tests_name("data frames", tests, NULL, NULL);
}
