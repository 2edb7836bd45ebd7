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
#include "wsuv/extension.h"
#include "wsuv/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_handshake wsuv_handshake_t;

/* Copied by wsuv_handshake_new, but for the extensions' descriptions. */
typedef struct wsuv_handshake_options {
  size_t size;      /* sizeof(wsuv_handshake_options_t), set by WSUV_HANDSHAKE_OPTIONS_INIT */
  wsuv_role_t role; /* required */
  const wsuv_allocator_t *allocator; /* NULL: malloc */
  const char *const *subprotocols; /* client: offered, in order of preference; server: supported */
  size_t nsubprotocols;
  int require_host; /* server: refuse a request without Host (RFC 6455 4.2.1 item 2) */
  /* The next five are for clients. */
  const char *url;    /* required: ws://, wss://, http:// or https:// */
  const char *origin; /* NULL: no Origin field */
  const char *key; /* NULL: 16 bytes from the system's random source; else 24 base64 characters */
  const wsuv_header_t *headers; /* extra fields, sent as they are behind the library's own */
  size_t nheaders;
  /* What the client offers, in this order, or the server supports, in the order in which it answers. The descriptions must
   * outlive the handshake and what it negotiates. */
  const wsuv_extension_t *const *extensions;
  size_t nextensions;
  wsuv_extension_grammar_t extension_grammar; /* of what the peer sends [WSUV_GRAMMAR_STRICT] */
  /* The rest is for servers. */
  int require_subprotocol; /* refuse a request that offers none of ours */
  int require_origin;      /* refuse a request without Origin: it is not a browser's */
  /* Refuse a request whose Origin is none of these ("https://example.com", compared without regard to letter case). A single
   * "*", or 0: any, also "null". */
  const char *const *origins;
  size_t norigins;
  /* Refuse a request that has an Origin which is not that of its Host, as wsuv_origin_is_same says; not together with a
   * list. `secure`: the transport is TLS. */
  int same_origin;
  int secure;
} wsuv_handshake_options_t;

#define WSUV_HANDSHAKE_OPTIONS_INIT(role)                                                         \
  {                                                                                               \
    sizeof(wsuv_handshake_options_t), role, NULL, NULL, 0, 1, NULL, NULL, NULL, NULL, 0, NULL, 0, \
        WSUV_GRAMMAR_STRICT, 0, 0, NULL, 0, 0, 0                                                  \
  }

/* 0 and *out; else *out is NULL and: WSUV_EINVAL (role, grammar, key, a subprotocol that is not a token or is given twice, a
 * header name that is not a token or is one of the library's own, a value with CR, LF or NUL, an origin with a blank, comma
 * or control character, "null", a "*" that is not alone, a list together with same_origin; an extension whose size is wrong,
 * whose token is none in lower case or is given twice, that claims other reserved bits than 1, 2, 4 or other opcodes than 3-7
 * and 11-15), WSUV_EURL, WSUV_ERANDOM, WSUV_ENOMEM, or what an extension's `offer` returned. */
WSUV_EXTERN int wsuv_handshake_new(wsuv_handshake_t **out, const wsuv_handshake_options_t *options);

/* Ends the sessions of extensions that were not released. NULL is allowed. */
WSUV_EXTERN void wsuv_handshake_free(wsuv_handshake_t *handshake);

/* Client: the request to send, from the request line to the blank line. Belongs to the handshake. WSUV_ESTATE for a
 * server. */
WSUV_EXTERN int wsuv_handshake_request(wsuv_handshake_t *handshake, wsuv_span_t *text);

/* Client: where to connect and what is asked for, from the URL. The host is without the brackets of an IPv6 literal, the
 * port 80 or 443 where none was given, the target path and query; is_secure says that TLS is wanted (wss, https). Texts
 * belong to the handshake. NULL or 0 for a server. */
