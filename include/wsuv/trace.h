/* What went over a connection, frame by frame: the last ones are kept for when something goes wrong, or each is told.
 *
 *   conn.trace_frames = 32;                     in wsuv_conn_options_t: what a connection keeps
 *   static const wsuv_trace_t trace = {sizeof trace, stderr, NULL, print_failure};
 *   loop.trace = &trace;                        in wsuv_loop_options_t: who is told
 */
#ifndef WSUV_TRACE_H
#define WSUV_TRACE_H

#include "wsuv/trace_frame.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_conn wsuv_conn_t;

#define WSUV_TRACE_FRAMES_MAX 1024 /* of one connection */

/* Told of the connections of a loop. Used in place; both functions are optional. */
typedef struct wsuv_trace {
  size_t size; /* sizeof(wsuv_trace_t) */
  void *arg;

  /* Every frame, received or queued, whether frames are kept or not. The one callback that runs inside of calls, those that
   * send: it may ask the connection (wsuv_conn_peer, wsuv_conn_data, wsuv_conn_trace and the like), but must not send, end or
   * change anything. */
  void (*on_frame)(void *arg, wsuv_conn_t *conn, const wsuv_trace_frame_t *frame);

  /* The peer broke the protocol or a limit, and the connection failed for it, with 1002 or 1007 to 1009. `text` is made of
   * lines: the peer's address, the error and what was wrong, then the last frames that were kept, up to 32, our Close among
   * them. Comes once, before on_close; everything may be called. */
  void (*on_failure)(void *arg, wsuv_conn_t *conn, int error, const char *text);
} wsuv_trace_t;

/* The frames that were kept, at most `n` of them, the last ones, oldest first; returns their number. Also inside of on_close.
 * They are kept from the first frame for which there was memory. */
WSUV_EXTERN size_t wsuv_conn_trace(const wsuv_conn_t *conn, wsuv_trace_frame_t *out, size_t n);

#ifdef __cplusplus
}
#endif

#endif
