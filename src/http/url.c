#include "http/url.h"

#include <string.h>

#include "http/accept_key.h"
#include "http/token.h"
#include "wsuv/errno.h"

#define MAX_URL_LEN  65536u
#define MAX_HOST_LEN 255u

/* The pieces as they stand in the text. */
struct parts {
  int secure;
  unsigned port;
  int has_userinfo;
  struct wsuv__text userinfo;
  struct wsuv__text host; /* without brackets */
  int is_ipv6;
  struct wsuv__text path;
  struct wsuv__text query; /* with its "?"; empty if nothing follows it */
};

static int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

/* Visible ASCII, whole percent-escapes, no fragment (RFC 6455 3), no backslash, which some parsers read as a slash. */
static int is_plain(struct wsuv__text text) {
  size_t i;
  for (i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (c <= ' ' || c > '~' || c == '#' || c == '\\')
      return 0;
    if (c == '%' &&
        (text.len - i < 3 || hex_value(text.data[i + 1]) < 0 || hex_value(text.data[i + 2]) < 0))
      return 0;
  }
  return 1;
}

static struct wsuv__text take(struct wsuv__text *rest, size_t len, size_t skip) {
  struct wsuv__text out;
  out.data = rest->data;
  out.len = len;
  rest->data += len + skip;
  rest->len -= len + skip;
  return out;
}

static int parse_scheme(struct parts *parts, struct wsuv__text *rest) {
  static const struct {
    const char *prefix;
    int secure;
  } schemes[] = {{"ws://", 0}, {"wss://", 1}, {"http://", 0}, {"https://", 1}};
  size_t i;
  for (i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    if (!wsuv__token_starts_with(rest->data, rest->len, schemes[i].prefix))
      continue;
    take(rest, strlen(schemes[i].prefix), 0);
    parts->secure = schemes[i].secure;
    return 0;
  }
  return WSUV_EURL;
}

/* RFC 3986 3.2.3: digits, or nothing, which means the default. */
static int parse_port(struct parts *parts, struct wsuv__text digits) {
  unsigned port = 0;
  size_t i;
  parts->port = parts->secure ? 443 : 80;
  if (digits.len == 0)
    return 0;
  for (i = 0; i < digits.len; i++) {
    if (digits.data[i] < '0' || digits.data[i] > '9')
      return WSUV_EURL;
    port = port * 10 + (unsigned)(digits.data[i] - '0');
    if (port > UINT16_MAX)
      return WSUV_EURL;
  }
  parts->port = port;
  return port != 0 ? 0 : WSUV_EURL;
}

/* The resolver judges the address; here it only must not smuggle anything into Host. Zone identifiers, which must never
 * be sent (RFC 6874 2), are refused with their percent sign. */
static int is_ipv6(struct wsuv__text host) {
  size_t ncolons = 0;
  size_t i;
  for (i = 0; i < host.len; i++) {
    if (host.data[i] == ':')
      ncolons++;
    else if (host.data[i] != '.' && hex_value(host.data[i]) < 0)
      return 0;
  }
  return ncolons >= 2 && host.len <= 45;
}

/* RFC 3986 3.2.2 reg-name without escapes: unreserved and sub-delims. */
static int is_reg_name(struct wsuv__text host) {
  size_t i;
  for (i = 0; i < host.len; i++) {
    char c = host.data[i];
    if (c == '%' || c == '^' || c == '`' || c == '|' || c == '#')
      return 0;
    if (!wsuv__token_is_char((unsigned char)c) && strchr("(),;=", c) == NULL)
      return 0;
  }
  return host.len > 0 && host.len <= MAX_HOST_LEN;
}

static int parse_host_port(struct parts *parts, struct wsuv__text rest) {
  const char *end;
  if (rest.len > 0 && rest.data[0] == '[') {
    end = memchr(rest.data, ']', rest.len);
    if (end == NULL)
      return WSUV_EURL;
    take(&rest, 1, 0);
    parts->is_ipv6 = 1;
    parts->host = take(&rest, (size_t)(end - rest.data), 1);
    if (!is_ipv6(parts->host))
      return WSUV_EURL;
  } else {
    end = memchr(rest.data, ':', rest.len);
    parts->host = take(&rest, end != NULL ? (size_t)(end - rest.data) : rest.len, 0);
    if (!is_reg_name(parts->host))
      return WSUV_EURL;
  }
  if (rest.len > 0 && rest.data[0] != ':')
    return WSUV_EURL;
  if (rest.len > 0)
    take(&rest, 1, 0);
  return parse_port(parts, rest);
}

static int parse_authority(struct parts *parts, struct wsuv__text rest) {
  const char *at = memchr(rest.data, '@', rest.len);
  if (at != NULL) {
    parts->has_userinfo = 1;
    parts->userinfo = take(&rest, (size_t)(at - rest.data), 1);
  }
  return parse_host_port(parts, rest); /* refuses a second "@" */
}

