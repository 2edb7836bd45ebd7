/* The transport below a rig's TLS stream, and what passes it. */
#include <stdlib.h>
#include <string.h>

#include "support/tls_rig.h"

static struct tls_rig *rig_of_lower(const struct wsuv__stream *stream) {
  return (struct tls_rig *)(void *)((char *)(uintptr_t)stream -
                                    offsetof(struct tls_rig, lower.base));
}

/* ---- octets ---- */

void tls_octets_add(struct tls_octets *octets, const void *bytes, size_t len) {
  if (len == 0)
    return;
  if (octets->len + len > octets->cap) {
    octets->cap = 2 * (octets->len + len);
    octets->base = realloc(octets->base, octets->cap);
    if (octets->base == NULL)
      abort();
  }
  memcpy(octets->base + octets->len, bytes, len);
  octets->len += len;
}

void tls_octets_drop(struct tls_octets *octets, size_t len) {
  octets->len -= len;
  if (octets->len > 0)
    memmove(octets->base, octets->base + len, octets->len);
}

void tls_octets_free(struct tls_octets *octets) {
  free(octets->base);
  memset(octets, 0, sizeof *octets);
}

long tls_octets_record(const struct tls_octets *octets, size_t at, size_t i) {
  while (at + 5 <= octets->len) {
    size_t len = (size_t)octets->base[at + 3] << 8 | octets->base[at + 4];
    if (at + 5 + len > octets->len)
      break;
    if (i-- == 0)
      return (long)len;
    at += 5 + len;
  }
  return -1;
}

size_t tls_octets_nrecords(const struct tls_octets *octets, size_t at) {
  size_t n = 0;

  while (tls_octets_record(octets, at, n) >= 0)
    n++;
  return n;
}

void tls_rig_fill(uint8_t *out, size_t len, unsigned seed) {
  size_t i;

  for (i = 0; i < len; i++)
    out[i] = (uint8_t)(seed + i * 7 + (i >> 8) * 13 + (i >> 16) * 101);
}

/* ---- the transport ---- */

static int start_reading(struct wsuv__stream *stream) {
  struct tls_lower *lower = &rig_of_lower(stream)->lower;

  CHECK_INT(0, lower->reading);
  CHECK_INT(0, lower->closing);
  if (lower->read_error == 0)
    lower->reading = 1;
  return lower->read_error;
}

static void stop_reading(struct wsuv__stream *stream) {
  struct tls_lower *lower = &rig_of_lower(stream)->lower;

  CHECK_INT(0, lower->closing);
  lower->reading = 0;
}

/* What no transport can do. */
static void check_write(struct tls_lower *lower) {
  CHECK_INT(0, lower->writing);
  CHECK_INT(0, lower->shut);
  CHECK_INT(0, lower->closing);
  lower->nwrites++;
}

static int try_write(struct wsuv__stream *stream, const uv_buf_t *bufs, unsigned nbufs) {
  struct tls_lower *lower = &rig_of_lower(stream)->lower;
  size_t before = lower->out.len;
  unsigned i;

  check_write(lower);
  if (lower->error != 0)
    return lower->error;
  for (i = 0; i < nbufs; i++) {
    size_t n = bufs[i].len < lower->room ? bufs[i].len : lower->room;
    tls_octets_add(&lower->out, bufs[i].base, n);
    if (lower->room != TLS_RIG_NO_LIMIT)
      lower->room -= n;
  }
  return (int)(lower->out.len - before);
}

static int write_all(struct wsuv__stream *stream, const uv_buf_t *bufs, unsigned nbufs) {
  struct tls_lower *lower = &rig_of_lower(stream)->lower;

  check_write(lower);
  CHECK_SIZE(1, nbufs);
  CHECK_TRUE(bufs[0].len > 0);
  if (lower->error != 0)
    return lower->error;
  lower->pending = bufs[0];
  lower->writing = 1;
  return 0;
}

static size_t count_unwritten(const struct wsuv__stream *stream) {
  const struct tls_lower *lower = &rig_of_lower(stream)->lower;
  return lower->writing ? lower->pending.len : 0;
}

static size_t count_held(const struct wsuv__stream *stream) {
  (void)stream;
  return 0;
}

static int end_writing(struct wsuv__stream *stream) {
  struct tls_lower *lower = &rig_of_lower(stream)->lower;

  CHECK_INT(0, lower->shut);
  CHECK_INT(0, lower->closing);
  if (lower->error == 0)
    lower->shut = 1;
  return lower->error;
}

static void close_lower(struct wsuv__stream *stream) {
  struct tls_lower *lower = &rig_of_lower(stream)->lower;

  CHECK_INT(0, lower->closing);
  lower->closing = 1;
  lower->reading = 0;
}

static int peer_address(const struct wsuv__stream *stream, char *out, size_t size) {
  (void)stream;
  CHECK_TRUE(size > 4);
  memcpy(out, "fake", 5);
  return 0;
}

const struct wsuv__stream_ops tls_lower_ops = {
    .read_start = start_reading,
    .read_stop = stop_reading,
    .try_write = try_write,
    .write = write_all,
    .unwritten = count_unwritten,
    .held = count_held,
    .shutdown = end_writing,
    .close = close_lower,
    .peer = peer_address,
};

/* ---- the transport's events ---- */

void tls_rig_turn(struct tls_rig *rig) {
  (void)uv_run(&rig->uv, UV_RUN_NOWAIT);
}

void tls_rig_receive(struct tls_rig *rig, const void *bytes, size_t len) {
  uint8_t *copy = malloc(len);

  if (len == 0 || copy == NULL) {
    free(copy);
    return;
  }
  CHECK_INT(1, rig->lower.reading);
  memcpy(copy, bytes, len);
  rig->lower.base.events->on_read(rig->lower.base.owner, (ssize_t)len, copy);
  free(copy);
}

void tls_rig_receive_end(struct tls_rig *rig, int err) {
  CHECK_INT(1, rig->lower.reading);
  rig->lower.base.events->on_read(rig->lower.base.owner, err, NULL);
}

void tls_rig_take_some(struct tls_rig *rig, size_t len) {
  struct tls_lower *lower = &rig->lower;

  CHECK_INT(1, lower->writing);
  CHECK_TRUE(len <= lower->pending.len);
  tls_octets_add(&lower->out, lower->pending.base, len);
  lower->pending.base += len;
  lower->pending.len -= len;
}

void tls_rig_finish_write(struct tls_rig *rig, int status) {
  struct tls_lower *lower = &rig->lower;

  if (status == 0)
    tls_rig_take_some(rig, lower->pending.len);
  lower->writing = 0;
  lower->base.events->on_written(lower->base.owner, status);
}

void tls_rig_finish_shutdown(struct tls_rig *rig, int status) {
  CHECK_INT(1, rig->lower.shut);
  rig->lower.base.events->on_shutdown(rig->lower.base.owner, status);
}

/* As libuv has it: what is under way ends first. */
void tls_rig_finish_close(struct tls_rig *rig) {
  CHECK_INT(1, rig->lower.closing);
  if (rig->lower.writing)
    tls_rig_finish_write(rig, UV_ECANCELED);
  rig->lower.base.events->on_closed(rig->lower.base.owner);
}

void tls_rig_settle(struct tls_rig *rig) {
  tls_rig_turn(rig);
  while (rig->lower.writing && !rig->lower.closing) {
    tls_rig_finish_write(rig, 0);
    tls_rig_turn(rig);
  }
}
