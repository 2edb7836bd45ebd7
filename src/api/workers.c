#include "api/workers.h"

#include <string.h>

#include "api/hand_off.h"
#include "io/descriptor.h"
#include "io/processors.h"
#include "io/reuse_port.h"

#define MAX_LOOPS 1024

static const wsuv_server_options_t server_presets = WSUV_SERVER_OPTIONS_INIT;

static int judge(const wsuv_workers_options_t *o) {
  if (o == NULL || o->size < sizeof *o || o->nloops < 0 || o->nloops > MAX_LOOPS)
    return WSUV_EINVAL;
  if (o->handler == NULL || o->handler->size < sizeof *o->handler)
    return WSUV_EINVAL;
  if (o->server != NULL && o->server->size < sizeof *o->server)
    return WSUV_EINVAL;
  return o->loop == NULL || o->loop->size >= sizeof *o->loop ? 0 : WSUV_EINVAL;
}

static int count_loops(const wsuv_workers_options_t *o) {
  int n = o->nloops > 0 ? o->nloops : wsuv__processors_count();

  return n < MAX_LOOPS ? n : MAX_LOOPS;
}

static int choose_spread(struct wsuv_workers *workers) {
  const wsuv_workers_options_t *o = &workers->options;

  workers->kind = o->server->path != NULL ? UV_NAMED_PIPE : UV_TCP;
  if (workers->nloops == 1) {
    workers->spread = SPREAD_NOT;
    return 0;
  }
  if (!o->hand_off && workers->kind == UV_TCP && wsuv__reuse_port_spreads()) {
    workers->spread = SPREAD_KERNEL;
    return 0;
  }
  workers->spread = SPREAD_HAND_OFF;
  if (!wsuv__descriptor_may_move())
    return UV_ENOTSUP;
  workers->acceptor = wsuv__acceptor_new(workers);
  return workers->acceptor != NULL ? 0 : WSUV_ENOMEM;
}

/* The mailboxes' addresses stand behind the workers, in the same block. */
static struct wsuv_workers *allocate(const wsuv_workers_options_t *o) {
  const wsuv_allocator_t *a =
      wsuv__allocator_or_default(o->loop != NULL ? o->loop->allocator : NULL);
  int n = count_loops(o);
  struct wsuv_workers *workers;
  int i;

  workers = wsuv__alloc_zeroed(
      a, sizeof *workers + (size_t)n * (sizeof workers->each[0] + sizeof(struct wsuv__mailbox *)));
  if (workers == NULL)
    return NULL;
  workers->allocator = *a;
  workers->options = *o;
  workers->nloops = n;
  workers->mailboxes = (struct wsuv__mailbox **)(void *)&workers->each[n];
  if (o->server == NULL)
    workers->options.server = &server_presets;
  for (i = 0; i < n; i++) {
    workers->each[i].workers = workers;
    workers->each[i].index = i;
  }
  return workers;
}

static void release(struct wsuv_workers *workers) {
  wsuv_allocator_t a = workers->allocator;

  wsuv__release(&a, workers->acceptor);
  wsuv__release(&a, workers);
}

static int init_lock(struct wsuv_workers *workers) {
  int err = uv_mutex_init(&workers->lock);

  if (err != 0)
    return err;
  err = uv_cond_init(&workers->changed);
  if (err != 0)
    uv_mutex_destroy(&workers->lock);
  return err;
}

static int make(struct wsuv_workers **out, const wsuv_workers_options_t *o) {
  struct wsuv_workers *workers;
  int err = judge(o);

  if (err != 0)
    return err;
  workers = allocate(o);
  if (workers == NULL)
    return WSUV_ENOMEM;
  err = choose_spread(workers);
  if (err == 0)
    err = init_lock(workers);
  if (err != 0)
    release(workers);
  else
    *out = workers;
  return err;
}

/* Under the lock: has the workers that serve look at stop and phase. */
static void wake_all(struct wsuv_workers *workers) {
  int i;

  for (i = 0; i < workers->nloops; i++)
    if (workers->each[i].state >= WORKER_SERVING)
      (void)uv_async_send(&workers->each[i].wake);
}

void wsuv__workers_report(struct wsuv__worker *worker, int err) {
  struct wsuv_workers *workers = worker->workers;

  uv_mutex_lock(&workers->lock);
  worker->err = err;
  worker->state = err == 0 ? WORKER_SERVING : WORKER_FAILED;
  workers->nserving += err == 0;
  uv_cond_broadcast(&workers->changed);
  uv_mutex_unlock(&workers->lock);
}

