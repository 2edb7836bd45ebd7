/* A descriptor that a server keeps for when there are no others (EMFILE, ENFILE).
 *
 * libuv calls back for a connection that it cannot accept and tries again at once, for ever, unless a descriptor becomes free
 * meanwhile. (Its own spare, with which it drops such connections, is gone once it could not be opened again.) So the reserve
 * is closed in that callback; the next accept succeeds, and this one is not taken from the listener, which rests therefore,
 * until the reserve could be opened again. Those who wait stay in the kernel's queue. */
#ifndef WSUV_API_RESERVE_H
#define WSUV_API_RESERVE_H

#include <uv.h>

#include "io/wheel.h"

struct wsuv_server;

enum wsuv__reserve_state { RESERVE_NONE, RESERVE_OPEN, RESERVE_CLOSING };

struct wsuv__reserve {
  uv_tcp_t tcp; /* a socket that is never connected */
  enum wsuv__reserve_state state;
  struct wsuv__wheel_entry retry;
  uint64_t pause_ms; /* between tries to open it again; 0: nothing is lacking */
};

void wsuv__reserve_init(struct wsuv_server *server);

/* An error of libuv, where there are too few descriptors or there is no memory for one. */
int wsuv__reserve_open(struct wsuv_server *server);

/* The listener's callback came with this error. */
void wsuv__reserve_use(struct wsuv_server *server, int err);

/* No connection is to be taken from the listener. */
static inline int wsuv__reserve_is_used(const struct wsuv__reserve *reserve) {
  return reserve->pause_ms > 0;
}

/* The listener closes. */
void wsuv__reserve_close(struct wsuv_server *server);

#endif
