#include "io/tls_stream.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "io/tls_context.h"
#include "io/tls_hello.h"
#include "io/tls_peer.h"
#include "io/tls_stream_parts.h"
#include "wsuv/errno.h"

struct wsuv__tls_stream *wsuv__tls_stream_of(struct wsuv__stream *base) {
  return (struct wsuv__tls_stream *)(void *)base;
}

struct wsuv__stream *wsuv__tls_stream_base(struct wsuv__tls_stream *tls) {
  return &tls->base;
}

void wsuv__tls_set_state(struct wsuv__tls_stream *tls, enum wsuv__tls_state state) {
  assert(state > (enum wsuv__tls_state)tls->state);
  tls->state = (uint8_t)state;
  if (state == TLS_CONNECTED)
    tls->was_connected = 1;
}

void wsuv__tls_fail(struct wsuv__tls_stream *tls, const struct wsuv__tls_fault *fault) {
  if (tls->state < TLS_FAILED)
    wsuv__tls_set_state(tls, TLS_FAILED);
  tls->has_failed = 1;
  tls->detail = wsuv__alloc_text(tls->loop->allocator, fault->detail);
  (void)wsuv__tls_pass_down(tls);
  (void)wsuv__tls_set_lower_reading(tls);
}

/* ---- reading ---- */

int wsuv__tls_set_lower_reading(struct wsuv__tls_stream *tls) {
  uint8_t wanted =
      tls->state != TLS_CLOSED && (tls->state == TLS_HANDSHAKE || tls->stuck || tls->reading);

  if (wanted == tls->lower_reading)
    return 0;
  tls->lower_reading = wanted;
  if (wanted)
    return tls->lower->ops->read_start(tls->lower);
  tls->lower->ops->read_stop(tls->lower);
  return 0;
}

static int start_reading(struct wsuv__stream *base) {
  struct wsuv__tls_stream *tls = wsuv__tls_stream_of(base);

  tls->reading = 1;
  if (wsuv__tls_has_unread(tls))
    wsuv__loop_defer(tls->loop, &tls->task);
  return wsuv__tls_set_lower_reading(tls);
}

static void stop_reading(struct wsuv__stream *base) {
  struct wsuv__tls_stream *tls = wsuv__tls_stream_of(base);

  tls->reading = 0;
  (void)wsuv__tls_set_lower_reading(tls);
}

static void run_task(struct wsuv__task *task) {
  struct wsuv__tls_stream *tls = WSUV__LIST_ENTRY(task, struct wsuv__tls_stream, task);
  struct wsuv__tls_input nothing = {NULL, 0};

  if ((tls->reading || tls->stuck) && wsuv__tls_has_unread(tls))
    wsuv__tls_take(tls, &nothing);
  if (tls->state != TLS_CLOSED && tls->end != 0 && !wsuv__tls_has_unread(tls))
    wsuv__tls_take_end(tls, tls->end);
  if (tls->state != TLS_CLOSED && !tls->lower_writing)
    wsuv__tls_advance_output(tls);
}

/* ---- the lower stream's events ---- */

static void lower_read(void *owner, ssize_t nread, uint8_t *bytes) {
  struct wsuv__tls_stream *tls = owner;
  struct wsuv__tls_input in;

  if (nread <= 0) {
    wsuv__tls_take_end(tls, (int)nread);
    return;
  }
  in.base = bytes;
  in.len = (size_t)nread;
  wsuv__tls_take(tls, &in);
}

static void lower_written(void *owner, int status) {
  wsuv__tls_take_written(owner, status);
}

static void lower_shutdown(void *owner, int status) {
  struct wsuv__tls_stream *tls = owner;
  if (tls->base.events->on_shutdown != NULL)
    tls->base.events->on_shutdown(tls->base.owner, status);
}

/* It is connected before there is TLS on it. */
static void lower_connected(void *owner, int status) {
  (void)owner;
  (void)status;
}

static void lower_closed(void *owner) {
  struct wsuv__tls_stream *tls = owner;

  wsuv__tls_cancel_write(tls, UV_ECANCELED);
  tls->base.events->on_closed(tls->base.owner);
}

