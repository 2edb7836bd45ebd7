#include "proto/trace.h"

#include <stdio.h>
#include <string.h>

#include "wsuv/errno.h"

/* NULL: none is wanted, or no memory. */
static struct wsuv__trace *ring_of(struct wsuv_endpoint *ep) {
  size_t size = ep->config->trace_frames;
  struct wsuv__trace *ring;

  if (ep->trace->frames != NULL)
    return ep->trace;
  if (size == 0)
    return NULL;
  ring = wsuv__alloc(ep->config->allocator, sizeof *ring + size * sizeof *ring->frames);
  if (ring == NULL)
    return NULL;
  memset(ring, 0, sizeof *ring);
  ring->hooks = ep->trace->hooks;
  ring->frames = (wsuv_trace_frame_t *)(void *)(ring + 1);
  ring->size = size;
  ep->trace = ring;
  return ring;
}

static void keep(struct wsuv__trace *ring, const wsuv_trace_frame_t *frame) {
  ring->frames[ring->next] = *frame;
  ring->next = (ring->next + 1) % ring->size;
  if (ring->n < ring->size)
    ring->n++;
}

void wsuv__trace_frame(struct wsuv_endpoint *ep, const wsuv_frame_header_t *header,
                       enum wsuv__trace_way way) {
  const struct wsuv__trace_hooks *hooks = ep->trace->hooks;
  struct wsuv__trace *ring = ring_of(ep);
  wsuv_trace_frame_t frame;

  memset(&frame, 0, sizeof frame);
  frame.time_ms = hooks->now_ms != NULL ? hooks->now_ms(ep->data) : ep->now_ms;
  frame.len = header->payload_len;
  frame.is_sent = way == TRACE_SENT;
  frame.opcode = header->opcode;
  frame.fin = header->fin;
  frame.rsv = header->rsv;
  frame.masked = header->masked;
  if (ring != NULL)
    keep(ring, &frame);
  if (hooks->on_frame != NULL)
    hooks->on_frame(ep->data, &frame);
}

size_t wsuv__trace_copy(const struct wsuv_endpoint *ep, wsuv_trace_frame_t *out, size_t n) {
  const struct wsuv__trace *ring = ep->trace;
  size_t i;

  if (ring == NULL || ring->frames == NULL)
    return 0;
  if (n > ring->n)
    n = ring->n;
  for (i = 0; i < n; i++)
    out[i] = ring->frames[(ring->next + ring->size - n + i) % ring->size];
  return n;
}

void wsuv__trace_free(struct wsuv_endpoint *ep) {
  if (ep->trace != NULL && ep->trace->frames != NULL)
    wsuv__release(ep->config->allocator, ep->trace);
  ep->trace = NULL;
}

/* ---- as text ---- */

/* Frames need not be of one connection, nor in order: what lies before the first is as old as it. */
static int format_frame(const wsuv_trace_frame_t *frame, uint64_t first_ms, char *out,
                        size_t size) {
  uint64_t ms = frame->time_ms > first_ms ? frame->time_ms - first_ms : 0;
  const char *name = wsuv_opcode_name(frame->opcode);
  char opcode[16];
  char rsv[16] = "";

  if (name == NULL)
    (void)snprintf(opcode, sizeof opcode, "opcode %u", (unsigned)frame->opcode);
  if (frame->rsv != 0)
    (void)snprintf(rsv, sizeof rsv, " rsv %u", (unsigned)frame->rsv);
  return snprintf(out, size, "  +%llu.%03u s  %s %s%s%s%s %llu octet%s\n",
                  (unsigned long long)(ms / 1000), (unsigned)(ms % 1000),
                  frame->is_sent ? "->" : "<-", name != NULL ? name : opcode,
                  frame->fin ? " fin" : "", rsv, frame->masked ? " masked" : "",
                  (unsigned long long)frame->len, frame->len == 1 ? "" : "s");
}

int wsuv_trace_format(const wsuv_trace_frame_t *frames, size_t n, char *out, size_t size) {
  size_t len = 0;
  size_t i;

  if (size == 0)
    return WSUV_ENOBUFS;
  out[0] = '\0';
  for (i = 0; i < n; i++) {
    int line = format_frame(&frames[i], frames[0].time_ms, out + len, size - len);
    if (line < 0 || (size_t)line >= size - len)
      return WSUV_ENOBUFS;
    len += (size_t)line;
  }
  return (int)len;
}
