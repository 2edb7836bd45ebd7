/* Messages prepared once for many endpoints. */
#include "wsuv/prepared.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/toy_extension.h"
#include "wsuv/handshake.h"

/* ---- an extension that can be shared ---- */

static int nencoded;
static int fails;

/* Puts '<' before a message; leaves one that begins with '!' as it is. */
static int encode_shared(void *session, wsuv_extension_step_t *step) {
  (void)session;
  nencoded++;
  if (fails)
    return WSUV_EPAYLOAD;
  if ((step->flags & WSUV_SEND_NO_COMPRESS) != 0 || (step->in_len > 0 && step->in[0] == '!'))
    return WSUV_STEP_PASS;
  if ((step->flags & WSUV_FIRST) != 0) {
    *step->out++ = '<';
    step->out_len--;
    step->rsv = 4;
  }
  if (step->in_len > 0)
    memcpy(step->out, step->in, step->in_len < step->out_len ? step->in_len : step->out_len);
  if (step->in_len > step->out_len) {
    step->in += step->out_len;
    step->in_len -= step->out_len;
    step->out_len = 0;
    return WSUV_STEP_MORE;
  }
  step->out += step->in_len;
  step->out_len -= step->in_len;
  step->in_len = 0;
  return WSUV_STEP_DONE;
}

/* The session is the variant. */
static const void *variant_of(const void *session) {
  return session;
}

static const wsuv_extension_t shared = {.size = sizeof shared,
                                        .token = "shared",
                                        .rsv = 4,
                                        .encode = encode_shared,
                                        .variant = variant_of};

static int kinds[2];

static const wsuv_endpoint_handler_t silent = {.size = sizeof silent};

static wsuv_endpoint_t *open_endpoint(wsuv_role_t role, const wsuv_extension_t *extension,
                                      void *session) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  wsuv_negotiated_t negotiated;
  wsuv_endpoint_t *ep;
  negotiated.extension = extension;
  negotiated.session = session;
  options.role = role;
  options.random = wsuv_random;
  options.extensions = &negotiated;
  options.nextensions = extension != NULL;
  options.opcodes = 1u << 3;
  options.write_limit = 1000;
  CHECK_ERR(0, wsuv_endpoint_new(&ep, &options, &silent, NULL));
  return ep;
}

static wsuv_prepared_t *prepare(const char *text, int flags) {
  wsuv_prepared_t *prepared;
  CHECK_ERR(0, wsuv_prepared_new(&prepared, NULL, WSUV_TEXT, text, strlen(text), flags));
  return prepared;
}

/* What an endpoint of a server's has to send is this. */
static void check_output(wsuv_endpoint_t *ep, const void *expected, size_t len) {
  uint8_t octets[256];
  wsuv_span_t span;
  size_t n = 0;
  while (wsuv_endpoint_output(ep, &span, 1) > 0) {
    CHECK_TRUE(span.len <= sizeof octets - n);
    memcpy(octets + n, span.data, span.len);
    n += span.len;
    wsuv_endpoint_output_done(ep, span.len);
  }
  CHECK_BYTES(expected, len, octets, n);
}

/* covers: PMD.14 */
static void one_encoding_serves_all_of_a_kind(void **state) {
  wsuv_prepared_t *prepared = prepare("hello", 0);
  int i;
  (void)state;
  nencoded = 0;
  for (i = 0; i < 10; i++) {
    wsuv_endpoint_t *ep = open_endpoint(WSUV_SERVER, &shared, &kinds[i % 2]);
    CHECK_ERR(0, wsuv_endpoint_send_prepared(ep, prepared));
    CHECK_ERR(0, wsuv_endpoint_send_prepared(ep, prepared));
    check_output(ep, "\xc1\x06<hello\xc1\x06<hello", 16);
    wsuv_endpoint_free(ep);
  }
  CHECK_INT(2, nencoded);
  CHECK_SIZE(2, wsuv_prepared_nvariants(prepared));
  wsuv_prepared_free(prepared);
}

static void what_is_left_alone_is_asked_about_once(void **state) {
  wsuv_endpoint_t *ep = open_endpoint(WSUV_SERVER, &shared, &kinds[0]);
  wsuv_prepared_t *prepared = prepare("!hello", 0);
  wsuv_prepared_t *plain = prepare("hello", WSUV_SEND_NO_COMPRESS);
  (void)state;
  nencoded = 0;
  CHECK_ERR(0, wsuv_endpoint_send_prepared(ep, prepared));
  CHECK_ERR(0, wsuv_endpoint_send_prepared(ep, prepared));
  CHECK_ERR(0, wsuv_endpoint_send_prepared(ep, plain));
  check_output(ep, "\x81\x06!hello\x81\x06!hello\x81\x05hello", 23);
  CHECK_INT(2, nencoded);
  wsuv_prepared_free(prepared);
  wsuv_prepared_free(plain);
  wsuv_prepared_free(NULL);
  wsuv_endpoint_free(ep);
}

