/* A listening server on TCP or a unix socket (named pipe on Windows). */
#ifndef WSUV_SERVER_H
#define WSUV_SERVER_H

#include "wsuv/send.h"
#include "wsuv/upgrade.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_server wsuv_server_t;

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

  /* A well-formed HTTP request without a body that does not ask for WebSocket; to be answered by wsuv_upgrade_respond, reject
   * or redirect (wsuv/upgrade.h). NULL: 426 Upgrade Required. */
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
  int require_subprotocol; /* one of ours; else 400 */
  int require_origin;      /* an Origin; else 403 */
  /* Who has an Origin, as every browser does, must have exactly one of these, "https://example.com" with the port unless it is
   * the scheme's own; else 403. "null" cannot be listed; a single "*" is any Origin, also "null". The server's own origin is
   * not among them unless it is listed [only that: see wsuv_origin_is_same in wsuv/handshake.h]. */
  const char *const *origins;
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
  /* Connections of one address (IPv6: of one /64); more are answered 429 [1024, and no limit for loopback, private and
   * link-local addresses, behind which a proxy may stand: a number given counts for all]. IPv4 mapped into IPv6 is IPv4. None
   * for unix sockets. */
  int64_t max_connections_per_address;
  /* Opening handshakes in progress, from the accept on and TLS included; more are answered 503, with TLS dropped: the answer
   * would cost a handshake [4096] */
  int64_t max_handshakes;
  /* From an answer of wsuv_upgrade_respond until the first octet of the next request; then the connection is ended without a
   * word [5000] */
  int64_t keep_alive_timeout_ms;
  int64_t max_requests;      /* answered on one connection before it is closed [1000] */
  int64_t max_subscriptions; /* topics of one connection (wsuv/topic.h) [1024] */
} wsuv_server_options_t;

#define WSUV_SERVER_OPTIONS_INIT                                                                  \
  {                                                                                               \
    sizeof(wsuv_server_options_t), NULL, 0, NULL, 0, 0, NULL, 0, NULL, 0, 0, NULL, 0, 0, NULL, 0, \
        NULL, 0, 0, 0, 0, 0, 0                                                                    \
  }

/* Listens; `options` may be NULL. The handler is used in place. A host that is a name is looked up inside of the call, which
 * waits for that: where the loop must not, give an address. A request that has come only in part by the handshake's deadline is
 * answered 408. WSUV_EINVAL, WSUV_ECLAIM (an extension claims what conn->rsv or conn->opcodes claim), WSUV_ESTATE (the loop is
 * closing), WSUV_ENOMEM, WSUV_ERANDOM, or libuv's code: UV_EADDRINUSE, UV_EACCES, UV_EADDRNOTAVAIL, UV_ENAMETOOLONG (path),
 * UV_EMFILE, a name that does not resolve. After an error *out is NULL and nothing remains. */
WSUV_EXTERN int wsuv_server_listen(wsuv_loop_t *loop, wsuv_server_t **out,
                                   const wsuv_server_options_t *options,
                                   const wsuv_server_handler_t *handler, void *data);

/* Stops listening; connections live on (end them with wsuv_server_each; wsuv/drain.h does both, gently). on_close comes when
 * the last is gone. Harmless when repeated. */
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

#ifdef __cplusplus
}
#endif

#endif
