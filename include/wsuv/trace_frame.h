/* A frame that was seen, and frames as text. */
#ifndef WSUV_TRACE_FRAME_H
#define WSUV_TRACE_FRAME_H

#include "wsuv/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A frame's header: when it was known, or the frame was queued. One that is against the protocol is as far known as it was
 * read. */
typedef struct wsuv_trace_frame {
  uint64_t time_ms; /* of the loop, or the endpoint */
  uint64_t len;     /* of the payload, as on the wire */
  uint8_t is_sent;  /* non-zero: ours */
  uint8_t opcode;   /* 0-15 */
  uint8_t fin;
  uint8_t rsv; /* 0-7 */
  uint8_t masked;
} wsuv_trace_frame_t;

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
