/* One thread of several: from its loop's beginning to its end. */
#include "api/admission.h"
#include "api/hand_off.h"
#include "api/listen.h"

static void loop_closed(void *arg) {
  struct wsuv__thread *thread = arg;

  thread->end = END_CLOSED;
  uv_stop(&thread->uv);
}

static void close_loop(struct wsuv__thread *thread) {
  if (thread->end != END_NOT_YET)
    return;
  thread->end = END_CLOSING;
  (void)wsuv__loop_end(thread->loop, loop_closed, thread);
}

/* What was asked of all, once each. */
static void heed(struct wsuv__thread *thread) {
  struct wsuv_threads *threads = thread->threads;
  enum wsuv__threads_phase phase;
  enum wsuv__threads_stop stop;

  uv_mutex_lock(&threads->lock);
  phase = threads->phase;
  stop = threads->stop;
  uv_mutex_unlock(&threads->lock);
  if (phase == THREADS_CLOSING) {
    close_loop(thread);
  } else if (stop > thread->heeded && thread->server != NULL) {
    thread->heeded = stop;
    if (stop == STOP_ORDERLY)
      (void)wsuv_server_drain(thread->server, &threads->drain); /* or the application has */
    else
      wsuv__server_end(thread->server);
  }
}

static void on_wake(uv_async_t *async) {
  heed(wsuv__thread_of(async->loop));
}

static void on_server_close(wsuv_server_t *server) {
  struct wsuv__thread *thread = wsuv__thread_of(server->loop->io.uv);
  const wsuv_threads_options_t *o = &thread->threads->options;

  if (o->handler->on_close != NULL)
    o->handler->on_close(server);
  thread->server = NULL;
  if (thread->state == THREAD_SETTING_UP)
    return;
  if (o->on_stop != NULL)
    o->on_stop(thread->threads, thread->loop, thread->index, o->data);
  wsuv__threads_settle(thread);
}

/* ---- beginning ---- */

static void put_where(wsuv_server_options_t *o, const wsuv_server_options_t *from, int port) {
  o->host = from->host;
  o->path = from->path;
  o->backlog = from->backlog;
  o->port = port;
}

static int make_server(struct wsuv__thread *thread, wsuv_server_options_t *o) {
  static const wsuv_server_options_t nowhere = WSUV_SERVER_OPTIONS_INIT;
  const struct wsuv_threads *threads = thread->threads;
  struct wsuv__listening how = {threads->spread == SPREAD_KERNEL, wsuv__server_on_connection};

  if (threads->spread == SPREAD_HAND_OFF && thread->index > 0) {
    put_where(o, &nowhere, 0);
    return wsuv_server_new(thread->loop, &thread->server, o, &thread->handler,
                           threads->options.data);
  }
  if (threads->spread == SPREAD_HAND_OFF)
    how.on_connection = wsuv__acceptor_on_connection;
  return wsuv__server_listen(thread->loop, &thread->server, o, &thread->handler,
                             threads->options.data, &how);
}

static int open_server(struct wsuv__thread *thread) {
  struct wsuv_threads *threads = thread->threads;
  const wsuv_threads_options_t *o = &threads->options;
  wsuv_server_options_t server = *o->server;
  int err = 0;

  thread->handler = *o->handler;
  thread->handler.size = sizeof thread->handler;
  thread->handler.on_close = on_server_close;
  if (o->on_options != NULL)
    err = o->on_options(threads, &server, thread->index, o->data);
  put_where(&server, o->server, thread->index > 0 ? threads->port : o->server->port);
  if (err == 0)
    err = make_server(thread, &server);
  if (err == 0 && thread->index == 0)
    threads->port = wsuv_server_port(thread->server);
  return err;
}

/* The uv_loop_t is there. */
static int set_up(struct wsuv__thread *thread) {
  struct wsuv_threads *threads = thread->threads;
  const wsuv_threads_options_t *o = &threads->options;
  int err = uv_async_init(&thread->uv, &thread->wake, on_wake);

  if (err == 0)
    err = wsuv_loop_new(&thread->loop, &thread->uv, o->loop);
  if (err == 0) {
    thread->loop->owner = LOOP_OF_THREADS;
    threads->mailboxes[thread->index] = &thread->loop->io.mailbox;
    err = open_server(thread);
  }
  if (err == 0 && o->on_start != NULL)
    err = o->on_start(threads, thread->loop, thread->server, thread->index, o->data);
  return err;
}

/* ---- end ---- */

static void close_left(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (!uv_is_closing(handle))
    uv_close(handle, NULL);
}

/* `wake` keeps the uv_loop_t alive as long as it was not asked to end; whoever calls uv_stop is not in the way. */
static void run_to_end(struct wsuv__thread *thread) {
  while (thread->end != END_CLOSED)
    (void)uv_run(&thread->uv, UV_RUN_DEFAULT);
  do {
    uv_walk(&thread->uv, close_left, NULL);
    (void)uv_run(&thread->uv, UV_RUN_DEFAULT);
  } while (uv_loop_close(&thread->uv) == UV_EBUSY);
}

static void take_down(struct wsuv__thread *thread) {
  if (thread->loop != NULL)
    close_loop(thread);
  else
    thread->end = END_CLOSED;
  run_to_end(thread);
}

static void await_others(struct wsuv_threads *threads) {
  uv_mutex_lock(&threads->lock);
  while (threads->phase == THREADS_STARTING)
    uv_cond_wait(&threads->changed, &threads->lock);
  uv_mutex_unlock(&threads->lock);
}

void wsuv__thread_run(void *arg) {
  struct wsuv__thread *thread = arg;
  int err = uv_loop_init(&thread->uv);

  if (err == 0) {
    err = set_up(thread);
    if (err != 0)
      take_down(thread);
  }
  wsuv__threads_report(thread, err);
  if (err != 0)
    return;
  await_others(thread->threads);
  heed(thread);
  run_to_end(thread);
}
