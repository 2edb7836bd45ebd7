/* The application's answers. */
#include <string.h>

#include "api/admission.h"
#include "api/conn_rest.h"
#include "api/opening.h"
#include "api/server.h"
#include "http/response.h"
#include "http/token.h"

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
    err = wsuv__outbox_append_raw(&upgrade->conn->awake->endpoint.outbox, text.data, text.len);
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

/* Whether it may be answered, and whether the answer is one: 0, WSUV_ECANCELED (and an orphan is gone), WSUV_ESTATE. */
static int judge_turn(struct wsuv_upgrade *upgrade) {
  if (is_orphan(upgrade))
    return WSUV_ECANCELED;
  return upgrade->state == UPGRADE_AWAITING_DECISION ? 0 : WSUV_ESTATE;
}

/* Its end may be under way. */
static int judge_phase(struct wsuv_upgrade *upgrade) {
  if (upgrade->conn->phase == WSUV_STATE_OPENING_HANDSHAKE)
    return 0;
  upgrade->state = UPGRADE_READING_REQUEST;
  return WSUV_ECANCELED;
}

struct answer {
  int status;
  const wsuv_header_t *headers;
  size_t nheaders;
  const void *body;
  size_t body_len;
  int keeps; /* the connection goes on */
};

/* The whole answer into `text`, which is empty after an error. */
static int write_answer(struct wsuv_upgrade *upgrade, const struct answer *answer,
                        struct wsuv__buf *text) {
  int err;

  if (answer->status < 200 || answer->status > 599 ||
      (answer->body == NULL && answer->body_len > 0))
    return WSUV_EINVAL;
  err = judge_phase(upgrade);
  if (err != 0)
    return err;
  err = (answer->keeps ? wsuv__response_write_kept : wsuv__response_write)(
      text, &upgrade->allocator, answer->status, answer->headers, answer->nheaders, answer->body,
      answer->body_len);
  if (err != 0)
    wsuv__buf_free(text, &upgrade->allocator);
  else if (strcmp(wsuv_upgrade_method(upgrade), "HEAD") == 0)
    text->len -= answer->body_len; /* the head says what GET would get (RFC 9110 9.3.2) */
  return err;
}

static int end_with_answer(struct wsuv_upgrade *upgrade, const struct answer *answer) {
  struct wsuv__buf text = {NULL, 0, 0};
  wsuv_conn_t *conn = upgrade->conn;
  int err = write_answer(upgrade, answer, &text);

  if (err != 0)
    return err;
  if (upgrade->kind == REQUEST_UPGRADE)
    wsuv__server_reject(conn, WSUV_REJECTED_BY_APPLICATION);
  wsuv__upgrade_end_with(conn, &text, 0);
  return 0;
}

int wsuv_upgrade_reject(wsuv_upgrade_t *upgrade, int status, const wsuv_header_t *headers,
                        size_t nheaders, const void *body, size_t body_len) {
  const struct answer answer = {status, headers, nheaders, body, body_len, 0};
  int err = judge_turn(upgrade);

  return err == 0 ? end_with_answer(upgrade, &answer) : err;
}

static int is_redirection(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* What a URI reference is written with (RFC 3986 2). */
static int is_location(const char *location) {
  size_t i;

  if (location == NULL)
    return 0;
  for (i = 0; location[i] != '\0'; i++)
    if (location[i] <= ' ' || location[i] > '~')
      return 0;
  return i > 0;
}

int wsuv_upgrade_redirect(wsuv_upgrade_t *upgrade, int status, const char *location) {
  const wsuv_header_t header = {"Location", location, 0, 0};
  const struct answer answer = {status, &header, 1, NULL, 0, 0};
  int err = judge_turn(upgrade);

  if (err == 0 && (!is_redirection(status) || !is_location(location)))
    err = WSUV_EINVAL;
  return err == 0 ? end_with_answer(upgrade, &answer) : err;
}

/* ---- answers that keep the connection ---- */

static int asks_to_close(const struct wsuv__head_parser *head) {
  wsuv_header_t connection;
  size_t nth;

  for (nth = 0; wsuv__head_parser_find(head, "Connection", nth, &connection); nth++) {
    struct wsuv__text rest = {connection.value, connection.value_len};
    struct wsuv__text token;
    int got;
    while ((got = wsuv__token_next(&rest, &token)) != 0)
      if (got == 1 && wsuv__token_is(token.data, token.len, "close"))
        return 1;
  }
  return 0;
}

/* RFC 9112 9.3; an HTTP/1.0 request does not come so far. */
static int keeps_connection(const struct wsuv_upgrade *upgrade) {
  const wsuv_conn_t *conn = upgrade->conn;
  const wsuv_server_t *server = conn->server;

  return server->state == SERVER_RUNNING && conn->awake->nresponded + 1ULL < server->max_requests &&
         !asks_to_close(&upgrade->head);
}

/* The head's memory goes when this is out: the application may still be inside its callback. */
static int keep_with_answer(struct wsuv_upgrade *upgrade, const struct answer *answer) {
  struct wsuv__buf text = {NULL, 0, 0};
  wsuv_conn_t *conn = upgrade->conn;
  int err = write_answer(upgrade, answer, &text);

  if (err == 0)
    err = wsuv__outbox_append_raw(&conn->awake->endpoint.outbox, text.base, text.len);
  wsuv__buf_free(&text, &conn->loop->allocator);
  if (err != 0)
    return err;
  upgrade->state = UPGRADE_RESPONDED;
  if (conn->awake->nresponded < UINT32_MAX)
    conn->awake->nresponded++;
  conn->awake->endpoint.outbox.has_moved = 0;
  wsuv__conn_start_close_timeout(conn);
  wsuv__conn_mark(conn);
  return 0;
}

int wsuv_upgrade_respond(wsuv_upgrade_t *request, int status, const wsuv_header_t *headers,
                         size_t nheaders, const void *body, size_t body_len) {
  struct answer answer = {status, headers, nheaders, body, body_len, 0};
  int err = judge_turn(request);

  if (err == 0 && request->kind != REQUEST_PLAIN)
    err = WSUV_ESTATE;
  if (err != 0)
    return err;
  answer.keeps = keeps_connection(request);
  return answer.keeps ? keep_with_answer(request, &answer) : end_with_answer(request, &answer);
}
