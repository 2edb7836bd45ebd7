/* Every octet behind every octet, whole and in pieces. test_head_parser.c has them in heads. */
#include "http/line_octets.h"

#include <string.h>

#include "support/check.h"

/* As the RFC has it, one octet after the other. */
static int expected(uint8_t c, uint8_t previous, int is_request_line) {
  if (c == '\n' || previous == '\r')
    return c == '\n' && previous == '\r';
  if (c == '\r' || (c >= 0x20 && c < 0x7f))
    return 1;
  return !is_request_line && (c == '\t' || c >= 0x80);
}

static void test_every_pair(void **state) {
  (void)state;
  for (int is_request_line = 0; is_request_line < 2; is_request_line++) {
    for (unsigned i = 0; i < 65536; i++) {
      uint8_t pair[4] = {'a', (uint8_t)(i >> 8), (uint8_t)i, 0};
      int first = expected(pair[1], 'a', is_request_line);
      int both = first && expected(pair[2], pair[1], is_request_line);
      CHECK_INT(both, wsuv__line_octets_judge(pair, 3, 0, is_request_line));
      CHECK_INT(first, wsuv__line_octets_judge(pair, 2, 0, is_request_line));
      CHECK_INT(expected(pair[2], pair[1], is_request_line),
                wsuv__line_octets_judge(pair + 2, 1, pair[1], is_request_line));
    }
  }
}

/* Octets are judged eight at a time where they are visible: the pair lies in each eight, and across their borders. */
static void test_every_pair_in_a_row_of_others(void **state) {
  static const size_t places[] = {0, 3, 6, 7, 8, 14, 15, 16, 22};
  (void)state;
  for (unsigned i = 0; i < 65536; i++) {
    uint8_t first = (uint8_t)(i >> 8);
    uint8_t second = (uint8_t)i;
    int is_right =
        expected(first, 'a', 0) && expected(second, first, 0) && expected('a', second, 0);
    for (size_t k = 0; k < sizeof places / sizeof places[0]; k++) {
      uint8_t row[25];
      memset(row, 'a', sizeof row);
      row[places[k]] = first;
      row[places[k] + 1] = second;
      CHECK_INT(is_right, wsuv__line_octets_judge(row, sizeof row, 0, 0));
    }
  }
}

static void test_nothing(void **state) {
  (void)state;
  CHECK_INT(1, wsuv__line_octets_judge((const uint8_t *)"", 0, '\r', 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_pair),
      cmocka_unit_test(test_every_pair_in_a_row_of_others),
      cmocka_unit_test(test_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
