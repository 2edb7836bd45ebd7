/* ws, wss, http and https URLs (RFC 6455 3, RFC 3986). */
#ifndef WSUV_HTTP_URL_H
#define WSUV_HTTP_URL_H

#include <stdint.h>

#include "base/alloc.h"

/* All strings lie in one allocation. */
struct wsuv__url {
  int secure;       /* wss or https */
  uint16_t port;    /* the scheme's default where none is given */
  char *host;       /* without the brackets of an IPv6 literal */
  char *authority;  /* for Host: with brackets, and with the port unless it is the default */
  char *target;     /* path, "/" if empty, and query */
  char *basic_auth; /* base64 of user:password (RFC 7617); NULL without userinfo. A secret. */
};

/* 0, WSUV_EURL, WSUV_ENOMEM; on error *url is zeroed. */
int wsuv__url_parse(struct wsuv__url *url, const char *text, const wsuv_allocator_t *a);

void wsuv__url_free(struct wsuv__url *url, const wsuv_allocator_t *a);

#endif
