/* The tests' own tools: that checks compare what they say, guarded memory ends where it should and the failing
 * allocator fails and counts. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/guard_page.h"
#include "wsuv/errno.h"

static void checks_accept_equal_values(void **state) {
  (void)state;
  CHECK_INT(-3, -3);
  CHECK_SIZE(UINT64_MAX, UINT64_MAX);
  CHECK_ERR(WSUV_EINVAL, WSUV_EINVAL);
  CHECK_BYTES("a\0b", 3, "a\0b", 3);
  CHECK_BYTES(NULL, 0, "", 0);
  CHECK_STR("abc", "abc");
  CHECK_STR(NULL, NULL);
  CHECK_NULL(NULL);
  CHECK_NOT_NULL(state);
  CHECK_TRUE(1 < 2);
  CHECK_FALSE(2 < 1);
}

static void guarded_copy_equals_the_original(void **state) {
  struct guard_page page = guard_page_new("hello", 5);
  (void)state;
  CHECK_BYTES("hello", 5, page.data, page.len);
  page.data[4] = 'O';
  CHECK_BYTES("hellO", 5, page.data, page.len);
  guard_page_free(&page);
  CHECK_NULL(page.data);
}

static void guarded_memory_may_be_empty_or_zeroed(void **state) {
  struct guard_page empty = guard_page_new(NULL, 0);
  struct guard_page zeroed = guard_page_new(NULL, 10000);
  (void)state;
  CHECK_NOT_NULL(empty.data);
  CHECK_INT(0, zeroed.data[0]);
  CHECK_INT(0, zeroed.data[9999]);
  guard_page_free(&empty);
  guard_page_free(&zeroed);
}

#if defined(_WIN32)

static void one_octet_past_guarded_memory_is_a_crash(void **state) {
  (void)state;
  skip();
}

#else

static void read_past_the_guard(void) {
  struct guard_page page = guard_page_new("x", 1);
  volatile uint8_t *data = page.data;
  if (freopen("/dev/null", "w", stderr) == NULL)
    _exit(0);
  signal(SIGSEGV, SIG_DFL);
  signal(SIGBUS, SIG_DFL);
  _exit(data[1] & 0);
}

static void one_octet_past_guarded_memory_is_a_crash(void **state) {
  int status = 0;
  pid_t child = fork();
  (void)state;
  if (child == 0)
    read_past_the_guard();
  CHECK_INT(child, waitpid(child, &status, 0));
  CHECK_TRUE(WIFSIGNALED(status));
}

#endif

static void *take(struct failing_alloc *fa, size_t size) {
  return fa->allocator.alloc(fa->allocator.arg, size);
}

static void *resize(struct failing_alloc *fa, void *ptr, size_t size) {
  return fa->allocator.resize(fa->allocator.arg, ptr, size);
}

static void give_back(struct failing_alloc *fa, void *ptr) {
  fa->allocator.release(fa->allocator.arg, ptr);
}

static void allocator_counts_blocks_and_octets(void **state) {
  struct failing_alloc fa;
  char *ptr;
  (void)state;
  failing_alloc_init(&fa);
  ptr = take(&fa, 4);
  memcpy(ptr, "abcd", 4);
  ptr = resize(&fa, ptr, 100);
  CHECK_BYTES("abcd", 4, ptr, 4);
  CHECK_SIZE(1, fa.noutstanding);
  CHECK_SIZE(100, fa.outstanding_size);
  CHECK_SIZE(2, fa.ncalls);
  give_back(&fa, ptr);
  give_back(&fa, NULL);
  CHECK_SIZE(104, fa.peak_size);
  failing_alloc_check_no_leaks(&fa);
}

static void allocator_fails_once(void **state) {
  struct failing_alloc fa;
  void *first;
  (void)state;
  failing_alloc_init(&fa);
  failing_alloc_fail_once(&fa, 2);
  first = take(&fa, 8);
  CHECK_FALSE(failing_alloc_has_failed(&fa));
  CHECK_NULL(resize(&fa, first, 16));
  CHECK_TRUE(failing_alloc_has_failed(&fa));
  first = resize(&fa, first, 16);
  CHECK_NOT_NULL(first);
  give_back(&fa, first);
  failing_alloc_check_no_leaks(&fa);
}

static void allocator_fails_from_a_call_on(void **state) {
  struct failing_alloc fa;
  void *first;
  (void)state;
  failing_alloc_init(&fa);
  first = take(&fa, 8);
  failing_alloc_fail_from(&fa, 1);
  CHECK_NULL(take(&fa, 8));
  CHECK_NULL(resize(&fa, NULL, 8));
  CHECK_SIZE(2, fa.nfailed);
  failing_alloc_fail_from(&fa, 0);
  give_back(&fa, take(&fa, 8));
  give_back(&fa, first);
  failing_alloc_check_no_leaks(&fa);
}

struct number_row {
  const char *name;
  int value;
  int twice;
};

static const struct number_row numbers[] = {
    {"table row: one", 1, 2},
    {"table row: two", 2, 4},
};

static void row_is_doubled(const void *row) {
  const struct number_row *number = row;
  CHECK_INT(number->twice, number->value * 2);
}

static void fails_on_bytes(void **state) {
  (void)state;
  CHECK_BYTES("abc", 3, "abd", 3);
}

static void fails_on_error(void **state) {
  (void)state;
  CHECK_ERR(0, WSUV_EQUEUEFULL);
}

static void fails_on_leak(void **state) {
  struct failing_alloc fa;
  (void)state;
  failing_alloc_init(&fa);
  fa.noutstanding = 1;
  failing_alloc_check_no_leaks(&fa);
}

/* What each failing check prints is judged by the ctest that runs this program with "fail". */
static int run_failing(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fails_on_bytes),
      cmocka_unit_test(fails_on_error),
      cmocka_unit_test(fails_on_leak),
  };
  return cmocka_run_group_tests(tests, NULL, NULL) == 3 ? 0 : 1;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(checks_accept_equal_values),
      cmocka_unit_test(guarded_copy_equals_the_original),
      cmocka_unit_test(guarded_memory_may_be_empty_or_zeroed),
      cmocka_unit_test(one_octet_past_guarded_memory_is_a_crash),
      cmocka_unit_test(allocator_counts_blocks_and_octets),
      cmocka_unit_test(allocator_fails_once),
      cmocka_unit_test(allocator_fails_from_a_call_on),
  };
  if (argc > 1 && strcmp(argv[1], "fail") == 0)
    return run_failing();
  return CHECK_RUN_TABLE("support tables", numbers, row_is_doubled) +
         cmocka_run_group_tests_name("support", tests, NULL, NULL);
}
