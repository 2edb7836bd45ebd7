/* A WebSocket endpoint without I/O (RFC 6455 5-8): received bytes and the time go in; bytes to send, events and the next
 * deadline come out. It knows no socket, no clock, no event loop. The opening handshake comes before it
 * (wsuv/handshake.h).
 *
 *   wsuv_endpoint_receive(ep, bytes, n);                    -> handler callbacks
 *   n = wsuv_endpoint_output(ep, spans, 8);                 -> write the spans to the transport
 *   wsuv_endpoint_output_done(ep, written);
 *   wsuv_endpoint_tick(ep, now_ms) at wsuv_endpoint_next_deadline(ep)
 *
 * After every call look for output, and after output is drained at wsuv_endpoint_wants_close.
 *
 * Threads: an endpoint belongs to one thread at a time. Callbacks run only inside receive and resume; from them every
 * function of this header but free may be called.
 */
#ifndef WSUV_ENDPOINT_H
#define WSUV_ENDPOINT_H

#include "wsuv/endpoint_status.h"
#include "wsuv/extension.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Events. All optional. `data` is the pointer given to new. Payloads are valid until the callback returns, are not
 * NUL-terminated, and may be overwritten by the callback. */
typedef struct wsuv_endpoint_handler {
  size_t size; /* sizeof(wsuv_endpoint_handler_t) */

  /* A whole message; `type` is WSUV_TEXT (valid UTF-8), WSUV_BINARY, or a claimed opcode of 3-7. Empty messages are
   * messages. */
  void (*on_message)(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len);

  /* In place of on_message, if set: a piece of a message as it arrives, so that a message of any length needs no memory.
   * Pieces are cut where the bytes happened to be received, not where the peer cut its frames, and text may be cut inside a
   * character; it is valid so far. `flags`: WSUV_FIRST and WSUV_FINAL. Only the final piece may be empty. Without an option
   * that says otherwise there is no limit on the message then. */
  void (*on_fragment)(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len, int flags);

  /* A piece of a data frame, before extensions decode it and before it becomes part of a message: `offset` is its place in the
   * frame's payload. May change the octets, and consume some: the first n go on into the message, n being what is returned
   * (`len` for all, 0 for none). max_message_size then limits what goes on. A pause made here begins behind this piece. */
  size_t (*on_data_frame)(void *data, const wsuv_frame_header_t *header, uint64_t offset,
                          uint8_t *payload, size_t len);

  /* A Ping came; its Pong is already queued (RFC 6455 5.5.2), unless manual_pong is set. */
  void (*on_ping)(void *data, const uint8_t *payload, size_t len);

  /* A Pong came, whether it answers a Ping of ours or not (RFC 6455 5.5.3). */
  void (*on_pong)(void *data, const uint8_t *payload, size_t len);

  /* A control frame with a claimed opcode of 11-15 that no extension took. NULL: the endpoint fails with WSUV_EOPCODE. */
  void (*on_control)(void *data, int opcode, const uint8_t *payload, size_t len);

  /* The peer's Close came; our answer is already queued. `code` is 1005 when it carried none. */
  void (*on_close)(void *data, int code, const char *reason, size_t reason_len);
} wsuv_endpoint_handler_t;

/* 0 in a number means the default in brackets; WSUV_OFF (where allowed) none. */
typedef struct wsuv_endpoint_options {
  size_t size;         /* sizeof(wsuv_endpoint_options_t) */
  wsuv_role_t role;    /* required */
  int lenient_masking; /* non-zero: do not judge the MASK bit; for replaying captures only */
  const wsuv_allocator_t *allocator; /* NULL: malloc; the struct must outlive the endpoint */
  /* Fills `buf` with unpredictable bytes, 0 or a negative error: masking keys (RFC 6455 5.3) and Ping payloads. Required
   * for clients and when pings are on; wsuv_random (wsuv/handshake.h) will do. */
  int (*random)(void *arg, void *buf, size_t len);
  void *random_arg;
  int64_t max_message_size; /* octets of a message [16 MiB; none with on_fragment, fragments] */
  int64_t max_frame_size;   /* octets of one frame's payload [no limit of its own] */
  /* Octets queued for sending [32 MiB]; WSUV_OFF: no limit. What waits in memory of its own (a control frame, a payload sent by
   * reference, a message of 16 KiB or more) counts 128 octets more. */
  int64_t write_limit;
  int64_t ping_interval_ms; /* Ping after so much silence [WSUV_OFF in the core] */
  int64_t close_timeout_ms; /* from our Close to the end of the transport [5000] */
  int max_pings; /* Pings in a row without a sign of life that end the connection [3]; WSUV_OFF: never */
  /* What was negotiated, as wsuv_handshake_extension_at. Copied; the sessions are the endpoint's once new returned 0. */
  const wsuv_negotiated_t *extensions;
  size_t nextensions;
  /* Claims of the application's own, without an extension: reserved bits that may stand on any frame, as in
   * wsuv_frame_header_t.rsv, and opcodes of 3-7 and 11-15 (bit n for opcode n). Both peers must agree on them. */
  int rsv;
  unsigned opcodes;
  int manual_pong; /* non-zero: Pings are answered by the application (wsuv_endpoint_pong) */
  int64_t
      read_ahead; /* octets kept while paused before no more are taken [64 KiB]; WSUV_OFF: none */
  /* Without a handler: non-zero for pieces of messages, as on_fragment (wsuv/event.h). With one WSUV_EINVAL. */
  int fragments;
  /* As in wsuv_conn_options_t (wsuv/conn.h); times are those told by tick, and before the first there is no rate. */
  int max_fragments;    /* frames of one message [16384; none with on_fragment, fragments] */
  int max_control_rate; /* Pings, Pongs and claimed control frames received within a second [1000] */
  int64_t
      min_receive_rate; /* octets a second, over 30 s, of what is unfinished [WSUV_OFF in the core] */
  int64_t idle_timeout_ms; /* without a message in either direction [WSUV_OFF]; then closed, 1001 */
} wsuv_endpoint_options_t;

