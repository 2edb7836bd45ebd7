/* From the owner to the lower stream. Ciphertext cannot be taken back: what was encrypted leaves in that order, so nothing more
 * is encrypted than the lower stream takes at once, or has been told to write. */
#include <assert.h>
#include <string.h>

#include "io/tls_stream_parts.h"
#include "wsuv/errno.h"

/* What one write of the lower stream gets: a whole cork. */
#define CHUNK_SIZE (4u * WSUV__TLS_RECORD_SIZE)

/* What OpenSSL may answer by itself (KeyUpdate, alerts) to a peer that does not read. */
#define MAX_WAITING (64u * 1024)

static int may_encrypt(const struct wsuv__tls_stream *tls) {
  return tls->state == TLS_CONNECTED && !tls->lower_writing && !tls->stuck;
}

/* ---- to the lower stream ---- */

static int fly(struct wsuv__tls_stream *tls) {
  uv_buf_t buf = uv_buf_init((char *)tls->flying.base, (unsigned)tls->flying.len);
  int err = tls->lower->ops->write(tls->lower, &buf, 1);

  if (err == 0)
    tls->lower_writing = 1;
  return err;
}

static int queue_behind(struct wsuv__tls_stream *tls, const struct wsuv__buf *out) {
  if (tls->waiting.len + out->len > MAX_WAITING)
    return WSUV_ETLS;
  return wsuv__buf_append(&tls->waiting, tls->loop->allocator, out->base, out->len);
}

static int pass_down(struct wsuv__tls_stream *tls, struct wsuv__buf *out) {
  uv_buf_t buf = uv_buf_init((char *)out->base, (unsigned)out->len);
  int n;
  int err;

  if (tls->lower_writing)
    return queue_behind(tls, out);
  n = tls->lower->ops->try_write(tls->lower, &buf, 1);
  if (n < 0 || (size_t)n == out->len)
    return n < 0 ? n : 0;
  tls->flying.len = 0;
  err = wsuv__buf_append(&tls->flying, tls->loop->allocator, out->base + n, out->len - (size_t)n);
  return err == 0 ? fly(tls) : err;
}

/* Behind ciphertext that is lost nothing may follow. */
int wsuv__tls_pass_down(struct wsuv__tls_stream *tls) {
  struct wsuv__buf *out = &tls->loop->tls->out;
  int err = out->len > 0 ? pass_down(tls, out) : 0;

  out->len = 0;
  if (err != 0 && tls->state < TLS_FAILED)
    wsuv__tls_set_state(tls, TLS_FAILED);
  return err;
}

/* ---- encryption ---- */

/* Copies up to `size` octets of several buffers; how many there were. */
static size_t gather(const struct wsuv__tls_write *write, uint8_t *out, size_t size) {
  unsigned at = write->at;
  size_t offset = write->offset;
  size_t len = 0;

  while (len < size && at < write->nbufs) {
    size_t n = write->bufs[at].len - offset;
    n = n < size - len ? n : size - len;
    memcpy(out + len, write->bufs[at].base + offset, n);
    len += n;
    at++;
    offset = 0;
  }
  return len;
}

/* The next octets that lie together, at most `max`: all that is left, or whole records; else what several buffers hold is put
 * together to one record. */
static const void *next_piece(const struct wsuv__tls_write *write, uint8_t *record, size_t max,
                              size_t *len) {
  const uv_buf_t *buf = &write->bufs[write->at];
  size_t here = buf->len - write->offset;

  *len = here < max ? here : max;
  if (here >= write->left)
    return buf->base + write->offset;
  if (*len >= WSUV__TLS_RECORD_SIZE) {
    *len -= *len % WSUV__TLS_RECORD_SIZE;
    return buf->base + write->offset;
  }
  *len = gather(write, record, max < WSUV__TLS_RECORD_SIZE ? max : WSUV__TLS_RECORD_SIZE);
  return record;
}

static void skip(struct wsuv__tls_write *write, size_t n) {
  write->left -= n;
  write->offset += n;
  while (write->at < write->nbufs && write->offset >= write->bufs[write->at].len) {
    write->offset -= write->bufs[write->at].len;
    write->at++;
  }
}

