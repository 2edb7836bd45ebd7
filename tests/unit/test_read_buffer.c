#include "io/read_buffer.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/errno.h"

static void the_one_buffer_is_lent_again_and_again(void **state) {
  struct wsuv__read_buffer buffer;
  struct failing_alloc fa;
  uv_buf_t a;
  uv_buf_t b;
  (void)state;
  failing_alloc_init(&fa);
  CHECK_ERR(0, wsuv__read_buffer_init(&buffer, &fa.allocator));
  a = wsuv__read_buffer_lend(&buffer);
  CHECK_SIZE(WSUV__READ_BUFFER_SIZE, a.len);
  wsuv__read_buffer_give_back(&buffer, a.base);
  b = wsuv__read_buffer_lend(&buffer);
  CHECK_PTR(a.base, b.base);
  wsuv__read_buffer_give_back(&buffer, b.base);
  CHECK_SIZE(1, fa.ncalls);
  wsuv__read_buffer_free(&buffer);
  failing_alloc_check_no_leaks(&fa);
}

static void a_second_borrower_gets_one_of_its_own(void **state) {
  struct wsuv__read_buffer buffer;
  struct failing_alloc fa;
  uv_buf_t a;
  uv_buf_t b;
  (void)state;
  failing_alloc_init(&fa);
  CHECK_ERR(0, wsuv__read_buffer_init(&buffer, &fa.allocator));
  a = wsuv__read_buffer_lend(&buffer);
  b = wsuv__read_buffer_lend(&buffer);
  CHECK_TRUE(a.base != b.base);
  CHECK_SIZE(WSUV__READ_BUFFER_OWN, b.len);
  wsuv__read_buffer_give_back(&buffer, a.base);
  wsuv__read_buffer_give_back(&buffer, b.base);
  CHECK_SIZE(1, fa.noutstanding);
  wsuv__read_buffer_free(&buffer);
  failing_alloc_check_no_leaks(&fa);
}

static void without_memory_there_is_an_empty_buffer(void **state) {
  struct wsuv__read_buffer buffer;
  struct failing_alloc fa;
  uv_buf_t a;
  uv_buf_t b;
  (void)state;
  failing_alloc_init(&fa);
  failing_alloc_fail_once(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, wsuv__read_buffer_init(&buffer, &fa.allocator));
  CHECK_ERR(0, wsuv__read_buffer_init(&buffer, &fa.allocator));
  failing_alloc_fail_once(&fa, 1);
  a = wsuv__read_buffer_lend(&buffer);
  b = wsuv__read_buffer_lend(&buffer);
  CHECK_NULL(b.base);
  CHECK_SIZE(0, b.len);
  wsuv__read_buffer_give_back(&buffer, b.base);
  wsuv__read_buffer_give_back(&buffer, a.base);
  wsuv__read_buffer_free(&buffer);
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_one_buffer_is_lent_again_and_again),
      cmocka_unit_test(a_second_borrower_gets_one_of_its_own),
      cmocka_unit_test(without_memory_there_is_an_empty_buffer),
  };
  return cmocka_run_group_tests_name("read_buffer", tests, NULL, NULL);
}
