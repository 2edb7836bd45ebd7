/* A listening server on TCP or a unix socket (named pipe on Windows). */
#ifndef WSUV_SERVER_H
#define WSUV_SERVER_H

#include "wsuv/send.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_server wsuv_server_t;

/* A request that waits for its answer: exactly one of accept and reject must be called, at once or later; the pointer is
 * dead after that call. Meanwhile the handshake's deadline runs; if the peer goes away or the deadline passes first, the
 * call returns WSUV_ECANCELED (and must still be made, to release the memory). */
typedef struct wsuv_upgrade wsuv_upgrade_t;

/* Pointers are valid until the callback returns. */
typedef struct wsuv_tls_failure {
  const char *peer;   /* as wsuv_conn_peer; "" where it is not known any more */
  int error;          /* see wsuv/tls.h */
  const char *detail; /* one line */
} wsuv_tls_failure_t;

typedef struct wsuv_server_handler {
  size_t size; /* sizeof(wsuv_server_handler_t) */

  /* The events of connections that are accepted. Required. */
  const wsuv_handler_t *conn;

  /* A valid opening handshake. NULL: each is accepted. */
  void (*on_upgrade)(wsuv_server_t *server, wsuv_upgrade_t *upgrade);

  /* A well-formed HTTP request without a body that does not ask for WebSocket; to be answered by wsuv_upgrade_reject with
   * any status (200 for a page). NULL: 426 Upgrade Required. */
  void (*on_request)(wsuv_server_t *server, wsuv_upgrade_t *request);

  /* The server and all its connections are gone; the pointer is dead after it. */
  void (*on_close)(wsuv_server_t *server);

  /* A connection ended in its TLS handshake: a client that refuses the certificate, shows none that is accepted, speaks no
   * TLS, or was too slow (WSUV_ETIMEDOUT). For a log. */
  void (*on_tls_failed)(wsuv_server_t *server, const wsuv_tls_failure_t *failure);
} wsuv_server_handler_t;

/* Copied, but for the allocator's and handlers' targets. 0 or NULL means the default in brackets. */
typedef struct wsuv_server_options {
  size_t size;      /* sizeof(wsuv_server_options_t) */
  const char *host; /* address or name to listen on ["127.0.0.1"]; "::" for every address */
  int port;         /* 0-65535; 0: any free one, see wsuv_server_port */
  const char *path; /* unix socket instead of TCP; host and port are then ignored */
  int backlog;      /* of listen(2) [511] */
  /* More are answered 503 with Retry-After [100000]. Of all who are not served 64 at a time are told so, with TLS after their
   * handshake; the others are dropped. */
  int64_t max_connections;
  const char *const *subprotocols; /* supported; the first one in the client's order is chosen */
  size_t nsubprotocols;
  const wsuv_conn_options_t *conn; /* of every connection [all defaults] */
  /* What a request must have before the handler is asked; see wsuv_handshake_options_t. */
  int require_subprotocol;    /* one of ours; else 400 */
  int require_origin;         /* an Origin; else 403 */
  const char *const *origins; /* one of these, if it has an Origin; else 403 [any] */
  size_t norigins;
  /* Nothing behind it before it is answered (RFC 6455 4.1); else 400. [What comes is read as the first frames.] */
  int refuse_early_data;
  /* Supported, in the order in which they are answered; each client's offers are judged by their `answer`. The descriptions
   * must outlive the server and its connections. */
  const wsuv_extension_t *const *extensions;
  size_t nextensions;
  /* Every connection begins with TLS, also one of wsuv_server_adopt; see wsuv/tls.h [none]. A reference is kept. Who comes
   * with plain HTTP is answered 400, in plain HTTP. */
  struct wsuv_tls_context *tls;
  /* TLS handshakes in progress, of up to 48 KB each; further connections are not accepted before one is done [1024] */
  int64_t max_tls_handshakes;
  /* Connections of one address (IPv6: of one /64); more are answered 429 [1024, and no limit for loopback, private and link-local
   * addresses, behind which a proxy may stand: a number given counts for all]. IPv4 mapped into IPv6 is IPv4. None for unix
   * sockets. */
  int64_t max_connections_per_address;
  /* Opening handshakes in progress, from the accept on and TLS included; more are answered 503, with TLS dropped: the answer
   * would cost a handshake [4096] */
  int64_t max_handshakes;
  int64_t
      keep_alive_timeout_ms; /* for the next request on a connection that wsuv_upgrade_respond answered [5000] */
  int64_t max_requests;      /* answered on one connection before it is closed [1000] */
  int64_t max_subscriptions; /* topics of one connection (wsuv/topic.h) [1024] */
} wsuv_server_options_t;

#define WSUV_SERVER_OPTIONS_INIT                                                                  \
  {                                                                                               \
    sizeof(wsuv_server_options_t), NULL, 0, NULL, 0, 0, NULL, 0, NULL, 0, 0, NULL, 0, 0, NULL, 0, \
        NULL, 0, 0, 0, 0, 0, 0                                                                    \
  }

