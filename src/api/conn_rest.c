#include "api/conn_rest.h"

#include <string.h>

#include "api/conn_pump.h"

/* What lies in memory that waits for the next connection. */
struct spare {
  struct spare *next;
};

/* ---- memory ---- */

static struct wsuv__awake *take_memory(wsuv_loop_t *loop) {
  struct spare *spare = loop->awake.spares;

  if (spare == NULL)
    return wsuv__alloc(&loop->allocator, sizeof(struct wsuv__awake));
  loop->awake.spares = spare->next;
  loop->awake.nspares--;
  return (struct wsuv__awake *)(void *)spare;
}

static void give_memory(wsuv_loop_t *loop, struct wsuv__awake *awake) {
  struct spare *spare = (struct spare *)(void *)awake;

  wsuv__list_remove(&awake->link);
  loop->awake.n--;
  if (loop->awake.nspares >= WSUV__SPARES_MAX) {
    wsuv__release(&loop->allocator, awake);
    return;
  }
  spare->next = loop->awake.spares;
  loop->awake.spares = spare;
  loop->awake.nspares++;
}

void wsuv__loop_free_spares(wsuv_loop_t *loop) {
  while (loop->awake.spares != NULL) {
    struct spare *spare = loop->awake.spares;
    loop->awake.spares = spare->next;
    wsuv__release(&loop->allocator, spare);
  }
  loop->awake.nspares = 0;
}

size_t wsuv__conn_size(const wsuv_conn_t *conn) {
  size_t own =
      conn->stream.handle == &conn->stream.uv.stream && conn->stream.uv.handle.type == UV_NAMED_PIPE
          ? sizeof *conn
          : WSUV__CONN_TCP_SIZE;

  return conn->awake != NULL ? own + sizeof *conn->awake : own;
}

/* ---- awake ---- */

static int new_awake(wsuv_conn_t *conn) {
  struct wsuv__awake *awake = take_memory(conn->loop);

  if (awake == NULL)
    return WSUV_ENOMEM;
  wsuv__list_append(&conn->loop->awake.conns, &awake->link);
  conn->loop->awake.n++;
  memset(&awake->due_ms, 0, sizeof *awake - offsetof(struct wsuv__awake, due_ms));
  conn->awake = awake;
  return 0;
}

int wsuv__conn_begin_awake(wsuv_conn_t *conn) {
  uint64_t now = wsuv__loop_now_ms(&conn->loop->io);

  if (new_awake(conn) != 0)
    return WSUV_ENOMEM;
  wsuv__endpoint_init(&conn->awake->endpoint, &conn->config->endpoint,
                      wsuv__conn_endpoint_handler(conn->handler), conn, now);
  wsuv__outbox_set_writer(&conn->awake->endpoint.outbox, wsuv__conn_write_now, conn);
  return 0;
}

int wsuv__conn_get_up(wsuv_conn_t *conn) {
  if (conn->phase == WSUV_STATE_RELEASING)
    return WSUV_ESTATE;
  if (wsuv__folded_unshare(&conn->folded, &conn->loop->allocator) != 0 || new_awake(conn) != 0)
    return WSUV_ENOMEM;
  wsuv__endpoint_unfold(&conn->awake->endpoint, &conn->folded, &conn->config->endpoint,
                        wsuv__conn_endpoint_handler(conn->handler), conn,
                        wsuv__loop_now_ms(&conn->loop->io));
  wsuv__outbox_set_writer(&conn->awake->endpoint.outbox, wsuv__conn_write_now, conn);
  if (conn->flow == FLOW_OFF)
    wsuv_endpoint_pause(&conn->awake->endpoint);
  wsuv__conn_note_use(conn); /* calls that fail leave nothing behind that would be an event */
  return 0;
}

/* ---- rest ---- */

/* Whose deadline was put off once must not be given that again. */
static int may_rest(const wsuv_conn_t *conn) {
  const struct wsuv__awake *awake = conn->awake;

  return conn->phase == WSUV_STATE_OPEN && conn->transport == TRANSPORT_OPEN && conn->reading &&
         !conn->writing && conn->flow == FLOW_ON && conn->water == WATER_LOW &&
         conn->hold == HOLD_NONE && !conn->waits_for_budget && conn->depth == 0 &&
         conn->deadline.tick != WSUV__WHEEL_AT_ONCE && awake->connect == NULL &&
         awake->detail == NULL && awake->head_unsent == 0 && !awake->excused;
}

void wsuv__conn_lie_down(wsuv_conn_t *conn) {
  struct wsuv__awake *awake = conn->awake;

  if (!may_rest(conn) || !wsuv__endpoint_may_fold(&awake->endpoint))
    return;
  wsuv__endpoint_fold(&awake->endpoint, &conn->folded);
  conn->awake = NULL;
  give_memory(conn->loop, awake);
  wsuv__folded_share(&conn->folded, &conn->loop->shared_sets, &conn->loop->allocator);
}

/* Who may not rest yet is looked at again after what keeps it from that, which is an event. */
static void sweep(struct wsuv__wheel_entry *entry) {
  struct wsuv__loop_awake *all = WSUV__LIST_ENTRY(entry, struct wsuv__loop_awake, sweep);
  wsuv_loop_t *loop = WSUV__LIST_ENTRY(all, wsuv_loop_t, awake);
  struct wsuv__list *node = all->conns.next;
  int goes_on = 0;

  while (node != &all->conns && all->n > all->max) {
    struct wsuv__awake *awake = WSUV__LIST_ENTRY(node, struct wsuv__awake, link);
    node = node->next;
    goes_on |= awake->was_used;
    if (!awake->was_used)
      wsuv__conn_lie_down(awake->endpoint.data);
    else
      awake->was_used = 0;
  }
  if (goes_on && all->n > all->max)
    wsuv__loop_begin_sweep(loop);
}

void wsuv__loop_begin_sweep(wsuv_loop_t *loop) {
  wsuv__loop_set_deadline(&loop->io, &loop->awake.sweep,
                          wsuv__loop_now_ms(&loop->io) + WSUV__AWAKE_MS);
}

void wsuv__loop_begin_awake(wsuv_loop_t *loop) {
  loop->awake.max = WSUV__AWAKE_MAX;
  loop->awake.most = WSUV__AWAKE_MOST;
  wsuv__list_init(&loop->awake.conns);
  wsuv__wheel_entry_init(&loop->awake.sweep, sweep);
}

void wsuv__conn_end_awake(wsuv_conn_t *conn) {
  struct wsuv__awake *awake = conn->awake;

  if (awake == NULL) {
    wsuv__folded_release(&conn->folded, conn->config->endpoint.allocator);
    return;
  }
  wsuv__endpoint_release(&awake->endpoint);
  wsuv__release(&conn->loop->allocator, awake->detail);
  conn->awake = NULL;
  give_memory(conn->loop, awake);
}
