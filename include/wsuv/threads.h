/* One server on several threads: each has a uv_loop_t, a wsuv_loop_t and a wsuv_server_t of its own, and connections stay on
 * the loop that accepted them.
 *
 *   wsuv_threads_options_t options = WSUV_THREADS_OPTIONS_INIT;
 *   options.server = &server_options;
 *   options.handler = &handler;
 *   err = wsuv_threads_start(&threads, &options);   all of them listen, or none
 *   ...
 *   wsuv_threads_stop(threads, NULL);               from any thread
 *   wsuv_threads_join(threads);                     all threads have ended, all memory is gone
 *
 * Threads: handlers run on the thread of their loop, several at once: what they share is theirs to protect. Everything that is
 * called with a loop, server or connection is called on its thread, but for wsuv/post.h. The functions here may be called on
 * any thread until wsuv_threads_join is called; that itself on none of these threads.
 *
 * How connections are spread. Where the system can (Linux, FreeBSD, DragonFly BSD) every loop listens on the port
 * (SO_REUSEPORT) and the kernel spreads them. Elsewhere, for unix sockets and with hand_off, the first loop accepts and hands
 * the descriptors to all loops in turn, which spreads evenly and makes every connection wait for the first loop; a loop where
 * max_posts wait is passed over, and where they all are the connection is closed without an answer. On Windows a socket cannot
 * go to another loop: UV_ENOTSUP for more than one.
 *
 * SO_REUSEPORT is for processes, too: another one of the same user that listens in the same way shares the port, and its
 * connections, without an error.
 *
 * The loops live, and may be posted to, until on_stop was called for the last of them; then they are closed, and what waits is
 * called back with WSUV_ECANCELED. wsuv_loop_uv(loop)->data is the application's: a place for what belongs to one of them.
 */
#ifndef WSUV_THREADS_H
#define WSUV_THREADS_H

#include "wsuv/drain.h"
#include "wsuv/post.h"
#include "wsuv/server.h"
#include "wsuv/topic.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_threads wsuv_threads_t;

/* 0 or NULL means the default in brackets. What it points to must stay until wsuv_threads_start returns; the targets of
 * handlers, and what extensions and TLS contexts say of themselves, to the end. */
typedef struct wsuv_threads_options {
  size_t size; /* sizeof(wsuv_threads_options_t) */
  int nloops;  /* threads and loops, up to 1024 [as many as the process may use processors] */
  /* As for wsuv_server_listen. Limits are those of each loop: max_connections of one server. With port 0 the first takes any
   * free one and the others the same. A TLS context is shared. Extensions are, too: one that belongs to one thread, such as a
   * wsuv_deflate_t, is to be set by on_options. */
  const wsuv_server_options_t *server;
  const wsuv_server_handler_t *handler; /* required */
  void *data; /* wsuv_server_data of each, and what the callbacks below get */
  /* Of every loop. An allocator must be safe for several threads. */
  const wsuv_loop_options_t *loop;
  int hand_off; /* non-zero: one loop accepts for all, also where the kernel could spread */

  /* On the thread itself, before its server is made: `server_options` is a copy for this loop to change, but for host, port,
   * path and backlog. Where wsuv_threads_start fails on_stop may not follow: what is made here is freed after that, or after
   * wsuv_threads_join. Other than 0: as on_start. */
  int (*on_options)(wsuv_threads_t *threads, wsuv_server_options_t *server_options, int index,
                    void *data);

  /* On the thread itself, before it accepts; for timers and clients of its own on wsuv_loop_uv(loop). Other than 0: nothing
   * starts, and wsuv_threads_start returns that. */
  int (*on_start)(wsuv_threads_t *threads, wsuv_loop_t *loop, wsuv_server_t *server, int index,
                  void *data);

  /* On the thread itself, for each whose on_start returned 0, when its server and connections are gone: handles of its own are
   * to be closed here. Those that are not are closed by the library, without a callback. */
  void (*on_stop)(wsuv_threads_t *threads, wsuv_loop_t *loop, int index, void *data);
} wsuv_threads_options_t;

#define WSUV_THREADS_OPTIONS_INIT \
  { sizeof(wsuv_threads_options_t), 0, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL }

/* Returns when every loop listens, or after the first error, when no thread and nothing else is left and *out is NULL. A loop
 * of theirs is not closed by wsuv_loop_close (WSUV_ESTATE). A server may be closed: its thread waits for the others' end then.
 * WSUV_EINVAL (options, handler, nloops), WSUV_ENOMEM, UV_ENOTSUP, what on_start returned, and the errors of wsuv_loop_new,
 * wsuv_server_listen and libuv (UV_EADDRINUSE, UV_EAGAIN for too many threads). */
WSUV_EXTERN int wsuv_threads_start(wsuv_threads_t **out, const wsuv_threads_options_t *options);

/* The port listened on; 0 for a unix socket. */
WSUV_EXTERN int wsuv_threads_port(const wsuv_threads_t *threads);

WSUV_EXTERN int wsuv_threads_nloops(const wsuv_threads_t *threads);

/* `index` from 0. NULL: there is none of that index, it has not started yet, or it is closed. */
WSUV_EXTERN wsuv_loop_t *wsuv_threads_loop(wsuv_threads_t *threads, int index);

/* Any thread, also one of these. Drains the server of every loop, as wsuv_server_drain does with these options (NULL: its
 * defaults), which are copied; `drain->cb` is called on each loop's thread, for its own server. WSUV_EINVAL, WSUV_ESTATE when
 * it was called before, or terminate was. */
WSUV_EXTERN int wsuv_threads_stop(wsuv_threads_t *threads, const wsuv_drain_options_t *drain);

/* Any thread. Publishes on every loop, to the subscribers of its server (wsuv_server_publish of wsuv/topic.h, with `options`,
 * NULL for none; `except` must be NULL, since a connection is one loop's). Publications come in the same order on every loop.
 * The payload is copied once. Messages that a loop cannot send are as with wsuv_server_publish there. WSUV_EINVAL,
 * WSUV_EENCODING, WSUV_EQUEUEFULL (max_posts of one of the loops wait: none publishes), WSUV_ENOMEM, WSUV_ESTATE (the loops are
 * closed). */
WSUV_EXTERN int wsuv_threads_publish(wsuv_threads_t *threads, const char *topic, wsuv_opcode_t type,
                                     const void *payload, size_t len,
                                     const wsuv_publish_options_t *options);

/* Any thread. The same at once: connections end as by wsuv_conn_terminate. Also after wsuv_threads_stop; harmless when
 * repeated. */
WSUV_EXTERN void wsuv_threads_terminate(wsuv_threads_t *threads);

/* Waits until all threads have ended, whoever stops them, and frees. Exactly once, on a thread that is none of them. */
WSUV_EXTERN void wsuv_threads_join(wsuv_threads_t *threads);

/* Any thread. Posts to every loop, as wsuv_loop_post: to all or, after an error, to none; `cb` is called once for each. What is
 * posted by several calls of this runs in the same order on all loops. WSUV_EINVAL, WSUV_EQUEUEFULL (of one of them),
 * WSUV_ENOMEM, WSUV_ESTATE (the loops are closed). */
WSUV_EXTERN int wsuv_threads_each(wsuv_threads_t *threads, wsuv_post_cb cb, void *arg);

#ifdef __cplusplus
}
#endif

#endif
