/* How requests end that the application does not answer. */
#include "api/admission.h"
#include "api/conn_rest.h"
#include "api/server.h"
#include "api/upgrade.h"
#include "http/response.h"

/* The end of an extension's session is user code, which may stop the server: it finds a connection that is ending. */
void wsuv__upgrade_end_with(wsuv_conn_t *conn, struct wsuv__buf *text, int err) {
  if (conn->awake->upgrade != NULL)
    conn->awake->upgrade->state = UPGRADE_READING_REQUEST; /* not the application's any more */
  if (err == 0)
    wsuv__conn_end_with_response(conn, text);
  else
    wsuv__conn_release(conn, err);
  wsuv__buf_free(text, &conn->loop->allocator);
  if (conn->awake->upgrade != NULL)
    wsuv__upgrade_free(conn->awake->upgrade);
  wsuv__conn_mark(conn);
}

static wsuv_rejection_t rejection_of(int err) {
  switch (err) {
  case WSUV_EORIGIN:
    return WSUV_REJECTED_ORIGIN;
  case WSUV_ENOMEM:
    return WSUV_REJECTED_RESOURCES;
  default:
    return WSUV_REJECTED_MALFORMED;
  }
}

void wsuv__upgrade_refuse(wsuv_conn_t *conn, int err, const char *detail) {
  struct wsuv__buf text = {NULL, 0, 0};
  int rc = wsuv__response_write_refusal(&text, &conn->loop->allocator, err, detail);

  wsuv__server_reject(conn, rejection_of(err));
  wsuv__conn_set_detail(conn, detail);
  conn->error = err;
  wsuv__upgrade_end_with(conn, &text, rc);
}

void wsuv__upgrade_refuse_busy(wsuv_conn_t *conn) {
  const wsuv_server_t *server = conn->server;
  int status = conn->turned_away == WSUV_REJECTED_ADDRESS + 1 ? 429 : 503;
  const wsuv_header_t retry = {"Retry-After", server->retry_after, 0, 0};
  struct wsuv__buf text = {NULL, 0, 0};
  int err = wsuv__response_write(&text, &conn->loop->allocator, status, &retry,
                                 server->retry_after[0] != '\0', NULL, 0);

  wsuv__upgrade_end_with(conn, &text, err);
}

void wsuv__upgrade_refuse_stopping(wsuv_conn_t *conn) {
  wsuv__server_reject(conn, WSUV_REJECTED_STOPPING);
  wsuv__upgrade_refuse_busy(conn);
}

static void refuse_slow(wsuv_conn_t *conn) {
  struct wsuv__buf text = {NULL, 0, 0};
  int err = wsuv__response_write(&text, &conn->loop->allocator, 408, NULL, 0, NULL, 0);

  conn->error = WSUV_ETIMEDOUT;
  wsuv__upgrade_end_with(conn, &text, err);
}

/* An answer that is being taken may take its time. */
static void give_up_answer(wsuv_conn_t *conn) {
  struct wsuv__outbox *outbox = &conn->awake->endpoint.outbox;

  if (outbox->has_moved)
    wsuv__conn_start_close_timeout(conn);
  else
    wsuv__conn_release(conn, WSUV_ETIMEDOUT);
  outbox->has_moved = 0;
}

/* A peer that said nothing is told nothing: it may have connected in advance. */
static void end_unasked(wsuv_conn_t *conn) {
  if (conn->awake->nresponded > 0) {
    wsuv__conn_end_orderly(conn);
    return;
  }
  wsuv__server_reject(conn, WSUV_REJECTED_SLOW);
  wsuv__conn_release(conn, WSUV_ETIMEDOUT);
}

void wsuv__upgrade_time_out(wsuv_conn_t *conn) {
  const struct wsuv_upgrade *upgrade = conn->awake->upgrade;

  if (upgrade == NULL) {
    end_unasked(conn);
    return;
  }
  if (upgrade->state == UPGRADE_RESPONDED) {
    give_up_answer(conn);
    return;
  }
  if (upgrade->kind == REQUEST_UPGRADE)
    wsuv__server_reject(conn, WSUV_REJECTED_SLOW);
  if (upgrade->state == UPGRADE_READING_REQUEST && upgrade->head.total > 0)
    refuse_slow(conn);
  else
    wsuv__conn_release(conn, WSUV_ETIMEDOUT);
}

void wsuv__upgrade_stop(wsuv_conn_t *conn) {
  const struct wsuv_upgrade *upgrade;

  if (conn->phase != WSUV_STATE_OPENING_HANDSHAKE)
    return;
  upgrade = conn->awake->upgrade;
  if (upgrade == NULL && conn->awake->nresponded > 0) {
    wsuv__conn_end_orderly(conn);
    wsuv__conn_mark(conn);
  } else if (upgrade == NULL || upgrade->state == UPGRADE_READING_REQUEST ||
             upgrade->state == UPGRADE_JUDGED) {
    wsuv__upgrade_refuse_stopping(conn);
  }
}
