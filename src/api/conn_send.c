/* What the application asks of a connection. */
#include <string.h>

#include "api/conn.h"
#include "api/conn_end.h"
#include "api/conn_rest.h"
#include "api/conn_send.h"
#include "api/server.h"
#include "proto/endpoint_cork.h"
#include "proto/endpoint_policy.h"
#include "proto/endpoint_send.h"
#include "proto/traffic.h"

void wsuv__conn_note_output(wsuv_conn_t *conn) {
  wsuv__conn_follow_closing(conn); /* an encoder that failed closes, and so does a policy */
  if (wsuv_conn_queued(conn) > conn->config->write_high_water)
    conn->water = WATER_HIGH;
  wsuv__budget_note(&conn->loop->budget, conn);
  wsuv__conn_mark(conn);
}

static inline void take_publications(wsuv_conn_t *conn) {
  if (wsuv__conn_owes_publications(conn))
    wsuv__publications_take(conn);
}

void wsuv__conn_take_publications(wsuv_conn_t *conn) {
  take_publications(conn);
}

/* Before room is judged: what TLS holds counts as well. */
static inline void note_held(wsuv_conn_t *conn) {
  if (conn->tls != NULL && conn->transport == TRANSPORT_OPEN)
    conn->awake->endpoint.outbox.held = wsuv__conn_top(conn)->ops->held(wsuv__conn_top(conn));
}

static int judge_budget(wsuv_conn_t *conn, size_t len) {
  int err = wsuv__budget_judge(&conn->loop->budget, conn, len);

  if (err != 0)
    wsuv__traffic_count_drop(&conn->awake->endpoint, DROP_REFUSED);
  return err;
}

/* Whether it may be sent over at all: 0, WSUV_ESTATE, or WSUV_EQUEUEFULL by the loop's budget. Also from outside of events,
 * where the endpoint's time may be old. */
static inline int judge_sending(wsuv_conn_t *conn, size_t len) {
  int err;

  if (conn->phase != WSUV_STATE_OPEN)
    return WSUV_ESTATE;
  take_publications(conn);
  err = wsuv__conn_wake(conn);
  if (err != 0)
    return err;
  wsuv__endpoint_set_now(&conn->awake->endpoint, wsuv__loop_now_ms(&conn->loop->io));
  note_held(conn);
  return wsuv__budget_is_set(&conn->loop->budget) ? judge_budget(conn, len) : 0;
}

/* A full queue ends who has the policy to close, unless it is the message that would not fit into an empty one. */
static int settle_send(wsuv_conn_t *conn, wsuv_slow_t slow, size_t len, int err) {
  if (err == WSUV_EQUEUEFULL && slow == WSUV_SLOW_CLOSE &&
      wsuv__endpoint_has_room_for(&conn->awake->endpoint, len)) {
    (void)wsuv__endpoint_fail_slow_reader(&conn->awake->endpoint);
    wsuv__traffic_count_drop(&conn->awake->endpoint, DROP_CLOSED);
    err = WSUV_ESLOWREADER;
  } else if (err == WSUV_EQUEUEFULL) {
    wsuv__traffic_count_drop(&conn->awake->endpoint, DROP_REFUSED);
  }
  wsuv__conn_note_output(
      conn); /* also after an error: the transport may have turned out to be broken */
  return err;
}

int wsuv__conn_send_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                            int flags) {
  wsuv_send_options_t options = WSUV_SEND_OPTIONS_INIT;
  int err;

  if (conn->config->slow_reader != WSUV_SLOW_REFUSE) {
    options.flags = flags;
    return wsuv_conn_send_with(conn, type, payload, len, &options);
  }
  err = judge_sending(conn, len);
  if (err != 0)
    return err;
  return settle_send(conn, WSUV_SLOW_REFUSE, len,
                     wsuv_endpoint_send_message(&conn->awake->endpoint, type, payload, len, flags));
}

