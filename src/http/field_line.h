/* Field lines that the application asks us to send: checked, then written. */
#ifndef WSUV_HTTP_FIELD_LINE_H
#define WSUV_HTTP_FIELD_LINE_H

#include <stddef.h>

#include "base/buf.h"
#include "http/token.h"

/* With the lengths filled in where they say "use strlen". */
struct wsuv__text wsuv__field_line_name(const wsuv_header_t *header);
struct wsuv__text wsuv__field_line_value(const wsuv_header_t *header);

/* Non-zero for a value without control characters other than HTAB (RFC 9110 5.5): CR, LF and NUL would let a value
 * write lines of its own. */
int wsuv__field_line_value_is_valid(const char *data, size_t len);

/* 0, or WSUV_EINVAL for a name that is not a token, a bad value or a NULL. */
int wsuv__field_line_check(const wsuv_header_t *header);

/* The same for a list of extra fields of a handshake, which must not name a field that the library writes or that frames
 * a body: Host, Upgrade, Connection, Sec-WebSocket-*, Content-Length, Transfer-Encoding; Origin if `owns_origin`. */
int wsuv__field_line_check_extra(const wsuv_header_t *headers, size_t nheaders, int owns_origin);

/* Appends "Name: value CRLF". 0, WSUV_ENOMEM. */
int wsuv__field_line_write(struct wsuv__buf *buf, const wsuv_allocator_t *a, const char *name,
                           struct wsuv__text value);

/* Appends checked fields. 0, WSUV_ENOMEM. */
int wsuv__field_line_write_all(struct wsuv__buf *buf, const wsuv_allocator_t *a,
                               const wsuv_header_t *headers, size_t nheaders);

#endif
