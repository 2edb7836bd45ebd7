#include "io/loop.h"

#include <assert.h>

#include "io/tls_io.h"
#include "wsuv/errno.h"

/* What 32 replies of 1 KiB in one event need, with room to spare. */
#define CORK_SIZE (64u * 1024)

/* Tasks may add tasks: so many rounds a turn, then the rest of the program has its say. */
#define MAX_ROUNDS 16

/* A spare buffer that was not needed for so long is freed. */
#define SPARES_MS 1000u

static void set_timer(struct wsuv__loop *loop);

/* What held the loop up made the timer late. */
static void note_lag(struct wsuv__loop *loop) {
  uint64_t now = wsuv__loop_now_ms(loop);

  loop->lag_ms = now > loop->timer_fires_ms ? now - loop->timer_fires_ms : 0;
  if (loop->lag_ms > loop->lag_max_ms)
    loop->lag_max_ms = loop->lag_ms;
}

static void on_timer(uv_timer_t *timer) {
  struct wsuv__loop *loop = timer->data;

  note_lag(loop);
  loop->timer_due_ms = UINT64_MAX;
  wsuv__wheel_advance(&loop->wheel, wsuv__loop_now_ms(loop));
  set_timer(loop);
}

static void set_timer(struct wsuv__loop *loop) {
  uint64_t now = wsuv__loop_now_ms(loop);
  uint64_t due = wsuv__wheel_next_ms(&loop->wheel);

  if (due == loop->timer_due_ms || uv_is_closing((uv_handle_t *)&loop->timer))
    return;
  loop->timer_due_ms = due;
  loop->timer_fires_ms = due > now ? due : now;
  if (due == UINT64_MAX)
    uv_timer_stop(&loop->timer);
  else
    uv_timer_start(&loop->timer, on_timer, due > now ? due - now : 0, 0);
}

static void run_tasks(struct wsuv__loop *loop) {
  struct wsuv__list round;

  wsuv__list_init(&round);
  wsuv__list_splice(&round, &loop->tasks);
  while (!wsuv__list_is_empty(&round)) {
    struct wsuv__task *task = WSUV__LIST_ENTRY(round.next, struct wsuv__task, link);
    wsuv__list_remove(&task->link);
    task->run(task);
  }
}

static void run_hastened(struct wsuv__loop *loop) {
  struct wsuv__list round;

  wsuv__list_init(&round);
  wsuv__list_splice(&round, &loop->hastened);
  while (!wsuv__list_is_empty(&round)) {
    struct wsuv__wheel_entry *entry = WSUV__LIST_ENTRY(round.next, struct wsuv__wheel_entry, link);
    wsuv__list_remove(&entry->link);
    entry->on_due(entry);
  }
}

static int has_work(const struct wsuv__loop *loop) {
  return !wsuv__list_is_empty(&loop->tasks) || !wsuv__list_is_empty(&loop->hastened);
}

static void on_idle(uv_idle_t *idle) {
  struct wsuv__loop *loop = idle->data;
  int rounds = 0;

  while (has_work(loop) && rounds++ < MAX_ROUNDS) {
    run_hastened(loop);
    run_tasks(loop);
  }
  if (!has_work(loop))
    uv_idle_stop(&loop->idle);
}

static void handle_closed(uv_handle_t *handle) {
  struct wsuv__loop *loop = handle->data;

  if (--loop->nhandles > 0)
    return;
  wsuv__tls_io_free(loop);
  wsuv__read_buffer_free(&loop->read_buffer);
  wsuv__spares_free(&loop->spares);
  wsuv__release(loop->allocator, loop->cork.base);
  wsuv__mailbox_free(&loop->mailbox);
  loop->on_closed(loop);
}

static void mailbox_closed(uv_handle_t *handle) {
  struct wsuv__loop *loop = handle->data;

  wsuv__mailbox_end(&loop->mailbox);
  handle_closed(handle);
}

static void watch_spares(struct wsuv__loop *loop) {
  wsuv__loop_set_deadline(loop, &loop->spares_due, wsuv__loop_now_ms(loop) + SPARES_MS);
}

static void spares_kept(struct wsuv__spares *spares) {
  struct wsuv__loop *loop = WSUV__LIST_ENTRY(spares, struct wsuv__loop, spares);

  if (wsuv__list_is_empty(&loop->spares_due.link))
    watch_spares(loop);
}

static void spares_came_due(struct wsuv__wheel_entry *entry) {
  struct wsuv__loop *loop = WSUV__LIST_ENTRY(entry, struct wsuv__loop, spares_due);

  wsuv__spares_drop_idle(&loop->spares);
  if (loop->spares.n > 0)
    watch_spares(loop);
}

