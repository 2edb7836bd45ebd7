/* Sums of what connections count: nothing is added up before somebody asks, or a connection ends. */
#ifndef WSUV_API_STATS_H
#define WSUV_API_STATS_H

#include "api/conn.h"
#include "wsuv/stats.h"

/* Where the counts of a connection go when it ends, and what is counted once: its server's or the loop's. */
wsuv_server_stats_t *wsuv__stats_of_ended(const wsuv_conn_t *conn);

/* on_close is about to be called with it. */
void wsuv__stats_count_close(const wsuv_conn_t *conn, const wsuv_close_info_t *info);

/* The handshake of TLS is over: 0, or its error. */
void wsuv__stats_count_tls(const wsuv_conn_t *conn, int status);

/* The connection is over: its counts move to where those of ended ones are. */
void wsuv__stats_count_ended(wsuv_conn_t *conn);

/* Of `ended`, and of the connections in the list. */
void wsuv__stats_sum_up(wsuv_server_stats_t *out, const wsuv_server_stats_t *ended,
                        const struct wsuv__list *conns);

/* Octets of the compression contexts that it has. */
size_t wsuv__stats_contexts(const wsuv_conn_t *conn);

/* The server goes: its counts stay with the loop. */
void wsuv__stats_keep_server(const wsuv_server_t *server);

#endif
