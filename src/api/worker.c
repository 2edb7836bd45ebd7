/* One thread of several: from its loop's beginning to its end. */
#include "api/admission.h"
#include "api/hand_off.h"
#include "api/listen.h"

static void loop_closed(void *arg) {
  struct wsuv__worker *worker = arg;

  worker->end = END_CLOSED;
  uv_stop(&worker->uv);
}

static void close_loop(struct wsuv__worker *worker) {
  if (worker->end != END_NOT_YET)
    return;
  worker->end = END_CLOSING;
  (void)wsuv__loop_end(worker->loop, loop_closed, worker);
}

/* What was asked of all, once each. */
static void heed(struct wsuv__worker *worker) {
  struct wsuv_workers *workers = worker->workers;
  enum wsuv__workers_phase phase;
  enum wsuv__workers_stop stop;

  uv_mutex_lock(&workers->lock);
  phase = workers->phase;
  stop = workers->stop;
  uv_mutex_unlock(&workers->lock);
  if (phase == WORKERS_CLOSING) {
    close_loop(worker);
  } else if (stop > worker->heeded && worker->server != NULL) {
    worker->heeded = stop;
    if (stop == STOP_ORDERLY)
      (void)wsuv_server_drain(worker->server, &workers->drain); /* or the application has */
    else
      wsuv__server_end(worker->server);
  }
}

static void on_wake(uv_async_t *async) {
  heed(wsuv__worker_of(async->loop));
}

static void on_server_close(wsuv_server_t *server) {
  struct wsuv__worker *worker = wsuv__worker_of(server->loop->io.uv);
  const wsuv_workers_options_t *o = &worker->workers->options;

  if (o->handler->on_close != NULL)
    o->handler->on_close(server);
  worker->server = NULL;
  if (worker->state == WORKER_SETTING_UP)
    return;
  if (o->on_stop != NULL)
    o->on_stop(worker->workers, worker->loop, worker->index, o->data);
  wsuv__workers_settle(worker);
}

/* ---- beginning ---- */

static void put_where(wsuv_server_options_t *o, const wsuv_server_options_t *from, int port) {
  o->host = from->host;
  o->path = from->path;
  o->backlog = from->backlog;
  o->port = port;
}

static int make_server(struct wsuv__worker *worker, wsuv_server_options_t *o) {
  static const wsuv_server_options_t nowhere = WSUV_SERVER_OPTIONS_INIT;
  const struct wsuv_workers *workers = worker->workers;
  struct wsuv__listening how = {workers->spread == SPREAD_KERNEL, wsuv__server_on_connection};

  if (workers->spread == SPREAD_HAND_OFF && worker->index > 0) {
    put_where(o, &nowhere, 0);
    return wsuv_server_new(worker->loop, &worker->server, o, &worker->handler,
                           workers->options.data);
  }
  if (workers->spread == SPREAD_HAND_OFF)
    how.on_connection = wsuv__acceptor_on_connection;
  return wsuv__server_listen(worker->loop, &worker->server, o, &worker->handler,
                             workers->options.data, &how);
}

static int open_server(struct wsuv__worker *worker) {
  struct wsuv_workers *workers = worker->workers;
  const wsuv_workers_options_t *o = &workers->options;
  wsuv_server_options_t server = *o->server;
  int err = 0;

  worker->handler = *o->handler;
  worker->handler.size = sizeof worker->handler;
  worker->handler.on_close = on_server_close;
  if (o->on_options != NULL)
    err = o->on_options(workers, &server, worker->index, o->data);
  put_where(&server, o->server, worker->index > 0 ? workers->port : o->server->port);
  if (err == 0)
    err = make_server(worker, &server);
  if (err == 0 && worker->index == 0)
    workers->port = wsuv_server_port(worker->server);
  return err;
}

/* The uv_loop_t is there. */
static int set_up(struct wsuv__worker *worker) {
  struct wsuv_workers *workers = worker->workers;
  const wsuv_workers_options_t *o = &workers->options;
  int err = uv_async_init(&worker->uv, &worker->wake, on_wake);

  if (err == 0)
    err = wsuv_loop_new(&worker->loop, &worker->uv, o->loop);
  if (err == 0) {
    worker->loop->owner = LOOP_OF_WORKERS;
    workers->mailboxes[worker->index] = &worker->loop->io.mailbox;
    err = open_server(worker);
  }
  if (err == 0 && o->on_start != NULL)
    err = o->on_start(workers, worker->loop, worker->server, worker->index, o->data);
  return err;
}

/* ---- end ---- */

static void close_left(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (!uv_is_closing(handle))
    uv_close(handle, NULL);
}

/* `wake` keeps the uv_loop_t alive as long as it was not asked to end; whoever calls uv_stop is not in the way. */
static void run_to_end(struct wsuv__worker *worker) {
  while (worker->end != END_CLOSED)
    (void)uv_run(&worker->uv, UV_RUN_DEFAULT);
  do {
    uv_walk(&worker->uv, close_left, NULL);
    (void)uv_run(&worker->uv, UV_RUN_DEFAULT);
  } while (uv_loop_close(&worker->uv) == UV_EBUSY);
}

static void take_down(struct wsuv__worker *worker) {
  if (worker->loop != NULL)
    close_loop(worker);
  else
    worker->end = END_CLOSED;
  run_to_end(worker);
}

static void await_others(struct wsuv_workers *workers) {
  uv_mutex_lock(&workers->lock);
  while (workers->phase == WORKERS_STARTING)
    uv_cond_wait(&workers->changed, &workers->lock);
  uv_mutex_unlock(&workers->lock);
}

void wsuv__worker_run(void *arg) {
  struct wsuv__worker *worker = arg;
  int err = uv_loop_init(&worker->uv);

  if (err == 0) {
    err = set_up(worker);
    if (err != 0)
      take_down(worker);
  }
  wsuv__workers_report(worker, err);
  if (err != 0)
    return;
  await_others(worker->workers);
  heed(worker);
  run_to_end(worker);
}
