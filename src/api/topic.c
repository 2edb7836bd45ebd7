#include "api/topic.h"

#include <string.h>

#include "api/server.h"

int wsuv__topics_init(wsuv_server_t *server) {
  uint8_t key[WSUV__SIPHASH_KEY_SIZE] = {0};
  int err = wsuv__random_pool_take(&server->loop->io.random, key, sizeof key);

  wsuv__topic_table_init(&server->topics, &server->loop->allocator, key);
  wsuv__publications_init(&server->publications);
  return err;
}

static wsuv_conn_t *conn_of(struct wsuv__subscriber *subscriber) {
  return WSUV__LIST_ENTRY(subscriber, wsuv_conn_t, subscriber);
}

/* The length of a name; 0 for what is none. */
static size_t judge_name(const char *topic) {
  size_t len = 0;

  if (topic == NULL)
    return 0;
  while (len <= WSUV_TOPIC_MAX && topic[len] != '\0')
    len++;
  return len <= WSUV_TOPIC_MAX ? len : 0;
}

/* ---- a connection's ---- */

int wsuv_conn_subscribe(wsuv_conn_t *conn, const char *topic) {
  size_t len = judge_name(topic);
  wsuv_server_t *server = conn->server;

  if (len == 0)
    return WSUV_EINVAL;
  wsuv__conn_follow_closing(conn);
  if (server == NULL || conn->phase != WSUV_STATE_OPEN)
    return WSUV_ESTATE;
  return wsuv__topic_table_subscribe(&server->topics, &conn->subscriber, topic, len,
                                     server->max_subscriptions);
}

int wsuv_conn_unsubscribe(wsuv_conn_t *conn, const char *topic) {
  size_t len = judge_name(topic);

  if (len == 0)
    return WSUV_EINVAL;
  wsuv__conn_take_publications(conn);
  if (conn->server != NULL)
    wsuv__topic_table_unsubscribe(&conn->server->topics, &conn->subscriber, topic, len);
  return 0;
}

void wsuv_conn_unsubscribe_all(wsuv_conn_t *conn) {
  wsuv__conn_take_publications(conn);
  if (conn->server != NULL)
    wsuv__topic_table_unsubscribe_all(&conn->server->topics, &conn->subscriber);
}

size_t wsuv_conn_nsubscriptions(const wsuv_conn_t *conn) {
  return wsuv__subscriber_count(&conn->subscriber);
}

int wsuv_conn_is_subscribed(const wsuv_conn_t *conn, const char *topic) {
  size_t len = judge_name(topic);

  return len > 0 && conn->server != NULL &&
         wsuv__topic_table_is_subscribed(&conn->server->topics, &conn->subscriber, topic, len);
}

/* ---- a server's ---- */

static const wsuv_publish_options_t presets = WSUV_PUBLISH_OPTIONS_INIT;

int wsuv__topic_judge(const char *topic) {
  return judge_name(topic) > 0 ? 0 : WSUV_EINVAL;
}

int wsuv__publish_options_judge(const wsuv_publish_options_t *o, int allowed_flags) {
  if (o->size < sizeof *o || (o->flags & ~allowed_flags) != 0)
    return WSUV_EINVAL;
  return o->slow >= WSUV_SLOW_DEFAULT && o->slow <= WSUV_SLOW_CLOSE ? 0 : WSUV_EINVAL;
}

static int is_publishing(const wsuv_server_t *server, const struct wsuv__topic *topic) {
  return wsuv__topic_is_publishing(&server->topics, topic) ||
         wsuv__publications_are_taken(&server->publications, &server->topics, topic);
}

/* *found is NULL where nobody is to get anything, also after an error. A publication amid another one on the topic would reach
 * some subscribers first. */
static int begin(wsuv_server_t *server, const char *topic, const wsuv_publish_options_t *o,
                 int allowed_flags, wsuv_published_t *out, struct wsuv__topic **found) {
  size_t len = judge_name(topic);
  int err = len > 0 ? wsuv__publish_options_judge(o, allowed_flags) : WSUV_EINVAL;

  *found = NULL;
  if (out != NULL)
    memset(out, 0, sizeof *out);
  if (err != 0)
    return err;
  *found = wsuv__topic_table_find(&server->topics, topic, len);
  if (*found == NULL || !is_publishing(server, *found))
    return 0;
  *found = NULL;
  return WSUV_ESTATE;
}

