/* The parameters of permessage-deflate: what is taken, answered and refused. */
#include "deflate/params.h"

#include <stdio.h>
#include <string.h>

#include "support/check.h"

/* ---- values ---- */

struct value_case {
  const char *value; /* NULL: without */
  int bits;          /* 0: refused */
};

/* covers: D020 D025 D039 D046 PMH.14 */
static const struct value_case value_cases[] = {
    {"8", 8},    {"9", 9},        {"10", 10},
    {"15", 15},  {"7", 0},        {"16", 0},
    {"08", 0},   {"010", 0},      {"0", 0},
    {"-9", 0},   {"+9", 0},       {"9.0", 0},
    {"0x9", 0},  {"1e1", 0},      {"abc", 0},
    {"", 0},     {"264", 0},      {"4294967304", 0},
    {" 9", 0},   {"9 ", 0},       {"9a", 0},
    {"1", 0},    {"100", 0},      {"99999999999999999999", 0},
    {"12\t", 0}, {"\xd9\xa9", 0}, {"18446744073709551624", 0},
};

static void a_window_is_eight_to_fifteen(void **state) {
  static const char *const names[] = {"client_max_window_bits", "server_max_window_bits"};
  size_t i;
  size_t k;
  (void)state;
  for (i = 0; i < sizeof value_cases / sizeof value_cases[0]; i++)
    for (k = 0; k < 4; k++) {
      wsuv_extension_param_t param = {names[k % 2], value_cases[i].value};
      wsuv_extension_element_t text = {"permessage-deflate", &param, 1};
      struct wsuv__deflate_element element;
      int err = wsuv__deflate_element_read(&element, &text, k < 2 ? DEFLATE_OFFER : DEFLATE_ANSWER);
      CHECK_ERR(value_cases[i].bits != 0 ? 0 : WSUV_EEXTENSION, err);
      if (err == 0)
        CHECK_INT(value_cases[i].bits,
                  k % 2 == 0 ? element.client_max_window_bits : element.server_max_window_bits);
    }
}

struct element_case {
  const char *name;
  wsuv_extension_param_t params[3];
  size_t nparams;
  int in_offer; /* 0 or the error */
  int in_answer;
};

/* covers: D019 D021 D024 D026 D044 D046 PMH.15 PMH.16 */
static const struct element_case element_cases[] = {
    {"nothing", {{NULL, NULL}}, 0, 0, 0},
    {"client bits without a value", {{"client_max_window_bits", NULL}}, 1, 0, WSUV_EEXTENSION},
    {"server bits without a value",
     {{"server_max_window_bits", NULL}},
     1,
     WSUV_EEXTENSION,
     WSUV_EEXTENSION},
    {"flags",
     {{"client_no_context_takeover", NULL}, {"server_no_context_takeover", NULL}},
     2,
     0,
     0},
    {"client flag with a value",
     {{"client_no_context_takeover", "1"}},
     1,
     WSUV_EEXTENSION,
     WSUV_EEXTENSION},
    {"server flag with an empty value",
     {{"server_no_context_takeover", ""}},
     1,
     WSUV_EEXTENSION,
     WSUV_EEXTENSION},
    {"client bits twice",
     {{"client_max_window_bits", "9"}, {"client_max_window_bits", "9"}},
     2,
     WSUV_EEXTENSION,
     WSUV_EEXTENSION},
    {"client bits twice, without values",
     {{"client_max_window_bits", NULL}, {"client_max_window_bits", NULL}},
     2,
     WSUV_EEXTENSION,
     WSUV_EEXTENSION},
    {"server bits twice",
     {{"server_max_window_bits", "9"}, {"server_max_window_bits", "10"}},
     2,
     WSUV_EEXTENSION,
     WSUV_EEXTENSION},
    {"client flag twice",
     {{"client_no_context_takeover", NULL}, {"client_no_context_takeover", NULL}},
     2,
     WSUV_EEXTENSION,
     WSUV_EEXTENSION},
    {"server flag twice",
     {{"server_no_context_takeover", NULL}, {"server_no_context_takeover", NULL}},
     2,
     WSUV_EEXTENSION,
     WSUV_EEXTENSION},
    {"an unknown one", {{"foo", NULL}}, 1, WSUV_EEXTENSION, WSUV_EEXTENSION},
    {"an unknown one behind a known one",
     {{"client_max_window_bits", "9"}, {"foo", "1"}},
     2,
     WSUV_EEXTENSION,
     WSUV_EEXTENSION},
};

