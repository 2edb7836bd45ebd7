#include "api/hand_off.h"

#include "api/admission.h"
#include "io/descriptor.h"

/* Handles that connections are accepted into and copied from; as many are taken in a turn, since a handle is closed by its
 * end. */
#define NCARRIERS 32

struct carrier {
  union wsuv__listener handle;
  struct wsuv__acceptor *acceptor;
  struct wsuv__list link; /* in the acceptor's list while it is free */
};

struct wsuv__acceptor {
  struct wsuv_threads *threads;
  int next;               /* whose turn it is */
  int waits;              /* a connection, for a carrier */
  struct wsuv__list free; /* carriers */
  struct carrier carriers[NCARRIERS];
};

/* A connection on its way. */
struct parcel {
  struct wsuv__mail mail;
  struct wsuv__thread *to;
  uv_file descriptor;
};

struct wsuv__acceptor *wsuv__acceptor_new(struct wsuv_threads *threads) {
  struct wsuv__acceptor *acceptor = wsuv__alloc_zeroed(&threads->allocator, sizeof *acceptor);
  int i;

  if (acceptor == NULL)
    return NULL;
  acceptor->threads = threads;
  wsuv__list_init(&acceptor->free);
  for (i = 0; i < NCARRIERS; i++) {
    acceptor->carriers[i].acceptor = acceptor;
    wsuv__list_append(&acceptor->free, &acceptor->carriers[i].link);
  }
  return acceptor;
}

static int init_stream(const struct wsuv_threads *threads, uv_loop_t *uv,
                       union wsuv__listener *stream) {
  return threads->kind == UV_TCP ? uv_tcp_init(uv, &stream->tcp)
                                 : uv_pipe_init(uv, &stream->pipe, 0);
}

/* ---- the receiving loop ---- */

static void free_stream(uv_handle_t *handle) {
  wsuv__release(&wsuv__thread_of(handle->loop)->threads->allocator, handle);
}

/* The descriptor is gone after an error, too. */
static int open_stream(struct wsuv__thread *thread, uv_file descriptor,
                       union wsuv__listener **out) {
  const wsuv_allocator_t *a = &thread->threads->allocator;
  union wsuv__listener *stream = wsuv__alloc(a, sizeof *stream);
  int err = stream != NULL ? init_stream(thread->threads, &thread->uv, stream) : WSUV_ENOMEM;

  if (err != 0) {
    wsuv__release(a, stream);
    wsuv__descriptor_close(descriptor);
    return err;
  }
  err = wsuv__descriptor_open(&stream->stream, descriptor);
  if (err != 0) {
    wsuv__descriptor_close(descriptor);
    uv_close(&stream->handle, free_stream);
  }
  *out = stream;
  return err;
}

static void take(struct wsuv__thread *thread, uv_file descriptor) {
  wsuv_adopt_options_t options = WSUV_ADOPT_OPTIONS_INIT;
  union wsuv__listener *stream;

  if (open_stream(thread, descriptor, &stream) != 0) {
    wsuv__server_count_rejection(thread->server, WSUV_REJECTED_RESOURCES);
    return;
  }
  options.own = 1;
  options.close_cb = free_stream;
  if (wsuv__server_take(thread->server, &stream->stream, &options) != 0)
    uv_close(&stream->handle, free_stream);
}

static void unpack(struct wsuv__mail *mail, int status) {
  struct parcel *parcel = WSUV__LIST_ENTRY(mail, struct parcel, mail);
  struct wsuv__thread *thread = parcel->to;
  uv_file descriptor = parcel->descriptor;

  wsuv__release(&thread->threads->allocator, parcel);
  if (status == 0 && thread->server != NULL)
    take(thread, descriptor);
  else
    wsuv__descriptor_close(descriptor);
}

/* ---- the accepting loop ---- */

static int put(struct parcel *parcel, struct wsuv__thread *to) {
  struct wsuv_threads *threads = to->threads;
  int err = WSUV_ESTATE;

  parcel->to = to;
  uv_mutex_lock(&threads->lock);
  if (threads->phase == THREADS_RUNNING && to->state == THREAD_SERVING)
    err = wsuv__mailbox_put(&to->loop->io.mailbox, &parcel->mail);
  uv_mutex_unlock(&threads->lock);
  return err;
}

/* To the next one that takes it; non-zero: nobody does. */
static int hand_over(struct wsuv__acceptor *acceptor, uv_file descriptor) {
  struct wsuv_threads *threads = acceptor->threads;
  struct parcel *parcel = wsuv__alloc(&threads->allocator, sizeof *parcel);
  int tries;

  if (parcel != NULL) {
    parcel->mail.run = unpack;
    parcel->descriptor = descriptor;
    for (tries = 0; tries < threads->nloops; tries++) {
      struct wsuv__thread *to = &threads->each[acceptor->next];
      acceptor->next = (acceptor->next + 1) % threads->nloops;
      if (put(parcel, to) == 0)
        return 0;
    }
    wsuv__release(&threads->allocator, parcel);
  }
  wsuv__descriptor_close(descriptor);
  return WSUV_EBUSY;
}

static void carrier_closed(uv_handle_t *handle) {
  struct carrier *carrier = WSUV__LIST_ENTRY(handle, struct carrier, handle);
  struct wsuv__acceptor *acceptor = carrier->acceptor;
  wsuv_server_t *server = acceptor->threads->each[0].server;

  wsuv__list_append(&acceptor->free, &carrier->link);
  if (!acceptor->waits || server == NULL || !wsuv__server_is_listening(server))
    return;
  acceptor->waits = 0;
  wsuv__acceptor_on_connection(&server->listener.stream, 0);
}

static void accept_with(struct carrier *carrier, uv_stream_t *listener) {
  union wsuv__listener *handle = &carrier->handle;
  uv_file descriptor;
  int err = init_stream(carrier->acceptor->threads, listener->loop, handle);

  if (err != 0)
    return;
  wsuv__list_remove(&carrier->link);
  err = wsuv__server_accept_into(listener->data, &handle->stream);
  if (err == 0)
    err = wsuv__descriptor_copy(&handle->stream, &descriptor);
  uv_close(&handle->handle, carrier_closed);
  if (err == 0)
    err = hand_over(carrier->acceptor, descriptor);
  if (err != 0)
    wsuv__server_count_rejection(listener->data, WSUV_REJECTED_RESOURCES);
}

void wsuv__acceptor_on_connection(uv_stream_t *listener, int status) {
  struct wsuv__acceptor *acceptor = wsuv__thread_of(listener->loop)->threads->acceptor;
  wsuv_server_t *server = listener->data;

  if (status != 0)
    wsuv__reserve_use(server, status);
  else if (wsuv__reserve_is_used(&server->reserve))
    server->accept_waits = 1; /* not taken, so that the listener rests */
  else if (wsuv__list_is_empty(&acceptor->free))
    acceptor->waits = 1;
  else
    accept_with(WSUV__LIST_ENTRY(acceptor->free.next, struct carrier, link), listener);
}
