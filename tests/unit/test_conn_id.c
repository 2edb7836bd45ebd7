#include "api/conn_id.h"

#include <stdlib.h>

#include "support/check.h"
#include "support/failing_alloc.h"

#define PLACES 10000u

/* Never looked into: an address is all that the table wants. */
static char conns[PLACES];

static struct wsuv_conn *conn_at(size_t i) {
  return (struct wsuv_conn *)(void *)&conns[i];
}

struct rig {
  struct failing_alloc fa;
  struct wsuv__random_pool random;
  struct wsuv__conn_ids ids;
};

static void rig_init(struct rig *rig) {
  failing_alloc_init(&rig->fa);
  rig->ids = (struct wsuv__conn_ids){0};
  CHECK_ERR(0, wsuv__random_pool_init(&rig->random));
}

static uint32_t take(struct rig *rig, size_t i) {
  return wsuv__conn_ids_take(&rig->ids, &rig->fa.allocator, &rig->random, conn_at(i));
}

static void rig_free(struct rig *rig) {
  wsuv__conn_ids_free(&rig->ids, &rig->fa.allocator);
  failing_alloc_check_no_leaks(&rig->fa);
}

static void an_id_is_found_until_it_is_dropped(void **state) {
  struct rig rig;
  uint32_t number;
  uint64_t id;
  (void)state;
  rig_init(&rig);
  CHECK_NULL(wsuv__conn_ids_find(&rig.ids, 0));
  CHECK_NULL(wsuv__conn_ids_find(&rig.ids, 1));
  number = take(&rig, 7);
  CHECK_TRUE(number != 0);
  id = wsuv__conn_ids_id(&rig.ids, number);
  CHECK_TRUE(id != 0);
  CHECK_SIZE(id, wsuv__conn_ids_id(&rig.ids, number));
  CHECK_PTR(conn_at(7), wsuv__conn_ids_find(&rig.ids, id));
  wsuv__conn_ids_drop(&rig.ids, number);
  CHECK_NULL(wsuv__conn_ids_find(&rig.ids, id));
  rig_free(&rig);
}

static void a_place_that_is_used_again_has_another_id(void **state) {
  struct rig rig;
  uint64_t before = 0;
  uint32_t first;
  int i;
  (void)state;
  rig_init(&rig);
  first = take(&rig, 0);
  wsuv__conn_ids_drop(&rig.ids, first);
  for (i = 0; i < 1000; i++) {
    uint32_t number = take(&rig, 1);
    uint64_t id = wsuv__conn_ids_id(&rig.ids, number);
    CHECK_SIZE(first, number);
    CHECK_TRUE(id != before);
    CHECK_NULL(wsuv__conn_ids_find(&rig.ids, before));
    CHECK_PTR(conn_at(1), wsuv__conn_ids_find(&rig.ids, id));
    wsuv__conn_ids_drop(&rig.ids, number);
    CHECK_NULL(wsuv__conn_ids_find(&rig.ids, id));
    before = id;
  }
  rig_free(&rig);
}

/* The counting of 40 bits goes on at 0. */
static void the_generation_runs_over(void **state) {
  struct rig rig;
  uint32_t number;
  uint64_t last;
  uint64_t id;
  (void)state;
  rig_init(&rig);
  number = take(&rig, 0);
  rig.ids.places[0].generation = (UINT64_C(1) << 40) - 1;
  last = wsuv__conn_ids_id(&rig.ids, number);
  CHECK_PTR(conn_at(0), wsuv__conn_ids_find(&rig.ids, last));
  wsuv__conn_ids_drop(&rig.ids, number);
  CHECK_SIZE(number, take(&rig, 1));
  id = wsuv__conn_ids_id(&rig.ids, number);
  CHECK_SIZE(number, id);
  CHECK_PTR(conn_at(1), wsuv__conn_ids_find(&rig.ids, id));
  CHECK_NULL(wsuv__conn_ids_find(&rig.ids, last));
  rig_free(&rig);
}

/* 10,000 at once, and then half of them exchanged, four times. */
static void churn(void **state) {
  static uint32_t numbers[PLACES];
  static uint64_t ids[PLACES];
  static uint64_t stale[PLACES];
  struct rig rig;
  size_t round;
  size_t i;
  (void)state;
  rig_init(&rig);
  for (i = 0; i < PLACES; i++)
    numbers[i] = take(&rig, i);
  for (i = 0; i < PLACES; i++)
    ids[i] = wsuv__conn_ids_id(&rig.ids, numbers[i]);
  for (round = 0; round < 4; round++) {
    for (i = round % 2; i < PLACES; i += 2) {
      stale[i] = ids[i];
      wsuv__conn_ids_drop(&rig.ids, numbers[i]);
    }
    for (i = round % 2; i < PLACES; i += 2) {
      numbers[i] = take(&rig, i);
      ids[i] = wsuv__conn_ids_id(&rig.ids, numbers[i]);
    }
    for (i = 0; i < PLACES; i++) {
      CHECK_PTR(conn_at(i), wsuv__conn_ids_find(&rig.ids, ids[i]));
      CHECK_NULL(wsuv__conn_ids_find(&rig.ids, stale[i]));
    }
  }
  CHECK_SIZE(PLACES, rig.ids.n);
  rig_free(&rig);
}

static void no_memory_is_no_id(void **state) {
  struct rig rig;
  uint32_t number;
  size_t i;
  (void)state;
  rig_init(&rig);
  failing_alloc_fail_once(&rig.fa, 1);
  CHECK_SIZE(0, take(&rig, 0));
  number = take(&rig, 0);
  CHECK_TRUE(number != 0);
  for (i = 1; i < rig.ids.cap; i++)
    CHECK_TRUE(take(&rig, i) != 0);
  failing_alloc_fail_from(&rig.fa, 1);
  CHECK_SIZE(0, take(&rig, i));
  CHECK_PTR(conn_at(0), wsuv__conn_ids_find(&rig.ids, wsuv__conn_ids_id(&rig.ids, number)));
  wsuv__conn_ids_drop(&rig.ids, number);
  CHECK_SIZE(number, take(&rig, i));
  rig_free(&rig);
}

static void another_table_does_not_know_it(void **state) {
  struct rig a;
  struct rig b;
  uint64_t id;
  (void)state;
  rig_init(&a);
  rig_init(&b);
  id = wsuv__conn_ids_id(&a.ids, take(&a, 0));
  (void)take(&b, 0);
  CHECK_NULL(wsuv__conn_ids_find(&b.ids, id));
  rig_free(&a);
  rig_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_id_is_found_until_it_is_dropped),
      cmocka_unit_test(a_place_that_is_used_again_has_another_id),
      cmocka_unit_test(the_generation_runs_over),
      cmocka_unit_test(churn),
      cmocka_unit_test(no_memory_is_no_id),
      cmocka_unit_test(another_table_does_not_know_it),
  };
  return cmocka_run_group_tests_name("conn_id", tests, NULL, NULL);
}