#define WSUV_ENDPOINT_OPTIONS_INIT(role)                                                         \
  {                                                                                              \
    sizeof(wsuv_endpoint_options_t), role, 0, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, NULL, 0, 0, 0, \
        0, 0, 0, 0, 0, 0, 0                                                                      \
  }

/* The handler is used in place and must outlive the endpoint; NULL: events are asked for (wsuv/event.h). WSUV_EINVAL,
 * WSUV_ECLAIM (two claims on one bit or opcode), WSUV_ENOMEM; then *out is NULL, and the sessions are still the caller's. */
WSUV_EXTERN int wsuv_endpoint_new(wsuv_endpoint_t **out, const wsuv_endpoint_options_t *options,
                                  const wsuv_endpoint_handler_t *handler, void *data);

/* Not from a callback of the same endpoint. NULL is allowed. */
WSUV_EXTERN void wsuv_endpoint_free(wsuv_endpoint_t *endpoint);

/* Takes bytes from the transport, in any split. They are unmasked in place and may be reused when the call returns.
 * After the first protocol error (a Close with the right code is queued, RFC 6455 7.1.7) this and every later call
 * returns that error and ignores the bytes; after the peer's Close, 0 and ignores them. While paused the bytes are kept, all
 * of them, or WSUV_ENOBUFS and none once read_ahead is reached. WSUV_ESTATE from a callback, and behind receive_eof. */
WSUV_EXTERN int wsuv_endpoint_receive(wsuv_endpoint_t *endpoint, uint8_t *bytes, size_t len);

/* Zero while paused with read_ahead octets or more kept, or the end: stop reading from the transport until resume. */
WSUV_EXTERN int wsuv_endpoint_wants_read(const wsuv_endpoint_t *endpoint);

/* The transport ended. 0 if both Close frames had been exchanged, else WSUV_EABNORMAL or the earlier error. While paused the
 * end waits too: 0, and resume, behind the last event, returns what this would have. */
WSUV_EXTERN int wsuv_endpoint_receive_eof(wsuv_endpoint_t *endpoint);

/* No further event is delivered until resume, which delivers what came meanwhile, in order: from a callback, the rest of the
 * bytes being received is kept. Pings are answered at once all the same and Pongs for the heartbeat count (RFC 6455 5.5.2); a
 * Close, and every fault, takes effect in its turn. Resume returns what receive would. */
WSUV_EXTERN void wsuv_endpoint_pause(wsuv_endpoint_t *endpoint);
WSUV_EXTERN int wsuv_endpoint_resume(wsuv_endpoint_t *endpoint);

/* Queues one unfragmented message; the payload is copied. `type` is WSUV_TEXT (must be valid UTF-8, else WSUV_EENCODING),
 * WSUV_BINARY or a claimed opcode of 3-7. WSUV_EINVAL, WSUV_ESTATE (a Close was queued, or the endpoint failed),
 * WSUV_EQUEUEFULL, WSUV_ENOMEM, WSUV_ERANDOM. Queued whole or not at all. An error of an extension's is returned, and the
 * endpoint has failed with it. */
WSUV_EXTERN int wsuv_endpoint_send(wsuv_endpoint_t *endpoint, wsuv_opcode_t type,
                                   const void *payload, size_t len);

/* The same; `flags`: 0 or WSUV_SEND_NO_COMPRESS. */
WSUV_EXTERN int wsuv_endpoint_send_message(wsuv_endpoint_t *endpoint, wsuv_opcode_t type,
                                           const void *payload, size_t len, int flags);

/* A message in fragments of which the end need not be known at the start (RFC 6455 5.4): begin, any number of chunks, end.
 * Each chunk, and the end with the last octets (may be empty), queues one frame; payloads are copied. Control frames go in
 * between; other messages are refused with WSUV_ESTATE meanwhile. A Close cuts the message off.
 *
 * What compresses may hold a chunk back for the next: WSUV_SEND_FLUSH in a chunk's `flags` has all that was given so far sent
 * now. begin takes WSUV_SEND_NO_COMPRESS.
 *
 * begin: WSUV_EINVAL (`type`, as send; `flags`), WSUV_ESTATE (a message is open, or as send). chunk and end: WSUV_ESTATE (none
 * is open), else as send; WSUV_EENCODING also at the end inside a character. After an error nothing was queued and the message
 * is open as before. */
