#include <string.h>

#include "api/admission.h"
#include "api/conn_rest.h"
#include "api/opening.h"
#include "api/server.h"
#include "http/token.h"

/* `secure`: the transport is TLS. */
static int new_handshake(const wsuv_server_t *server, int secure, wsuv_handshake_t **out) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);

  options.allocator = &server->loop->allocator;
  options.subprotocols = (const char *const *)server->subprotocols;
  options.nsubprotocols = server->nsubprotocols;
  options.extensions = server->extensions;
  options.nextensions = server->nextensions;
  options.require_subprotocol = server->require_subprotocol;
  options.require_origin = server->require_origin;
  options.origins = (const char *const *)server->origins;
  options.norigins = server->norigins;
  options.same_origin = server->norigins == 0;
  options.secure = secure;
  return wsuv_handshake_new(out, &options);
}

int wsuv__server_try_handshake(const wsuv_server_t *server) {
  wsuv_handshake_t *handshake;
  int err = new_handshake(server, 0, &handshake);

  wsuv_handshake_free(handshake);
  return err;
}

int wsuv__upgrade_start(wsuv_conn_t *conn) {
  const wsuv_allocator_t *a = &conn->loop->allocator;
  struct wsuv_upgrade *upgrade = wsuv__alloc_zeroed(a, sizeof *upgrade);
  int err;

  if (upgrade == NULL)
    return WSUV_ENOMEM;
  upgrade->allocator = *a;
  upgrade->conn = conn;
  err = new_handshake(conn->server, conn->tls != NULL, &upgrade->handshake);
  if (err != 0) {
    wsuv__release(a, upgrade);
    return err;
  }
  wsuv__head_parser_init(&upgrade->head, HEAD_REQUEST, &conn->config->head, a);
  conn->awake->upgrade = upgrade;
  return 0;
}

void wsuv__upgrade_free(struct wsuv_upgrade *upgrade) {
  wsuv_allocator_t a = upgrade->allocator;

  if (upgrade->conn != NULL)
    upgrade->conn->awake->upgrade = NULL;
  wsuv_handshake_free(upgrade->handshake);
  wsuv__head_parser_free(&upgrade->head);
  wsuv__buf_free(&upgrade->leftover, &a);
  wsuv__release(&a, upgrade);
}

void wsuv__upgrade_abandon(wsuv_conn_t *conn) {
  struct wsuv_upgrade *upgrade = conn->awake != NULL ? conn->awake->upgrade : NULL;

  if (upgrade == NULL)
    return;
  if (upgrade->state != UPGRADE_AWAITING_DECISION) {
    wsuv__upgrade_free(upgrade);
    return;
  }
  upgrade->state = UPGRADE_ORPHANED;
  upgrade->conn = NULL;
  conn->awake->upgrade = NULL;
}

int wsuv__upgrade_judge(struct wsuv_upgrade *upgrade) {
  const struct wsuv__head_parser *head = &upgrade->head;
  wsuv_span_t method = wsuv__head_parser_method(head);
  size_t n = wsuv__head_parser_nheaders(head);
  size_t i;
  int err = wsuv_handshake_request_line(upgrade->handshake, (const char *)method.data, method.len,
                                        head->version_major, head->version_minor);

  upgrade->state = UPGRADE_JUDGING;
  for (i = 0; err == 0 && i < n; i++) {
    wsuv_header_t h = wsuv__head_parser_header(head, i);
    err = wsuv_handshake_header(upgrade->handshake, h.name, h.name_len, h.value, h.value_len);
  }
  if (err == 0)
    err = wsuv_handshake_finish(upgrade->handshake);
  return err == 0 && head->has_body ? WSUV_EBODY : err;
}

static int is_plain(const struct wsuv_upgrade *upgrade, int verdict) {
  return verdict == WSUV_ENOUPGRADE || (verdict == WSUV_EMETHOD && !upgrade->head.upgrade);
}

/* Nobody else has the pointer: what cannot be answered for lack of memory ends here. */
static void accept_unasked(wsuv_conn_t *conn, struct wsuv_upgrade *upgrade) {
  int err = wsuv_upgrade_accept(upgrade, NULL);

  if (err == 0)
    return;
  wsuv__server_reject(conn, WSUV_REJECTED_RESOURCES);
  upgrade->state = UPGRADE_READING_REQUEST;
  if (conn->phase == WSUV_STATE_OPENING_HANDSHAKE)
    wsuv__upgrade_refuse_busy(conn);
}

/* A good request: the application's decision, or ours. */
static void ask(wsuv_conn_t *conn, struct wsuv_upgrade *upgrade) {
  const wsuv_server_handler_t *handler = conn->server->handler;

  upgrade->state = UPGRADE_AWAITING_DECISION;
  if (handler->on_upgrade != NULL)
    handler->on_upgrade(conn->server, upgrade);
  else
    accept_unasked(conn, upgrade);
}

