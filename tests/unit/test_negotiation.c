/* Extensions in the opening handshake: what is offered, answered, accepted, and who ends the sessions. */
#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/handshake.h"

#define FIELD "Sec-WebSocket-Extensions"

/* What the hooks of one extension do and have seen; the session is the plan itself. */
struct plan {
  const char *wanted; /* the parameter an offer or answer must have; NULL: any */
  int result;         /* of a hook that is not declining */
  int nelements;      /* to write */
  const char *param;  /* to write into each */
  const char *value;
  size_t nasked;
  size_t nlive; /* sessions */
  size_t nended;
};

static void write_plan(struct plan *plan, wsuv_extension_writer_t *writer) {
  int i;
  for (i = 0; i < plan->nelements; i++)
    wsuv_extension_writer_element(writer);
  if (plan->param != NULL)
    wsuv_extension_writer_param(writer, plan->param, plan->value);
}

static int has_wanted(const struct plan *plan, const wsuv_extension_element_t *element) {
  size_t i;
  for (i = 0; i < element->nparams; i++)
    if (plan->wanted != NULL && strcmp(element->params[i].name, plan->wanted) == 0)
      return 1;
  return plan->wanted == NULL;
}

static struct plan *plan_of(const wsuv_extension_t *extension) {
  return *(struct plan *const *)extension->config;
}

static int offer(const wsuv_extension_t *extension, wsuv_extension_writer_t *writer) {
  struct plan *plan = plan_of(extension);
  write_plan(plan, writer);
  return plan->result;
}

static int answer(const wsuv_extension_t *extension, const wsuv_extension_element_t *element,
                  wsuv_extension_writer_t *writer, void **session) {
  struct plan *plan = plan_of(extension);
  CHECK_STR(extension->token, element->token);
  plan->nasked++;
  write_plan(plan, writer);
  if (plan->result < 0)
    return plan->result;
  if (!has_wanted(plan, element))
    return WSUV_OFFER_DECLINED;
  plan->nlive++;
  *session = plan;
  return WSUV_OFFER_ACCEPTED;
}

static int accept(const wsuv_extension_t *extension, const wsuv_extension_element_t *element,
                  void **session) {
  struct plan *plan = plan_of(extension);
  CHECK_STR(extension->token, element->token);
  plan->nasked++;
  if (plan->result < 0)
    return plan->result;
  if (!has_wanted(plan, element))
    return WSUV_EEXTENSION;
  plan->nlive++;
  *session = plan;
  return 0;
}

static void end(const wsuv_extension_t *extension, void *session) {
  struct plan *plan = plan_of(extension);
  CHECK_PTR(plan, session);
  CHECK_TRUE(plan->nlive > 0);
  plan->nlive--;
  plan->nended++;
}

/* a claims reserved bit 4 and opcode 3, b bit 2, c bit 4, d opcode 3; plain is without hooks. */
static struct plan plans[4];
static struct plan *const configs[] = {&plans[0], &plans[1], &plans[2], &plans[3]};
#define EXTENSION(token, i, rsv, opcodes)                                                        \
  {                                                                                              \
    sizeof(wsuv_extension_t), token, &configs[i], rsv, opcodes, WSUV_PER_MESSAGE, offer, answer, \
        accept, end, NULL, NULL, NULL, NULL, NULL, NULL                                          \
  }
static const wsuv_extension_t a = EXTENSION("a", 0, 4, 1u << 3);
static const wsuv_extension_t b = EXTENSION("b", 1, 2, 0);
static const wsuv_extension_t c = EXTENSION("c", 2, 4, 0);
static const wsuv_extension_t d = EXTENSION("d", 3, 0, 1u << 3);
static const wsuv_extension_t plain = {sizeof plain, "plain", NULL, 0,    0,    WSUV_PER_FRAME,
                                       NULL,         NULL,    NULL, NULL, NULL, NULL,
                                       NULL,         NULL,    NULL, NULL};
static const wsuv_extension_t *const all[] = {&b, &a, &c, &d, &plain};

static int reset(void **state) {
  (void)state;
  memset(plans, 0, sizeof plans);
  return 0;
}

static void check_all_ended(void) {
  size_t i;
  for (i = 0; i < 4; i++)
    CHECK_SIZE(0, plans[i].nlive);
}

