/* The table of received fields, and the check of fields to be sent. */
#include <string.h>

#include "http/field_line.h"
#include "http/fields.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/errno.h"

static const char text[] = "Host:a|X:1|x:22|Y:";

static void add(struct wsuv__fields *fields, const wsuv_allocator_t *a, size_t name_at,
                size_t value_at, size_t value_len) {
  struct wsuv__field *field = wsuv__fields_add(fields, a);
  CHECK_NOT_NULL(field);
  field->name_at = name_at;
  field->name_len = value_at - 1 - name_at;
  field->value_at = value_at;
  field->value_len = value_len;
}

/* covers: H041 H042 */
static void repeated_fields_are_found_in_order_in_any_case(void **state) {
  struct wsuv__fields fields = {0};
  wsuv_header_t header;
  (void)state;
  add(&fields, &wsuv__default_allocator, 0, 5, 1);
  add(&fields, &wsuv__default_allocator, 7, 9, 1);
  add(&fields, &wsuv__default_allocator, 11, 13, 2);
  CHECK_INT(1, wsuv__fields_find(&fields, text, "hOST", 0, &header));
  CHECK_BYTES("a", 1, header.value, header.value_len);
  CHECK_INT(1, wsuv__fields_find(&fields, text, "X", 1, &header));
  CHECK_BYTES("x", 1, header.name, header.name_len);
  CHECK_BYTES("22", 2, header.value, header.value_len);
  CHECK_INT(0, wsuv__fields_find(&fields, text, "X", 2, &header));
  CHECK_INT(0, wsuv__fields_find(&fields, text, "Ho", 0, &header));
  wsuv__fields_free(&fields, &wsuv__default_allocator);
}

static void a_failed_allocation_leaves_the_table_whole(void **state) {
  struct failing_alloc fa;
  struct wsuv__fields fields = {0};
  size_t i;
  (void)state;
  failing_alloc_init(&fa);
  failing_alloc_fail_once(&fa, 2);
  for (i = 0; wsuv__fields_add(&fields, &fa.allocator) != NULL; i++)
    CHECK_TRUE(i < 1000);
  CHECK_SIZE(i, fields.len);
  CHECK_NOT_NULL(wsuv__fields_add(&fields, &fa.allocator));
  wsuv__fields_free(&fields, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
}

struct line_case {
  const char *name;
  wsuv_header_t header;
  int result;       /* as a field of any message */
  int extra_result; /* as an extra field of a handshake */
};

#define BAD WSUV_EINVAL

/* covers: HSK.9 W033 H003 H025 H045 H058 C14 */
static const struct line_case line_cases[] = {
    {"lengths by strlen", {"X-A", "b c", 0, 0}, 0, 0},
    {"lengths given", {"X-A:", "bc\r", 3, 2}, 0, 0},
    {"empty value", {"X-A", "", 0, 0}, 0, 0},
    {"tab and high octets", {"X-A", "a\t\xc3\xa4", 0, 0}, 0, 0},
    {"CR", {"X-A", "a\rb", 0, 0}, BAD, BAD},
    {"LF", {"X-A", "a\nb", 0, 0}, BAD, BAD},
    {"NUL", {"X-A", "a\0b", 0, 3}, BAD, BAD},
    {"DEL", {"X-A", "a\x7f", 0, 0}, BAD, BAD},
    {"colon in the name", {"X:A", "a", 0, 0}, BAD, BAD},
    {"blank in the name", {"X A", "a", 0, 0}, BAD, BAD},
    {"CRLF in the name", {"X\r\nA", "a", 0, 0}, BAD, BAD},
    {"empty name", {"", "a", 0, 0}, BAD, BAD},
    {"no name", {NULL, "a", 0, 0}, BAD, BAD},
    {"no value", {"X", NULL, 0, 0}, BAD, BAD},
    {"Host", {"hOST", "a", 0, 0}, 0, BAD},
    {"Upgrade", {"Upgrade", "h2c", 0, 0}, 0, BAD},
    {"Connection", {"Connection", "close", 0, 0}, 0, BAD},
    {"Sec-WebSocket-anything", {"sec-websocket-foo", "a", 0, 0}, 0, BAD},
    {"Content-Length", {"Content-Length", "1", 0, 0}, 0, BAD},
    {"Transfer-Encoding", {"Transfer-Encoding", "chunked", 0, 0}, 0, BAD},
    {"Origin", {"Origin", "a", 0, 0}, 0, 0},
};

static void run_line(const void *data) {
  const struct line_case *row = data;
  CHECK_ERR(row->result, wsuv__field_line_check(&row->header));
  CHECK_ERR(row->extra_result, wsuv__field_line_check_extra(&row->header, 1, 0));
}

static void origin_is_refused_where_the_library_writes_it(void **state) {
  wsuv_header_t header = {"Origin", "a", 0, 0};
  (void)state;
  CHECK_ERR(WSUV_EINVAL, wsuv__field_line_check_extra(&header, 1, 1));
  CHECK_ERR(WSUV_EINVAL, wsuv__field_line_check_extra(NULL, 1, 0));
  CHECK_ERR(0, wsuv__field_line_check_extra(NULL, 0, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(repeated_fields_are_found_in_order_in_any_case),
      cmocka_unit_test(a_failed_allocation_leaves_the_table_whole),
      cmocka_unit_test(origin_is_refused_where_the_library_writes_it),
  };
  int nfailed = cmocka_run_group_tests_name("fields", tests, NULL, NULL);
  nfailed += CHECK_RUN_TABLE("field lines", line_cases, run_line);
  return nfailed;
}
