/* What the application asks of a connection. */
#include <string.h>

#include "api/conn.h"
#include "api/conn_end.h"
#include "proto/endpoint_send.h"

/* Also from outside of events, where the endpoint's time may be old. */
static int judge_phase(wsuv_conn_t *conn) {
  if (conn->phase != WSUV_STATE_OPEN)
    return WSUV_ESTATE;
  wsuv__endpoint_set_now(&conn->endpoint, wsuv__loop_now_ms(&conn->loop->io));
  return 0;
}

static void note_output(wsuv_conn_t *conn) {
  if (wsuv__outbox_waiting(&conn->endpoint.outbox) > conn->config->write_high_water)
    conn->water = WATER_HIGH;
  wsuv__conn_mark(conn);
}

int wsuv_conn_send_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                           int flags) {
  int err;

  err = judge_phase(conn);
  if (err != 0)
    return err;
  err = wsuv_endpoint_send_message(&conn->endpoint, type, payload, len, flags);
  note_output(conn); /* also after an error: the transport may have turned out to be broken */
  return err;
}

int wsuv_conn_send_text(wsuv_conn_t *conn, const void *payload, size_t len) {
  return wsuv_conn_send_message(conn, WSUV_TEXT, payload, len, 0);
}

int wsuv_conn_send_binary(wsuv_conn_t *conn, const void *payload, size_t len) {
  return wsuv_conn_send_message(conn, WSUV_BINARY, payload, len, 0);
}

int wsuv_conn_send_prepared(wsuv_conn_t *conn, wsuv_prepared_t *prepared) {
  int err;

  err = judge_phase(conn);
  if (err != 0)
    return err;
  err = wsuv_endpoint_send_prepared(&conn->endpoint, prepared);
  note_output(conn);
  return err;
}

int wsuv_conn_send(wsuv_conn_t *conn, wsuv_send_t *req, wsuv_opcode_t type, const void *payload,
                   size_t len, int flags, wsuv_send_cb cb) {
  int err;

  if (cb == NULL)
    return WSUV_EINVAL;
  err = judge_phase(conn);
  if (err != 0)
    return err;
  err = wsuv__endpoint_send_request(&conn->endpoint, &wsuv__send_state_of(req)->entry, type,
                                    payload, len, flags);
  if (err == 0)
    req->cb = cb;
  note_output(conn);
  return err;
}

int wsuv_conn_send_begin(wsuv_conn_t *conn, wsuv_opcode_t type, int flags) {
  if (conn->phase != WSUV_STATE_OPEN)
    return WSUV_ESTATE;
  return wsuv_endpoint_send_begin(&conn->endpoint, type, flags);
}

int wsuv_conn_send_chunk(wsuv_conn_t *conn, const void *payload, size_t len, int flags) {
  int err;

  err = judge_phase(conn);
  if (err != 0)
    return err;
  err = wsuv_endpoint_send_chunk(&conn->endpoint, payload, len, flags);
  note_output(conn);
  return err;
}

int wsuv_conn_send_end(wsuv_conn_t *conn, const void *payload, size_t len) {
  int err;

  err = judge_phase(conn);
  if (err != 0)
    return err;
  err = wsuv_endpoint_send_end(&conn->endpoint, payload, len);
  note_output(conn);
  return err;
}

int wsuv_conn_ping(wsuv_conn_t *conn, const void *payload, size_t len) {
  int err;

  err = judge_phase(conn);
  if (err != 0)
    return err;
  err = wsuv_endpoint_ping(&conn->endpoint, payload, len);
  note_output(conn);
  return err;
}

int wsuv_conn_send_frame(wsuv_conn_t *conn, const wsuv_frame_header_t *frame, const void *payload,
                         size_t len) {
  int err;

  err = judge_phase(conn);
  if (err != 0)
    return err;
  err = wsuv_endpoint_send_frame(&conn->endpoint, frame, payload, len);
  note_output(conn);
  return err;
}

int wsuv_conn_close(wsuv_conn_t *conn, int code, const char *reason) {
  size_t len = reason != NULL ? strlen(reason) : 0;
  uint8_t payload[WSUV_CONTROL_PAYLOAD_MAX];
  int err;

  if (code == 0)
    code = WSUV_CLOSE_NORMAL;
  if (wsuv_close_payload_encode(code, reason, len, payload) < 0)
    return WSUV_EINVAL;
  if (conn->phase > WSUV_STATE_OPEN)
    return WSUV_ESTATE;
  if (conn->phase < WSUV_STATE_OPEN) {
    wsuv__conn_release(conn, WSUV_ECANCELED);
    return 0;
  }
  wsuv__endpoint_set_now(&conn->endpoint, wsuv__loop_now_ms(&conn->loop->io));
  err = wsuv_endpoint_close(&conn->endpoint, code, reason, len);
  if (err != 0 &&
      err != WSUV_ESTATE) { /* no memory for a Close: the promise is the end, so it ends */
    wsuv__conn_release(conn, err);
    err = 0;
  }
  wsuv__conn_mark(conn);
  return err;
}

void wsuv_conn_terminate(wsuv_conn_t *conn) {
  wsuv__conn_release(conn, WSUV_ECANCELED);
}

void wsuv_conn_read_stop(wsuv_conn_t *conn) {
  conn->flow = FLOW_OFF;
  wsuv_endpoint_pause(&conn->endpoint);
  wsuv__conn_mark(conn);
}

void wsuv_conn_read_start(wsuv_conn_t *conn) {
  conn->flow = FLOW_ON;
  wsuv__conn_mark(conn);
}

int wsuv_conn_send_prepared_with(wsuv_conn_t *conn, wsuv_prepared_t *prepared,
                                 const wsuv_send_options_t *options) {
  (void)options;
  return wsuv_conn_send_prepared(conn, prepared);
}
