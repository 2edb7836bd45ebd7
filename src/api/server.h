/* wsuv_server_t. */
#ifndef WSUV_API_SERVER_H
#define WSUV_API_SERVER_H

#include "api/conn.h"
#include "api/drain.h"
#include "api/publications.h"
#include "api/reserve.h"
#include "api/server_state.h"
#include "api/topic.h"
#include "io/visitors.h"
#include "wsuv/stats.h"

struct wsuv_server {
  wsuv_loop_t *loop;
  const wsuv_server_handler_t *handler;
  void *data;
  struct wsuv__list link;  /* in the loop's list */
  struct wsuv__list conns; /* wsuv_conn_t.link */
  size_t nconns;
  size_t nturned_away; /* of them, not served but told why */
  size_t nhandshakes;  /* of them, before they are open or refused */
  uint64_t max_connections;
  uint64_t max_handshakes;
  struct wsuv__visitors visitors;
  int counts_local; /* also local addresses have a limit */
  struct wsuv__conn_config config;
  char **subprotocols; /* one block */
  size_t nsubprotocols;
  char **origins; /* one block */
  size_t norigins;
  const wsuv_extension_t **extensions; /* a copy of the list */
  size_t nextensions;
  int require_subprotocol;
  int require_origin;
  int refuse_early_data;
  struct wsuv_tls_context *tls;   /* NULL: none */
  uint64_t keep_alive_timeout_ms; /* WSUV__NEVER: off */
  uint64_t max_requests;
  uint64_t max_tls_handshakes;
  uint64_t ntls_handshakes;
  struct wsuv__task accept; /* takes the connection that waited for a handshake to be done */
  int accept_waits;         /* it was not taken from the listener, which rests until it is */
  int backlog;
  int nodelay_accepted;           /* what the listener accepts has TCP_NODELAY as it should */
  uv_connection_cb on_connection; /* of the listener */
  union wsuv__listener listener;  /* of type UV_UNKNOWN_HANDLE for a server that listens nowhere */
  struct wsuv__task closed;       /* which then stands for the listener's close */
  union wsuv__listener spare;
  enum wsuv__spare spare_state;
  struct wsuv__reserve reserve;
  enum wsuv__server_state state;
  struct wsuv__drain drain;
  char retry_after[8]; /* seconds, as text; empty: the field is left out */
  int port;
  struct wsuv__topic_table topics;
  struct wsuv__publications publications;
  uint64_t max_subscriptions; /* of a connection */
  uint64_t rejected[WSUV_NREJECTIONS];
  wsuv_server_stats_t ended; /* counts of connections that are gone */
};

/* Something was published in this turn that it may have to take: its topics are not looked at. */
static inline int wsuv__conn_owes_publications(const wsuv_conn_t *conn) {
  return conn->server != NULL && conn->server->topics.pending != NULL;
}

/* A connection in its opening handshake or that of TLS, counted and in the list, without transport. NULL: no memory. */
wsuv_conn_t *wsuv__server_new_conn(wsuv_server_t *server, wsuv_state_t phase);

/* Takes it back before it got a transport. Nothing is called back. */
void wsuv__server_drop_conn(wsuv_conn_t *conn);

/* A TLS handshake begins, and is over in whatever way. */
void wsuv__server_begin_tls(wsuv_server_t *server);
void wsuv__server_settle_tls(wsuv_server_t *server);

/* An opening handshake begins, and is over in whatever way; a kept connection has none while nothing is asked on it. Harmless
 * when repeated, and for a client's. */
void wsuv__server_begin_handshake(wsuv_conn_t *conn);
void wsuv__server_settle_handshake(wsuv_conn_t *conn);

/* The connection is about to leave the list: it is counted no more. */
void wsuv__server_part_with(wsuv_conn_t *conn);

/* Something that it waits for at its end is gone: on_close and its memory's end behind the last. */
void wsuv__server_forget(wsuv_server_t *server);

/* The only writer of the state. */
void wsuv__server_set_state(wsuv_server_t *server, enum wsuv__server_state state);

static inline int wsuv__server_is_listening(const wsuv_server_t *server) {
  return server->state <= SERVER_DRAINING;
}

/* Its memory, once it is in no list. */
void wsuv__server_free(wsuv_server_t *server);

/* Whether a handshake can be made with the server's subprotocols and origins: 0 or its error. */
int wsuv__server_try_handshake(const wsuv_server_t *server);

/* Stops listening and terminates every connection. */
void wsuv__server_end(wsuv_server_t *server);

#endif