static const struct wsuv__stream_events lower_events = {
    .on_connected = lower_connected,
    .on_read = lower_read,
    .on_written = lower_written,
    .on_shutdown = lower_shutdown,
    .on_closed = lower_closed,
};

/* ---- the owner's calls ---- */

static void close_stream(struct wsuv__stream *base) {
  struct wsuv__tls_stream *tls = wsuv__tls_stream_of(base);

  wsuv__tls_say_goodbye(tls);
  wsuv__tls_set_state(tls, TLS_CLOSED);
  wsuv__list_remove(&tls->task.link);
  tls->lower_reading = 0;
  tls->lower->ops->close(tls->lower);
}

static int peer_address(const struct wsuv__stream *base, char *out, size_t size) {
  const struct wsuv__tls_stream *tls = (const struct wsuv__tls_stream *)(const void *)base;
  return tls->lower->ops->peer(tls->lower, out, size);
}

static const struct wsuv__stream_ops ops = {
    .read_start = start_reading,
    .read_stop = stop_reading,
    .try_write = wsuv__tls_try_write,
    .write = wsuv__tls_write,
    .unwritten = wsuv__tls_unwritten,
    .held = wsuv__tls_held,
    .shutdown = wsuv__tls_shutdown,
    .close = close_stream,
    .peer = peer_address,
};

/* ---- its beginning ---- */

/* A name is sent and verified, an address only verified (RFC 6066 3, RFC 9525 6). */
static int set_host(SSL *ssl, const char *host) {
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  char name[WSUV__SERVER_NAME_MAX + 1];
  size_t len = strlen(host);

  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                             X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
    return 0;
  ERR_clear_error();
  if (len > 0 && host[len - 1] == '.')
    len--;
  if (len == 0 || len > WSUV__SERVER_NAME_MAX)
    return WSUV_EINVAL;
  memcpy(name, host, len);
  name[len] = '\0';
  return X509_VERIFY_PARAM_set1_host(param, name, len) == 1 &&
                 SSL_set_tlsext_host_name(ssl, name) == 1
             ? 0
             : WSUV_ENOMEM;
}

static int keep_host(struct wsuv__tls_stream *tls, const char *host, unsigned port) {
  size_t size = strlen(host) + sizeof ":65535";

  tls->host = wsuv__alloc(tls->loop->allocator, size);
  if (tls->host == NULL)
    return WSUV_ENOMEM;
  (void)snprintf(tls->host, size, "%s:%u", host, port & 0xffffu);
  return 0;
}

static void resume_session(struct wsuv__tls_stream *tls) {
  struct wsuv__tls_setup *setup = tls->setup;
  SSL_SESSION *session;

  uv_mutex_lock(&setup->lock);
  session = wsuv__tls_sessions_take(&setup->sessions, &setup->allocator, tls->host);
  uv_mutex_unlock(&setup->lock);
  if (session != NULL)
    (void)SSL_set_session(tls->ssl, session); /* a full handshake is as good */
  SSL_SESSION_free(session);
}

static int set_up_client(struct wsuv__tls_stream *tls, const char *host, unsigned port) {
  int err = set_host(tls->ssl, host);

  if (err == 0)
    err = keep_host(tls, host, port);
  if (err != 0)
    return err;
  if (!tls->setup->is_foreign)
    resume_session(tls);
  SSL_set_connect_state(tls->ssl);
  return 0;
}

