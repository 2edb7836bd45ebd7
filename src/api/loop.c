#include "api/loop.h"

#include "api/conn_rest.h"
#include "api/server.h"
#include "api/trace.h"
#include "base/option.h"
#include "io/sigpipe.h"
#include "wsuv/tls.h"

#define DEFAULT_MAX_POSTS 65536u

static int take_max_posts(size_t *out, const wsuv_loop_options_t *o) {
  uint64_t taken;
  int err = wsuv__option_take(&taken, o->max_posts, DEFAULT_MAX_POSTS, SIZE_MAX);

  if (err == 0)
    *out = taken > SIZE_MAX ? SIZE_MAX : (size_t)taken;
  return err;
}

static int judge(const uv_loop_t *uv_loop, const wsuv_loop_options_t *o) {
  if (uv_loop == NULL || o->size < sizeof *o)
    return WSUV_EINVAL;
  return o->trace != NULL && o->trace->size < sizeof *o->trace ? WSUV_EINVAL : 0;
}

static int fill_in(wsuv_loop_t *loop, uv_loop_t *uv_loop, const wsuv_loop_options_t *o) {
  size_t max_posts;
  int err = take_max_posts(&max_posts, o);

  wsuv__list_init(&loop->clients);
  wsuv__list_init(&loop->servers);
  wsuv__list_init(&loop->tls_streams);
  wsuv__loop_begin_awake(loop);
  wsuv__shared_sets_init(&loop->shared_sets);
  loop->trace = o->trace;
  loop->frames.hooks = &wsuv__trace_hooks;
  if (err == 0)
    err = wsuv__budget_init(&loop->budget, o->memory_budget);
  if (err == 0)
    err = wsuv__loop_init(&loop->io, uv_loop, &loop->allocator);
  if (err != 0)
    return err;
  loop->io.mailbox.max = max_posts;
  if (wsuv__budget_is_set(&loop->budget))
    loop->io.spares.most = 0;
  return 0;
}

int wsuv_loop_new(wsuv_loop_t **out, uv_loop_t *uv_loop, const wsuv_loop_options_t *options) {
  static const wsuv_loop_options_t presets = WSUV_LOOP_OPTIONS_INIT;
  const wsuv_loop_options_t *o = options != NULL ? options : &presets;
  const wsuv_allocator_t *a;
  wsuv_loop_t *loop;
  int err = judge(uv_loop, o);

  *out = NULL;
  if (err != 0)
    return err;
  a = wsuv__allocator_or_default(o->allocator);
  loop = wsuv__alloc_zeroed(a, sizeof *loop);
  if (loop == NULL)
    return WSUV_ENOMEM;
  loop->allocator = *a;
  err = fill_in(loop, uv_loop, o);
  if (err != 0) {
    wsuv__release(a, loop);
    return err;
  }
  if (!o->keep_sigpipe)
    wsuv__sigpipe_ignore();
  *out = loop;
  return 0;
}

int wsuv__loop_tls(wsuv_loop_t *loop, wsuv_tls_context_t **out) {
  wsuv_tls_options_t options = WSUV_TLS_OPTIONS_INIT;
  int err = 0;

  options.allocator = &loop->allocator;
  if (loop->tls == NULL)
    err = wsuv_tls_context_new(&loop->tls, WSUV_CLIENT, &options, NULL, 0);
  *out = loop->tls;
  return err;
}

static void handles_closed(struct wsuv__loop *io) {
  wsuv_loop_t *loop = (wsuv_loop_t *)(void *)io;
  void (*cb)(void *arg) = loop->close_cb;
  void *arg = loop->close_arg;
  wsuv_allocator_t a = loop->allocator;

  wsuv_tls_context_release(loop->tls);
  wsuv__conn_ids_free(&loop->conn_ids, &a);
  wsuv__loop_free_spares(loop);
  wsuv__release(&a, loop);
  if (cb != NULL)
    cb(arg);
}

void wsuv__loop_forget(wsuv_loop_t *loop) {
  if (loop->state != LOOP_ENDING || !wsuv__list_is_empty(&loop->clients) ||
      !wsuv__list_is_empty(&loop->servers) || !wsuv__list_is_empty(&loop->tls_streams))
    return;
  loop->state = LOOP_CLOSING;
  wsuv__budget_end(&loop->budget);
  wsuv__wheel_clear(&loop->awake.sweep);
  wsuv__loop_close(&loop->io, handles_closed);
}

/* Ending is asynchronous, so the lists stay as they are while they are walked. */
static void end_everything(wsuv_loop_t *loop) {
  struct wsuv__list *node;

  for (node = loop->clients.next; node != &loop->clients; node = node->next)
    wsuv_conn_terminate(WSUV__LIST_ENTRY(node, struct wsuv_conn, link));
  for (node = loop->servers.next; node != &loop->servers; node = node->next)
    wsuv__server_end(WSUV__LIST_ENTRY(node, struct wsuv_server, link));
  wsuv__loop_end_tls_streams(loop);
}

int wsuv__loop_end(wsuv_loop_t *loop, void (*cb)(void *arg), void *arg) {
  if (loop->state != LOOP_RUNNING)
    return WSUV_ESTATE;
  loop->close_cb = cb;
  loop->close_arg = arg;
  loop->state = LOOP_ENDING;
  wsuv__mailbox_close(&loop->io.mailbox);
  end_everything(loop);
  wsuv__loop_forget(loop);
  return 0;
}

int wsuv_loop_close(wsuv_loop_t *loop, void (*cb)(void *arg), void *arg) {
  return loop->owner == LOOP_OF_APPLICATION ? wsuv__loop_end(loop, cb, arg) : WSUV_ESTATE;
}

uv_loop_t *wsuv_loop_uv(const wsuv_loop_t *loop) {
  return loop->io.uv;
}
