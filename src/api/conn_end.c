#include "api/conn_end.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api/conn_rest.h"
#include "api/conn_tls.h"
#include "api/opening.h"
#include "api/server.h"
#include "api/stats.h"
#include "api/trace.h"
#include "proto/endpoint_closing.h"
#include "proto/endpoint_hold.h"

_Static_assert(sizeof(struct wsuv__send_state) <= sizeof(((wsuv_send_t *)0)->reserved),
               "a request has room for its place in the queue");

/* What callbacks add has to wait for the next round. */
void wsuv__conn_complete_sends(wsuv_conn_t *conn) {
  struct wsuv__list round;

  wsuv__list_init(&round);
  wsuv__list_splice(&round, &conn->awake->endpoint.outbox.done);
  while (!wsuv__list_is_empty(&round)) {
    struct wsuv__outbox_entry *entry =
        WSUV__LIST_ENTRY(round.next, struct wsuv__outbox_entry, link);
    wsuv_send_t *req = WSUV__LIST_ENTRY(entry, wsuv_send_t, reserved);
    int status = entry->status;
    wsuv__list_remove(&entry->link);
    req->cb(req, status);
  }
}

void wsuv__conn_set_detail(wsuv_conn_t *conn, const char *detail) {
  if (conn->awake->detail == NULL && detail[0] != '\0') /* the first failure is the cause */
    conn->awake->detail = wsuv__alloc_text(&conn->loop->allocator, detail);
}

void wsuv__conn_tell_fault(const wsuv_conn_t *conn, char *out, size_t size) {
  const struct wsuv__endpoint_config *config = &conn->config->endpoint;
  wsuv_endpoint_fault_t fault;

  out[0] = '\0';
  if (conn->awake == NULL)
    return;
  switch (wsuv_endpoint_fault(&conn->awake->endpoint, &fault)) {
  case WSUV_EMSGSIZE:
    (void)snprintf(out, size,
                   "message over max_message_size (%llu) or frame over max_frame_size (%llu)",
                   (unsigned long long)config->max_message_size,
                   (unsigned long long)config->rules.max_payload_len);
    break;
  case WSUV_EFRAGMENTS:
    (void)snprintf(out, size, "message in more than max_fragments (%u) frames (RFC 6455 10.4)",
                   (unsigned)config->max_fragments);
    break;
  case WSUV_ECONTROLRATE:
    (void)snprintf(out, size, "more than max_control_rate (%u) control frames within a second",
                   (unsigned)config->max_control_rate);
    break;
  case WSUV_EPROGRESS:
    (void)snprintf(out, size, "message slower than min_receive_rate (%llu octets a second)",
                   (unsigned long long)config->min_receive_rate);
    break;
  case WSUV_EIDLE:
    (void)snprintf(out, size, "no message in either direction for idle_timeout_ms (%llu)",
                   (unsigned long long)config->idle_timeout_ms);
    break;
  case WSUV_EOPCODE:
    (void)snprintf(out, size, "unknown opcode %u (RFC 6455 5.2)", (unsigned)fault.frame.opcode);
    break;
  case WSUV_ERSV:
    (void)snprintf(out, size, "reserved bits %u without an extension (RFC 6455 5.2)",
                   (unsigned)fault.frame.rsv);
    break;
  case WSUV_ECLOSECODE:
    (void)snprintf(out, size, "Close frame with code %d, which must not be sent (RFC 6455 7.4)",
                   fault.close_code);
    break;
  default:
    break;
  }
}

static void take_response(const wsuv_conn_t *conn, wsuv_close_info_t *info) {
  const struct wsuv__head_parser *head = &conn->awake->connect->head;
  wsuv_span_t body;

  if (!wsuv__connect_was_answered(conn->awake->connect))
    return;
  body = wsuv__head_parser_body(head);
  info->http_status = head->status;
  info->http_body = body.len > 0 ? (const char *)body.data : NULL;
  info->http_body_len = body.len;
}

/* One that rested has got no Close, and sent none. */
static void take_status(const wsuv_conn_t *conn, wsuv_close_status_t *status) {
  static const wsuv_close_status_t abnormal = {.code = WSUV_CLOSE_ABNORMAL, .reason = ""};

  if (conn->awake != NULL)
    wsuv_endpoint_close_status(&conn->awake->endpoint, status);
  else
    *status = abnormal;
}

/* `line` has room for WSUV_CLOSE_TEXT_MAX. */
static const char *detail_of(const wsuv_conn_t *conn, const wsuv_close_info_t *info, int fault,
                             char line[WSUV_CLOSE_TEXT_MAX]) {
  wsuv__conn_tell_fault(conn, line, WSUV_CLOSE_TEXT_MAX);
  if (line[0] != '\0' && info->error == fault)
    return line;
  if (conn->awake != NULL && conn->awake->detail != NULL)
    return conn->awake->detail;
  if (info->error == 0 && info->clean &&
      wsuv_close_format(line, WSUV_CLOSE_TEXT_MAX, info->code, info->reason, info->reason_len) > 0)
    return line;
  return wsuv_strerror(info->error);
}

