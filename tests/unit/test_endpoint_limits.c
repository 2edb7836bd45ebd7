/* What a peer may do beside sending large messages, with time as an argument: defaults, and peers that keep to a limit for
 * long. Each limit at N and N+1, in every split, is in vectors/limits/. */
#include <string.h>
#include <wsuv/event.h>
#include <wsuv/prepared.h>

#include "proto/endpoint.h"
#include "support/check.h"
#include "support/failing_alloc.h"

enum { START_MS = 123456, WINDOW_MS = 30000 };

struct rig {
  struct failing_alloc fa;
  wsuv_endpoint_options_t options;
  wsuv_endpoint_t *ep;
  int npings;
  int nmessages;
};

static void on_ping(void *data, const uint8_t *payload, size_t len) {
  struct rig *rig = data;
  (void)payload;
  (void)len;
  rig->npings++;
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct rig *rig = data;
  (void)type;
  (void)payload;
  (void)len;
  rig->nmessages++;
}

static void on_fragment(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len, int flags) {
  if ((flags & WSUV_FINAL) != 0)
    on_message(data, type, payload, len);
}

static const wsuv_endpoint_handler_t whole = {
    .size = sizeof whole, .on_ping = on_ping, .on_message = on_message};
static const wsuv_endpoint_handler_t pieces = {.size = sizeof pieces, .on_fragment = on_fragment};

static int no_random(void *arg, void *buf, size_t len) {
  (void)arg;
  memset(buf, 0, len);
  return 0;
}

/* A client's, so that frames are written without a mask. */
static void init_rig(struct rig *rig) {
  const wsuv_endpoint_options_t defaults = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_CLIENT);
  memset(rig, 0, sizeof *rig);
  failing_alloc_init(&rig->fa);
  rig->options = defaults;
  rig->options.allocator = &rig->fa.allocator;
  rig->options.random = no_random;
}

static void open_rig(struct rig *rig, const wsuv_endpoint_handler_t *handler) {
  CHECK_ERR(0, wsuv_endpoint_new(&rig->ep, &rig->options, handler, rig));
  wsuv_endpoint_tick(rig->ep, START_MS);
}

/* With a rate at which messages have to come. */
static void open_rig_with_rate(struct rig *rig, const wsuv_endpoint_handler_t *handler,
                               int64_t min_receive_rate) {
  init_rig(rig);
  rig->options.min_receive_rate = min_receive_rate;
  open_rig(rig, handler);
}

static void close_rig(struct rig *rig) {
  wsuv_endpoint_free(rig->ep);
  failing_alloc_check_no_leaks(&rig->fa);
}

static int receive(struct rig *rig, const char *octets, size_t len) {
  uint8_t copy[64];
  CHECK_TRUE(len <= sizeof copy);
  memcpy(copy, octets, len);
  return wsuv_endpoint_receive(rig->ep, copy, len);
}

static int error_of(const struct rig *rig) {
  wsuv_close_status_t status;
  wsuv_endpoint_close_status(rig->ep, &status);
  return status.error;
}

static int sent_code(const struct rig *rig) {
  wsuv_close_status_t status;
  wsuv_endpoint_close_status(rig->ep, &status);
  return status.sent_code;
}

/* That is the next deadline, and the end. */
static void expect_no_progress(struct rig *rig, uint64_t now) {
  CHECK_SIZE(now, wsuv_endpoint_next_deadline(rig->ep));
  wsuv_endpoint_tick(rig->ep, now);
  CHECK_ERR(WSUV_EPROGRESS, error_of(rig));
}

/* ---- defaults ---- */

static int receive_fragments(struct rig *rig, int n) {
  int err = receive(rig, "\x01\0", 2);
  while (err == 0 && --n > 0)
    err = receive(rig, "\0\1x", 3);
  return err;
}

static void sixteen_thousand_frames_are_a_message(void **state) {
  struct rig rig;
  (void)state;
  init_rig(&rig);
  open_rig(&rig, &whole);
  CHECK_ERR(0, receive_fragments(&rig, 16384 - 1));
  CHECK_ERR(0, receive(&rig, "\x80\0", 2));
  CHECK_INT(1, rig.nmessages);
  CHECK_ERR(0, receive_fragments(&rig, 16384));
  CHECK_ERR(0, receive(&rig, "\x80", 1));
  CHECK_ERR(WSUV_EFRAGMENTS, receive(&rig, "\1", 1));
  CHECK_INT(1008, sent_code(&rig));
  CHECK_INT(1, rig.nmessages);
  close_rig(&rig);
}

