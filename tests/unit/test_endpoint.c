/* What of an endpoint is not protocol behaviour (that is in vectors/): options, errors of calls, pausing, sources of
 * randomness that fail, requests, embedding. */
#include <limits.h>
#include <string.h>

#include "proto/endpoint.h"
#include "proto/endpoint_closing.h"
#include "proto/endpoint_policy.h"
#include "proto/outbox_entry.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/guard_page.h"
#include "wsuv/frame.h"

struct events {
  wsuv_endpoint_t *ep;
  int nmessages;
  int nclosed;
  char last[64];
  int pause_on_message;
};

static int send_request(struct wsuv_endpoint *ep, struct wsuv__outbox_entry *request,
                        wsuv_opcode_t type, const void *payload, size_t len, int flags) {
  struct wsuv__whole whole = {
      .type = type, .payload = payload, .len = len, .flags = flags, .request = request};
  return wsuv__endpoint_send_whole(ep, &whole);
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct events *events = data;
  (void)type;
  events->nmessages++;
  CHECK_TRUE(len < sizeof events->last);
  memcpy(events->last, payload, len);
  events->last[len] = '\0';
  if (events->pause_on_message)
    wsuv_endpoint_pause(events->ep);
}

static void on_close(void *data, int code, const char *reason, size_t reason_len) {
  struct events *events = data;
  (void)code;
  CHECK_INT('\0', reason[reason_len]);
  events->nclosed++;
}

static const wsuv_endpoint_handler_t handler = {
    .size = sizeof handler, .on_message = on_message, .on_close = on_close};
static const wsuv_endpoint_handler_t silent = {.size = sizeof silent};

static int random_err;

static int count_up(void *arg, void *buf, size_t len) {
  uint8_t *octets = buf;
  uint8_t *next = arg;
  while (len-- > 0)
    *octets++ = ++*next;
  return random_err;
}

static uint8_t next_random;

static wsuv_endpoint_options_t options_for(wsuv_role_t role) {
  const wsuv_endpoint_options_t defaults = WSUV_ENDPOINT_OPTIONS_INIT(role);
  wsuv_endpoint_options_t options = defaults;
  options.random = count_up;
  options.random_arg = &next_random;
  random_err = 0;
  return options;
}

static wsuv_endpoint_t *new_endpoint(const wsuv_endpoint_options_t *options,
                                     struct events *events) {
  wsuv_endpoint_t *ep = NULL;
  memset(events, 0, sizeof *events);
  CHECK_ERR(0, wsuv_endpoint_new(&ep, options, &handler, events));
  events->ep = ep;
  return ep;
}

static int receive(wsuv_endpoint_t *ep, const char *octets, size_t len) {
  struct guard_page page = guard_page_new(octets, len);
  int err = wsuv_endpoint_receive(ep, page.data, len);
  guard_page_free(&page);
  return err;
}

#define RECEIVE(ep, literal) receive(ep, literal, sizeof(literal) - 1)

/* ---- options ---- */

struct option_row {
  const char *name;
  size_t offset;
  int64_t value;
  int err;
};

#define OPTION(name, member, value, err) \
  { name, offsetof(wsuv_endpoint_options_t, member), value, err }

static const struct option_row options64[] = {
    OPTION("max_message_size default", max_message_size, 0, 0),
    OPTION("max_message_size off", max_message_size, WSUV_OFF, 0),
    OPTION("max_message_size negative", max_message_size, -1, WSUV_EINVAL),
    OPTION("max_message_size least", max_message_size, INT64_MIN, WSUV_EINVAL),
    OPTION("max_message_size greatest", max_message_size, INT64_MAX, 0),
    OPTION("max_frame_size negative", max_frame_size, -5, WSUV_EINVAL),
    OPTION("max_frame_size off", max_frame_size, WSUV_OFF, 0),
    OPTION("write_limit negative", write_limit, -1, WSUV_EINVAL),
    OPTION("write_limit off", write_limit, WSUV_OFF, 0),
    OPTION("ping_interval_ms negative", ping_interval_ms, -1, WSUV_EINVAL),
    OPTION("ping_interval_ms off", ping_interval_ms, WSUV_OFF, 0),
    OPTION("close_timeout_ms negative", close_timeout_ms, -1, WSUV_EINVAL),
    OPTION("close_timeout_ms off", close_timeout_ms, WSUV_OFF, 0),
    OPTION("min_receive_rate negative", min_receive_rate, -1, WSUV_EINVAL),
    OPTION("min_receive_rate off", min_receive_rate, WSUV_OFF, 0),
    OPTION("min_receive_rate greatest", min_receive_rate, INT64_MAX, 0),
    OPTION("idle_timeout_ms negative", idle_timeout_ms, -1, WSUV_EINVAL),
    OPTION("idle_timeout_ms off", idle_timeout_ms, WSUV_OFF, 0),
};

