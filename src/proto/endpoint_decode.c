/* Received data on its way from frames into messages: the application's hook, then the extensions' decoders, the last stage
 * first. A decoder is asked only while the stages behind it are idle, so that a pause can come between any two steps and
 * what waits stays bounded by what was received and one step's output. */
#include <string.h>

#include "proto/endpoint_closing.h"
#include "proto/endpoint_filter.h"
#include "proto/extensions.h"
#include "proto/traffic.h"

#define FIRST_FLAGS (WSUV_FIRST | WSUV_FRAME_FIRST)
#define FINAL_FLAGS (WSUV_FINAL | WSUV_FRAME_FINAL)

#define STEP_SIZE 16384u /* octets that a decoder may give in one step */
#define STEP_MIN  1024u

/* ---- the hook ---- */

/* How many octets are left of a slice. A frame's first slice may be empty only because its payload is yet to come. */
static size_t ask_hook(struct wsuv_endpoint *ep, const struct wsuv__frame_slice *slice) {
  const wsuv_frame_header_t *header = &ep->parser.header;
  uint64_t offset = header->payload_len - ep->parser.remaining - slice->len;
  size_t left;

  if (ep->handler->on_data_frame == NULL || (slice->len == 0 && !slice->last))
    return slice->len;
  left = ep->handler->on_data_frame(ep->data, header, offset, slice->data, slice->len);
  return left < slice->len ? left : slice->len;
}

/* ---- which decoders ---- */

static int is_asked(const struct wsuv__stage *stage, uint8_t opcode, uint8_t rsv) {
  const wsuv_extension_t *extension = stage->extension;

  if (extension->decode == NULL)
    return 0;
  if (extension->rsv == 0)
    return wsuv__stage_takes_opcode(stage, opcode);
  return (rsv & extension->rsv) != 0 ||
         (extension->opcodes != 0 && wsuv__stage_takes_opcode(stage, opcode));
}

static void choose_decoders(struct wsuv_endpoint *ep) {
  struct wsuv__extensions *set = ep->extensions;
  const wsuv_frame_header_t *header = &ep->parser.header;
  size_t i;

  for (i = 0; i < set->nstages; i++) {
    struct wsuv__stage *stage = &set->stages[i];
    int per_frame = stage->extension->scope == WSUV_PER_FRAME;
    if (!per_frame && header->opcode == WSUV_CONTINUATION)
      continue; /* as at the message's first frame */
    stage->decoding = is_asked(stage, ep->message.state, per_frame ? header->rsv : ep->message.rsv)
                          ? DECODING_IDLE
                          : DECODING_OFF;
  }
}

/* The next decoder below stage `i`; NULL: none, the message is next. */
static struct wsuv__stage *decoder_below(struct wsuv__extensions *set, size_t i) {
  while (i-- > 0)
    if (set->stages[i].decoding != DECODING_OFF)
      return &set->stages[i];
  return NULL;
}

/* The one nearest to the message that has something to do. */
static struct wsuv__stage *busy_decoder(struct wsuv__extensions *set) {
  size_t i;

  for (i = 0; i < set->nstages; i++)
    if (set->stages[i].decoding == DECODING_BUSY)
      return &set->stages[i];
  return NULL;
}

/* ---- steps ---- */

/* An idle stage has no input left. What is lent stays the lender's until keep_input or forget_input. */
static void give(struct wsuv__stage *stage, struct wsuv__waiting *lent, int flags) {
  stage->input = lent->len > 0 ? lent : NULL;
  stage->input_flags = (uint8_t)(stage->input_flags | flags);
  stage->output_flags = (uint8_t)(stage->output_flags | (flags & FIRST_FLAGS));
  stage->decoding = DECODING_BUSY;
}

static void forget_input(const wsuv_allocator_t *a, struct wsuv__stage *stage) {
  if (stage->input != NULL && stage->input->is_kept)
    wsuv__release(a, stage->input);
  stage->input = NULL;
}

/* What was lent is about to go. */
static int keep_input(const wsuv_allocator_t *a, struct wsuv__stage *stage) {
  struct wsuv__waiting *lent = stage->input;
  struct wsuv__waiting *kept;

  if (lent == NULL || lent->is_kept)
    return 0;
  kept = lent->len <= SIZE_MAX - sizeof *kept ? wsuv__alloc(a, sizeof *kept + lent->len) : NULL;
  stage->input = kept;
  if (kept == NULL)
    return WSUV_ENOMEM;
  memcpy(kept + 1, lent->data, lent->len);
  kept->data = (const uint8_t *)(kept + 1);
  kept->len = lent->len;
  kept->is_kept = 1;
  return 0;
}

static void drop_input(const wsuv_allocator_t *a, struct wsuv__stage *stage, size_t taken) {
  if (stage->input == NULL)
    return;
  stage->input->data += taken;
  stage->input->len -= taken;
  if (stage->input->len == 0)
    forget_input(a, stage);
}