static int set_up(struct wsuv__tls_stream *tls, const char *host, unsigned port) {
  BIO *bio = tls->loop->tls->bio;

  tls->ssl = SSL_new(tls->setup->ctxs[0]);
  if (tls->ssl == NULL)
    return WSUV_ENOMEM;
  if (!BIO_up_ref(bio))
    return WSUV_ENOMEM;
  SSL_set_bio(tls->ssl, bio, bio);
  (void)SSL_set_mode(tls->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_clear_mode(tls->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_set_read_ahead(tls->ssl, 0); /* SSL_pending knows nothing of what was read ahead */
  if (tls->setup->role == WSUV_CLIENT)
    return set_up_client(tls, host, port);
  SSL_set_accept_state(tls->ssl);
  return 0;
}

int wsuv__tls_stream_new(struct wsuv__tls_stream **out, struct wsuv__loop *loop,
                         wsuv_tls_context_t *context, const char *host, unsigned port) {
  struct wsuv__tls_stream *tls;
  int err = wsuv__tls_io_prepare(loop);

  *out = NULL;
  if (err != 0)
    return err;
  tls = wsuv__alloc_zeroed(loop->allocator, sizeof *tls);
  if (tls == NULL)
    return WSUV_ENOMEM;
  tls->loop = loop;
  wsuv__list_init(&tls->task.link);
  tls->task.run = run_task;
  tls->records_left = WSUV__TLS_RECORDS_PER_KEY;
  tls->setup = wsuv__tls_context_setup(context);
  err = set_up(tls, host, port);
  ERR_clear_error();
  if (err == 0)
    *out = tls;
  else
    wsuv__tls_stream_free(tls);
  return err;
}

void wsuv__tls_stream_put_on(struct wsuv__tls_stream *tls, struct wsuv__stream *lower,
                             const struct wsuv__stream_events *events, void *owner) {
  tls->base.ops = &ops;
  tls->base.events = events;
  tls->base.owner = owner;
  tls->lower = lower;
  lower->events = &lower_events;
  lower->owner = tls;
}

int wsuv__tls_stream_give(struct wsuv__tls_stream *tls, const void *received, size_t len) {
  return wsuv__buf_append(&tls->kept, tls->loop->allocator, received, len);
}

void wsuv__tls_stream_start(struct wsuv__tls_stream *tls) {
  struct wsuv__tls_input nothing = {NULL, 0};
  int err;

  wsuv__tls_set_state(tls, TLS_HANDSHAKE);
  err = wsuv__tls_set_lower_reading(tls);
  if (err != 0)
    wsuv__tls_take_end(tls, err);
  else
    wsuv__tls_take(tls, &nothing);
}

void wsuv__tls_stream_free(struct wsuv__tls_stream *tls) {
  const wsuv_allocator_t *a = tls->loop->allocator;

  SSL_free(tls->ssl);
  wsuv__tls_setup_unref(tls->setup);
  wsuv__list_remove(&tls->task.link);
  wsuv__buf_free(&tls->kept, a);
  wsuv__buf_free(&tls->flying, a);
  wsuv__buf_free(&tls->waiting, a);
  wsuv__release(a, tls->write);
  wsuv__release(a, tls->host);
  wsuv__release(a, tls->detail);
  wsuv__release(a, tls);
}

/* ---- what it says of itself ---- */

enum wsuv__tls_state wsuv__tls_stream_state(const struct wsuv__tls_stream *tls) {
  return (enum wsuv__tls_state)tls->state;
}

int wsuv__tls_stream_has_failed(const struct wsuv__tls_stream *tls) {
  return tls->has_failed;
}

const char *wsuv__tls_stream_detail(const struct wsuv__tls_stream *tls) {
  return tls->detail;
}

int wsuv__tls_stream_got_http(const struct wsuv__tls_stream *tls) {
  return tls->got_http;
}

int wsuv__tls_stream_info(const struct wsuv__tls_stream *tls, wsuv_tls_info_t *info) {
  if (!tls->was_connected)
    return WSUV_ESTATE;
  wsuv__tls_peer_info(tls->ssl, tls->setup->skips_verification, info);
  return 0;
}

int wsuv__tls_stream_peer(const struct wsuv__tls_stream *tls, wsuv_tls_peer_fact_t fact, char *out,
                          size_t size) {
  if (!tls->was_connected)
    return WSUV_ESTATE;
  return wsuv__tls_peer_fact(tls->ssl, fact, out, size);
}

struct ssl_st *wsuv__tls_stream_ssl(const struct wsuv__tls_stream *tls) {
  return tls->ssl;
}

const char *wsuv__tls_stream_host_of(const struct ssl_st *ssl) {
  const struct wsuv__tls_io *io = BIO_get_data(SSL_get_rbio(ssl));
  return io->stream->host;
}
