/* Events that are asked for. That they are the same as with callbacks is shown by the vectors. */
#include <string.h>

#include "proto/endpoint.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/event.h"

static const wsuv_endpoint_handler_t silent = {.size = sizeof silent};

static wsuv_endpoint_t *new_endpoint(struct failing_alloc *fa, int fragments) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  wsuv_endpoint_t *ep;
  failing_alloc_init(fa);
  options.allocator = &fa->allocator;
  options.lenient_masking = 1;
  options.fragments = fragments;
  CHECK_ERR(0, wsuv_endpoint_new(&ep, &options, NULL, NULL));
  return ep;
}

static void free_endpoint(struct failing_alloc *fa, wsuv_endpoint_t *ep) {
  wsuv_endpoint_free(ep);
  failing_alloc_check_no_leaks(fa);
}

/* The caller's memory is overwritten at once. */
static int receive(wsuv_endpoint_t *ep, const char *bytes, size_t len) {
  uint8_t copy[64];
  int err;
  CHECK_TRUE(len <= sizeof copy);
  memcpy(copy, bytes, len);
  err = wsuv_endpoint_receive(ep, copy, len);
  memset(copy, '#', sizeof copy);
  return err;
}

#define RECEIVE(ep, literal) receive(ep, literal, sizeof(literal) - 1)

static void expect(wsuv_endpoint_t *ep, wsuv_event_type_t type, int opcode, int flags,
                   const char *payload) {
  wsuv_event_t event;
  CHECK_INT(1, wsuv_endpoint_next_event(ep, &event));
  CHECK_INT(type, event.type);
  CHECK_INT(opcode, event.opcode);
  CHECK_INT(flags, event.flags);
  CHECK_BYTES(payload, strlen(payload), event.payload, event.len);
  (void)wsuv_endpoint_send(ep, WSUV_TEXT, "reply", 5);
  CHECK_BYTES(payload, strlen(payload), event.payload, event.len);
}

/* covers: CORE.9 EPT.5 */
static void events_come_one_by_one(void **state) {
  struct failing_alloc fa;
  wsuv_endpoint_t *ep = new_endpoint(&fa, 0);
  wsuv_event_t event;
  const int whole = WSUV_FIRST | WSUV_FINAL;
  (void)state;
  CHECK_INT(0, wsuv_endpoint_next_event(ep, &event));
  CHECK_ERR(0, RECEIVE(ep, "\x81\1a\x89\1p\1\1b\x8a\1q\x80\1c\x82\0\x88\5\3\xe8"
                           "bye"));
  expect(ep, WSUV_EVENT_MESSAGE, WSUV_TEXT, whole, "a");
  expect(ep, WSUV_EVENT_PING, WSUV_PING, 0, "p");
  expect(ep, WSUV_EVENT_PONG, WSUV_PONG, 0, "q");
  expect(ep, WSUV_EVENT_MESSAGE, WSUV_TEXT, whole, "bc");
  expect(ep, WSUV_EVENT_MESSAGE, WSUV_BINARY, whole, "");
  CHECK_FALSE(wsuv_endpoint_received_close(ep));
  CHECK_INT(1, wsuv_endpoint_next_event(ep, &event));
  CHECK_INT(WSUV_EVENT_CLOSE, event.type);
  CHECK_INT(1000, event.code);
  CHECK_BYTES("bye", 3, event.payload, event.len);
  CHECK_INT(0, wsuv_endpoint_next_event(ep, &event));
  CHECK_ERR(0, wsuv_endpoint_receive_eof(ep));
  CHECK_INT(0, wsuv_endpoint_next_event(ep, &event));
  free_endpoint(&fa, ep);
}

/* covers: CORE.9 */
static void pieces_come_where_they_are_asked_for(void **state) {
  struct failing_alloc fa;
  wsuv_endpoint_t *ep = new_endpoint(&fa, 1);
  wsuv_event_t event;
  (void)state;
  CHECK_ERR(0, RECEIVE(ep, "\x81\4ab"));
  expect(ep, WSUV_EVENT_FRAGMENT, WSUV_TEXT, WSUV_FIRST, "ab");
  CHECK_INT(0, wsuv_endpoint_next_event(ep, &event));
  CHECK_ERR(0, RECEIVE(ep, "cd\x82\1x"));
  expect(ep, WSUV_EVENT_FRAGMENT, WSUV_TEXT, WSUV_FINAL, "cd");
  expect(ep, WSUV_EVENT_FRAGMENT, WSUV_BINARY, WSUV_FIRST | WSUV_FINAL, "x");
  free_endpoint(&fa, ep);
}

