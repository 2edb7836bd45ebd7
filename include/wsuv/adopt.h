/* WebSocket on streams that the application opened itself: a program that already accepts connections, speaks HTTP or
 * holds a tunnel keeps doing so, and hands wsuv the stream where WebSocket begins. Which door depends on who reads the
 * opening handshake:
 *
 *   nobody yet, a server's          wsuv_server_adopt
 *   nobody yet, a client's          wsuv_connect with options.stream (wsuv/client.h)
 *   the application, as a server    wsuv_upgrade_from_request
 *   the application, either role    wsuv_conn_attach
 *
 * and wsuv_conn_detach is the way back. An HTTP server of libuv's sees a request with "Upgrade: websocket" and then:
 *
 *   err = wsuv_upgrade_from_request(server, stream, &request, &adopt);   adopt: what was read behind the head
 *   if (err != 0)
 *     answer wsuv_err_http_status(err), as to any bad request: the stream is still yours
 *
 * samples/08_embedding.c is such a program.
 *
 * Streams. A uv_tcp_t, uv_pipe_t or uv_tty_t that is connected, readable and writable; both directions are one handle. It
 * is of the same uv_loop_t as wsuv's loop. WSUV_EINVAL: NULL, or another type of handle. WSUV_ESTREAM: it is closing, not
 * connected, or of another loop. After any error nothing was touched.
 *
 * From 0 on the stream is the library's: the application neither reads, writes nor closes it, its memory stays, and
 * stream->data is used by the library. Reading is stopped at once; writes of the application's own that are still under way
 * go out first. TCP_NODELAY is set, unless the options of the connection have tcp_delay. What happens at the end, `own` says:
 *
 *   own      the library uv_close()s the stream.
 *   not own  the stream is given back, open as far as libuv goes. The end of a WebSocket is the end of its transport
 *            (RFC 6455 7.1.1): unless it was terminated or detached, its write side was shut down and it was read to its
 *            end, so that uv_close is all that is left to do.
 *
 * Either way stream->data has its old value then, and close_cb is called, as the last thing and behind on_close, also for a
 * connection that never opened and has no on_close: from here on the memory may be freed.
 *
 * Giving back waits for a write that is under way, since libuv cannot withdraw one: with a peer that does not read, a
 * connection on a stream that is not owned ends only when the peer goes on or goes away, also after wsuv_conn_terminate and
 * wsuv_loop_close. Where that is not wanted, let the library own the stream.
 *
 * To end a connection call wsuv_conn_close, terminate or detach. A uv_close by the application is noticed if it comes
 * inside a callback of the connection or with a write under way, else when the library next uses the stream. The connection
 * ends then, and close_cb is not called: the stream's memory must stay until on_close.
 */
#ifndef WSUV_ADOPT_H
#define WSUV_ADOPT_H

#include "wsuv/server.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a stream is taken. 0 or NULL means the default in brackets. */
typedef struct wsuv_adopt_options {
  size_t size;          /* sizeof(wsuv_adopt_options_t) */
  const void *leftover; /* octets already read from the stream and not used; copied */
  size_t leftover_len;
  int own;              /* non-zero: the library closes the stream at the end [it is given back] */
  uv_close_cb close_cb; /* the library is done with the stream, see above [nobody is told] */
} wsuv_adopt_options_t;

#define WSUV_ADOPT_OPTIONS_INIT \
  { sizeof(wsuv_adopt_options_t), NULL, 0, 0, NULL }

/* A server that listens nowhere: its connections come by wsuv_server_adopt and wsuv_upgrade_from_request. Everything else
 * is as with wsuv_server_listen; by itself it does not keep the uv_loop_t alive. WSUV_EINVAL (also for host, port, path and
 * backlog, which must not be set), WSUV_ENOMEM, WSUV_ESTATE (the loop is closing); then *out is NULL. */
WSUV_EXTERN int wsuv_server_new(wsuv_loop_t *loop, wsuv_server_t **out,
                                const wsuv_server_options_t *options,
                                const wsuv_server_handler_t *handler, void *data);

/* A connection whose opening handshake is still to be read from the stream; the server may be one that listens. `options`
 * may be NULL; the leftover is the beginning of what was received: a part of the request, all of it, or more. What follows
 * is as for a connection that was accepted. WSUV_EINVAL, WSUV_ESTREAM, WSUV_ESTATE (the server is closing), WSUV_EBUSY
 * (max_connections, max_handshakes, or it drains), WSUV_EADDRESS (max_connections_per_address; of TCP), WSUV_ENOMEM. */
WSUV_EXTERN int wsuv_server_adopt(wsuv_server_t *server, uv_stream_t *stream,
                                  const wsuv_adopt_options_t *options);

/* A request head that the application's own HTTP server has parsed; copied. Values are as received, without the white space
 * around them. As in every wsuv_header_t, a length of 0 with a non-NULL pointer means "use strlen", so an empty value that is
 * not NUL-terminated is to be given as NULL. */
