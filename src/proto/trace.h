/* The frames of one endpoint: a ring of those seen last, and who is told of each. */
#ifndef WSUV_PROTO_TRACE_H
#define WSUV_PROTO_TRACE_H

#include "proto/endpoint.h"
#include "wsuv/trace_frame.h"

enum wsuv__trace_way { TRACE_RECEIVED, TRACE_SENT };

/* `data` is the endpoint's. */
struct wsuv__trace_hooks {
  uint64_t (*now_ms)(void *data); /* NULL: the endpoint's time, which is that of its last event */
  void (*on_frame)(void *data, const wsuv_trace_frame_t *frame); /* NULL: nobody is told */
};

/* What wsuv_endpoint.trace points to. Without `frames` it is shared, and stands for a ring that is made at the first frame, of
 * config->trace_frames. */
struct wsuv__trace {
  const struct wsuv__trace_hooks *hooks;
  wsuv_trace_frame_t *frames; /* behind this struct */
  size_t size;
  size_t n;    /* of them are frames */
  size_t next; /* the place of the next one */
};

void wsuv__trace_frame(struct wsuv_endpoint *ep, const wsuv_frame_header_t *header,
                       enum wsuv__trace_way way);

/* A frame's header is known, or it was queued. The last thing to be done with it: somebody may be told. */
static inline void wsuv__trace_note(struct wsuv_endpoint *ep, const wsuv_frame_header_t *header,
                                    enum wsuv__trace_way way) {
  if (ep->trace != NULL)
    wsuv__trace_frame(ep, header, way);
}

/* The last `n` that were kept, oldest first; returns their number. */
size_t wsuv__trace_copy(const struct wsuv_endpoint *ep, wsuv_trace_frame_t *out, size_t n);

void wsuv__trace_free(struct wsuv_endpoint *ep);

#endif
