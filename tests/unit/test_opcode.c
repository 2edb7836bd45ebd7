#include "support/check.h"
#include "wsuv/protocol.h"

struct opcode_row {
  const char *name;
  int opcode;
  int is_control;
};

/* covers: CON.1 FRM.1 FRM.15 W099 */
static const struct opcode_row rows[] = {
    {"continuation", 0, 0}, {"text", 1, 0}, {"binary", 2, 0},
    {"close", 8, 1},        {"ping", 9, 1}, {"pong", 10, 1},
};

static void run_row(const void *data) {
  const struct opcode_row *row = data;
  CHECK_STR(row->name, wsuv_opcode_name(row->opcode));
  CHECK_INT(row->is_control, wsuv_opcode_is_control(row->opcode));
}

static void reserved_opcodes_have_no_name(void **state) {
  int opcode;
  (void)state;
  for (opcode = -1; opcode < 300; opcode++) {
    if (opcode <= 2 && opcode >= 0)
      continue;
    if (opcode >= 8 && opcode <= 10)
      continue;
    CHECK_NULL(wsuv_opcode_name(opcode));
    CHECK_INT(opcode >= 11 && opcode <= 15, wsuv_opcode_is_control(opcode));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(reserved_opcodes_have_no_name)};
  return CHECK_RUN_TABLE("opcodes", rows, run_row) +
         cmocka_run_group_tests_name("opcode", tests, NULL, NULL);
}
