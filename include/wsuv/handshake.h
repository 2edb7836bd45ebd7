/* The opening handshake (RFC 6455 4) without sockets and without an HTTP parser: header names and values go in,
 * in any order and from any parser; a verdict and header text come out. One object per attempt and role.
 *
 * Server: new, request_line, header..., finish, then response or refusal.
 * Client: new, request (send it), status_line, header..., finish.
 *
 * Threads: an object belongs to one thread at a time. All errors are wsuv_errno_t codes.
 */
#ifndef WSUV_HANDSHAKE_H
#define WSUV_HANDSHAKE_H

#include "wsuv/errno.h"
#include "wsuv/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_handshake wsuv_handshake_t;

/* Everything is copied by wsuv_handshake_new. */
typedef struct wsuv_handshake_options {
  size_t size;      /* sizeof(wsuv_handshake_options_t), set by WSUV_HANDSHAKE_OPTIONS_INIT */
  wsuv_role_t role; /* required */
  const wsuv_allocator_t *allocator; /* NULL: malloc */
  const char *const *subprotocols; /* client: offered, in order of preference; server: supported */
  size_t nsubprotocols;
  int require_host; /* server: refuse a request without Host (RFC 6455 4.2.1 item 2) */
  /* The rest is for clients. */
  const char *url;    /* required: ws://, wss://, http:// or https:// */
  const char *origin; /* NULL: no Origin field */
  const char *key; /* NULL: 16 bytes from the system's random source; else 24 base64 characters */
  const wsuv_header_t *headers; /* extra fields, sent as they are behind the library's own */
  size_t nheaders;
} wsuv_handshake_options_t;

#define WSUV_HANDSHAKE_OPTIONS_INIT(role) \
  { sizeof(wsuv_handshake_options_t), role, NULL, NULL, 0, 1, NULL, NULL, NULL, NULL, 0 }

/* 0 and *out; else *out is NULL and: WSUV_EINVAL (role, key, a subprotocol that is not a token or is given twice, a
 * header name that is not a token or is one of the library's own, a value with CR, LF or NUL), WSUV_EURL, WSUV_ERANDOM,
 * WSUV_ENOMEM. */
WSUV_EXTERN int wsuv_handshake_new(wsuv_handshake_t **out, const wsuv_handshake_options_t *options);

/* NULL is allowed. */
WSUV_EXTERN void wsuv_handshake_free(wsuv_handshake_t *handshake);

/* Client: the request to send, from the request line to the blank line. Belongs to the handshake. WSUV_ESTATE for a
 * server. */
WSUV_EXTERN int wsuv_handshake_request(wsuv_handshake_t *handshake, wsuv_span_t *text);

/* Server: what the request line said; judged by finish. `version_major` and `version_minor` are 1 and 1 for
 * "HTTP/1.1". WSUV_ESTATE for a client or after finish. */
WSUV_EXTERN int wsuv_handshake_request_line(wsuv_handshake_t *handshake, const char *method,
                                            size_t method_len, int version_major,
                                            int version_minor);

/* Client: the status of the response; judged by finish. WSUV_ESTATE for a server or after finish. */
WSUV_EXTERN int wsuv_handshake_status_line(wsuv_handshake_t *handshake, int status);

/* One field of the peer's head, in the order received; nothing is kept beyond what the handshake needs, unrelated
 * fields are ignored. A NULL value is skipped. WSUV_ENOMEM, WSUV_ESTATE after finish. */
WSUV_EXTERN int wsuv_handshake_header(wsuv_handshake_t *handshake, const char *name,
                                      size_t name_len, const char *value, size_t value_len);

/* The verdict: 0, or the first fault in this order. Server (RFC 6455 4.2.1): WSUV_EHTTPVERSION, WSUV_EMETHOD, missing
 * fields (WSUV_ENOUPGRADE where neither Upgrade nor a Sec-WebSocket field was sent: an ordinary HTTP request; else
 * WSUV_EMISSING), WSUV_EDUPLICATE, Upgrade, Connection (WSUV_ETOKEN, WSUV_EHEADER), WSUV_EVERSION, the key, the
 * subprotocols. Client (4.1): WSUV_ESTATUS, WSUV_EMISSING, WSUV_EDUPLICATE, Upgrade, Connection, WSUV_EACCEPT,
 * WSUV_EEXTENSION, WSUV_ESUBPROTOCOL. Also WSUV_ENOMEM. Called again it answers the same. WSUV_ESTATE, and nothing is
 * decided, before request_line or status_line was called. */
WSUV_EXTERN int wsuv_handshake_finish(wsuv_handshake_t *handshake);

/* One bounded line that says what finish found, naming field and clause, never a secret; "" after success. Belongs to
 * the handshake. */
WSUV_EXTERN const char *wsuv_handshake_detail(const wsuv_handshake_t *handshake);

/* The negotiated subprotocol, NUL-terminated, or NULL for none; belongs to the handshake. A server takes the first one
 * in the client's order that it supports. NULL before finish. */
WSUV_EXTERN const char *wsuv_handshake_subprotocol(const wsuv_handshake_t *handshake);

/* Server, after finish said 0: answer with `subprotocol` instead (NULL: with none). WSUV_EINVAL if the client did not
 * offer it; WSUV_ESTATE; WSUV_ENOMEM. */
WSUV_EXTERN int wsuv_handshake_select_subprotocol(wsuv_handshake_t *handshake,
                                                  const char *subprotocol);

/* Server, after finish said 0: the 101 response with `headers` behind the library's own fields. Belongs to the
 * handshake. WSUV_EINVAL (as for options.headers), WSUV_ESTATE, WSUV_ENOMEM. */
WSUV_EXTERN int wsuv_handshake_response(wsuv_handshake_t *handshake, const wsuv_header_t *headers,
                                        size_t nheaders, wsuv_span_t *text);

/* Takes the next token off a comma-separated list such as Connection's (RFC 9110 5.6.1, 5.6.2), skipping empty elements. 1
 * and *token; 0 at the end; WSUV_ETOKEN and the whole element that is no token. Nothing is copied: spans into the caller's
 * memory. Any thread. */
WSUV_EXTERN int wsuv_token_next(wsuv_span_t *rest, wsuv_span_t *token);

/* The 28 characters of RFC 6455 4.2.2 item 5.4: base64(SHA-1(key + GUID)) and a NUL into `accept`. White space
 * around the key is not part of it. WSUV_EINVAL for an empty key. Any thread. */
WSUV_EXTERN int wsuv_handshake_accept_key(const char *key, size_t key_len, char accept[29]);

/* `len` bytes from the system's cryptographic random source; the default of every `random` option. 0 or WSUV_ERANDOM.
 * `arg` is ignored. Any thread. */
WSUV_EXTERN int wsuv_random(void *arg, void *buf, size_t len);

#ifdef __cplusplus
}
#endif

#endif
