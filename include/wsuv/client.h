/* Connecting to a server. Connections to one address are not put in order (RFC 6455 4.1 item 2): whoever wants one at a time
 * waits for on_open before the next wsuv_connect. */
#ifndef WSUV_CLIENT_H
#define WSUV_CLIENT_H

#include "wsuv/send.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Copied. 0 or NULL means the default in brackets. */
typedef struct wsuv_connect_options {
  size_t size; /* sizeof(wsuv_connect_options_t) */
  const char *
      url; /* required: ws:// or wss://host[:port][/path][?query]; user:password@ becomes Basic auth */
  const char *path;   /* connect to this unix socket; the URL then gives only Host and target */
  const char *origin; /* [no Origin field] */
  const char *const *subprotocols; /* offered, in order of preference */
  size_t nsubprotocols;
  const wsuv_header_t *headers; /* extra fields of the request */
  size_t nheaders;
  const wsuv_conn_options_t *conn; /* [all defaults] */
  /* Offered, in order of preference. The descriptions must outlive the connection. */
  const wsuv_extension_t *const *extensions;
  size_t nextensions;
  /* Instead of connecting: a stream that the application connected, a proxy's tunnel for example, see wsuv/adopt.h. The URL
   * gives only Host and target then; path must not be set. A server speaks only when asked, so the leftover must be empty. */
  uv_stream_t *stream;
  const struct wsuv_adopt_options *adopt; /* how it is taken [all defaults] */
  /* For wss:// and https://, see wsuv/tls.h; a reference is kept [one of the loop's with all defaults: the server's certificate
   * is verified against the system's authorities, which are read on first use] */
  struct wsuv_tls_context *tls;
  const char *tls_name; /* what is sent as server_name and verified [the URL's host] */
} wsuv_connect_options_t;

#define WSUV_CONNECT_OPTIONS_INIT                                                                  \
  {                                                                                                \
    sizeof(wsuv_connect_options_t), NULL, NULL, NULL, NULL, 0, NULL, 0, NULL, NULL, 0, NULL, NULL, \
        NULL, NULL                                                                                 \
  }

/* Starts connecting; the name is resolved in the background and every address is tried in turn. After 0, on_open or
 * on_close follows (info->error says why); wsuv_conn_close and terminate give up earlier. The handler is used in place.
 * WSUV_EURL, WSUV_EINVAL (no URL; headers, subprotocols, extensions, options, stream), WSUV_ECLAIM (an extension claims what
 * conn->rsv or conn->opcodes claim), WSUV_ESTREAM, WSUV_ESTATE (the loop is closing), WSUV_ENOTLS (wss:// in a build without
 * it), what wsuv_tls_context_new returns (where it is called for the loop's context), WSUV_ENOMEM, WSUV_ERANDOM,
 * UV_ENAMETOOLONG (path); then *out is NULL and no callback will run. */
WSUV_EXTERN int wsuv_connect(wsuv_loop_t *loop, wsuv_conn_t **out,
                             const wsuv_connect_options_t *options, const wsuv_handler_t *handler,
                             void *data);

/* The fields of the server's response, in the order received: inside of on_open, and inside of on_close where the connection
 * did not open and the server answered (Retry-After, WWW-Authenticate, Location). Anywhere else, and for other connections than
 * those of wsuv_connect, there are none. Pointers live until the callback returns. `index` is below nheaders. */
WSUV_EXTERN size_t wsuv_conn_response_nheaders(const wsuv_conn_t *conn);
WSUV_EXTERN wsuv_header_t wsuv_conn_response_header_at(const wsuv_conn_t *conn, size_t index);

/* The value of the first of them of that name (in any case), NUL-terminated, or NULL. */
WSUV_EXTERN const char *wsuv_conn_response_header(const wsuv_conn_t *conn, const char *name);

#ifdef __cplusplus
}
#endif

#endif
