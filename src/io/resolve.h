/* Names to addresses, in the background, and one address after the other. */
#ifndef WSUV_IO_RESOLVE_H
#define WSUV_IO_RESOLVE_H

#include <stdint.h>
#include <uv.h>

struct wsuv__resolve {
  uv_getaddrinfo_t req;
  struct addrinfo *found;
  const struct addrinfo *next;
  void (*on_resolved)(void *owner, int status);
  void *owner;
};

/* on_resolved follows, also after cancel (then with UV_ECANCELED). */
int wsuv__resolve_start(struct wsuv__resolve *resolve, uv_loop_t *uv, const char *host,
                        uint16_t port, void (*on_resolved)(void *owner, int status), void *owner);
void wsuv__resolve_cancel(struct wsuv__resolve *resolve);

/* The same at once, for a listener: may block for as long as the system takes; numeric addresses do not. */
int wsuv__resolve_now(struct wsuv__resolve *resolve, uv_loop_t *uv, const char *host,
                      uint16_t port);

/* NULL when all were handed out. */
const struct sockaddr *wsuv__resolve_next(struct wsuv__resolve *resolve);

/* Frees the addresses; not while on_resolved is awaited. */
void wsuv__resolve_free(struct wsuv__resolve *resolve);

#endif
