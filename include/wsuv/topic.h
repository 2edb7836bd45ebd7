/* Topics: connections of a server subscribe to names, and what is published under a name goes to all of its subscribers.
 *
 * A name is 1 to WSUV_TOPIC_MAX octets of any kind but NUL, compared octet by octet; nothing in it stands for other names. A
 * topic exists while it has subscribers, and belongs to one server. Names may come from peers: the table's hash has a random
 * key, and max_subscriptions of wsuv_server_options_t bounds what a peer can make it hold.
 *
 * A subscription ends by itself when its connection leaves WSUV_STATE_OPEN: with the call that sends a Close, with the Close
 * received, with the connection's end. Who is closing is not counted any more, nor in on_close.
 *
 * Every function is to be called on the loop's thread, from any callback.
 */
#ifndef WSUV_TOPIC_H
#define WSUV_TOPIC_H

#include "wsuv/server.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WSUV_TOPIC_MAX 255 /* octets of a name */

/* Adds the connection to the topic's subscribers: it gets what is published from now on. 0 also when it is one already.
 * WSUV_EINVAL (NULL, an empty or too long name), WSUV_ESTATE (not open, or not a server's), WSUV_ESUBSCRIPTIONS
 * (max_subscriptions), WSUV_ENOMEM. Time does not grow with what there is, on average. */
WSUV_EXTERN int wsuv_conn_subscribe(wsuv_conn_t *conn, const char *topic);

/* 0 also when it does not subscribe to it, in any state. WSUV_EINVAL (as above). What was queued before still goes out. */
WSUV_EXTERN int wsuv_conn_unsubscribe(wsuv_conn_t *conn, const char *topic);
WSUV_EXTERN void wsuv_conn_unsubscribe_all(wsuv_conn_t *conn);

WSUV_EXTERN size_t wsuv_conn_nsubscriptions(const wsuv_conn_t *conn);

/* 1 or 0. */
WSUV_EXTERN int wsuv_conn_is_subscribed(const wsuv_conn_t *conn, const char *topic);

typedef struct wsuv_publish_options {
  size_t size;               /* sizeof(wsuv_publish_options_t) */
  int flags;                 /* 0 or WSUV_SEND_NO_COMPRESS; of a prepared message 0 */
  wsuv_slow_t slow;          /* for subscribers that read too slowly, as in wsuv_send_options_t */
  uint64_t key;              /* likewise */
  const wsuv_conn_t *except; /* does not get it, such as the one it came from [none] */
} wsuv_publish_options_t;

#define WSUV_PUBLISH_OPTIONS_INIT \
  { sizeof(wsuv_publish_options_t), 0, WSUV_SLOW_DEFAULT, 0, NULL }

/* What became of a publication: the subscribers, by what sending to each of them returned. Who got it in the place of an older
 * message (WSUV_SLOW_DROP_OLDEST, WSUV_SLOW_KEEP_LATEST) is among `sent`. */
typedef struct wsuv_published {
  size_t sent;    /* written or queued */
  size_t refused; /* the queue is at write_limit: WSUV_EQUEUEFULL */
  size_t closed;  /* WSUV_SLOW_CLOSE ended the connection: WSUV_ESLOWREADER */
  size_t failed;  /* any other error: no memory, amid a message in fragments, an unclaimed opcode */
  int error;      /* the first of those, or 0 */
} wsuv_published_t;

/* Sends a message to every subscriber of the topic. It is framed and, where contexts are not kept from message to message,
 * compressed once for all of them. Each subscriber gets what is published in the order of the calls, also on several topics,
 * and in the order in which it is sent other messages. Without subscribers the payload is not looked at.
 *
 * With `out` NULL what is published on a topic in one turn of the loop is collected, and leaves in one walk over the
 * subscribers and one write to each, at the end of the turn; wsuv_conn_queued and counts know of it from then on. That is
 * the faster way by far. A subscriber whose peer's Close is handled later in the turn does not get it any more.
 *
 * With `out` it is sent to each subscriber before the call returns, and *out says what became of it.
 *
 * 0 whatever became of it at single subscribers. WSUV_EINVAL (topic, options, type,
 * NULL with a length), WSUV_EENCODING (text that is not UTF-8), WSUV_ENOMEM, WSUV_ESTATE (from an extension's hook, amid a
 * publication on the same topic): then nobody got it. `options` may be NULL. */
WSUV_EXTERN int wsuv_server_publish(wsuv_server_t *server, const char *topic, wsuv_opcode_t type,
                                    const void *payload, size_t len,
                                    const wsuv_publish_options_t *options, wsuv_published_t *out);

/* The same with a message of wsuv_prepared_new: for several topics, or at several times. */
WSUV_EXTERN int wsuv_server_publish_prepared(wsuv_server_t *server, const char *topic,
                                             wsuv_prepared_t *prepared,
                                             const wsuv_publish_options_t *options,
                                             wsuv_published_t *out);

/* Who is there: open connections that subscribe to the topic. 0 for a name that cannot be one. */
WSUV_EXTERN size_t wsuv_server_nsubscribers(const wsuv_server_t *server, const char *topic);

/* Topics with at least one subscriber. */
WSUV_EXTERN size_t wsuv_server_ntopics(const wsuv_server_t *server);

/* Calls `visit` for each subscriber, the newest first. `visit` may close, terminate, subscribe and unsubscribe any connection,
 * and publish. Who leaves before its turn is not visited, nor is who comes meanwhile. */
WSUV_EXTERN void wsuv_server_each_subscriber(wsuv_server_t *server, const char *topic,
                                             void (*visit)(wsuv_conn_t *conn, void *arg),
                                             void *arg);

#ifdef __cplusplus
}
#endif

#endif
