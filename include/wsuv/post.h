/* Calls from other threads: the only functions of the library that may be called while the loop's thread is busy with it.
 *
 * wsuv_loop_post has a function run on the loop's thread, where everything is allowed; wsuv_loop_post_send has a message sent
 * over a connection that is named by its id, since a wsuv_conn_t * may be dead before another thread gets to use it.
 *
 * How long another thread may call: until wsuv_loop_close is called on the loop's thread everything works; from then on both
 * return WSUV_ESTATE; when wsuv_loop_close's callback comes the wsuv_loop_t is gone and must not be used any more, nor may a
 * call still be under way. So have the other threads stop, and wait for that, before the loop is closed or from a callback that
 * comes before the end, such as a server's on_close. wsuv/threads.h does this for its own loops.
 *
 * Memory for what is posted comes from the allocator of the loop, on the thread that posts: one that was given to wsuv_loop_new
 * must be safe for several threads then. malloc is.
 *
 * Posts do not keep the uv_loop_t alive: where nothing else does, uv_run returns and they wait for the next uv_run, or for
 * wsuv_loop_close.
 */
#ifndef WSUV_POST_H
#define WSUV_POST_H

#include <stdint.h>

#include "wsuv/conn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names a connection of one loop, for other threads and for whoever outlives it. 0 is none. Ids are not reused: the next one
 * that stands in the same place differs in 40 bits of counting. */
typedef uint64_t wsuv_conn_id_t;

/* The connection's id, the same at every call; to be called on the loop's thread, also in on_close. It is made on first use,
 * and costs 16 octets until on_close has returned; connections that never ask cost nothing. 0: no memory, no random
 * number, or 16 million connections of the loop have ids. */
WSUV_EXTERN wsuv_conn_id_t wsuv_conn_id(wsuv_conn_t *conn);

/* On the loop's thread: the connection of that id, in whatever state; NULL once its on_close has returned, for 0 and for what
 * is no id of the loop's. Ids of another loop are not found (each loop begins to count at a random number). */
WSUV_EXTERN wsuv_conn_t *wsuv_loop_conn(wsuv_loop_t *loop, wsuv_conn_id_t id);

/* On the loop's thread, never inside a call of the library's. `status`: 0, or WSUV_ECANCELED when the loop was closed before;
 * then there is nothing to be done but to free `arg`. It may post, end any connection, close the loop. */
typedef void (*wsuv_post_cb)(wsuv_loop_t *loop, void *arg, int status);

/* Any thread. Has `cb` run soon, exactly once if 0 was returned; what one thread posts to a loop runs in the order of its
 * calls, wsuv_loop_post_send included. However many are posted, connections are served in between. WSUV_EINVAL (no cb),
 * WSUV_EQUEUEFULL (max_posts of wsuv_loop_options_t wait), WSUV_ENOMEM, WSUV_ESTATE (wsuv_loop_close was called). */
WSUV_EXTERN int wsuv_loop_post(wsuv_loop_t *loop, wsuv_post_cb cb, void *arg);

/* On the loop's thread. `status`: 0 when the message was sent as by wsuv_conn_send_message; its error; WSUV_EGONE (no
 * connection has that id any more); WSUV_ECANCELED as above. */
typedef void (*wsuv_posted_cb)(wsuv_loop_t *loop, wsuv_conn_id_t id, void *arg, int status);

/* Any thread. Sends one message over the connection of that id, `type` and `flags` as wsuv_conn_send_message, which judges them
 * on the loop's thread. The payload is copied once. `cb` may be NULL; else it is called exactly once, if 0 was returned. Octets
 * that wait here are limited by the number of posts only; those of a connection by its write_limit. WSUV_EINVAL (NULL with a
 * length), WSUV_EQUEUEFULL, WSUV_ENOMEM, WSUV_ESTATE. */
WSUV_EXTERN int wsuv_loop_post_send(wsuv_loop_t *loop, wsuv_conn_id_t id, wsuv_opcode_t type,
                                    const void *payload, size_t len, int flags, wsuv_posted_cb cb,
                                    void *arg);

#ifdef __cplusplus
}
#endif

#endif
