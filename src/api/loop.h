/* wsuv_loop_t: what the streams share, and who lives on it. */
#ifndef WSUV_API_LOOP_H
#define WSUV_API_LOOP_H

#include "api/budget.h"
#include "api/conn_id.h"
#include "io/loop.h"
#include "proto/extensions_rest.h"
#include "proto/trace.h"
#include "wsuv/loop.h"
#include "wsuv/stats.h"

enum wsuv__loop_owner {
  LOOP_OF_APPLICATION,
  LOOP_OF_THREADS /* who close it */
};

enum wsuv__loop_state {
  LOOP_RUNNING,
  LOOP_ENDING, /* everything on it was told to end */
  LOOP_CLOSING /* nothing is left on it; its own handles are closing */
};

/* See api/conn_rest.h. */
struct wsuv__loop_awake {
  size_t n;                       /* connections that do not rest */
  size_t max;                     /* of them that need not */
  size_t most;                    /* of them beyond which they rest at once */
  struct wsuv__list conns;        /* wsuv__awake.link, who woke first at its beginning */
  struct wsuv__wheel_entry sweep; /* set while somebody may come to rest */
  size_t nspares;
  void *spares; /* memory for further ones */
};

struct wsuv_loop {
  struct wsuv__loop io; /* first: io's on_closed finds the whole by it */
  wsuv_allocator_t allocator;
  struct wsuv__list clients;     /* wsuv_conn_t.link; attached ones too: all that no server has */
  struct wsuv__list servers;     /* wsuv_server_t.link */
  struct wsuv__list tls_streams; /* wsuv_tls_t.link */
  struct wsuv__budget budget;
  struct wsuv__conn_ids conn_ids;
  struct wsuv__loop_awake awake;
  struct wsuv__shared_sets shared_sets; /* of connections that rest */
  wsuv_conn_t *corked;                  /* the connection that has the cork; NULL: none */
  struct wsuv_tls_context *tls;         /* of clients that bring none; NULL until there is one */
  enum wsuv__loop_owner owner;
  enum wsuv__loop_state state;
  void (*close_cb)(void *arg);
  void *close_arg;
  const wsuv_trace_t *trace;         /* NULL: nobody is told */
  struct wsuv__trace frames;         /* the connections', until there is one */
  wsuv_server_stats_t ended_clients; /* counts of those that are gone */
  wsuv_server_stats_t ended_servers;
};

/* The context for wss:// of who brings none: all defaults. wsuv_tls_context_new's errors. */
int wsuv__loop_tls(struct wsuv_loop *loop, struct wsuv_tls_context **out);

/* Everything in loop->tls_streams. */
void wsuv__loop_end_tls_streams(struct wsuv_loop *loop);

/* wsuv_loop_close, whoever owns the loop. */
int wsuv__loop_end(struct wsuv_loop *loop, void (*cb)(void *arg), void *arg);

/* A client, a server or a TLS stream was removed from its list. */
void wsuv__loop_forget(struct wsuv_loop *loop);

#endif
