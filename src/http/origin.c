#include "http/origin.h"

#include <string.h>

#include "wsuv/handshake.h"

#define MAX_PORT 65535u

/* host[:port]; an IPv6 literal with its brackets. */
struct authority {
  struct wsuv__text host;
  unsigned port;
};

int wsuv__origin_is_listable(const char *text) {
  size_t i;
  for (i = 0; text[i] != '\0'; i++)
    if (text[i] <= ' ' || text[i] > '~' || text[i] == ',')
      return 0;
  return i > 0 && !wsuv__token_is(text, i, "null") && strcmp(text, "*") != 0;
}

/* RFC 3986 3.2.3: digits, or nothing, which means the default. */
static int take_port(struct wsuv__text digits, unsigned preset, unsigned *port) {
  size_t i;
  *port = digits.len > 0 ? 0 : preset;
  for (i = 0; i < digits.len; i++) {
    if (digits.data[i] < '0' || digits.data[i] > '9')
      return 0;
    *port = *port * 10 + (unsigned)(digits.data[i] - '0');
    if (*port > MAX_PORT)
      return 0;
  }
  return 1;
}

static size_t host_len(struct wsuv__text text) {
  const char *end = memchr(text.data, text.data[0] == '[' ? ']' : ':', text.len);
  if (end == NULL)
    return text.len;
  return (size_t)(end - text.data) + (text.data[0] == '[' ? 1 : 0);
}

static int split(struct wsuv__text text, unsigned default_port, struct authority *out) {
  struct wsuv__text port;
  if (!wsuv__token_is_host(text.data, text.len)) /* nor a path or user information */
    return 0;
  out->host.data = text.data;
  out->host.len = host_len(text);
  port.data = text.data + out->host.len;
  port.len = text.len - out->host.len;
  if (out->host.len == 0 || (port.len > 0 && port.data[0] != ':'))
    return 0;
  if (port.len > 0) {
    port.data++;
    port.len--;
  }
  return take_port(port, default_port, &out->port);
}

static int hosts_are_equal(struct wsuv__text a, struct wsuv__text b) {
  size_t i;
  if (a.len != b.len)
    return 0;
  for (i = 0; i < a.len; i++)
    if (wsuv__token_lower(a.data[i]) != wsuv__token_lower(b.data[i]))
      return 0;
  return 1;
}

/* The scheme goes off `origin`; its default port, or 0 for another scheme than http and https. */
static unsigned take_scheme(struct wsuv__text *origin) {
  static const struct {
    const char *prefix;
    unsigned port;
  } schemes[] = {{"http://", 80}, {"https://", 443}};
  size_t i;
  for (i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    size_t len = strlen(schemes[i].prefix);
    if (!wsuv__token_starts_with(origin->data, origin->len, schemes[i].prefix))
      continue;
    origin->data += len;
    origin->len -= len;
    return schemes[i].port;
  }
  return 0;
}

int wsuv__origin_is_same(struct wsuv__text origin, struct wsuv__text host, int secure) {
  struct authority page;
  struct authority server;
  unsigned port = take_scheme(&origin);
  if (port == 0 || (secure && port != 443))
    return 0;
  return split(origin, port, &page) && split(host, port, &server) && page.port == server.port &&
         hosts_are_equal(page.host, server.host);
}

int wsuv_origin_is_same(const char *origin, size_t origin_len, const char *host, size_t len,
                        int secure) {
  if (origin == NULL || host == NULL)
    return 0;
  return wsuv__origin_is_same(wsuv__token_trim(origin, origin_len), wsuv__token_trim(host, len),
                              secure);
}
