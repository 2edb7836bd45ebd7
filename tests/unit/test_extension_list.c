/* Sec-WebSocket-Extensions as text. What the seed does is in vectors/test_seed_extensions.c (EXT-*). */
#include "http/extension_list.h"

#include <stdio.h>
#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/guard_page.h"

enum {
  QUOTED = WSUV_GRAMMAR_QUOTED,
  STRICT = WSUV_GRAMMAR_STRICT,
  TOLERANT = WSUV_GRAMMAR_TOLERANT
};

static int parse(wsuv_extension_list_t **list, const char *text, size_t len, int grammar) {
  struct guard_page page = guard_page_new(text, len);
  int err = wsuv_extension_list_parse(list, NULL, (const char *)page.data, page.len,
                                      (wsuv_extension_grammar_t)grammar);
  guard_page_free(&page);
  return err;
}

/* The list as text; "-" for an error. */
static void render(char out[256], const char *text, size_t len, int grammar) {
  wsuv_extension_list_t *list;
  int err = parse(&list, text, len, grammar);
  snprintf(out, 256, "-");
  if (err == 0) {
    size_t n = wsuv_extension_list_len(list);
    CHECK_TRUE(wsuv_extension_format(out, 256, n > 0 ? wsuv_extension_list_at(list, 0) : NULL, n) >=
               0);
  } else {
    CHECK_ERR(WSUV_EHEADER, err);
    CHECK_NULL(list);
  }
  wsuv_extension_list_free(list);
}

struct grammar_case {
  const char *name;
  const char *text;
  const char *quoted; /* NULL: malformed */
  const char *strict;
  const char *tolerant;
};

#define ALL(text) text, text, text

/* covers: EXT.1 EXT.2 EXT.3 EXT.4 EXT.5 EXT.6 DEC.2 W075 W195 H048 */
static const struct grammar_case grammar_cases[] = {
    {"nothing", "", ALL("")},
    {"blanks and commas", " ,\t, ", ALL("")},
    {"blanks everywhere", "\ta\t;\tb\t=\t1\t,\tc\t", ALL("a; b=1, c")},
    {"names become lower case, values do not", "A-Z;BC=De", ALL("a-z; bc=De")},
    {"quoted token", "a;b=\"10\"", ALL("a; b=10")},
    {"escaped token", "a;b=\"1\\0\"", ALL("a; b=10")},
    {"duplicates", "a;b=1;b;b=1,a", ALL("a; b=1; b; b=1, a")},
    {"quoted text", "a;b=\"x, y;z\"", "a; b=\"x, y;z\"", NULL, "a; b=\"x, y;z\""},
    {"quoted tab and high octet", "a;b=\"\t\xc3\xa4\"", "a; b=\"\t\xc3\xa4\"", NULL,
     "a; b=\"\t\xc3\xa4\""},
    {"quoted nothing", "a;b=\"\"", "a; b=\"\"", NULL, "a; b=\"\""},
    {"empty value", "a;b=", NULL, NULL, "a; b=\"\""},
    {"empty value, more behind", "a;b= ;c,d", NULL, NULL, "a; b=\"\"; c, d"},
    {"empty parameters", "a;;b; ;,c;", NULL, NULL, "a; b, c"},
    {"value behind the token", "a=1;b", NULL, NULL, "a; b"},
    {"quoted value behind the token", "a=\"1,2\" ;b", NULL, NULL, "a; b"},
    {"empty value behind the token", "a=", NULL, NULL, "a"},
    {"quoted token as a name", "\"a\"", ALL(NULL)},
    {"no name", ";b", ALL(NULL)},
    {"no parameter name", "a;=1", ALL(NULL)},
    {"quoted parameter name", "a;\"b\"", ALL(NULL)},
    {"two tokens", "a b", ALL(NULL)},
    {"two values", "a;b=1 2", ALL(NULL)},
    {"two equals signs", "a;b=1=2", ALL(NULL)},
    {"something behind the quotes", "a;b=\"1\"2", ALL(NULL)},
    {"open quotes", "a;b=\"1", ALL(NULL)},
    {"open quotes alone", "a;b=\"", ALL(NULL)},
    {"nothing behind the backslash", "a;b=\"1\\", ALL(NULL)},
    {"escaped closing quote", "a;b=\"1\\\"", ALL(NULL)},
    {"control character", "a;b=\"\x01\"", ALL(NULL)},
    {"escaped control character", "a;b=\"\\\x7f\"", ALL(NULL)},
    {"high octet in a token", "\xc3\xa4", ALL(NULL)},
    {"slash", "a/b", ALL(NULL)},
};

static void run_grammar(const void *data) {
  const struct grammar_case *row = data;
  char out[256];
  render(out, row->text, strlen(row->text), QUOTED);
  CHECK_STR(row->quoted != NULL ? row->quoted : "-", out);
  render(out, row->text, strlen(row->text), STRICT);
  CHECK_STR(row->strict != NULL ? row->strict : "-", out);
  render(out, row->text, strlen(row->text), TOLERANT);
  CHECK_STR(row->tolerant != NULL ? row->tolerant : "-", out);
}