static void count(wsuv_published_t *out, int err) {
  if (err == 0)
    out->sent++;
  else if (err == WSUV_EQUEUEFULL)
    out->refused++;
  else if (err == WSUV_ESLOWREADER)
    out->closed++;
  else
    out->failed++;
  if (out->failed == 1 && out->error == 0)
    out->error = err;
}

/* Whoever wants to know what becomes of it at each subscriber has it sent now. */
static void send_to_all(wsuv_server_t *server, struct wsuv__topic *topic, wsuv_prepared_t *prepared,
                        const wsuv_publish_options_t *o, wsuv_published_t *out) {
  wsuv_send_options_t send = WSUV_SEND_OPTIONS_INIT;
  struct wsuv__topic_cursor cursor;
  struct wsuv__subscriber *subscriber;
  int err;

  send.slow = o->slow;
  send.key = o->key;
  wsuv__topic_cursor_begin(&cursor, &server->topics, topic, 1);
  while ((subscriber = wsuv__topic_cursor_next(&cursor)) != NULL) {
    if (conn_of(subscriber) == o->except)
      continue;
    err = wsuv_conn_send_prepared_with(conn_of(subscriber), prepared, &send);
    if (out != NULL)
      count(out, err);
  }
  wsuv__topic_cursor_end(&cursor, &server->topics);
}

static void publish(wsuv_server_t *server, struct wsuv__topic *topic, wsuv_prepared_t *prepared,
                    const wsuv_publish_options_t *o, wsuv_published_t *out) {
  if (out == NULL && wsuv__publications_add(server, topic, prepared, o))
    return;
  wsuv__publications_queue_all(server, &topic);
  if (topic != NULL)
    send_to_all(server, topic, prepared, o, out);
}

int wsuv_server_publish(wsuv_server_t *server, const char *topic, wsuv_opcode_t type,
                        const void *payload, size_t len, const wsuv_publish_options_t *options,
                        wsuv_published_t *out) {
  const wsuv_publish_options_t *o = options != NULL ? options : &presets;
  struct wsuv__topic *found;
  wsuv_prepared_t *prepared;
  int err = begin(server, topic, o, WSUV_SEND_NO_COMPRESS, out, &found);

  if (err != 0 || found == NULL)
    return err;
  err = wsuv_prepared_new(&prepared, &server->loop->allocator, type, payload, len, o->flags);
  if (err != 0)
    return err;
  publish(server, found, prepared, o, out);
  wsuv_prepared_free(prepared);
  return 0;
}

int wsuv_server_publish_prepared(wsuv_server_t *server, const char *topic,
                                 wsuv_prepared_t *prepared, const wsuv_publish_options_t *options,
                                 wsuv_published_t *out) {
  const wsuv_publish_options_t *o = options != NULL ? options : &presets;
  struct wsuv__topic *found;
  int err = begin(server, topic, o, 0, out, &found);

  if (err == 0 && prepared == NULL)
    err = WSUV_EINVAL;
  if (err == 0 && found != NULL)
    publish(server, found, prepared, o, out);
  return err;
}

size_t wsuv_server_nsubscribers(const wsuv_server_t *server, const char *topic) {
  size_t len = judge_name(topic);
  const struct wsuv__topic *found =
      len > 0 ? wsuv__topic_table_find(&server->topics, topic, len) : NULL;

  return found != NULL ? found->nsubscribers : 0;
}

size_t wsuv_server_ntopics(const wsuv_server_t *server) {
  return server->topics.topics.count;
}

void wsuv_server_each_subscriber(wsuv_server_t *server, const char *topic,
                                 void (*visit)(wsuv_conn_t *conn, void *arg), void *arg) {
  size_t len = judge_name(topic);
  struct wsuv__topic *found = len > 0 ? wsuv__topic_table_find(&server->topics, topic, len) : NULL;
  struct wsuv__topic_cursor cursor;
  struct wsuv__subscriber *subscriber;

  if (found == NULL)
    return;
  wsuv__topic_cursor_begin(&cursor, &server->topics, found, 0);
  while ((subscriber = wsuv__topic_cursor_next(&cursor)) != NULL)
    visit(conn_of(subscriber), arg);
  wsuv__topic_cursor_end(&cursor, &server->topics);
}
