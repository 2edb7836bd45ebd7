#include "proto/endpoint_policy.h"

#include <string.h>

#include "proto/endpoint_closing.h"
#include "proto/endpoint_send.h"
#include "proto/extensions.h"
#include "proto/outbox_policy.h"
#include "proto/outbox_request.h"
#include "proto/traffic.h"

int wsuv__endpoint_fail_slow_reader(struct wsuv_endpoint *ep) {
  return wsuv__endpoint_fail(ep, WSUV_ESLOWREADER);
}

int wsuv__endpoint_has_room_for(const struct wsuv_endpoint *ep, size_t len) {
  return wsuv__endpoint_missing_room(ep, len) != SIZE_MAX;
}

/* Where the queue is full, what may go makes room. */
int wsuv__endpoint_find_room(struct wsuv_endpoint *ep, const struct wsuv__whole *s, size_t len) {
  struct wsuv__outbox *outbox = &ep->outbox;
  size_t missing = wsuv__endpoint_missing_room(ep, len);

  if (missing == 0)
    return 0;
  if (s->keeping == KEEPING_LATEST && wsuv__outbox_key_octets(outbox, s->key) >= missing)
    return 0;
  if (s->keeping == KEEPING_WHILE_ROOM && missing != SIZE_MAX) {
    size_t ndropped = wsuv__outbox_make_room(outbox, missing);
    for (; ndropped > 0; ndropped--)
      wsuv__traffic_count_drop(ep, DROP_OLDEST);
  }
  return wsuv__endpoint_judge_room(ep, len);
}

/* ---- extensions ---- */

/* What a stateful encoder made must not be dropped: the peer's decoder would go astray. */
static int is_stateless(const struct wsuv__stage *stage) {
  return stage->extension->scope == WSUV_PER_MESSAGE && stage->extension->variant != NULL &&
         stage->extension->variant(stage->session) != NULL;
}

/* A message that may go asks encoders with a memory to leave it as it is. Non-zero if there is one. */
static int spare_memory(const struct wsuv_endpoint *ep, struct wsuv__whole *s) {
  const struct wsuv__extensions *set = ep->extensions;
  size_t i;

  if (s->keeping == KEEPING_ALWAYS)
    return 0;
  for (i = 0; i < set->nstages; i++) {
    const struct wsuv__stage *stage = &set->stages[i];
    if (wsuv__stage_encodes(stage, (uint8_t)s->type) && !is_stateless(stage)) {
      s->flags |= WSUV_SEND_NO_COMPRESS;
      return 1;
    }
  }
  return 0;
}

/* One that did not heed it has changed the message for good: it stays, in its turn. What it makes out of date does not. */
static int encode(struct wsuv_endpoint *ep, struct wsuv__whole *s, struct wsuv__outgoing *o) {
  int has_memory = spare_memory(ep, s);
  int err;

  o->flags = (uint8_t)s->flags;
  err = wsuv__endpoint_encode(ep, o);
  wsuv__endpoint_end_encoding(ep);
  if (err != 0 || !has_memory || !o->transformed)
    return err;
  if (s->keeping == KEEPING_LATEST && wsuv__outbox_drop_key(&ep->outbox, s->key))
    wsuv__traffic_count_drop(ep, DROP_REPLACED);
  s->keeping = KEEPING_ALWAYS;
  return 0;
}

/* ---- queueing ---- */

static int append_request(struct wsuv_endpoint *ep, const struct wsuv__whole *s,
                          const wsuv_frame_header_t *header, struct wsuv__outgoing *o) {
  uint8_t *made = o->buf.base;

  if (!o->transformed)
    return wsuv__outbox_append_request(&ep->outbox, s->request, header, o->payload, o->len);
  memset(&o->buf, 0, sizeof o->buf);
  return wsuv__outbox_append_owned(&ep->outbox, s->request, header, made, o->len);
}

static int append(struct wsuv_endpoint *ep, const struct wsuv__whole *s,
                  const wsuv_frame_header_t *header, struct wsuv__outgoing *o) {
  if (s->request != NULL)
    return append_request(ep, s, header, o);
  if (s->keeping != KEEPING_ALWAYS)
    return wsuv__outbox_append_alone(&ep->outbox, header, o->payload, o->len);
  return wsuv__outbox_append(&ep->outbox, header, o->payload, o->len);
}