/* covers: EXT.1 */
static void a_parameter_without_a_value_is_not_one_with_an_empty_value(void **state) {
  static const char text[] = "x; a; b=\"\", y";
  wsuv_extension_list_t *list;
  const wsuv_extension_element_t *element;
  (void)state;
  CHECK_ERR(0, parse(&list, text, strlen(text), QUOTED));
  CHECK_SIZE(2, wsuv_extension_list_len(list));
  element = wsuv_extension_list_at(list, 0);
  CHECK_STR("x", element->token);
  CHECK_SIZE(2, element->nparams);
  CHECK_STR("a", element->params[0].name);
  CHECK_NULL(element->params[0].value);
  CHECK_STR("", element->params[1].value);
  CHECK_SIZE(0, wsuv_extension_list_at(list, 1)->nparams);
  wsuv_extension_list_free(list);
}

static void a_nul_is_part_of_no_value(void **state) {
  char out[256];
  (void)state;
  render(out, "a;b=\"\0\"", 7, QUOTED);
  CHECK_STR("-", out);
  render(out, "a\0b", 3, TOLERANT);
  CHECK_STR("-", out);
}

static size_t repeat(char *out, const char *text, size_t n) {
  size_t len = strlen(text);
  size_t i;
  for (i = 0; i < n; i++)
    memcpy(out + i * len, text, len);
  return n * len;
}

/* covers: EXT.9 */
static void elements_and_parameters_are_limited(void **state) {
  static char text[4 * WSUV_EXTENSION_PARAMS_MAX + 8];
  wsuv_extension_list_t *list;
  size_t len;
  (void)state;
  len = repeat(text, "a,", WSUV_EXTENSION_ELEMENTS_MAX);
  CHECK_ERR(0, parse(&list, text, len, QUOTED));
  CHECK_SIZE(WSUV_EXTENSION_ELEMENTS_MAX, wsuv_extension_list_len(list));
  wsuv_extension_list_free(list);
  len = repeat(text, "a,", WSUV_EXTENSION_ELEMENTS_MAX + 1);
  CHECK_ERR(WSUV_EHEADER, parse(&list, text, len, QUOTED));
  text[0] = 'a';
  len = 1 + repeat(text + 1, ";b", WSUV_EXTENSION_PARAMS_MAX);
  CHECK_ERR(0, parse(&list, text, len, QUOTED));
  CHECK_SIZE(WSUV_EXTENSION_PARAMS_MAX, wsuv_extension_list_at(list, 0)->nparams);
  wsuv_extension_list_free(list);
  len = 1 + repeat(text + 1, ";b", WSUV_EXTENSION_PARAMS_MAX + 1);
  CHECK_ERR(WSUV_EHEADER, parse(&list, text, len, QUOTED));
  len = repeat(text, "a;b,", WSUV_EXTENSION_ELEMENTS_MAX);
  CHECK_ERR(0, parse(&list, text, len, QUOTED));
  wsuv_extension_list_free(list);
}

/* Commas and semicolons inside quotes count for the room, not for the limits. covers: EXT.9 */
static void a_long_text_costs_one_allocation_of_its_size(void **state) {
  static char text[100000];
  struct failing_alloc fa;
  wsuv_extension_list_t *list;
  size_t room;
  (void)state;
  memset(text, ',', sizeof text);
  memcpy(text, "a;b=\"", 5);
  memset(text + 1000, ';', 1000);
  text[sizeof text - 1] = '"';
  failing_alloc_init(&fa);
  CHECK_ERR(
      0, wsuv_extension_list_parse(&list, &fa.allocator, text, sizeof text, WSUV_GRAMMAR_QUOTED));
  room = sizeof text + WSUV_EXTENSION_ELEMENTS_MAX * sizeof(wsuv_extension_element_t) +
         WSUV_EXTENSION_PARAMS_MAX * sizeof(wsuv_extension_param_t) + 200;
  CHECK_SIZE(1, fa.ncalls);
  CHECK_TRUE(fa.peak_size <= room);
  CHECK_SIZE(sizeof text - 6, strlen(wsuv_extension_list_at(list, 0)->params[0].value));
  wsuv_extension_list_free(list);
  failing_alloc_check_no_leaks(&fa);
}

