/* Data on its way into frames: the extensions' encoders, then the queue. */
#include <string.h>

#include "proto/endpoint_closing.h"
#include "proto/endpoint_send.h"
#include "proto/extensions.h"
#include "proto/traffic.h"

#define STEP_MIN 256u

static int stage_flags(const struct wsuv_endpoint *ep, const struct wsuv__stage *stage,
                       const struct wsuv__outgoing *o) {
  int flags = o->flags | (o->fin ? WSUV_FINAL : 0);

  if (stage->extension->scope == WSUV_PER_FRAME)
    return flags | WSUV_FRAME_FIRST | WSUV_FRAME_FINAL |
           (ep->sending != SENDING_MORE ? WSUV_FIRST : 0);
  return flags | (stage->encoding == ENCODING_IDLE ? WSUV_FIRST : 0);
}

/* One step behind what `out` holds. *rsv: the bits that the first one set. */
static int make_step(struct wsuv__stage *stage, const wsuv_allocator_t *a,
                     wsuv_extension_step_t *step, struct wsuv__buf *out) {
  size_t room = out->len > STEP_MIN ? out->len : STEP_MIN;
  size_t waiting = step->in_len;
  size_t produced;
  int rc;

  if (room < waiting)
    room = waiting;
  if (wsuv__buf_reserve(out, a, room) != 0)
    return WSUV_ENOMEM;
  step->out = out->base + out->len;
  step->out_len = room;
  rc = stage->extension->encode(stage->session, step);
  if (rc < 0)
    return rc;
  if (step->in_len > waiting || step->out_len > room)
    return WSUV_ETRANSFORM;
  produced = room - step->out_len;
  out->len += produced;
  if (rc == WSUV_STEP_DONE && step->in_len > 0)
    return WSUV_ETRANSFORM;
  if (rc == WSUV_STEP_MORE && produced == 0 && step->in_len == waiting)
    return WSUV_ETRANSFORM;
  return rc;
}

/* The payload as this stage makes it takes the place of what came in. */
static int run_stage(struct wsuv_endpoint *ep, struct wsuv__stage *stage, struct wsuv__outgoing *o,
                     int *rsv) {
  const wsuv_allocator_t *a = ep->config->allocator;
  struct wsuv__buf out = {NULL, 0, 0};
  wsuv_extension_step_t step;
  int rc;

  memset(&step, 0, sizeof step);
  step.in = o->payload;
  step.in_len = o->len;
  step.type = (wsuv_opcode_t)o->opcode;
  step.flags = stage_flags(ep, stage, o);
  rc = make_step(stage, a, &step, &out);
  *rsv = step.rsv & stage->extension->rsv;
  if (rc == WSUV_STEP_PASS) {
    wsuv__buf_free(&out, a);
    return (step.flags & (WSUV_FIRST | WSUV_FRAME_FIRST)) != 0 && step.in_len == o->len
               ? WSUV_STEP_PASS
               : WSUV_ETRANSFORM;
  }
  while (rc == WSUV_STEP_MORE) {
    step.flags &= ~(WSUV_FIRST | WSUV_FRAME_FIRST);
    rc = make_step(stage, a, &step, &out);
  }
  if (rc != WSUV_STEP_DONE) {
    wsuv__buf_free(&out, a);
    return rc < 0 ? rc : WSUV_ETRANSFORM;
  }
  wsuv__buf_free(&o->buf, a);
  o->buf = out;
  o->payload = out.base;
  o->len = out.len;
  o->transformed = 1;
  return WSUV_STEP_DONE;
}

static int encode_message(struct wsuv_endpoint *ep, struct wsuv__stage *stage,
                          struct wsuv__outgoing *o) {
  int rsv;
  int rc;

  if (stage->encoding == ENCODING_PASSED)
    return 0;
  rc = run_stage(ep, stage, o, &rsv);
  if (rc < 0)
    return rc;
  if (stage->encoding == ENCODING_IDLE && rc == WSUV_STEP_DONE)
    ep->extensions->sending_rsv = (uint8_t)(ep->extensions->sending_rsv | rsv);
  stage->encoding = rc == WSUV_STEP_PASS ? ENCODING_PASSED : ENCODING_ON;
  return 0;
}