void wsuv__workers_settle(struct wsuv__worker *worker) {
  struct wsuv_workers *workers = worker->workers;

  uv_mutex_lock(&workers->lock);
  worker->state = WORKER_SERVED;
  if (--workers->nserving == 0) {
    workers->phase = WORKERS_CLOSING;
    wake_all(workers);
  }
  uv_mutex_unlock(&workers->lock);
}

/* One after the other: the first finds the port for all, and the first error is the one that is told. */
static int start_thread(struct wsuv__worker *worker) {
  struct wsuv_workers *workers = worker->workers;
  int err = uv_thread_create(&worker->thread, wsuv__worker_run, worker);

  if (err != 0)
    return err;
  workers->nthreads++;
  uv_mutex_lock(&workers->lock);
  while (worker->state == WORKER_SETTING_UP)
    uv_cond_wait(&workers->changed, &workers->lock);
  err = worker->err;
  uv_mutex_unlock(&workers->lock);
  return err;
}

static void let_go(struct wsuv_workers *workers, int err) {
  uv_mutex_lock(&workers->lock);
  workers->phase = WORKERS_RUNNING;
  if (err != 0)
    workers->stop = STOP_AT_ONCE;
  uv_cond_broadcast(&workers->changed);
  uv_mutex_unlock(&workers->lock);
}

int wsuv_workers_start(wsuv_workers_t **out, const wsuv_workers_options_t *options) {
  struct wsuv_workers *workers;
  int err;
  int i;

  *out = NULL;
  err = make(&workers, options);
  if (err != 0)
    return err;
  for (i = 0; i < workers->nloops && err == 0; i++)
    err = start_thread(&workers->each[i]);
  let_go(workers, err);
  if (err != 0)
    wsuv_workers_join(workers);
  else
    *out = workers;
  return err;
}

int wsuv_workers_port(const wsuv_workers_t *workers) {
  return workers->port;
}

int wsuv_workers_nloops(const wsuv_workers_t *workers) {
  return workers->nloops;
}

wsuv_loop_t *wsuv_workers_loop(wsuv_workers_t *workers, int index) {
  wsuv_loop_t *loop = NULL;

  uv_mutex_lock(&workers->lock);
  if (index >= 0 && index < workers->nloops && workers->phase != WORKERS_CLOSING &&
      workers->each[index].state >= WORKER_SERVING)
    loop = workers->each[index].loop;
  uv_mutex_unlock(&workers->lock);
  return loop;
}

static void keep_drain(struct wsuv_workers *workers, const wsuv_drain_options_t *drain) {
  workers->drain = *drain;
  workers->drain.size = sizeof workers->drain;
  if (drain->reason == NULL)
    return;
  memcpy(workers->reason, drain->reason, strlen(drain->reason) + 1);
  workers->drain.reason = workers->reason;
}

static int ask_to_stop(struct wsuv_workers *workers, enum wsuv__workers_stop stop,
                       const wsuv_drain_options_t *drain) {
  int err = 0;

  uv_mutex_lock(&workers->lock);
  if (workers->phase == WORKERS_CLOSING || workers->stop >= stop) {
    err = WSUV_ESTATE;
  } else {
    workers->stop = stop;
    if (drain != NULL)
      keep_drain(workers, drain);
    wake_all(workers);
  }
  uv_mutex_unlock(&workers->lock);
  return err;
}

int wsuv_workers_stop(wsuv_workers_t *workers, const wsuv_drain_options_t *drain) {
  static const wsuv_drain_options_t presets = WSUV_DRAIN_OPTIONS_INIT;
  int err = drain != NULL ? wsuv__drain_judge(drain) : 0;

  return err != 0 ? err : ask_to_stop(workers, STOP_ORDERLY, drain != NULL ? drain : &presets);
}

void wsuv_workers_terminate(wsuv_workers_t *workers) {
  (void)ask_to_stop(workers, STOP_AT_ONCE, NULL);
}

void wsuv_workers_join(wsuv_workers_t *workers) {
  int i;

  for (i = 0; i < workers->nthreads; i++)
    (void)uv_thread_join(&workers->each[i].thread);
  uv_cond_destroy(&workers->changed);
  uv_mutex_destroy(&workers->lock);
  release(workers);
}