static void wrong_arguments_and_no_memory_are_reported(void **state) {
  struct failing_alloc fa;
  wsuv_extension_list_t *list;
  (void)state;
  CHECK_ERR(WSUV_EINVAL, wsuv_extension_list_parse(NULL, NULL, "a", 1, WSUV_GRAMMAR_QUOTED));
  CHECK_ERR(WSUV_EINVAL, wsuv_extension_list_parse(&list, NULL, NULL, 1, WSUV_GRAMMAR_QUOTED));
  CHECK_ERR(WSUV_EINVAL, parse(&list, "a", 1, 3));
  CHECK_ERR(0, wsuv_extension_list_parse(&list, NULL, NULL, 0, WSUV_GRAMMAR_QUOTED));
  CHECK_SIZE(0, wsuv_extension_list_len(list));
  wsuv_extension_list_free(list);
  wsuv_extension_list_free(NULL);
  failing_alloc_init(&fa);
  failing_alloc_fail_once(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM,
            wsuv_extension_list_parse(&list, &fa.allocator, "a", 1, WSUV_GRAMMAR_QUOTED));
  CHECK_NULL(list);
  failing_alloc_check_no_leaks(&fa);
}

/* ---- writing ---- */

struct value_case {
  const char *name;
  const char *value;
  const char *text; /* NULL: refused */
};

/* covers: EXT.7 H048 */
static const struct value_case value_cases[] = {
    {"none", NULL, "a; b"},
    {"token", "x-1", "a; b=x-1"},
    {"empty", "", "a; b=\"\""},
    {"blank", "x y", "a; b=\"x y\""},
    {"tab", "\t", "a; b=\"\t\""},
    {"separator", "x;y", "a; b=\"x;y\""},
    {"quote and backslash", "\"\\", "a; b=\"\\\"\\\\\""},
    {"high octet", "\xc3", "a; b=\"\xc3\""},
    {"line feed", "x\ny", NULL},
    {"carriage return", "\r", NULL},
    {"DEL", "\x7f", NULL},
};

static void run_value(const void *data) {
  const struct value_case *row = data;
  wsuv_extension_param_t param = {"b", NULL};
  wsuv_extension_element_t element = {"a", NULL, 1};
  char out[40];
  size_t size;
  param.value = row->value;
  element.params = &param;
  if (row->text == NULL) {
    CHECK_ERR(WSUV_EINVAL, wsuv_extension_format(out, sizeof out, &element, 1));
    return;
  }
  for (size = 0; size <= strlen(row->text); size++)
    CHECK_ERR(WSUV_ENOBUFS, wsuv_extension_format(out, size, &element, 1));
  CHECK_INT(strlen(row->text), wsuv_extension_format(out, size, &element, 1));
  CHECK_STR(row->text, out);
}

/* covers: EXT.7 EXT.8 */
static void what_is_no_token_is_not_written(void **state) {
  static const wsuv_extension_param_t bad = {"b c", NULL};
  static const wsuv_extension_param_t nameless = {NULL, NULL};
  wsuv_extension_element_t rows[] = {{"", NULL, 0},  {NULL, NULL, 0}, {"a\r\n", NULL, 0},
                                     {"a", &bad, 1}, {"a", NULL, 1},  {"a", &nameless, 1}};
  char out[40];
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CHECK_ERR(WSUV_EINVAL, wsuv_extension_format(out, sizeof out, &rows[i], 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_extension_format(out, sizeof out, NULL, 1));
  CHECK_INT(0, wsuv_extension_format(out, sizeof out, NULL, 0));
  CHECK_STR("", out);
  CHECK_ERR(WSUV_ENOBUFS, wsuv_extension_format(NULL, 0, NULL, 0));
}

static void text_is_appended_or_the_buffer_left_as_it_was(void **state) {
  static const wsuv_extension_element_t good = {"a", NULL, 0};
  static const wsuv_extension_element_t bad = {"a b", NULL, 0};
  static const wsuv_extension_param_t param = {"p", "1"};
  struct wsuv__buf buf = {NULL, 0, 0};
  struct failing_alloc fa;
  (void)state;
  failing_alloc_init(&fa);
  failing_alloc_fail_once(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, wsuv__extension_list_write(&buf, &fa.allocator, &good, 1));
  CHECK_ERR(0, wsuv__extension_list_write(&buf, &fa.allocator, &good, 1));
  CHECK_ERR(WSUV_EINVAL, wsuv__extension_list_write(&buf, &fa.allocator, &bad, 1));
  CHECK_ERR(0, wsuv__extension_list_write_param(&buf, &fa.allocator, &param));
  CHECK_BYTES("a; p=1", 6, buf.base, buf.len);
  wsuv__buf_free(&buf, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_parameter_without_a_value_is_not_one_with_an_empty_value),
      cmocka_unit_test(a_nul_is_part_of_no_value),
      cmocka_unit_test(elements_and_parameters_are_limited),
      cmocka_unit_test(a_long_text_costs_one_allocation_of_its_size),
      cmocka_unit_test(wrong_arguments_and_no_memory_are_reported),
      cmocka_unit_test(what_is_no_token_is_not_written),
      cmocka_unit_test(text_is_appended_or_the_buffer_left_as_it_was),
  };
  int nfailed = cmocka_run_group_tests_name("extension list", tests, NULL, NULL);
  nfailed += CHECK_RUN_TABLE("grammars", grammar_cases, run_grammar);
  nfailed += CHECK_RUN_TABLE("values", value_cases, run_value);
  return nfailed;
}