static wsuv_handshake_options_t options_of(wsuv_role_t role) {
  const wsuv_handshake_options_t presets = WSUV_HANDSHAKE_OPTIONS_INIT(role);
  wsuv_handshake_options_t options = presets;
  options.url = "ws://h/";
  options.key = "dGhlIHNhbXBsZSBub25jZQ==";
  options.extensions = all;
  options.nextensions = 5;
  return options;
}

static int give(wsuv_handshake_t *h, const char *name, const char *value) {
  return wsuv_handshake_header(h, name, strlen(name), value, strlen(value));
}

/* A good head in that role, with the field where `value` is not NULL; 0 or WSUV_ENOMEM. */
static int give_head(wsuv_handshake_t *h, wsuv_role_t role, const char *value) {
  int err = role == WSUV_SERVER ? wsuv_handshake_request_line(h, "GET", 3, 1, 1)
                                : wsuv_handshake_status_line(h, 101);
  if (err == 0)
    err = give(h, "Upgrade", "websocket");
  if (err == 0)
    err = give(h, "Connection", "Upgrade");
  if (err == 0 && role == WSUV_SERVER)
    err = give(h, "Host", "h");
  if (err == 0 && role == WSUV_SERVER)
    err = give(h, "Sec-WebSocket-Version", "13");
  if (err == 0 && role == WSUV_SERVER)
    err = give(h, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  if (err == 0 && role == WSUV_CLIENT)
    err = give(h, "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  return err == 0 && value != NULL ? give(h, FIELD, value) : err;
}

static wsuv_handshake_t *judge(wsuv_handshake_options_t options, const char *value, int verdict) {
  wsuv_handshake_t *h;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, give_head(h, options.role, value));
  CHECK_SIZE(0, wsuv_handshake_nextensions(h));
  CHECK_ERR(verdict, wsuv_handshake_finish(h));
  return h;
}

/* The value of the field in a head, which must be there once; "" if it is not there. */
static void check_field(const char *expected, wsuv_span_t head) {
  static const char name[] = "\r\n" FIELD ": ";
  char text[1024];
  char *at;
  CHECK_TRUE(head.len < sizeof text);
  memcpy(text, head.data, head.len);
  text[head.len] = '\0';
  at = strstr(text, name);
  if (at == NULL) {
    CHECK_STR(expected, "");
    return;
  }
  at += sizeof name - 1;
  CHECK_NULL(strstr(at, FIELD));
  at[strcspn(at, "\r")] = '\0';
  CHECK_STR(expected, at);
}

static void check_agreed(const wsuv_handshake_t *h, const wsuv_extension_t *const *expected) {
  size_t n = 0;
  while (expected[n] != NULL) {
    CHECK_TRUE(n < wsuv_handshake_nextensions(h));
    CHECK_PTR(expected[n], wsuv_handshake_extension_at(h, n).extension);
    n++;
  }
  CHECK_SIZE(n, wsuv_handshake_nextensions(h));
}

/* ---- descriptions ---- */

struct description_case {
  const char *name;
  wsuv_extension_t is;
  int result;
};

#define DESCRIPTION(size, token, rsv, opcodes, scope)                                             \
  {                                                                                               \
    size, token, NULL, rsv, opcodes, scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
        NULL                                                                                      \
  }
#define SIZE sizeof(wsuv_extension_t)

/* covers: HSK.1 HSK.2 */
static const struct description_case description_cases[] = {
    {"good", DESCRIPTION(SIZE, "x-1", 7, 0xf8f8, WSUV_PER_FRAME), 0},
    {"size", DESCRIPTION(SIZE - 1, "x", 0, 0, WSUV_PER_FRAME), WSUV_EINVAL},
    {"no token", DESCRIPTION(SIZE, NULL, 0, 0, WSUV_PER_FRAME), WSUV_EINVAL},
    {"empty token", DESCRIPTION(SIZE, "", 0, 0, WSUV_PER_FRAME), WSUV_EINVAL},
    {"bad token", DESCRIPTION(SIZE, "x y", 0, 0, WSUV_PER_FRAME), WSUV_EINVAL},
    {"token with capitals", DESCRIPTION(SIZE, "X", 0, 0, WSUV_PER_FRAME), WSUV_EINVAL},
    {"reserved bit 8", DESCRIPTION(SIZE, "x", 8, 0, WSUV_PER_FRAME), WSUV_EINVAL},
    {"negative reserved bits", DESCRIPTION(SIZE, "x", -1, 0, WSUV_PER_FRAME), WSUV_EINVAL},
    {"opcode 2", DESCRIPTION(SIZE, "x", 0, 1u << 2, WSUV_PER_FRAME), WSUV_EINVAL},
    {"opcode 8", DESCRIPTION(SIZE, "x", 0, 1u << 8, WSUV_PER_FRAME), WSUV_EINVAL},
    {"opcode 10", DESCRIPTION(SIZE, "x", 0, 1u << 10, WSUV_PER_FRAME), WSUV_EINVAL},
    {"opcode 16", DESCRIPTION(SIZE, "x", 0, 1u << 16, WSUV_PER_FRAME), WSUV_EINVAL},
    {"scope", DESCRIPTION(SIZE, "x", 0, 0, (wsuv_extension_scope_t)2), WSUV_EINVAL},
    {"given twice", DESCRIPTION(SIZE, "plain", 0, 0, WSUV_PER_FRAME), WSUV_EINVAL},
};

static void run_description(const void *data) {
  const struct description_case *row = data;
  const wsuv_extension_t *pair[] = {&plain, NULL};
  wsuv_handshake_options_t options = options_of(WSUV_SERVER);
  wsuv_handshake_t *h;
  pair[1] = &row->is;
  options.extensions = pair;
  options.nextensions = 2;
  CHECK_ERR(row->result, wsuv_handshake_new(&h, &options));
  CHECK_INT(row->result == 0, h != NULL);
  wsuv_handshake_free(h);
}

static void a_list_or_grammar_that_is_none_is_refused(void **state) {
  static const wsuv_extension_t *const null[] = {NULL};
  wsuv_handshake_options_t options = options_of(WSUV_SERVER);
  wsuv_handshake_t *h;
  (void)state;
  options.extensions = NULL;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
  options.extensions = null;
  options.nextensions = 1;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
  options.extensions = all;
  options.extension_grammar = (wsuv_extension_grammar_t)3;
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
}

/* ---- client ---- */

static void check_offers(const char *expected) {
  wsuv_handshake_options_t options = options_of(WSUV_CLIENT);
  wsuv_handshake_t *h;
  wsuv_span_t text;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, wsuv_handshake_request(h, &text));
  check_field(expected, text);
  wsuv_handshake_free(h);
}

