/* Open connections are idle nearly all the time, and there are many of them: what a connection has only while something goes on
 * lies in memory of its own, which goes when nothing did for a while. A few keep theirs, since it would be had again soon. */
#ifndef WSUV_API_CONN_REST_H
#define WSUV_API_CONN_REST_H

#include "api/conn.h"

/* So many connections of a loop, whether idle or not, need not rest; so many more have memory waiting for them. */
#define WSUV__AWAKE_MAX  96u
#define WSUV__SPARES_MAX 64u

/* Who was not used for so long, or at most twice as long, comes to rest: to fold and unfold at each event would be dear. While
 * more than AWAKE_MOST are awake it does not wait: many that come at once would leave memory behind that nobody needs again. */
#define WSUV__AWAKE_MS   64u
#define WSUV__AWAKE_MOST 160u

/* From the beginning of a connection until it is open, from then on while it is awake, and at its end. */
struct wsuv__awake {
  struct wsuv_endpoint endpoint;
  struct wsuv__list link; /* in loop->awake.conns */
  uint64_t due_ms;        /* of phases that the endpoint has no deadline for */
  struct wsuv_upgrade
      *upgrade; /* server, until the request is answered; none while a kept one is idle */
  struct wsuv__connect *connect; /* client, until open, or to the end if it never opens */
  wsuv_detach_cb detach_cb;      /* owed at the end, if that comes without an error */
  char *detail;                  /* what to tell beyond the error's text, or NULL */
  uint32_t unwritten;            /* of the write under way, when that was looked at last */
  uint32_t head_unsent;          /* of what waits, when it opened: octets that are no frames */
  uint32_t nresponded;           /* requests answered that left the connection as it is */
  uint8_t excused;               /* a deadline came much too late, and was put off once */
  uint8_t is_rejected;           /* counted in server->rejected */
  uint8_t failure_told;          /* of the endpoint, to the loop's trace */
  uint8_t was_used;              /* since the loop's last sweep */
};

/* A new connection is awake. WSUV_ENOMEM. */
int wsuv__conn_begin_awake(wsuv_conn_t *conn);

/* Ends what it holds: no callback of the connection's own follows, but extensions' sessions end. Also of one that rests. */
void wsuv__conn_end_awake(wsuv_conn_t *conn);

/* WSUV_ENOMEM; and WSUV_ESTATE where it has begun to end while it rested. */
int wsuv__conn_get_up(wsuv_conn_t *conn);
static inline int wsuv__conn_wake(wsuv_conn_t *conn) {
  return conn->awake != NULL ? 0 : wsuv__conn_get_up(conn);
}

/* Something went on, or may have: it rests if nothing does until the sweep after next, and more than may stay awake do. */
void wsuv__loop_begin_sweep(wsuv_loop_t *loop);
static inline void wsuv__conn_note_use(wsuv_conn_t *conn) {
  conn->awake->was_used = 1;
  if (conn->loop->awake.n > conn->loop->awake.max &&
      wsuv__list_is_empty(&conn->loop->awake.sweep.link))
    wsuv__loop_begin_sweep(conn->loop);
}

/* The same at the end of an event, where nobody is about to do anything with it. It may rest then. */
void wsuv__conn_lie_down(wsuv_conn_t *conn);
static inline void wsuv__conn_end_use(wsuv_conn_t *conn) {
  wsuv__conn_note_use(conn);
  if (conn->loop->awake.n > conn->loop->awake.most)
    wsuv__conn_lie_down(conn);
}

/* Octets in its queue. */
static inline size_t wsuv__conn_waiting(const wsuv_conn_t *conn) {
  return conn->awake != NULL ? wsuv__outbox_waiting(&conn->awake->endpoint.outbox) : 0;
}

static inline const struct wsuv__extensions *wsuv__conn_extensions(const wsuv_conn_t *conn) {
  return conn->awake != NULL ? conn->awake->endpoint.extensions : conn->folded.extensions;
}

static inline const struct wsuv__traffic *wsuv__conn_traffic(const wsuv_conn_t *conn) {
  return conn->awake != NULL ? conn->awake->endpoint.traffic : conn->folded.traffic;
}

/* Octets that the connection takes by itself. */
size_t wsuv__conn_size(const wsuv_conn_t *conn);

void wsuv__loop_begin_awake(wsuv_loop_t *loop);

/* Octets that wait for who wakes. */
static inline size_t wsuv__loop_spares(const wsuv_loop_t *loop) {
  return loop->awake.nspares * sizeof(struct wsuv__awake);
}

/* When no connection is left. */
void wsuv__loop_free_spares(wsuv_loop_t *loop);

#endif