static int init_memory(struct wsuv__loop *loop) {
  int err = wsuv__random_pool_init(&loop->random);

  if (err == 0)
    err = wsuv__read_buffer_init(&loop->read_buffer, loop->allocator);
  if (err != 0)
    return err;
  loop->cork.base = wsuv__alloc(loop->allocator, CORK_SIZE);
  if (loop->cork.base == NULL) {
    wsuv__read_buffer_free(&loop->read_buffer);
    return WSUV_ENOMEM;
  }
  loop->cork.len = 0;
  loop->cork.head_len = 0;
  loop->cork.text = NULL;
  loop->cork.text_len = 0;
  loop->cork.cap = CORK_SIZE;
  loop->free_cork = &loop->cork;
  return 0;
}

/* uv_timer_init and uv_idle_init only fill in the handle; they do not fail. */
static void init_handles(struct wsuv__loop *loop) {
  (void)uv_timer_init(loop->uv, &loop->timer);
  (void)uv_idle_init(loop->uv, &loop->idle);
  loop->timer.data = loop;
  loop->idle.data = loop;
  loop->mailbox.async.data = loop;
  uv_unref((uv_handle_t *)&loop->timer);
  loop->nhandles = 3;
  loop->nholds = 0;
}

int wsuv__loop_init(struct wsuv__loop *loop, uv_loop_t *uv, const wsuv_allocator_t *a) {
  int err;

  loop->uv = uv;
  loop->allocator = a;
  loop->tls = NULL;
  err = init_memory(loop);
  if (err != 0)
    return err;
  err = wsuv__mailbox_init(&loop->mailbox, uv);
  if (err != 0) {
    wsuv__read_buffer_free(&loop->read_buffer);
    wsuv__release(a, loop->cork.base);
    return err;
  }
  wsuv__wheel_init(&loop->wheel, uv_now(uv));
  wsuv__spares_init(&loop->spares, a, spares_kept);
  wsuv__wheel_entry_init(&loop->spares_due, spares_came_due);
  loop->timer_due_ms = UINT64_MAX;
  loop->timer_fires_ms = 0;
  loop->lag_ms = 0;
  loop->lag_max_ms = 0;
  wsuv__list_init(&loop->tasks);
  wsuv__list_init(&loop->hastened);
  init_handles(loop);
  return 0;
}

void wsuv__loop_close(struct wsuv__loop *loop, void (*on_closed)(struct wsuv__loop *loop)) {
  assert(!has_work(loop));
  loop->on_closed = on_closed;
  wsuv__wheel_clear(&loop->spares_due);
  wsuv__mailbox_close(&loop->mailbox);
  uv_close((uv_handle_t *)&loop->mailbox.async, mailbox_closed);
  uv_close((uv_handle_t *)&loop->timer, handle_closed);
  uv_close((uv_handle_t *)&loop->idle, handle_closed);
}

static void start_idle(struct wsuv__loop *loop) {
  if (!uv_is_active((uv_handle_t *)&loop->idle))
    uv_idle_start(&loop->idle, on_idle);
}

void wsuv__loop_defer(struct wsuv__loop *loop, struct wsuv__task *task) {
  if (!wsuv__list_is_empty(&task->link))
    return; /* it waits already: a node outside of a list is a list of its own */
  wsuv__list_append(&loop->tasks, &task->link);
  start_idle(loop);
}

void wsuv__loop_hasten(struct wsuv__loop *loop, struct wsuv__wheel_entry *entry) {
  if (entry->tick == WSUV__WHEEL_AT_ONCE)
    return;
  wsuv__list_remove(&entry->link);
  wsuv__list_append(&loop->hastened, &entry->link);
  entry->tick = WSUV__WHEEL_AT_ONCE;
  start_idle(loop);
}

void wsuv__loop_hold(struct wsuv__loop *loop) {
  if (loop->nholds++ == 0)
    uv_ref((uv_handle_t *)&loop->timer);
}

void wsuv__loop_unhold(struct wsuv__loop *loop) {
  assert(loop->nholds > 0);
  if (--loop->nholds == 0)
    uv_unref((uv_handle_t *)&loop->timer);
}

void wsuv__loop_set_deadline(struct wsuv__loop *loop, struct wsuv__wheel_entry *entry,
                             uint64_t due_ms) {
  wsuv__wheel_set(&loop->wheel, entry, due_ms);
  if (entry->tick * WSUV__WHEEL_TICK_MS < loop->timer_due_ms)
    set_timer(loop);
}