static void pieces_are_not_counted_unless_asked_for(void **state) {
  struct rig rig;
  (void)state;
  init_rig(&rig);
  open_rig(&rig, &pieces);
  CHECK_ERR(0, receive_fragments(&rig, 20000));
  CHECK_ERR(0, receive(&rig, "\x80\0", 2));
  CHECK_INT(1, rig.nmessages);
  close_rig(&rig);
  init_rig(&rig);
  rig.options.max_fragments = 100;
  open_rig(&rig, &pieces);
  CHECK_ERR(0, receive_fragments(&rig, 100));
  CHECK_ERR(WSUV_EFRAGMENTS, receive(&rig, "\x80\0", 2));
  close_rig(&rig);
}

static void a_thousand_control_frames_a_second(void **state) {
  struct rig rig;
  int second;
  int i;
  (void)state;
  init_rig(&rig);
  open_rig(&rig, &whole);
  for (second = 1; second <= 3; second++) {
    for (i = 0; i < 1000; i++)
      CHECK_ERR(0, receive(&rig, i % 2 == 0 ? "\x89\0" : "\x8a\0", 2));
    wsuv_endpoint_tick(rig.ep, START_MS + (uint64_t)second * 1000);
  }
  CHECK_INT(1500, rig.npings);
  for (i = 0; i < 1000; i++)
    CHECK_ERR(0, receive(&rig, "\x89\0", 2));
  wsuv_endpoint_tick(rig.ep, START_MS + 3999);
  CHECK_ERR(WSUV_ECONTROLRATE, receive(&rig, "\x8a\0", 2));
  CHECK_INT(1008, sent_code(&rig));
  CHECK_INT(2500, rig.npings);
  close_rig(&rig);
}

static void the_limit_on_control_frames_switched_off(void **state) {
  struct rig rig;
  int i;
  (void)state;
  init_rig(&rig);
  rig.options.max_control_rate = WSUV_OFF;
  open_rig(&rig, &whole);
  for (i = 0; i < 5000; i++)
    CHECK_ERR(0, receive(&rig, "\x89\0", 2));
  CHECK_INT(5000, rig.npings);
  close_rig(&rig);
}

/* ---- progress ---- */

static void begin_message(struct rig *rig) {
  CHECK_ERR(0, receive(rig, "\x82\x7f\0\0\0\0\0\x80\0\0", 10)); /* of 8 MiB */
}

/* Exactly the rate, each octet a moment late and every deadline before it. */
static void who_keeps_to_the_rate_lives(void **state) {
  struct rig rig;
  uint64_t second;
  (void)state;
  open_rig_with_rate(&rig, &whole, 4);
  begin_message(&rig);
  CHECK_ERR(0, receive(&rig, "abcd", 4));
  for (second = 1; second <= 1000; second++) {
    wsuv_endpoint_tick(rig.ep, START_MS + second * 1000);
    CHECK_ERR(0, error_of(&rig));
    wsuv_endpoint_tick(rig.ep, START_MS + second * 1000 + (second % 10) * 90);
    CHECK_ERR(0, receive(&rig, "abcd", 4));
  }
  close_rig(&rig);
}

static void who_sends_a_little_less_does_not(void **state) {
  struct rig rig;
  uint64_t second;
  (void)state;
  open_rig_with_rate(&rig, &whole, 4);
  begin_message(&rig);
  for (second = 1; error_of(&rig) == 0; second++) {
    wsuv_endpoint_tick(rig.ep, START_MS + second * 1000);
    (void)receive(&rig, "abcd", second % 20 == 0 ? 3 : 4);
    CHECK_TRUE(second < 200);
  }
  CHECK_ERR(WSUV_EPROGRESS, error_of(&rig));
  CHECK_INT(1008, sent_code(&rig));
  close_rig(&rig);
}

