#include <string.h>

#include "api/opening.h"
#include "api/server.h"
#include "http/response.h"
#include "http/token.h"

static int new_handshake(const wsuv_server_t *server, const wsuv_allocator_t *a,
                         wsuv_handshake_t **out) {
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);

  options.allocator = a;
  options.subprotocols = (const char *const *)server->subprotocols;
  options.nsubprotocols = server->nsubprotocols;
  options.extensions = server->extensions;
  options.nextensions = server->nextensions;
  options.require_subprotocol = server->require_subprotocol;
  options.require_origin = server->require_origin;
  options.origins = (const char *const *)server->origins;
  options.norigins = server->norigins;
  return wsuv_handshake_new(out, &options);
}

int wsuv__server_try_handshake(const wsuv_server_t *server) {
  wsuv_handshake_t *handshake;
  int err = new_handshake(server, &server->loop->allocator, &handshake);

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
  err = new_handshake(conn->server, a, &upgrade->handshake);
  if (err != 0) {
    wsuv__release(a, upgrade);
    return err;
  }
  wsuv__head_parser_init(&upgrade->head, HEAD_REQUEST, &conn->config->head, a);
  conn->upgrade = upgrade;
  return 0;
}

void wsuv__upgrade_free(struct wsuv_upgrade *upgrade) {
  wsuv_allocator_t a = upgrade->allocator;

  if (upgrade->conn != NULL)
    upgrade->conn->upgrade = NULL;
  wsuv_handshake_free(upgrade->handshake);
  wsuv__head_parser_free(&upgrade->head);
  wsuv__buf_free(&upgrade->leftover, &a);
  wsuv__release(&a, upgrade);
}

void wsuv__upgrade_abandon(wsuv_conn_t *conn) {
  struct wsuv_upgrade *upgrade = conn->upgrade;

  if (upgrade == NULL)
    return;
  if (upgrade->state != UPGRADE_AWAITING_DECISION) {
    wsuv__upgrade_free(upgrade);
    return;
  }
  upgrade->state = UPGRADE_ORPHANED;
  upgrade->conn = NULL;
  conn->upgrade = NULL;
}

/* The final answer, and with it the end in an orderly way; at once where the answer could not be made. Frees `text`. */
static void end_with(wsuv_conn_t *conn, struct wsuv__buf *text, int err) {
  if (conn->upgrade != NULL)
    wsuv__upgrade_free(conn->upgrade);
  if (err == 0)
    wsuv__conn_end_with_response(conn, text);
  else
    wsuv__conn_release(conn, err);
  wsuv__buf_free(text, &conn->loop->allocator);
  wsuv__conn_mark(conn);
}

/* A fault in the request. */
static void refuse(wsuv_conn_t *conn, int err, const char *detail) {
  struct wsuv__buf text = {NULL, 0, 0};
  int rc = wsuv__response_write_refusal(&text, &conn->loop->allocator, err, detail);

  wsuv__conn_set_detail(conn, detail);
  conn->error = err;
  end_with(conn, &text, rc);
}

void wsuv__upgrade_refuse_busy(wsuv_conn_t *conn) {
  const wsuv_server_t *server = conn->server;
  int status = conn->turned_away == WSUV_REJECTED_ADDRESS + 1 ? 429 : 503;
  const wsuv_header_t retry = {"Retry-After", server->retry_after, 0, 0};
  struct wsuv__buf text = {NULL, 0, 0};
  int err = wsuv__response_write(&text, &conn->loop->allocator, status, &retry,
                                 server->retry_after[0] != '\0', NULL, 0);

  if (conn->turned_away == 0)
    wsuv__server_count_rejection(conn->server, WSUV_REJECTED_STOPPING);
  end_with(conn, &text, err);
}

void wsuv__upgrade_refuse_slow(wsuv_conn_t *conn) {
  struct wsuv__buf text = {NULL, 0, 0};
  int err = wsuv__response_write(&text, &conn->loop->allocator, 408, NULL, 0, NULL, 0);

  conn->error = WSUV_ETIMEDOUT;
  end_with(conn, &text, err);
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

  if (err == 0 || wsuv_upgrade_reject(upgrade, 503, NULL, 0, NULL, 0) == 0)
    return;
  upgrade->state = UPGRADE_READING_REQUEST;
  wsuv__conn_release(conn, err);
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
    refuse(conn, WSUV_EHTTP, "Host is missing, malformed or there twice (RFC 9112 3.2)");
    return;
  }
  upgrade->kind = REQUEST_PLAIN;
  upgrade->state = UPGRADE_AWAITING_DECISION;
  conn->server->handler->on_request(conn->server, upgrade);
}

