#include "api/threads.h"

#include <string.h>

#include "api/hand_off.h"
#include "io/descriptor.h"
#include "io/processors.h"
#include "io/reuse_port.h"

#define MAX_LOOPS 1024

static const wsuv_server_options_t server_presets = WSUV_SERVER_OPTIONS_INIT;

static int judge(const wsuv_threads_options_t *o) {
  if (o == NULL || o->size < sizeof *o || o->nloops < 0 || o->nloops > MAX_LOOPS)
    return WSUV_EINVAL;
  if (o->handler == NULL || o->handler->size < sizeof *o->handler)
    return WSUV_EINVAL;
  if (o->server != NULL && o->server->size < sizeof *o->server)
    return WSUV_EINVAL;
  return o->loop == NULL || o->loop->size >= sizeof *o->loop ? 0 : WSUV_EINVAL;
}

static int count_loops(const wsuv_threads_options_t *o) {
  int n = o->nloops > 0 ? o->nloops : wsuv__processors_count();

  return n < MAX_LOOPS ? n : MAX_LOOPS;
}

static int choose_spread(struct wsuv_threads *threads) {
  const wsuv_threads_options_t *o = &threads->options;

  threads->kind = o->server->path != NULL ? UV_NAMED_PIPE : UV_TCP;
  if (threads->nloops == 1) {
    threads->spread = SPREAD_NOT;
    return 0;
  }
  if (!o->hand_off && threads->kind == UV_TCP && wsuv__reuse_port_spreads()) {
    threads->spread = SPREAD_KERNEL;
    return 0;
  }
  threads->spread = SPREAD_HAND_OFF;
  if (!wsuv__descriptor_may_move())
    return UV_ENOTSUP;
  threads->acceptor = wsuv__acceptor_new(threads);
  return threads->acceptor != NULL ? 0 : WSUV_ENOMEM;
}

/* The mailboxes' addresses stand behind the threads, in the same block. */
static struct wsuv_threads *allocate(const wsuv_threads_options_t *o) {
  const wsuv_allocator_t *a =
      wsuv__allocator_or_default(o->loop != NULL ? o->loop->allocator : NULL);
  int n = count_loops(o);
  struct wsuv_threads *threads;
  int i;

  threads = wsuv__alloc_zeroed(
      a, sizeof *threads + (size_t)n * (sizeof threads->each[0] + sizeof(struct wsuv__mailbox *)));
  if (threads == NULL)
    return NULL;
  threads->allocator = *a;
  threads->options = *o;
  threads->nloops = n;
  threads->mailboxes = (struct wsuv__mailbox **)(void *)&threads->each[n];
  if (o->server == NULL)
    threads->options.server = &server_presets;
  for (i = 0; i < n; i++) {
    threads->each[i].threads = threads;
    threads->each[i].index = i;
  }
  return threads;
}

static void release(struct wsuv_threads *threads) {
  wsuv_allocator_t a = threads->allocator;

  wsuv__release(&a, threads->acceptor);
  wsuv__release(&a, threads);
}

static int init_lock(struct wsuv_threads *threads) {
  int err = uv_mutex_init(&threads->lock);

  if (err != 0)
    return err;
  err = uv_cond_init(&threads->changed);
  if (err != 0)
    uv_mutex_destroy(&threads->lock);
  return err;
}

static int make(struct wsuv_threads **out, const wsuv_threads_options_t *o) {
  struct wsuv_threads *threads;
  int err = judge(o);

  if (err != 0)
    return err;
  threads = allocate(o);
  if (threads == NULL)
    return WSUV_ENOMEM;
  err = choose_spread(threads);
  if (err == 0)
    err = init_lock(threads);
  if (err != 0)
    release(threads);
  else
    *out = threads;
  return err;
}

/* Under the lock: has the threads that serve look at stop and phase. */
static void wake_all(struct wsuv_threads *threads) {
  int i;

  for (i = 0; i < threads->nloops; i++)
    if (threads->each[i].state >= THREAD_SERVING)
      (void)uv_async_send(&threads->each[i].wake);
}

void wsuv__threads_report(struct wsuv__thread *thread, int err) {
  struct wsuv_threads *threads = thread->threads;

  uv_mutex_lock(&threads->lock);
  thread->err = err;
  thread->state = err == 0 ? THREAD_SERVING : THREAD_FAILED;
  threads->nserving += err == 0;
  uv_cond_broadcast(&threads->changed);
  uv_mutex_unlock(&threads->lock);
}

