/* A WebSocket connection, the same for servers and clients; wsuv/send.h is what is sent over it.
 *
 * The contract:
 * - One thread: the loop's.
 * - No callback runs inside the call that causes it; every function is legal in every callback.
 * - Once a connection was handed out, on_close comes exactly once and last; after it returned the pointer is dead. There
 *   is no free: ending the connection is wsuv_conn_close (orderly) or wsuv_conn_terminate (at once). Behind it only the
 *   close_cb of a stream that was the application's comes (wsuv/adopt.h).
 * - Payloads are valid until the callback returns, are not to be changed and not NUL-terminated.
 * - A message is queued whole or refused whole. The caller's memory is never modified.
 */
#ifndef WSUV_CONN_H
#define WSUV_CONN_H

#include "wsuv/extension.h"
#include "wsuv/frame.h"
#include "wsuv/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_conn wsuv_conn_t;

/* How a connection ended. All pointers are valid until on_close returns; none is NULL but `http_body`. */
typedef struct wsuv_close_info {
  int code; /* the peer's close code; 1005: its Close carried none; 1006: no Close came (RFC 6455 7.1.5) */
  int sent_code; /* the code of our Close; 1005 without one; 0 when we sent none */
  int clean;     /* non-zero if Close frames went both ways (RFC 6455 7.1.4) */
  int error;     /* 0, or why: a wsuv_errno_t code or libuv's */
  /* The peer's reason, UTF-8, NUL-terminated: for developers, not to be shown to end users (RFC 6455 5.5.1). May hold control
   * characters; wsuv_close_format makes it fit for a log. */
  const char *reason;
  size_t reason_len;
  /* One line for a log: what happened, with the RFC's clause where there is one; of a closing handshake without an error the
   * peer's code and reason, as by wsuv_close_format. */
  const char *detail;
  int opened;            /* non-zero if on_open was called */
  int http_status;       /* client whose opening handshake was answered: the status, else 0 */
  const char *http_body; /* up to 4 KiB of the body of an answer other than 101, or NULL */
  size_t http_body_len;
} wsuv_close_info_t;

/* Events. All but on_close are optional. A handler is used in place (make it static const) and may serve any number of
 * connections. */
typedef struct wsuv_handler {
  size_t size; /* sizeof(wsuv_handler_t) */

  /* The opening handshake succeeded: messages may be sent, and will come. */
  void (*on_open)(wsuv_conn_t *conn);

  /* A whole message; `type` is WSUV_TEXT (valid UTF-8), WSUV_BINARY, or a claimed opcode of 3-7. */
  void (*on_message)(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len);

  /* In place of on_message, if set: a piece of a message as it arrives, so that a message of any length passes through in
   * constant memory (with wsuv_conn_read_stop where it cannot be passed on at once). Pieces are cut where the bytes happened
   * to be received, and text may be cut inside a character; it is valid so far. `flags`: WSUV_FIRST, WSUV_FINAL. Only the
   * final piece may be empty. max_message_size has no default then. */
  void (*on_fragment)(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                      int flags);

  /* A Ping (its Pong is already queued, unless manual_pong is set), a Pong. */
  void (*on_ping)(wsuv_conn_t *conn, const void *payload, size_t len);
  void (*on_pong)(wsuv_conn_t *conn, const void *payload, size_t len);

  /* A control frame with a claimed opcode of 11-15 that no extension took. Without it such a frame ends the connection,
   * 1002. */
  void (*on_control)(wsuv_conn_t *conn, int opcode, const void *payload, size_t len);

  /* The write queue had risen above write_high_water and is now at or below write_low_water. */
  void (*on_drain)(wsuv_conn_t *conn);

  /* The end; also of a client's connection that never opened. */
  void (*on_close)(wsuv_conn_t *conn, const wsuv_close_info_t *info);
} wsuv_handler_t;

/* What becomes of messages when the write queue is at write_limit; see src/api/README.md. Every drop is counted (wsuv/stats.h)
 * and its request called back with WSUV_EDROPPED; WSUV_SLOW_CLOSE is an end of the connection, and what it drops is cancelled.
 * A message that has begun to leave is never dropped; one that would not fit into an empty queue is always refused. */
