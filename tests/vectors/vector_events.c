/* What an endpoint tells a vector: called back, or asked for. */
#include <stdio.h>
#include <string.h>

#include "support/check.h"
#include "vectors/vector_run.h"

static void note(struct vector_run *run, const char *what, const void *data, size_t len) {
  struct vector_event *event = &run->events[run->nevents];
  CHECK_TRUE(run->nevents < VECTOR_EVENTS_MAX);
  run->nevents++;
  snprintf(event->what, sizeof event->what, "%s", what);
  vector_bytes_add(&event->bytes, data, len);
}

static void react(struct vector_run *run, const char *line) {
  if (line == NULL)
    return;
  run->depth++;
  vector_run_line(run, line);
  run->depth--;
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  char what[VECTOR_WHAT_MAX];
  snprintf(what, sizeof what, "message %s", vector_opcode_name((int)type));
  note(data, what, payload, len);
  if (len > 0)
    memset(payload, '#', len); /* callbacks may overwrite it */
  react(data, ((struct vector_run *)data)->on_message);
}

static void on_ping(void *data, const uint8_t *payload, size_t len) {
  note(data, "ping", payload, len);
  react(data, ((struct vector_run *)data)->on_ping);
}

static void on_pong(void *data, const uint8_t *payload, size_t len) {
  note(data, "pong", payload, len);
}

static void on_control(void *data, int opcode, const uint8_t *payload, size_t len) {
  char what[VECTOR_WHAT_MAX];
  snprintf(what, sizeof what, "control %s", vector_opcode_name(opcode));
  note(data, what, payload, len);
}

static void on_close(void *data, int code, const char *reason, size_t reason_len) {
  char what[VECTOR_WHAT_MAX];
  snprintf(what, sizeof what, "close %d", code);
  note(data, what, reason, reason_len);
  react(data, ((struct vector_run *)data)->on_close);
}

const wsuv_endpoint_handler_t vector_handler = {.size = sizeof vector_handler,
                                                .on_message = on_message,
                                                .on_ping = on_ping,
                                                .on_pong = on_pong,
                                                .on_control = on_control,
                                                .on_close = on_close};

static int note_event(struct vector_run *run, const wsuv_event_t *event) {
  switch (event->type) {
  case WSUV_EVENT_MESSAGE:
    on_message(run, (wsuv_opcode_t)event->opcode, event->payload, event->len);
    return 1;
  case WSUV_EVENT_PING:
    on_ping(run, event->payload, event->len);
    return 1;
  case WSUV_EVENT_PONG:
    on_pong(run, event->payload, event->len);
    return 1;
  case WSUV_EVENT_CONTROL:
    on_control(run, event->opcode, event->payload, event->len);
    return 1;
  case WSUV_EVENT_CLOSE:
    on_close(run, event->code, (const char *)event->payload, event->len);
    return 1;
  case WSUV_EVENT_FRAGMENT:
    break;
  }
  return 0;
}

int vector_pull_events(struct vector_run *run, int err) {
  wsuv_event_t event;
  int rc;
  if (!run->is_pull)
    return err;
  while ((rc = wsuv_endpoint_next_event(run->ep, &event)) > 0)
    CHECK_TRUE(note_event(run, &event));
  CHECK_ERR(rc, wsuv_endpoint_next_event(run->ep, &event));
  return rc;
}
