/* Hooks of extensions as user code: they send, close and end the transport amid a step, ask for more room than is left, and
 * see each message anew whatever became of the one before. */
#include <string.h>

#include "proto/endpoint.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/endpoint.h"

#define RECEIVE(ep, octets) receive(ep, octets, sizeof octets - 1)

/* The session: one endpoint at a time. */
static struct {
  wsuv_endpoint_t *ep;
  void (*amid)(wsuv_endpoint_t *ep); /* in the middle of a step */
  void (*at_end)(wsuv_endpoint_t *ep);
  int nsteps_behind_end;
  int encode_error;
  int nended;
  int nmessages;
  size_t message_len;
} now;

static void end(const wsuv_extension_t *extension, void *session) {
  (void)extension;
  (void)session;
  now.nended++;
  if (now.at_end != NULL)
    now.at_end(now.ep);
}

static void copy(wsuv_extension_step_t *step) {
  while (step->in_len > 0 && step->out_len > 0) {
    *step->out++ = *step->in++;
    step->in_len--;
    step->out_len--;
  }
}

static int act_and_copy(void *session, wsuv_extension_step_t *step) {
  (void)session;
  if (now.amid != NULL)
    now.amid(now.ep);
  copy(step);
  return step->in_len > 0 ? WSUV_STEP_MORE : WSUV_STEP_DONE;
}

/* Passes messages that begin with '!'; of all others RSV1 is set. */
static int mark(void *session, wsuv_extension_step_t *step) {
  now.nsteps_behind_end += now.nended > 0;
  if (now.encode_error != 0) {
    if (now.amid != NULL)
      now.amid(now.ep);
    return now.encode_error;
  }
  if ((step->flags & WSUV_FIRST) != 0 && step->in_len > 0 && *step->in == '!')
    return WSUV_STEP_PASS;
  if ((step->flags & WSUV_FIRST) != 0)
    step->rsv = 4;
  (void)session;
  copy(step);
  return step->in_len > 0 ? WSUV_STEP_MORE : WSUV_STEP_DONE;
}

/* Every octet becomes four, and never fewer at a time. */
static int quadruple(void *session, wsuv_extension_step_t *step) {
  (void)session;
  while (step->in_len > 0 && step->out_len >= 4) {
    memset(step->out, *step->in++, 4);
    step->in_len--;
    step->out += 4;
    step->out_len -= 4;
  }
  return step->in_len > 0 ? WSUV_STEP_MORE : WSUV_STEP_DONE;
}

static const wsuv_extension_t acting = {.size = sizeof acting,
                                        .token = "acting",
                                        .rsv = 4,
                                        .end = end,
                                        .encode = mark,
                                        .decode = act_and_copy};
static const wsuv_extension_t fourfold = {
    .size = sizeof fourfold, .token = "fourfold", .rsv = 4, .end = end, .decode = quadruple};

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  (void)data;
  (void)type;
  (void)payload;
  now.nmessages++;
  now.message_len = len;
}

static const wsuv_endpoint_handler_t handler = {.size = sizeof handler, .on_message = on_message};

static void open_server(const wsuv_extension_t *extension, const wsuv_allocator_t *allocator,
                        int64_t max_message_size) {
  const wsuv_endpoint_options_t defaults = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  wsuv_endpoint_options_t options = defaults;
  wsuv_negotiated_t negotiated = {extension, NULL};
  memset(&now, 0, sizeof now);
  options.allocator = allocator;
  options.lenient_masking = 1;
  options.extensions = &negotiated;
  options.nextensions = 1;
  options.max_message_size = max_message_size;
  CHECK_ERR(0, wsuv_endpoint_new(&now.ep, &options, &handler, NULL));
}

static void close_server(void) {
  wsuv_endpoint_free(now.ep);
  CHECK_INT(1, now.nended);
}

static int receive(wsuv_endpoint_t *ep, const char *octets, size_t len) {
  uint8_t bytes[128];
  memcpy(bytes, octets, len);
  return wsuv_endpoint_receive(ep, bytes, len);
}

/* ---- while decoding ---- */

static void send_what_fails(wsuv_endpoint_t *ep) {
  now.amid = NULL;
  now.encode_error = WSUV_EINVAL;
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send(ep, WSUV_TEXT, "a", 1));
}

static void end_transport(wsuv_endpoint_t *ep) {
  CHECK_ERR(WSUV_EABNORMAL, wsuv_endpoint_receive_eof(ep));
}

static void close_normally(wsuv_endpoint_t *ep) {
  now.amid = NULL;
  CHECK_ERR(0, wsuv_endpoint_close(ep, 1000, NULL, 0));
}

/* A failure frees what was assembled, and there is the decoder's output. covers: EPT.12 */
static void a_decoder_may_fail_its_own_endpoint(void **state) {
  (void)state;
  open_server(&acting, NULL, 0);
  CHECK_ERR(0, RECEIVE(now.ep, "\x42\3abc"));
  now.amid = send_what_fails;
  CHECK_ERR(WSUV_EINVAL, RECEIVE(now.ep, "\x80\3def"));
  CHECK_INT(0, now.nmessages);
  close_server();
}

