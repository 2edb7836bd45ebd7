/* Requests that the application's own HTTP server has parsed. They are written out again for the head parser, so that one
 * set of rules and limits judges every request. */
#include <stdio.h>
#include <string.h>

#include "api/admission.h"
#include "api/adopt.h"
#include "api/conn_rest.h"
#include "api/opening.h"
#include "api/server.h"
#include "http/token.h"

static struct wsuv__text text_of(const char *data, size_t len) {
  struct wsuv__text text = {data, len};

  if (data != NULL && len == 0)
    text.len = strlen(data);
  return text;
}

static int feed(struct wsuv__head_parser *head, struct wsuv__text text) {
  size_t used;

  return wsuv__head_parser_feed(head, (const uint8_t *)text.data, text.len, &used);
}

/* A text of the application's: it must not end the line that it is a part of. */
static int feed_part(struct wsuv__head_parser *head, struct wsuv__text part) {
  if (part.len == 0)
    return 0;
  if (memchr(part.data, '\r', part.len) != NULL || memchr(part.data, '\n', part.len) != NULL)
    return WSUV_EHTTP;
  return feed(head, part);
}

static int feed_request_line(struct wsuv__head_parser *head, const wsuv_request_t *r) {
  struct wsuv__text method = text_of(r->method, r->method_len);
  struct wsuv__text target = text_of(r->target, r->target_len);
  char version[32];
  int n = snprintf(version, sizeof version, " HTTP/%d.%d\r\n", r->version_major, r->version_minor);
  int err = feed_part(head, method);

  if (err == 0)
    err = feed(head, text_of(" ", 1));
  if (err == 0)
    err = feed_part(head, target);
  if (err == 0)
    err = feed(head, text_of(version, (size_t)n));
  return err;
}

static int feed_field(struct wsuv__head_parser *head, const wsuv_header_t *field) {
  struct wsuv__text name = text_of(field->name, field->name_len);
  int err;

  if (name.len == 0 || memchr(name.data, ':', name.len) != NULL)
    return WSUV_EHTTP;
  err = feed_part(head, name);
  if (err == 0)
    err = feed(head, text_of(": ", 2));
  if (err == 0)
    err = feed_part(head, text_of(field->value, field->value_len));
  if (err == 0)
    err = feed(head, text_of("\r\n", 2));
  return err;
}

static int feed_request(struct wsuv__head_parser *head, const wsuv_request_t *r) {
  int err = feed_request_line(head, r);
  size_t i;

  for (i = 0; err == 0 && i < r->nheaders; i++)
    err = feed_field(head, &r->headers[i]);
  return err == 0 ? feed(head, text_of("\r\n", 2)) : err;
}

static int judge_arguments(const wsuv_request_t *r) {
  if (r == NULL || r->size < sizeof *r || r->method == NULL || r->target == NULL)
    return WSUV_EINVAL;
  if (r->nheaders > 0 && r->headers == NULL)
    return WSUV_EINVAL;
  return 0;
}

/* Hooks of extensions run here, which may end the server: it does not see a connection that has no transport yet. */
static int judge_alone(wsuv_server_t *server, wsuv_conn_t *conn) {
  int err;

  wsuv__list_remove(&conn->link);
  err = wsuv__upgrade_judge(conn->awake->upgrade);
  wsuv__list_append(&server->conns, &conn->link);
  if (err != 0)
    return err;
  if (server->state != SERVER_RUNNING) {
    wsuv__server_reject(conn, WSUV_REJECTED_STOPPING);
    return server->state == SERVER_DRAINING ? WSUV_EBUSY : WSUV_ESTATE;
  }
  if (!wsuv__budget_is_exhausted(&server->loop->budget))
    return 0;
  wsuv__server_reject(conn, WSUV_REJECTED_BUDGET);
  return WSUV_EBUSY;
}

int wsuv_upgrade_from_request(wsuv_server_t *server, uv_stream_t *stream,
                              const wsuv_request_t *request, const wsuv_adopt_options_t *options) {
  int err = judge_arguments(request);
  wsuv_conn_t *conn;

  if (err == 0)
    err = wsuv__adopt_judge_for(server, stream, options);
  if (err != 0)
    return err;
  err = wsuv__adopt_new_conn(server, &conn, stream, options);
  if (err != 0)
    return err;
  err = feed_request(&conn->awake->upgrade->head, request);
  if (err == 0)
    err = judge_alone(server, conn);
  if (err != 0) {
    wsuv__server_drop_conn(conn);
    return err;
  }
  conn->awake->upgrade->state = UPGRADE_JUDGED;
  wsuv__adopt_take(conn, stream, options);
  return 0;
}
