/* What went over a connection, frame by frame: the last ones are kept for when something goes wrong, or each is told.
 *
 *   conn.trace_frames = 32;                     in wsuv_conn_options_t: what a connection keeps
 *   static const wsuv_trace_t trace = {sizeof trace, stderr, NULL, print_failure};
 *   loop.trace = &trace;                        in wsuv_loop_options_t: who is told
 */
#ifndef WSUV_TRACE_H
#define WSUV_TRACE_H

#include "wsuv/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_conn wsuv_conn_t;

#define WSUV_TRACE_FRAMES_MAX 1024 /* of one connection */

/* A frame's header: when it was known, or the frame was queued. One that is against the protocol is as far known as it was read. */
typedef struct wsuv_trace_frame {
  uint64_t time_ms; /* as uv_now */
  uint64_t len;     /* of the payload, as on the wire */
  uint8_t is_sent;  /* non-zero: ours */
  uint8_t opcode;   /* 0-15 */
  uint8_t fin;
  uint8_t rsv; /* 0-7 */
  uint8_t masked;
} wsuv_trace_frame_t;

/* Told of the connections of a loop. Used in place; both functions are optional. */
typedef struct wsuv_trace {
  size_t size; /* sizeof(wsuv_trace_t) */
  void *arg;

  /* Every frame, received or queued, whether frames are kept or not. The one callback that runs inside of calls, those that
   * send: it may ask the connection (wsuv_conn_peer, wsuv_conn_data, wsuv_conn_trace and the like), but must not send, end or
   * change anything. */
  void (*on_frame)(void *arg, wsuv_conn_t *conn, const wsuv_trace_frame_t *frame);

  /* The peer broke the protocol or a limit, and the connection failed for it, with 1002 or 1007 to 1009. `text` is made of lines:
   * the peer's address, the error and what was wrong, then the last frames that were kept, up to 32, our Close among them. Comes
   * once, before on_close; everything may be called. */
  void (*on_failure)(void *arg, wsuv_conn_t *conn, int error, const char *text);
} wsuv_trace_t;

/* The frames that were kept, at most `n` of them, the last ones, oldest first; returns their number. Also inside of on_close. They
 * are kept from the first frame for which there was memory. */
WSUV_EXTERN size_t wsuv_conn_trace(const wsuv_conn_t *conn, wsuv_trace_frame_t *out, size_t n);

/* A line for each frame, times counted from the first one, NUL-terminated:
 *
 *   +0.000 s  <- text fin masked 5 octets
 *   +0.001 s  -> close fin 2 octets
 *
 * Returns the length without NUL; WSUV_ENOBUFS: it does not fit (WSUV_TRACE_LINE_MAX a frame always do), and `out` is not to be
 * used. */
#define WSUV_TRACE_LINE_MAX 96
WSUV_EXTERN int wsuv_trace_format(const wsuv_trace_frame_t *frames, size_t n, char *out,
                                  size_t size);

#ifdef __cplusplus
}
#endif

#endif
