/* wsuv's side of a uv_loop_t: what the connections of one loop share (read buffer, output cork, timing wheel, random pool
 * for masking keys). wsuv never runs, stops or owns the loop and has no globals.
 *
 * Threads: everything in wsuv/loop.h, conn.h, server.h and client.h is to be called on the loop's thread, outside or
 * inside callbacks; two loops never touch each other. What another thread wants goes through wsuv/post.h.
 */
#ifndef WSUV_LOOP_H
#define WSUV_LOOP_H

#include <uv.h>

#include "wsuv/errno.h"
#include "wsuv/protocol.h"
#include "wsuv/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_loop wsuv_loop_t;

typedef struct wsuv_loop_options {
  size_t size;                       /* sizeof(wsuv_loop_options_t) */
  const wsuv_allocator_t *allocator; /* NULL: malloc; copied */
  int keep_sigpipe;                  /* non-zero: leave SIGPIPE as it is, see wsuv_loop_new */
  /* Octets that the connections of the loop may hold together: queued for sending, of unfinished messages, read ahead,
   * in compression contexts of their own [WSUV_OFF]. Four fifths are for whoever comes first. Beyond, nothing is read from a
   * connection that holds more than an equal share of the last fifth, and no message for it is taken for sending
   * (WSUV_EQUEUEFULL); handshakes are answered 503. Where others have not drained after 10 s, to less than seven tenths of all,
   * the largest are closed with 1013 (WSUV_EBUDGET). */
  int64_t memory_budget;
  int64_t
      max_posts; /* of other threads that wait to be run, see wsuv/post.h [65536]; WSUV_OFF: any number */
  const wsuv_trace_t *trace; /* told of frames and failures; used in place (wsuv/trace.h) [none] */
} wsuv_loop_options_t;

#define WSUV_LOOP_OPTIONS_INIT \
  { sizeof(wsuv_loop_options_t), NULL, 0, 0, 0, NULL }

/* `options` may be NULL. libuv writes to sockets without MSG_NOSIGNAL, so that a peer that vanishes could end the process
 * by SIGPIPE: unless keep_sigpipe is set, the signal is set to ignored where it still has its default disposition.
 * WSUV_EINVAL, WSUV_ENOMEM, WSUV_ERANDOM or an error of libuv; then *out is NULL. */
WSUV_EXTERN int wsuv_loop_new(wsuv_loop_t **out, uv_loop_t *uv_loop,
                              const wsuv_loop_options_t *options);

/* Ends everything on it: servers stop listening, connections end as by wsuv_conn_terminate (each gets its on_close), posts that
 * wait are called back with WSUV_ECANCELED. Then `cb` (may be NULL) is called, last, and the memory is gone: wsuv's handles no
 * longer keep the uv_loop_t. WSUV_ESTATE if it was called before, or the loop is one of wsuv/threads.h. What other threads have
 * to heed: wsuv/post.h. */
WSUV_EXTERN int wsuv_loop_close(wsuv_loop_t *loop, void (*cb)(void *arg), void *arg);

WSUV_EXTERN uv_loop_t *wsuv_loop_uv(const wsuv_loop_t *loop);

#ifdef __cplusplus
}
#endif

#endif