typedef enum wsuv_slow {
  WSUV_SLOW_DEFAULT = 0, /* of a message: the connection's; of a connection: refuse */
  WSUV_SLOW_REFUSE,      /* the new one is refused with WSUV_EQUEUEFULL */
  WSUV_SLOW_DROP_OLDEST, /* the oldest that wait and were sent with this policy make room; if they do not, refused */
  WSUV_SLOW_KEEP_LATEST, /* takes the place of one that waits and has its key, full or not; else as refuse */
  WSUV_SLOW_CLOSE /* what waits is dropped and the connection fails, WSUV_ESLOWREADER, 1008 */
} wsuv_slow_t;

/* 0 means the default in brackets; WSUV_OFF switches a timer or limit off; other negative numbers are WSUV_EINVAL. */
typedef struct wsuv_conn_options {
  size_t size;                  /* sizeof(wsuv_conn_options_t) */
  int64_t max_message_size;     /* octets of a message [16 MiB; none with on_fragment]; else 1009 */
  int64_t max_frame_size;       /* octets of a frame's payload [no limit of its own]; else 1009 */
  int64_t handshake_timeout_ms; /* from the start (client: name resolution) to on_open [10000] */
  int64_t close_timeout_ms;     /* from our Close to the end, and again for lingering [5000] */
  int64_t ping_interval_ms;     /* silence after which a Ping is sent [20000] */
  int64_t write_high_water;     /* octets queued above which on_drain will come [1 MiB] */
  int64_t write_low_water;      /* octets queued at which it comes [half of the high water] */
  /* Octets queued over which sends are refused [32 MiB]. What waits in memory of its own (a control frame, a payload sent by
   * reference, a message of 16 KiB or more) counts 128 octets more. */
  int64_t write_limit;
  int64_t max_head_size; /* octets of the peer's HTTP head [16384]; over it: 431 */
  int max_headers;       /* header fields in it [100]; over it: 431 */
  /* Heartbeats in a row without a sign of life after which the connection ends, WSUV_ETIMEDOUT [3]. A peer that is only slow
   * to read is not ended: octets that had to wait and were then taken by the kernel are life, as are any received. */
  int max_pings;
  /* Claims of the application's own, without an extension: reserved bits that may stand on any frame, as in
   * wsuv_frame_header_t.rsv, and opcodes of 3-7 and 11-15 (bit n for opcode n). Both peers must agree on them. */
  int rsv;
  unsigned opcodes;
  int manual_pong; /* non-zero: Pings are answered by the application (wsuv_conn_send_frame) */
  int tcp_delay; /* non-zero: leave Nagle's algorithm on, for fewer and later segments [TCP_NODELAY is set] */
  int64_t read_ahead; /* octets read ahead while reading is stopped [64 KiB]; WSUV_OFF: none */
  int max_fragments;  /* frames of one message [16384; none with on_fragment]; else 1008 */
  int max_control_rate; /* Pings, Pongs and claimed control frames received within a second [1000]; else 1008 */
  /* Octets a second, averaged over 30 s, at which an unfinished frame must come, and without on_fragment an unfinished message,
   * while the application reads [32]; else 1008. What came beyond it counts for one window more. */
  int64_t min_receive_rate;
  /* Without a message, or a piece of one, in either direction; Pings and Pongs are none, and what waits to be read by the peer
   * or the application is not idle. Then the connection is closed in order, 1001, with WSUV_EIDLE for on_close [WSUV_OFF] */
  int64_t idle_timeout_ms;
  wsuv_slow_t
      slow_reader; /* of messages that are sent without a policy of their own [WSUV_SLOW_REFUSE] */
  int trace_frames; /* headers of the frames seen last that are kept for wsuv_conn_trace [0], up to 1024 */
} wsuv_conn_options_t;

