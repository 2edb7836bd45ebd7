/* Complete HTTP responses. */
#ifndef WSUV_HTTP_RESPONSE_H
#define WSUV_HTTP_RESPONSE_H

#include <stddef.h>

#include "base/buf.h"

/* The standard reason phrase, "" for a status without one. */
const char *wsuv__response_reason(int status);

/* A response after which the connection is closed (RFC 9112 9.6). Appends status line, `headers`, Content-Length, Connection:
 * close and body; to a 426 also Upgrade and Sec-WebSocket-Version, unless given. A 1xx, 204 or 304 has neither length nor body
 * (RFC 9110 8.6), a 1xx no Connection either. 0; WSUV_EINVAL for a status outside 100-999, a body where there is none, a 401
 * without WWW-Authenticate, a bad field, or one that is written here (Content-Length, Connection, Transfer-Encoding);
 * WSUV_ENOMEM. The buffer is unchanged on error. */
int wsuv__response_write(struct wsuv__buf *buf, const wsuv_allocator_t *a, int status,
                         const wsuv_header_t *headers, size_t nheaders, const void *body,
                         size_t body_len);

/* The same without Connection: close: further requests may follow (RFC 9112 9.3). */
int wsuv__response_write_kept(struct wsuv__buf *buf, const wsuv_allocator_t *a, int status,
                              const wsuv_header_t *headers, size_t nheaders, const void *body,
                              size_t body_len);

/* Appends the answer to an opening handshake that failed with `err`, with the fields that its status requires and
 * `detail` (NULL or "": the text of `err`) as a short text body. 0, WSUV_ENOMEM. */
int wsuv__response_write_refusal(struct wsuv__buf *buf, const wsuv_allocator_t *a, int err,
                                 const char *detail);

#endif