/* covers: HSK.14 HSC.8 W032 D001 */
static void offers_are_on_one_line_in_the_configured_order(void **state) {
  (void)state;
  plans[0].nelements = 2; /* alternatives */
  plans[0].param = "p";
  plans[0].value = "x y";
  plans[1].param = "q"; /* begins its element */
  check_offers("b; q, a, a; p=\"x y\", plain");
  reset(NULL);
  check_offers("plain"); /* the others offer nothing this time */
}

static void a_bad_offer_fails_the_creation(void **state) {
  wsuv_handshake_options_t options = options_of(WSUV_CLIENT);
  wsuv_handshake_t *h;
  (void)state;
  plans[0].result = WSUV_ERANDOM;
  CHECK_ERR(WSUV_ERANDOM, wsuv_handshake_new(&h, &options));
  CHECK_NULL(h);
  plans[0].result = 0;
  plans[0].param = "p q";
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
  plans[0].param = "p";
  plans[0].value = "x\r\nEvil: 1";
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_new(&h, &options));
}

struct answer_case {
  const char *name;
  const char *value;
  int verdict;
  const char *detail;
  const wsuv_extension_t *agreed[4];
};

#define C91 " (RFC 6455 9.1)"

/* covers: HSK.12 HSC.13 HSC.14 ERR.16 EXT.6 W040 W044 W195 W198 W199 */
static const struct answer_case answer_cases[] = {
    {"none", NULL, 0, "", {NULL}},
    {"in the order of the answer", "A, Plain, b; x", 0, "", {&a, &plain, &b, NULL}},
    {"unknown",
     "b, foo; x=1",
     WSUV_EEXTENSION,
     FIELD ": \"foo; x=1\" was not offered (RFC 6455 4.1)",
     {NULL}},
    {"twice", "b, a, B; x", WSUV_EBADEXTENSION, FIELD ": \"b; x\" is there twice" C91, {NULL}},
    {"the same reserved bit",
     "b, a, c",
     WSUV_EBADEXTENSION,
     FIELD ": \"c\" uses what another extension uses" C91,
     {NULL}},
    {"the same opcode",
     "d, a",
     WSUV_EBADEXTENSION,
     FIELD ": \"a\" uses what another extension uses" C91,
     {NULL}},
    {"parameters where there is no hook",
     "b, plain; x=\"1\"",
     WSUV_EBADEXTENSION,
     FIELD ": \"plain; x=1\" is not what was offered" C91,
     {NULL}},
    {"malformed", "b, a;", WSUV_EBADEXTENSION, FIELD ": \"b, a;\" is malformed" C91, {NULL}},
    {"quoted text", "b; x=\"1 2\"", WSUV_EBADEXTENSION, NULL, {NULL}},
    {"no elements", ",", WSUV_EBADEXTENSION, NULL, {NULL}},
};

