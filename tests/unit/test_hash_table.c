#include "base/hash_table.h"
#include "base/list.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/errno.h"

#define NITEMS 2000

struct item {
  size_t number;
  struct wsuv__hash_node node;
};

static struct item items[NITEMS];

static int has_number(struct wsuv__hash_node *node, const void *arg) {
  return WSUV__LIST_ENTRY(node, struct item, node)->number == *(const size_t *)arg;
}

/* Two items a hash. */
static uint64_t hash_of(size_t number) {
  return (uint64_t)(number / 2) * 0x9e3779b97f4a7c15u;
}

static int add(struct wsuv__hash_table *table, const struct failing_alloc *fa, size_t number) {
  items[number].number = number;
  return wsuv__hash_table_add(table, &fa->allocator, &items[number].node, hash_of(number));
}

static int has(const struct wsuv__hash_table *table, size_t number) {
  const struct wsuv__hash_node *node =
      wsuv__hash_table_find(table, hash_of(number), has_number, &number);

  CHECK_TRUE(node == NULL || node == &items[number].node);
  return node != NULL;
}

static void grows_and_shrinks(void **state) {
  struct wsuv__hash_table table = {NULL, 0, 0};
  struct failing_alloc fa;
  size_t i;
  (void)state;

  failing_alloc_init(&fa);
  CHECK_FALSE(has(&table, 0));
  for (i = 0; i < NITEMS; i++) {
    CHECK_ERR(0, add(&table, &fa, i));
    CHECK_SIZE(1, fa.noutstanding);
  }
  CHECK_SIZE(2048, table.nchains);
  for (i = 0; i < NITEMS; i += 2)
    wsuv__hash_table_remove(&table, &fa.allocator, &items[i].node);
  for (i = 0; i < NITEMS; i++)
    CHECK_INT(i % 2, has(&table, i));
  for (i = 1; i < NITEMS; i += 2)
    wsuv__hash_table_remove(&table, &fa.allocator, &items[i].node);
  CHECK_SIZE(0, table.count);
  CHECK_SIZE(WSUV__HASH_TABLE_MIN, table.nchains);
  wsuv__hash_table_free(&table, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
}

/* One more and one less at the edge of growing, of shrinking: the array stays. */
static void does_not_swing(void **state) {
  struct wsuv__hash_table table = {NULL, 0, 0};
  struct failing_alloc fa;
  size_t ncalls;
  size_t i;
  (void)state;

  failing_alloc_init(&fa);
  for (i = 0; i <= 64; i++)
    CHECK_ERR(0, add(&table, &fa, i));
  CHECK_SIZE(128, table.nchains);
  ncalls = fa.ncalls;
  for (i = 0; i < 10; i++) {
    wsuv__hash_table_remove(&table, &fa.allocator, &items[64].node);
    CHECK_ERR(0, add(&table, &fa, 64));
  }
  CHECK_SIZE(ncalls, fa.ncalls);
  for (i = 15; i <= 64; i++)
    wsuv__hash_table_remove(&table, &fa.allocator, &items[i].node);
  CHECK_SIZE(64, table.nchains);
  ncalls = fa.ncalls;
  for (i = 0; i < 10; i++) {
    CHECK_ERR(0, add(&table, &fa, 15));
    wsuv__hash_table_remove(&table, &fa.allocator, &items[15].node);
  }
  CHECK_SIZE(ncalls, fa.ncalls);
  wsuv__hash_table_free(&table, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
}

static void only_the_first_needs_memory(void **state) {
  struct wsuv__hash_table table = {NULL, 0, 0};
  struct failing_alloc fa;
  size_t i;
  (void)state;

  failing_alloc_init(&fa);
  failing_alloc_fail_once(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, add(&table, &fa, 0));
  CHECK_SIZE(0, table.count);
  CHECK_ERR(0, add(&table, &fa, 0));
  failing_alloc_fail_from(&fa, 1);
  for (i = 1; i < 100; i++)
    CHECK_ERR(0, add(&table, &fa, i));
  CHECK_SIZE(WSUV__HASH_TABLE_MIN, table.nchains);
  failing_alloc_fail_from(&fa, 0);
  CHECK_ERR(0, add(&table, &fa, 100));
  CHECK_SIZE(2 * WSUV__HASH_TABLE_MIN, table.nchains);
  failing_alloc_fail_from(&fa, 1);
  for (i = 0; i <= 100; i++) {
    CHECK_TRUE(has(&table, i));
    wsuv__hash_table_remove(&table, &fa.allocator, &items[i].node);
  }
  CHECK_SIZE(2 * WSUV__HASH_TABLE_MIN, table.nchains);
  wsuv__hash_table_free(&table, &fa.allocator);
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(grows_and_shrinks),
      cmocka_unit_test(does_not_swing),
      cmocka_unit_test(only_the_first_needs_memory),
  };

  return cmocka_run_group_tests_name("hash table", tests, NULL, NULL);
}