/* The request is whole: who decides? */
static void take_request(wsuv_conn_t *conn, struct wsuv_upgrade *upgrade) {
  const wsuv_server_handler_t *handler = conn->server->handler;
  int err = wsuv__upgrade_judge(upgrade);

  if (conn->phase != WSUV_STATE_OPENING_HANDSHAKE)
    return;
  if (conn->server->state != SERVER_RUNNING) { /* closed by a hook of an extension's */
    wsuv__upgrade_refuse_busy(conn);
    return;
  }
  if (err != 0 && handler->on_request != NULL && is_plain(upgrade, err) &&
      !upgrade->head.has_body) {
    take_plain(conn, upgrade);
  } else if (err != 0) {
    refuse(conn, err, wsuv_handshake_detail(upgrade->handshake));
  } else {
    ask(conn, upgrade);
  }
}

/* Accepted: the head's memory goes, the connection opens, what came behind the head is read as frames. */
static void open_accepted(wsuv_conn_t *conn, uint8_t *bytes, size_t len) {
  struct wsuv__buf leftover = conn->upgrade->leftover;

  memset(&conn->upgrade->leftover, 0, sizeof leftover);
  wsuv__upgrade_free(conn->upgrade);
  if (leftover.len > 0)
    wsuv__conn_open(conn, leftover.base, leftover.len);
  else
    wsuv__conn_open(conn, bytes, len);
  wsuv__buf_free(&leftover, &conn->loop->allocator);
}

/* The application may have answered, or ended the connection, inside its callback. */
static void go_on(wsuv_conn_t *conn, uint8_t *rest, size_t len) {
  struct wsuv_upgrade *upgrade = conn->upgrade;

  if (upgrade == NULL || conn->phase != WSUV_STATE_OPENING_HANDSHAKE)
    return;
  if (upgrade->state == UPGRADE_ACCEPTED)
    open_accepted(conn, rest, len);
  else if (wsuv__buf_append(&upgrade->leftover, &upgrade->allocator, rest, len) != 0)
    wsuv__conn_release(conn, WSUV_ENOMEM);
}

/* Octets behind an opening handshake that was not answered yet, where the application wants none. */
static int is_too_early(const wsuv_conn_t *conn, size_t len) {
  const struct wsuv_upgrade *upgrade = conn->upgrade;

  return len > 0 && conn->server->refuse_early_data && upgrade->head.upgrade &&
         upgrade->head.state == HEAD_COMPLETE && upgrade->state != UPGRADE_ACCEPTED;
}

void wsuv__upgrade_receive(wsuv_conn_t *conn, uint8_t *bytes, size_t len) {
  struct wsuv_upgrade *upgrade = conn->upgrade;
  size_t used = len;
  int err = 0;

  if (upgrade->state == UPGRADE_READING_REQUEST)
    err = wsuv__head_parser_feed(&upgrade->head, bytes, len, &used);
  else
    used = 0;
  if (err != 0) {
    refuse(conn, err, wsuv_strerror(err));
    return;
  }
  if (is_too_early(conn, len - used)) {
    if (upgrade->state == UPGRADE_AWAITING_DECISION)
      wsuv__upgrade_abandon(conn);
    refuse(conn, WSUV_EHTTP, "octets behind the request, before its answer (RFC 6455 4.1)");
    return;
  }
  if (upgrade->state == UPGRADE_READING_REQUEST && upgrade->head.state == HEAD_COMPLETE)
    take_request(conn, upgrade);
  if (used < len)
    go_on(conn, bytes + used, len - used);
  else if (conn->upgrade != NULL && conn->upgrade->state == UPGRADE_ACCEPTED)
    go_on(conn, NULL, 0);
}

/* What the application had read of the request, and perhaps of what is behind it. */
static void receive_given(wsuv_conn_t *conn) {
  struct wsuv__buf given = conn->upgrade->leftover;

  memset(&conn->upgrade->leftover, 0, sizeof given);
  wsuv__upgrade_receive(conn, given.base, given.len);
  wsuv__buf_free(&given, &conn->loop->allocator);
}

void wsuv__conn_advance_opening(wsuv_conn_t *conn) {
  struct wsuv_upgrade *upgrade = conn->upgrade;

  if (conn->phase != WSUV_STATE_OPENING_HANDSHAKE)
    return;
  if (upgrade == NULL) {
    if (conn->connect == NULL) /* attached: there was a handshake before */
      wsuv__conn_open(conn, NULL, 0);
  } else if (upgrade->state == UPGRADE_READING_REQUEST && upgrade->leftover.len > 0) {
    receive_given(conn);
  } else if (upgrade->state == UPGRADE_JUDGED) {
    ask(conn, upgrade);
    wsuv__conn_advance_opening(conn);
  } else if (upgrade->state == UPGRADE_ACCEPTED) {
    open_accepted(conn, NULL, 0);
  }
}

