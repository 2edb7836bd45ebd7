/* An endpoint whose events are asked for instead of called back: for blocking programs, replays of files, and tests.
 *
 *   wsuv_endpoint_new(&ep, &options, NULL, NULL);           no handler: events are collected
 *   wsuv_endpoint_receive(ep, bytes, n);
 *   while ((rc = wsuv_endpoint_next_event(ep, &event)) > 0)
 *     ...                                                   0: receive more; negative: the endpoint failed
 *
 * Everything else is as in wsuv/endpoint.h: look for output after each call. An event's frames are judged, and Pings and Closes
 * answered, when it is asked for, not when its bytes are received. Ask until there is none before receiving more: bytes are
 * kept as they are while paused, up to read_ahead.
 */
#ifndef WSUV_EVENT_H
#define WSUV_EVENT_H

#include "wsuv/endpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum wsuv_event_type {
  WSUV_EVENT_MESSAGE = 1,
  WSUV_EVENT_FRAGMENT =
      2, /* in place of messages, with options.fragments; cut as on_fragment's pieces */
  WSUV_EVENT_PING = 3,
  WSUV_EVENT_PONG = 4,
  WSUV_EVENT_CONTROL = 5, /* a claimed opcode of 11-15 that no extension took */
  WSUV_EVENT_CLOSE = 6    /* the last event */
} wsuv_event_type_t;

typedef struct wsuv_event {
  wsuv_event_type_t type;
  int opcode; /* of the message or frame */
  int flags;  /* WSUV_FIRST and WSUV_FINAL, of a fragment; both for a message; else 0 */
  int code;   /* of a Close: 1005 when it carried none; else 0 */
  uint8_t
      *payload; /* of a Close: the reason. Not NUL-terminated; may be overwritten; NULL if empty */
  size_t len;
} wsuv_event_t;

/* 1: *event is the next one; its payload is valid until the next call with this endpoint that is not one that sends. 0: there
 * is none yet, nor ever one after the Close or a clean end. Else the error that wsuv_endpoint_receive and receive_eof return in
 * the form with callbacks, now and at every later call. WSUV_EINVAL for an endpoint with a handler. */
WSUV_EXTERN int wsuv_endpoint_next_event(wsuv_endpoint_t *endpoint, wsuv_event_t *event);

#ifdef __cplusplus
}
#endif

#endif
