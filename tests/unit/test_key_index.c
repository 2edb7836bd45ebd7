/* The index of waiting entries by key, against a list that is searched from end to end. */
#include "proto/key_index.h"

#include <string.h>

#include "proto/outbox.h"
#include "support/check.h"
#include "support/failing_alloc.h"

enum { NKEYS = 300 };

struct scene {
  struct failing_alloc fa;
  struct wsuv__key_index *index;
  struct wsuv__outbox_entry entries[2][NKEYS]; /* two for each key, which take each other's place */
  struct wsuv__outbox_entry *expected[NKEYS];
  uint32_t random;
};

static void open_scene(struct scene *s) {
  memset(s, 0, sizeof *s);
  failing_alloc_init(&s->fa);
  s->random = 2463534242u;
}

static uint32_t next_random(struct scene *s) {
  s->random ^= s->random << 13;
  s->random ^= s->random >> 17;
  s->random ^= s->random << 5;
  return s->random;
}

/* Neighbours, multiples of a power of two, and keys with nothing in the lower half. */
static uint64_t key_of(size_t i) {
  if (i < 100)
    return i;
  return i < 200 ? (uint64_t)i << 16 : (uint64_t)i << 48;
}

static void put(struct scene *s, size_t i) {
  struct wsuv__outbox_entry *entry = &s->entries[s->expected[i] == &s->entries[0][i]][i];
  entry->of.key = key_of(i);
  CHECK_ERR(0, wsuv__key_index_reserve(&s->index, &s->fa.allocator));
  wsuv__key_index_put(s->index, entry);
  s->expected[i] = entry;
}

static void drop(struct scene *s, size_t i) {
  wsuv__key_index_remove(&s->index, &s->fa.allocator, s->expected[i]);
  s->expected[i] = NULL;
}

static void check_all(const struct scene *s) {
  size_t n = 0;
  size_t i;
  for (i = 0; i < NKEYS; i++) {
    CHECK_PTR(s->expected[i], wsuv__key_index_find(s->index, key_of(i)));
    n += s->expected[i] != NULL;
  }
  CHECK_INT(n > 0, s->index != NULL);
  CHECK_NULL(wsuv__key_index_find(s->index, UINT64_MAX));
}

static void finds_what_was_put_and_not_removed(void **state) {
  struct scene s;
  size_t turn;
  size_t i;
  (void)state;
  open_scene(&s);
  for (turn = 0; turn < 20000; turn++) {
    /* it fills in one half of the time and empties in the other */
    size_t key = next_random(&s) % NKEYS;
    int grows = (turn / 2500) % 2 == 0;
    if (s.expected[key] == NULL || next_random(&s) % 4 < (grows ? 3u : 1u))
      put(&s, key);
    else
      drop(&s, key);
    if (turn % 50 == 0)
      check_all(&s);
  }
  for (i = 0; i < NKEYS; i++)
    if (s.expected[i] != NULL)
      drop(&s, i);
  check_all(&s);
  failing_alloc_check_no_leaks(&s.fa);
}

static void there_is_none_until_the_first_and_behind_the_last(void **state) {
  struct scene s;
  (void)state;
  open_scene(&s);
  CHECK_NULL(wsuv__key_index_find(NULL, 7));
  put(&s, 7);
  put(&s, 7);
  CHECK_SIZE(1, s.fa.noutstanding);
  drop(&s, 7);
  CHECK_NULL(s.index);
  failing_alloc_check_no_leaks(&s.fa);
}

/* At the first entry, and where it has to grow; what was in it still is. */
static void without_memory_nothing_changes(void **state) {
  struct scene s;
  size_t nfailed = 0;
  size_t i;
  (void)state;
  open_scene(&s);
  for (i = 0; i < NKEYS; i++) {
    failing_alloc_fail_once(&s.fa, 1);
    if (wsuv__key_index_reserve(&s.index, &s.fa.allocator) != 0) {
      nfailed++;
      check_all(&s);
    }
    failing_alloc_fail_once(&s.fa, 0);
    put(&s, i);
  }
  CHECK_SIZE(7, nfailed); /* 16, 32, ... 1024 slots, half of which are used */
  check_all(&s);
  for (i = NKEYS; i-- > 0;)
    drop(&s, i);
  failing_alloc_check_no_leaks(&s.fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_what_was_put_and_not_removed),
      cmocka_unit_test(there_is_none_until_the_first_and_behind_the_last),
      cmocka_unit_test(without_memory_nothing_changes),
  };
  return cmocka_run_group_tests_name("key index", tests, NULL, NULL);
}
