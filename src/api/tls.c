/* wsuv_tls_t: a TLS stream on a stream of the application's, with a queue and deadlines, and nothing of WebSocket. */
#include <assert.h>
#include <string.h>

#include "api/adopt.h"
#include "api/loop.h"
#include "base/option.h"
#include "io/tls_context.h"
#include "io/tls_stream.h"
#include "io/uv_stream.h"
#include "wsuv/tls_stream.h"

#define DEFAULT_HANDSHAKE_TIMEOUT_MS 10000u
#define MAX_QUEUE                    (UINT32_MAX / 2)
#define LINGER_MS                    5000u /* for the peer to end after an alert of ours */

enum state {
  NEW,
  HANDSHAKE,
  OPEN,
  SHUT,      /* our side has ended, or is about to behind what is queued */
  LINGERING, /* TLS failed; what still comes is discarded until the end */
  CLOSING    /* on_close follows */
};

struct wsuv_tls {
  struct wsuv__uv_stream stream;
  struct wsuv__tls_stream *tls;
  wsuv_loop_t *loop;
  const wsuv_tls_handler_t *handler;
  void *data;
  struct wsuv__list link; /* in the loop's list */
  struct wsuv__task task; /* what must not be done inside of a call */
  struct wsuv__wheel_entry deadline;
  struct wsuv__buf queue;  /* waits */
  struct wsuv__buf flying; /* is being written */
  uint64_t timeout_ms;
  int error;
  uint8_t state; /* enum state */
  uint8_t writing;
  uint8_t reading;    /* the application wants to */
  uint8_t is_shut;    /* our end has left */
  uint8_t peer_ended; /* and on_end was told of the peer's */
  uint8_t held;       /* the deadline keeps the uv_loop_t alive */
};

static struct wsuv__stream *top_of(wsuv_tls_t *s) {
  return wsuv__tls_stream_base(s->tls);
}

/* The only writer of the state, but for init. */
static void set_state(wsuv_tls_t *s, enum state state) {
  assert(state > (enum state)s->state);
  s->state = (uint8_t)state;
}

/* ---- deadlines ---- */

static void clear_deadline(wsuv_tls_t *s) {
  wsuv__wheel_clear(&s->deadline);
  if (s->held)
    wsuv__loop_unhold(&s->loop->io);
  s->held = 0;
}

static void set_deadline(wsuv_tls_t *s, uint64_t timeout_ms) {
  uint64_t now = wsuv__loop_now_ms(&s->loop->io);

  clear_deadline(s);
  if (timeout_ms >= WSUV__NEVER - now)
    return;
  wsuv__loop_set_deadline(&s->loop->io, &s->deadline, now + timeout_ms);
  wsuv__loop_hold(&s->loop->io);
  s->held = 1;
}

/* ---- the end ---- */

static void close_now(wsuv_tls_t *s, int err) {
  struct wsuv__stream *stream = s->state == NEW ? &s->stream.base : top_of(s);

  if (s->state == CLOSING)
    return;
  if (s->error == 0)
    s->error = err;
  clear_deadline(s);
  set_state(s, CLOSING);
  stream->ops->close(stream);
}

static void deadline_came(struct wsuv__wheel_entry *entry) {
  wsuv_tls_t *s = WSUV__LIST_ENTRY(entry, wsuv_tls_t, deadline);
  close_now(s, s->state == HANDSHAKE || s->state == NEW ? WSUV_ETIMEDOUT : 0);
}

/* Closing with octets unread would make the kernel reset the connection, and a reset can overtake our alert. */
static void fail(wsuv_tls_t *s, int err) {
  if (s->state >= LINGERING || wsuv__tls_stream_state(s->tls) != TLS_FAILED ||
      top_of(s)->ops->shutdown(top_of(s)) != 0 || top_of(s)->ops->read_start(top_of(s)) != 0) {
    close_now(s, err);
    return;
  }
  s->error = err;
  set_state(s, LINGERING);
  set_deadline(s, LINGER_MS);
}

static void release(wsuv_tls_t *s) {
  const wsuv_allocator_t *a = &s->loop->allocator;

  wsuv__list_remove(&s->task.link);
  wsuv__list_remove(&s->link);
  if (s->tls != NULL)
    wsuv__tls_stream_free(s->tls);
  wsuv__buf_free(&s->queue, a);
  wsuv__buf_free(&s->flying, a);
  wsuv__release(a, s);
}

static void on_closed(void *owner) {
  wsuv_tls_t *s = owner;
  wsuv_loop_t *loop = s->loop;
  const char *detail = wsuv__tls_stream_detail(s->tls);

  s->handler->on_close(s, s->error, detail != NULL ? detail : wsuv_strerror(s->error));
  release(s);
  wsuv__loop_forget(loop);
}

