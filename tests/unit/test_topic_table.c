/* The table with subscribers that are nobody: who gets what, and walks during which the walked-over come and go. */
#include "api/topic_table.h"

#include <stdio.h>
#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"
#include "wsuv/errno.h"

#define NSUBSCRIBERS 8

struct rig {
  struct failing_alloc fa;
  struct wsuv__topic_table table;
  struct wsuv__subscriber subscribers[NSUBSCRIBERS];
};

static void rig_open(struct rig *rig) {
  static const uint8_t key[WSUV__SIPHASH_KEY_SIZE] = "a key of 16 oct";

  memset(rig, 0, sizeof *rig);
  failing_alloc_init(&rig->fa);
  wsuv__topic_table_init(&rig->table, &rig->fa.allocator, key);
}

static void leave(struct rig *rig, int i) {
  wsuv__topic_table_unsubscribe_all(&rig->table, &rig->subscribers[i]);
  CHECK_SIZE(0, wsuv__subscriber_count(&rig->subscribers[i]));
}

static void rig_close(struct rig *rig) {
  int i;

  for (i = 0; i < NSUBSCRIBERS; i++)
    leave(rig, i);
  CHECK_SIZE(0, rig->table.topics.count);
  CHECK_SIZE(0, rig->table.subscriptions.count);
  wsuv__topic_table_free(&rig->table);
  failing_alloc_check_no_leaks(&rig->fa);
}

static int subscribe(struct rig *rig, int i, const char *name) {
  return wsuv__topic_table_subscribe(&rig->table, &rig->subscribers[i], name, strlen(name), 1000);
}

static void unsubscribe(struct rig *rig, int i, const char *name) {
  wsuv__topic_table_unsubscribe(&rig->table, &rig->subscribers[i], name, strlen(name));
}

static int is_subscribed(const struct rig *rig, int i, const char *name) {
  return wsuv__topic_table_is_subscribed(&rig->table, &rig->subscribers[i], name, strlen(name));
}

static struct wsuv__topic *find(struct rig *rig, const char *name) {
  return wsuv__topic_table_find(&rig->table, name, strlen(name));
}

static size_t count(struct rig *rig, const char *name) {
  const struct wsuv__topic *topic = find(rig, name);

  return topic != NULL ? topic->nsubscribers : 0;
}

static void topics_exist_while_they_have_subscribers(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  CHECK_NULL(find(&rig, "news"));
  CHECK_ERR(0, subscribe(&rig, 0, "news"));
  CHECK_ERR(0, subscribe(&rig, 0, "news"));
  CHECK_ERR(0, subscribe(&rig, 1, "news"));
  CHECK_ERR(0, subscribe(&rig, 1, "new"));
  CHECK_SIZE(2, count(&rig, "news"));
  CHECK_SIZE(1, count(&rig, "new"));
  CHECK_SIZE(1, wsuv__subscriber_count(&rig.subscribers[0]));
  CHECK_SIZE(2, wsuv__subscriber_count(&rig.subscribers[1]));
  CHECK_TRUE(is_subscribed(&rig, 1, "new"));
  CHECK_FALSE(is_subscribed(&rig, 0, "new"));
  CHECK_FALSE(is_subscribed(&rig, 1, "newest"));
  unsubscribe(&rig, 0, "new");
  unsubscribe(&rig, 0, "newest");
  unsubscribe(&rig, 2, "new");
  unsubscribe(&rig, 1, "new");
  CHECK_NULL(find(&rig, "new"));
  CHECK_SIZE(1, rig.table.topics.count);
  leave(&rig, 1);
  CHECK_SIZE(1, count(&rig, "news"));
  rig_close(&rig);
}

/* Whichever one goes, first, last or between. */
static void counts_of_a_subscriber(void **state) {
  struct rig rig;
  char name[16];
  int first;
  int i;
  (void)state;

  for (first = 0; first < 5; first++) {
    rig_open(&rig);
    for (i = 0; i < 5; i++) {
      (void)snprintf(name, sizeof name, "topic %d", i);
      CHECK_ERR(0, subscribe(&rig, 0, name));
      CHECK_SIZE(i + 1, wsuv__subscriber_count(&rig.subscribers[0]));
    }
    for (i = 0; i < 5; i++) {
      (void)snprintf(name, sizeof name, "topic %d", (first + i * 2) % 5);
      unsubscribe(&rig, 0, name);
      CHECK_SIZE(4 - i, wsuv__subscriber_count(&rig.subscribers[0]));
      CHECK_SIZE(4 - i, rig.table.topics.count);
    }
    rig_close(&rig);
  }
}