static void run_answer(const void *data) {
  const struct answer_case *row = data;
  wsuv_handshake_t *h;
  reset(NULL);
  h = judge(options_of(WSUV_CLIENT), row->value, row->verdict);
  if (row->detail != NULL)
    CHECK_STR(row->detail, wsuv_handshake_detail(h));
  check_agreed(h, row->agreed);
  if (row->verdict != 0)
    check_all_ended();
  wsuv_handshake_free(h);
  check_all_ended();
}

/* covers: HSC.14 */
static void an_extension_refuses_its_answer(void **state) {
  wsuv_handshake_options_t options = options_of(WSUV_CLIENT);
  wsuv_handshake_fault_t fault;
  wsuv_handshake_t *h;
  (void)state;
  plans[0].wanted = "p";
  h = judge(options_of(WSUV_CLIENT), "b, a; q=1", WSUV_EBADEXTENSION);
  CHECK_STR(FIELD ": \"a; q=1\" is not what was offered" C91, wsuv_handshake_detail(h));
  CHECK_ERR(WSUV_EBADEXTENSION, wsuv_handshake_fault(h, &fault));
  CHECK_STR("a; q=1", fault.value);
  CHECK_STR(FIELD, fault.name);
  CHECK_SIZE(1, plans[1].nended);
  CHECK_SIZE(0, plans[0].nended);
  wsuv_handshake_free(h);
  CHECK_SIZE(1, plans[1].nended);

  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, give_head(h, WSUV_CLIENT, "b, a"));
  plans[0].result = WSUV_ERANDOM;
  CHECK_ERR(WSUV_ERANDOM, wsuv_handshake_finish(h));
  CHECK_SIZE(2, plans[1].nended);
  wsuv_handshake_free(h);
  check_all_ended();
}

static const wsuv_extension_t *const only_b[] = {&b, NULL};

/* The subprotocol is judged behind the extensions. */
static void sessions_end_when_a_later_check_fails(void **state) {
  wsuv_handshake_options_t options = options_of(WSUV_CLIENT);
  wsuv_handshake_t *h;
  (void)state;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, give_head(h, WSUV_CLIENT, "b"));
  CHECK_ERR(0, give(h, "Sec-WebSocket-Protocol", "x"));
  CHECK_ERR(WSUV_ESUBPROTOCOL, wsuv_handshake_finish(h));
  CHECK_SIZE(1, plans[1].nended);
  CHECK_SIZE(0, wsuv_handshake_nextensions(h));
  wsuv_handshake_release_extensions(h);
  wsuv_handshake_free(h);
  CHECK_SIZE(1, plans[1].nended);
}

/* covers: EXT.6 DEC.2 */
static void the_grammar_is_strict_unless_the_options_say_otherwise(void **state) {
  wsuv_handshake_options_t options = options_of(WSUV_CLIENT);
  (void)state;
  wsuv_handshake_free(judge(options, "b; x=\"1 2\"", WSUV_EBADEXTENSION));
  options.extension_grammar = WSUV_GRAMMAR_QUOTED;
  wsuv_handshake_free(judge(options, "b; x=\"1 2\"", 0));
  wsuv_handshake_free(judge(options, "b;; x=", WSUV_EBADEXTENSION));
  options.extension_grammar = WSUV_GRAMMAR_TOLERANT;
  wsuv_handshake_free(judge(options, "b;; x=", 0));
  wsuv_handshake_free(judge(options, "", 0));
}

/* ---- server ---- */

struct offer_case {
  const char *name;
  const char *value;
  const char *answer;
  const wsuv_extension_t *agreed[4];
};

