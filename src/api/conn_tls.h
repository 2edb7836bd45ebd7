/* TLS between a connection and its transport. */
#ifndef WSUV_API_CONN_TLS_H
#define WSUV_API_CONN_TLS_H

#include "api/conn.h"
#include "wsuv/tls.h"

/* Makes conn->tls, which is put on the transport when the pump runs in phase TLS_HANDSHAKE. WSUV_ENOMEM, WSUV_EINVAL. */
int wsuv__conn_tls_new(wsuv_conn_t *conn, wsuv_tls_context_t *context, const char *host,
                       unsigned port);

/* The same for a server's connection, which is in that phase already and is counted from now on. */
int wsuv__conn_tls_accept(wsuv_conn_t *conn);

/* In phase TLS_HANDSHAKE: starts it, once there is a transport. Harmless when repeated. */
void wsuv__conn_tls_start(wsuv_conn_t *conn);

/* The handshake is done, or has failed. */
void wsuv__conn_tls_connected(wsuv_conn_t *conn, int status);
void wsuv__conn_tls_time_out(wsuv_conn_t *conn);

/* The phase is left: for the server's count. */
void wsuv__conn_tls_settle(wsuv_conn_t *conn);

/* A failure of TLS's says more than the error that comes of it. */
void wsuv__conn_tls_note_failure(wsuv_conn_t *conn);

/* Whether the end of reading is a failure whose alert is on its way; then: ends our side, and reads on and discards until the
 * peer has ended its, so that no reset overtakes the alert. */
int wsuv__conn_tls_must_linger(const wsuv_conn_t *conn);
void wsuv__conn_tls_linger(wsuv_conn_t *conn, int err);

/* Whether the connection never opened because of TLS. */
int wsuv__conn_tls_is_cause(const wsuv_conn_t *conn);

/* wsuv_conn_queued of one that has TLS. */
size_t wsuv__conn_tls_queued(const wsuv_conn_t *conn);

/* Octets that TLS took and that did not leave. */
size_t wsuv__conn_tls_unsent(const wsuv_conn_t *conn);

void wsuv__conn_tls_free(wsuv_conn_t *conn);

#endif