WSUV_EXTERN const char *wsuv_handshake_host(const wsuv_handshake_t *handshake);
WSUV_EXTERN int wsuv_handshake_port(const wsuv_handshake_t *handshake);
WSUV_EXTERN const char *wsuv_handshake_target(const wsuv_handshake_t *handshake);
WSUV_EXTERN int wsuv_handshake_is_secure(const wsuv_handshake_t *handshake);

/* Server: what the request line said; judged by finish. `version_major` and `version_minor` are 1 and 1 for
 * "HTTP/1.1". WSUV_ESTATE for a client or after finish. */
WSUV_EXTERN int wsuv_handshake_request_line(wsuv_handshake_t *handshake, const char *method,
                                            size_t method_len, int version_major,
                                            int version_minor);

/* Client: the status of the response; judged by finish. WSUV_ESTATE for a server or after finish. */
WSUV_EXTERN int wsuv_handshake_status_line(wsuv_handshake_t *handshake, int status);

/* Client: the reason phrase behind the status, for wsuv_handshake_fault only; need not be called. Errors as above. */
WSUV_EXTERN int wsuv_handshake_reason_phrase(wsuv_handshake_t *handshake, const char *reason,
                                             size_t len);

/* One field of the peer's head, in the order received; nothing is kept beyond what the handshake needs, unrelated
 * fields are ignored. A NULL value is skipped. WSUV_ENOMEM, WSUV_ESTATE after finish. */
WSUV_EXTERN int wsuv_handshake_header(wsuv_handshake_t *handshake, const char *name,
                                      size_t name_len, const char *value, size_t value_len);

/* The verdict: 0, or the first fault in this order. Server (RFC 6455 4.2.1): WSUV_EHTTPVERSION, WSUV_EMETHOD, missing
 * fields (WSUV_ENOUPGRADE where neither Upgrade nor a Sec-WebSocket field was sent: an ordinary HTTP request; else
 * WSUV_EMISSING), WSUV_EDUPLICATE, Host, Upgrade, Connection (WSUV_ETOKEN, WSUV_EHEADER), WSUV_EVERSION, the key,
 * WSUV_EORIGIN, the subprotocols (WSUV_ETOKEN, WSUV_ENOSUBPROTOCOL), what an extension's `answer` returned; a malformed
 * Sec-WebSocket-Extensions counts as no offer. Client (4.1): WSUV_ESTATUS, WSUV_EMISSING, WSUV_EDUPLICATE, Upgrade,
 * Connection, WSUV_EACCEPT, WSUV_EEXTENSION (not offered), WSUV_EBADEXTENSION (malformed, twice, two that claim the same
 * bit or opcode, or not what the extension accepts) or another error of its `accept`, WSUV_ESUBPROTOCOL. Also WSUV_ENOMEM.
 * Called again it answers the same. WSUV_ESTATE, and nothing is decided, before request_line or status_line was called.
 * Extensions' hooks are called in here; they must not use the handshake. */
WSUV_EXTERN int wsuv_handshake_finish(wsuv_handshake_t *handshake);

/* One bounded line that says what finish found, naming field and clause, never a secret; "" after success. Belongs to
 * the handshake. */
WSUV_EXTERN const char *wsuv_handshake_detail(const wsuv_handshake_t *handshake);

/* The same as attributes; what does not apply is NULL or 0. Never the key or credentials. */
typedef struct wsuv_handshake_fault {
  int error; /* what finish returned */
  /* The field, in its usual spelling (of one that came twice: as the second line spelled it), "method", "HTTP version" or
   * "status". */
  const char *name;
  const char
      *value; /* received: the field's value, or the element of its list; printable, cut at 200 */
  const char *expected;     /* in its place */
  const char *why;          /* a few words, such as "is not a token" */
  const char *clause;       /* such as "RFC 6455 4.2.1" */
  const char *const *names; /* the missing fields */
  size_t nnames;
  int status;         /* the server's, with WSUV_ESTATUS */
  const char *reason; /* behind the status, if it is known; as `value` */
} wsuv_handshake_fault_t;

