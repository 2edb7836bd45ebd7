/* Who gets into a server: connections taken from its listener, and its limits. */
#ifndef WSUV_API_ADMISSION_H
#define WSUV_API_ADMISSION_H

#include "api/conn.h"
#include "wsuv/adopt.h"
#include "wsuv/stats.h"

/* One that has no wsuv_conn_t was refused. */
void wsuv__server_count_rejection(wsuv_server_t *server, wsuv_rejection_t reason);

/* The connection will not be opened: counted once, for the first reason. */
void wsuv__server_reject(wsuv_conn_t *conn, wsuv_rejection_t reason);

/* libuv's callback for a connection that waits to be accepted. */
void wsuv__server_on_connection(uv_stream_t *listener, int status);

/* uv_accept of what waits at the listener. An error of libuv: the listener goes on. */
int wsuv__server_accept_into(wsuv_server_t *server, uv_stream_t *stream);

/* server.accept's function: takes the connection that waits, if there is one and it may be taken now. */
void wsuv__server_accept_waiting(struct wsuv__task *task);

/* One that another loop's listener has: served, or told why not, as the server's own; what becomes of it is counted. An error:
 * the stream is not taken. */
int wsuv__server_take(wsuv_server_t *server, uv_stream_t *stream,
                      const wsuv_adopt_options_t *options);

/* Why another connection cannot be served: a wsuv_rejection_t + 1, or 0. Before it is in the list. */
unsigned wsuv__server_refusal(const wsuv_server_t *server);

/* The connection counts for its peer's address until it leaves. WSUV_EADDRESS, WSUV_ENOMEM. */
int wsuv__server_enter(wsuv_conn_t *conn, const uv_stream_t *stream);

#endif