static int encode_frame(struct wsuv_endpoint *ep, struct wsuv__stage *stage,
                        struct wsuv__outgoing *o) {
  int rsv;
  int rc = run_stage(ep, stage, o, &rsv);

  if (rc == WSUV_STEP_DONE)
    o->rsv = (uint8_t)(o->rsv | rsv);
  return rc < 0 ? rc : 0;
}

/* What an extension of messages holds back is no frame, and so nothing to extensions of frames, which come behind. */
static int run_encoders(struct wsuv_endpoint *ep, struct wsuv__outgoing *o) {
  struct wsuv__extensions *set = ep->extensions;
  size_t i;
  int err = 0;

  for (i = 0; i < set->nstages && err == 0; i++) {
    struct wsuv__stage *stage = &set->stages[i];
    int per_frame = stage->extension->scope == WSUV_PER_FRAME;
    if (per_frame && o->held_back)
      break;
    if (wsuv__stage_encodes(stage, o->opcode))
      err = per_frame ? encode_frame(ep, stage, o) : encode_message(ep, stage, o);
    if (!per_frame)
      o->held_back = o->transformed && o->len == 0 && !o->fin;
  }
  return err;
}

int wsuv__endpoint_encode(struct wsuv_endpoint *ep, struct wsuv__outgoing *o) {
  struct wsuv__extensions *set = ep->extensions;
  int err = run_encoders(ep, o);

  if (err != 0) {
    (void)wsuv__endpoint_fail(ep, err);
    return err;
  }
  o->rsv = (uint8_t)(o->rsv | set->sending_rsv);
  set->sending_rsv = o->held_back ? o->rsv : 0;
  return 0;
}

void wsuv__endpoint_end_encoding(struct wsuv_endpoint *ep) {
  struct wsuv__extensions *set = ep->extensions;
  size_t i;

  for (i = 0; set != NULL && i < set->nstages; i++)
    set->stages[i].encoding = ENCODING_IDLE;
}

/* What could not be queued has not been: the encoders are asked again for a message that did not begin, and not again for
 * one that did not end. */
static int append_encoded(struct wsuv_endpoint *ep, const wsuv_frame_header_t *header,
                          const struct wsuv__outgoing *o) {
  int err = wsuv__outbox_append(&ep->outbox, header, o->payload, o->len);

  if (err != 0 && o->transformed)
    (void)wsuv__endpoint_fail(ep, err);
  if (err == 0 ? o->fin : ep->sending != SENDING_MORE)
    wsuv__endpoint_end_encoding(ep);
  return err;
}

/* The header first: what it may lack (randomness) must not leave an encoder ahead of the peer. */
int wsuv__endpoint_queue_data(struct wsuv_endpoint *ep, const wsuv_frame_header_t *frame,
                              const void *payload, size_t len, int flags) {
  struct wsuv__outgoing o = {
      .opcode = frame->opcode, .rsv = frame->rsv, .fin = frame->fin, .flags = (uint8_t)flags};
  uint8_t opcode = ep->sending == SENDING_MORE ? WSUV_CONTINUATION : frame->opcode;
  wsuv_frame_header_t header;
  int err = wsuv__endpoint_frame_header(ep, &header, opcode, len);

  o.payload = payload;
  o.len = len;
  if (err == 0 && ep->extensions != NULL)
    err = wsuv__endpoint_encode(ep, &o);
  if (err == 0 && o.held_back)
    ep->held_back += len;
  if (err == 0 && !o.held_back) {
    ep->held_back = 0;
    header.fin = o.fin;
    header.rsv = o.rsv;
    header.payload_len = o.len;
    err = append_encoded(ep, &header, &o);
  }
  wsuv__buf_free(&o.buf, ep->config->allocator);
  if (err != 0)
    return err;
  ep->limits.message_ms = ep->now_ms;
  wsuv__traffic_data_sent(ep, frame->opcode, len, o.held_back ? NULL : &header, o.transformed);
  return !o.held_back;
}