/* Lets the decoder make a step into `out`. *produced octets came of it; returns wsuv_extension_progress_t or an error. */
static int make_step(struct wsuv_endpoint *ep, struct wsuv__stage *stage, uint8_t *out,
                     size_t out_len, size_t *produced) {
  const wsuv_extension_t *extension = stage->extension;
  size_t waiting = stage->input != NULL ? stage->input->len : 0;
  wsuv_extension_step_t step;
  size_t taken;
  int rc;

  if (stage->error != 0)
    return stage->error;
  memset(&step, 0, sizeof step);
  step.in = waiting > 0 ? stage->input->data : NULL;
  step.in_len = waiting;
  step.out = out;
  step.out_len = out_len;
  step.type = (wsuv_opcode_t)ep->message.state;
  step.flags = stage->input_flags;
  step.rsv = extension->rsv &
             (extension->scope == WSUV_PER_FRAME ? ep->parser.header.rsv : ep->message.rsv);
  rc = extension->decode(stage->session, &step);
  if (!wsuv__endpoint_is_parsing(ep))
    return WSUV_ECANCELED; /* the hook ended it, and the first failure is what counts */
  if (rc > WSUV_STEP_MORE || step.in_len > waiting || step.out_len > out_len)
    return WSUV_ETRANSFORM;
  taken = waiting - step.in_len;
  *produced = out_len - step.out_len;
  if (rc < 0 && *produced > 0) {
    stage->error = rc;
    return WSUV_STEP_MORE;
  }
  if (rc < 0)
    return rc;
  if (rc == WSUV_STEP_DONE ? step.in_len > 0 : taken == 0 && *produced == 0)
    return WSUV_ETRANSFORM;
  drop_input(ep->config->allocator, stage, taken);
  stage->input_flags = (uint8_t)(stage->input_flags & ~FIRST_FLAGS);
  return rc;
}

/* The end of what was given counts once all of it has come out; returns the flags that go with this output. */
static int settle_step(struct wsuv__stage *stage, int progress, size_t produced) {
  int flags = progress == WSUV_STEP_DONE ? stage->input_flags & FINAL_FLAGS : 0;

  if (progress == WSUV_STEP_DONE) {
    stage->decoding = DECODING_IDLE;
    stage->input_flags = 0;
  }
  if (produced == 0 && flags == 0)
    return 0;
  flags |= stage->output_flags;
  stage->output_flags = 0;
  return flags;
}

/* Both, where what comes out is taken as it is. */
static int take_step(struct wsuv_endpoint *ep, struct wsuv__stage *stage, uint8_t out[STEP_SIZE],
                     size_t *produced) {
  int rc = make_step(ep, stage, out, STEP_SIZE, produced);

  return rc < 0 ? rc : settle_step(stage, rc, *produced);
}

static int step_into_stage(struct wsuv_endpoint *ep, struct wsuv__stage *stage,
                           struct wsuv__stage *below) {
  struct wsuv__waiting lent = {NULL, 0, 0};
  uint8_t out[STEP_SIZE];
  size_t produced = 0;
  int flags = take_step(ep, stage, out, &produced);

  if (flags < 0 || (produced == 0 && flags == 0))
    return flags;
  lent.data = out;
  lent.len = produced;
  give(below, &lent, flags);
  return keep_input(ep->config->allocator, below);
}

/* Octets of the message, up to the limit on its size. */
static int take_within_limit(struct wsuv_endpoint *ep, uint8_t *data, size_t len, int is_final) {
  uint64_t left = ep->config->max_message_size - ep->message.size;
  int err;

  if (len <= left) {
    ep->message.size += len;
    return wsuv__endpoint_take_piece(ep, data, len, is_final);
  }
  err = wsuv__endpoint_take_piece(ep, data, (size_t)left, 0);
  return err != 0 ? err : WSUV_EMSGSIZE;
}

static int step_into_fragment(struct wsuv_endpoint *ep, struct wsuv__stage *stage) {
  uint8_t out[STEP_SIZE];
  size_t produced = 0;
  int flags = take_step(ep, stage, out, &produced);

  if (flags < 0)
    return flags;
  wsuv__traffic_decoding(ep, 0, produced);
  return take_within_limit(ep, out, produced, (flags & WSUV_FINAL) != 0);
}

/* Room for one step more, as much again as there is already, and never much over the limit: a decoder that cannot give
 * single octets has to come to where the limit shows. */
static size_t room_ahead(const struct wsuv_endpoint *ep) {
  uint64_t left = ep->config->max_message_size - ep->message.size;
  size_t room = ep->message.buf.len;

  if (room < STEP_MIN)
    room = STEP_MIN;
  if (room > 4 * STEP_SIZE)
    room = 4 * STEP_SIZE;
  if (left < room)
    room = left < STEP_MIN ? STEP_MIN : (size_t)left + 1;
  return room;
}

/* A step's output on its way into a whole message: the flags that go with it, or an error. Whether more or worse comes first
 * does not depend on the split. */
static int settle_output(struct wsuv_endpoint *ep, struct wsuv__stage *stage, int progress,
                         const uint8_t *out, size_t produced) {
  uint64_t max_len = ep->config->max_message_size;
  uint64_t left = max_len - ep->message.size;
  int flags = settle_step(stage, progress, produced);
  int err = wsuv__message_validate(&ep->message, out, produced < left ? produced : (size_t)left);

  wsuv__traffic_decoding(ep, 0, produced);
  if (err == 0)
    err = wsuv__message_grow(&ep->message, produced, max_len);
  return err != 0 ? err : flags;
}