/* A session without a variant, no extension, a client: each as with wsuv_endpoint_send. */
static void others_are_served_one_by_one(void **state) {
  wsuv_endpoint_t *plain = open_endpoint(WSUV_SERVER, NULL, NULL);
  wsuv_endpoint_t *alone = open_endpoint(WSUV_SERVER, &shared, NULL);
  wsuv_endpoint_t *toy = open_endpoint(WSUV_SERVER, &toy_case, toy_session_new());
  wsuv_endpoint_t *client = open_endpoint(WSUV_CLIENT, &shared, &kinds[0]);
  wsuv_prepared_t *prepared = prepare("hello", 0);
  (void)state;
  nencoded = 0;
  CHECK_ERR(0, wsuv_endpoint_send_prepared(plain, prepared));
  CHECK_ERR(0, wsuv_endpoint_send_prepared(alone, prepared));
  CHECK_ERR(0, wsuv_endpoint_send_prepared(alone, prepared));
  CHECK_ERR(0, wsuv_endpoint_send_prepared(toy, prepared));
  CHECK_INT(2, nencoded);
  CHECK_SIZE(0, wsuv_prepared_nvariants(prepared));
  CHECK_ERR(0, wsuv_endpoint_send_prepared(client, prepared));
  CHECK_SIZE(1, wsuv_prepared_nvariants(prepared));
  CHECK_SIZE(6 + 6, wsuv_endpoint_queued(client));
  check_output(plain, "\x81\x05hello", 7);
  check_output(alone, "\xc1\x06<hello\xc1\x06<hello", 16);
  check_output(toy, "\x81\x05HELLO", 7);
  wsuv_prepared_free(prepared);
  wsuv_endpoint_free(plain);
  wsuv_endpoint_free(alone);
  wsuv_endpoint_free(toy);
  wsuv_endpoint_free(client);
}

static void bad_messages_are_not_prepared(void **state) {
  wsuv_prepared_t *prepared;
  (void)state;
  CHECK_ERR(WSUV_EENCODING, wsuv_prepared_new(&prepared, NULL, WSUV_TEXT, "\xff", 1, 0));
  CHECK_NULL(prepared);
  CHECK_ERR(WSUV_EINVAL, wsuv_prepared_new(&prepared, NULL, WSUV_TEXT, NULL, 1, 0));
  CHECK_ERR(WSUV_EINVAL, wsuv_prepared_new(&prepared, NULL, WSUV_PING, "x", 1, 0));
  CHECK_ERR(WSUV_EINVAL, wsuv_prepared_new(&prepared, NULL, WSUV_CONTINUATION, "x", 1, 0));
  CHECK_ERR(WSUV_EINVAL, wsuv_prepared_new(&prepared, NULL, WSUV_TEXT, "x", 1, WSUV_SEND_FLUSH));
  CHECK_ERR(WSUV_ENOMEM, wsuv_prepared_new(&prepared, NULL, WSUV_BINARY, "x", SIZE_MAX, 0));
  CHECK_ERR(0, wsuv_prepared_new(&prepared, NULL, WSUV_BINARY, NULL, 0, 0));
  wsuv_prepared_free(prepared);
}

static void errors_are_those_of_send(void **state) {
  wsuv_endpoint_t *ep = open_endpoint(WSUV_SERVER, &shared, &kinds[0]);
  wsuv_prepared_t *prepared;
  static const char large[2000];
  (void)state;
  CHECK_ERR(0, wsuv_prepared_new(&prepared, NULL, (wsuv_opcode_t)4, "x", 1, 0));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send_prepared(ep, prepared));
  wsuv_prepared_free(prepared);
  CHECK_ERR(0, wsuv_prepared_new(&prepared, NULL, WSUV_BINARY, large, sizeof large, 0));
  CHECK_ERR(WSUV_EQUEUEFULL, wsuv_endpoint_send_prepared(ep, prepared));
  CHECK_SIZE(0, wsuv_prepared_nvariants(prepared));
  wsuv_prepared_free(prepared);
  prepared = prepare("hello", 0);
  CHECK_ERR(0, wsuv_endpoint_send_begin(ep, WSUV_TEXT, 0));
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send_prepared(ep, prepared));
  CHECK_ERR(0, wsuv_endpoint_send_end(ep, "x", 1));
  fails = 1;
  CHECK_ERR(WSUV_EPAYLOAD, wsuv_endpoint_send_prepared(ep, prepared));
  fails = 0;
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send_prepared(ep, prepared)); /* it has failed */
  wsuv_prepared_free(prepared);
  wsuv_endpoint_free(ep);
}

/* covers: W210 */
static void every_allocation_may_fail(void **state) {
  size_t n;
  (void)state;
  for (n = 1;; n++) {
    wsuv_endpoint_t *ep = open_endpoint(WSUV_SERVER, &shared, &kinds[0]);
    wsuv_prepared_t *prepared;
    struct failing_alloc fa;
    int err;
    failing_alloc_init(&fa);
    failing_alloc_fail_once(&fa, n);
    err = wsuv_prepared_new(&prepared, &fa.allocator, WSUV_TEXT, "hello", 5, 0);
    if (err == 0) {
      err = wsuv_endpoint_send_prepared(ep, prepared);
      if (err != 0) { /* nothing was queued, and the endpoint lives */
        CHECK_SIZE(0, wsuv_endpoint_queued(ep));
        CHECK_ERR(0, wsuv_endpoint_send_prepared(ep, prepared));
      }
      check_output(ep, "\xc1\x06<hello", 8);
    }
    wsuv_prepared_free(prepared);
    wsuv_endpoint_free(ep);
    failing_alloc_check_no_leaks(&fa);
    if (!failing_alloc_has_failed(&fa))
      break;
    CHECK_ERR(WSUV_ENOMEM, err);
  }
  CHECK_SIZE(5, n);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_encoding_serves_all_of_a_kind),
      cmocka_unit_test(what_is_left_alone_is_asked_about_once),
      cmocka_unit_test(others_are_served_one_by_one),
      cmocka_unit_test(bad_messages_are_not_prepared),
      cmocka_unit_test(errors_are_those_of_send),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("prepared", tests, NULL, NULL);
}
