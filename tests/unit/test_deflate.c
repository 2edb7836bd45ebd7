/* wsuv_deflate_t: options, what was negotiated, who holds it. */
#include "wsuv/deflate.h"

#include <string.h>

#include "support/check.h"
#include "support/deflate_rig.h"
#include "support/failing_alloc.h"

/* ---- options ---- */

struct option_case {
  const char *name;
  const char *fault; /* NULL: good */
  wsuv_deflate_options_t options;
};

static const wsuv_deflate_params_t good_offer = {9, 9, 1, 1};
static const wsuv_deflate_params_t bad_offer = {0, 16, 0, 0};

#define SIZE sizeof(wsuv_deflate_options_t)
#define OFF  WSUV_OFF

/* covers: PMH.1 D039 PMD.17 */
static const struct option_case option_cases[] = {
    {"all defaults", NULL, WSUV_DEFLATE_DEDICATED_INIT},
    {"shared", NULL, WSUV_DEFLATE_SHARED_INIT},
    {"smallest", NULL, {SIZE, NULL, {8, 8, 0, 0}, NULL, 0, 0, 1, 1, 1, 1, 0, 1, 1}},
    {"largest", NULL, {SIZE, NULL, {15, 15, 1, 1}, &good_offer, 1, 1, 9, 9, 4, OFF, 1, OFF, OFF}},
    {"size", "size", {SIZE - 1, NULL, {0, 0, 0, 0}, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"window of 7",
     "deflate_max_window_bits",
     {SIZE, NULL, {7, 0, 0, 0}, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"window of 16",
     "deflate_max_window_bits",
     {SIZE, NULL, {16, 0, 0, 0}, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"negative window",
     "deflate_max_window_bits",
     {SIZE, NULL, {-9, 0, 0, 0}, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"peer's window of 7",
     "inflate_max_window_bits",
     {SIZE, NULL, {0, 7, 0, 0}, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"peer's window of 16",
     "inflate_max_window_bits",
     {SIZE, NULL, {0, 16, 0, 0}, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"fallback",
     "inflate_max_window_bits",
     {SIZE, NULL, {0, 0, 0, 0}, &bad_offer, 1, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"eight fallbacks",
     "nfallbacks",
     {SIZE, NULL, {0, 0, 0, 0}, &good_offer, 8, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"fallbacks nowhere",
     "nfallbacks",
     {SIZE, NULL, {0, 0, 0, 0}, NULL, 1, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"level", "level", {SIZE, NULL, {0, 0, 0, 0}, NULL, 0, 0, 10, 0, 0, 0, 0, 0, 0}},
    {"negative level", "level", {SIZE, NULL, {0, 0, 0, 0}, NULL, 0, 0, -1, 0, 0, 0, 0, 0, 0}},
    {"memory level", "mem_level", {SIZE, NULL, {0, 0, 0, 0}, NULL, 0, 0, 0, 10, 0, 0, 0, 0, 0}},
    {"negative memory level",
     "mem_level",
     {SIZE, NULL, {0, 0, 0, 0}, NULL, 0, 0, 0, -1, 0, 0, 0, 0, 0}},
    {"strategy", "strategy", {SIZE, NULL, {0, 0, 0, 0}, NULL, 0, 0, 0, 0, 5, 0, 0, 0, 0}},
    {"negative strategy", "strategy", {SIZE, NULL, {0, 0, 0, 0}, NULL, 0, 0, 0, 0, -1, 0, 0, 0, 0}},
    {"threshold", "threshold", {SIZE, NULL, {0, 0, 0, 0}, NULL, 0, 0, 0, 0, 0, -1, 0, 0, 0}},
    {"ratio", "max_ratio", {SIZE, NULL, {0, 0, 0, 0}, NULL, 0, 0, 0, 0, 0, 0, 0, -1, 0}},
    {"memory", "max_memory", {SIZE, NULL, {0, 0, 0, 0}, NULL, 0, 0, 0, 0, 0, 0, 0, 0, -1}},
};

static void run_option_case(const void *row) {
  const struct option_case *c = row;
  wsuv_deflate_t *deflate = NULL;
  int err = wsuv_deflate_new(&deflate, &c->options);
  CHECK_STR(c->fault, wsuv_deflate_fault(&c->options));
  CHECK_ERR(c->fault == NULL ? 0 : WSUV_EINVAL, err);
  CHECK_INT(c->fault == NULL, deflate != NULL);
  if (deflate != NULL)
    CHECK_STR("permessage-deflate", wsuv_deflate_extension(deflate)->token);
  wsuv_deflate_free(deflate);
}

static wsuv_deflate_t *new_deflate(const wsuv_deflate_options_t *options) {
  wsuv_deflate_t *deflate;
  CHECK_ERR(0, wsuv_deflate_new(&deflate, options));
  return deflate;
}

/* covers: PMH.3 D001 D002 D028 D034 D044 */
static void offers_go_out_in_order(void **state) {
  static const wsuv_deflate_params_t fallbacks[] = {{0, 0, 0, 1}, {0, 0, 0, 0}};
  wsuv_deflate_options_t options = WSUV_DEFLATE_SHARED_INIT;
  char text[RIG_TEXT_MAX];
  wsuv_deflate_t *deflate;
  (void)state;
  options.fallbacks = fallbacks;
  options.nfallbacks = 2;
  deflate = new_deflate(&options);
  CHECK_ERR(0, deflate_rig_offer(deflate, text));
  CHECK_STR("permessage-deflate; client_max_window_bits=12; client_no_context_takeover; "
            "server_no_context_takeover, "
            "permessage-deflate; server_no_context_takeover; client_max_window_bits, "
            "permessage-deflate; client_max_window_bits",
            text);
  wsuv_deflate_free(deflate);
}

/* covers: D003 D004 D022 D023 D030 D033 D037 PMH.18 */
static void a_server_takes_the_first_offer_that_makes_sense(void **state) {
  wsuv_deflate_t *deflate = new_deflate(NULL);
  char answer[RIG_TEXT_MAX];
  wsuv_negotiated_t negotiated;
  (void)state;
  deflate_rig_answer(deflate,
                     "x-webkit-deflate-frame, permessage-deflate; foo, permessage-deflate; "
                     "server_max_window_bits=7, permessage-deflate; server_max_window_bits=\"9\", "
                     "permessage-deflate",
                     answer, &negotiated);
  CHECK_STR("permessage-deflate; server_max_window_bits=9; client_no_context_takeover; "
            "server_no_context_takeover",
            answer);
  deflate_rig_end(&negotiated);
  deflate_rig_answer(deflate, "permessage-deflate; foo", answer, &negotiated);
  CHECK_STR("", answer);
  CHECK_NULL(negotiated.session);
  wsuv_deflate_free(deflate);
}

/* covers: D005 D006 D027 */
static void a_client_refuses_what_it_did_not_offer(void **state) {
  static const char *const bad[] = {
      "permessage-deflate, permessage-deflate",
      "permessage-deflate; server_max_window_bits=10, permessage-deflate",
      "permessage-deflate; foo",
      "permessage-deflate; server_max_window_bits=13",
      "permessage-deflate; server_no_context_takeover=true",
  };
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_negotiated_t negotiated;
  wsuv_deflate_t *deflate;
  size_t i;
  (void)state;
  options.params.inflate_max_window_bits = 12;
  deflate = new_deflate(&options);
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CHECK_ERR(WSUV_EBADEXTENSION, deflate_rig_accept(deflate, bad[i], &negotiated));
    CHECK_NULL(negotiated.session);
  }
  CHECK_ERR(WSUV_EEXTENSION, deflate_rig_accept(deflate, "x-foo", &negotiated));
  wsuv_deflate_free(deflate);
}

/* covers: PMH.2 PMH.13 PMH.19 PMH.20 W194 W197 */
static void what_was_negotiated_can_be_asked_for(void **state) {
  static const wsuv_extension_t other = {.size = sizeof other, .token = "other"};
  static const wsuv_negotiated_t not_ours = {&other, NULL};
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_deflate_t *client;
  wsuv_deflate_t *server = new_deflate(NULL);
  struct deflate_deal deal;
  wsuv_deflate_params_t params;
  wsuv_deflate_stats_t stats;
  (void)state;
  options.params.deflate_max_window_bits = 11;
  client = new_deflate(&options);
  deflate_rig_agree(client, server, &deal);
  CHECK_ERR(0, wsuv_deflate_params(&deal.client, &params));
  CHECK_INT(11, params.deflate_max_window_bits);
  CHECK_INT(12, params.inflate_max_window_bits);
  CHECK_INT(1, params.deflate_no_context_takeover);
  CHECK_INT(1, params.inflate_no_context_takeover);
  CHECK_ERR(0, wsuv_deflate_params(&deal.server, &params));
  CHECK_INT(12, params.deflate_max_window_bits);
  CHECK_INT(11, params.inflate_max_window_bits);
  CHECK_ERR(0, wsuv_deflate_stats(&deal.server, &stats));
  CHECK_SIZE(0, stats.sent_octets);
  CHECK_ERR(WSUV_EINVAL, wsuv_deflate_params(&not_ours, &params));
  CHECK_ERR(WSUV_EINVAL, wsuv_deflate_stats(&not_ours, &stats));
  deflate_rig_end(&deal.client);
  deflate_rig_end(&deal.server);
  wsuv_deflate_free(client);
  wsuv_deflate_free(server);
}

/* ---- memory ---- */

static void sessions_hold_it(void **state) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_SHARED_INIT;
  struct failing_alloc fa;
  struct deflate_side side;
  struct deflate_deal deal;
  wsuv_deflate_t *deflate;
  (void)state;
  failing_alloc_init(&fa);
  options.allocator = &fa.allocator;
  deflate = new_deflate(&options);
  deflate_rig_agree(deflate, deflate, &deal);
  CHECK_ERR(0, deflate_side_open(&side, WSUV_SERVER, &deal.server, NULL));
  deflate_rig_end(&deal.client);
  CHECK_SIZE(0, wsuv_deflate_memory(deflate)); /* nothing was sent */
  wsuv_deflate_free(deflate);
  CHECK_ERR(0, wsuv_endpoint_send_begin(side.ep, WSUV_TEXT, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(side.ep, "in the middle", 13, 0));
  deflate_side_close(&side);
  failing_alloc_check_no_leaks(&fa);
  wsuv_deflate_free(NULL);
}

static void a_session_is_small(void **state) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_SHARED_INIT;
  struct failing_alloc fa;
  struct deflate_deal deal;
  wsuv_deflate_t *deflate;
  size_t alone;
  (void)state;
  failing_alloc_init(&fa);
  options.allocator = &fa.allocator;
  deflate = new_deflate(&options);
  alone = fa.outstanding_size;
  deflate_rig_agree(deflate, deflate, &deal);
  CHECK_TRUE(fa.outstanding_size - alone <= (size_t)2 * 64);
  deflate_rig_end(&deal.client);
  deflate_rig_end(&deal.server);
  CHECK_SIZE(alone, fa.outstanding_size);
  wsuv_deflate_free(deflate);
}

static void without_memory_there_is_none(void **state) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_SHARED_INIT;
  struct failing_alloc fa;
  wsuv_negotiated_t negotiated;
  wsuv_deflate_t *deflate = (wsuv_deflate_t *)&fa;
  (void)state;
  failing_alloc_init(&fa);
  options.allocator = &fa.allocator;
  failing_alloc_fail_once(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, wsuv_deflate_new(&deflate, &options));
  CHECK_NULL(deflate);
  deflate = new_deflate(&options);
  failing_alloc_fail_from(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, deflate_rig_accept(deflate, "permessage-deflate", &negotiated));
  wsuv_deflate_free(deflate);
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(offers_go_out_in_order),
      cmocka_unit_test(a_server_takes_the_first_offer_that_makes_sense),
      cmocka_unit_test(a_client_refuses_what_it_did_not_offer),
      cmocka_unit_test(what_was_negotiated_can_be_asked_for),
      cmocka_unit_test(sessions_hold_it),
      cmocka_unit_test(a_session_is_small),
      cmocka_unit_test(without_memory_there_is_none),
  };
  int failed = cmocka_run_group_tests_name("deflate", tests, NULL, NULL);
  return failed + CHECK_RUN_TABLE("deflate: options", option_cases, run_option_case);
}
