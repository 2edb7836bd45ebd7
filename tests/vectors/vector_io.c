/* Octets into an endpoint and out of it: by a call, or over a wire. */
#include <string.h>

#include "support/check.h"
#include "vectors/vector_run.h"

enum { SPANS_MAX = 3 };

static void receive(struct vector_run *run, const uint8_t *bytes, size_t len) {
  uint8_t *at;
  int err;
  CHECK_TRUE(len <= run->room->len);
  at = run->room->data + run->room->len - len;
  memcpy(at, bytes, len);
  err = wsuv_endpoint_receive(run->ep, at, len);
  memset(at, '#', len); /* the caller's memory is free again */
  if (vector_pull_events(run, err) == WSUV_ENOMEM)
    run->failed = 1;
}

static int wants(void *run) {
  return wsuv_endpoint_wants_read(((struct vector_run *)run)->ep);
}

static void take(void *run, const uint8_t *bytes, size_t len) {
  receive(run, bytes, len);
}

void vector_attach(struct vector_run *run) {
  if (run->wire == NULL)
    return;
  run->wire->wants = wants;
  run->wire->take = take;
  run->wire->owner = run;
}

/* The peer does not know what the endpoint wants: all of it is written. */
static void put_pending(struct vector_run *run) {
  while (run->pending.len > 0) {
    size_t len = vector_split_next(&run->split, run->pending.len);
    run->wire->put(run->wire, run->pending.data, len);
    vector_bytes_drop(&run->pending, len);
  }
  run->wire->arrive(run->wire);
}

/* As a transport does. */
void vector_receive_pending(struct vector_run *run) {
  if (run->wire != NULL) {
    put_pending(run);
    return;
  }
  while (run->pending.len > 0 && wsuv_endpoint_wants_read(run->ep)) {
    size_t len = vector_split_next(&run->split, run->pending.len);
    receive(run, run->pending.data, len);
    vector_bytes_drop(&run->pending, len);
  }
}

void vector_receive_end(struct vector_run *run) {
  if (run->wire != NULL)
    run->wire->end_input(run->wire);
}

/* Leaves `max` octets of the spans at most. Octets. */
static size_t cut(wsuv_span_t *spans, size_t *n, size_t max) {
  size_t total = 0;
  size_t i;
  for (i = 0; i < *n && total < max; i++) {
    if (spans[i].len > max - total)
      spans[i].len = max - total;
    total += spans[i].len;
  }
  *n = i;
  return total;
}

static size_t take_spans(struct vector_run *run, const wsuv_span_t *spans, size_t n) {
  size_t written = 0;
  size_t i;
  if (run->wire != NULL)
    return run->wire->send(run->wire, spans, n);
  for (i = 0; i < n; i++) {
    vector_bytes_add(&run->output, spans[i].data, spans[i].len);
    written += spans[i].len;
  }
  return written;
}

void vector_drain(struct vector_run *run, size_t max) {
  size_t before = run->output.len;
  size_t nwritten = run->sent.len;
  for (;;) {
    wsuv_span_t spans[SPANS_MAX];
    size_t n = wsuv_endpoint_output(run->ep, spans, 1 + nwritten % SPANS_MAX);
    size_t len = cut(spans, &n, max);
    size_t written = len > 0 ? take_spans(run, spans, n) : 0;
    wsuv_endpoint_output_done(run->ep, written);
    if (written == 0)
      break;
    max -= written;
    nwritten += written;
  }
  if (run->wire != NULL)
    run->wire->collect(run->wire, &run->output);
  if (run->output.len > before)
    vector_bytes_add(&run->sent, run->output.data + before, run->output.len - before);
  CHECK_SIZE(nwritten, run->sent.len);
}