/* Fills *fault in and returns its error; 0, and all of it 0, without a fault. The texts belong to the handshake. */
WSUV_EXTERN int wsuv_handshake_fault(const wsuv_handshake_t *handshake,
                                     wsuv_handshake_fault_t *fault);

/* The negotiated subprotocol, NUL-terminated, or NULL for none; belongs to the handshake. A server takes the first one
 * in the client's order that it supports. NULL before finish. */
WSUV_EXTERN const char *wsuv_handshake_subprotocol(const wsuv_handshake_t *handshake);

/* Server, after finish said 0: answer with `subprotocol` instead (NULL: with none). WSUV_EINVAL if the client did not
 * offer it; WSUV_ESTATE; WSUV_ENOMEM. */
WSUV_EXTERN int wsuv_handshake_select_subprotocol(wsuv_handshake_t *handshake,
                                                  const char *subprotocol);

/* What was agreed on, in the order of the answer; none before finish said 0. `index` is below nextensions. */
WSUV_EXTERN size_t wsuv_handshake_nextensions(const wsuv_handshake_t *handshake);
WSUV_EXTERN wsuv_negotiated_t wsuv_handshake_extension_at(const wsuv_handshake_t *handshake,
                                                          size_t index);

/* Server, after finish said 0: answers without that extension; its session is ended. WSUV_EINVAL if it was not agreed on;
 * WSUV_ESTATE, also after release_extensions. */
WSUV_EXTERN int wsuv_handshake_decline_extension(wsuv_handshake_t *handshake, const char *token);

/* The sessions are the caller's now, who gave them to an endpoint: the handshake will not end them. The list can still be
 * read. Nothing happens before finish said 0. */
WSUV_EXTERN void wsuv_handshake_release_extensions(wsuv_handshake_t *handshake);

/* Server, after finish said 0: the 101 response with `headers` behind the library's own fields; with a 100 before it where
 * the request has Expect: 100-continue (RFC 9110 7.8). Belongs to the handshake. WSUV_EINVAL (as for options.headers),
 * WSUV_ESTATE, WSUV_ENOMEM. */
WSUV_EXTERN int wsuv_handshake_response(wsuv_handshake_t *handshake, const wsuv_header_t *headers,
                                        size_t nheaders, wsuv_span_t *text);

/* Takes the next token off a comma-separated list such as Connection's (RFC 9110 5.6.1, 5.6.2), skipping empty elements. 1
 * and *token; 0 at the end; WSUV_ETOKEN and the whole element that is no token. Nothing is copied: spans into the caller's
 * memory. Any thread. */
WSUV_EXTERN int wsuv_token_next(wsuv_span_t *rest, wsuv_span_t *token);

/* The 28 characters of RFC 6455 4.2.2 item 5.4: base64(SHA-1(key + GUID)) and a NUL into `accept`. White space
 * around the key is not part of it. WSUV_EINVAL for an empty key. Any thread. */
WSUV_EXTERN int wsuv_handshake_accept_key(const char *key, size_t key_len, char accept[29]);

/* Non-zero if the page of that Origin came from the server that the request's Host names: the same host (letter case aside; an
 * IPv6 literal with its brackets) and the same port, where none is given the scheme's, 80 or 443. The scheme must be https
 * where the transport is TLS (`secure`), else https or http: a proxy may have ended TLS. Any other Origin, "null" among them,
 * is not the same, and nothing is the same as a Host that is NULL or empty. Any thread. */
WSUV_EXTERN int wsuv_origin_is_same(const char *origin, size_t origin_len, const char *host,
                                    size_t host_len, int secure);

/* `len` bytes from the system's cryptographic random source; the default of every `random` option. 0 or WSUV_ERANDOM.
 * `arg` is ignored. Any thread. */
WSUV_EXTERN int wsuv_random(void *arg, void *buf, size_t len);

#ifdef __cplusplus
}
#endif

#endif
