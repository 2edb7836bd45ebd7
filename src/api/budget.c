#include "api/budget.h"

#include <assert.h>

#include "api/conn_rest.h"
#include "api/server.h"
#include "api/stats.h"
#include "base/option.h"
#include "proto/endpoint_closing.h"
#include "proto/endpoint_hold.h"
#include "proto/outbox_entry.h"

#define PATIENCE_MS 10000u
#define MIN_READ    512u /* octets */

static struct wsuv_loop *loop_of(struct wsuv__budget *budget) {
  return WSUV__LIST_ENTRY(budget, struct wsuv_loop, budget);
}

/* ---- counting ---- */

static size_t footprint_of(const wsuv_conn_t *conn) {
  const struct wsuv_endpoint *ep;

  if (conn->awake == NULL)
    return wsuv_conn_queued(conn) + wsuv__stats_contexts(conn);
  ep = &conn->awake->endpoint;
  return wsuv_conn_queued(conn) + wsuv__outbox_overhead(&ep->outbox) + ep->held_back +
         ep->message.buf.cap + (ep->hold != NULL ? ep->hold->buf.cap : 0) +
         wsuv__stats_contexts(conn);
}

static size_t common_part(const struct wsuv__budget *budget) {
  return budget->limit - budget->limit / 5;
}

static size_t share_of_one(const struct wsuv__budget *budget) {
  return budget->limit / 5 / (budget->nconns > 0 ? budget->nconns : 1);
}

static int is_relieved(const struct wsuv__budget *budget) {
  return budget->total < budget->limit / 10 * 7;
}

/* One read must not take a connection far over what it may hold; see grown. */
static void limit_reads(struct wsuv__budget *budget) {
  size_t common = common_part(budget);
  size_t room = share_of_one(budget);

  if (budget->total < common && common - budget->total > room)
    room = common - budget->total;
  room /= 8;
  if (room < MIN_READ)
    room = MIN_READ;
  loop_of(budget)->io.read_buffer.most =
      room < WSUV__READ_BUFFER_SIZE ? room : WSUV__READ_BUFFER_SIZE;
}

static void settle(struct wsuv__budget *budget) {
  limit_reads(budget);
  if (!is_relieved(budget))
    return;
  wsuv__wheel_clear(&budget->deadline);
  if (budget->nwaiting > 0)
    wsuv__loop_defer(&loop_of(budget)->io, &budget->wake);
}

void wsuv__budget_note(struct wsuv__budget *budget, wsuv_conn_t *conn) {
  size_t now;

  if (!wsuv__budget_is_set(budget))
    return;
  now = footprint_of(conn);
  if (now == conn->footprint)
    return;
  budget->total = budget->total - conn->footprint + now;
  conn->footprint = now;
  settle(budget);
}

static void stop_waiting(struct wsuv__budget *budget, wsuv_conn_t *conn) {
  budget->nwaiting -= conn->waits_for_budget;
  conn->waits_for_budget = 0;
}

void wsuv__budget_forget(struct wsuv__budget *budget, wsuv_conn_t *conn) {
  stop_waiting(budget, conn);
  budget->nconns--;
  budget->total -= conn->footprint;
  conn->footprint = 0;
  if (wsuv__budget_is_set(budget))
    settle(budget);
}

/* ---- admission ---- */

static void set_deadline(struct wsuv__budget *budget) {
  struct wsuv__loop *io = &loop_of(budget)->io;

  wsuv__loop_set_deadline(io, &budget->deadline, wsuv__loop_now_ms(io) + budget->patience_ms);
}

static int may_take(const struct wsuv__budget *budget, const wsuv_conn_t *conn, size_t len) {
  size_t common = common_part(budget);
  size_t share = share_of_one(budget);

  if (budget->total <= common && len <= common - budget->total)
    return 1;
  return conn->footprint <= share && len <= share - conn->footprint;
}

static void note_lack(struct wsuv__budget *budget) {
  if (!is_relieved(budget) && !wsuv__budget_is_exhausted(budget))
    set_deadline(budget);
}

int wsuv__budget_judge(struct wsuv__budget *budget, const wsuv_conn_t *conn, size_t len) {
  if (!wsuv__budget_is_set(budget) || may_take(budget, conn, len))
    return 0;
  note_lack(budget);
  return WSUV_EQUEUEFULL;
}

/* What the connection may hold after one more read. The buffer of an unfinished message has room for at least twice, and less
 * than four times, what has come of it. */