static void run_option(const void *data) {
  const struct option_row *row = data;
  wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
  wsuv_endpoint_t *ep = NULL;
  memcpy((char *)&options + row->offset, &row->value, sizeof row->value);
  CHECK_ERR(row->err, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  CHECK_INT(row->err == 0, ep != NULL);
  wsuv_endpoint_free(ep);
}

/* covers: EPT.1 EPT.2 EPT.4 EPT-109 */
static void wrong_options_are_refused(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
  wsuv_endpoint_handler_t small = silent;
  wsuv_endpoint_t *ep;
  (void)state;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, NULL, &silent, NULL));
  small.size = 1;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &small, NULL));
  options.max_pings = -1;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  options = options_for(WSUV_SERVER);
  options.max_fragments = -1;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  options = options_for(WSUV_SERVER);
  options.max_control_rate = -5;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  options = options_for((wsuv_role_t)3);
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  options = options_for(WSUV_SERVER);
  options.fragments = 1; /* that is on_fragment's to say */
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  options = options_for(WSUV_SERVER);
  options.size = 8;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  CHECK_NULL(ep);
  wsuv_endpoint_free(NULL);
}

/* covers: MSK.3 */
static void clients_and_heartbeats_need_a_random_source(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  wsuv_endpoint_t *ep;
  (void)state;
  options.random = NULL;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  options.role = WSUV_SERVER;
  options.ping_interval_ms = 1000;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  options.ping_interval_ms = 0;
  CHECK_ERR(0, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  CHECK_ERR(WSUV_ERANDOM, wsuv_endpoint_check_heartbeat(ep));
  CHECK_ERR(0, wsuv_endpoint_ping(ep, NULL, 0));
  wsuv_endpoint_tick(ep, UINT64_MAX);
  wsuv_endpoint_free(ep);
}

/* ---- calls ---- */

/* covers: W100 W122 */
static void wrong_arguments_are_refused(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
  struct events events;
  wsuv_endpoint_t *ep = new_endpoint(&options, &events);
  (void)state;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send(ep, WSUV_TEXT, NULL, 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send(ep, WSUV_PING, "x", 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send(ep, (wsuv_opcode_t)3, "x", 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_ping(ep, NULL, 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_pong(ep, "x", 126));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_close(ep, 1000, NULL, 5));
  CHECK_SIZE(0, wsuv_endpoint_queued(ep));
  CHECK_ERR(0, wsuv_endpoint_send(ep, WSUV_TEXT, NULL, 0));
  CHECK_SIZE(2, wsuv_endpoint_queued(ep));
  wsuv_endpoint_free(ep);
}

static void events_are_optional(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  wsuv_endpoint_t *ep;
  (void)state;
  CHECK_ERR(0, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  CHECK_ERR(0, RECEIVE(ep, "\x81\1x\x89\1x\x8a\1x\x88\0"));
  CHECK_TRUE(wsuv_endpoint_received_close(ep));
  CHECK_TRUE(wsuv_endpoint_sent_close(ep));
  wsuv_endpoint_free(ep);
}

static void nothing_received_is_nothing(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  struct events events;
  wsuv_endpoint_t *ep = new_endpoint(&options, &events);
  uint8_t octet;
  (void)state;
  CHECK_ERR(0, wsuv_endpoint_receive(ep, &octet, 0));
  CHECK_ERR(0, wsuv_endpoint_receive(ep, NULL, 0));
  CHECK_ERR(0, wsuv_endpoint_resume(ep));
  wsuv_endpoint_free(ep);
}

/* covers: W204 FRM.13 MSK.4 */
static void a_sent_payload_is_copied_and_left_alone(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  struct events events;
  wsuv_endpoint_t *ep = new_endpoint(&options, &events);
  char text[] = "Hello";
  wsuv_span_t spans[2];
  uint8_t got[16];
  (void)state;
  CHECK_ERR(0, wsuv_endpoint_send(ep, WSUV_TEXT, text, 5));
  CHECK_STR("Hello", text);
  memset(text, '#', 5);
  CHECK_SIZE(1, wsuv_endpoint_output(ep, spans, 2));
  CHECK_SIZE(11, spans[0].len);
  wsuv_mask(got, spans[0].data + 6, 5, spans[0].data + 2, 0);
  CHECK_BYTES("Hello", 5, got, 5);
  wsuv_endpoint_free(ep);
}

static void output_fits_any_number_of_spans(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
  struct events events;
  wsuv_endpoint_t *ep = new_endpoint(&options, &events);
  wsuv_span_t spans[4];
  (void)state;
  CHECK_ERR(0, wsuv_endpoint_send(ep, WSUV_TEXT, "ab", 2));
  CHECK_ERR(0, wsuv_endpoint_ping(ep, "p", 1));
  CHECK_SIZE(0, wsuv_endpoint_output(ep, spans, 0));
  CHECK_SIZE(1, wsuv_endpoint_output(ep, spans, 1));
  CHECK_BYTES("\x89\1p", 3, spans[0].data, spans[0].len);
  CHECK_SIZE(2, wsuv_endpoint_output(ep, spans, 4));
  CHECK_SIZE(2, wsuv_endpoint_output(ep, spans, 4));
  CHECK_BYTES("\x81\2ab", 4, spans[1].data, spans[1].len);
  wsuv_endpoint_output_done(ep, 7);
  CHECK_SIZE(0, wsuv_endpoint_output(ep, spans, 4));
  wsuv_endpoint_free(ep);
}

/* ---- pausing ---- */

/* covers: PAR.16 */
static void while_paused_no_more_is_taken_than_read_ahead(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  struct events events;
  wsuv_endpoint_t *ep;
  (void)state;
  options.read_ahead = 5;
  ep = new_endpoint(&options, &events);
  CHECK_TRUE(wsuv_endpoint_wants_read(ep));
  wsuv_endpoint_pause(ep);
  CHECK_ERR(0, RECEIVE(ep, "\x81\1a"));
  CHECK_TRUE(wsuv_endpoint_wants_read(ep));
  CHECK_ERR(0, RECEIVE(ep, "\x81\1b"));
  CHECK_FALSE(wsuv_endpoint_wants_read(ep));
  CHECK_ERR(WSUV_ENOBUFS, RECEIVE(ep, "\x81\1c"));
  CHECK_INT(0, events.nmessages);
  CHECK_ERR(0, wsuv_endpoint_resume(ep));
  CHECK_INT(2, events.nmessages);
  CHECK_STR("b", events.last);
  CHECK_TRUE(wsuv_endpoint_wants_read(ep));
  wsuv_endpoint_free(ep);
  options.read_ahead = WSUV_OFF;
  ep = new_endpoint(&options, &events);
  wsuv_endpoint_pause(ep);
  CHECK_FALSE(wsuv_endpoint_wants_read(ep));
  CHECK_ERR(WSUV_ENOBUFS, RECEIVE(ep, "\x81\1a"));
  wsuv_endpoint_free(ep);
}

static void resume_delivers_one_by_one_if_paused_again(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  struct events events;
  wsuv_endpoint_t *ep = new_endpoint(&options, &events);
  int i;
  (void)state;
  events.pause_on_message = 1;
  CHECK_ERR(0, RECEIVE(ep, "\x81\1a\x81\1b\x81\1c\xc1\1d"));
  for (i = 1; i <= 3; i++) {
    CHECK_INT(i, events.nmessages);
    CHECK_INT('a' + i - 1, events.last[0]);
    CHECK_ERR(i < 3 ? 0 : WSUV_ERSV, wsuv_endpoint_resume(ep));
  }
  CHECK_INT(3, events.nmessages);
  wsuv_endpoint_free(ep);
}

static void octets_that_come_while_paused_can_be_held(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  struct events events;
  wsuv_endpoint_t *ep = new_endpoint(&options, &events);
  uint8_t octets[] = {0x81, 1, 'x', 0x81};
  uint8_t more[] = {1, 'y'};
  (void)state;
  wsuv_endpoint_pause(ep);
  CHECK_ERR(0, wsuv__endpoint_receive_or_hold(ep, octets, sizeof octets));
  CHECK_ERR(0, wsuv__endpoint_receive_or_hold(ep, more, sizeof more));
  CHECK_INT(0, events.nmessages);
  CHECK_ERR(0, wsuv_endpoint_resume(ep));
  CHECK_INT(2, events.nmessages);
  CHECK_STR("y", events.last);
  wsuv_endpoint_free(ep);
}

static void held_octets_are_freed_with_the_endpoint(void **state) {
  struct failing_alloc fa;
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  struct events events;
  wsuv_endpoint_t *ep;
  (void)state;
  failing_alloc_init(&fa);
  options.allocator = &fa.allocator;
  ep = new_endpoint(&options, &events);
  events.pause_on_message = 1;
  CHECK_ERR(0, RECEIVE(ep, "\x81\1a\1\1b\x89"));
  CHECK_ERR(0, wsuv_endpoint_send(ep, WSUV_TEXT, "x", 1));
  wsuv_endpoint_free(ep);
  failing_alloc_check_no_leaks(&fa);
}

/* ---- the limit of the queue ---- */

/* Each Ping waits alone; what its entry takes counts. covers: IOC.3 UV.5 */
static void tiny_pings_take_no_more_memory_than_the_limit(void **state) {
  const size_t limit = 65536;
  struct failing_alloc fa;
  wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
  struct events events;
  wsuv_endpoint_t *ep;
  size_t before;
  size_t n = 0;
  int err;
  (void)state;
  failing_alloc_init(&fa);
  options.allocator = &fa.allocator;
  options.write_limit = (int64_t)limit;
  ep = new_endpoint(&options, &events);
  before = fa.outstanding_size;
  while ((err = wsuv_endpoint_ping(ep, "", 0)) == 0)
    n++;
  CHECK_ERR(WSUV_EQUEUEFULL, err);
  CHECK_TRUE(n > limit / 200);
  CHECK_SIZE(2 * n, wsuv_endpoint_queued(ep));
  CHECK_TRUE(fa.outstanding_size - before <= limit);
  CHECK_ERR(WSUV_EQUEUEFULL, wsuv_endpoint_send(ep, WSUV_TEXT, "x", 1));
  wsuv_endpoint_output_done(ep, 2 * n);
  CHECK_ERR(0, wsuv_endpoint_send(ep, WSUV_TEXT, "x", 1));
  wsuv_endpoint_free(ep);
  failing_alloc_check_no_leaks(&fa);
}

/* By reference and copied in turns. covers: UV.5 */
static void requests_and_copies_in_turns_do_not_either(void **state) {
  const size_t limit = 65536;
  static struct wsuv__outbox_entry requests[1000];
  struct failing_alloc fa;
  struct wsuv__endpoint_config config;
  wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
  struct wsuv_endpoint ep;
  size_t n = 0;
  (void)state;
  failing_alloc_init(&fa);
  options.allocator = &fa.allocator;
  options.write_limit = (int64_t)limit;
  CHECK_ERR(0, wsuv__endpoint_config_init(&config, &options));
  wsuv__endpoint_init(&ep, &config, &silent, NULL, 0);
  while (send_request(&ep, &requests[n], WSUV_TEXT, "r", 1, 0) == 0 &&
         wsuv_endpoint_send(&ep, WSUV_TEXT, "c", 1) == 0) {
    n++;
    CHECK_TRUE(n < sizeof requests / sizeof requests[0]);
  }
  CHECK_TRUE(n > limit / 400);
  CHECK_TRUE(fa.outstanding_size <= limit);
  wsuv__endpoint_release(&ep);
  CHECK_SIZE(0, ep.outbox.nentries);
  failing_alloc_check_no_leaks(&fa);
}

/* ---- no memory, no randomness ---- */

static void no_memory_for_an_endpoint(void **state) {
  struct failing_alloc fa;
  wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
  wsuv_endpoint_t *ep;
  (void)state;
  failing_alloc_init(&fa);
  failing_alloc_fail_once(&fa, 1);
  options.allocator = &fa.allocator;
  CHECK_ERR(WSUV_ENOMEM, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  CHECK_NULL(ep);
}

static void no_memory_for_a_message_fails_with_1011(void **state) {
  struct failing_alloc fa;
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  struct events events;
  wsuv_close_status_t status;
  wsuv_endpoint_t *ep;
  (void)state;
  failing_alloc_init(&fa);
  options.allocator = &fa.allocator;
  ep = new_endpoint(&options, &events);
  failing_alloc_fail_once(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, RECEIVE(ep, "\1\1a"));
  wsuv_endpoint_close_status(ep, &status);
  CHECK_INT(1011, status.sent_code);
  CHECK_ERR(WSUV_ENOMEM, status.error);
  wsuv_endpoint_free(ep);
  failing_alloc_check_no_leaks(&fa);
}

/* Neither the failure nor its Close finds memory: the endpoint ends without one. */
static void no_memory_at_all_ends_without_a_close(void **state) {
  struct failing_alloc fa;
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  struct events events;
  wsuv_close_status_t status;
  wsuv_endpoint_t *ep;
  (void)state;
  failing_alloc_init(&fa);
  options.allocator = &fa.allocator;
  ep = new_endpoint(&options, &events);
  failing_alloc_fail_from(&fa, 1);
  CHECK_ERR(WSUV_ERSV, RECEIVE(ep, "\xc1\1a"));
  wsuv_endpoint_close_status(ep, &status);
  CHECK_INT(0, status.sent_code);
  CHECK_TRUE(wsuv_endpoint_wants_close(ep));
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send(ep, WSUV_TEXT, "x", 1));
  wsuv_endpoint_free(ep);
}

/* covers: W108 */
static void without_randomness_nothing_is_sent(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  struct events events;
  wsuv_close_status_t status;
  wsuv_endpoint_t *ep = new_endpoint(&options, &events);
  (void)state;
  random_err = -1;
  CHECK_ERR(WSUV_ERANDOM, wsuv_endpoint_send(ep, WSUV_TEXT, "x", 1));
  CHECK_ERR(WSUV_ERANDOM, wsuv_endpoint_ping(ep, "x", 1));
  CHECK_ERR(WSUV_ERANDOM, wsuv_endpoint_close(ep, 1000, NULL, 0));
  CHECK_SIZE(0, wsuv_endpoint_queued(ep));
  CHECK_FALSE(wsuv_endpoint_sent_close(ep));
  CHECK_ERR(WSUV_ERANDOM, RECEIVE(ep, "\x89\1x"));
  wsuv_endpoint_close_status(ep, &status);
  CHECK_INT(0, status.sent_code);
  CHECK_TRUE(wsuv_endpoint_wants_close(ep));
  wsuv_endpoint_free(ep);
}

static void an_answer_that_cannot_be_sent_is_not_a_clean_end(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  struct events events;
  wsuv_close_status_t status;
  wsuv_endpoint_t *ep = new_endpoint(&options, &events);
  (void)state;
  random_err = -1;
  CHECK_ERR(WSUV_ERANDOM, RECEIVE(ep, "\x88\2\3\xe8"));
  CHECK_INT(1, events.nclosed);
  CHECK_ERR(WSUV_ERANDOM, wsuv_endpoint_receive_eof(ep));
  wsuv_endpoint_close_status(ep, &status);
  CHECK_INT(0, status.clean);
  CHECK_INT(1000, status.code);
  CHECK_TRUE(wsuv_endpoint_wants_close(ep));
  wsuv_endpoint_free(ep);
}

/* The last frame of all output behind its first octet, which has left. */
static int last_opcode(wsuv_endpoint_t *ep) {
  wsuv_frame_header_t header = {0, 0, 0, 0, 0, {0, 0, 0, 0}};
  wsuv_span_t spans[8];
  uint8_t octets[1000] = {0x81};
  size_t len = 1;
  size_t at = 0;
  size_t n = wsuv_endpoint_output(ep, spans, 8);
  size_t i;
  for (i = 0; i < n; i++) {
    memcpy(octets + len, spans[i].data, spans[i].len);
    len += spans[i].len;
  }
  while (at < len) {
    int head_len = wsuv_frame_header_decode(&header, octets + at, len - at);
    CHECK_TRUE(head_len > 0);
    at += (size_t)head_len + (size_t)header.payload_len;
  }
  CHECK_SIZE(len, at);
  return header.opcode;
}

/* A failure must not leave data behind its Close, not even when there is no memory to take the queue apart. */
static void no_data_follows_the_close_of_a_failure(void **state) {
  size_t n;
  int has_failed = 1;
  (void)state;
  for (n = 1; has_failed; n++) {
    struct failing_alloc fa;
    wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
    struct events events;
    wsuv_endpoint_t *ep;
    failing_alloc_init(&fa);
    options.allocator = &fa.allocator;
    ep = new_endpoint(&options, &events);
    CHECK_ERR(0, wsuv_endpoint_send(ep, WSUV_TEXT, "one", 3));
    CHECK_ERR(0, wsuv_endpoint_send(ep, WSUV_TEXT, "two", 3));
    wsuv_endpoint_output_done(ep, 1);
    failing_alloc_fail_once(&fa, n);
    CHECK_ERR(WSUV_EUNMASKED, RECEIVE(ep, "\x81\1x"));
    has_failed = failing_alloc_has_failed(&fa);
    CHECK_INT(wsuv_endpoint_sent_close(ep) ? WSUV_CLOSE : WSUV_TEXT, last_opcode(ep));
    wsuv_endpoint_free(ep);
    failing_alloc_check_no_leaks(&fa);
  }
}

/* ---- embedding ---- */

/* covers: UV.4 IOC.3 */
static void requests_come_back_when_the_endpoint_ends(void **state) {
  struct wsuv__endpoint_config config;
  wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
  struct wsuv__outbox_entry requests[2];
  struct wsuv_endpoint ep;
  (void)state;
  CHECK_ERR(0, wsuv__endpoint_config_init(&config, &options));
  wsuv__endpoint_init(&ep, &config, &silent, NULL, 77);
  CHECK_ERR(0, send_request(&ep, &requests[0], WSUV_TEXT, "one", 3, 0));
  CHECK_ERR(WSUV_EENCODING, send_request(&ep, &requests[1], WSUV_TEXT, "\xff", 1, 0));
  CHECK_ERR(0, send_request(&ep, &requests[1], WSUV_BINARY, "\xff", 1, 0));
  wsuv_endpoint_output_done(&ep, 5);
  wsuv__endpoint_release(&ep);
  CHECK_PTR(&requests[0].link, ep.outbox.done.next);
  CHECK_PTR(&requests[1].link, ep.outbox.done.prev);
  CHECK_ERR(0, requests[0].status);
  CHECK_ERR(WSUV_ECANCELED, requests[1].status);
}

static void deadlines_count_from_the_time_of_the_start(void **state) {
  struct wsuv__endpoint_config config;
  wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
  struct wsuv_endpoint ep;
  (void)state;
  options.ping_interval_ms = 1000;
  CHECK_ERR(0, wsuv__endpoint_config_init(&config, &options));
  wsuv__endpoint_init(&ep, &config, &silent, NULL, 500);
  CHECK_SIZE(1500, wsuv_endpoint_next_deadline(&ep));
  wsuv__endpoint_set_now(&ep, 900);
  wsuv__endpoint_restart_timers(&ep);
  CHECK_SIZE(1900, wsuv_endpoint_next_deadline(&ep));
  wsuv__endpoint_set_now(&ep, UINT64_MAX - 10);
  wsuv__endpoint_restart_timers(&ep);
  CHECK_SIZE(UINT64_MAX, wsuv_endpoint_next_deadline(&ep));
  wsuv__endpoint_release(&ep);
}

static void the_first_failure_counts(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
  struct events events;
  wsuv_endpoint_t *ep = new_endpoint(&options, &events);
  wsuv_close_status_t status;
  (void)state;
  CHECK_ERR(WSUV_ESTATE, wsuv__endpoint_fail_with_reason(ep, WSUV_ESTATE, "why", 3));
  CHECK_ERR(WSUV_ESTATE, wsuv__endpoint_fail(ep, WSUV_EMSGSIZE));
  wsuv_endpoint_close_status(ep, &status);
  CHECK_INT(1011, status.sent_code);
  CHECK_SIZE(2 + 2 + 3, wsuv_endpoint_queued(ep));
  wsuv_endpoint_free(ep);
}

static void errors_without_a_code_send_no_close(void **state) {
  wsuv_endpoint_options_t options = options_for(WSUV_SERVER);
  struct events events;
  wsuv_endpoint_t *ep = new_endpoint(&options, &events);
  (void)state;
  CHECK_ERR(WSUV_EABNORMAL, wsuv__endpoint_fail(ep, WSUV_EABNORMAL));
  CHECK_SIZE(0, wsuv_endpoint_queued(ep));
  CHECK_FALSE(wsuv_endpoint_sent_close(ep));
  CHECK_TRUE(wsuv_endpoint_wants_close(ep));
  wsuv_endpoint_free(ep);
}

/* Between messages an endpoint holds nothing but itself, and what it has counted. */
static void an_idle_endpoint_is_two_blocks(void **state) {
  struct failing_alloc fa;
  wsuv_endpoint_options_t options = options_for(WSUV_CLIENT);
  struct events events;
  wsuv_endpoint_t *ep;
  wsuv_span_t spans[4];
  (void)state;
  failing_alloc_init(&fa);
  options.allocator = &fa.allocator;
  ep = new_endpoint(&options, &events);
  CHECK_SIZE(1, fa.noutstanding);
  CHECK_ERR(0, RECEIVE(ep, "\1\1a\x80\1b\x89\3pi"));
  CHECK_ERR(0, RECEIVE(ep, "n"));
  CHECK_SIZE(1, wsuv_endpoint_output(ep, spans, 4));
  wsuv_endpoint_output_done(ep, spans[0].len);
  CHECK_SIZE(2, fa.noutstanding);
  CHECK_ERR(0, RECEIVE(ep, "\x81\1c"));
  CHECK_STR("c", events.last);
  CHECK_SIZE(2, fa.noutstanding);
  wsuv_endpoint_free(ep);
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(wrong_options_are_refused),
      cmocka_unit_test(clients_and_heartbeats_need_a_random_source),
      cmocka_unit_test(wrong_arguments_are_refused),
      cmocka_unit_test(events_are_optional),
      cmocka_unit_test(nothing_received_is_nothing),
      cmocka_unit_test(a_sent_payload_is_copied_and_left_alone),
      cmocka_unit_test(output_fits_any_number_of_spans),
      cmocka_unit_test(while_paused_no_more_is_taken_than_read_ahead),
      cmocka_unit_test(resume_delivers_one_by_one_if_paused_again),
      cmocka_unit_test(octets_that_come_while_paused_can_be_held),
      cmocka_unit_test(tiny_pings_take_no_more_memory_than_the_limit),
      cmocka_unit_test(requests_and_copies_in_turns_do_not_either),
      cmocka_unit_test(held_octets_are_freed_with_the_endpoint),
      cmocka_unit_test(no_memory_for_an_endpoint),
      cmocka_unit_test(no_memory_for_a_message_fails_with_1011),
      cmocka_unit_test(no_memory_at_all_ends_without_a_close),
      cmocka_unit_test(without_randomness_nothing_is_sent),
      cmocka_unit_test(an_answer_that_cannot_be_sent_is_not_a_clean_end),
      cmocka_unit_test(no_data_follows_the_close_of_a_failure),
      cmocka_unit_test(requests_come_back_when_the_endpoint_ends),
      cmocka_unit_test(deadlines_count_from_the_time_of_the_start),
      cmocka_unit_test(the_first_failure_counts),
      cmocka_unit_test(errors_without_a_code_send_no_close),
      cmocka_unit_test(an_idle_endpoint_is_two_blocks),
  };
  return CHECK_RUN_TABLE("endpoint options", options64, run_option) +
         cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
