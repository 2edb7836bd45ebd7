/* Ending a server's connections one after the other. Each of them is marked at the beginning; the place in the server's list is
 * kept as a pointer that a connection which leaves moves on. */
#ifndef WSUV_API_DRAIN_H
#define WSUV_API_DRAIN_H

#include "io/loop.h"
#include "wsuv/drain.h"

/* Of a connection. */
enum wsuv__drained {
  DRAINED_NOT,     /* it came later, or nothing is drained */
  DRAINED_WAITING, /* its turn will come */
  DRAINED_CLOSING  /* it was told, or is ending anyway */
};

enum wsuv__drain_state {
  DRAIN_NONE,
  DRAIN_RUNNING,
  DRAIN_OWED, /* it is over; the last callback has not come yet */
  DRAIN_DONE
};

struct wsuv__drain {
  enum wsuv__drain_state state;
  wsuv_drain_cb cb;
  int code;
  char reason[WSUV_CONTROL_PAYLOAD_MAX];
  uint64_t start_ms;
  uint64_t window_ms;
  uint64_t end_ms;
  uint64_t nslots; /* connections that share the window */
  uint64_t slot;   /* the next one */
  size_t nwaiting; /* connections DRAINED_WAITING, all of them at `next` or behind it */
  struct wsuv__list *next;
  wsuv_drain_progress_t progress;
  int is_over; /* the deadline has come */
  int is_news; /* it has changed since it was told */
  struct wsuv__wheel_entry tick;
  struct wsuv__task task;
};

void wsuv__drain_init(struct wsuv_server *server);

/* The server stops listening: the drain is over, if there is one. */
void wsuv__drain_end(struct wsuv_server *server);

/* The connection is about to leave the server's list. */
void wsuv__drain_note_end(struct wsuv_conn *conn);

/* Whether a drain can be made with them: 0 or WSUV_EINVAL. */
int wsuv__drain_judge(const wsuv_drain_options_t *options);

#endif