static size_t grown(struct wsuv__budget *budget, const wsuv_conn_t *conn) {
  return 2 * conn->footprint + 4 * loop_of(budget)->io.read_buffer.most;
}

/* Who holds nothing may always be heard. In the common part there is room for the growth of one message. */
static int may_read(struct wsuv__budget *budget, const wsuv_conn_t *conn) {
  if (!wsuv__budget_is_set(budget) || conn->footprint == 0)
    return 1;
  limit_reads(budget);
  if (budget->total < common_part(budget) || grown(budget, conn) <= share_of_one(budget))
    return 1;
  note_lack(budget);
  return 0;
}

int wsuv__budget_lets_read(struct wsuv__budget *budget, wsuv_conn_t *conn) {
  if (may_read(budget, conn)) {
    stop_waiting(budget, conn);
    return 1;
  }
  budget->nwaiting += !conn->waits_for_budget;
  conn->waits_for_budget = 1;
  conn->awake->endpoint.kept_waiting = 1;
  return 0;
}

/* ---- all connections of the loop ---- */

typedef void (*visit_fn)(wsuv_conn_t *conn, void *arg);

static void visit_list(struct wsuv__list *conns, visit_fn visit, void *arg) {
  struct wsuv__list *node;

  for (node = conns->next; node != conns; node = node->next)
    visit(WSUV__LIST_ENTRY(node, wsuv_conn_t, link), arg);
}

/* Connections end asynchronously: the lists stay as they are. */
static void visit_all(struct wsuv_loop *loop, visit_fn visit, void *arg) {
  struct wsuv__list *node;

  visit_list(&loop->clients, visit, arg);
  for (node = loop->servers.next; node != &loop->servers; node = node->next)
    visit_list(&WSUV__LIST_ENTRY(node, struct wsuv_server, link)->conns, visit, arg);
}

static void wake_one(wsuv_conn_t *conn, void *arg) {
  (void)arg;
  if (conn->waits_for_budget)
    wsuv__conn_mark(conn);
}

static void wake_waiting(struct wsuv__task *task) {
  struct wsuv__budget *budget = WSUV__LIST_ENTRY(task, struct wsuv__budget, wake);

  visit_all(loop_of(budget), wake_one, NULL);
}

/* ---- after all patience ---- */

struct largest {
  wsuv_conn_t *conn;
};

static void compare(wsuv_conn_t *conn, void *arg) {
  struct largest *largest = arg;

  if (conn->phase != WSUV_STATE_OPEN || conn->footprint == 0)
    return;
  if (largest->conn == NULL || conn->footprint > largest->conn->footprint)
    largest->conn = conn;
}

/* What it holds is dropped at once; its Close is all that is left. Zero: nobody holds anything. */
static int close_largest(struct wsuv__budget *budget) {
  struct largest largest = {NULL};

  visit_all(loop_of(budget), compare, &largest);
  if (largest.conn == NULL)
    return 0;
  if (!wsuv__conn_enter(largest.conn))
    return 1; /* released */
  (void)wsuv__endpoint_fail(&largest.conn->awake->endpoint, WSUV_EBUDGET);
  wsuv__conn_leave(largest.conn);
  return 1;
}

static void deadline_came(struct wsuv__wheel_entry *entry) {
  struct wsuv__budget *budget = WSUV__LIST_ENTRY(entry, struct wsuv__budget, deadline);

  while (!is_relieved(budget) && close_largest(budget))
    continue;
  if (!is_relieved(budget))
    set_deadline(budget);
}

int wsuv__budget_init(struct wsuv__budget *budget, int64_t memory_budget) {
  uint64_t limit = SIZE_MAX;
  int err = wsuv__option_take(&limit, memory_budget, SIZE_MAX, SIZE_MAX);

  budget->limit = limit < SIZE_MAX ? (size_t)limit : SIZE_MAX;
  budget->total = 0;
  budget->nconns = 0;
  budget->nwaiting = 0;
  budget->patience_ms = PATIENCE_MS;
  wsuv__wheel_entry_init(&budget->deadline, deadline_came);
  wsuv__list_init(&budget->wake.link);
  budget->wake.run = wake_waiting;
  return err;
}

void wsuv__budget_end(struct wsuv__budget *budget) {
  assert(budget->nconns == 0 && budget->total == 0);
  wsuv__wheel_clear(&budget->deadline);
  wsuv__list_remove(&budget->wake.link);
}