/* What is left over of a read is a frame of its own, however old the one is that ended in it. */
static void a_header_behind_what_ended_has_its_own_window(void **state) {
  static const struct {
    const char *octets;
    size_t len;
  } reads[] = {{"b\x82", 2}, {"b\x82\1c\x82", 5}, {"b\x82\1c\x81\1d\x82", 8}, {"b\x8a\0\x82", 4}};
  size_t i;
  (void)state;
  for (i = 0; i < sizeof reads / sizeof reads[0]; i++) {
    struct rig rig;
    open_rig_with_rate(&rig, &whole, 1);
    CHECK_ERR(0, receive(&rig, "\x82\2a", 3));
    CHECK_SIZE(START_MS + WINDOW_MS, wsuv_endpoint_next_deadline(rig.ep));
    wsuv_endpoint_tick(rig.ep, START_MS + WINDOW_MS - 1);
    CHECK_ERR(0, receive(&rig, reads[i].octets, reads[i].len));
    CHECK_SIZE(START_MS + 2 * WINDOW_MS - 1, wsuv_endpoint_next_deadline(rig.ep));
    wsuv_endpoint_tick(rig.ep, START_MS + WINDOW_MS);
    CHECK_ERR(0, error_of(&rig));
    close_rig(&rig);
  }
}

/* One octet of it at a time wins nothing. */
static void a_header_in_pieces_has_one_window(void **state) {
  struct rig rig;
  (void)state;
  open_rig_with_rate(&rig, &whole, 1);
  CHECK_ERR(0, receive(&rig, "\x82\1a\x82", 4));
  wsuv_endpoint_tick(rig.ep, START_MS + WINDOW_MS / 2);
  CHECK_ERR(0, receive(&rig, "\x7e", 1));
  wsuv_endpoint_tick(rig.ep, START_MS + WINDOW_MS - 1);
  CHECK_ERR(0, receive(&rig, "\x01", 1));
  expect_no_progress(&rig, START_MS + WINDOW_MS);
  close_rig(&rig);
}

/* One octet of each fragment in every window, for as long as it lasts. */
static void octets_of_a_message_in_fragments(void **state) {
  struct rig rig;
  (void)state;
  open_rig_with_rate(&rig, &whole, 1);
  CHECK_ERR(0, receive(&rig, "\x01\1a", 3));
  CHECK_SIZE(START_MS + WINDOW_MS, wsuv_endpoint_next_deadline(rig.ep));
  wsuv_endpoint_tick(rig.ep, START_MS + WINDOW_MS - 1);
  CHECK_ERR(0, receive(&rig, "\0\1b", 3));
  expect_no_progress(&rig, START_MS + WINDOW_MS);
  close_rig(&rig);
}

/* Octets that the owner left unread for a reason of its own are not missed: a window in which it did is not judged. */
static void who_is_kept_waiting_is_not_judged(void **state) {
  struct rig rig;
  (void)state;
  open_rig_with_rate(&rig, &whole, 1);
  CHECK_ERR(0, receive(&rig, "\x01\1a", 3));
  rig.ep->kept_waiting = 1;
  wsuv_endpoint_tick(rig.ep, START_MS + WINDOW_MS);
  CHECK_ERR(0, error_of(&rig));
  expect_no_progress(&rig, START_MS + 2 * WINDOW_MS);
  close_rig(&rig);
}

/* What is delivered as it comes may be as slow as it likes between its frames, and not inside one. */
static void pieces_are_judged_by_the_frame(void **state) {
  struct rig rig;
  (void)state;
  open_rig_with_rate(&rig, &pieces, 1);
  CHECK_ERR(0, receive(&rig, "\x01\1a", 3));
  CHECK_SIZE(UINT64_MAX, wsuv_endpoint_next_deadline(rig.ep));
  wsuv_endpoint_tick(rig.ep, START_MS + 10 * WINDOW_MS);
  CHECK_ERR(0, receive(&rig, "\0\2b", 3));
  expect_no_progress(&rig, START_MS + 11 * WINDOW_MS);
  close_rig(&rig);
}

/* However often it pauses, only the time in which it reads counts. */
static void pauses_do_not_count(void **state) {
  struct rig rig;
  uint64_t now = START_MS;
  int i;
  (void)state;
  open_rig_with_rate(&rig, &whole, 1);
  begin_message(&rig);
  for (i = 0; i < 29; i++) {
    wsuv_endpoint_tick(rig.ep, now += 1000);
    wsuv_endpoint_pause(rig.ep);
    wsuv_endpoint_pause(rig.ep);
    CHECK_SIZE(UINT64_MAX, wsuv_endpoint_next_deadline(rig.ep));
    wsuv_endpoint_tick(rig.ep, now += 100000);
    CHECK_ERR(0, wsuv_endpoint_resume(rig.ep));
    CHECK_ERR(0, wsuv_endpoint_resume(rig.ep));
  }
  CHECK_SIZE(now + 1000, wsuv_endpoint_next_deadline(rig.ep));
  wsuv_endpoint_tick(rig.ep, now + 999);
  CHECK_ERR(0, error_of(&rig));
  wsuv_endpoint_tick(rig.ep, now + 1000);
  CHECK_ERR(WSUV_EPROGRESS, error_of(&rig));
  close_rig(&rig);
}