static void max_is_the_most(void **state) {
  struct rig rig;
  struct wsuv__subscriber *s = &rig.subscribers[0];
  (void)state;

  rig_open(&rig);
  CHECK_ERR(WSUV_ESUBSCRIPTIONS, wsuv__topic_table_subscribe(&rig.table, s, "a", 1, 0));
  CHECK_SIZE(0, rig.table.topics.count);
  CHECK_ERR(0, wsuv__topic_table_subscribe(&rig.table, s, "a", 1, 2));
  CHECK_ERR(0, wsuv__topic_table_subscribe(&rig.table, s, "b", 1, 2));
  CHECK_ERR(WSUV_ESUBSCRIPTIONS, wsuv__topic_table_subscribe(&rig.table, s, "c", 1, 2));
  CHECK_ERR(0, wsuv__topic_table_subscribe(&rig.table, s, "a", 1, 2));
  CHECK_NULL(find(&rig, "c"));
  rig_close(&rig);
}

/* Beyond the two arrays: one allocation a topic, one a subscription. */
static void memory(void **state) {
  struct rig rig;
  (void)state;

  rig_open(&rig);
  CHECK_ERR(0, subscribe(&rig, 0, "a"));
  CHECK_SIZE(4, rig.fa.noutstanding);
  CHECK_ERR(0, subscribe(&rig, 1, "a"));
  CHECK_SIZE(5, rig.fa.noutstanding);
  CHECK_ERR(0, subscribe(&rig, 1, "b"));
  CHECK_SIZE(7, rig.fa.noutstanding);
  rig_close(&rig);
}

static void every_allocation_fails_once(void **state) {
  struct rig rig;
  size_t n;
  int i;
  int failed = 1;
  (void)state;

  for (n = 1; failed; n++) {
    rig_open(&rig);
    failing_alloc_fail_once(&rig.fa, n);
    for (i = 0; i < 40; i++) {
      char name[16];
      int err;
      (void)snprintf(name, sizeof name, "topic %d", i);
      err = subscribe(&rig, i % NSUBSCRIBERS, name);
      CHECK_TRUE(err == 0 || err == WSUV_ENOMEM);
      CHECK_SIZE(err == 0, count(&rig, name));
      CHECK_INT(err == 0, is_subscribed(&rig, i % NSUBSCRIBERS, name));
    }
    failed = failing_alloc_has_failed(&rig.fa);
    rig_close(&rig);
  }
  CHECK_TRUE(n > 80);
}

/* ---- walks ---- */

enum act { GOES, OTHERS_GO, NEXT_GOES, COMES_BACK, COMES_ANEW, ALL_GO, ALL_GO_AND_COME, WALKS };

struct walk {
  const char *name;
  const char
      *acts_at; /* digits: the subscribers whose visit does it; they are 0 to 3, visited 3210 */
  enum act act;
  const char *visits;
};

static const struct walk walks[] = {
    {"nobody does anything", "", GOES, "3210"},
    {"each goes", "0123", GOES, "3210"},
    {"the others go", "2", OTHERS_GO, "32"},
    {"the next goes", "3", NEXT_GOES, "310"},
    {"every second goes", "31", NEXT_GOES, "31"},
    {"each goes and comes back", "0123", COMES_BACK, "3210"},
    {"others come", "0123", COMES_ANEW, "3210"},
    {"all go at the first", "3", ALL_GO, "3"},
    {"all go at the last", "0", ALL_GO, "3210"},
    {"all go and come back at the first", "3", ALL_GO_AND_COME, "3"},
    {"walks in walks, at whose second all go", "3", WALKS, "332"},
};

static int number_of(const struct rig *rig, const struct wsuv__subscriber *subscriber) {
  return (int)(subscriber - rig->subscribers);
}

static void all_go(struct rig *rig) {
  int i;

  for (i = 0; i < 4; i++)
    unsubscribe(rig, i, "walked");
  CHECK_NULL(find(rig, "walked"));
}