/* RFC 9112 3.2; the handshake did not come that far. */
static int has_one_host(const struct wsuv__head_parser *head) {
  wsuv_header_t host;
  wsuv_header_t other;

  return wsuv__head_parser_find(head, "Host", 0, &host) &&
         wsuv__token_is_host(host.value, host.value_len) &&
         !wsuv__head_parser_find(head, "Host", 1, &other);
}

static void take_plain(wsuv_conn_t *conn, struct wsuv_upgrade *upgrade) {
  if (!has_one_host(&upgrade->head)) {
    wsuv__upgrade_refuse(conn, WSUV_EHTTP,
                         "Host is missing, malformed or there twice (RFC 9112 3.2)");
    return;
  }
  upgrade->kind = REQUEST_PLAIN;
  upgrade->state = UPGRADE_AWAITING_DECISION;
  conn->server->handler->on_request(conn->server, upgrade);
}

/* Nobody new is let in while those who are there hold too much. */
static int is_over_budget(wsuv_conn_t *conn, int verdict) {
  if (verdict != 0 || !wsuv__budget_is_exhausted(&conn->loop->budget))
    return 0;
  wsuv__server_reject(conn, WSUV_REJECTED_BUDGET);
  conn->error = WSUV_EBUDGET;
  return 1;
}

/* The request is whole: who decides? Who is only to be told why not is told now, and not before: a proxy takes an answer that
 * comes ahead of its request for one to nobody. */
static void take_request(wsuv_conn_t *conn, struct wsuv_upgrade *upgrade) {
  const wsuv_server_handler_t *handler = conn->server->handler;
  int err = wsuv__upgrade_judge(upgrade);

  if (conn->phase != WSUV_STATE_OPENING_HANDSHAKE)
    return;
  if (conn->server->state != SERVER_RUNNING) { /* closed by a hook of an extension's */
    wsuv__upgrade_refuse_stopping(conn);
    return;
  }
  if (conn->turned_away != 0 || is_over_budget(conn, err)) {
    wsuv__upgrade_refuse_busy(conn);
    return;
  }
  if (err != 0 && handler->on_request != NULL && is_plain(upgrade, err) &&
      !upgrade->head.has_body) {
    take_plain(conn, upgrade);
  } else if (err != 0) {
    wsuv__upgrade_refuse(conn, err, wsuv_handshake_detail(upgrade->handshake));
  } else {
    ask(conn, upgrade);
  }
}

/* Accepted: the head's memory goes, the connection opens, what came behind the head is read as frames. */
static void open_accepted(wsuv_conn_t *conn) {
  struct wsuv__buf leftover = conn->awake->upgrade->leftover;
  size_t at = conn->awake->upgrade->leftover_at;

  memset(&conn->awake->upgrade->leftover, 0, sizeof leftover);
  wsuv__upgrade_free(conn->awake->upgrade);
  if (leftover.len > at)
    wsuv__conn_open(conn, leftover.base + at, leftover.len - at);
  else
    wsuv__conn_open(conn, NULL, 0);
  wsuv__buf_free(&leftover, &conn->loop->allocator);
}

/* The application may have answered, or ended the connection, inside its callback. */
static void open_if_accepted(wsuv_conn_t *conn) {
  if (conn->phase == WSUV_STATE_OPENING_HANDSHAKE && conn->awake->upgrade != NULL &&
      conn->awake->upgrade->state == UPGRADE_ACCEPTED)
    open_accepted(conn);
}

/* Octets behind an opening handshake that was not answered yet, where the application wants none. */
static int is_too_early(const wsuv_conn_t *conn) {
  const struct wsuv_upgrade *upgrade = conn->awake->upgrade;

  return wsuv__upgrade_leftover_len(upgrade) > 0 && conn->server->refuse_early_data &&
         upgrade->head.upgrade && upgrade->head.state == HEAD_COMPLETE &&
         upgrade->state != UPGRADE_ACCEPTED;
}

static void refuse_early(wsuv_conn_t *conn) {
  if (conn->awake->upgrade->state == UPGRADE_AWAITING_DECISION)
    wsuv__upgrade_abandon(conn);
  wsuv__upgrade_refuse(conn, WSUV_EHTTP,
                       "octets behind the request, before its answer (RFC 6455 4.1)");
}

/* `len` octets were received; what is behind the head is kept. */
static void take_octets(wsuv_conn_t *conn, int err) {
  struct wsuv_upgrade *upgrade = conn->awake->upgrade;

  if (err != 0)
    wsuv__upgrade_refuse(conn, err, wsuv_strerror(err));
  else if (is_too_early(conn))
    refuse_early(conn);
  else if (upgrade->state == UPGRADE_READING_REQUEST && upgrade->head.state == HEAD_COMPLETE)
    take_request(conn, upgrade);
  open_if_accepted(conn);
}