static void run_element_case(const void *row) {
  const struct element_case *c = row;
  wsuv_extension_element_t text = {"permessage-deflate", c->params, c->nparams};
  struct wsuv__deflate_element element;
  CHECK_ERR(c->in_offer, wsuv__deflate_element_read(&element, &text, DEFLATE_OFFER));
  CHECK_ERR(c->in_answer, wsuv__deflate_element_read(&element, &text, DEFLATE_ANSWER));
}

/* ---- every offer against every wish ---- */

enum { NBITS = 9 }; /* 0 and 8-15 */

static int nth_bits(unsigned n) {
  return n == 0 ? 0 : 7 + (int)n;
}

static wsuv_deflate_params_t nth_params(unsigned n) {
  wsuv_deflate_params_t params;
  params.deflate_max_window_bits = nth_bits(n % NBITS);
  params.inflate_max_window_bits = nth_bits(n / NBITS % NBITS);
  params.deflate_no_context_takeover = n / NBITS / NBITS % 2 != 0;
  params.inflate_no_context_takeover = n / NBITS / NBITS / 2 % 2 != 0;
  return params;
}

enum { NPARAMS = NBITS * NBITS * 4 };

static int within(int bits, int limit) {
  return bits <= (limit != 0 ? limit : 15);
}

/* What RFC 7692 7.1 demands of an answer, and of two sides that have agreed.
 * covers: D029 D031 D032 D034 D035 D036 D038 D040 D041 D042 D045 D047 D048 PMH.4 PMH.5 PMH.6 PMH.7 PMH.9 PMH.21 */
static void check_deal(const wsuv_deflate_params_t *client, const wsuv_deflate_params_t *server) {
  struct wsuv__deflate_element offer;
  struct wsuv__deflate_element answer;
  wsuv_deflate_params_t of_server;
  wsuv_deflate_params_t of_client;
  wsuv__deflate_offer(client, &offer);
  wsuv__deflate_answer(server, &offer, &of_server, &answer);
  CHECK_ERR(0, wsuv__deflate_accept(client, 1, 1, &answer, &of_client));

  CHECK_TRUE(offer.server_max_window_bits == 0 ||
             (answer.server_max_window_bits != 0 &&
              answer.server_max_window_bits <= offer.server_max_window_bits));
  CHECK_TRUE(!offer.server_no_context_takeover || answer.server_no_context_takeover);
  CHECK_TRUE(answer.client_max_window_bits != BITS_WITHOUT_VALUE);

  /* Nobody compresses with more than the other decompresses with, or than was wished by either. */
  CHECK_TRUE(of_client.deflate_max_window_bits <= of_server.inflate_max_window_bits);
  CHECK_TRUE(of_server.deflate_max_window_bits <= of_client.inflate_max_window_bits);
  CHECK_TRUE(within(of_client.deflate_max_window_bits, client->deflate_max_window_bits));
  CHECK_TRUE(within(of_client.deflate_max_window_bits, server->inflate_max_window_bits));
  CHECK_TRUE(within(of_server.deflate_max_window_bits, client->inflate_max_window_bits));
  CHECK_TRUE(within(of_server.deflate_max_window_bits, server->deflate_max_window_bits));

  /* Who drops the window knows that the other does not refer to it. */
  CHECK_TRUE(!of_server.inflate_no_context_takeover || of_client.deflate_no_context_takeover);
  CHECK_TRUE(!of_client.inflate_no_context_takeover || of_server.deflate_no_context_takeover);
  CHECK_INT(client->deflate_no_context_takeover || server->inflate_no_context_takeover,
            of_client.deflate_no_context_takeover);
  CHECK_INT(client->inflate_no_context_takeover || server->deflate_no_context_takeover,
            of_server.deflate_no_context_takeover);
}

