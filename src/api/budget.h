/* What the connections of a loop may hold together (wsuv_loop_options_t.memory_budget).
 *
 * Four fifths of it are for whoever comes first. Beyond, a connection may hold no more than its share of the last fifth: who is
 * read from and written to as fast as data comes needs next to nothing and does not notice, while those that hold much are not
 * read from and not sent to until others have drained. */
#ifndef WSUV_API_BUDGET_H
#define WSUV_API_BUDGET_H

#include "io/loop.h"
#include "wsuv/conn.h"

struct wsuv__budget {
  size_t limit; /* SIZE_MAX: none */
  size_t total; /* held by all, as far as noted */
  size_t nconns;
  uint64_t patience_ms;              /* for which it may be exceeded */
  size_t nwaiting;                   /* connections that are not read from on its account */
  struct wsuv__wheel_entry deadline; /* set from the first refusal until others have drained */
  struct wsuv__task wake;            /* has those that wait read on */
};

/* WSUV_EINVAL. */
int wsuv__budget_init(struct wsuv__budget *budget, int64_t memory_budget);
void wsuv__budget_end(struct wsuv__budget *budget);

static inline int wsuv__budget_is_set(const struct wsuv__budget *budget) {
  return budget->limit != SIZE_MAX;
}

/* Somebody was refused, and there is no more room since: nobody new is let in. */
static inline int wsuv__budget_is_exhausted(const struct wsuv__budget *budget) {
  return !wsuv__list_is_empty(&budget->deadline.link);
}

/* Counts what the connection holds now. */
void wsuv__budget_note(struct wsuv__budget *budget, wsuv_conn_t *conn);

/* The connection ends, and holds nothing any more. */
void wsuv__budget_forget(struct wsuv__budget *budget, wsuv_conn_t *conn);

/* Whether the connection may take `len` octets more: 0 or WSUV_EQUEUEFULL. */
int wsuv__budget_judge(struct wsuv__budget *budget, const wsuv_conn_t *conn, size_t len);

/* Whether the connection is to be read from. One that is not is woken when there is room again. */
int wsuv__budget_lets_read(struct wsuv__budget *budget, wsuv_conn_t *conn);

#endif
