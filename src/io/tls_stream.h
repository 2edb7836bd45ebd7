/* A wsuv__stream on top of another: what its owner writes goes down encrypted, what comes up from below is decrypted. It drives
 * the handshake by itself, whether or not the owner reads, and then tells on_connected. Neither side knows what is beyond
 * it. */
#ifndef WSUV_IO_TLS_STREAM_H
#define WSUV_IO_TLS_STREAM_H

#include "io/loop.h"
#include "io/stream.h"
#include "wsuv/tls.h"

/* The order is the order of time; FAILED is entered from any but CLOSED, CLOSED from any. */
enum wsuv__tls_state {
  TLS_NEW,               /* not started */
  TLS_HANDSHAKE,         /* until on_connected */
  TLS_CONNECTED,         /* both sides may send */
  TLS_CLOSE_NOTIFY_SENT, /* ours is over, the peer's need not be */
  TLS_FAILED,            /* an alert was sent; what still comes is discarded until the end */
  TLS_CLOSED             /* by the owner: on_closed follows */
};

struct wsuv__tls_stream;

/* For a context of the same role; `lower` is connected, its events and its owner become the TLS stream's. `host` (client: what
 * to send as server_name and to verify) and `port` (of the session to resume) are copied; NULL and 0 for a server. The lower
 * stream is not touched before start. WSUV_ENOMEM, WSUV_EINVAL (a host that is none), WSUV_ENOTLS. */
int wsuv__tls_stream_new(struct wsuv__tls_stream **out, struct wsuv__loop *loop,
                         wsuv_tls_context_t *context, const char *host, unsigned port);

/* Puts it on top; the owner is told of its events. */
void wsuv__tls_stream_put_on(struct wsuv__tls_stream *tls, struct wsuv__stream *lower,
                             const struct wsuv__stream_events *events, void *owner);

/* What was received before the start. WSUV_ENOMEM. */
int wsuv__tls_stream_give(struct wsuv__tls_stream *tls, const void *received, size_t len);

/* Begins the handshake. on_connected follows, perhaps at once. */
void wsuv__tls_stream_start(struct wsuv__tls_stream *tls);

/* Behind on_closed, or before it was put on anything. */
void wsuv__tls_stream_free(struct wsuv__tls_stream *tls);

struct wsuv__stream *wsuv__tls_stream_base(struct wsuv__tls_stream *tls);
struct wsuv__tls_stream *wsuv__tls_stream_of(struct wsuv__stream *base);
enum wsuv__tls_state wsuv__tls_stream_state(const struct wsuv__tls_stream *tls);

/* Whether it ended by a failure of TLS's; and one line on it, NULL where there was no memory for that. */
int wsuv__tls_stream_has_failed(const struct wsuv__tls_stream *tls);
const char *wsuv__tls_stream_detail(const struct wsuv__tls_stream *tls);

/* Whether the first octets of the peer's, which were no TLS, look like an HTTP request. */
int wsuv__tls_stream_got_http(const struct wsuv__tls_stream *tls);

/* WSUV_ESTATE before the handshake is done. */
int wsuv__tls_stream_info(const struct wsuv__tls_stream *tls, wsuv_tls_info_t *info);
int wsuv__tls_stream_peer(const struct wsuv__tls_stream *tls, wsuv_tls_peer_fact_t fact, char *out,
                          size_t size);
struct ssl_st *wsuv__tls_stream_ssl(const struct wsuv__tls_stream *tls);

/* "host:port" of the client's stream whose operation is under way, or NULL. */
const char *wsuv__tls_stream_host_of(const struct ssl_st *ssl);

#endif