int wsuv__conn_cork_message(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload,
                            size_t len) {
  int rc = wsuv__endpoint_cork_judged(&conn->awake->endpoint, type, payload, len);

  if (rc == 0)
    return wsuv__conn_send_message(conn, type, payload, len, 0);
  return rc > 0 ? 0 : rc;
}

int wsuv_conn_send_prepared(wsuv_conn_t *conn, wsuv_prepared_t *prepared) {
  return wsuv_conn_send_prepared_with(conn, prepared, NULL);
}

int wsuv_conn_send(wsuv_conn_t *conn, wsuv_send_t *req, wsuv_opcode_t type, const void *payload,
                   size_t len, int flags, wsuv_send_cb cb) {
  wsuv_send_options_t options = WSUV_SEND_OPTIONS_INIT;

  if (cb == NULL)
    return WSUV_EINVAL;
  options.flags = flags;
  options.req = req;
  options.cb = cb;
  return wsuv_conn_send_with(conn, type, payload, len, &options);
}

int wsuv_conn_send_begin(wsuv_conn_t *conn, wsuv_opcode_t type, int flags) {
  int err;

  if (conn->phase != WSUV_STATE_OPEN)
    return WSUV_ESTATE;
  take_publications(conn);
  err = wsuv__conn_wake(conn);
  if (err != 0)
    return err;
  return wsuv_endpoint_send_begin(&conn->awake->endpoint, type, flags);
}

int wsuv_conn_send_chunk(wsuv_conn_t *conn, const void *payload, size_t len, int flags) {
  int err = judge_sending(conn, len);

  if (err != 0)
    return err;
  return settle_send(conn, conn->config->slow_reader, len,
                     wsuv_endpoint_send_chunk(&conn->awake->endpoint, payload, len, flags));
}

int wsuv_conn_send_end(wsuv_conn_t *conn, const void *payload, size_t len) {
  int err = judge_sending(conn, len);

  if (err != 0)
    return err;
  return settle_send(conn, conn->config->slow_reader, len,
                     wsuv_endpoint_send_end(&conn->awake->endpoint, payload, len));
}

int wsuv_conn_ping(wsuv_conn_t *conn, const void *payload, size_t len) {
  int err = judge_sending(conn, len);

  if (err != 0)
    return err;
  return settle_send(conn, conn->config->slow_reader, len,
                     wsuv_endpoint_ping(&conn->awake->endpoint, payload, len));
}

int wsuv_conn_send_frame(wsuv_conn_t *conn, const wsuv_frame_header_t *frame, const void *payload,
                         size_t len) {
  int err = judge_sending(conn, len);

  if (err != 0)
    return err;
  return settle_send(conn, conn->config->slow_reader, len,
                     wsuv_endpoint_send_frame(&conn->awake->endpoint, frame, payload, len));
}

static int start_closing(wsuv_conn_t *conn, int code, const char *reason, size_t len) {
  int err = wsuv__conn_wake(conn);

  if (err != 0)
    return err;
  wsuv__endpoint_set_now(&conn->awake->endpoint, wsuv__loop_now_ms(&conn->loop->io));
  return wsuv_endpoint_close(&conn->awake->endpoint, code, reason, len);
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
  take_publications(conn);
  err = start_closing(conn, code, reason, len);
  if (err != 0 &&
      err != WSUV_ESTATE) { /* no memory for a Close: the promise is the end, so it ends */
    wsuv__conn_release(conn, err);
    err = 0;
  }
  wsuv__conn_follow_closing(conn);
  wsuv__conn_mark(conn);
  return err;
}

void wsuv_conn_terminate(wsuv_conn_t *conn) {
  wsuv__conn_release(conn, WSUV_ECANCELED);
}

void wsuv_conn_read_stop(wsuv_conn_t *conn) {
  conn->flow = FLOW_OFF; /* one that rests is paused when it wakes */
  if (conn->awake != NULL)
    wsuv_endpoint_pause(&conn->awake->endpoint);
  wsuv__conn_mark(conn);
}