/* covers: HSS.10 HSK.2 HSK.12 HSK.14 EXT.6 EXT.8 PMH.17 W056 W069 W070 W071 W073 W082 W193 W196 W200 D007 */
static const struct offer_case offer_cases[] = {
    {"none", NULL, "", {NULL}},
    {"unknown", "foo; x=1", "", {NULL}},
    {"malformed", "b, ;", "", {NULL}},
    {"quoted text", "b; x=\"1 2\"", "", {NULL}},
    {"in the server's order", "plain, zzz, a, b", "b, a, plain", {&b, &a, &plain, NULL}},
    {"several offers of one", "b; x, plain; y=1, B", "b, plain", {&b, &plain, NULL}},
    {"the client's first of two in conflict", "c, a, b", "b, c", {&b, &c, NULL}},
    {"the same opcode", "d, b, a", "b, d", {&b, &d, NULL}},
    {"too many", ",b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b,b", "", {NULL}},
};

static void check_response(const char *expected, wsuv_handshake_t *h) {
  wsuv_span_t text;
  CHECK_ERR(0, wsuv_handshake_response(h, NULL, 0, &text));
  check_field(expected, text);
}

static void run_offer(const void *data) {
  const struct offer_case *row = data;
  wsuv_handshake_t *h;
  reset(NULL);
  h = judge(options_of(WSUV_SERVER), row->value, 0);
  check_agreed(h, row->agreed);
  check_response(row->answer, h);
  wsuv_handshake_free(h);
  check_all_ended();
}

/* covers: HSS.10 EXT.4 PMH.16 PMH.17 W081 W196 W200 */
static void the_first_acceptable_offer_wins(void **state) {
  wsuv_handshake_t *h;
  wsuv_handshake_options_t options = options_of(WSUV_SERVER);
  (void)state;
  plans[1].wanted = "yes";
  plans[1].nelements = 1;
  plans[1].param = "n";
  plans[1].value = "";
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(0, give_head(h, WSUV_SERVER, "b; no, b"));
  CHECK_ERR(0, give(h, FIELD, "b; no=1; yes, b; yes"));
  CHECK_ERR(0, wsuv_handshake_finish(h));
  CHECK_SIZE(3, plans[1].nasked);
  CHECK_SIZE(1, plans[1].nlive);
  check_response("b; n=\"\"", h);
  CHECK_PTR(&plans[1], wsuv_handshake_extension_at(h, 0).session);
  wsuv_handshake_free(h);
  CHECK_SIZE(1, plans[1].nended);

  h = judge(options, "b; no", 0);
  check_response("", h);
  wsuv_handshake_free(h);
}

static void a_hook_that_fails_or_writes_nonsense_fails_the_handshake(void **state) {
  wsuv_handshake_t *h;
  (void)state;
  plans[0].result = WSUV_ERANDOM;
  h = judge(options_of(WSUV_SERVER), "b, a; x", WSUV_ERANDOM);
  CHECK_STR(FIELD ": \"a; x\" could not be answered" C91, wsuv_handshake_detail(h));
  CHECK_SIZE(1, plans[1].nended);
  wsuv_handshake_free(h);

  reset(NULL);
  plans[1].nelements = 2;
  h = judge(options_of(WSUV_SERVER), "a, b", WSUV_EINVAL);
  CHECK_SIZE(1, plans[0].nended);
  CHECK_SIZE(1, plans[1].nended);
  wsuv_handshake_free(h);

  reset(NULL);
  plans[1].param = "p";
  plans[1].value = "x\ny";
  h = judge(options_of(WSUV_SERVER), "b", WSUV_EINVAL);
  CHECK_SIZE(1, plans[1].nended);
  wsuv_handshake_free(h);
  check_all_ended();
}

/* covers: PMH.20 */
static void the_application_may_decline(void **state) {
  static const wsuv_extension_t *const left[] = {&a, NULL};
  wsuv_handshake_t *h;
  (void)state;
  h = judge(options_of(WSUV_SERVER), "a, b", 0);
  check_response("b, a", h);
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_decline_extension(h, "c"));
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_decline_extension(h, NULL));
  CHECK_ERR(0, wsuv_handshake_decline_extension(h, "b"));
  CHECK_SIZE(1, plans[1].nended);
  CHECK_ERR(WSUV_EINVAL, wsuv_handshake_decline_extension(h, "b"));
  check_agreed(h, left);
  check_response("a", h);
  CHECK_ERR(0, wsuv_handshake_decline_extension(h, "a"));
  check_response("", h);
  wsuv_handshake_free(h);
  CHECK_SIZE(1, plans[0].nended);
  CHECK_SIZE(1, plans[1].nended);
}

