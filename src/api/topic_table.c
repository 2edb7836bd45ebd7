#include "api/topic_table.h"

#include <assert.h>
#include <string.h>

#include "wsuv/errno.h"

struct wsuv__subscription {
  struct wsuv__hash_node node;
  struct wsuv__list in_topic;
  struct wsuv__list in_subscriber; /* a circle without head: wsuv__subscriber.first is in it */
  struct wsuv__topic *topic;
  struct wsuv__subscriber *subscriber;
  size_t nsubscriptions; /* of the subscriber; kept in its first one */
  uint64_t taken;
};

void wsuv__topic_table_init(struct wsuv__topic_table *table, const wsuv_allocator_t *a,
                            const uint8_t key[WSUV__SIPHASH_KEY_SIZE]) {
  memset(table, 0, sizeof *table);
  table->allocator = a;
  memcpy(table->key, key, sizeof table->key);
}

void wsuv__topic_table_free(struct wsuv__topic_table *table) {
  assert(table->topics.count == 0 && table->subscriptions.count == 0 && table->cursors == NULL);
  wsuv__hash_table_free(&table->topics, table->allocator);
  wsuv__hash_table_free(&table->subscriptions, table->allocator);
}

/* ---- looking up ---- */

struct name {
  const char *text;
  size_t len;
};

static int has_name(struct wsuv__hash_node *node, const void *arg) {
  const struct wsuv__topic *topic = WSUV__LIST_ENTRY(node, struct wsuv__topic, node);
  const struct name *name = arg;

  return topic->len == name->len && memcmp(topic->name, name->text, name->len) == 0;
}

struct wsuv__topic *wsuv__topic_table_find(const struct wsuv__topic_table *table, const char *text,
                                           size_t len) {
  struct name name = {text, len};
  struct wsuv__hash_node *node;

  if (table->topics.count == 0)
    return NULL;
  node =
      wsuv__hash_table_find(&table->topics, wsuv__siphash(table->key, text, len), has_name, &name);
  return node != NULL ? WSUV__LIST_ENTRY(node, struct wsuv__topic, node) : NULL;
}

/* Addresses, hashed by their octets. */
struct pair {
  const struct wsuv__subscriber *subscriber;
  const struct wsuv__topic *topic;
};

static uint64_t hash_pair(const struct wsuv__topic_table *table, struct pair pair) {
  return wsuv__siphash(table->key, &pair, sizeof pair);
}

static int is_of_pair(struct wsuv__hash_node *node, const void *arg) {
  const struct wsuv__subscription *subscription =
      WSUV__LIST_ENTRY(node, struct wsuv__subscription, node);
  const struct pair *pair = arg;

  return subscription->subscriber == pair->subscriber && subscription->topic == pair->topic;
}

static struct wsuv__subscription *find_subscription(const struct wsuv__topic_table *table,
                                                    const struct wsuv__subscriber *subscriber,
                                                    const struct wsuv__topic *topic) {
  struct pair pair = {subscriber, topic};
  struct wsuv__hash_node *node =
      wsuv__hash_table_find(&table->subscriptions, hash_pair(table, pair), is_of_pair, &pair);

  return node != NULL ? WSUV__LIST_ENTRY(node, struct wsuv__subscription, node) : NULL;
}

int wsuv__topic_table_is_subscribed(const struct wsuv__topic_table *table,
                                    const struct wsuv__subscriber *subscriber, const char *name,
                                    size_t len) {
  struct wsuv__topic *topic =
      subscriber->first != NULL ? wsuv__topic_table_find(table, name, len) : NULL;

  return topic != NULL && find_subscription(table, subscriber, topic) != NULL;
}

uint64_t *wsuv__topic_table_taken(const struct wsuv__topic_table *table,
                                  const struct wsuv__subscriber *subscriber,
                                  const struct wsuv__topic *topic) {
  struct wsuv__subscription *subscription = find_subscription(table, subscriber, topic);

  return subscription != NULL ? &subscription->taken : NULL;
}

size_t wsuv__subscriber_count(const struct wsuv__subscriber *subscriber) {
  return subscriber->first != NULL ? subscriber->first->nsubscriptions : 0;
}

/* ---- coming ---- */

static struct wsuv__topic *add_topic(struct wsuv__topic_table *table, const char *name,
                                     size_t len) {
  struct wsuv__topic *topic = wsuv__alloc(table->allocator, sizeof *topic + len);

  if (topic == NULL)
    return NULL;
  wsuv__list_init(&topic->subscriptions);
  topic->nsubscribers = 0;
  topic->len = len;
  memcpy(topic->name, name, len);
  if (wsuv__hash_table_add(&table->topics, table->allocator, &topic->node,
                           wsuv__siphash(table->key, name, len)) == 0)
    return topic;
  wsuv__release(table->allocator, topic);
  return NULL;
}

/* As the newest of the topic, where no cursor comes any more, and the first of the subscriber. */
static void link_subscription(struct wsuv__subscription *subscription) {
  struct wsuv__subscriber *subscriber = subscription->subscriber;

  wsuv__list_insert_before(subscription->topic->subscriptions.next, &subscription->in_topic);
  subscription->topic->nsubscribers++;
  wsuv__list_init(&subscription->in_subscriber);
  subscription->nsubscriptions = wsuv__subscriber_count(subscriber) + 1;
  if (subscriber->first != NULL)
    wsuv__list_insert_before(&subscriber->first->in_subscriber, &subscription->in_subscriber);
  subscriber->first = subscription;
}