void wsuv_conn_read_start(wsuv_conn_t *conn) {
  conn->flow = FLOW_ON;
  wsuv__conn_mark(conn);
}

static const wsuv_send_options_t presets = WSUV_SEND_OPTIONS_INIT;

static enum wsuv__outbox_keeping keeping_of(wsuv_slow_t slow) {
  switch (slow) {
  case WSUV_SLOW_DROP_OLDEST:
    return KEEPING_WHILE_ROOM;
  case WSUV_SLOW_KEEP_LATEST:
    return KEEPING_LATEST;
  case WSUV_SLOW_DEFAULT:
  case WSUV_SLOW_REFUSE:
  case WSUV_SLOW_CLOSE:
    break;
  }
  return KEEPING_ALWAYS;
}

static int judge_options(const wsuv_send_options_t *o) {
  if (o->size < sizeof *o || (int)o->slow < WSUV_SLOW_DEFAULT || o->slow > WSUV_SLOW_CLOSE ||
      (o->req != NULL) != (o->cb != NULL))
    return WSUV_EINVAL;
  return 0;
}

/* Nobody is slow who was not asked: what was queued in this event is offered before anything is dropped or refused. */
static void look_for_room(wsuv_conn_t *conn, size_t len) {
  note_held(conn);
  if (wsuv__endpoint_missing_room(&conn->awake->endpoint, len) == 0)
    return;
  (void)wsuv__outbox_offer(&conn->awake->endpoint.outbox); /* an error shows in what follows */
  note_held(conn);
}

static wsuv_slow_t fill_in(const wsuv_conn_t *conn, const wsuv_send_options_t *o,
                           struct wsuv__whole *s) {
  wsuv_slow_t slow = o->slow != WSUV_SLOW_DEFAULT ? o->slow : conn->config->slow_reader;

  s->flags = o->flags;
  s->keeping = keeping_of(slow);
  s->key = o->key;
  s->request = o->req != NULL ? &wsuv__send_state_of(o->req)->entry : NULL;
  return slow;
}

int wsuv_conn_send_with(wsuv_conn_t *conn, wsuv_opcode_t type, const void *payload, size_t len,
                        const wsuv_send_options_t *options) {
  const wsuv_send_options_t *o = options != NULL ? options : &presets;
  struct wsuv__whole whole = {.type = type, .payload = payload, .len = len};
  wsuv_slow_t slow;
  int err = judge_options(o);

  if (err == 0)
    err = judge_sending(conn, len);
  if (err != 0)
    return err;
  slow = fill_in(conn, o, &whole);
  look_for_room(conn, len);
  err = wsuv__endpoint_send_whole(&conn->awake->endpoint, &whole);
  if (err == 0 && o->req != NULL)
    o->req->cb = o->cb;
  return settle_send(conn, slow, whole.len, err);
}

int wsuv_conn_send_prepared_with(wsuv_conn_t *conn, wsuv_prepared_t *prepared,
                                 const wsuv_send_options_t *options) {
  const wsuv_send_options_t *o = options != NULL ? options : &presets;
  struct wsuv__whole whole = {.payload = NULL};
  wsuv_slow_t slow;
  int err = judge_options(o);

  if (err == 0 && o->flags != 0)
    err = WSUV_EINVAL;
  if (err == 0)
    err = judge_sending(conn, wsuv__prepared_len(prepared));
  if (err != 0)
    return err;
  slow = fill_in(conn, o, &whole);
  look_for_room(conn, wsuv__prepared_len(prepared));
  err = wsuv__endpoint_send_whole_prepared(&conn->awake->endpoint, &whole, prepared);
  if (err == 0 && o->req != NULL)
    o->req->cb = o->cb;
  return settle_send(conn, slow, whole.len, err);
}
