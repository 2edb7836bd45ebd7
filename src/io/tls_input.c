/* From the lower stream to the owner: the handshake, then data. */
#include <string.h>

#include "io/tls_stream_parts.h"
#include "wsuv/errno.h"

/* Content types (RFC 8446 5.1) that a peer begins with. */
#define ALERT     21
#define HANDSHAKE 22

static void tell_failure(struct wsuv__tls_stream *tls, int err) {
  if (tls->ended || tls->state == TLS_CLOSED)
    return;
  tls->ended = 1;
  tls->base.events->on_read(tls->base.owner, err, NULL);
}

static void fail_handshake(struct wsuv__tls_stream *tls, const struct wsuv__tls_fault *fault) {
  wsuv__tls_fail(tls, fault);
  tls->base.events->on_connected(tls->base.owner, fault->error);
}

/* ---- the handshake ---- */

/* A method is letters, and a space behind them (RFC 9112 3.1); every one of today's is in capitals. */
static int is_http(const struct wsuv__tls_input *in) {
  size_t i;

  for (i = 0; i < in->len && i < 4; i++)
    if ((in->base[i] < 'A' || in->base[i] > 'Z') && (i == 0 || in->base[i] != ' '))
      return 0;
  return 1;
}

/* Whoever speaks something else is told apart by its first octet; OpenSSL would call it a wrong version number. */
static int begins_as_tls(struct wsuv__tls_stream *tls, const struct wsuv__tls_input *in) {
  struct wsuv__tls_fault fault;

  if (in->len == 0 || tls->heard)
    return 1;
  tls->heard = 1;
  if (in->base[0] == HANDSHAKE || in->base[0] == ALERT)
    return 1;
  tls->got_http = (uint8_t)is_http(in);
  wsuv__tls_fault_set(&fault, WSUV_ENOTTLS, "no TLS",
                      tls->got_http ? "the peer speaks plain HTTP"
                                    : "what the peer sent is no TLS record");
  wsuv__tls_io_begin(tls->loop->tls, tls, NULL);
  fail_handshake(tls, &fault);
  return 0;
}

/* A server that picks what was not offered (RFC 7301 3.1). */
static int judge_alpn(struct wsuv__tls_stream *tls) {
  static const char http_1_1[] = "http/1.1";
  struct wsuv__tls_fault fault;
  const unsigned char *protocol;
  unsigned len;

  SSL_get0_alpn_selected(tls->ssl, &protocol, &len);
  if (tls->setup->is_foreign || len == 0 ||
      (len == sizeof http_1_1 - 1 && memcmp(protocol, http_1_1, len) == 0))
    return 1;
  wsuv__tls_fault_set(&fault, WSUV_ETLS, "ALPN", "the peer chose a protocol that was not offered");
  fail_handshake(tls, &fault);
  return 0;
}

static void connected(struct wsuv__tls_stream *tls) {
  int err;

  if (!judge_alpn(tls))
    return;
  wsuv__tls_set_state(tls, TLS_CONNECTED);
  err = wsuv__tls_set_lower_reading(tls);
  tls->base.events->on_connected(tls->base.owner, err);
}

static void advance_handshake(struct wsuv__tls_stream *tls, struct wsuv__tls_input *in) {
  struct wsuv__tls_fault fault;
  int rc;
  int err;

  if (in->len == 0 && tls->setup->role == WSUV_SERVER)
    return; /* it would have OpenSSL take its buffers for a client that may never speak */
  if (!begins_as_tls(tls, in))
    return;
  wsuv__tls_io_begin(tls->loop->tls, tls, in);
  rc = SSL_do_handshake(tls->ssl);
  if (rc != 1 && SSL_get_error(tls->ssl, rc) != SSL_ERROR_WANT_READ) {
    wsuv__tls_fault_of_ssl(&fault, tls->ssl);
    fail_handshake(tls, &fault);
    return;
  }
  err = wsuv__tls_pass_down(tls);
  if (err != 0) {
    wsuv__tls_fault_set(&fault, err, "TLS handshake", wsuv_strerror(err));
    fail_handshake(tls, &fault);
  } else if (rc == 1) {
    connected(tls);
  }
}

/* ---- data ---- */

enum outcome { WANTS_MORE, IS_FULL, PEER_ENDED, HAS_FAILED };

static int is_delivering(const struct wsuv__tls_stream *tls) {
  return tls->reading && !tls->ended &&
         (tls->state == TLS_CONNECTED || tls->state == TLS_CLOSE_NOTIFY_SENT);
}

