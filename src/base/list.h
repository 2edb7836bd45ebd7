/* Circular doubly linked list; the head is a node of its own. */
#ifndef WSUV_BASE_LIST_H
#define WSUV_BASE_LIST_H

#include <stddef.h>

struct wsuv__list {
  struct wsuv__list *prev;
  struct wsuv__list *next;
};

#define WSUV__LIST_ENTRY(node, type, member) \
  ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void wsuv__list_init(struct wsuv__list *head) {
  head->prev = head;
  head->next = head;
}

static inline int wsuv__list_is_empty(const struct wsuv__list *head) {
  return head->next == head;
}

static inline void wsuv__list_insert_before(struct wsuv__list *at, struct wsuv__list *node) {
  node->prev = at->prev;
  node->next = at;
  at->prev->next = node;
  at->prev = node;
}

static inline void wsuv__list_append(struct wsuv__list *head, struct wsuv__list *node) {
  wsuv__list_insert_before(head, node);
}

/* Leaves the node as a list of its own, so that removing it twice is harmless. */
static inline void wsuv__list_remove(struct wsuv__list *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  wsuv__list_init(node);
}

/* Moves all nodes of `from` behind those of `to`. */
static inline void wsuv__list_splice(struct wsuv__list *to, struct wsuv__list *from) {
  if (wsuv__list_is_empty(from))
    return;
  from->next->prev = to->prev;
  to->prev->next = from->next;
  from->prev->next = to;
  to->prev = from->prev;
  wsuv__list_init(from);
}

#endif