static int add_subscription(struct wsuv__topic_table *table, struct wsuv__subscriber *subscriber,
                            struct wsuv__topic *topic) {
  struct wsuv__subscription *subscription = wsuv__alloc(table->allocator, sizeof *subscription);

  if (subscription == NULL)
    return WSUV_ENOMEM;
  subscription->topic = topic;
  subscription->subscriber = subscriber;
  subscription->taken = table->npublished;
  if (wsuv__hash_table_add(&table->subscriptions, table->allocator, &subscription->node,
                           hash_pair(table, (struct pair){subscriber, topic})) != 0) {
    wsuv__release(table->allocator, subscription);
    return WSUV_ENOMEM;
  }
  link_subscription(subscription);
  return 0;
}

static void remove_topic(struct wsuv__topic_table *table, struct wsuv__topic *topic) {
  struct wsuv__topic_cursor *cursor;

  for (cursor = table->cursors; cursor != NULL; cursor = cursor->outer)
    if (cursor->topic == topic)
      cursor->topic = NULL;
  if (table->pending == topic)
    table->pending = NULL;
  wsuv__hash_table_remove(&table->topics, table->allocator, &topic->node);
  wsuv__release(table->allocator, topic);
}

int wsuv__topic_table_subscribe(struct wsuv__topic_table *table,
                                struct wsuv__subscriber *subscriber, const char *name, size_t len,
                                uint64_t max) {
  struct wsuv__topic *topic = wsuv__topic_table_find(table, name, len);
  int err;

  if (topic != NULL && find_subscription(table, subscriber, topic) != NULL)
    return 0;
  if (wsuv__subscriber_count(subscriber) >= max)
    return WSUV_ESUBSCRIPTIONS;
  if (topic == NULL)
    topic = add_topic(table, name, len);
  if (topic == NULL)
    return WSUV_ENOMEM;
  err = add_subscription(table, subscriber, topic);
  if (err != 0 && topic->nsubscribers == 0)
    remove_topic(table, topic);
  return err;
}

/* ---- going ---- */

static void unlink_from_subscriber(struct wsuv__subscription *subscription) {
  struct wsuv__subscriber *subscriber = subscription->subscriber;
  size_t left = subscriber->first->nsubscriptions - 1;

  if (left == 0)
    subscriber->first = NULL;
  else if (subscriber->first == subscription)
    subscriber->first = WSUV__LIST_ENTRY(subscription->in_subscriber.next,
                                         struct wsuv__subscription, in_subscriber);
  if (left > 0)
    subscriber->first->nsubscriptions = left;
  wsuv__list_remove(&subscription->in_subscriber);
}

static void remove_subscription(struct wsuv__topic_table *table,
                                struct wsuv__subscription *subscription) {
  struct wsuv__topic *topic = subscription->topic;
  struct wsuv__topic_cursor *cursor;

  for (cursor = table->cursors; cursor != NULL; cursor = cursor->outer)
    if (cursor->next == &subscription->in_topic)
      cursor->next = subscription->in_topic.next;
  unlink_from_subscriber(subscription);
  wsuv__list_remove(&subscription->in_topic);
  wsuv__hash_table_remove(&table->subscriptions, table->allocator, &subscription->node);
  wsuv__release(table->allocator, subscription);
  if (--topic->nsubscribers == 0)
    remove_topic(table, topic);
}

void wsuv__topic_table_unsubscribe(struct wsuv__topic_table *table,
                                   struct wsuv__subscriber *subscriber, const char *name,
                                   size_t len) {
  struct wsuv__topic *topic =
      subscriber->first != NULL ? wsuv__topic_table_find(table, name, len) : NULL;
  struct wsuv__subscription *subscription =
      topic != NULL ? find_subscription(table, subscriber, topic) : NULL;

  if (subscription != NULL)
    remove_subscription(table, subscription);
}

void wsuv__topic_table_unsubscribe_all(struct wsuv__topic_table *table,
                                       struct wsuv__subscriber *subscriber) {
  while (subscriber->first != NULL)
    remove_subscription(table, subscriber->first);
}

/* ---- walking ---- */

int wsuv__topic_is_publishing(const struct wsuv__topic_table *table,
                              const struct wsuv__topic *topic) {
  const struct wsuv__topic_cursor *cursor = table->cursors;

  while (cursor != NULL && !(cursor->topic == topic && cursor->is_publication))
    cursor = cursor->outer;
  return cursor != NULL;
}

void wsuv__topic_cursor_begin(struct wsuv__topic_cursor *cursor, struct wsuv__topic_table *table,
                              struct wsuv__topic *topic, int is_publication) {
  cursor->outer = table->cursors;
  cursor->topic = topic;
  cursor->next = topic->subscriptions.next;
  cursor->is_publication = is_publication;
  table->cursors = cursor;
}

struct wsuv__subscriber *wsuv__topic_cursor_next(struct wsuv__topic_cursor *cursor) {
  struct wsuv__list *at = cursor->next;
  const struct wsuv__subscription *subscription;

  if (cursor->topic == NULL || at == &cursor->topic->subscriptions)
    return NULL;
  cursor->next = at->next;
  subscription = WSUV__LIST_ENTRY(at, struct wsuv__subscription, in_topic);
  cursor->taken = subscription->taken;
  return subscription->subscriber;
}

void wsuv__topic_cursor_end(struct wsuv__topic_cursor *cursor, struct wsuv__topic_table *table) {
  assert(table->cursors == cursor);
  table->cursors = cursor->outer;
}
