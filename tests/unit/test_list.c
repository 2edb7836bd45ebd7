#include "base/list.h"
#include "support/check.h"

struct item {
  int number;
  struct wsuv__list link;
};

/* The numbers in order, as digits; checks the way back too. */
static int read_list(struct wsuv__list *head) {
  struct wsuv__list *node;
  int forward = 0;
  int backward = 0;
  int place = 1;
  for (node = head->next; node != head; node = node->next)
    forward = forward * 10 + WSUV__LIST_ENTRY(node, struct item, link)->number;
  for (node = head->prev; node != head; node = node->prev) {
    backward += place * WSUV__LIST_ENTRY(node, struct item, link)->number;
    place *= 10;
  }
  CHECK_INT(forward, backward);
  return forward;
}

static void nodes_keep_their_order(void **state) {
  struct wsuv__list head;
  struct item items[3] = {{1, {NULL, NULL}}, {2, {NULL, NULL}}, {3, {NULL, NULL}}};
  (void)state;
  wsuv__list_init(&head);
  CHECK_TRUE(wsuv__list_is_empty(&head));
  CHECK_INT(0, read_list(&head));
  wsuv__list_append(&head, &items[0].link);
  wsuv__list_append(&head, &items[2].link);
  wsuv__list_insert_before(&items[2].link, &items[1].link);
  CHECK_INT(123, read_list(&head));
  CHECK_FALSE(wsuv__list_is_empty(&head));
  wsuv__list_remove(&items[1].link);
  CHECK_INT(13, read_list(&head));
  wsuv__list_insert_before(head.next, &items[1].link);
  CHECK_INT(213, read_list(&head));
}

static void removing_twice_is_harmless(void **state) {
  struct wsuv__list head;
  struct item items[2] = {{1, {NULL, NULL}}, {2, {NULL, NULL}}};
  (void)state;
  wsuv__list_init(&head);
  wsuv__list_append(&head, &items[0].link);
  wsuv__list_append(&head, &items[1].link);
  wsuv__list_remove(&items[0].link);
  wsuv__list_remove(&items[0].link);
  CHECK_INT(2, read_list(&head));
  CHECK_TRUE(wsuv__list_is_empty(&items[0].link));
}

static void splicing_moves_all(void **state) {
  struct wsuv__list a;
  struct wsuv__list b;
  struct item items[4] = {
      {1, {NULL, NULL}}, {2, {NULL, NULL}}, {3, {NULL, NULL}}, {4, {NULL, NULL}}};
  (void)state;
  wsuv__list_init(&a);
  wsuv__list_init(&b);
  wsuv__list_splice(&a, &b);
  CHECK_INT(0, read_list(&a));
  wsuv__list_append(&b, &items[0].link);
  wsuv__list_append(&b, &items[1].link);
  wsuv__list_splice(&a, &b);
  CHECK_INT(12, read_list(&a));
  CHECK_INT(0, read_list(&b));
  wsuv__list_append(&b, &items[2].link);
  wsuv__list_append(&b, &items[3].link);
  wsuv__list_splice(&a, &b);
  CHECK_INT(1234, read_list(&a));
  wsuv__list_splice(&a, &b);
  CHECK_INT(1234, read_list(&a));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nodes_keep_their_order),
      cmocka_unit_test(removing_twice_is_harmless),
      cmocka_unit_test(splicing_moves_all),
  };
  return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
