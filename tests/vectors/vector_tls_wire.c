/* The octets of a vector over TLS. */
#include <openssl/ssl.h>
#include <string.h>

#include "support/check.h"
#include "vectors/vector_tls.h"

static struct wsuv__stream *stream_of(const struct vector_tls_end *end) {
  return wsuv__tls_stream_base(end->tls);
}

static int is_ours(const struct vector_tls_end *end) {
  return end == &end->wire->ours;
}

void vector_tls_read(struct vector_tls_end *end, int wanted) {
  if (wanted == end->is_reading)
    return;
  end->is_reading = wanted;
  if (wanted)
    CHECK_ERR(0, stream_of(end)->ops->read_start(stream_of(end)));
  else
    stream_of(end)->ops->read_stop(stream_of(end));
}

/* ---- what the streams tell ---- */

static void on_connected(void *owner, int status) {
  struct vector_tls_end *end = owner;
  if (status != 0 && wsuv__tls_stream_detail(end->tls) != NULL)
    print_error("%s\n", wsuv__tls_stream_detail(end->tls));
  CHECK_ERR(0, status);
  end->is_connected = 1;
}

/* Exactly what was written, in that order. */
static void check_arrival(struct vector_tls_end *end, const uint8_t *bytes, size_t len) {
  size_t n = len < end->expected.len ? len : end->expected.len;
  CHECK_BYTES(end->expected.data, n, bytes, len);
  vector_bytes_drop(&end->expected, len);
}

static void on_read(void *owner, ssize_t nread, uint8_t *bytes) {
  struct vector_tls_end *end = owner;
  struct vector_wire *base = &end->wire->base;
  CHECK_FALSE(end->has_ended);
  CHECK_TRUE(end->is_reading);
  if (nread < 0) {
    CHECK_ERR(UV_EOF, (int)nread);
    CHECK_TRUE(end->other->is_shut_down || wsuv__tls_stream_state(end->other->tls) > TLS_CONNECTED);
    CHECK_SIZE(0, end->expected.len);
    end->has_ended = 1;
    return;
  }
  check_arrival(end, bytes, (size_t)nread);
  if (!is_ours(end)) {
    vector_bytes_add(&end->arrived, bytes, (size_t)nread);
  } else if (base->owner != NULL) {
    base->take(base->owner, bytes, (size_t)nread);
    vector_tls_read(end, base->wants(base->owner));
  }
  memset(bytes, '#', (size_t)nread); /* it may be overwritten */
}

static void start_write(struct vector_tls_end *end) {
  uv_buf_t buf = uv_buf_init((char *)end->flying.data, (unsigned)end->flying.len);
  CHECK_ERR(0, stream_of(end)->ops->write(stream_of(end), &buf, 1));
  end->is_writing = 1;
}

static void on_written(void *owner, int status) {
  struct vector_tls_end *end = owner;
  CHECK_ERR(0, status);
  CHECK_TRUE(end->is_writing);
  end->is_writing = 0;
  if (end->flying.len > 0)
    memset(end->flying.data, '#', end->flying.len); /* and so may this */
  vector_bytes_clear(&end->flying);
  if (end->backlog.len > 0) {
    vector_bytes_add(&end->flying, end->backlog.data, end->backlog.len);
    vector_bytes_clear(&end->backlog);
    start_write(end);
  }
}

static void on_shutdown(void *owner, int status) {
  CHECK_ERR(0, status);
  ((struct vector_tls_end *)owner)->is_shut_down = 1;
}

static void on_closed(void *owner) {
  ((struct vector_tls_end *)owner)->is_closed = 1;
}

const struct wsuv__stream_events vector_tls_events = {
    .on_connected = on_connected,
    .on_read = on_read,
    .on_written = on_written,
    .on_shutdown = on_shutdown,
    .on_closed = on_closed,
};

/* ---- in ---- */

/* Every way of writing has its turn: at once as far as it goes, and by `write` alone. */
static int has_turn_at_once(struct vector_tls_end *end) {
  return end->nwrites++ % 3 != 2;
}

static void write_piece(struct vector_tls_end *end, const void *piece, size_t len) {
  struct vector_bytes *flying = &end->flying;
  CHECK_SIZE(0, flying->len);
  vector_bytes_add(flying, piece, len);
  if (has_turn_at_once(end)) {
    uv_buf_t buf = uv_buf_init((char *)flying->data, (unsigned)len);
    int n = stream_of(end)->ops->try_write(stream_of(end), &buf, 1);
    CHECK_TRUE(n >= 0 && (size_t)n <= len);
    vector_bytes_drop(flying, (size_t)n);
  }
  if (flying->len > 0)
    start_write(end);
}

static struct vector_tls *wire_of(struct vector_wire *base) {
  return (struct vector_tls *)(void *)base;
}