/* covers: CORE.9 W171 */
static void an_error_stays(void **state) {
  struct failing_alloc fa;
  wsuv_endpoint_t *ep = new_endpoint(&fa, 0);
  wsuv_event_t event;
  (void)state;
  CHECK_ERR(0, RECEIVE(ep, "\x81\1a\xc1\1b\x81\1c"));
  expect(ep, WSUV_EVENT_MESSAGE, WSUV_TEXT, WSUV_FIRST | WSUV_FINAL, "a");
  CHECK_ERR(WSUV_ERSV, wsuv_endpoint_next_event(ep, &event));
  CHECK_ERR(WSUV_ERSV, RECEIVE(ep, "\x81\1d"));
  CHECK_ERR(WSUV_ERSV, wsuv_endpoint_next_event(ep, &event));
  free_endpoint(&fa, ep);
}

/* covers: CORE.9 IOC.4 */
static void the_end_comes_behind_what_was_received(void **state) {
  struct failing_alloc fa;
  wsuv_endpoint_t *ep = new_endpoint(&fa, 0);
  wsuv_event_t event;
  (void)state;
  CHECK_ERR(0, RECEIVE(ep, "\x81\1a\x81\1b"));
  CHECK_ERR(0, wsuv_endpoint_receive_eof(ep));
  CHECK_ERR(WSUV_ESTATE, RECEIVE(ep, "\x81\1c"));
  expect(ep, WSUV_EVENT_MESSAGE, WSUV_TEXT, WSUV_FIRST | WSUV_FINAL, "a");
  expect(ep, WSUV_EVENT_MESSAGE, WSUV_TEXT, WSUV_FIRST | WSUV_FINAL, "b");
  CHECK_FALSE(wsuv_endpoint_wants_close(ep));
  CHECK_ERR(WSUV_EABNORMAL, wsuv_endpoint_next_event(ep, &event));
  CHECK_TRUE(wsuv_endpoint_wants_close(ep));
  CHECK_ERR(WSUV_EABNORMAL, wsuv_endpoint_next_event(ep, &event));
  free_endpoint(&fa, ep);
}

/* Nobody asks: nothing is parsed, and what is kept is bounded. */
static void what_is_not_asked_for_is_bounded(void **state) {
  struct failing_alloc fa;
  wsuv_endpoint_t *ep = new_endpoint(&fa, 0);
  wsuv_event_t event;
  size_t n = 0;
  size_t taken = 0;
  (void)state;
  while (wsuv_endpoint_wants_read(ep)) {
    CHECK_ERR(0, RECEIVE(ep, "\x89\2pp"));
    n++;
  }
  CHECK_ERR(WSUV_ENOBUFS, RECEIVE(ep, "\x89\2pp"));
  CHECK_SIZE(65536 / 4, n);
  CHECK_SIZE(0, wsuv_endpoint_queued(ep));
  wsuv_endpoint_pause(ep);
  CHECK_ERR(0, wsuv_endpoint_resume(ep)); /* changes nothing */
  while (wsuv_endpoint_next_event(ep, &event) > 0)
    taken++;
  CHECK_SIZE(n, taken);
  free_endpoint(&fa, ep);
}

static void no_memory_for_an_event_fails(void **state) {
  struct failing_alloc fa;
  wsuv_endpoint_t *ep = new_endpoint(&fa, 0);
  wsuv_event_t event;
  (void)state;
  CHECK_ERR(0, RECEIVE(ep, "\1\1a\x80\1b\x81\1c"));
  failing_alloc_fail_once(&fa, 2); /* of the message, of its copy */
  CHECK_ERR(WSUV_ENOMEM, wsuv_endpoint_next_event(ep, &event));
  CHECK_ERR(WSUV_ENOMEM, wsuv_endpoint_next_event(ep, &event));
  free_endpoint(&fa, ep);
}

static void only_without_a_handler(void **state) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  wsuv_endpoint_t *ep;
  wsuv_event_t event;
  (void)state;
  CHECK_ERR(0, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_next_event(ep, &event));
  wsuv_endpoint_free(ep);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(events_come_one_by_one),
      cmocka_unit_test(pieces_come_where_they_are_asked_for),
      cmocka_unit_test(an_error_stays),
      cmocka_unit_test(the_end_comes_behind_what_was_received),
      cmocka_unit_test(what_is_not_asked_for_is_bounded),
      cmocka_unit_test(no_memory_for_an_event_fails),
      cmocka_unit_test(only_without_a_handler),
  };
  return cmocka_run_group_tests_name("endpoint pull", tests, NULL, NULL);
}
