/* Sec-WebSocket-Extensions in each grammar: what was parsed, written and parsed again, is the same list. The first octet picks
 * nothing but the room that format gets. covers: W210 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wsuv/extension.h"

#define FUZZ_CHECK(condition) \
  do {                        \
    if (!(condition))         \
      abort();                \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_equal(const char *a, const char *b) {
  FUZZ_CHECK((a == NULL) == (b == NULL));
  FUZZ_CHECK(a == NULL || strcmp(a, b) == 0);
}

static void check_equal_lists(const wsuv_extension_list_t *a, const wsuv_extension_list_t *b) {
  size_t i;
  size_t j;
  FUZZ_CHECK(wsuv_extension_list_len(a) == wsuv_extension_list_len(b));
  for (i = 0; i < wsuv_extension_list_len(a); i++) {
    const wsuv_extension_element_t *x = wsuv_extension_list_at(a, i);
    const wsuv_extension_element_t *y = wsuv_extension_list_at(b, i);
    check_equal(x->token, y->token);
    FUZZ_CHECK(x->nparams == y->nparams);
    for (j = 0; j < x->nparams; j++) {
      check_equal(x->params[j].name, y->params[j].name);
      check_equal(x->params[j].value, y->params[j].value);
    }
  }
}

static void check_limits(const wsuv_extension_list_t *list) {
  size_t nparams = 0;
  size_t i;
  FUZZ_CHECK(wsuv_extension_list_len(list) <= WSUV_EXTENSION_ELEMENTS_MAX);
  for (i = 0; i < wsuv_extension_list_len(list); i++)
    nparams += wsuv_extension_list_at(list, i)->nparams;
  FUZZ_CHECK(nparams <= WSUV_EXTENSION_PARAMS_MAX);
}

/* Written, a list is at most as long as its text: but for ", " and "; " in place of "," and ";", and quotation marks with
 * escapes. */
static void check_written(const wsuv_extension_list_t *list, size_t len, size_t small,
                          wsuv_extension_grammar_t grammar) {
  size_t n = wsuv_extension_list_len(list);
  const wsuv_extension_element_t *elements = n > 0 ? wsuv_extension_list_at(list, 0) : NULL;
  size_t room = 2 * len + 2 * WSUV_EXTENSION_PARAMS_MAX + 3;
  char *text = malloc(room);
  wsuv_extension_list_t *again;
  int written;
  FUZZ_CHECK(text != NULL);
  written = wsuv_extension_format(text, room, elements, n);
  FUZZ_CHECK(written >= 0 && strlen(text) == (size_t)written);
  FUZZ_CHECK(wsuv_extension_list_parse(&again, NULL, text, (size_t)written, grammar) == 0);
  check_equal_lists(list, again);
  wsuv_extension_list_free(again);
  if (small < room)
    FUZZ_CHECK((wsuv_extension_format(text, small, elements, n) == written) ==
               (small > (size_t)written));
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const wsuv_extension_grammar_t grammars[] = {WSUV_GRAMMAR_STRICT, WSUV_GRAMMAR_QUOTED,
                                                      WSUV_GRAMMAR_TOLERANT};
  wsuv_extension_list_t *stricter = NULL;
  size_t i;
  if (size == 0)
    return 0;
  for (i = 0; i < sizeof grammars / sizeof grammars[0]; i++) {
    wsuv_extension_list_t *list;
    int err = wsuv_extension_list_parse(&list, NULL, (const char *)data + 1, size - 1, grammars[i]);
    FUZZ_CHECK(err == 0 || (err == WSUV_EHEADER && list == NULL));
    FUZZ_CHECK(err == 0 || stricter == NULL); /* what a stricter one takes, the next one takes */
    if (list == NULL)
      continue;
    check_limits(list);
    check_written(list, size, data[0], grammars[i]);
    if (stricter != NULL)
      check_equal_lists(stricter, list);
    wsuv_extension_list_free(stricter);
    stricter = list;
  }
  wsuv_extension_list_free(stricter);
  return 0;
}
