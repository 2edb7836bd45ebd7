/* A request to a server that waits for its decision: what was asked, and the answers.
 *
 * on_upgrade gets those for a WebSocket: accept, or reject or redirect. on_request gets other HTTP requests, where it is set:
 * respond, which keeps the connection for the next request as HTTP/1.1 does, or reject or redirect, which end it.
 *
 * Exactly one answer must be given, in the callback or later; the pointer is dead after it. Meanwhile the handshake's deadline
 * runs; if the peer goes away or the deadline passes first, the answer returns WSUV_ECANCELED (and must still be given, to
 * release the memory). Every function is to be called on the loop's thread.
 */
#ifndef WSUV_UPGRADE_H
#define WSUV_UPGRADE_H

#include "wsuv/conn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_upgrade wsuv_upgrade_t;

/* What was asked. Pointers live until the request is answered. */
WSUV_EXTERN const char *wsuv_upgrade_method(const wsuv_upgrade_t *upgrade);
WSUV_EXTERN const char *wsuv_upgrade_target(const wsuv_upgrade_t *upgrade); /* "/chat?room=1" */

/* The target's path, "/chat", not NUL-terminated; and its query without the "?", "room=1", NUL-terminated: "" for a "?" with
 * nothing behind it, NULL where there is none. As they were sent: percent-escapes (RFC 3986 2.1) are the caller's to decode. */
WSUV_EXTERN wsuv_span_t wsuv_upgrade_path(const wsuv_upgrade_t *upgrade);
WSUV_EXTERN const char *wsuv_upgrade_query(const wsuv_upgrade_t *upgrade);

/* The authority asked for, "example.com" or "[::1]:9001": the target's where it came as a whole URL (what is left of it is the
 * target then), whatever Host says (RFC 9112 3.2.2); else the value of Host. */
WSUV_EXTERN const char *wsuv_upgrade_host(const wsuv_upgrade_t *upgrade);

/* The fields in the order received; `index` is below nheaders. */
WSUV_EXTERN size_t wsuv_upgrade_nheaders(const wsuv_upgrade_t *upgrade);
WSUV_EXTERN wsuv_header_t wsuv_upgrade_header_at(const wsuv_upgrade_t *upgrade, size_t index);

/* The value of the first field of that name (in any case), NUL-terminated, or NULL; and of the one with the number `nth` among
 * those of that name, from 0 on. */
WSUV_EXTERN const char *wsuv_upgrade_header(const wsuv_upgrade_t *upgrade, const char *name);
WSUV_EXTERN const char *wsuv_upgrade_header_nth(const wsuv_upgrade_t *upgrade, const char *name,
                                                size_t nth);

/* As wsuv_conn_peer. WSUV_ECANCELED when the peer is gone. */
WSUV_EXTERN int wsuv_upgrade_peer(const wsuv_upgrade_t *upgrade, char *out, size_t size);

/* What an accept will agree to, in the order of the answer; `index` is below nextensions. decline takes one out: WSUV_EINVAL
 * (not among them), WSUV_ESTATE (no longer to be answered, or an on_request request). */
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

/* Answers 101, after a 100 if the request has Expect: 100-continue (RFC 9110 7.8). `options` may be NULL. on_open follows,
 * never inside this call. WSUV_ECANCELED (the peer is gone or the deadline passed), WSUV_ESTATE (an on_request request). After
 * WSUV_EINVAL (header, subprotocol) or WSUV_ENOMEM the request still waits for its answer. */
WSUV_EXTERN int wsuv_upgrade_accept(wsuv_upgrade_t *upgrade, const wsuv_accept_options_t *options);

/* Answers with `status` (200-599), the given fields, Content-Length, Connection: close and the body (copied; left out for HEAD,
 * RFC 9110 9.3.2), and ends the connection in an orderly way. A 401 needs a WWW-Authenticate among the fields (RFC 9110
 * 15.5.2); a 426 gets Upgrade and Sec-WebSocket-Version where they are not given. Errors as accept, but for on_request's;
 * WSUV_EINVAL also for another status, a field of the library's own, and a body without a pointer or with a status that has
 * none. */
WSUV_EXTERN int wsuv_upgrade_reject(wsuv_upgrade_t *upgrade, int status,
                                    const wsuv_header_t *headers, size_t nheaders, const void *body,
                                    size_t body_len);

/* Rejects with 301, 302, 303, 307 or 308 and `location` as Location (RFC 9110 15.4, 10.2.2). Clients need not follow, and
 * browsers do not where a WebSocket was asked for (RFC 6455 4.1). Errors as reject; WSUV_EINVAL also for a location that is
 * empty or holds anything but visible ASCII: everything else has to be percent-encoded (RFC 3986 2). */
WSUV_EXTERN int wsuv_upgrade_redirect(wsuv_upgrade_t *upgrade, int status, const char *location);

/* Answers an on_request request as reject does, and keeps the connection for the next one (RFC 9112 9.3), which may be for a
 * WebSocket. The connection ends behind the answer, which then has Connection: close, where the request has that, it was the
 * last of the server's max_requests, or the server is closed. Requests that were sent ahead are handled one at a time, in
 * order, each once the answer before it was taken by the transport; an answer of which nothing is taken for close_timeout_ms
 * ends the connection. Errors as reject; WSUV_ESTATE also for an on_upgrade request. */
WSUV_EXTERN int wsuv_upgrade_respond(wsuv_upgrade_t *request, int status,
                                     const wsuv_header_t *headers, size_t nheaders,
                                     const void *body, size_t body_len);

#ifdef __cplusplus
}
#endif

#endif
