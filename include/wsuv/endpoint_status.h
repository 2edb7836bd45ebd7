/* What an endpoint (wsuv/endpoint.h) says of its end and of what was wrong. May be asked at any time, also from callbacks. */
#ifndef WSUV_ENDPOINT_STATUS_H
#define WSUV_ENDPOINT_STATUS_H

#include "wsuv/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_endpoint wsuv_endpoint_t;

/* What is known of the end; see wsuv_endpoint_close_status. */
typedef struct wsuv_close_status {
  int code;           /* the peer's code; 1005 it sent none; 1006 no Close came (RFC 6455 7.1.5) */
  int sent_code;      /* the code of our Close; 1005 if it carried none; 0 if none was sent */
  int error;          /* why the endpoint failed, or WSUV_EIDLE: it was closed in order; else 0 */
  int clean;          /* non-zero once Close frames went both ways (RFC 6455 7.1.4) */
  const char *reason; /* the peer's, UTF-8, NUL-terminated, never NULL; belongs to the endpoint */
  size_t reason_len;
} wsuv_close_status_t;

/* What was wrong, for programs; wsuv_endpoint_close_status has the error alone. */
typedef struct wsuv_endpoint_fault {
  int error; /* 0: nothing */
  /* The frame in which it was found, as far as its header had come: the opcode of WSUV_EOPCODE, the reserved bits of WSUV_ERSV,
   * the length of WSUV_EMSGSIZE. All 0 for what is not about a frame. */
  wsuv_frame_header_t frame;
  int close_code; /* WSUV_ECLOSECODE: the code that must not be sent */
  /* Octets of the unfinished message that were taken before; 0 between two. */
  uint64_t message_size;
} wsuv_endpoint_fault_t;

/* Whether a Close frame was queued by us, came from the peer. */
WSUV_EXTERN int wsuv_endpoint_sent_close(const wsuv_endpoint_t *endpoint);
WSUV_EXTERN int wsuv_endpoint_received_close(const wsuv_endpoint_t *endpoint);

/* WSUV_EUNFINISHED while a message of ours was begun and not ended (wsuv_endpoint_send_begin), else 0: what to ask before the
 * endpoint is closed or freed where that message should have been whole. */
WSUV_EXTERN int wsuv_endpoint_unfinished(const wsuv_endpoint_t *endpoint);

/* Fills *fault in and returns its error. */
WSUV_EXTERN int wsuv_endpoint_fault(const wsuv_endpoint_t *endpoint, wsuv_endpoint_fault_t *fault);

WSUV_EXTERN void wsuv_endpoint_close_status(const wsuv_endpoint_t *endpoint,
                                            wsuv_close_status_t *status);

#ifdef __cplusplus
}
#endif

#endif
