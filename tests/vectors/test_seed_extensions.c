/* The seed's rows about the text of Sec-WebSocket-Extensions: EXT.
 *
 * covers: EXT.1 EXT.2 EXT.3 EXT.4 EXT.5 EXT.6 EXT.7 EXT.8 */
#include <string.h>

#include "support/check.h"
#include "vectors/seed_extensions.h"
#include "vectors/seed_vectors.h"
#include "wsuv/extension.h"

static void parse(const struct seed_row *row, struct seed_text *out) {
  const wsuv_extension_element_t *elements[SEED_MAX_EXTENSIONS];
  struct seed_text input = {NULL, 0};
  wsuv_extension_list_t *list;
  size_t i;
  int err;
  if (strcmp(row->input, "-") != 0)
    seed_text_add_unescaped(&input, row->input, strlen(row->input));
  err = wsuv_extension_list_parse(&list, NULL, input.data, input.len, WSUV_GRAMMAR_QUOTED);
  if (err == 0) {
    CHECK_TRUE(wsuv_extension_list_len(list) <= SEED_MAX_EXTENSIONS);
    for (i = 0; i < wsuv_extension_list_len(list); i++)
      elements[i] = wsuv_extension_list_at(list, i);
    seed_text_add_str(out, "ok ");
    seed_elements_add(out, elements, wsuv_extension_list_len(list));
  } else {
    CHECK_ERR(WSUV_EHEADER, err);
    seed_text_add_str(out, "err malformed");
  }
  wsuv_extension_list_free(list);
  seed_text_free(&input);
}

static void format(const struct seed_row *row, struct seed_text *out) {
  struct seed_elements elements = {{NULL, 0}, {{NULL, NULL}}, 0, {{NULL, NULL, 0}}, 0};
  char text[200];
  int len;
  seed_elements_read(&elements, row->input);
  len = wsuv_extension_format(text, sizeof text, elements.items, elements.len);
  CHECK_INT(strlen(text), len);
  seed_text_add_str(out, "ok ");
  seed_text_add_escaped(out, text, (size_t)len);
  seed_elements_free(&elements);
}

static void run_row(const struct seed_row *row) {
  struct seed_text actual = {NULL, 0};
  if (strcmp(row->op, "ext.parse") == 0)
    parse(row, &actual);
  else if (strcmp(row->op, "ext.format") == 0)
    format(row, &actual);
  else
    fail_msg("%s: unknown operation %s", row->id, row->op);
  CHECK_STR(seed_row_expected(row), actual.data);
  seed_text_free(&actual);
}

int main(void) {
  static const char *const prefixes[] = {"EXT-"};
  return seed_run("seed: extensions", prefixes, 1, run_row);
}
