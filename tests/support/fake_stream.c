#include "support/fake_stream.h"

#include <stdlib.h>
#include <string.h>

static struct fake_stream *fake_of(const struct wsuv__stream *stream) {
  struct talker *t = wsuv_conn_data(stream->owner);
  return t->arg;
}

static int start_reading(struct wsuv__stream *stream) {
  CHECK_INT(0, fake_of(stream)->reading);
  fake_of(stream)->reading = 1;
  return 0;
}

static void stop_reading(struct wsuv__stream *stream) {
  fake_of(stream)->reading = 0;
}

static void take(struct fake_stream *fake, const uv_buf_t *buf, size_t len) {
  fake->out = realloc(fake->out, fake->out_len + len + 1);
  CHECK_NOT_NULL(fake->out);
  memcpy(fake->out + fake->out_len, buf->base, len);
  fake->out_len += len;
}

static int try_write(struct wsuv__stream *stream, const uv_buf_t *bufs, unsigned nbufs) {
  struct fake_stream *fake = fake_of(stream);
  size_t before = fake->out_len;
  unsigned i;

  CHECK_INT(0, fake->wants_write);
  CHECK_INT(0, fake->shut);
  fake->nwrites++;
  if (fake->error != 0)
    return fake->error;
  for (i = 0; i < nbufs; i++) {
    size_t n = bufs[i].len < fake->room ? bufs[i].len : fake->room;
    take(fake, &bufs[i], n);
    fake->room -= n;
  }
  return (int)(fake->out_len - before);
}

static int write_all(struct wsuv__stream *stream, const uv_buf_t *bufs, unsigned nbufs) {
  struct fake_stream *fake = fake_of(stream);

  CHECK_INT(0, fake->wants_write);
  CHECK_INT(0, fake->shut);
  CHECK_TRUE(nbufs > 0 && nbufs <= WSUV__OUTBOX_MAX_SPANS);
  if (fake->error != 0)
    return fake->error;
  memcpy(fake->bufs, bufs, nbufs * sizeof *bufs);
  fake->nbufs = nbufs;
  fake->wants_write = 1;
  return 0;
}

static size_t unwritten(const struct wsuv__stream *stream) {
  struct fake_stream *fake = fake_of(stream);
  size_t len = 0;
  unsigned i;

  for (i = 0; fake->wants_write && i < fake->nbufs; i++)
    len += fake->bufs[i].len;
  return len;
}

static size_t held(const struct wsuv__stream *stream) {
  (void)stream;
  return 0;
}

static int end_writing(struct wsuv__stream *stream) {
  CHECK_INT(0, fake_of(stream)->shut);
  fake_of(stream)->shut = 1;
  return fake_of(stream)->error;
}

static void close_stream(struct wsuv__stream *stream) {
  CHECK_INT(0, fake_of(stream)->closing);
  fake_of(stream)->closing = 1;
  fake_of(stream)->reading = 0;
}

static int peer(const struct wsuv__stream *stream, char *out, size_t size) {
  (void)stream;
  (void)strncpy(out, "fake", size);
  return 0;
}

static const struct wsuv__stream_ops ops = {
    .read_start = start_reading,
    .read_stop = stop_reading,
    .try_write = try_write,
    .write = write_all,
    .unwritten = unwritten,
    .held = held,
    .shutdown = end_writing,
    .close = close_stream,
    .peer = peer,
};

/* What wsuv_connect does, up to the end of the opening handshake. */
void fake_open(struct fake_stream *fake, struct talker *t, wsuv_role_t role,
               const wsuv_conn_options_t *options) {
  struct loopback *lb = t->lb;
  wsuv_conn_t *conn = wsuv__alloc_zeroed(&lb->fa.allocator, sizeof *conn);

  memset(fake, 0, sizeof *fake);
  CHECK_NOT_NULL(conn);
  CHECK_ERR(0, wsuv__conn_config_init(&fake->config, options, &talker_handler, role,
                                      &lb->loop->allocator, &lb->loop->io));
  CHECK_ERR(0, wsuv__conn_init(conn, lb->loop, &fake->config, &talker_handler,
                               WSUV_STATE_OPENING_HANDSHAKE));
  conn->stream.base = (struct wsuv__stream){&ops, &wsuv__conn_stream_events, conn};
  conn->transport = TRANSPORT_OPEN;
  conn->pending = 1;
  conn->data = t;
  wsuv__list_append(&lb->loop->clients, &conn->link);
  fake->conn = conn;
  t->conn = conn;
  t->arg = fake;
  t->handed_out = 1;
  wsuv__conn_enter(conn);
  wsuv__conn_open(conn, NULL, 0);
  wsuv__conn_leave(conn);
}

void fake_receive(struct fake_stream *fake, const void *bytes, size_t len) {
  uint8_t *copy = malloc(len + 1);

  CHECK_NOT_NULL(copy);
  CHECK_INT(1, fake->reading);
  memcpy(copy, bytes, len);
  wsuv__conn_stream_events.on_read(fake->conn, (ssize_t)len, copy);
  free(copy);
}

void fake_receive_error(struct fake_stream *fake, int error) {
  CHECK_INT(1, fake->reading);
  wsuv__conn_stream_events.on_read(fake->conn, error, NULL);
}

void fake_finish_write(struct fake_stream *fake, int status) {
  unsigned i;

  CHECK_INT(1, fake->wants_write);
  for (i = 0; status == 0 && i < fake->nbufs; i++)
    take(fake, &fake->bufs[i], fake->bufs[i].len);
  fake->wants_write = 0;
  wsuv__conn_stream_events.on_written(fake->conn, status);
}

void fake_end(struct fake_stream *fake, struct loopback *lb) {
  loopback_end(lb);
  CHECK_INT(1, fake->closing);
  if (fake->wants_write)
    fake_finish_write(fake, UV_ECANCELED);
  wsuv__conn_stream_events.on_closed(fake->conn);
  free(fake->out);
}
