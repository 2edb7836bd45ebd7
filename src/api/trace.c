#include "api/trace.h"

#include <stdio.h>

#include "api/conn_end.h"

#define TOLD_FRAMES 32u /* of those kept */
#define TOLD_HEAD   512u

static uint64_t now_ms(void *data) {
  const wsuv_conn_t *conn = data;

  return wsuv__loop_now_ms(&conn->loop->io);
}

static void on_frame(void *data, const wsuv_trace_frame_t *frame) {
  wsuv_conn_t *conn = data;
  const wsuv_trace_t *trace = conn->loop->trace;

  if (trace != NULL && trace->on_frame != NULL)
    trace->on_frame(trace->arg, conn, frame);
}

const struct wsuv__trace_hooks wsuv__trace_hooks = {now_ms, on_frame};

void wsuv__trace_begin(wsuv_conn_t *conn) {
  const wsuv_trace_t *trace = conn->loop->trace;

  if (conn->config->endpoint.trace_frames > 0 || (trace != NULL && trace->on_frame != NULL))
    conn->awake->endpoint.trace = &conn->loop->frames;
}

size_t wsuv_conn_trace(const wsuv_conn_t *conn, wsuv_trace_frame_t *out, size_t n) {
  return conn->awake != NULL ? wsuv__trace_copy(&conn->awake->endpoint, out, n) : 0;
}

/* 1002 and 1007-1009 are about what the peer did; 1001 and 1011 are not. */
static int is_the_peers(int err) {
  int code = wsuv_err_close_code(err);

  return code == WSUV_CLOSE_PROTOCOL_ERROR ||
         (code >= WSUV_CLOSE_INVALID_PAYLOAD && code <= WSUV_CLOSE_MESSAGE_TOO_BIG);
}

static void tell(wsuv_conn_t *conn, const wsuv_trace_t *trace, int err) {
  wsuv_trace_frame_t frames[TOLD_FRAMES];
  size_t n = wsuv__trace_copy(&conn->awake->endpoint, frames, TOLD_FRAMES);
  char text[TOLD_HEAD + TOLD_FRAMES * WSUV_TRACE_LINE_MAX];
  char peer[128];
  char detail[160];
  int len;

  if (wsuv_conn_peer(conn, peer, sizeof peer) != 0)
    (void)snprintf(peer, sizeof peer, "a peer that is gone");
  wsuv__conn_tell_fault(conn, detail, sizeof detail);
  len = snprintf(text, TOLD_HEAD, "%s: %s: %s\n", peer, wsuv_err_name(err),
                 detail[0] != '\0' ? detail : wsuv_strerror(err));
  if (len < 0 || (size_t)len >= TOLD_HEAD)
    len = 0;
  (void)wsuv_trace_format(frames, n, text + len, sizeof text - (size_t)len);
  trace->on_failure(trace->arg, conn, err, text);
}

void wsuv__trace_tell_failure(wsuv_conn_t *conn) {
  const wsuv_trace_t *trace = conn->loop->trace;
  int err = conn->awake->endpoint.error;

  conn->awake->failure_told = 1;
  if (trace != NULL && trace->on_failure != NULL && conn->handed_out == CONN_HANDED_OUT &&
      is_the_peers(err))
    tell(conn, trace, err);
}
