#include "api/drain.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api/conn_rest.h"
#include "api/server.h"
#include "api/upgrade.h"
#include "base/option.h"

#define DEFAULT_WINDOW_MS     10000u
#define DEFAULT_DEADLINE_MS   30000u
#define DEFAULT_RETRY_AFTER_S 5u
#define MAX_RETRY_AFTER_S     86400u

static const wsuv_drain_options_t presets = WSUV_DRAIN_OPTIONS_INIT;

static wsuv_conn_t *conn_of(struct wsuv__list *node) {
  return WSUV__LIST_ENTRY(node, wsuv_conn_t, link);
}

static uint64_t now_ms(const wsuv_server_t *server) {
  return wsuv__loop_now_ms(&server->loop->io);
}

static uint64_t later(uint64_t from_ms, uint64_t ms) {
  return ms < WSUV__NEVER - from_ms ? from_ms + ms : WSUV__NEVER;
}

/* ---- what is told ---- */

static void report(wsuv_server_t *server) {
  wsuv_drain_progress_t progress = server->drain.progress;

  server->drain.is_news = 0;
  if (server->drain.cb != NULL)
    server->drain.cb(server, &progress);
}

static void note_news(wsuv_server_t *server) {
  struct wsuv__drain *drain = &server->drain;

  drain->is_news = 1;
  if (drain->state == DRAIN_RUNNING)
    wsuv__loop_set_deadline(&server->loop->io, &drain->tick, now_ms(server));
}

/* ---- its course ---- */

/* When the connection of the next slot is due: window * slot / nslots, where the product may be too large. */
static uint64_t slot_ms(const struct wsuv__drain *drain) {
  uint64_t whole = drain->window_ms / drain->nslots;
  uint64_t rest = drain->window_ms % drain->nslots;

  return later(drain->start_ms, whole * drain->slot + rest * drain->slot / drain->nslots);
}

/* One that is ending by itself gives its slot to the next. */
static void close_next(wsuv_server_t *server) {
  struct wsuv__drain *drain = &server->drain;
  wsuv_conn_t *conn = conn_of(drain->next);

  assert(drain->next != &server->conns);
  drain->next = drain->next->next;
  if (conn->drained != DRAINED_WAITING)
    return;
  drain->nwaiting--;
  drain->progress.closing++;
  drain->is_news = 1;
  conn->drained = DRAINED_CLOSING;
  if (wsuv_conn_close(conn, drain->code, drain->reason) == 0)
    drain->slot++;
}

static void close_due(wsuv_server_t *server) {
  struct wsuv__drain *drain = &server->drain;
  uint64_t now = now_ms(server);

  while (drain->nwaiting > 0 && slot_ms(drain) <= now)
    close_next(server);
}

static void terminate_rest(wsuv_server_t *server) {
  struct wsuv__list *node;

  for (node = server->conns.next; node != &server->conns; node = node->next) {
    wsuv_conn_t *conn = conn_of(node);
    if (conn->drained == DRAINED_NOT || conn->phase == WSUV_STATE_RELEASING)
      continue;
    server->drain.progress.terminated++;
    wsuv_conn_terminate(conn);
  }
  server->drain.is_over = 1;
  server->drain.is_news = 1;
}

static void set_tick(wsuv_server_t *server) {
  struct wsuv__drain *drain = &server->drain;
  uint64_t due = drain->nwaiting > 0 ? slot_ms(drain) : WSUV__NEVER;

  if (drain->end_ms < due)
    due = drain->end_ms;
  if (due != WSUV__NEVER)
    wsuv__loop_set_deadline(&server->loop->io, &drain->tick, due);
}

/* The end of the listener is the drain's. Those who were terminated have a tick to go; a stream that is not owned may take
 * longer. */
static void go_on(wsuv_server_t *server) {
  struct wsuv__drain *drain = &server->drain;

  if (drain->progress.remaining == 0 || drain->is_over) {
    wsuv_server_close(server);
    return;
  }
  if (now_ms(server) < drain->end_ms)
    close_due(server);
  else
    terminate_rest(server);
  set_tick(server);
  if (drain->is_news)
    report(server);
}

static void tick_came(struct wsuv__wheel_entry *entry) {
  go_on(WSUV__LIST_ENTRY(entry, wsuv_server_t, drain.tick));
}

static void finish(wsuv_server_t *server) {
  wsuv__loop_unhold(&server->loop->io);
  server->drain.progress.done = 1;
  report(server);
  server->drain.state = DRAIN_DONE;
  wsuv__server_forget(server);
}

static void run_task(struct wsuv__task *task) {
  wsuv_server_t *server = WSUV__LIST_ENTRY(task, wsuv_server_t, drain.task);

  if (server->drain.state == DRAIN_RUNNING)
    go_on(server);
  else
    finish(server);
}

void wsuv__drain_init(wsuv_server_t *server) {
  struct wsuv__drain *drain = &server->drain;

  wsuv__list_init(&drain->task.link);
  drain->task.run = run_task;
  wsuv__wheel_entry_init(&drain->tick, tick_came);
  (void)snprintf(server->retry_after, sizeof server->retry_after, "%u", DEFAULT_RETRY_AFTER_S);
}