/* ---- writing ---- */

static void start_write(wsuv_tls_t *s) {
  struct wsuv__buf done = s->flying;
  uv_buf_t buf;
  int err;

  s->flying = s->queue;
  s->queue = done;
  s->queue.len = 0;
  buf = uv_buf_init((char *)s->flying.base, (unsigned)s->flying.len);
  err = top_of(s)->ops->write(top_of(s), &buf, 1);
  s->writing = err == 0;
  if (err != 0)
    close_now(s, err);
}

static void end_our_side(wsuv_tls_t *s) {
  int err = top_of(s)->ops->shutdown(top_of(s));
  if (err != 0)
    close_now(s, err);
}

static void on_written(void *owner, int status) {
  wsuv_tls_t *s = owner;
  int ends = s->state == SHUT;

  s->writing = 0;
  s->flying.len = 0;
  if (s->state == CLOSING)
    return;
  if (status != 0) {
    fail(s, status);
  } else if (s->queue.len > 0) {
    start_write(s);
  } else {
    if (s->handler->on_drain != NULL && s->state <= SHUT)
      s->handler->on_drain(s);
    if (ends && s->state == SHUT)
      end_our_side(s);
  }
}

int wsuv_tls_write(wsuv_tls_t *s, const void *data, size_t len) {
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
  int n = 0;

  if (s->state != OPEN)
    return WSUV_ESTATE;
  if (len > MAX_QUEUE - s->queue.len || wsuv__buf_reserve(&s->queue, &s->loop->allocator, len) != 0)
    return WSUV_ENOMEM;
  if (!s->writing && s->queue.len == 0)
    n = top_of(s)->ops->try_write(top_of(s), &buf, 1);
  if (n < 0) {
    close_now(s, n);
    return 0; /* on_close tells */
  }
  if ((size_t)n < len)
    (void)wsuv__buf_append(&s->queue, &s->loop->allocator, buf.base + n, len - (size_t)n);
  if (!s->writing && (s->queue.len > 0 || top_of(s)->ops->held(top_of(s)) > 0))
    start_write(s); /* an empty one where TLS alone holds something: on_drain comes behind it */
  return 0;
}

size_t wsuv_tls_queued(const wsuv_tls_t *s) {
  const struct wsuv__stream *top = wsuv__tls_stream_base(s->tls);
  return s->writing ? s->queue.len + top->ops->unwritten(top) : 0;
}

int wsuv_tls_shutdown(wsuv_tls_t *s) {
  if (s->state != OPEN)
    return WSUV_ESTATE;
  set_state(s, SHUT);
  if (!s->writing)
    end_our_side(s);
  return 0;
}

/* ---- reading ---- */

static void set_reading(wsuv_tls_t *s) {
  int err = 0;

  if (s->state != OPEN && s->state != SHUT)
    return;
  if (s->reading)
    err = top_of(s)->ops->read_start(top_of(s));
  else
    top_of(s)->ops->read_stop(top_of(s));
  if (err != 0)
    close_now(s, err);
}

void wsuv_tls_read_start(wsuv_tls_t *s) {
  s->reading = 1;
  set_reading(s);
}

void wsuv_tls_read_stop(wsuv_tls_t *s) {
  s->reading = 0;
  set_reading(s);
}

static void tell_end(wsuv_tls_t *s) {
  s->peer_ended = 1;
  if (s->handler->on_end != NULL)
    s->handler->on_end(s);
  if (s->is_shut || s->handler->on_end == NULL)
    close_now(s, 0);
}

static void take_end(wsuv_tls_t *s, int err) {
  if (s->state == LINGERING)
    close_now(s, 0);
  else if (err == UV_EOF)
    tell_end(s);
  else
    fail(s, err);
}

static void on_read(void *owner, ssize_t nread, uint8_t *bytes) {
  wsuv_tls_t *s = owner;

  if (nread <= 0)
    take_end(s, (int)nread);
  else if (s->handler->on_read != NULL && s->state <= SHUT)
    s->handler->on_read(s, bytes, (size_t)nread);
}

/* ---- the beginning ---- */

static void on_connected(void *owner, int status) {
  wsuv_tls_t *s = owner;

  if (s->state != HANDSHAKE)
    return;
  if (status != 0) {
    fail(s, status);
    return;
  }
  clear_deadline(s);
  set_state(s, OPEN);
  if (s->handler->on_secure != NULL)
    s->handler->on_secure(s);
  set_reading(s);
}

/* What a shutdown that fails means is told by reading, unless that is over. */
static void on_shutdown(void *owner, int status) {
  wsuv_tls_t *s = owner;

  s->is_shut = 1;
  if (s->peer_ended)
    close_now(s, status);
}

