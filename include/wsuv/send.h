/* Sending messages over a connection: whole, by reference, prepared for many, in fragments; Pings and single frames.
 *
 * Every function is to be called on the loop's thread. A message is queued whole or refused whole, and leaves at the end of the
 * event being handled.
 */
#ifndef WSUV_SEND_H
#define WSUV_SEND_H

#include "wsuv/conn.h"
#include "wsuv/prepared.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sends one message. What cannot be written at once is copied. WSUV_EINVAL (NULL with a length), WSUV_EENCODING (text
 * that is not UTF-8), WSUV_ESTATE (not open, or a Close was sent or received), WSUV_EQUEUEFULL (write_limit; nothing was
 * queued), or where the connection's slow_reader is WSUV_SLOW_CLOSE WSUV_ESLOWREADER (on_close follows), WSUV_ENOMEM,
 * WSUV_ERANDOM. */
WSUV_EXTERN int wsuv_conn_send_text(wsuv_conn_t *conn, const void *payload, size_t len);
WSUV_EXTERN int wsuv_conn_send_binary(wsuv_conn_t *conn, const void *payload, size_t len);

/* The same for any `type`: WSUV_TEXT, WSUV_BINARY or a claimed opcode of 3-7 (else WSUV_EINVAL), and with `flags`: 0 or
 * WSUV_SEND_NO_COMPRESS. */
WSUV_EXTERN int wsuv_conn_send_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload,
                                       size_t len, int flags);

/* Sends a message that was prepared for many. Errors as wsuv_conn_send_message. */
WSUV_EXTERN int wsuv_conn_send_prepared(wsuv_conn_t *conn, wsuv_prepared_t *prepared);

/* A send that keeps the caller's payload instead of copying it. The struct is the caller's; it and the payload must stay
 * until the callback. */
typedef struct wsuv_send wsuv_send_t;

/* `status`: 0 when the last octet was handed to the kernel, or was encrypted; WSUV_EDROPPED when a policy dropped it
 * (wsuv_slow_t); WSUV_ECANCELED when the connection ended before. The struct may be reused from here on. */
typedef void (*wsuv_send_cb)(wsuv_send_t *req, int status);

struct wsuv_send {
  void *data;         /* the user's */
  wsuv_send_cb cb;    /* set by the function that sends */
  void *reserved[14]; /* the library's */
};

/* Sends one message, `type` and `flags` as wsuv_conn_send_message, and calls `cb` exactly once, if 0 was returned. A client
 * copies all the same, since its frames are masked (RFC 6455 5.3). Errors as there. */
WSUV_EXTERN int wsuv_conn_send(wsuv_conn_t *conn, wsuv_send_t *req, wsuv_opcode_t type,
                               const void *payload, size_t len, int flags, wsuv_send_cb cb);

/* What may be said of one message beyond its octets. */
typedef struct wsuv_send_options {
  size_t size; /* sizeof(wsuv_send_options_t) */
  int flags;   /* 0 or WSUV_SEND_NO_COMPRESS; of a prepared message 0 */
  wsuv_slow_t
      slow; /* what becomes of it where the peer reads too slowly [the connection's slow_reader] */
  uint64_t key; /* with WSUV_SLOW_KEEP_LATEST: of this key only the newest waits */
  wsuv_send_t *
      req; /* NULL, or called back with `cb`: 0, WSUV_EDROPPED, or WSUV_ECANCELED when the connection ended */
  wsuv_send_cb cb;
} wsuv_send_options_t;

#define WSUV_SEND_OPTIONS_INIT \
  { sizeof(wsuv_send_options_t), 0, WSUV_SLOW_DEFAULT, 0, NULL, NULL }

/* As wsuv_conn_send_message, or with a request as wsuv_conn_send (its payload must stay until the callback), by the policy of
 * the options. A message that may be dropped leaves compression contexts alone: where they are kept from message to message
 * (context takeover) it is sent uncompressed. WSUV_ESLOWREADER: WSUV_SLOW_CLOSE found the queue full; on_close follows. */
WSUV_EXTERN int wsuv_conn_send_with(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload,
                                    size_t len, const wsuv_send_options_t *options);

/* The same of a prepared message. Its octets are kept, with a reference, while they wait, and copied only where they are
 * different for each connection: a client's are masked, and an extension without a `variant` makes others every time. */
WSUV_EXTERN int wsuv_conn_send_prepared_with(wsuv_conn_t *conn, wsuv_prepared_t *prepared,
                                             const wsuv_send_options_t *options);

/* Sends one message in fragments (RFC 6455 5.4), when its end is not known at the start or it should not be in memory at
 * once: begin, any number of chunks, end. Each chunk, and the end with the last octets (may be empty), is one frame. Pause
 * when wsuv_conn_queued is high and go on in on_drain. Pings and Pongs go in between; other messages are refused with
 * WSUV_ESTATE until the end. A Close, ours or the peer's, cuts the message off. What compresses may hold a chunk back for the
 * next: WSUV_SEND_FLUSH in a chunk's `flags` has all that was given so far sent now. begin takes WSUV_SEND_NO_COMPRESS.
 *
 * begin: WSUV_EINVAL (`type` and `flags`, as wsuv_conn_send_message), WSUV_ESTATE (a message is open, or as
 * wsuv_conn_send_text), WSUV_ENOMEM. chunk and end: WSUV_ESTATE (none is open), else as wsuv_conn_send_text; WSUV_EENCODING
 * also where text ends inside a character. After an error nothing was queued and the message is open as before. */
WSUV_EXTERN int wsuv_conn_send_begin(wsuv_conn_t *conn, wsuv_opcode_t type, int flags);
WSUV_EXTERN int wsuv_conn_send_chunk(wsuv_conn_t *conn, const void *payload, size_t len, int flags);
WSUV_EXTERN int wsuv_conn_send_end(wsuv_conn_t *conn, const void *payload, size_t len);

/* Sends a Ping of up to 125 octets ahead of queued data, between frames. Errors as wsuv_conn_send_text. */
WSUV_EXTERN int wsuv_conn_ping(wsuv_conn_t *conn, const void *payload, size_t len);

/* Sends one frame with the opcode, reserved bits and FIN of `frame` (its other members are not read): a message, a fragment
 * that begins or continues one, or a control frame other than Close, ahead of queued data. For opcodes and bits that the
 * application claims, and for Pongs. WSUV_EINVAL (bits or opcodes that are not claimed, a control payload over 125 octets),
 * else as wsuv_conn_send_text and wsuv_conn_send_chunk. */
WSUV_EXTERN int wsuv_conn_send_frame(wsuv_conn_t *conn, const wsuv_frame_header_t *frame,
                                     const void *payload, size_t len);

#ifdef __cplusplus
}
#endif

#endif