void wsuv__drain_end(wsuv_server_t *server) {
  struct wsuv__drain *drain = &server->drain;

  if (drain->state != DRAIN_RUNNING)
    return;
  drain->state = DRAIN_OWED;
  wsuv__wheel_clear(&drain->tick);
  wsuv__loop_defer(&server->loop->io, &drain->task);
}

void wsuv__drain_note_end(wsuv_conn_t *conn) {
  struct wsuv__drain *drain = &conn->server->drain;

  if (drain->next == &conn->link)
    drain->next = conn->link.next;
  if (conn->drained == DRAINED_NOT)
    return;
  if (conn->drained == DRAINED_WAITING)
    drain->nwaiting--;
  else
    drain->progress.closing--;
  drain->progress.remaining--;
  drain->progress.ended++;
  note_news(conn->server);
}

/* ---- its beginning ---- */

static int take_options(struct wsuv__drain *drain, char *retry_after, size_t size,
                        const wsuv_drain_options_t *o) {
  const char *reason = o->reason != NULL ? o->reason : "";
  uint8_t payload[WSUV_CONTROL_PAYLOAD_MAX];
  uint64_t retry_after_s;
  uint64_t deadline_ms;
  int err = wsuv__option_take(&drain->window_ms, o->window_ms, DEFAULT_WINDOW_MS, 0);

  drain->cb = o->cb;
  drain->code = o->code != 0 ? o->code : WSUV_CLOSE_GOING_AWAY;
  if (err == 0)
    err = wsuv__option_take(&deadline_ms, o->deadline_ms, DEFAULT_DEADLINE_MS, WSUV__NEVER);
  if (err == 0)
    err = wsuv__option_take(&retry_after_s, o->retry_after_s, DEFAULT_RETRY_AFTER_S, 0);
  if (err != 0 || retry_after_s > MAX_RETRY_AFTER_S ||
      wsuv_close_payload_encode(drain->code, reason, strlen(reason), payload) < 0)
    return WSUV_EINVAL;
  memcpy(drain->reason, reason, strlen(reason) + 1);
  drain->end_ms = deadline_ms;
  retry_after[0] = '\0';
  if (retry_after_s > 0)
    (void)snprintf(retry_after, size, "%u", (unsigned)retry_after_s);
  return 0;
}

int wsuv__drain_judge(const wsuv_drain_options_t *options) {
  struct wsuv__drain drain;
  char retry_after[8];

  return options->size < sizeof *options
             ? WSUV_EINVAL
             : take_options(&drain, retry_after, sizeof retry_after, options);
}

/* Who awaits a decision is not left to wait for one that is no use any more: the application keeps an orphan. */
static void turn_away_handshake(wsuv_conn_t *conn) {
  const struct wsuv_upgrade *upgrade = conn->awake->upgrade;

  if (upgrade == NULL) {
    wsuv__upgrade_stop(conn);
    return;
  }
  if (upgrade->state == UPGRADE_JUDGING || upgrade->state == UPGRADE_RESPONDED)
    return; /* which look at the server's state themselves */
  wsuv__upgrade_abandon(conn);
  wsuv__upgrade_refuse_stopping(conn);
}

/* One that was accepted, and has its 101, opens before its turn comes. */
static int will_be_open(const wsuv_conn_t *conn) {
  return conn->phase == WSUV_STATE_OPEN ||
         (conn->phase == WSUV_STATE_OPENING_HANDSHAKE && conn->awake->upgrade != NULL &&
          conn->awake->upgrade->state == UPGRADE_ACCEPTED);
}

static void mark(wsuv_server_t *server, wsuv_conn_t *conn) {
  struct wsuv__drain *drain = &server->drain;

  drain->progress.total++;
  drain->progress.remaining++;
  if (will_be_open(conn)) {
    conn->drained = DRAINED_WAITING;
    drain->nwaiting++;
    return;
  }
  conn->drained = DRAINED_CLOSING;
  drain->progress.closing++;
  if (conn->phase == WSUV_STATE_OPENING_HANDSHAKE)
    turn_away_handshake(conn);
}

int wsuv_server_drain(wsuv_server_t *server, const wsuv_drain_options_t *options) {
  const wsuv_drain_options_t *o = options != NULL ? options : &presets;
  struct wsuv__drain *drain = &server->drain;
  struct wsuv__list *node;

  if (o->size < sizeof *o)
    return WSUV_EINVAL;
  if (server->state != SERVER_RUNNING)
    return WSUV_ESTATE;
  if (take_options(drain, server->retry_after, sizeof server->retry_after, o) != 0)
    return WSUV_EINVAL;
  wsuv__server_set_state(server, SERVER_DRAINING);
  drain->state = DRAIN_RUNNING;
  drain->start_ms = now_ms(server);
  drain->end_ms = later(drain->start_ms, drain->end_ms);
  drain->progress.size = sizeof drain->progress;
  wsuv__loop_hold(&server->loop->io);
  for (node = server->conns.next; node != &server->conns; node = node->next)
    if (conn_of(node)->turned_away == 0)
      mark(server, conn_of(node));
  drain->nslots = drain->nwaiting;
  drain->next = server->conns.next;
  if (drain->progress.total == 0)
    wsuv_server_close(server);
  else
    wsuv__loop_defer(&server->loop->io, &drain->task);
  return 0;
}