void wsuv__threads_settle(struct wsuv__thread *thread) {
  struct wsuv_threads *threads = thread->threads;

  uv_mutex_lock(&threads->lock);
  thread->state = THREAD_SERVED;
  if (--threads->nserving == 0) {
    threads->phase = THREADS_CLOSING;
    wake_all(threads);
  }
  uv_mutex_unlock(&threads->lock);
}

/* One after the other: the first finds the port for all, and the first error is the one that is told. */
static int start_thread(struct wsuv__thread *thread) {
  struct wsuv_threads *threads = thread->threads;
  int err = uv_thread_create(&thread->thread, wsuv__thread_run, thread);

  if (err != 0)
    return err;
  threads->nthreads++;
  uv_mutex_lock(&threads->lock);
  while (thread->state == THREAD_SETTING_UP)
    uv_cond_wait(&threads->changed, &threads->lock);
  err = thread->err;
  uv_mutex_unlock(&threads->lock);
  return err;
}

static void let_go(struct wsuv_threads *threads, int err) {
  uv_mutex_lock(&threads->lock);
  threads->phase = THREADS_RUNNING;
  if (err != 0)
    threads->stop = STOP_AT_ONCE;
  uv_cond_broadcast(&threads->changed);
  uv_mutex_unlock(&threads->lock);
}

int wsuv_threads_start(wsuv_threads_t **out, const wsuv_threads_options_t *options) {
  struct wsuv_threads *threads;
  int err;
  int i;

  *out = NULL;
  err = make(&threads, options);
  if (err != 0)
    return err;
  for (i = 0; i < threads->nloops && err == 0; i++)
    err = start_thread(&threads->each[i]);
  let_go(threads, err);
  if (err != 0)
    wsuv_threads_join(threads);
  else
    *out = threads;
  return err;
}

int wsuv_threads_port(const wsuv_threads_t *threads) {
  return threads->port;
}

int wsuv_threads_nloops(const wsuv_threads_t *threads) {
  return threads->nloops;
}

wsuv_loop_t *wsuv_threads_loop(wsuv_threads_t *threads, int index) {
  wsuv_loop_t *loop = NULL;

  uv_mutex_lock(&threads->lock);
  if (index >= 0 && index < threads->nloops && threads->phase != THREADS_CLOSING &&
      threads->each[index].state >= THREAD_SERVING)
    loop = threads->each[index].loop;
  uv_mutex_unlock(&threads->lock);
  return loop;
}

static void keep_drain(struct wsuv_threads *threads, const wsuv_drain_options_t *drain) {
  threads->drain = *drain;
  threads->drain.size = sizeof threads->drain;
  if (drain->reason == NULL)
    return;
  memcpy(threads->reason, drain->reason, strlen(drain->reason) + 1);
  threads->drain.reason = threads->reason;
}

static int ask_to_stop(struct wsuv_threads *threads, enum wsuv__threads_stop stop,
                       const wsuv_drain_options_t *drain) {
  int err = 0;

  uv_mutex_lock(&threads->lock);
  if (threads->phase == THREADS_CLOSING || threads->stop >= stop) {
    err = WSUV_ESTATE;
  } else {
    threads->stop = stop;
    if (drain != NULL)
      keep_drain(threads, drain);
    wake_all(threads);
  }
  uv_mutex_unlock(&threads->lock);
  return err;
}

int wsuv_threads_stop(wsuv_threads_t *threads, const wsuv_drain_options_t *drain) {
  static const wsuv_drain_options_t presets = WSUV_DRAIN_OPTIONS_INIT;
  int err = drain != NULL ? wsuv__drain_judge(drain) : 0;

  return err != 0 ? err : ask_to_stop(threads, STOP_ORDERLY, drain != NULL ? drain : &presets);
}

void wsuv_threads_terminate(wsuv_threads_t *threads) {
  (void)ask_to_stop(threads, STOP_AT_ONCE, NULL);
}

void wsuv_threads_join(wsuv_threads_t *threads) {
  int i;

  for (i = 0; i < threads->nthreads; i++)
    (void)uv_thread_join(&threads->each[i].thread);
  uv_cond_destroy(&threads->changed);
  uv_mutex_destroy(&threads->lock);
  release(threads);
}