static int parse_parts(struct parts *parts, const char *text) {
  struct wsuv__text rest;
  size_t len = 0;
  size_t path_len = 0;

  memset(parts, 0, sizeof *parts);
  rest.data = text;
  rest.len = strlen(text);
  if (rest.len > MAX_URL_LEN || !is_plain(rest) || parse_scheme(parts, &rest) != 0)
    return WSUV_EURL;
  while (len < rest.len && rest.data[len] != '/' && rest.data[len] != '?')
    len++;
  if (parse_authority(parts, take(&rest, len, 0)) != 0)
    return WSUV_EURL;
  while (path_len < rest.len && rest.data[path_len] != '?')
    path_len++;
  parts->path = take(&rest, path_len, 0);
  parts->query = rest;
  if (parts->query.len == 1)
    parts->query.len = 0;
  return 0;
}

/* Percent-decodes into `out` and returns the length; 0 for what RFC 7617 2 cannot carry: control characters, a colon in
 * the user name. A missing password is an empty one. */
static size_t decode_userinfo(struct wsuv__text userinfo, char *out) {
  size_t len = 0;
  size_t i;
  int has_colon = 0;
  for (i = 0; i < userinfo.len; i++) {
    int escaped = userinfo.data[i] == '%';
    unsigned char c = (unsigned char)userinfo.data[i];
    if (escaped) {
      c = (unsigned char)(hex_value(userinfo.data[i + 1]) * 16 + hex_value(userinfo.data[i + 2]));
      i += 2;
    }
    if (c < 0x20 || c == 0x7f || (c == ':' && escaped && !has_colon))
      return 0;
    has_colon |= c == ':';
    out[len++] = (char)c;
  }
  if (!has_colon)
    out[len++] = ':';
  return len;
}

static char *put(char **at, struct wsuv__text text) {
  char *start = *at;
  if (text.len > 0)
    memcpy(start, text.data, text.len);
  *at = start + text.len;
  return start;
}

static void put_text(char **at, const char *text) {
  struct wsuv__text piece;
  piece.data = text;
  piece.len = strlen(text);
  put(at, piece);
}

static void put_port(char **at, unsigned port) {
  unsigned unit = 10000;
  *(*at)++ = ':';
  while (unit > port)
    unit /= 10;
  for (; unit > 0; unit /= 10)
    *(*at)++ = (char)('0' + port / unit % 10);
}

static void put_strings(struct wsuv__url *url, const struct parts *parts, char *at) {
  url->host = put(&at, parts->host);
  *at++ = '\0';
  url->authority = at;
  put_text(&at, parts->is_ipv6 ? "[" : "");
  put(&at, parts->host);
  put_text(&at, parts->is_ipv6 ? "]" : "");
  if (parts->port != (parts->secure ? 443u : 80u))
    put_port(&at, parts->port);
  *at++ = '\0';
  url->target = at;
  put_text(&at, parts->path.len == 0 ? "/" : "");
  put(&at, parts->path);
  put(&at, parts->query);
  *at++ = '\0';
  url->basic_auth = at;
}

/* The strings, their NULs, two brackets, ":65535", "/", and what put_basic_auth needs. */
static size_t room_for(const struct parts *parts) {
  size_t auth = parts->userinfo.len + 1;
  return 2 * parts->host.len + parts->path.len + parts->query.len + 16 + WSUV__BASE64_LEN(auth) + 1;
}

/* The decoded form is a secret too: it does not stay behind in freed memory. */
static int put_basic_auth(struct wsuv__url *url, const struct parts *parts,
                          const wsuv_allocator_t *a) {
  char *plain;
  size_t len;
  if (!parts->has_userinfo) {
    url->basic_auth = NULL;
    return 0;
  }
  plain = wsuv__alloc(a, parts->userinfo.len + 1);
  if (plain == NULL)
    return WSUV_ENOMEM;
  len = decode_userinfo(parts->userinfo, plain);
  wsuv__accept_key_base64(url->basic_auth, plain, len);
  memset(plain, 0, parts->userinfo.len + 1);
  wsuv__release(a, plain);
  return len > 0 ? 0 : WSUV_EURL;
}

int wsuv__url_parse(struct wsuv__url *url, const char *text, const wsuv_allocator_t *a) {
  struct parts parts;
  char *room;
  int err;

  memset(url, 0, sizeof *url);
  if (text == NULL || parse_parts(&parts, text) != 0)
    return WSUV_EURL;
  room = wsuv__alloc(a, room_for(&parts));
  if (room == NULL)
    return WSUV_ENOMEM;
  url->secure = parts.secure;
  url->port = (uint16_t)parts.port;
  put_strings(url, &parts, room);
  err = put_basic_auth(url, &parts, a);
  if (err != 0)
    wsuv__url_free(url, a);
  return err;
}

void wsuv__url_free(struct wsuv__url *url, const wsuv_allocator_t *a) {
  wsuv__release(a, url->host); /* the first string starts the allocation */
  memset(url, 0, sizeof *url);
}
