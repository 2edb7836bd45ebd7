/* What was published on a topic in this turn of the loop and has not gone to its subscribers: one walk, and for most of them
 * one write of octets that are framed already, for all of it.
 *
 * The order is that of a walk for each publication: who sends to a subscriber, closes it or ends its subscription has it take
 * what waits before, and a publication on another topic has everybody take it. Only a peer's Close that is read later in the
 * turn comes ahead of it. */
#ifndef WSUV_API_PUBLICATIONS_H
#define WSUV_API_PUBLICATIONS_H

#include "api/topic_table.h"
#include "io/loop.h"
#include "wsuv/topic.h"

struct wsuv__publication_run;

enum wsuv__publications_state {
  PUBLICATIONS_COLLECTED,
  PUBLICATIONS_HANDED_OUT /* some of them are being sent: they must stay as they are */
};

/* Of a server. Which topic they are of is in its table: it may go. */
struct wsuv__publications {
  struct wsuv__task task;
  struct wsuv__publication_run *run; /* NULL until something is published */
  enum wsuv__publications_state state;
};

void wsuv__publications_init(struct wsuv__publications *publications);

/* When the server has no connection any more. */
void wsuv__publications_free(wsuv_server_t *server);

/* Some of them are being sent, and they are of this topic. */
static inline int wsuv__publications_are_taken(const struct wsuv__publications *publications,
                                               const struct wsuv__topic_table *table,
                                               const struct wsuv__topic *topic) {
  return publications->state == PUBLICATIONS_HANDED_OUT && table->pending == topic;
}

/* Has it wait. 0: it cannot, and must go to the subscribers at once. The topic has subscribers. */
int wsuv__publications_add(wsuv_server_t *server, struct wsuv__topic *topic,
                           wsuv_prepared_t *prepared, const wsuv_publish_options_t *options);

/* Into the subscribers' queues. The topic is NULL then if it lost them by that. */
void wsuv__publications_queue_all(wsuv_server_t *server, struct wsuv__topic **topic);

/* Octets of memory that they take, sent or not. */
size_t wsuv__publications_octets(const struct wsuv__publications *publications);

/* Into the connection's queue, ahead of what the caller is about to do with it. */
void wsuv__publications_take(wsuv_conn_t *conn);

#endif
