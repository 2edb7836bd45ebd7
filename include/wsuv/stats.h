/* Numbers: what happened on a connection, a server, a loop.
 *
 *   wsuv_server_stats_t stats = {0};
 *   stats.size = sizeof stats;
 *   wsuv_server_stats(server, &stats);
 *
 * Counters only grow, and count from the start of what they are about. Those of connections that ended stay in the sums of
 * their server, and of servers that ended in their loop's, so that at any time a server's sums are those of its connections,
 * past and present. They are made when asked for, in time proportional to the connections at present. Every function is to be
 * called on the loop's thread; the structs are plain values, to be handed to any other. wsuv/metrics.h writes them as text.
 */
#ifndef WSUV_STATS_H
#define WSUV_STATS_H

#include "wsuv/server.h"
#include "wsuv/traffic.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why a server did not open a connection that came. Each is counted once, for the first reason: of those that were accepted,
 * who neither opened nor was rejected is in its handshake, went away by itself, or asked for nothing but plain HTTP. */
typedef enum wsuv_rejection {
  WSUV_REJECTED_MALFORMED, /* no HTTP, or not a handshake of RFC 6455: 400, 405, 413, 426, 431, 505 */
  WSUV_REJECTED_ORIGIN,    /* 403 by the server's rule on Origin */
  WSUV_REJECTED_BY_APPLICATION, /* wsuv_upgrade_reject or redirect of a handshake */
  WSUV_REJECTED_CONNECTIONS,    /* max_connections: 503 */
  WSUV_REJECTED_ADDRESS,        /* max_connections_per_address: 429 */
  WSUV_REJECTED_HANDSHAKES,     /* max_handshakes: 503 */
  WSUV_REJECTED_SLOW,           /* handshake_timeout_ms: 408, or nothing for who said nothing */
  WSUV_REJECTED_STOPPING,       /* the server drains or is closed: 503 */
  WSUV_REJECTED_BUDGET,         /* the loop's memory_budget: 503 */
  WSUV_REJECTED_TLS,            /* the TLS handshake failed */
  WSUV_REJECTED_RESOURCES,      /* no memory, no descriptors: dropped */
  WSUV_NREJECTIONS
} wsuv_rejection_t;

/* In each struct `size` is set by the caller, to sizeof of it; the rest is filled in. */

typedef struct wsuv_conn_stats {
  size_t size;
  wsuv_traffic_t received;
  wsuv_traffic_t sent;
  wsuv_drops_t drops;
  size_t queued;     /* octets to be sent: wsuv_conn_queued */
  size_t unfinished; /* octets kept of a message that has not come whole */
  size_t held;       /* octets received and not looked at, because reading is stopped */
  wsuv_rtt_t rtt;    /* all -1 before the first */
  int64_t age_ms;    /* since it was accepted, or wsuv_connect was called */
  int64_t open_ms;   /* since on_open; -1 before */
} wsuv_conn_stats_t;

/* 0, or WSUV_EINVAL: size. Also inside of on_close. */
WSUV_EXTERN int wsuv_conn_stats(const wsuv_conn_t *conn, wsuv_conn_stats_t *out);

/* The places of close codes in the arrays below: 0-15 for 1000-1015, one for each class of the others. */
#define WSUV_CLOSE_CLASS_3000 16 /* 3000-3999 */
#define WSUV_CLOSE_CLASS_4000 17 /* 4000-4999 */
#define WSUV_NCLOSE_CLASSES   18

/* The place of `code`; -1 for one that has none. Any thread. */
WSUV_EXTERN int wsuv_close_class(int code);

typedef struct wsuv_server_stats {
  size_t size;
  uint64_t
      accepted; /* connections taken up, from the listener or adopted; not those dropped at once */
  uint64_t opened; /* on_open */
  uint64_t rejected[WSUV_NREJECTIONS];
  size_t connections; /* at present, those in their handshakes and those that end included */
  size_t open;        /* of them: between on_open and the end of their transport */
  wsuv_traffic_t received;
  wsuv_traffic_t sent;
  wsuv_drops_t drops;
  uint64_t close_codes[WSUV_NCLOSE_CLASSES]; /* wsuv_close_info_t.code of connections that ended */
  uint64_t sent_close_codes[WSUV_NCLOSE_CLASSES]; /* and .sent_code, where a Close was sent */
  uint64_t tls_handshakes;                        /* that were done, resumed ones included */
  uint64_t tls_resumed;
  uint64_t tls_failed;
  size_t queued; /* octets to be sent, at present */
  /* Smoothed round-trip times of the connections at present that have one. */
  size_t nrtts;
  int64_t rtt_min_ms; /* -1 without any, and so the other two */
  int64_t rtt_mean_ms;
  int64_t rtt_max_ms;
} wsuv_server_stats_t;

/* 0, or WSUV_EINVAL: size. */
WSUV_EXTERN int wsuv_server_stats(const wsuv_server_t *server, wsuv_server_stats_t *out);

/* Adds up what is in both, for a service of several servers or loops. Any thread. */
WSUV_EXTERN void wsuv_server_stats_add(wsuv_server_stats_t *sum, const wsuv_server_stats_t *stats);

/* Octets of memory at present. */
typedef struct wsuv_loop_memory {
  size_t connections; /* the structs of connections */
  size_t queued;      /* to be sent */
  size_t unfinished;  /* of messages that have not come whole */
  size_t held;        /* read ahead */
  /* Contexts of permessage-deflate that connections have; those that wait in the pool are in wsuv_deflate_memory. */
  size_t deflate;
  /* The loop's own: to read into, to decrypt into, to collect output and publications in, kept for large messages and for
   * connections that wake. */
  size_t buffers;
} wsuv_loop_memory_t;

typedef struct wsuv_loop_stats {
  size_t size;
  wsuv_server_stats_t total; /* of all servers, those that ended included, and clients */
  /* Connections that no server has: `accepted` are those of wsuv_connect and wsuv_conn_attach; no rejections. */
  wsuv_server_stats_t clients;
  wsuv_loop_memory_t memory;
  /* How late a deadline of the loop's came, beyond the 16 ms that are its grain: what other callbacks, of any library, took.
   * Known only while there are deadlines, such as heartbeats. */
  int64_t lag_ms;     /* of the last one */
  int64_t lag_max_ms; /* since the last call of wsuv_loop_stats */
} wsuv_loop_stats_t;

/* 0, or WSUV_EINVAL: size (those of `total` and `clients` need not be set). */
WSUV_EXTERN int wsuv_loop_stats(wsuv_loop_t *loop, wsuv_loop_stats_t *out);

/* Adds up what is in both; of lags the larger. Any thread. */
WSUV_EXTERN void wsuv_loop_stats_add(wsuv_loop_stats_t *sum, const wsuv_loop_stats_t *stats);

#ifdef __cplusplus
}
#endif

#endif