/* For lack of memory. */
static void give_up(wsuv_conn_t *conn, int err) {
  wsuv__server_reject(conn, WSUV_REJECTED_RESOURCES);
  wsuv__conn_release(conn, err);
}

/* The first octet of a request. The handshake of the first one began with the connection; with a further one, on a connection
 * that was kept, it begins here. */
static int start_request(wsuv_conn_t *conn) {
  int err = wsuv__upgrade_start(conn);

  if (conn->awake->nresponded > 0)
    wsuv__server_begin_handshake(conn);
  if (err != 0)
    give_up(conn, err);
  else if (conn->awake->nresponded > 0)
    wsuv__conn_start_timeout(conn, conn->config->handshake_timeout_ms);
  return err;
}

void wsuv__upgrade_receive(wsuv_conn_t *conn, uint8_t *bytes, size_t len) {
  struct wsuv_upgrade *upgrade;
  size_t used = 0;
  int err = 0;

  if (conn->awake->upgrade == NULL && start_request(conn) != 0)
    return;
  upgrade = conn->awake->upgrade;
  if (upgrade->state == UPGRADE_READING_REQUEST)
    err = wsuv__head_parser_feed(&upgrade->head, bytes, len, &used);
  if (err == 0 && used < len &&
      wsuv__buf_append(&upgrade->leftover, &upgrade->allocator, bytes + used, len - used) != 0)
    give_up(conn, WSUV_ENOMEM);
  else
    take_octets(conn, err);
}

/* ---- what goes on outside of any caller ---- */

/* What the application had read of the request, or came behind the one before, and perhaps of what is behind it. It stays
 * where it is. */
static void take_leftover(wsuv_conn_t *conn) {
  struct wsuv_upgrade *upgrade = conn->awake->upgrade;
  size_t used;
  int err = wsuv__head_parser_feed(&upgrade->head, upgrade->leftover.base + upgrade->leftover_at,
                                   wsuv__upgrade_leftover_len(upgrade), &used);

  upgrade->leftover_at += used;
  if (wsuv__upgrade_leftover_len(upgrade) == 0) {
    wsuv__buf_free(&upgrade->leftover, &upgrade->allocator);
    upgrade->leftover_at = 0;
  }
  take_octets(conn, err);
}

/* An answer that waits for the transport keeps what is behind it waiting. */
static int has_answer_left(const wsuv_conn_t *conn) {
  return !conn->writing && wsuv__outbox_waiting(&conn->awake->endpoint.outbox) == 0;
}

/* The answer is out. Without a request that came ahead nothing but the connection itself remains. */
static void await_further(wsuv_conn_t *conn) {
  struct wsuv__buf leftover = conn->awake->upgrade->leftover;
  size_t at = conn->awake->upgrade->leftover_at;

  memset(&conn->awake->upgrade->leftover, 0, sizeof leftover);
  wsuv__upgrade_free(conn->awake->upgrade);
  if (conn->server->state != SERVER_RUNNING) {
    wsuv__conn_end_orderly(conn);
  } else if (leftover.len == at) {
    wsuv__server_settle_handshake(conn);
    wsuv__conn_start_timeout(conn, conn->server->keep_alive_timeout_ms);
  } else if (start_request(conn) == 0) {
    conn->awake->upgrade->leftover = leftover;
    conn->awake->upgrade->leftover_at = at;
    return;
  }
  wsuv__buf_free(&leftover, &conn->loop->allocator);
}

int wsuv__upgrade_owes_step(const wsuv_conn_t *conn) {
  const struct wsuv_upgrade *upgrade = conn->awake->upgrade;

  if (upgrade == NULL || conn->phase != WSUV_STATE_OPENING_HANDSHAKE)
    return 0;
  if (upgrade->state == UPGRADE_RESPONDED)
    return has_answer_left(conn);
  return upgrade->state == UPGRADE_READING_REQUEST && wsuv__upgrade_leftover_len(upgrade) > 0;
}

void wsuv__conn_advance_opening(wsuv_conn_t *conn) {
  struct wsuv_upgrade *upgrade = conn->awake->upgrade;

  if (conn->phase != WSUV_STATE_OPENING_HANDSHAKE)
    return;
  if (conn->server == NULL) {
    if (conn->awake->connect == NULL) /* attached: there was a handshake before */
      wsuv__conn_open(conn, NULL, 0);
    return;
  }
  if (upgrade == NULL)
    return;
  if (upgrade->state == UPGRADE_JUDGED)
    ask(conn, upgrade);
  else if (upgrade->state == UPGRADE_READING_REQUEST && wsuv__upgrade_leftover_len(upgrade) > 0)
    take_leftover(conn);
  else if (upgrade->state == UPGRADE_RESPONDED && has_answer_left(conn))
    await_further(conn);
  open_if_accepted(conn);
}