#define WSUV_CONN_OPTIONS_INIT                                                               \
  {                                                                                          \
    sizeof(wsuv_conn_options_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
        WSUV_SLOW_DEFAULT, 0                                                                 \
  }

/* Where a connection is; the order is the order of time. */
typedef enum wsuv_state {
  WSUV_STATE_RESOLVING,            /* client: asking for the host's addresses */
  WSUV_STATE_CONNECTING_TRANSPORT, /* client: connecting to one of them */
  WSUV_STATE_TLS_HANDSHAKE,        /* wss: RFC 8446 2 */
  WSUV_STATE_OPENING_HANDSHAKE,    /* RFC 6455 4 */
  WSUV_STATE_OPEN,                 /* messages flow */
  WSUV_STATE_CLOSING_HANDSHAKE, /* a Close was sent or received, or an HTTP refusal is on its way */
  WSUV_STATE_CLOSING_TRANSPORT, /* write side shut down; reading and discarding until the peer ends */
  WSUV_STATE_DETACHING,         /* wsuv_conn_detach: what is queued goes out, nothing is read */
  WSUV_STATE_RELEASING          /* handles are closing; on_close follows */
} wsuv_state_t;

/* The reserved bits of the first frame of the message that a callback is being given. */
WSUV_EXTERN int wsuv_conn_message_rsv(const wsuv_conn_t *conn);

/* Starts the closing handshake (RFC 6455 7.1.2), behind everything already queued; on_close follows within
 * close_timeout_ms. `code` 0 means 1000. `reason` may be NULL; at most 123 octets of UTF-8. 1010 is for
 * clients: a server refuses the handshake instead (7.4.1). In an earlier state than OPEN
 * the connection is given up. WSUV_EINVAL (code that cannot be sent, reason), WSUV_ESTATE (already closing). */
WSUV_EXTERN int wsuv_conn_close(wsuv_conn_t *conn, int code, const char *reason);

/* Ends the connection now: nothing queued is sent, the peer sees the transport end. on_close follows, with error
 * WSUV_ECANCELED unless the end was under way for another reason. Harmless when repeated. */
WSUV_EXTERN void wsuv_conn_terminate(wsuv_conn_t *conn);

/* Stops and resumes the delivery of events. Also inside on_message. Meanwhile read_ahead octets, and at most one read more, are
 * read and kept: Pings in them are answered at once and Pongs for the heartbeat count, all else waits in order, a Close and the
 * transport's end too. Behind that nothing is read, so that the peer feels backpressure, and the heartbeat waits; deadlines do
 * not. Harmless when repeated. */
WSUV_EXTERN void wsuv_conn_read_stop(wsuv_conn_t *conn);
WSUV_EXTERN void wsuv_conn_read_start(wsuv_conn_t *conn);

WSUV_EXTERN wsuv_state_t wsuv_conn_state(const wsuv_conn_t *conn);
WSUV_EXTERN wsuv_role_t wsuv_conn_role(const wsuv_conn_t *conn);
WSUV_EXTERN wsuv_loop_t *wsuv_conn_loop(const wsuv_conn_t *conn);

/* Round-trip times of the heartbeat's Pings, from the kernel's taking the Ping to its Pong. WSUV_ESTATE before the first; then
 * all of *rtt is -1. */
WSUV_EXTERN int wsuv_conn_rtt(const wsuv_conn_t *conn, wsuv_rtt_t *rtt);

/* Octets sent by the application and not yet taken by the kernel, as they go over the wire, before TLS; those that TLS holds,
 * as ciphertext, count as well. */
WSUV_EXTERN size_t wsuv_conn_queued(const wsuv_conn_t *conn);

/* Octets of chunks that compression holds back for more to come (WSUV_SEND_FLUSH sends them). They count for write_limit, and
 * not for the water marks, since it is not the peer that they wait for. */
WSUV_EXTERN size_t wsuv_conn_held_back(const wsuv_conn_t *conn);

/* The negotiated subprotocol, or NULL. Lives as long as the connection. */
WSUV_EXTERN const char *wsuv_conn_subprotocol(const wsuv_conn_t *conn);

/* The negotiated extensions: those of messages first, then those of frames, each kind in the order of the answer. The sessions
 * belong to the connection. One that was asked for here lives as long as the connection; before that, who rests may be without
 * it (wsuv_extension_t.fold). It is NULL where there was no memory to have it back. `index` is below nextensions. */
WSUV_EXTERN size_t wsuv_conn_nextensions(const wsuv_conn_t *conn);
WSUV_EXTERN wsuv_negotiated_t wsuv_conn_extension_at(const wsuv_conn_t *conn, size_t index);

/* The peer's address as text, "192.0.2.1:5000", "[2001:db8::1]:5000" or "unix"; NUL-terminated and cut to `size`. 0,
 * WSUV_ENOBUFS when cut, WSUV_ESTATE before the transport is connected, or an error of libuv. */
WSUV_EXTERN int wsuv_conn_peer(const wsuv_conn_t *conn, char *out, size_t size);

/* The user's pointer. */
WSUV_EXTERN void *wsuv_conn_data(const wsuv_conn_t *conn);
WSUV_EXTERN void wsuv_conn_set_data(wsuv_conn_t *conn, void *data);

#ifdef __cplusplus
}
#endif

#endif