WSUV_EXTERN int wsuv_endpoint_send_begin(wsuv_endpoint_t *endpoint, wsuv_opcode_t type, int flags);
WSUV_EXTERN int wsuv_endpoint_send_chunk(wsuv_endpoint_t *endpoint, const void *payload, size_t len,
                                         int flags);
WSUV_EXTERN int wsuv_endpoint_send_end(wsuv_endpoint_t *endpoint, const void *payload, size_t len);

/* Queues one frame with the opcode, reserved bits and FIN of `frame` (its other members are not read): a message, a fragment
 * that begins or continues one, or a control frame other than Close. WSUV_EINVAL (bits that options.rsv does not claim, an
 * unknown opcode, a control payload over 125 octets), else as send and send_chunk. */
WSUV_EXTERN int wsuv_endpoint_send_frame(wsuv_endpoint_t *endpoint,
                                         const wsuv_frame_header_t *frame, const void *payload,
                                         size_t len);

/* The reserved bits of the first frame of the message that a callback is being given. */
WSUV_EXTERN int wsuv_endpoint_message_rsv(const wsuv_endpoint_t *endpoint);

/* Queues a Ping or an unsolicited Pong ahead of waiting data, between frames (RFC 6455 5.5.2, 5.5.3). At most 125
 * octets: WSUV_EINVAL. WSUV_ESTATE, WSUV_EQUEUEFULL, WSUV_ENOMEM, WSUV_ERANDOM. */
WSUV_EXTERN int wsuv_endpoint_ping(wsuv_endpoint_t *endpoint, const void *payload, size_t len);
WSUV_EXTERN int wsuv_endpoint_pong(wsuv_endpoint_t *endpoint, const void *payload, size_t len);

/* Starts the closing handshake (RFC 6455 7.1.2): queues a Close behind everything queued before. `code` 0 sends an empty
 * Close. WSUV_EINVAL (code, reason: as wsuv_close_payload_encode), WSUV_ESTATE (already closing), WSUV_ENOMEM. */
WSUV_EXTERN int wsuv_endpoint_close(wsuv_endpoint_t *endpoint, int code, const char *reason,
                                    size_t reason_len);

/* Tells the time, in milliseconds of a monotonic clock with any origin, and does what is due: sends the heartbeat's Ping,
 * gives up after max_pings, ends what is too slow or idle, gives up waiting for the peer's Close. Tell the time also before
 * receive, send and close, so that deadlines and rates count from then. */
WSUV_EXTERN void wsuv_endpoint_tick(wsuv_endpoint_t *endpoint, uint64_t now_ms);

/* When tick has something to do; UINT64_MAX: never. */
WSUV_EXTERN uint64_t wsuv_endpoint_next_deadline(const wsuv_endpoint_t *endpoint);

/* The heartbeat's step by hand, for programs with a schedule of their own: queues a Ping, unless the last one still waits for
 * the transport; or, when max_pings steps showed no life, fails with WSUV_ETIMEDOUT and a Close 1008. Life is a Pong for one
 * of the Pings, that the transport took octets which it had left waiting at the step before, and for tick's steps any bytes
 * received. Does nothing once closing (returns WSUV_ESTATE). */
WSUV_EXTERN int wsuv_endpoint_check_heartbeat(wsuv_endpoint_t *endpoint);

/* Round-trip times of the heartbeat's Pings, as far as tick told the time: from output_done, when the Ping had left, to its
 * Pong. WSUV_ESTATE before the first; then all of *rtt is -1. */
WSUV_EXTERN int wsuv_endpoint_rtt(const wsuv_endpoint_t *endpoint, wsuv_rtt_t *rtt);

/* The next bytes for the transport, at most `nspans` pieces; returns the number filled in. They stay valid and in place
 * until output_done says how many octets of them were written. */
WSUV_EXTERN size_t wsuv_endpoint_output(wsuv_endpoint_t *endpoint, wsuv_span_t *spans,
                                        size_t nspans);
WSUV_EXTERN void wsuv_endpoint_output_done(wsuv_endpoint_t *endpoint, size_t written);

/* Octets queued and not yet reported as written. */
WSUV_EXTERN size_t wsuv_endpoint_queued(const wsuv_endpoint_t *endpoint);

/* Non-zero when the transport should now be closed (RFC 6455 7.1.1): both Close frames went over, or the endpoint failed
 * and its Close has left, or a deadline passed. A server closes at once; a client gives the server a moment to. */
WSUV_EXTERN int wsuv_endpoint_wants_close(const wsuv_endpoint_t *endpoint);

#ifdef __cplusplus
}
#endif

#endif
