/* Tokens and lists. The splitting of the seed is in vectors/test_seed_http.c (TOK-*). */
#include <string.h>

#include "http/token.h"
#include "support/check.h"
#include "support/guard_page.h"
#include "wsuv/handshake.h"

static const char tchars[] =
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* covers: TOK.2 TOK.3 H047 */
static void the_characters_of_a_token_are_those_of_the_rfc(void **state) {
  int c;
  (void)state;
  for (c = 0; c < 256; c++) {
    int expected = c != 0 && strchr(tchars, c) != NULL;
    CHECK_INT(expected, wsuv__token_is_char((unsigned char)c));
  }
  CHECK_FALSE(wsuv__token_is_valid("", 0));
  CHECK_TRUE(wsuv__token_is_valid(tchars, strlen(tchars)));
  CHECK_FALSE(wsuv__token_is_valid("a b", 3));
}

/* covers: H041 TOK.7 */
static void letter_case_is_that_of_ascii(void **state) {
  (void)state;
  CHECK_TRUE(wsuv__token_is("uPGRADE", 7, "Upgrade"));
  CHECK_FALSE(wsuv__token_is("upgrad", 6, "Upgrade"));
  CHECK_FALSE(wsuv__token_is("upgrades", 8, "Upgrade"));
  CHECK_FALSE(wsuv__token_is("@", 1, "`")); /* 0x40 and 0x60 differ in the letters' case bit */
  CHECK_FALSE(wsuv__token_is("\xc4", 1, "\xe4"));
  CHECK_TRUE(wsuv__token_starts_with("SEC-websocket-X", 15, "Sec-WebSocket-"));
  CHECK_FALSE(wsuv__token_starts_with("Sec-", 4, "Sec-WebSocket-"));
}

static void check_trimmed(const char *expected, const char *input) {
  struct guard_page page = guard_page_new(input, strlen(input));
  struct wsuv__text got = wsuv__token_trim((const char *)page.data, page.len);
  CHECK_BYTES(expected, strlen(expected), got.data, got.len);
  guard_page_free(&page);
}

/* covers: H024 */
static void blanks_are_trimmed_at_both_ends(void **state) {
  (void)state;
  check_trimmed("13", " \t13 \t");
  check_trimmed("a b", "a b");
  check_trimmed("", " \t ");
  check_trimmed("", "");
}

struct list_case {
  const char *name;
  const char *input;
  const char *tokens[4]; /* the bad element last */
  int end;               /* what the last call says */
};

/* covers: TOK.1 TOK.2 TOK.4 TOK.5 TOK.7 H046 C20 */
static const struct list_case list_cases[] = {
    {"empty value", "", {NULL}, 0},
    {"only commas and blanks", ", ,\t, ", {NULL}, 0},
    {"one", "upgrade", {"upgrade"}, 0},
    {"tab behind a token", "Upgrade\t", {"Upgrade"}, 0},
    {"empty elements", ",, a ,, b ,", {"a", "b"}, 0},
    {"order is kept", "b,a, c", {"b", "a", "c"}, 0},
    {"inner blank", "a, b c", {"a", "b c"}, WSUV_ETOKEN},
    {"separator", "a/b", {"a/b"}, WSUV_ETOKEN},
    {"high octet", "a,\xc3\xa4", {"a", "\xc3\xa4"}, WSUV_ETOKEN},
};

static void run_list(const void *data) {
  const struct list_case *row = data;
  struct guard_page page = guard_page_new(row->input, strlen(row->input));
  struct wsuv__text rest = {(const char *)page.data, page.len};
  struct wsuv__text token;
  size_t i = 0;
  int got;
  while ((got = wsuv__token_next(&rest, &token)) == 1) {
    CHECK_NOT_NULL(row->tokens[i]);
    CHECK_BYTES(row->tokens[i], strlen(row->tokens[i]), token.data, token.len);
    i++;
  }
  CHECK_ERR(row->end, got);
  if (got == WSUV_ETOKEN)
    CHECK_BYTES(row->tokens[i], strlen(row->tokens[i]), token.data, token.len);
  else
    CHECK_NULL(row->tokens[i]);
  guard_page_free(&page);
}