/* RFC 8446 4.6.3; TLS 1.2 has nothing like it, and OpenSSL refuses there. */
static void count_records(struct wsuv__tls_stream *tls, size_t len) {
  uint32_t n = (uint32_t)(1 + len / WSUV__TLS_RECORD_SIZE);

  if (tls->records_left > n) {
    tls->records_left -= n;
    return;
  }
  tls->records_left = WSUV__TLS_RECORDS_PER_KEY;
  if (SSL_version(tls->ssl) >= TLS1_3_VERSION)
    (void)SSL_key_update(tls->ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
}

/* Until the peer has sent the rest of a ticket, say. */
static void get_stuck(struct wsuv__tls_stream *tls) {
  tls->stuck = 1;
  (void)wsuv__tls_set_lower_reading(tls);
  if (wsuv__tls_has_unread(tls))
    wsuv__loop_defer(tls->loop, &tls->task);
}

/* A chunk into the operation's output, less where OpenSSL gets stuck. 0, or the stream has failed and its error is returned. */
static int encrypt_chunk(struct wsuv__tls_stream *tls, struct wsuv__tls_write *write) {
  struct wsuv__tls_io *io = tls->loop->tls;
  struct wsuv__tls_fault fault;
  size_t room = CHUNK_SIZE;

  wsuv__tls_io_begin(io, tls, NULL);
  while (write->left > 0 && room > 0) {
    size_t len;
    size_t written;
    const void *piece = next_piece(write, io->record, room, &len);
    if (SSL_write_ex(tls->ssl, piece, len, &written) != 1) {
      if (SSL_get_error(tls->ssl, 0) == SSL_ERROR_WANT_READ) {
        get_stuck(tls);
        return 0;
      }
      wsuv__tls_fault_of_ssl(&fault, tls->ssl);
      wsuv__tls_fail(tls, &fault);
      return fault.error;
    }
    count_records(tls, written);
    write->has_begun = 1;
    skip(write, written);
    room -= written;
  }
  return 0;
}

/* ---- the owner's calls ---- */

static void fill_in(struct wsuv__tls_write *write, const uv_buf_t *bufs, unsigned nbufs) {
  unsigned i;

  memset(write, 0, sizeof *write);
  write->nbufs = nbufs;
  memcpy(write->bufs, bufs, nbufs * sizeof *bufs);
  for (i = 0; i < nbufs; i++)
    write->left += bufs[i].len;
  skip(write, 0);
}

/* The largest number of buffers that is written without memory of their own. */
#define FEW_BUFS 32u

int wsuv__tls_try_write(struct wsuv__stream *base, const uv_buf_t *bufs, unsigned nbufs) {
  struct wsuv__tls_stream *tls = wsuv__tls_stream_of(base);
  union {
    struct wsuv__tls_write write;
    char room[sizeof(struct wsuv__tls_write) + FEW_BUFS * sizeof(uv_buf_t)];
  } few;
  size_t taken = 0;
  int err = 0;

  assert(tls->write == NULL);
  if (!may_encrypt(tls))
    return 0;
  fill_in(&few.write, bufs, nbufs < FEW_BUFS ? nbufs : FEW_BUFS);
  while (err == 0 && few.write.left > 0 && may_encrypt(tls)) {
    size_t before = few.write.left;
    err = encrypt_chunk(tls, &few.write);
    if (err == 0)
      err = wsuv__tls_pass_down(tls);
    taken += before - few.write.left;
  }
  return err == 0 ? (int)taken : err;
}

/* Goes on when the lower stream has written what it has, or on the loop's next turn. */
int wsuv__tls_write(struct wsuv__stream *base, const uv_buf_t *bufs, unsigned nbufs) {
  struct wsuv__tls_stream *tls = wsuv__tls_stream_of(base);

  assert(tls->write == NULL);
  if (tls->state != TLS_CONNECTED)
    return WSUV_ETLS;
  tls->write = wsuv__alloc(tls->loop->allocator, sizeof *tls->write + nbufs * sizeof *bufs);
  if (tls->write == NULL)
    return WSUV_ENOMEM;
  fill_in(tls->write, bufs, nbufs);
  if (!tls->lower_writing)
    wsuv__loop_defer(tls->loop, &tls->task);
  return 0;
}

size_t wsuv__tls_unwritten(const struct wsuv__stream *base) {
  const struct wsuv__tls_stream *tls = (const struct wsuv__tls_stream *)(const void *)base;
  size_t n = tls->write != NULL ? tls->write->left : 0;

  return tls->lower_writing ? n + tls->lower->ops->unwritten(tls->lower) + tls->waiting.len : n;
}

/* Of a write under way the owner knows itself. */
static int flies_for_the_write(const struct wsuv__tls_stream *tls) {
  return tls->write != NULL && tls->write->has_begun;
}

size_t wsuv__tls_held(const struct wsuv__stream *base) {
  const struct wsuv__tls_stream *tls = (const struct wsuv__tls_stream *)(const void *)base;

  if (flies_for_the_write(tls) || tls->flying.len == 0)
    return 0;
  if (tls->state == TLS_CLOSED)
    return tls->flying.len + tls->waiting.len; /* which will not leave any more */
  return tls->lower->ops->unwritten(tls->lower) + tls->waiting.len;
}

/* ---- the end of our side ---- */

/* OpenSSL refuses it amid a message of the peer's; a KeyUpdate of ours goes out first. Non-zero: it is in the operation's
 * output. */
static int make_close_notify(struct wsuv__tls_stream *tls) {
  wsuv__tls_io_begin(tls->loop->tls, tls, NULL);
  if (SSL_in_init(tls->ssl) && SSL_do_handshake(tls->ssl) != 1)
    return 0;
  (void)SSL_shutdown(tls->ssl); /* what it returns is about the peer's */
  return 1;
}

static int send_close_notify(struct wsuv__tls_stream *tls) {
  if (tls->state != TLS_CONNECTED)
    return 0;
  if (!make_close_notify(tls)) {
    get_stuck(tls);
    return 0;
  }
  wsuv__tls_set_state(tls, TLS_CLOSE_NOTIFY_SENT);
  return wsuv__tls_pass_down(tls);
}

/* Behind the owner's write comes close_notify, and behind that the lower stream's end. */
static int advance_ending(struct wsuv__tls_stream *tls) {
  int err = 0;

  if (!tls->ending || tls->write != NULL)
    return 0;
  err = send_close_notify(tls);
  if (err != 0 || tls->lower_writing || tls->stuck)
    return err;
  tls->ending = 0;
  return tls->lower->ops->shutdown(tls->lower);
}

int wsuv__tls_shutdown(struct wsuv__stream *base) {
  struct wsuv__tls_stream *tls = wsuv__tls_stream_of(base);

  tls->ending = 1;
  return advance_ending(tls);
}

void wsuv__tls_say_goodbye(struct wsuv__tls_stream *tls) {
  uv_buf_t buf;

  if (tls->state != TLS_CONNECTED || tls->lower_writing || tls->write != NULL)
    return;
  if (!make_close_notify(tls))
    return;
  buf = uv_buf_init((char *)tls->loop->tls->out.base, (unsigned)tls->loop->tls->out.len);
  if (buf.len > 0)
    (void)tls->lower->ops->try_write(tls->lower, &buf, 1);
}

/* ---- going on ---- */

static void finish_write(struct wsuv__tls_stream *tls, int status) {
  wsuv__release(tls->loop->allocator, tls->write);
  tls->write = NULL;
  tls->base.events->on_written(tls->base.owner, status);
}

void wsuv__tls_cancel_write(struct wsuv__tls_stream *tls, int status) {
  if (tls->write != NULL)
    finish_write(tls, status);
}

void wsuv__tls_advance_output(struct wsuv__tls_stream *tls) {
  int err = 0;

  if (tls->write != NULL && tls->state != TLS_CONNECTED)
    err = WSUV_ETLS;
  while (err == 0 && tls->write != NULL && tls->write->left > 0 && may_encrypt(tls)) {
    err = encrypt_chunk(tls, tls->write);
    if (err == 0)
      err = wsuv__tls_pass_down(tls);
  }
  if (tls->write != NULL && (err != 0 || (tls->write->left == 0 && !tls->lower_writing)))
    finish_write(tls, err);
  if (tls->state != TLS_CLOSED && err == 0)
    (void)advance_ending(tls); /* a lower stream that cannot end is about to tell of an error */
}

/* What fails below is told once: to the write, to who waits for the handshake, or else as the end of reading. */
static void tell_error(struct wsuv__tls_stream *tls, int err) {
  if (tls->write != NULL)
    finish_write(tls, err);
  else
    wsuv__tls_take_end(tls, err);
}

void wsuv__tls_take_written(struct wsuv__tls_stream *tls, int status) {
  tls->lower_writing = 0;
  if (status == 0)
    tls->flying.len = 0;
  if (tls->state == TLS_CLOSED)
    return; /* what is left in the buffers did not leave */
  if (status != 0) {
    tell_error(tls, status);
    return;
  }
  if (tls->waiting.len > 0) {
    struct wsuv__buf flying = tls->flying;
    tls->flying = tls->waiting;
    tls->waiting = flying;
    status = fly(tls);
    if (status != 0)
      tell_error(tls, status);
    return;
  }
  wsuv__buf_free(&tls->flying, tls->loop->allocator);
  wsuv__buf_free(&tls->waiting, tls->loop->allocator);
  if (!flies_for_the_write(tls) && tls->base.events->on_unheld != NULL)
    tls->base.events->on_unheld(tls->base.owner);
  if (tls->state != TLS_CLOSED)
    wsuv__tls_advance_output(tls);
}
