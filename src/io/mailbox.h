/* What other threads leave for a loop: many put, the loop's thread takes. The lock is held for list operations only, never
 * while something runs. */
#ifndef WSUV_IO_MAILBOX_H
#define WSUV_IO_MAILBOX_H

#include <uv.h>

#include "base/list.h"

/* Embedded in what it is about. `run` has it back: 0, or WSUV_ECANCELED when the mailbox was closed before. */
struct wsuv__mail {
  struct wsuv__list link;
  void (*run)(struct wsuv__mail *mail, int status);
};

enum wsuv__mailbox_state {
  MAILBOX_OPEN,
  MAILBOX_CLOSED /* nothing is taken any more; what waits is canceled */
};

struct wsuv__mailbox {
  uv_async_t async; /* unreferenced; its data is the owner's */
  uv_mutex_t lock;
  struct wsuv__list waiting; /* under the lock */
  size_t nwaiting;           /* under the lock */
  size_t max;                /* of nwaiting; set before other threads know the mailbox */
  int woken;                 /* under the lock: the async's callback is on its way */
  enum wsuv__mailbox_state
      state; /* under the lock; written by the loop's thread only, which reads it without */
};

/* Errors of libuv. After 0 `async` is libuv's until it is closed, and the mailbox to be freed. */
int wsuv__mailbox_init(struct wsuv__mailbox *mailbox, uv_loop_t *uv);

/* Any thread. In the order of the calls of one thread. WSUV_EQUEUEFULL, WSUV_ESTATE (closed). */
int wsuv__mailbox_put(struct wsuv__mailbox *mailbox, struct wsuv__mail *mail);

/* Any thread. mails[i] into mailboxes[i], all or none: what is put with several calls, for the same mailboxes in the same
 * order, comes in the same order everywhere. Errors as put. */
int wsuv__mailbox_put_all(struct wsuv__mailbox *const *mailboxes, struct wsuv__mail *const *mails,
                          size_t n);

/* Nothing is taken any more. What waits is run, canceled, from the loop and at the latest by the end. */
void wsuv__mailbox_close(struct wsuv__mailbox *mailbox);

/* When `async` is closed: runs what is left. */
void wsuv__mailbox_end(struct wsuv__mailbox *mailbox);

/* No thread may use it any more. */
void wsuv__mailbox_free(struct wsuv__mailbox *mailbox);

#endif