/* The application's pointer ends here; an orphan's memory with it. Non-zero: the peer is gone. */
static int is_orphan(struct wsuv_upgrade *upgrade) {
  if (upgrade->state == UPGRADE_ORPHANED) {
    wsuv__upgrade_free(upgrade);
    return 1;
  }
  return 0;
}

static int choose_subprotocol(struct wsuv_upgrade *upgrade, const wsuv_accept_options_t *options) {
  const char *wanted = options->subprotocol;

  if (wanted == NULL)
    return 0;
  return wsuv_handshake_select_subprotocol(upgrade->handshake, wanted[0] != '\0' ? wanted : NULL);
}

int wsuv__conn_keep_subprotocol(wsuv_conn_t *conn, const wsuv_handshake_t *handshake) {
  const char *chosen = wsuv_handshake_subprotocol(handshake);

  wsuv__release(&conn->loop->allocator, conn->subprotocol); /* of an answer that failed */
  conn->subprotocol = NULL;
  if (chosen == NULL)
    return 0;
  conn->subprotocol = wsuv__alloc_text(&conn->loop->allocator, chosen);
  return conn->subprotocol != NULL ? 0 : WSUV_ENOMEM;
}

static int write_response(struct wsuv_upgrade *upgrade, const wsuv_accept_options_t *options) {
  wsuv_span_t text;
  int err = choose_subprotocol(upgrade, options);

  if (err == 0)
    err = wsuv_handshake_response(upgrade->handshake, options->headers, options->nheaders, &text);
  if (err == 0)
    err = wsuv__conn_keep_subprotocol(upgrade->conn, upgrade->handshake);
  if (err == 0)
    err = wsuv__outbox_append_raw(&upgrade->conn->endpoint.outbox, text.data, text.len);
  return err;
}

static int queue_response(struct wsuv_upgrade *upgrade, const wsuv_accept_options_t *options) {
  wsuv_conn_t *conn = upgrade->conn;
  struct wsuv__extensions *set;
  int err = wsuv__conn_prepare_extensions(conn, upgrade->handshake, &set);

  if (err != 0)
    return err;
  err = write_response(upgrade, options);
  if (err == 0)
    wsuv__conn_use_extensions(conn, upgrade->handshake, set);
  else
    wsuv__conn_discard_extensions(conn, set);
  return err;
}

int wsuv_upgrade_accept(wsuv_upgrade_t *upgrade, const wsuv_accept_options_t *options) {
  static const wsuv_accept_options_t presets = WSUV_ACCEPT_OPTIONS_INIT;
  const wsuv_accept_options_t *o = options != NULL ? options : &presets;
  wsuv_conn_t *conn = upgrade->conn;
  int err;

  if (is_orphan(upgrade))
    return WSUV_ECANCELED;
  if (upgrade->state != UPGRADE_AWAITING_DECISION || upgrade->kind != REQUEST_UPGRADE)
    return WSUV_ESTATE;
  if (o->size < sizeof *o)
    return WSUV_EINVAL;
  if (conn->phase != WSUV_STATE_OPENING_HANDSHAKE) { /* its end is under way */
    upgrade->state = UPGRADE_READING_REQUEST;
    return WSUV_ECANCELED;
  }
  err = queue_response(upgrade, o);
  if (err != 0)
    return err;
  upgrade->state = UPGRADE_ACCEPTED;
  conn->data = o->data;
  conn->handed_out = CONN_HANDED_OUT;
  wsuv__conn_mark(conn);
  return 0;
}

int wsuv_upgrade_reject(wsuv_upgrade_t *upgrade, int status, const wsuv_header_t *headers,
                        size_t nheaders, const void *body, size_t body_len) {
  wsuv_conn_t *conn = upgrade->conn;
  struct wsuv__buf text = {NULL, 0, 0};
  int err;

  if (is_orphan(upgrade))
    return WSUV_ECANCELED;
  if (upgrade->state != UPGRADE_AWAITING_DECISION)
    return WSUV_ESTATE;
  if (status < 200 || status > 599 || (body == NULL && body_len > 0))
    return WSUV_EINVAL;
  if (conn->phase != WSUV_STATE_OPENING_HANDSHAKE) {
    upgrade->state = UPGRADE_READING_REQUEST;
    return WSUV_ECANCELED;
  }
  err = wsuv__response_write(&text, &upgrade->allocator, status, headers, nheaders, body, body_len);
  if (err != 0) {
    wsuv__buf_free(&text, &upgrade->allocator);
    return err;
  }
  if (strcmp(wsuv_upgrade_method(upgrade), "HEAD") == 0)
    text.len -= body_len; /* the head says what GET would get (RFC 9110 9.3.2) */
  end_with(conn, &text, 0);
  return 0;
}