static void walk_within(struct rig *rig, char *visits) {
  struct wsuv__topic_cursor cursor;
  struct wsuv__subscriber *s;

  wsuv__topic_cursor_begin(&cursor, &rig->table, find(rig, "walked"), 0);
  while ((s = wsuv__topic_cursor_next(&cursor)) != NULL) {
    (void)snprintf(visits + strlen(visits), 2, "%d", number_of(rig, s));
    if (number_of(rig, s) == 2)
      all_go(rig);
  }
  wsuv__topic_cursor_end(&cursor, &rig->table);
}

static void act(struct rig *rig, const struct walk *walk, int i, char *visits) {
  int other;

  if (walk->act == GOES || walk->act == COMES_BACK)
    unsubscribe(rig, i, "walked");
  if (walk->act == COMES_BACK)
    CHECK_ERR(0, subscribe(rig, i, "walked"));
  for (other = 0; walk->act == OTHERS_GO && other < 4; other++)
    if (other != i)
      unsubscribe(rig, other, "walked");
  if (walk->act == NEXT_GOES)
    unsubscribe(rig, i - 1, "walked");
  if (walk->act == COMES_ANEW)
    CHECK_ERR(0, subscribe(rig, i + 4, "walked"));
  if (walk->act == ALL_GO || walk->act == ALL_GO_AND_COME)
    all_go(rig);
  for (other = 0; walk->act == ALL_GO_AND_COME && other < 4; other++)
    CHECK_ERR(0, subscribe(rig, other, "walked"));
  if (walk->act == WALKS)
    walk_within(rig, visits);
}

static void run_walk(const void *given) {
  const struct walk *walk = given;
  struct wsuv__topic_cursor cursor;
  struct wsuv__subscriber *s;
  char visits[32] = "";
  struct rig rig;
  int i;

  rig_open(&rig);
  for (i = 0; i < 4; i++)
    CHECK_ERR(0, subscribe(&rig, i, "walked"));
  wsuv__topic_cursor_begin(&cursor, &rig.table, find(&rig, "walked"), 0);
  while ((s = wsuv__topic_cursor_next(&cursor)) != NULL) {
    i = number_of(&rig, s);
    (void)snprintf(visits + strlen(visits), 2, "%d", i);
    if (strchr(walk->acts_at, '0' + i) != NULL)
      act(&rig, walk, i, visits);
  }
  CHECK_NULL(wsuv__topic_cursor_next(&cursor));
  wsuv__topic_cursor_end(&cursor, &rig.table);
  CHECK_STR(walk->visits, visits);
  rig_close(&rig);
}

static void publications_know_of_each_other(void **state) {
  struct wsuv__topic_cursor cursor;
  struct wsuv__topic_cursor inner;
  struct rig rig;
  (void)state;

  rig_open(&rig);
  CHECK_ERR(0, subscribe(&rig, 0, "a"));
  CHECK_ERR(0, subscribe(&rig, 0, "b"));
  wsuv__topic_cursor_begin(&cursor, &rig.table, find(&rig, "a"), 1);
  wsuv__topic_cursor_begin(&inner, &rig.table, find(&rig, "b"), 0);
  CHECK_TRUE(wsuv__topic_is_publishing(&rig.table, find(&rig, "a")));
  CHECK_FALSE(wsuv__topic_is_publishing(&rig.table, find(&rig, "b")));
  wsuv__topic_cursor_end(&inner, &rig.table);
  /* Another topic of the name, perhaps in the same place, is not the one that is published on. */
  unsubscribe(&rig, 0, "a");
  CHECK_NULL(cursor.topic);
  CHECK_ERR(0, subscribe(&rig, 0, "a"));
  CHECK_FALSE(wsuv__topic_is_publishing(&rig.table, find(&rig, "a")));
  CHECK_NULL(wsuv__topic_cursor_next(&cursor));
  wsuv__topic_cursor_end(&cursor, &rig.table);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(topics_exist_while_they_have_subscribers),
      cmocka_unit_test(counts_of_a_subscriber),
      cmocka_unit_test(max_is_the_most),
      cmocka_unit_test(memory),
      cmocka_unit_test(every_allocation_fails_once),
      cmocka_unit_test(publications_know_of_each_other),
  };

  return CHECK_RUN_TABLE("walks", walks, run_walk) +
         cmocka_run_group_tests_name("topic table", tests, NULL, NULL);
}
