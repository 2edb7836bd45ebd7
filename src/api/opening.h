/* The opening handshake of a connection in either role (RFC 6455 4): what arrives before there are frames. */
#ifndef WSUV_API_OPENING_H
#define WSUV_API_OPENING_H

#include "api/upgrade.h"
#include "wsuv/client.h"

/* A client's side of it. */
struct wsuv__connect {
  wsuv_handshake_t *handshake;
  struct wsuv__head_parser head;
  struct wsuv__resolve *resolve; /* NULL with a path */
  char *path;
  struct wsuv_tls_context *tls;   /* NULL without TLS */
  char *tls_name;                 /* NULL: the URL's host */
  const struct sockaddr *address; /* tried last; NULL before the first, and with a path */
  int last_error;                 /* of it */
};

/* Copies the negotiated subprotocol to the connection. WSUV_ENOMEM. */
int wsuv__conn_keep_subprotocol(wsuv_conn_t *conn, const wsuv_handshake_t *handshake);

/* What the handshake negotiated, as the endpoint will use it; the sessions change hands in use, and not in discard.
 * WSUV_ECLAIM (with a claim of the application's), WSUV_ENOMEM. */
int wsuv__conn_prepare_extensions(const wsuv_conn_t *conn, const wsuv_handshake_t *handshake,
                                  struct wsuv__extensions **out);
void wsuv__conn_use_extensions(wsuv_conn_t *conn, wsuv_handshake_t *handshake,
                               struct wsuv__extensions *set);
void wsuv__conn_discard_extensions(const wsuv_conn_t *conn, struct wsuv__extensions *set);

/* The transport's events while a client connects. */
void wsuv__connect_connected(wsuv_conn_t *conn, int status);
void wsuv__connect_send_request(wsuv_conn_t *conn);
void wsuv__connect_closed(wsuv_conn_t *conn);
void wsuv__connect_receive(wsuv_conn_t *conn, uint8_t *bytes, size_t len);
void wsuv__connect_eof(wsuv_conn_t *conn, int err);

/* For wss://: keeps the context and the name, and later makes conn->tls of them. WSUV_EINVAL, WSUV_ENOMEM, and what
 * wsuv_tls_context_new returns. */
int wsuv__connect_prepare_tls(wsuv_conn_t *conn, const wsuv_connect_options_t *options);
int wsuv__connect_new_tls(wsuv_conn_t *conn);

/* Non-zero once the head of the final response is there. */
int wsuv__connect_was_answered(const struct wsuv__connect *connect);

/* The connection goes: stops what is under way. */
void wsuv__connect_cancel(wsuv_conn_t *conn);
void wsuv__connect_free(wsuv_conn_t *conn);

#endif
