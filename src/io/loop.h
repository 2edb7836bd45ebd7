/* What the streams of one uv_loop_t share. */
#ifndef WSUV_IO_LOOP_H
#define WSUV_IO_LOOP_H

#include <uv.h>

#include "base/cork.h"
#include "base/list.h"
#include "base/spares.h"
#include "io/mailbox.h"
#include "io/random.h"
#include "io/read_buffer.h"
#include "io/wheel.h"

struct wsuv__tls_io;

/* Work put off to the loop's next turn, outside of any caller. */
struct wsuv__task {
  struct wsuv__list link;
  void (*run)(struct wsuv__task *task);
};

struct wsuv__loop {
  uv_loop_t *uv;
  const wsuv_allocator_t *allocator;
  struct wsuv__read_buffer read_buffer;
  struct wsuv__spares spares;
  struct wsuv__wheel_entry spares_due; /* set while there are some */
  struct wsuv__cork cork;
  struct wsuv__cork *free_cork; /* &cork, or NULL while a connection has it */
  struct wsuv__random_pool random;
  struct wsuv__tls_io *tls; /* NULL until there is a TLS stream */
  struct wsuv__wheel wheel;
  uint64_t timer_due_ms;   /* what the timer is set to; UINT64_MAX: it is stopped */
  uint64_t timer_fires_ms; /* the same, but not before it was set */
  uint64_t lag_ms;         /* how late the timer fired last */
  uint64_t lag_max_ms;     /* since somebody looked, who sets it to 0 */
  uv_timer_t timer;
  uv_idle_t idle; /* runs tasks; while active the loop neither blocks nor ends */
  struct wsuv__list tasks;
  struct wsuv__list
      hastened; /* entries of the wheel that are put off to the next turn like tasks */
  struct wsuv__mailbox mailbox; /* of other threads */
  unsigned nhandles;            /* not yet closed */
  size_t nholds;                /* deadlines that the uv_loop_t must not end before */
  void (*on_closed)(struct wsuv__loop *loop);
};

/* WSUV_ENOMEM, WSUV_ERANDOM, errors of libuv. No handle of its own keeps the uv_loop_t alive, unless a task waits or a
 * hold says so. */
int wsuv__loop_init(struct wsuv__loop *loop, uv_loop_t *uv, const wsuv_allocator_t *a);

/* on_closed follows when the handles are closed; nobody may use the loop any more. */
void wsuv__loop_close(struct wsuv__loop *loop, void (*on_closed)(struct wsuv__loop *loop));

/* Runs the task soon; harmless if it already waits. */
void wsuv__loop_defer(struct wsuv__loop *loop, struct wsuv__task *task);

/* Has the entry called soon, ahead of tasks, instead of at its deadline, which is forgotten. Its tick is WSUV__WHEEL_AT_ONCE
 * until who is called clears or sets it, which must be the first thing that it does; sooner than that would undo this. Harmless
 * if it already waits. */
void wsuv__loop_hasten(struct wsuv__loop *loop, struct wsuv__wheel_entry *entry);

/* Sets the entry's deadline in the loop's wheel. */
void wsuv__loop_set_deadline(struct wsuv__loop *loop, struct wsuv__wheel_entry *entry,
                             uint64_t due_ms);

/* While held, deadlines keep the uv_loop_t alive: a peer that nothing is read from or written to does not by itself. */
void wsuv__loop_hold(struct wsuv__loop *loop);
void wsuv__loop_unhold(struct wsuv__loop *loop);

static inline uint64_t wsuv__loop_now_ms(const struct wsuv__loop *loop) {
  return uv_now(loop->uv);
}

#endif