static const struct wsuv__stream_events events = {
    .on_connected = on_connected,
    .on_read = on_read,
    .on_written = on_written,
    .on_shutdown = on_shutdown,
    .on_closed = on_closed,
};

static void run_task(struct wsuv__task *task) {
  wsuv_tls_t *s = WSUV__LIST_ENTRY(task, wsuv_tls_t, task);

  if (s->state != NEW)
    return;
  set_state(s, HANDSHAKE);
  set_deadline(s, s->timeout_ms);
  wsuv__tls_stream_put_on(s->tls, &s->stream.base, &events, s);
  wsuv__tls_stream_start(s->tls);
}

static int judge(const wsuv_loop_t *loop, const uv_stream_t *stream,
                 const wsuv_tls_context_t *context, const wsuv_tls_open_options_t *o,
                 const wsuv_tls_handler_t *handler) {
  if (o->size < sizeof *o || handler == NULL || handler->size < sizeof *handler ||
      handler->on_close == NULL || context == NULL)
    return WSUV_EINVAL;
  if ((o->host != NULL) != (wsuv__tls_context_role(context) == WSUV_CLIENT) || o->port < 0 ||
      o->port > UINT16_MAX)
    return WSUV_EINVAL;
  if (loop->state != LOOP_RUNNING)
    return WSUV_ESTATE;
  return wsuv__adopt_judge(loop, stream, o->adopt);
}

static int prepare(wsuv_tls_t *s, wsuv_tls_context_t *context, const wsuv_tls_open_options_t *o) {
  int err = wsuv__option_take(&s->timeout_ms, o->handshake_timeout_ms, DEFAULT_HANDSHAKE_TIMEOUT_MS,
                              WSUV__NEVER);

  if (err == 0)
    err = wsuv__tls_stream_new(&s->tls, &s->loop->io, context, o->host, (unsigned)o->port);
  if (err == 0 && o->adopt != NULL && o->adopt->leftover_len > 0)
    err = wsuv__tls_stream_give(s->tls, o->adopt->leftover, o->adopt->leftover_len);
  return err;
}

int wsuv_tls_open(wsuv_loop_t *loop, wsuv_tls_t **out, uv_stream_t *stream,
                  wsuv_tls_context_t *context, const wsuv_tls_open_options_t *options,
                  const wsuv_tls_handler_t *handler, void *data) {
  static const wsuv_tls_open_options_t presets = WSUV_TLS_OPEN_OPTIONS_INIT;
  const wsuv_tls_open_options_t *o = options != NULL ? options : &presets;
  int err = judge(loop, stream, context, o, handler);
  wsuv_tls_t *s;

  *out = NULL;
  if (err != 0)
    return err;
  s = wsuv__alloc_zeroed(&loop->allocator, sizeof *s);
  if (s == NULL)
    return WSUV_ENOMEM;
  s->loop = loop;
  s->handler = handler;
  s->data = data;
  s->reading = 1;
  wsuv__list_init(&s->link);
  wsuv__list_init(&s->task.link);
  s->task.run = run_task;
  wsuv__wheel_entry_init(&s->deadline, deadline_came);
  err = prepare(s, context, o);
  if (err != 0) {
    release(s);
    return err;
  }
  wsuv__list_append(&loop->tls_streams, &s->link);
  wsuv__uv_stream_adopt(&s->stream, &loop->io, &events, s, stream,
                        o->adopt != NULL && o->adopt->own,
                        o->adopt != NULL ? o->adopt->close_cb : NULL);
  wsuv__uv_stream_nodelay(&s->stream);
  wsuv__loop_defer(&loop->io, &s->task);
  *out = s;
  return 0;
}

void wsuv_tls_close(wsuv_tls_t *s) {
  close_now(s, 0);
}

/* ---- what it says of itself ---- */

int wsuv_tls_info(const wsuv_tls_t *s, wsuv_tls_info_t *info) {
  return wsuv__tls_stream_info(s->tls, info);
}

int wsuv_tls_peer(const wsuv_tls_t *s, wsuv_tls_peer_fact_t fact, char *out, size_t size) {
  return wsuv__tls_stream_peer(s->tls, fact, out, size);
}

void *wsuv_tls_data(const wsuv_tls_t *s) {
  return s->data;
}

void wsuv__loop_end_tls_streams(wsuv_loop_t *loop) {
  struct wsuv__list *node;

  for (node = loop->tls_streams.next; node != &loop->tls_streams; node = node->next)
    close_now(WSUV__LIST_ENTRY(node, wsuv_tls_t, link), UV_ECANCELED);
}
