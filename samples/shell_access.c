#include "shell_access.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

enum { HOST_SIZE = 256 };

int shell_access_init(shell_access_t *access, const char *listen_host) {
  unsigned char bits[SHELL_TOKEN_LEN / 2];
  int err = uv_random(NULL, NULL, bits, sizeof bits, 0, NULL);
  access->listen_host = listen_host;
  for (size_t i = 0; i < sizeof bits; i++)
    snprintf(access->token + 2 * i, 3, "%02x", (unsigned)bits[i]);
  return err;
}

static int is_ipv4(const char *host, struct sockaddr_in *address) {
  return uv_ip4_addr(host, 0, address) == 0;
}

static int is_ipv6(const char *host, struct sockaddr_in6 *address) {
  return uv_ip6_addr(host, 0, address) == 0;
}

int shell_access_is_loopback(const char *host) {
  struct sockaddr_in ipv4;
  struct sockaddr_in6 ipv6;
  if (is_ipv4(host, &ipv4))
    return *(const unsigned char *)&ipv4.sin_addr == 127; /* 127.0.0.0/8 */
  if (is_ipv6(host, &ipv6))
    return memcmp(&ipv6.sin6_addr, &in6addr_loopback, sizeof in6addr_loopback) == 0;
  return strcasecmp(host, "localhost") == 0;
}

static int is_every_address(const char *host) {
  return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static int is_address(const char *host) {
  struct sockaddr_in ipv4;
  struct sockaddr_in6 ipv6;
  return is_ipv4(host, &ipv4) || is_ipv6(host, &ipv6);
}

/* The host of "host", "host:port", "[address]" or "[address]:port". The port may be another one than ours: a tunnel's. */
static int split_host(const char *field, char host[HOST_SIZE]) {
  int in_brackets = field[0] == '[';
  const char *start = field + in_brackets;
  size_t len = strcspn(start, in_brackets ? "]" : ":");
  const char *rest = start + len + (in_brackets && start[len] == ']');
  if (len == 0 || len >= HOST_SIZE || (rest[0] != '\0' && rest[0] != ':'))
    return 0;
  memcpy(host, start, len);
  host[len] = '\0';
  return 1;
}

/* An address cannot be rebound, a name can. */
const char *shell_access_refuse_page(const shell_access_t *access, const wsuv_upgrade_t *request) {
  const char *field = wsuv_upgrade_header(request, "Host");
  char host[HOST_SIZE];
  if (field != NULL && split_host(field, host) &&
      (shell_access_is_loopback(host) || strcasecmp(host, access->listen_host) == 0 ||
       (is_every_address(access->listen_host) && is_address(host))))
    return NULL;
  return "This server is not known by that name\n";
}

/* The time that this takes does not depend on where the two differ. */
static int is_token(const shell_access_t *access, const char *guess, size_t len) {
  volatile unsigned difference = 0;
  if (len != SHELL_TOKEN_LEN)
    return 0;
  for (size_t i = 0; i < SHELL_TOKEN_LEN; i++)
    difference |= (unsigned)(unsigned char)guess[i] ^ (unsigned)(unsigned char)access->token[i];
  return difference == 0;
}

static int has_token(const shell_access_t *access, const wsuv_upgrade_t *request) {
  static const char name[] = "token=";
  const char *query = wsuv_upgrade_query(request);
  if (query == NULL || strncmp(query, name, sizeof name - 1) != 0)
    return 0;
  const char *guess = query + sizeof name - 1;
  return is_token(access, guess, strlen(guess));
}

const char *shell_access_refuse_socket(const shell_access_t *access,
                                       const wsuv_upgrade_t *request) {
  const char *why = shell_access_refuse_page(access, request);
  if (why != NULL)
    return why;
  return has_token(access, request) ? NULL : "The token is missing or wrong\n";
}