/* Listens. The handler is used in place. A request that has come only in part by the handshake's deadline is answered 408.
 * WSUV_EINVAL, WSUV_ECLAIM (an extension claims what conn->rsv or conn->opcodes claim), WSUV_ENOMEM, WSUV_ERANDOM, or libuv's code: UV_EADDRINUSE, UV_EACCES,
 * UV_EADDRNOTAVAIL, UV_ENAMETOOLONG (path), UV_EMFILE, a name that does not resolve. After an error *out is NULL and nothing
 * remains. */
WSUV_EXTERN int wsuv_server_listen(wsuv_loop_t *loop, wsuv_server_t **out,
                                   const wsuv_server_options_t *options,
                                   const wsuv_server_handler_t *handler, void *data);

/* Stops listening; connections live on (end them with wsuv_server_each; wsuv/drain.h does both, gently). on_close comes when the last is gone. Harmless
 * when repeated. */
WSUV_EXTERN void wsuv_server_close(wsuv_server_t *server);

/* Calls `visit` for each open connection of the server, in no particular order; `visit` may close or terminate any of
 * them, and send. */
WSUV_EXTERN void wsuv_server_each(wsuv_server_t *server,
                                  void (*visit)(wsuv_conn_t *conn, void *arg), void *arg);

/* The port listened on; 0 for a unix socket. */
WSUV_EXTERN int wsuv_server_port(const wsuv_server_t *server);

/* Connections at present, those still in their opening handshake included. */
WSUV_EXTERN size_t wsuv_server_nconns(const wsuv_server_t *server);

WSUV_EXTERN void *wsuv_server_data(const wsuv_server_t *server);

/* The server that accepted the connection, NULL for a client's. */
WSUV_EXTERN wsuv_server_t *wsuv_conn_server(const wsuv_conn_t *conn);

/* What was asked. Pointers live until the request is answered. */
WSUV_EXTERN const char *wsuv_upgrade_method(const wsuv_upgrade_t *upgrade);
WSUV_EXTERN const char *wsuv_upgrade_target(const wsuv_upgrade_t *upgrade); /* "/chat?room=1" */

/* The authority asked for, "example.com" or "[::1]:9001": the target's where it came as a whole URL (what is left of it is the
 * target then), whatever Host says (RFC 9112 3.2.2); else the value of Host. */
WSUV_EXTERN const char *wsuv_upgrade_host(const wsuv_upgrade_t *upgrade);

WSUV_EXTERN size_t wsuv_upgrade_nheaders(const wsuv_upgrade_t *upgrade);
WSUV_EXTERN wsuv_header_t wsuv_upgrade_header_at(const wsuv_upgrade_t *upgrade, size_t index);

/* The value of the first field of that name (in any case), NUL-terminated, or NULL. */
WSUV_EXTERN const char *wsuv_upgrade_header(const wsuv_upgrade_t *upgrade, const char *name);

/* As wsuv_conn_peer. WSUV_ECANCELED when the peer is gone. */
WSUV_EXTERN int wsuv_upgrade_peer(const wsuv_upgrade_t *upgrade, char *out, size_t size);

/* What an accept will agree to, in the order of the answer; `index` is below nextensions. decline takes one out: WSUV_EINVAL
 * (not among them), WSUV_ESTATE (no longer to be answered). */
WSUV_EXTERN size_t wsuv_upgrade_nextensions(const wsuv_upgrade_t *upgrade);
WSUV_EXTERN wsuv_negotiated_t wsuv_upgrade_extension_at(const wsuv_upgrade_t *upgrade,
                                                        size_t index);
WSUV_EXTERN int wsuv_upgrade_decline_extension(wsuv_upgrade_t *upgrade, const char *token);

typedef struct wsuv_accept_options {
  size_t size; /* sizeof(wsuv_accept_options_t) */
  const char *
      subprotocol; /* NULL: the negotiated one, if any; "": none; else one that the client offered */
  const wsuv_header_t *headers; /* extra fields of the response */
  size_t nheaders;
  void *data; /* becomes wsuv_conn_data */
} wsuv_accept_options_t;

#define WSUV_ACCEPT_OPTIONS_INIT \
  { sizeof(wsuv_accept_options_t), NULL, NULL, 0, NULL }

/* Answers 101, after a 100 if the request has Expect: 100-continue (RFC 9110 7.8). `options` may be NULL. on_open follows, never inside this call. WSUV_ECANCELED (the peer is gone or the
 * deadline passed), WSUV_ESTATE (an on_request request). After WSUV_EINVAL (header, subprotocol) or WSUV_ENOMEM the request
 * still waits for its answer. */
WSUV_EXTERN int wsuv_upgrade_accept(wsuv_upgrade_t *upgrade, const wsuv_accept_options_t *options);

/* Answers with `status` (200-599), the given fields, Content-Length, Connection: close and the body (copied), and ends the
 * connection in an orderly way. A 401 needs a WWW-Authenticate among the fields (RFC 9110 15.5.2); a 426 gets Upgrade and
 * Sec-WebSocket-Version where they are not given. Errors as accept; WSUV_EINVAL also for another status, a field of the
 * library's own, and a body without a pointer or with a status that has none. */
WSUV_EXTERN int wsuv_upgrade_reject(wsuv_upgrade_t *upgrade, int status,
                                    const wsuv_header_t *headers, size_t nheaders, const void *body,
                                    size_t body_len);

#ifdef __cplusplus
}
#endif

#endif