/* As many records as there are. */
static enum outcome decrypt(struct wsuv__tls_stream *tls, const struct wsuv__tls_input *in,
                            uv_buf_t *plain, size_t *len) {
  *len = 0;
  while (*len < plain->len) {
    size_t n;
    int rc = SSL_read_ex(tls->ssl, plain->base + *len, plain->len - *len, &n);
    if (rc == 1) {
      *len += n;
      if (in->len == 0 && SSL_pending(tls->ssl) == 0)
        return WANTS_MORE;
      continue;
    }
    switch (SSL_get_error(tls->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
      return WANTS_MORE;
    case SSL_ERROR_ZERO_RETURN:
      return PEER_ENDED;
    default:
      return HAS_FAILED;
    }
  }
  return IS_FULL;
}

/* Everything of the operation is settled before the owner hears of it: it may begin others. */
static enum outcome read_records(struct wsuv__tls_stream *tls, struct wsuv__tls_input *in,
                                 uv_buf_t *plain, size_t *len, int *err) {
  struct wsuv__tls_fault fault;
  enum outcome outcome;

  wsuv__tls_io_begin(tls->loop->tls, tls, in);
  outcome = decrypt(tls, in, plain, len);
  if (outcome == HAS_FAILED) {
    wsuv__tls_fault_of_ssl(&fault, tls->ssl);
    wsuv__tls_fail(tls, &fault);
    *err = fault.error;
    return outcome;
  }
  *err = wsuv__tls_pass_down(tls);
  if (*err == 0)
    return outcome;
  wsuv__tls_fault_set(&fault, *err, "TLS",
                      *err == WSUV_ETLS ? "the peer has more answered than it reads"
                                        : wsuv_strerror(*err));
  wsuv__tls_fail(tls, &fault);
  return HAS_FAILED;
}

static void deliver(struct wsuv__tls_stream *tls, struct wsuv__tls_input *in) {
  struct wsuv__read_buffer *buffer = &tls->loop->tls->plain;
  enum outcome outcome = IS_FULL;

  while (is_delivering(tls) && (outcome == IS_FULL || in->len > 0)) {
    uv_buf_t plain = wsuv__read_buffer_lend(buffer);
    size_t len = 0;
    int err = WSUV_ENOMEM;
    outcome = plain.len > 0 ? read_records(tls, in, &plain, &len, &err) : HAS_FAILED;
    if (len > 0)
      tls->base.events->on_read(tls->base.owner, (ssize_t)len, (uint8_t *)plain.base);
    if (plain.base != NULL)
      wsuv__read_buffer_give_back(buffer, plain.base);
    if (outcome == PEER_ENDED && is_delivering(tls)) /* else it is found again */
      tell_failure(tls, UV_EOF);
    else if (outcome == HAS_FAILED)
      tell_failure(tls, err);
  }
}

int wsuv__tls_has_unread(const struct wsuv__tls_stream *tls) {
  return (tls->state == TLS_CONNECTED || tls->state == TLS_CLOSE_NOTIFY_SENT) &&
         (tls->kept.len > 0 || SSL_pending(tls->ssl) > 0 ||
          (!tls->ended && (SSL_get_shutdown(tls->ssl) & SSL_RECEIVED_SHUTDOWN) != 0));
}

/* Behind the peer's close_notify, and behind a failure, nothing counts any more (RFC 8446 6.1). */
static void keep(struct wsuv__tls_stream *tls, const struct wsuv__tls_input *in) {
  if (in->len == 0 || tls->ended || tls->state >= TLS_FAILED)
    return;
  if (wsuv__buf_append(&tls->kept, tls->loop->allocator, in->base, in->len) != 0)
    tell_failure(tls, WSUV_ENOMEM);
}

/* Writing goes on behind the rest of a message that OpenSSL has the beginning of. Amid a message there is no data. */
static void finish_message(struct wsuv__tls_stream *tls, struct wsuv__tls_input *in) {
  struct wsuv__tls_fault fault;
  int rc;
  int err;

  wsuv__tls_io_begin(tls->loop->tls, tls, in);
  rc = SSL_do_handshake(tls->ssl);
  if (rc != 1 && SSL_get_error(tls->ssl, rc) == SSL_ERROR_WANT_READ)
    return;
  tls->stuck = 0;
  if (rc != 1) {
    wsuv__tls_fault_of_ssl(&fault, tls->ssl);
    wsuv__tls_fail(tls, &fault);
    tell_failure(tls, fault.error);
    return;
  }
  err = wsuv__tls_pass_down(tls);
  if (err == 0)
    err = wsuv__tls_set_lower_reading(tls);
  if (err == 0)
    wsuv__loop_defer(tls->loop, &tls->task);
  else
    tell_failure(tls, err);
}

static void take_new(struct wsuv__tls_stream *tls, struct wsuv__tls_input *in) {
  if (tls->stuck)
    finish_message(tls, in);
  if (tls->state == TLS_HANDSHAKE)
    advance_handshake(tls, in);
  if (tls->state == TLS_CONNECTED || tls->state == TLS_CLOSE_NOTIFY_SENT)
    deliver(tls, in);
  keep(tls, in);
}

/* In order: what was kept comes first. */
void wsuv__tls_take(struct wsuv__tls_stream *tls, struct wsuv__tls_input *in) {
  struct wsuv__buf kept = tls->kept;
  struct wsuv__tls_input all;

  if (kept.len == 0) {
    take_new(tls, in);
    return;
  }
  memset(&tls->kept, 0, sizeof tls->kept);
  if (wsuv__buf_append(&kept, tls->loop->allocator, in->base, in->len) != 0) {
    wsuv__buf_free(&kept, tls->loop->allocator);
    tell_failure(tls, WSUV_ENOMEM);
    return;
  }
  all.base = kept.base;
  all.len = kept.len;
  take_new(tls, &all);
  wsuv__buf_free(&kept, tls->loop->allocator);
}

void wsuv__tls_take_end(struct wsuv__tls_stream *tls, int err) {
  struct wsuv__tls_fault fault;

  if (wsuv__tls_has_unread(tls) && !tls->ended) {
    tls->end = err;
    wsuv__loop_defer(tls->loop, &tls->task);
    return;
  }
  tls->end = 0;
  if (tls->state == TLS_HANDSHAKE) {
    wsuv__tls_fault_set(&fault, err == UV_EOF ? WSUV_ETLS : err, "TLS handshake",
                        err == UV_EOF ? "the peer ended the connection" : wsuv_strerror(err));
    wsuv__tls_io_begin(tls->loop->tls, tls, NULL);
    fail_handshake(tls, &fault);
    return;
  }
  if (err == UV_EOF && tls->state != TLS_FAILED)
    err = WSUV_ETRUNCATED;
  if (tls->state == TLS_FAILED)
    tls->ended = 0; /* who failed was told why; the end is what it waits for now */
  tell_failure(tls, err);
}