/* Where events are asked for, what was not asked for excuses the peer. */
static void events_not_asked_for(void **state) {
  struct rig rig;
  wsuv_event_t event;
  (void)state;
  open_rig_with_rate(&rig, NULL, 1);
  begin_message(&rig);
  CHECK_ERR(0, wsuv_endpoint_next_event(rig.ep, &event));
  CHECK_SIZE(START_MS + WINDOW_MS, wsuv_endpoint_next_deadline(rig.ep));
  CHECK_ERR(0, receive(&rig, "x", 1));
  wsuv_endpoint_tick(rig.ep, START_MS + WINDOW_MS);
  CHECK_ERR(0, error_of(&rig));
  CHECK_ERR(0, wsuv_endpoint_next_event(rig.ep, &event));
  wsuv_endpoint_tick(rig.ep, START_MS + 2 * WINDOW_MS);
  CHECK_ERR(WSUV_EPROGRESS, error_of(&rig));
  close_rig(&rig);
}

/* The first time that is told may be any. */
static void what_was_begun_before_the_time_was_told(void **state) {
  struct rig rig;
  (void)state;
  init_rig(&rig);
  rig.options.min_receive_rate = 1;
  rig.options.idle_timeout_ms = 40000;
  CHECK_ERR(0, wsuv_endpoint_new(&rig.ep, &rig.options, &whole, &rig));
  begin_message(&rig);
  wsuv_endpoint_tick(rig.ep, UINT64_C(1) << 50);
  CHECK_ERR(0, error_of(&rig));
  CHECK_SIZE((UINT64_C(1) << 50) + WINDOW_MS, wsuv_endpoint_next_deadline(rig.ep));
  close_rig(&rig);
}

static void a_rate_without_end_overflows_nothing(void **state) {
  struct rig rig;
  (void)state;
  init_rig(&rig);
  rig.options.min_receive_rate = INT64_MAX;
  rig.options.idle_timeout_ms = INT64_MAX;
  open_rig(&rig, &whole);
  begin_message(&rig);
  wsuv_endpoint_tick(rig.ep, START_MS + WINDOW_MS);
  CHECK_ERR(WSUV_EPROGRESS, error_of(&rig));
  close_rig(&rig);
}

/* ---- idleness ---- */

/* Each way to send puts the end off. */
static void every_message_sent_counts(void **state) {
  static const wsuv_frame_header_t frame = {.fin = 1, .opcode = WSUV_BINARY};
  struct rig rig;
  wsuv_prepared_t *prepared;
  uint64_t now = START_MS;
  int i;
  (void)state;
  init_rig(&rig);
  rig.options.idle_timeout_ms = 100;
  open_rig(&rig, &whole);
  CHECK_ERR(0, wsuv_prepared_new(&prepared, NULL, WSUV_TEXT, "p", 1, 0));
  for (i = 0; i < 12; i++) {
    wsuv_endpoint_tick(rig.ep, now += 90);
    CHECK_ERR(0, error_of(&rig));
    switch (i % 6) {
    case 0:
      CHECK_ERR(0, wsuv_endpoint_send(rig.ep, WSUV_TEXT, "x", 1));
      break;
    case 1:
      CHECK_ERR(0, wsuv_endpoint_send_prepared(rig.ep, prepared));
      break;
    case 2:
      CHECK_ERR(0, wsuv_endpoint_send_frame(rig.ep, &frame, "x", 1));
      break;
    case 3:
      CHECK_ERR(0, wsuv_endpoint_send_begin(rig.ep, WSUV_TEXT, 0));
      CHECK_ERR(0, wsuv_endpoint_send_chunk(rig.ep, "x", 1, 0));
      break;
    case 4:
      CHECK_ERR(0, wsuv_endpoint_send_end(rig.ep, "x", 1));
      break;
    default:
      CHECK_ERR(0, receive(&rig, "\x81\1x", 3));
    }
    wsuv_endpoint_output_done(rig.ep, wsuv_endpoint_queued(rig.ep));
  }
  wsuv_endpoint_tick(rig.ep, now + 99);
  CHECK_ERR(0, error_of(&rig));
  wsuv_endpoint_tick(rig.ep, now + 100);
  CHECK_ERR(WSUV_EIDLE, error_of(&rig));
  CHECK_INT(1001, sent_code(&rig));
  wsuv_prepared_free(prepared);
  close_rig(&rig);
}