static void both_sides_agree_on_the_same(void **state) {
  unsigned i;
  unsigned k;
  (void)state;
  for (i = 0; i < NPARAMS; i++)
    for (k = 0; k < NPARAMS; k++) {
      wsuv_deflate_params_t client = nth_params(i);
      wsuv_deflate_params_t server = nth_params(k);
      check_deal(&client, &server);
    }
}

/* covers: D045 D049 PMH.8 */
static void a_client_that_does_not_know_the_parameter_is_not_limited(void **state) {
  unsigned k;
  (void)state;
  for (k = 0; k < NPARAMS; k++) {
    static const struct wsuv__deflate_element plain = {0, 0, 0, 0};
    wsuv_deflate_params_t server = nth_params(k);
    struct wsuv__deflate_element answer;
    wsuv_deflate_params_t agreed;
    wsuv__deflate_answer(&server, &plain, &agreed, &answer);
    CHECK_INT(BITS_ABSENT, answer.client_max_window_bits);
    CHECK_INT(15, agreed.inflate_max_window_bits);
  }
}

/* ---- fallbacks ---- */

static const wsuv_deflate_params_t small_then_any[] = {{0, 10, 0, 1}, {9, 0, 0, 0}};

/* covers: D002 D023 D043 PMH.10 PMH.11 PMH.12 PMH.17 */
static void an_answer_belongs_to_the_offer_that_it_answers(void **state) {
  struct wsuv__deflate_element answer = {0, 10, 0, 1};
  wsuv_deflate_params_t agreed;
  (void)state;
  CHECK_ERR(0, wsuv__deflate_accept(small_then_any, 2, 1, &answer, &agreed));
  CHECK_INT(15, agreed.deflate_max_window_bits); /* of the first */
  CHECK_INT(10, agreed.inflate_max_window_bits);
  answer.server_max_window_bits = 12; /* more than the first allows */
  CHECK_ERR(0, wsuv__deflate_accept(small_then_any, 2, 1, &answer, &agreed));
  CHECK_INT(9, agreed.deflate_max_window_bits);
  CHECK_INT(12, agreed.inflate_max_window_bits);
  answer.server_max_window_bits = 0;
  answer.server_no_context_takeover = 0;
  CHECK_ERR(0, wsuv__deflate_accept(small_then_any, 2, 1, &answer, &agreed));
  CHECK_INT(9, agreed.deflate_max_window_bits);
  CHECK_INT(15, agreed.inflate_max_window_bits);
  CHECK_INT(0, agreed.inflate_no_context_takeover);
}

static void an_answer_that_says_less_is_taken_unless_strict(void **state) {
  static const struct wsuv__deflate_element plain = {0, 0, 0, 0};
  static const struct wsuv__deflate_element large = {0, 11, 0, 1};
  wsuv_deflate_params_t agreed;
  (void)state;
  CHECK_ERR(WSUV_EEXTENSION, wsuv__deflate_accept(small_then_any, 1, 1, &plain, &agreed));
  CHECK_ERR(0, wsuv__deflate_accept(small_then_any, 1, 0, &plain, &agreed));
  CHECK_INT(15, agreed.inflate_max_window_bits);
  CHECK_INT(0, agreed.inflate_no_context_takeover);
  CHECK_ERR(WSUV_EEXTENSION, wsuv__deflate_accept(small_then_any, 1, 0, &large, &agreed));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_window_is_eight_to_fifteen),
      cmocka_unit_test(both_sides_agree_on_the_same),
      cmocka_unit_test(a_client_that_does_not_know_the_parameter_is_not_limited),
      cmocka_unit_test(an_answer_belongs_to_the_offer_that_it_answers),
      cmocka_unit_test(an_answer_that_says_less_is_taken_unless_strict),
  };
  int failed = cmocka_run_group_tests_name("deflate params", tests, NULL, NULL);
  return failed + CHECK_RUN_TABLE("deflate params: elements", element_cases, run_element_case);
}