/* Most messages are whole after one step, and are delivered from where they came out. */
static int step_into_callback(struct wsuv_endpoint *ep, struct wsuv__stage *stage) {
  uint64_t left = ep->config->max_message_size - ep->message.size;
  uint8_t out[STEP_SIZE];
  size_t room = left < sizeof out ? (size_t)left + 1 : sizeof out;
  size_t produced = 0;
  int rc = make_step(ep, stage, out, room > STEP_MIN ? room : STEP_MIN, &produced);
  int flags = rc < 0 ? rc : settle_output(ep, stage, rc, out, produced);

  if (flags < 0)
    return flags;
  if ((flags & WSUV_FINAL) != 0)
    return wsuv__endpoint_deliver(ep, out, produced);
  return produced > 0 ? wsuv__buf_append(&ep->message.buf, ep->config->allocator, out, produced)
                      : 0;
}

/* Straight into the message's buffer, which is not the message's while the hook runs: a failure frees that. */
static int step_into_message(struct wsuv_endpoint *ep, struct wsuv__stage *stage) {
  struct wsuv__message *message = &ep->message;
  struct wsuv__buf whole;
  size_t room = room_ahead(ep);
  size_t produced = 0;
  uint8_t *out;
  int flags;
  int rc;

  if (wsuv__buf_reserve(&message->buf, ep->config->allocator, room) != 0)
    return WSUV_ENOMEM;
  whole = message->buf;
  memset(&message->buf, 0, sizeof message->buf);
  out = whole.base + whole.len;
  rc = make_step(ep, stage, out, room, &produced);
  message->buf = whole;
  flags = rc < 0 ? rc : settle_output(ep, stage, rc, out, produced);
  if (flags < 0)
    return flags;
  message->buf.len += produced;
  return (flags & WSUV_FINAL) != 0 ? wsuv__endpoint_deliver_kept(ep) : 0;
}

static int step(struct wsuv_endpoint *ep, struct wsuv__stage *stage) {
  struct wsuv__extensions *set = ep->extensions;
  struct wsuv__stage *below = decoder_below(set, (size_t)(stage - set->stages));

  if (below != NULL)
    return step_into_stage(ep, stage, below);
  if (ep->handler->on_fragment != NULL)
    return step_into_fragment(ep, stage);
  return ep->message.buf.len == 0 ? step_into_callback(ep, stage) : step_into_message(ep, stage);
}

/* After any callback the endpoint may be closing, failed or paused. */
static int run_decoders(struct wsuv_endpoint *ep) {
  struct wsuv__stage *stage = busy_decoder(ep->extensions);
  int err = 0;

  while (err == 0 && stage != NULL && wsuv__endpoint_is_parsing(ep) &&
         ep->delivery == DELIVERY_FLOWING) {
    err = step(ep, stage);
    stage = busy_decoder(ep->extensions);
  }
  return err;
}

void wsuv__endpoint_go_on_decoding(struct wsuv_endpoint *ep) {
  int err = run_decoders(ep);

  if (err != 0)
    (void)wsuv__endpoint_fail(ep, err);
}

/* ---- a slice ---- */

static int slice_flags(const struct wsuv_endpoint *ep, const struct wsuv__frame_slice *slice) {
  const wsuv_frame_header_t *header = &ep->parser.header;
  int flags = 0;

  if (slice->first)
    flags |= WSUV_FRAME_FIRST | (header->opcode != WSUV_CONTINUATION ? WSUV_FIRST : 0);
  if (slice->last)
    flags |= WSUV_FRAME_FINAL | (header->fin ? WSUV_FINAL : 0);
  return flags;
}

static int decode_slice(struct wsuv_endpoint *ep, struct wsuv__stage *top, const uint8_t *data,
                        size_t len, int flags) {
  struct wsuv__waiting lent = {data, len, 0};
  int err;

  give(top, &lent, flags);
  err = run_decoders(ep);
  wsuv__traffic_decoding(ep, len, 0);
  if (err == 0 && wsuv__endpoint_is_parsing(ep))
    return keep_input(ep->config->allocator, top);
  forget_input(ep->config->allocator, top);
  return err;
}

int wsuv__endpoint_filter(struct wsuv_endpoint *ep, const struct wsuv__frame_slice *slice) {
  int flags = slice_flags(ep, slice);
  size_t len = ask_hook(ep, slice);
  struct wsuv__stage *top = NULL;

  if (!wsuv__endpoint_is_parsing(ep))
    return 0;
  if (ep->extensions != NULL) {
    if (slice->first)
      choose_decoders(ep);
    top = decoder_below(ep->extensions, ep->extensions->nstages);
  }
  if (top != NULL)
    return decode_slice(ep, top, slice->data, len, flags);
  return take_within_limit(ep, slice->data, len, (flags & WSUV_FINAL) != 0);
}
