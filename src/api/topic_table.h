/* Who subscribes to what: the topics of a server by name, the subscriptions of a topic and of a subscriber as lists. Knows no
 * connection and calls nobody. */
#ifndef WSUV_API_TOPIC_TABLE_H
#define WSUV_API_TOPIC_TABLE_H

#include "base/hash_table.h"
#include "base/list.h"
#include "base/siphash.h"

struct wsuv__subscription;

/* A member of whoever subscribes, found again from it. Zeroes have no subscription. */
struct wsuv__subscriber {
  struct wsuv__subscription *first; /* of a circle; NULL: none */
};

/* Exists while it has subscribers. */
struct wsuv__topic {
  struct wsuv__hash_node node;
  struct wsuv__list subscriptions; /* wsuv__subscription.in_topic, the newest first */
  size_t nsubscribers;
  size_t len;
  char name[]; /* not NUL-terminated */
};

struct wsuv__topic_table {
  const wsuv_allocator_t *allocator;
  uint8_t key[WSUV__SIPHASH_KEY_SIZE];
  struct wsuv__hash_table topics;        /* by name */
  struct wsuv__hash_table subscriptions; /* by subscriber and topic */
  struct wsuv__topic_cursor *cursors;    /* the innermost first */
  struct wsuv__topic *
      pending; /* has publications that its subscribers have not taken; NULL: none, or it is gone */
  uint64_t npublished; /* of all topics: new subscribers get what comes behind these */
};

/* A walk over a topic's subscribers during which anybody may come and go. Who comes after its beginning is not visited. */
struct wsuv__topic_cursor {
  struct wsuv__topic_cursor *outer;
  struct wsuv__topic *topic; /* NULL: it is gone */
  struct wsuv__list *next;   /* the subscription to visit, or the list's head */
  uint64_t taken; /* of the subscriber that was given last; see wsuv__topic_table_taken */
  int is_publication;
};

/* The key must be random. */
void wsuv__topic_table_init(struct wsuv__topic_table *table, const wsuv_allocator_t *a,
                            const uint8_t key[WSUV__SIPHASH_KEY_SIZE]);

/* When nobody subscribes to anything any more. */
void wsuv__topic_table_free(struct wsuv__topic_table *table);

/* `max` is what the subscriber may have. 0 also when it has this one already; WSUV_ESUBSCRIPTIONS, WSUV_ENOMEM: nothing
 * happened. */
int wsuv__topic_table_subscribe(struct wsuv__topic_table *table,
                                struct wsuv__subscriber *subscriber, const char *name, size_t len,
                                uint64_t max);

/* Harmless when there is nothing to end. */
void wsuv__topic_table_unsubscribe(struct wsuv__topic_table *table,
                                   struct wsuv__subscriber *subscriber, const char *name,
                                   size_t len);
void wsuv__topic_table_unsubscribe_all(struct wsuv__topic_table *table,
                                       struct wsuv__subscriber *subscriber);

int wsuv__topic_table_is_subscribed(const struct wsuv__topic_table *table,
                                    const struct wsuv__subscriber *subscriber, const char *name,
                                    size_t len);
size_t wsuv__subscriber_count(const struct wsuv__subscriber *subscriber);

/* NULL: nobody subscribes to it. */
struct wsuv__topic *wsuv__topic_table_find(const struct wsuv__topic_table *table, const char *name,
                                           size_t len);

/* Up to which of table->npublished the subscriber has taken, or need not take, what was published. NULL: it does not subscribe
 * to the topic. */
uint64_t *wsuv__topic_table_taken(const struct wsuv__topic_table *table,
                                  const struct wsuv__subscriber *subscriber,
                                  const struct wsuv__topic *topic);

/* Whether a publication on the topic is under way. */
int wsuv__topic_is_publishing(const struct wsuv__topic_table *table,
                              const struct wsuv__topic *topic);

/* Cursors end in the reverse order of their beginning. next: the subscriber to visit, or NULL. */
void wsuv__topic_cursor_begin(struct wsuv__topic_cursor *cursor, struct wsuv__topic_table *table,
                              struct wsuv__topic *topic, int is_publication);
struct wsuv__subscriber *wsuv__topic_cursor_next(struct wsuv__topic_cursor *cursor);
void wsuv__topic_cursor_end(struct wsuv__topic_cursor *cursor, struct wsuv__topic_table *table);

#endif
