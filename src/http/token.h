/* Tokens and comma-separated lists of HTTP (RFC 9110 5.6): pure, without allocation, independent of the locale. */
#ifndef WSUV_HTTP_TOKEN_H
#define WSUV_HTTP_TOKEN_H

#include <stddef.h>

/* Borrowed characters, not NUL-terminated. */
struct wsuv__text {
  const char *data;
  size_t len;
};

/* One element of an Upgrade field (RFC 9110 7.8); `version.data` is NULL where none was given. */
struct wsuv__protocol {
  struct wsuv__text name;
  struct wsuv__text version;
};

/* Non-zero for the characters of a token (RFC 9110 5.6.2). */
int wsuv__token_is_char(unsigned char c);

/* Non-zero for one or more such characters and nothing else. */
int wsuv__token_is_valid(const char *data, size_t len);

/* ASCII letters in lower case. */
unsigned char wsuv__token_lower(char c);

/* Compares without regard to ASCII letter case; `name` is NUL-terminated. */
int wsuv__token_is(const char *data, size_t len, const char *name);

/* The same for the first characters of `data`. */
int wsuv__token_starts_with(const char *data, size_t len, const char *prefix);

/* uri-host with an optional port (RFC 9110 7.2), without user information. */
int wsuv__token_is_host(const char *data, size_t len);

/* Without the spaces and tabs at both ends (RFC 9110 5.6.3). */
struct wsuv__text wsuv__token_trim(const char *data, size_t len);

/* Takes the next element off `rest`, skipping empty ones (RFC 9110 5.6.1.2). 1 and the token; 0 at the end;
 * WSUV_ETOKEN and the whole offending element. */
int wsuv__token_next(struct wsuv__text *rest, struct wsuv__text *token);

/* The same for protocol-name ["/" protocol-version]; on WSUV_ETOKEN `name` is the whole offending element. */
int wsuv__token_next_protocol(struct wsuv__text *rest, struct wsuv__protocol *protocol);

#endif