/* It is an end in order: 0 is returned until it turns out not to be one. */
static void an_idle_end_is_in_order(void **state) {
  struct rig rig;
  wsuv_close_status_t status;
  (void)state;
  init_rig(&rig);
  rig.options.idle_timeout_ms = 100;
  open_rig(&rig, &whole);
  wsuv_endpoint_tick(rig.ep, START_MS + 100);
  CHECK_ERR(0, receive(&rig, "\x81\1x", 3));
  CHECK_INT(1, rig.nmessages);
  CHECK_ERR(0, receive(&rig, "\x88\2\3\xe9", 4));
  wsuv_endpoint_output_done(rig.ep, wsuv_endpoint_queued(rig.ep));
  CHECK_TRUE(wsuv_endpoint_wants_close(rig.ep));
  CHECK_ERR(0, wsuv_endpoint_receive_eof(rig.ep));
  wsuv_endpoint_close_status(rig.ep, &status);
  CHECK_ERR(WSUV_EIDLE, status.error);
  CHECK_INT(1, status.clean);
  close_rig(&rig);
  init_rig(&rig);
  rig.options.idle_timeout_ms = 100;
  open_rig(&rig, &whole);
  wsuv_endpoint_tick(rig.ep, START_MS + 100);
  CHECK_ERR(WSUV_EIDLE, wsuv_endpoint_receive_eof(rig.ep));
  close_rig(&rig);
  init_rig(&rig);
  rig.options.idle_timeout_ms = 100;
  open_rig(&rig, &whole);
  wsuv_endpoint_tick(rig.ep, START_MS + 100);
  CHECK_ERR(WSUV_EOPCODE, receive(&rig, "\x83\0", 2));
  CHECK_ERR(WSUV_EOPCODE, error_of(&rig));
  CHECK_INT(1001, sent_code(&rig));
  close_rig(&rig);
}

static void no_memory_for_an_idle_end_is_an_end(void **state) {
  struct rig rig;
  (void)state;
  init_rig(&rig);
  rig.options.idle_timeout_ms = 100;
  open_rig(&rig, &whole);
  failing_alloc_fail_from(&rig.fa, 1);
  wsuv_endpoint_tick(rig.ep, START_MS + 100);
  CHECK_ERR(WSUV_ENOMEM, error_of(&rig));
  CHECK_TRUE(wsuv_endpoint_wants_close(rig.ep));
  close_rig(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sixteen_thousand_frames_are_a_message),
      cmocka_unit_test(pieces_are_not_counted_unless_asked_for),
      cmocka_unit_test(a_thousand_control_frames_a_second),
      cmocka_unit_test(the_limit_on_control_frames_switched_off),
      cmocka_unit_test(who_keeps_to_the_rate_lives),
      cmocka_unit_test(who_sends_a_little_less_does_not),
      cmocka_unit_test(a_header_behind_what_ended_has_its_own_window),
      cmocka_unit_test(a_header_in_pieces_has_one_window),
      cmocka_unit_test(octets_of_a_message_in_fragments),
      cmocka_unit_test(who_is_kept_waiting_is_not_judged),
      cmocka_unit_test(pieces_are_judged_by_the_frame),
      cmocka_unit_test(pauses_do_not_count),
      cmocka_unit_test(events_not_asked_for),
      cmocka_unit_test(what_was_begun_before_the_time_was_told),
      cmocka_unit_test(a_rate_without_end_overflows_nothing),
      cmocka_unit_test(every_message_sent_counts),
      cmocka_unit_test(an_idle_end_is_in_order),
      cmocka_unit_test(no_memory_for_an_idle_end_is_an_end),
  };
  return cmocka_run_group_tests_name("endpoint limits", tests, NULL, NULL);
}