typedef struct wsuv_request {
  size_t size;        /* sizeof(wsuv_request_t) */
  const char *method; /* "GET" */
  size_t method_len;  /* 0: NUL-terminated */
  const char *target; /* "/chat?room=1", as it stood in the request line */
  size_t target_len;
  int version_major; /* 1 and 1 for HTTP/1.1 */
  int version_minor;
  const wsuv_header_t *headers; /* every field line, in the order received */
  size_t nheaders;
} wsuv_request_t;

#define WSUV_REQUEST_INIT \
  { sizeof(wsuv_request_t), NULL, 0, NULL, 0, 1, 1, NULL, 0 }

/* A connection whose request the application has read from the stream; the leftover is what came behind the head, the first
 * frames if a client sends ahead. The request is judged at once, just as one that wsuv reads itself. After 0 the server's
 * on_upgrade follows (or the 101, without one), never inside this call, and everything is as for a connection that was
 * accepted; the answer is wsuv's. After an error nothing was touched and the answer is the application's, with the status
 * that wsuv_err_http_status names:
 * WSUV_ENOUPGRADE: an ordinary HTTP request; it is the application's to serve. WSUV_EVERSION, WSUV_EMETHOD and the other
 * faults of wsuv_handshake_finish, WSUV_EBODY: a 426 has "Sec-WebSocket-Version: 13" and "Upgrade: websocket" (RFC 6455
 * 4.4). WSUV_EHTTP: a text that cannot be part of a head. WSUV_EHEADSIZE: max_head_size, max_headers. WSUV_EINVAL,
 * WSUV_ESTREAM, WSUV_ESTATE, WSUV_EBUSY (also the loop's memory_budget), WSUV_EADDRESS, WSUV_ENOMEM: as wsuv_server_adopt. */
WSUV_EXTERN int wsuv_upgrade_from_request(wsuv_server_t *server, uv_stream_t *stream,
                                          const wsuv_request_t *request,
                                          const wsuv_adopt_options_t *options);

/* What was negotiated in an opening handshake that the application did. 0 or NULL means the default in brackets. */
typedef struct wsuv_attach_options {
  size_t size;                       /* sizeof(wsuv_attach_options_t) */
  const wsuv_adopt_options_t *adopt; /* leftover: the first frames [all defaults] */
  const char *subprotocol;           /* copied [none] */
  const wsuv_conn_options_t *conn; /* those of the opening handshake mean nothing [all defaults] */
  /* As wsuv_handshake_extension_at gives them [none]. Copied; the sessions are the connection's once 0 was returned. */
  const wsuv_negotiated_t *extensions;
  size_t nextensions;
} wsuv_attach_options_t;

#define WSUV_ATTACH_OPTIONS_INIT \
  { sizeof(wsuv_attach_options_t), NULL, NULL, NULL, NULL, 0 }

/* A connection on a stream where the 101 was sent or received already; `role` is this side's. `options` may be NULL; the
 * handler is used in place. After 0 on_open follows, then the messages of the leftover, and at last on_close.
 * wsuv_conn_server is NULL. WSUV_EINVAL (stream, role, handler, options, extensions, a subprotocol that is not a token),
 * WSUV_ECLAIM, WSUV_ESTREAM, WSUV_ESTATE (the loop is closing), WSUV_ENOMEM; then *out is NULL, no callback will run, and the
 * sessions are still the application's. */
WSUV_EXTERN int wsuv_conn_attach(wsuv_loop_t *loop, wsuv_conn_t **out, uv_stream_t *stream,
                                 wsuv_role_t role, const wsuv_attach_options_t *options,
                                 const wsuv_handler_t *handler, void *data);

/* The stream is the application's again, its data as it was; `leftover` are the octets that were read from it and are no
 * part of what was delivered, valid until the callback returns. The stream may be read, written, closed or handed to another
 * connection at once. */
typedef void (*wsuv_detach_cb)(wsuv_conn_t *conn, uv_stream_t *stream, const void *leftover,
                               size_t leftover_len);

/* Ends WebSocket without ending the transport, where both sides have agreed on going on in another way. Nothing more is
 * delivered, not even what was received already. What is queued is written, then `cb` is called, then on_close with error 0,
 * and close_cb is not, whoever owned the stream. No Close is sent.
 *
 * It takes effect between two frames: inside on_message, behind that message. Only there is it known where the other way
 * begins; called at another time, octets that were read already may have been taken for frames.
 *
 * If the connection ends before `cb`, because the transport broke, the output was not taken within close_timeout_ms or
 * wsuv_conn_terminate was called, `cb` is not called: on_close says why, and the stream goes as its ownership says.
 *
 * WSUV_EINVAL (no cb). WSUV_ENOMEM. WSUV_ESTATE: the stream did not come from the application, since libuv's handles do
 * not move; the connection is not open; the peer is inside a frame or a fragmented message, or we are inside one
 * (wsuv_conn_send_begin). */
WSUV_EXTERN int wsuv_conn_detach(wsuv_conn_t *conn, wsuv_detach_cb cb);

#ifdef __cplusplus
}
#endif

#endif