/* Who has not shaken hands yet does not read either: what comes until then is kept for him. */
static void follow_owner(struct vector_tls *wire) {
  if (wire->ours.is_connected && !wire->ours.has_ended)
    vector_tls_read(&wire->ours, wire->base.wants(wire->base.owner));
}

static void arrive(struct vector_wire *base) {
  struct vector_tls *wire = wire_of(base);
  VECTOR_TLS_UNTIL(wire, wire->ours.is_connected);
  follow_owner(wire);
  VECTOR_TLS_UNTIL(wire, wire->ours.expected.len == 0 || !wire->ours.is_reading);
}

/* Unless that is what it is about to do: a KeyUpdate leaves with the next record. */
static void ask_for_new_keys(struct vector_tls_end *end) {
  SSL *ssl = wsuv__tls_stream_ssl(end->tls);
  if (SSL_get_key_update_type(ssl) == SSL_KEY_UPDATE_NONE)
    CHECK_INT(1, SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED));
}

static void put(struct vector_wire *base, const void *piece, size_t len) {
  struct vector_tls *wire = wire_of(base);
  struct vector_tls_end *peer = &wire->peer;
  vector_bytes_add(&wire->ours.expected, piece, len);
  follow_owner(wire);
  VECTOR_TLS_UNTIL(wire, !peer->is_writing || !wire->ours.is_reading);
  if (wire->mode.rekeys)
    ask_for_new_keys(peer);
  if (peer->is_writing)
    vector_bytes_add(&peer->backlog, piece, len);
  else
    write_piece(peer, piece, len);
  if (wire->mode.is_apart)
    arrive(base);
}

void vector_tls_shut_down(struct vector_tls_end *end) {
  if (end->is_shut_down)
    return;
  CHECK_SIZE(0, end->backlog.len);
  CHECK_ERR(0, stream_of(end)->ops->shutdown(stream_of(end)));
  VECTOR_TLS_UNTIL(end->wire, end->is_shut_down);
}

static void end_input(struct vector_wire *base) {
  struct vector_tls *wire = wire_of(base);
  arrive(base);
  CHECK_TRUE(
      wire->ours.is_reading); /* else it would not be seen, and the vector asks for too much */
  VECTOR_TLS_UNTIL(wire, !wire->peer.is_writing);
  vector_tls_shut_down(&wire->peer);
  VECTOR_TLS_UNTIL(wire, wire->ours.has_ended);
}

/* ---- out ---- */

static void expect_at_peer(struct vector_tls *wire, const wsuv_span_t *spans, size_t nspans,
                           size_t len) {
  size_t i;
  for (i = 0; i < nspans && len > 0; i++) {
    size_t n = spans[i].len < len ? spans[i].len : len;
    vector_bytes_add(&wire->peer.expected, spans[i].data, n);
    len -= n;
  }
  CHECK_SIZE(0, len);
}

enum { SPANS_MAX = 8 };

static size_t send_spans(struct vector_wire *base, const wsuv_span_t *spans, size_t nspans) {
  struct vector_tls *wire = wire_of(base);
  struct vector_tls_end *ours = &wire->ours;
  uv_buf_t bufs[SPANS_MAX];
  size_t total = 0;
  size_t i;
  int n = 0;
  CHECK_TRUE(nspans <= SPANS_MAX);
  for (i = 0; i < nspans; i++) {
    bufs[i].base = (char *)(uintptr_t)spans[i].data;
    bufs[i].len = spans[i].len;
    total += spans[i].len;
  }
  VECTOR_TLS_UNTIL(wire, ours->is_connected);
  if (has_turn_at_once(ours))
    n = stream_of(ours)->ops->try_write(stream_of(ours), bufs, (unsigned)nspans);
  CHECK_TRUE(n >= 0 && (size_t)n <= total);
  expect_at_peer(wire, spans, nspans, n > 0 ? (size_t)n : total);
  if (n > 0)
    return (size_t)n;
  CHECK_ERR(0, stream_of(ours)->ops->write(stream_of(ours), bufs, (unsigned)nspans));
  ours->is_writing = 1;
  VECTOR_TLS_UNTIL(wire, !ours->is_writing);
  return total;
}

static void collect(struct vector_wire *base, struct vector_bytes *out) {
  struct vector_tls *wire = wire_of(base);
  struct vector_bytes *arrived = &wire->peer.arrived;
  VECTOR_TLS_UNTIL(wire, wire->peer.expected.len == 0);
  if (arrived->len > 0)
    vector_bytes_add(out, arrived->data, arrived->len);
  vector_bytes_clear(arrived);
}

void vector_tls_init_wire(struct vector_tls *wire) {
  wire->base.put = put;
  wire->base.arrive = arrive;
  wire->base.end_input = end_input;
  wire->base.send = send_spans;
  wire->base.collect = collect;
}
