/* covers: DEM.4 */
#include "cat/printer.h"

#include <string.h>

#include "support/check.h"

enum { WHOLE = WSUV_FIRST | WSUV_FINAL };

static void check_printed(printer_t *printer, wsuv_opcode_t type, const char *payload, size_t len,
                          const char *expected) {
  for (size_t cut = 0; cut <= len; cut++) { /* in two pieces, at each place */
    octets_t out = {0};
    if (cut > 0 && cut < len) {
      printer_take(printer, type, payload, cut, WSUV_FIRST, &out);
      printer_take(printer, type, payload + cut, len - cut, WSUV_FINAL, &out);
    } else
      printer_take(printer, type, payload, len, WHOLE, &out);
    CHECK_BYTES(expected, strlen(expected), out.data, out.len);
    octets_free(&out);
  }
}

static void check_text(printer_t *printer, const char *payload, const char *expected) {
  check_printed(printer, WSUV_TEXT, payload, strlen(payload), expected);
}

static void text_is_a_line(void **state) {
  printer_t printer = {0};
  (void)state;
  check_text(&printer, "", "\n");
  check_text(&printer, "a\033[2Jb", "a\033[2Jb\n");
}

static void controls_do_not_reach_a_terminal(void **state) {
  printer_t printer = {.escape = 1};
  (void)state;
  check_text(&printer, "plain \303\244 \342\202\254 \360\237\230\200\ttab",
             "plain \303\244 \342\202\254 \360\237\230\200\ttab\n");
  check_text(&printer, "\033[2J\033]0;title\007", "\\x1b[2J\\x1b]0;title\\x07\n");
  check_text(&printer, "over\rwritten\177\b", "over\\x0dwritten\\x7f\\x08\n");
  check_text(&printer, "\302\2332J\302\205", "\\u009b2J\\u0085\n");
  check_text(&printer, "\342\200\256abc\342\201\246\342\200\250", "\\u202eabc\\u2066\\u2028\n");
  check_printed(&printer, WSUV_TEXT, "a\0b", 3, "a\\x00b\n");
}

static void no_line_of_a_message_looks_like_a_new_one(void **state) {
  printer_t printer = {.escape = 1, .dump = 1, .margin = "< "};
  (void)state;
  check_text(&printer, "one\n< two\n", "< one\n  < two\n  \n");
  check_printed(&printer, WSUV_BINARY, "ab", 2,
                "< 00000000  61 62                                            |ab|\n"
                "  (binary, 2 octets)\n");
}

static void a_cut_character_does_not_survive_its_message(void **state) {
  printer_t printer = {.escape = 1};
  octets_t out = {0};
  (void)state;
  printer_take(&printer, WSUV_TEXT, "\342\202", 2, WSUV_FIRST, &out); /* the connection was cut */
  printer_take(&printer, WSUV_TEXT, "a", 1, WHOLE, &out);
  CHECK_BYTES("a\n", 2, out.data, out.len);
  octets_free(&out);
}

static void binary_is_as_it_is(void **state) {
  printer_t printer = {.escape = 1};
  octets_t out = {0};
  (void)state;
  printer_take(&printer, WSUV_BINARY, "\0\033\n", 3, WHOLE, &out);
  CHECK_BYTES("\0\033\n", 3, out.data, out.len);
  octets_free(&out);
}

static void binary_is_dumped(void **state) {
  printer_t printer = {.dump = 1};
  (void)state;
  check_printed(&printer, WSUV_BINARY, "", 0, "(binary, 0 octets)\n");
  check_printed(&printer, WSUV_BINARY, "0123456789abcde\033", 16,
                "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 1b  |0123456789abcde.|\n"
                "(binary, 16 octets)\n");
  check_printed(&printer, WSUV_BINARY, "0123456789abcdef\377", 17,
                "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
                "00000010  ff                                               |.|\n"
                "(binary, 17 octets)\n");
}

static void a_long_dump_is_cut(void **state) {
  static char payload[PRINTER_DUMP_MAX + 100];
  static const char total[] = "(binary, 8292 octets; the first 4096 are shown)\n";
  enum { ROWS = PRINTER_DUMP_MAX / 16, ROW_LEN = 78 };
  printer_t printer = {.dump = 1};
  octets_t out = {0};
  (void)state;
  printer_take(&printer, WSUV_BINARY, payload, 1, WSUV_FIRST, &out);
  printer_take(&printer, WSUV_BINARY, payload, sizeof payload, 0, &out);
  printer_take(&printer, WSUV_BINARY, payload, sizeof payload - 101, WSUV_FINAL, &out);
  CHECK_SIZE(ROWS * ROW_LEN + strlen(total), out.len);
  CHECK_BYTES(total, strlen(total), out.data + ROWS * ROW_LEN, strlen(total));
  octets_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_is_a_line),
      cmocka_unit_test(controls_do_not_reach_a_terminal),
      cmocka_unit_test(no_line_of_a_message_looks_like_a_new_one),
      cmocka_unit_test(a_cut_character_does_not_survive_its_message),
      cmocka_unit_test(binary_is_as_it_is),
      cmocka_unit_test(binary_is_dumped),
      cmocka_unit_test(a_long_dump_is_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
