/* wsuv/tls.h and the TLS stream in a build without TLS (WSUV_WITH_TLS=OFF). There is no context, and so no stream either. */
#include <stdio.h>

#include "io/tls_context.h"
#include "io/tls_io.h"
#include "io/tls_stream.h"

static int say_so(char *why, size_t size) {
  if (why != NULL && size > 0)
    (void)snprintf(why, size, "%s", wsuv_strerror(WSUV_ENOTLS));
  return WSUV_ENOTLS;
}

int wsuv_tls_context_new(wsuv_tls_context_t **out, wsuv_role_t role,
                         const wsuv_tls_options_t *options, char *why, size_t why_size) {
  (void)role;
  (void)options;
  *out = NULL;
  return say_so(why, why_size);
}

int wsuv_tls_context_reload(wsuv_tls_context_t *context, const wsuv_tls_options_t *options,
                            char *why, size_t why_size) {
  (void)context;
  (void)options;
  return say_so(why, why_size);
}

int wsuv_tls_context_from_ssl_ctx(wsuv_tls_context_t **out, wsuv_role_t role,
                                  struct ssl_ctx_st *ssl_ctx) {
  (void)role;
  (void)ssl_ctx;
  *out = NULL;
  return WSUV_ENOTLS;
}

int wsuv_tls_context_set_ssl_ctx(wsuv_tls_context_t *context, struct ssl_ctx_st *ssl_ctx) {
  (void)context;
  (void)ssl_ctx;
  return WSUV_ENOTLS;
}

void wsuv_tls_context_release(wsuv_tls_context_t *context) {
  (void)context;
}

wsuv_role_t wsuv__tls_context_role(const wsuv_tls_context_t *context) {
  (void)context;
  return WSUV_SERVER;
}

void wsuv__tls_context_ref(wsuv_tls_context_t *context) {
  (void)context;
}

void wsuv__tls_io_free(struct wsuv__loop *loop) {
  (void)loop;
}

int wsuv__tls_stream_new(struct wsuv__tls_stream **out, struct wsuv__loop *loop,
                         wsuv_tls_context_t *context, const char *host, unsigned port) {
  (void)loop;
  (void)context;
  (void)host;
  (void)port;
  *out = NULL;
  return WSUV_ENOTLS;
}

/* Nobody has a stream here. */

void wsuv__tls_stream_put_on(struct wsuv__tls_stream *tls, struct wsuv__stream *lower,
                             const struct wsuv__stream_events *events, void *owner) {
  (void)tls;
  (void)lower;
  (void)events;
  (void)owner;
}

int wsuv__tls_stream_give(struct wsuv__tls_stream *tls, const void *received, size_t len) {
  (void)tls;
  (void)received;
  (void)len;
  return WSUV_ENOTLS;
}

void wsuv__tls_stream_start(struct wsuv__tls_stream *tls) {
  (void)tls;
}

void wsuv__tls_stream_free(struct wsuv__tls_stream *tls) {
  (void)tls;
}

struct wsuv__stream *wsuv__tls_stream_base(struct wsuv__tls_stream *tls) {
  (void)tls;
  return NULL;
}

enum wsuv__tls_state wsuv__tls_stream_state(const struct wsuv__tls_stream *tls) {
  (void)tls;
  return TLS_CLOSED;
}

int wsuv__tls_stream_has_failed(const struct wsuv__tls_stream *tls) {
  (void)tls;
  return 0;
}

const char *wsuv__tls_stream_detail(const struct wsuv__tls_stream *tls) {
  (void)tls;
  return NULL;
}

int wsuv__tls_stream_got_http(const struct wsuv__tls_stream *tls) {
  (void)tls;
  return 0;
}

int wsuv__tls_stream_info(const struct wsuv__tls_stream *tls, wsuv_tls_info_t *info) {
  (void)tls;
  (void)info;
  return WSUV_ESTATE;
}

int wsuv__tls_stream_peer(const struct wsuv__tls_stream *tls, wsuv_tls_peer_fact_t fact, char *out,
                          size_t size) {
  (void)tls;
  (void)fact;
  (void)out;
  (void)size;
  return WSUV_ESTATE;
}

struct ssl_st *wsuv__tls_stream_ssl(const struct wsuv__tls_stream *tls) {
  (void)tls;
  return NULL;
}