/* covers: TOK.1 TOK.2 TOK.4 TOK.5 TOK.7 */
static void lists_are_for_applications_too(void **state) {
  static const char value[] = ", keep-alive ,,\tUpgrade, a b ,c";
  struct guard_page page = guard_page_new(value, sizeof value - 1);
  wsuv_span_t rest = {page.data, page.len};
  wsuv_span_t token;
  (void)state;
  CHECK_INT(1, wsuv_token_next(&rest, &token));
  CHECK_BYTES("keep-alive", 10, token.data, token.len);
  CHECK_PTR(page.data + 2, token.data); /* nothing is copied */
  CHECK_INT(1, wsuv_token_next(&rest, &token));
  CHECK_BYTES("Upgrade", 7, token.data, token.len);
  CHECK_ERR(WSUV_ETOKEN, wsuv_token_next(&rest, &token));
  CHECK_BYTES("a b", 3, token.data, token.len);
  CHECK_INT(1, wsuv_token_next(&rest, &token));
  CHECK_BYTES("c", 1, token.data, token.len);
  CHECK_INT(0, wsuv_token_next(&rest, &token));
  CHECK_INT(0, wsuv_token_next(&rest, &token));
  CHECK_SIZE(0, token.len);
  guard_page_free(&page);
  rest.data = NULL;
  rest.len = 0;
  CHECK_INT(0, wsuv_token_next(&rest, &token));
}

struct protocol_case {
  const char *name;
  const char *input;
  int result;
  const char *protocol;
  const char *version;
};

/* covers: HSK.7 */
static const struct protocol_case protocol_cases[] = {
    {"a name alone", "websocket", 1, "websocket", NULL},
    {"name and version", " h2c/1 ", 1, "h2c", "1"},
    {"empty version", "h2c/", WSUV_ETOKEN, "h2c/", NULL},
    {"empty name", "/1", WSUV_ETOKEN, "/1", NULL},
    {"two slashes", "a/b/c", WSUV_ETOKEN, "a/b/c", NULL},
    {"inner blank", "web socket", WSUV_ETOKEN, "web socket", NULL},
    {"nothing", ",", 0, NULL, NULL},
};

static void run_protocol(const void *data) {
  const struct protocol_case *row = data;
  struct wsuv__text rest = {row->input, strlen(row->input)};
  struct wsuv__protocol got;
  CHECK_ERR(row->result, wsuv__token_next_protocol(&rest, &got));
  if (row->protocol != NULL)
    CHECK_BYTES(row->protocol, strlen(row->protocol), got.name.data, got.name.len);
  if (row->version != NULL)
    CHECK_BYTES(row->version, strlen(row->version), got.version.data, got.version.len);
  else
    CHECK_TRUE(row->result != 1 || got.version.data == NULL);
}

/* RFC 9112 3.2 sends who wants a host to RFC 3986: what would end it there, or begin something else, is none. */
static void the_characters_of_a_host_cannot_end_it(void **state) {
  (void)state;
  for (int c = 1; c < 256; c++) {
    char host[2] = {'a', (char)c};
    int is_visible = c > ' ' && c < 0x7f;
    int expected = is_visible && strchr("/?#@\\<>\"{}|^`[]", c) == NULL;
    CHECK_INT(expected, wsuv__token_is_host(host, 2));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_characters_of_a_token_are_those_of_the_rfc),
      cmocka_unit_test(letter_case_is_that_of_ascii),
      cmocka_unit_test(blanks_are_trimmed_at_both_ends),
      cmocka_unit_test(lists_are_for_applications_too),
      cmocka_unit_test(the_characters_of_a_host_cannot_end_it),
  };
  int nfailed = cmocka_run_group_tests_name("token", tests, NULL, NULL);
  nfailed += CHECK_RUN_TABLE("token lists", list_cases, run_list);
  nfailed += CHECK_RUN_TABLE("protocol lists", protocol_cases, run_protocol);
  return nfailed;
}