static void released_sessions_are_the_callers(void **state) {
  wsuv_handshake_t *h;
  (void)state;
  h = judge(options_of(WSUV_SERVER), "b", 0);
  wsuv_handshake_release_extensions(h);
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_decline_extension(h, "b"));
  check_agreed(h, only_b);
  check_response("b", h);
  wsuv_handshake_free(h);
  CHECK_SIZE(0, plans[1].nended);
  CHECK_SIZE(1, plans[1].nlive);

  reset(NULL);
  h = judge(options_of(WSUV_CLIENT), "b", 0);
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_decline_extension(h, "b"));
  wsuv_handshake_free(h);
  CHECK_SIZE(1, plans[1].nended);
}

static void nothing_is_declined_or_released_too_early(void **state) {
  wsuv_handshake_options_t options = options_of(WSUV_SERVER);
  wsuv_handshake_t *h;
  (void)state;
  CHECK_ERR(0, wsuv_handshake_new(&h, &options));
  CHECK_ERR(WSUV_ESTATE, wsuv_handshake_decline_extension(h, "b"));
  wsuv_handshake_release_extensions(h);
  CHECK_ERR(0, give_head(h, WSUV_SERVER, "b"));
  CHECK_ERR(0, wsuv_handshake_finish(h));
  wsuv_handshake_free(h);
  CHECK_SIZE(1, plans[1].nended);
}

/* ---- memory ---- */

static int run(const wsuv_allocator_t *allocator, wsuv_role_t role, const char *value) {
  wsuv_handshake_options_t options = options_of(role);
  wsuv_handshake_t *h;
  wsuv_span_t text;
  int err;
  options.allocator = allocator;
  err = wsuv_handshake_new(&h, &options);
  if (err != 0)
    return err;
  err = give_head(h, role, value);
  if (err == 0)
    err = wsuv_handshake_finish(h);
  if (err == 0 && role == WSUV_SERVER)
    err = wsuv_handshake_response(h, NULL, 0, &text);
  wsuv_handshake_free(h);
  return err;
}

static void fail_each_allocation(wsuv_role_t role, const char *value, int result) {
  size_t n;
  int err = WSUV_ENOMEM;
  for (n = 1; err == WSUV_ENOMEM; n++) {
    struct failing_alloc fa;
    reset(NULL);
    plans[0].param = "p";
    plans[1].nelements = 1;
    failing_alloc_init(&fa);
    failing_alloc_fail_once(&fa, n);
    err = run(&fa.allocator, role, value);
    check_all_ended();
    failing_alloc_check_no_leaks(&fa);
    CHECK_ERR(failing_alloc_has_failed(&fa) ? WSUV_ENOMEM : result, err);
  }
  CHECK_TRUE(n > 8);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  fail_each_allocation(WSUV_SERVER, "b; x, a, plain, foo", 0);
  fail_each_allocation(WSUV_CLIENT, "b; x, a, plain", 0);
  fail_each_allocation(WSUV_CLIENT, "b, a, foo; x=1", WSUV_EEXTENSION);
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_list_or_grammar_that_is_none_is_refused),
      TEST(offers_are_on_one_line_in_the_configured_order),
      TEST(a_bad_offer_fails_the_creation),
      TEST(an_extension_refuses_its_answer),
      TEST(sessions_end_when_a_later_check_fails),
      TEST(the_grammar_is_strict_unless_the_options_say_otherwise),
      TEST(the_first_acceptable_offer_wins),
      TEST(a_hook_that_fails_or_writes_nonsense_fails_the_handshake),
      TEST(the_application_may_decline),
      TEST(released_sessions_are_the_callers),
      TEST(nothing_is_declined_or_released_too_early),
      TEST(every_allocation_may_fail),
  };
  int nfailed = cmocka_run_group_tests_name("negotiation", tests, NULL, NULL);
  nfailed += CHECK_RUN_TABLE("descriptions", description_cases, run_description);
  nfailed += CHECK_RUN_TABLE("answers", answer_cases, run_answer);
  nfailed += CHECK_RUN_TABLE("offers", offer_cases, run_offer);
  return nfailed;
}