static void a_decoder_may_end_the_transport(void **state) {
  (void)state;
  open_server(&acting, NULL, 0);
  CHECK_ERR(0, RECEIVE(now.ep, "\x42\3abc"));
  now.amid = end_transport;
  CHECK_ERR(WSUV_EABNORMAL, RECEIVE(now.ep, "\x80\3def"));
  CHECK_INT(0, now.nmessages); /* nothing is delivered behind the end */
  close_server();
}

static void a_decoder_may_close(void **state) {
  (void)state;
  open_server(&acting, NULL, 0);
  now.amid = close_normally;
  CHECK_ERR(0, RECEIVE(now.ep, "\xc2\3abc"));
  CHECK_INT(1, now.nmessages); /* until the peer's Close comes messages are heard */
  close_server();
}

/* The limit shows as such, also to a decoder that cannot give single octets. covers: PER.19 */
static void a_decoder_has_room_where_the_limit_is_reached(void **state) {
  (void)state;
  open_server(&fourfold, NULL, 8);
  CHECK_ERR(0, RECEIVE(now.ep, "\xc2\2ab"));
  CHECK_SIZE(8, now.message_len);
  CHECK_ERR(WSUV_EMSGSIZE, RECEIVE(now.ep, "\xc2\3abc"));
  close_server();
  open_server(&fourfold, NULL, 10);
  CHECK_ERR(WSUV_EMSGSIZE, RECEIVE(now.ep, "\xc2\3abc"));
  close_server();
}

/* ---- while encoding ---- */

static void an_encoder_that_fails_is_told_also_when_the_transport_ended(void **state) {
  (void)state;
  open_server(&acting, NULL, 0);
  now.encode_error = WSUV_EPAYLOAD;
  now.amid = end_transport;
  CHECK_ERR(WSUV_EPAYLOAD, wsuv_endpoint_send(now.ep, WSUV_TEXT, "a", 1));
  close_server();
}

/* A begin that found no memory leaves no message, and so no decision about one. */
static void a_message_that_did_not_begin_leaves_no_trace(void **state) {
  static const wsuv_frame_header_t begin = {.opcode = WSUV_TEXT};
  struct failing_alloc fa;
  wsuv_span_t span;
  (void)state;
  failing_alloc_init(&fa);
  open_server(&acting, &fa.allocator, 0);
  failing_alloc_fail_from(&fa, 2); /* behind the encoder's own buffer */
  CHECK_ERR(WSUV_ENOMEM, wsuv_endpoint_send_frame(now.ep, &begin, "!a", 2));
  failing_alloc_fail_from(&fa, 0);
  CHECK_ERR(0, wsuv_endpoint_send_frame(now.ep, &begin, "bc", 2));
  CHECK_SIZE(1, wsuv_endpoint_output(now.ep, &span, 1));
  CHECK_BYTES("\x41\2bc", 4, span.data, span.len);
  close_server();
  failing_alloc_check_no_leaks(&fa);
}

/* What was passed on goes on being passed on: bits on a continuation would be a fault. covers: PER.17 */
static void an_end_that_found_no_memory_can_be_repeated(void **state) {
  struct failing_alloc fa;
  uint8_t sent[16];
  size_t nsent = 0;
  size_t i;
  wsuv_span_t spans[4];
  size_t n;
  (void)state;
  failing_alloc_init(&fa);
  open_server(&acting, &fa.allocator, 0);
  CHECK_ERR(0, wsuv_endpoint_send_begin(now.ep, WSUV_TEXT, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(now.ep, "!a", 2, 0));
  n = wsuv_endpoint_output(now.ep, spans, 4);
  for (i = 0; i < n; nsent += spans[i++].len)
    memcpy(sent + nsent, spans[i].data, spans[i].len);
  wsuv_endpoint_output_done(now.ep, nsent);
  failing_alloc_fail_from(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, wsuv_endpoint_send_end(now.ep, "b", 1));
  failing_alloc_fail_from(&fa, 0);
  CHECK_ERR(0, wsuv_endpoint_send_end(now.ep, "b", 1));
  n = wsuv_endpoint_output(now.ep, spans, 4);
  for (i = 0; i < n; nsent += spans[i++].len)
    memcpy(sent + nsent, spans[i].data, spans[i].len);
  CHECK_BYTES("\x01\2!a\x80\1b", 7, sent, nsent);
  close_server();
  failing_alloc_check_no_leaks(&fa);
}

/* ---- the end ---- */

static void send_too_late(wsuv_endpoint_t *ep) {
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send(ep, WSUV_TEXT, "a", 1));
}

static void a_session_that_ended_is_not_used(void **state) {
  (void)state;
  open_server(&acting, NULL, 0);
  now.at_end = send_too_late;
  close_server();
  CHECK_INT(0, now.nsteps_behind_end);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_decoder_may_fail_its_own_endpoint),
      cmocka_unit_test(a_decoder_may_end_the_transport),
      cmocka_unit_test(a_decoder_may_close),
      cmocka_unit_test(a_decoder_has_room_where_the_limit_is_reached),
      cmocka_unit_test(an_encoder_that_fails_is_told_also_when_the_transport_ended),
      cmocka_unit_test(a_message_that_did_not_begin_leaves_no_trace),
      cmocka_unit_test(an_end_that_found_no_memory_can_be_repeated),
      cmocka_unit_test(a_session_that_ended_is_not_used),
  };
  return cmocka_run_group_tests_name("extension_hooks", tests, NULL, NULL);
}
