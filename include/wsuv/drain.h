/* Stopping a server without a stampede: its connections are closed one after the other, so that the clients do not come back
 * all at once, and who comes meanwhile is told when to try again. */
#ifndef WSUV_DRAIN_H
#define WSUV_DRAIN_H

#include "wsuv/server.h"

#ifdef __cplusplus
extern "C" {
#endif

/* total = ended + remaining. Who came after the drain had begun is in none of the numbers. */
typedef struct wsuv_drain_progress {
  size_t size;       /* sizeof(wsuv_drain_progress_t) */
  size_t total;      /* connections when it began, those in their opening handshakes included */
  size_t ended;      /* of them, gone by now */
  size_t remaining;  /* of them, still there */
  size_t closing;    /* of the remaining, those that were told so by a Close or a 503 */
  size_t terminated; /* of the total, those that the deadline ended */
  int done;          /* this is the last call */
} wsuv_drain_progress_t;

/* How far it has come: at most once in 16 ms, when something has changed, and once with `done`. Never inside a call of the
 * application's; `progress` is valid until the callback returns. May call anything. */
typedef void (*wsuv_drain_cb)(wsuv_server_t *server, const wsuv_drain_progress_t *progress);

/* 0 or NULL means the default in brackets. */
typedef struct wsuv_drain_options {
  size_t size;         /* sizeof(wsuv_drain_options_t) */
  int code;            /* of the Close frames [1001, going away] */
  const char *reason;  /* UTF-8, at most 123 octets; copied [none] */
  int64_t window_ms;   /* over which they are spread evenly [10000]; WSUV_OFF: all at once */
  int64_t deadline_ms; /* from now, when what is left is terminated [30000]; WSUV_OFF: never */
  int64_t
      retry_after_s; /* Retry-After of the 503, at most a day [5]; WSUV_OFF: without the field */
  wsuv_drain_cb cb;  /* [nobody is told] */
} wsuv_drain_options_t;

#define WSUV_DRAIN_OPTIONS_INIT \
  { sizeof(wsuv_drain_options_t), 0, NULL, 0, 0, 0, NULL }

/* Ends the server; `options` may be NULL.
 *
 * - Of n connections that are open the i-th, counting from 0, gets its Close window_ms * i / n from now, behind what it has
 *   queued: the first at once. Messages go on until then. From there on it ends as after wsuv_conn_close; the window is over
 *   sooner where connections end by themselves.
 * - A connection in its opening handshake is answered 503 with Retry-After at once. A request that waits for the
 *   application's decision too: wsuv_upgrade_accept and reject return WSUV_ECANCELED, and must still be called.
 * - The server listens on: who connects now is answered 503, at most 64 at a time, the others are dropped. wsuv_server_adopt
 *   and wsuv_upgrade_from_request return WSUV_EBUSY.
 *
 * When none of them is left, or at the deadline, the server stops listening and `cb` is called with `done`, exactly once; the
 * server's on_close follows when the last connection is gone. wsuv_server_close and wsuv_loop_close end a drain early: no
 * more Close frames are sent for it, and `cb` is called with `done`, too. Until then the drain keeps the uv_loop_t alive.
 *
 * WSUV_EINVAL: the options; a code that must not be sent, a reason without one or not UTF-8 or too long. WSUV_ESTATE: the
 * server drains already, or was closed. */
WSUV_EXTERN int wsuv_server_drain(wsuv_server_t *server, const wsuv_drain_options_t *options);

#ifdef __cplusplus
}
#endif

#endif