/* `unsent` octets did not leave, and with them our Close if there was one: it is the last thing queued. */
static void report_close(wsuv_conn_t *conn, size_t unsent) {
  wsuv_close_info_t info;
  wsuv_close_status_t status;
  char line[WSUV_CLOSE_TEXT_MAX];

  memset(&info, 0, sizeof info);
  take_status(conn, &status);
  if (unsent > 0) {
    status.sent_code = 0;
    status.clean = 0;
  }
  info.code = wsuv__conn_tls_is_cause(conn) ? WSUV_CLOSE_TLS_HANDSHAKE : status.code;
  info.sent_code = status.sent_code;
  info.clean = status.clean;
  info.reason = status.reason;
  info.reason_len = status.reason_len;
  info.error = status.error != 0 || status.clean ? status.error : conn->error;
  if (info.error == WSUV_EABNORMAL && conn->error != 0)
    info.error = conn->error; /* how the transport ended says more */
  info.opened = conn->opened;
  info.detail = detail_of(conn, &info, status.error, line);
  if (conn->awake != NULL && conn->awake->connect != NULL && !conn->opened)
    take_response(conn, &info);
  wsuv__stats_count_close(conn, &info);
  conn->handler->on_close(conn, &info);
}

static void report_detached(wsuv_conn_t *conn) {
  wsuv_span_t leftover = wsuv__endpoint_undelivered(&conn->awake->endpoint);

  if (conn->awake->detach_cb != NULL && conn->error == 0)
    conn->awake->detach_cb(conn, conn->stream.handle, leftover.data, leftover.len);
}

/* What one that rested does not owe. */
static void report_rest(wsuv_conn_t *conn) {
  wsuv__endpoint_end_sends(&conn->awake->endpoint);
  wsuv__conn_complete_sends(conn);
  report_detached(conn);
  if (wsuv__trace_owes_failure(conn))
    wsuv__trace_tell_failure(conn);
}

static void end(wsuv_conn_t *conn) {
  wsuv_loop_t *loop = conn->loop;
  wsuv_server_t *server = conn->server;
  size_t unsent = wsuv__conn_waiting(conn) + wsuv__conn_tls_unsent(conn);

  conn->depth++; /* nothing that callbacks do may pump any more */
  if (conn->awake != NULL)
    report_rest(conn);
  if (conn->handed_out == CONN_HANDED_OUT)
    report_close(conn, unsent);
  wsuv__stats_count_ended(conn);
  wsuv__upgrade_abandon(conn);
  wsuv__connect_free(conn);
  wsuv__conn_end_awake(conn);
  wsuv__conn_tls_free(conn);
  if (conn->id_number != 0)
    wsuv__conn_ids_drop(&loop->conn_ids, conn->id_number);
  wsuv__wheel_clear(&conn->deadline);
  if (server != NULL)
    wsuv__server_part_with(conn);
  wsuv__list_remove(&conn->link);
  wsuv__budget_forget(&loop->budget, conn);
  wsuv__release(&loop->allocator, conn->subprotocol);
  wsuv__release(&loop->allocator, conn);
  if (server != NULL)
    wsuv__server_forget(server);
  else
    wsuv__loop_forget(loop);
}

void wsuv__conn_settle_pending(wsuv_conn_t *conn) {
  assert(conn->pending > 0);
  if (--conn->pending == 0 && conn->phase == WSUV_STATE_RELEASING)
    end(conn);
}

void wsuv__conn_release(wsuv_conn_t *conn, int err) {
  if (conn->phase == WSUV_STATE_RELEASING)
    return;
  if (conn->error == 0 && conn->phase != WSUV_STATE_CLOSING_TRANSPORT)
    conn->error = err;
  wsuv__connect_cancel(conn);
  wsuv__conn_set_phase(conn, WSUV_STATE_RELEASING);
  if (conn->awake != NULL) /* nothing is parsed any more */
    (void)wsuv__endpoint_closing_step(&conn->awake->endpoint, CLOSING_ON_EOF);
  wsuv__wheel_clear(&conn->deadline);
  wsuv__conn_set_hold(conn, HOLD_NONE);
  conn->reading = 0;
  if (conn->transport == TRANSPORT_OPEN) {
    conn->transport = TRANSPORT_CLOSING;
    wsuv__conn_top(conn)->ops->close(wsuv__conn_top(conn));
  }
  assert(conn->pending > 0);
}
