#include "target.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "process.h"
#include "ws_client.h"

#define WS_PORT  80
#define WSS_PORT 443

/* All of the text up to `end`. */
static const char *parse_port(target_t *target, const char *text, const char *end) {
  char *port_end = NULL;
  unsigned long port = strtoul(text, &port_end, 10);
  if (*text < '0' || *text > '9' || port_end != end || port == 0 || port > 65535) {
    return "not a port";
  }
  target->port = (unsigned int)port;
  return NULL;
}

/* "host", "host:port", "[v6]:port": `len` octets. */
static const char *parse_authority(target_t *target, const char *text, size_t len) {
  const char *end = text + len;
  int is_v6 = *text == '[';
  const char *host = text + is_v6;
  const char *host_end = memchr(text, is_v6 ? ']' : ':', len);
  if (host_end == NULL && is_v6) {
    return "the address lacks its bracket";
  }
  host_end = host_end == NULL ? end : host_end;
  size_t host_len = (size_t)(host_end - host);
  if (host_len == 0 || host_len >= sizeof target->host) {
    return "no host";
  }
  memcpy(target->host, host, host_len);
  target->host[host_len] = '\0';
  const char *rest = host_end + is_v6;
  if (rest == end) {
    return NULL;
  }
  return *rest == ':' ? parse_port(target, rest + 1, end) : "not a port";
}

const char *target_parse(target_t *target, const char *url) {
  size_t skip =
      strncasecmp(url, "ws://", 5) == 0 ? 5 : (strncasecmp(url, "wss://", 6) == 0 ? 6 : 0);
  if (skip == 0) {
    return "a URL begins with ws:// or wss://";
  }
  url += skip;
  target->tls = skip == 6;
  target->port = target->tls ? WSS_PORT : WS_PORT;
  size_t len = strcspn(url, "/?#");
  if (url[len] != '\0' && url[len] != '/') {
    return "a path begins with a slash";
  }
  target->path = url[len] == '/' ? url + len : "/";
  return parse_authority(target, url, len);
}

void target_resolve(target_t *target) {
  char port[16];
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  (void)snprintf(port, sizeof port, "%u", target->port);
  int err = getaddrinfo(target->host, port, &hints, &found);
  if (err != 0) {
    fail("cannot resolve %s: %s", target->host, gai_strerror(err));
  }
  memcpy(&target->address, found->ai_addr, found->ai_addrlen);
  target->address_len = found->ai_addrlen;
  freeaddrinfo(found);
}

int target_socket(const target_t *target, size_t index) {
  return ws_client_socket((const struct sockaddr *)&target->address, index);
}

int target_connect(const target_t *target, size_t index) {
  int fd = target_socket(target, index);
  if (connect(fd, (const struct sockaddr *)&target->address, target->address_len) != 0) {
    char what[sizeof target->host + 64];
    (void)snprintf(what, sizeof what, "cannot connect to %s port %u", target->host, target->port);
    die(what);
  }
  return fd;
}
