/* What is known of a connection's TLS: wsuv_conn_tls* once it is open, also inside of on_close; wsuv_upgrade_tls* while the
 * request is being decided on. All return WSUV_ESTATE for a connection without TLS, or before its handshake is done. */
#ifndef WSUV_TLS_INFO_H
#define WSUV_TLS_INFO_H

#include "wsuv/server.h"
#include "wsuv/tls.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ssl_st; /* OpenSSL's SSL */

WSUV_EXTERN int wsuv_conn_tls(const wsuv_conn_t *conn, wsuv_tls_info_t *info);
WSUV_EXTERN int wsuv_upgrade_tls(const wsuv_upgrade_t *upgrade, wsuv_tls_info_t *info);

/* NUL-terminated. WSUV_ENOCERT (the peer has shown none), WSUV_ENOBUFS (it does not fit; nothing is written), WSUV_EINVAL,
 * WSUV_ENOMEM. Ask for peer_verified, too: a server that takes optional certificates has none without, and a client that skips
 * verification is told whatever the peer says. */
WSUV_EXTERN int wsuv_conn_tls_peer(const wsuv_conn_t *conn, wsuv_tls_peer_fact_t fact, char *out,
                                   size_t size);
WSUV_EXTERN int wsuv_upgrade_tls_peer(const wsuv_upgrade_t *upgrade, wsuv_tls_peer_fact_t fact,
                                      char *out, size_t size);

/* OpenSSL's SSL of the connection, for what is not here; NULL without TLS. To be asked, not to be used for I/O, and gone with
 * the connection. */
WSUV_EXTERN struct ssl_st *wsuv_conn_tls_ssl(const wsuv_conn_t *conn);

#ifdef __cplusplus
}
#endif

#endif
