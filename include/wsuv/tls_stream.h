/* TLS on a uv_stream_t, without WebSocket: for programs that speak something else over libuv, or that want to look at what was
 * sent before they decide. wss:// does not need it.
 *
 *   err = wsuv_tls_open(loop, &tls, (uv_stream_t *)&tcp, context, &options, &handler, data);
 *   on_secure: wsuv_tls_write(tls, "hello", 5);
 *   on_read:   the peer's octets, decrypted
 *   on_end:    the peer has ended its side; wsuv_tls_shutdown ends ours
 *   on_close:  once and last; by itself when both sides have ended, else wsuv_tls_close asks for it
 *
 * The contract is that of wsuv/conn.h: one thread, no callback inside of a call, every function legal in every callback,
 * on_close exactly once after wsuv_tls_open has returned 0, and the pointer dead behind it.
 */
#ifndef WSUV_TLS_STREAM_H
#define WSUV_TLS_STREAM_H

#include "wsuv/adopt.h"
#include "wsuv/tls.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_tls wsuv_tls_t;

/* All but on_close are optional. Used in place; may serve any number of streams. */
typedef struct wsuv_tls_handler {
  size_t size; /* sizeof(wsuv_tls_handler_t) */

  /* The handshake is done, and the peer was verified as the context demands. */
  void (*on_secure)(wsuv_tls_t *tls);

  /* Octets of the peer's; valid until the callback returns, and the callback's to overwrite. */
  void (*on_read)(wsuv_tls_t *tls, uint8_t *bytes, size_t len);

  /* The peer's close_notify (RFC 8446 6.1): nothing more comes, and ours may go on. NULL: the stream is closed then. */
  void (*on_end)(wsuv_tls_t *tls);

  /* All that was queued has been taken by the kernel: it comes whenever wsuv_tls_queued was not 0. */
  void (*on_drain)(wsuv_tls_t *tls);

  /* The end. `error` is 0 after wsuv_tls_close and when both sides have ended, or why: see wsuv/tls.h, WSUV_ETRUNCATED (the
   * transport ended without close_notify), WSUV_ETIMEDOUT (the handshake), or libuv's. `detail` is one line. */
  void (*on_close)(wsuv_tls_t *tls, int error, const char *detail);
} wsuv_tls_handler_t;

typedef struct wsuv_tls_open_options {
  size_t size;                  /* sizeof(wsuv_tls_open_options_t) */
  const char *host;             /* client: required; sent as server_name and verified */
  int port;                     /* client: with the host, what a session is remembered for [0] */
  int64_t handshake_timeout_ms; /* [10000]; WSUV_OFF: none */
  /* How the stream is taken: leftover is ciphertext that was read already; see wsuv/adopt.h [all defaults]. */
  const wsuv_adopt_options_t *adopt;
} wsuv_tls_open_options_t;

#define WSUV_TLS_OPEN_OPTIONS_INIT \
  { sizeof(wsuv_tls_open_options_t), NULL, 0, 0, NULL }

/* Takes the stream, as wsuv/adopt.h has it, and begins the handshake in the role of the context. `options` may be NULL for a
 * server. WSUV_EINVAL, WSUV_ESTREAM, WSUV_ESTATE (the loop is closing), WSUV_ENOMEM; then *out is NULL and nothing was
 * touched. */
WSUV_EXTERN int wsuv_tls_open(wsuv_loop_t *loop, wsuv_tls_t **out, uv_stream_t *stream,
                              wsuv_tls_context_t *context, const wsuv_tls_open_options_t *options,
                              const wsuv_tls_handler_t *handler, void *data);

/* Writes what the kernel takes at once and queues a copy of the rest: see wsuv_tls_queued and on_drain. WSUV_ESTATE (the
 * handshake is not done, or our side has ended), WSUV_ENOMEM (also for a queue of 2 GiB); then nothing was written. */
WSUV_EXTERN int wsuv_tls_write(wsuv_tls_t *tls, const void *data, size_t len);

/* Octets written and not yet taken by the kernel; 0 from on_drain until the next write. What is encrypted already, 64 KiB at
 * most, counts with the octets that TLS adds. */
WSUV_EXTERN size_t wsuv_tls_queued(const wsuv_tls_t *tls);

/* Ends our side behind all that is queued: close_notify, then the transport's write side. WSUV_ESTATE, as write. */
WSUV_EXTERN int wsuv_tls_shutdown(wsuv_tls_t *tls);

/* Ends everything now: what is queued is not sent. on_close follows. Harmless when repeated. */
WSUV_EXTERN void wsuv_tls_close(wsuv_tls_t *tls);

/* Stops and resumes on_read and on_end, at any octet. It reads from the beginning. Harmless when repeated. */
WSUV_EXTERN void wsuv_tls_read_stop(wsuv_tls_t *tls);
WSUV_EXTERN void wsuv_tls_read_start(wsuv_tls_t *tls);

/* As wsuv_conn_tls and wsuv_conn_tls_peer. */
WSUV_EXTERN int wsuv_tls_info(const wsuv_tls_t *tls, wsuv_tls_info_t *info);
WSUV_EXTERN int wsuv_tls_peer(const wsuv_tls_t *tls, wsuv_tls_peer_fact_t fact, char *out,
                              size_t size);

/* The user's pointer. */
WSUV_EXTERN void *wsuv_tls_data(const wsuv_tls_t *tls);

#ifdef __cplusplus
}
#endif

#endif