static int reserve(struct wsuv_endpoint *ep, const struct wsuv__whole *s) {
  return s->keeping == KEEPING_LATEST ? wsuv__outbox_reserve_key(&ep->outbox) : 0;
}

/* The message was appended as that frame, and as the last entry if it may go. */
static void settle(struct wsuv_endpoint *ep, const struct wsuv__whole *s,
                   const wsuv_frame_header_t *header, int is_transformed) {
  ep->limits.message_ms = ep->now_ms;
  if (s->keeping == KEEPING_WHILE_ROOM)
    wsuv__outbox_keep_while_room(&ep->outbox);
  else if (s->keeping == KEEPING_LATEST && wsuv__outbox_keep_latest(&ep->outbox, s->key))
    wsuv__traffic_count_drop(ep, DROP_REPLACED);
  wsuv__traffic_data_sent(ep, (int)s->type, s->len, header, is_transformed);
}

static int encode_and_append(struct wsuv_endpoint *ep, struct wsuv__whole *s) {
  struct wsuv__outgoing o = {
      .opcode = (uint8_t)s->type, .fin = 1, .payload = s->payload, .len = s->len};
  wsuv_frame_header_t header;
  int err = wsuv__endpoint_frame_header(ep, &header, (uint8_t)s->type, s->len);

  if (err == 0)
    err = reserve(ep, s);
  if (err == 0 && ep->extensions != NULL)
    err = encode(ep, s, &o);
  if (err == 0) {
    header.rsv = o.rsv;
    header.payload_len = o.len;
    err = append(ep, s, &header, &o);
    if (err != 0 && o.transformed)
      (void)wsuv__endpoint_fail(ep, err);
  }
  if (err == 0)
    settle(ep, s, &header, o.transformed);
  wsuv__buf_free(&o.buf, ep->config->allocator);
  return err;
}

int wsuv__endpoint_send_whole_judged(struct wsuv_endpoint *ep, struct wsuv__whole *s) {
  int err = wsuv__endpoint_find_room(ep, s, s->len);

  return err != 0 ? err : encode_and_append(ep, s);
}

int wsuv__endpoint_send_whole(struct wsuv_endpoint *ep, struct wsuv__whole *s) {
  int err = WSUV_EINVAL;

  if ((s->flags & ~WSUV_SEND_NO_COMPRESS) == 0)
    err = s->payload == NULL && s->len > 0 ? WSUV_EINVAL : wsuv__endpoint_judge_type(ep, s->type);
  if (err == 0 && s->type == WSUV_TEXT && !wsuv_utf8_is_valid(s->payload, s->len))
    err = WSUV_EENCODING;
  return err != 0 ? err : wsuv__endpoint_send_whole_judged(ep, s);
}

/* A client masks, and so copies. */
static int append_copy(struct wsuv_endpoint *ep, const struct wsuv__whole *s,
                       const struct wsuv__shared_frame *frame, const wsuv_frame_header_t *header) {
  const uint8_t *payload = wsuv__shared_frame_payload(frame);
  size_t len = wsuv__shared_frame_payload_len(frame);

  if (s->request != NULL)
    return wsuv__outbox_append_request(&ep->outbox, s->request, header, payload, len);
  return s->keeping != KEEPING_ALWAYS ? wsuv__outbox_append_alone(&ep->outbox, header, payload, len)
                                      : wsuv__outbox_append(&ep->outbox, header, payload, len);
}

int wsuv__endpoint_send_whole_shared(struct wsuv_endpoint *ep, struct wsuv__whole *s,
                                     struct wsuv__shared_frame *frame) {
  wsuv_frame_header_t header;
  int err = wsuv__endpoint_frame_header(ep, &header, frame->opcode,
                                        wsuv__shared_frame_payload_len(frame));

  header.rsv = frame->rsv;
  if (err == 0)
    err = reserve(ep, s);
  if (err != 0)
    return err;
  err = header.masked ? append_copy(ep, s, frame, &header)
                      : wsuv__outbox_append_shared(&ep->outbox, s->request, frame);
  if (err != 0)
    return err;
  settle(ep, s, &header, wsuv__shared_frame_payload(frame) != s->payload);
  if (!header.masked)
    wsuv__traffic_count_shared(ep);
  return 0;
}
