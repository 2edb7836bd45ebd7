/* Messages prepared once for many endpoints. */
#include <string.h>

#include "base/list.h"
#include "proto/endpoint_policy.h"
#include "proto/endpoint_send.h"
#include "proto/extensions.h"
#include "proto/outbox_policy.h"
#include "proto/traffic.h"

/* What one kind of session makes of it. */
struct variant {
  struct wsuv__list link;
  const wsuv_extension_t *extension;
  const void *key;
  struct wsuv__shared_frame *frame; /* the plain one where the extension leaves it as it is */
};

struct wsuv_prepared {
  wsuv_allocator_t allocator;
  size_t nowners;
  struct wsuv__list variants;
  size_t nvariants;
  wsuv_opcode_t type;
  int flags;
  struct wsuv__shared_frame *plain;
};

static int judge(wsuv_opcode_t type, const void *payload, size_t len, int flags) {
  if ((payload == NULL && len > 0) || (int)type < WSUV_TEXT || (int)type > 7 ||
      (flags & ~WSUV_SEND_NO_COMPRESS) != 0)
    return WSUV_EINVAL;
  return type == WSUV_TEXT && !wsuv_utf8_is_valid(payload, len) ? WSUV_EENCODING : 0;
}

int wsuv_prepared_new(wsuv_prepared_t **out, const wsuv_allocator_t *allocator, wsuv_opcode_t type,
                      const void *payload, size_t len, int flags) {
  const wsuv_allocator_t *a = wsuv__allocator_or_default(allocator);
  struct wsuv_prepared *prepared;
  int err = judge(type, payload, len, flags);

  *out = NULL;
  if (err != 0)
    return err;
  prepared = wsuv__alloc_zeroed(a, sizeof *prepared);
  if (prepared == NULL)
    return WSUV_ENOMEM;
  prepared->plain = wsuv__shared_frame_new(a, (uint8_t)type, 0, payload, len);
  if (prepared->plain == NULL) {
    wsuv__release(a, prepared);
    return WSUV_ENOMEM;
  }
  prepared->allocator = *a;
  prepared->nowners = 1;
  wsuv__list_init(&prepared->variants);
  prepared->type = type;
  prepared->flags = flags;
  *out = prepared;
  return 0;
}

void wsuv_prepared_ref(wsuv_prepared_t *prepared) {
  prepared->nowners++;
}

void wsuv_prepared_free(wsuv_prepared_t *prepared) {
  wsuv_allocator_t a;

  if (prepared == NULL || --prepared->nowners > 0)
    return;
  a = prepared->allocator;
  while (!wsuv__list_is_empty(&prepared->variants)) {
    struct variant *variant = WSUV__LIST_ENTRY(prepared->variants.next, struct variant, link);
    wsuv__list_remove(&variant->link);
    wsuv__shared_frame_release(variant->frame);
    wsuv__release(&a, variant);
  }
  wsuv__shared_frame_release(prepared->plain);
  wsuv__release(&a, prepared);
}

size_t wsuv_prepared_nvariants(const wsuv_prepared_t *prepared) {
  return prepared->nvariants;
}

size_t wsuv__prepared_len(const wsuv_prepared_t *prepared) {
  return wsuv__shared_frame_payload_len(prepared->plain);
}

/* ---- variants ---- */

/* Looked for among a handful: there are as many as there are windows. */
static struct variant *find_variant(const wsuv_prepared_t *prepared,
                                    const struct wsuv__stage *stage, const void *key) {
  struct wsuv__list *link = prepared->variants.next;

  for (; link != &prepared->variants; link = link->next) {
    struct variant *variant = WSUV__LIST_ENTRY(link, struct variant, link);
    if (variant->extension == stage->extension && variant->key == key)
      return variant;
  }
  return NULL;
}

/* The frame that the endpoint's stage makes of it, or the plain one. On an error of the extension's the endpoint has failed. */
static int make_frame(struct wsuv_endpoint *ep, const wsuv_prepared_t *prepared,
                      struct wsuv__shared_frame **frame) {
  struct wsuv__outgoing o = {.opcode = (uint8_t)prepared->type,
                             .fin = 1,
                             .payload = wsuv__shared_frame_payload(prepared->plain),
                             .len = wsuv__shared_frame_payload_len(prepared->plain),
                             .flags = (uint8_t)prepared->flags};
  int err = wsuv__endpoint_encode(ep, &o);

  wsuv__endpoint_end_encoding(ep);
  *frame = prepared->plain;
  if (err == 0 && o.transformed)
    *frame = wsuv__shared_frame_new(&prepared->allocator, o.opcode, o.rsv, o.payload, o.len);
  else if (err == 0)
    wsuv__shared_frame_ref(prepared->plain);
  wsuv__buf_free(&o.buf, ep->config->allocator);
  return err == 0 && *frame == NULL ? WSUV_ENOMEM : err;
}

static int add_variant(struct wsuv_endpoint *ep, wsuv_prepared_t *prepared,
                       const struct wsuv__stage *stage, const void *key, struct variant **out) {
  const wsuv_allocator_t *a = &prepared->allocator;
  struct variant *variant = wsuv__alloc_zeroed(a, sizeof *variant);
  int err;

  if (variant == NULL)
    return WSUV_ENOMEM;
  err = make_frame(ep, prepared, &variant->frame);
  if (err != 0) {
    wsuv__release(a, variant);
    return err;
  }
  variant->extension = stage->extension;
  variant->key = key;
  wsuv__list_append(&prepared->variants, &variant->link);
  prepared->nvariants++;
  *out = variant;
  return 0;
}

static int send_variant(struct wsuv_endpoint *ep, struct wsuv__whole *s, wsuv_prepared_t *prepared,
                        const struct wsuv__stage *stage, const void *key) {
  struct variant *variant = find_variant(prepared, stage, key);
  int err = variant == NULL ? add_variant(ep, prepared, stage, key, &variant) : 0;

  return err != 0 ? err : wsuv__endpoint_send_whole_shared(ep, s, variant->frame);
}

enum sharing { SHARED_PLAIN, SHARED_VARIANT, NOT_SHARED };

/* The one stage that has something to do with it, and its key, if what it does is the same for others. */
static enum sharing find_sharing(const struct wsuv_endpoint *ep, const wsuv_prepared_t *prepared,
                                 const struct wsuv__stage **only, const void **key) {
  const struct wsuv__extensions *set = ep->extensions;
  size_t i;

  *only = NULL;
  for (i = 0; set != NULL && i < set->nstages; i++) {
    const struct wsuv__stage *stage = &set->stages[i];
    if (!wsuv__stage_encodes(stage, (uint8_t)prepared->type))
      continue;
    if (*only != NULL || stage->extension->scope != WSUV_PER_MESSAGE ||
        stage->extension->variant == NULL)
      return NOT_SHARED;
    *only = stage;
  }
  if (*only == NULL)
    return SHARED_PLAIN;
  *key = (*only)->extension->variant((*only)->session);
  return *key != NULL ? SHARED_VARIANT : NOT_SHARED;
}

int wsuv__endpoint_send_whole_prepared(struct wsuv_endpoint *ep, struct wsuv__whole *s,
                                       wsuv_prepared_t *prepared) {
  const struct wsuv__stage *stage;
  const void *key;
  int err = wsuv__endpoint_judge_type(ep, prepared->type);

  s->type = prepared->type;
  s->payload = wsuv__shared_frame_payload(prepared->plain);
  s->len = wsuv__shared_frame_payload_len(prepared->plain);
  s->flags = prepared->flags;
  if (err == 0)
    err = wsuv__endpoint_find_room(ep, s, s->len);
  if (err != 0)
    return err;
  switch (find_sharing(ep, prepared, &stage, &key)) {
  case SHARED_PLAIN:
    return wsuv__endpoint_send_whole_shared(ep, s, prepared->plain);
  case SHARED_VARIANT:
    return send_variant(ep, s, prepared, stage, key);
  case NOT_SHARED:
    break;
  }
  return wsuv__endpoint_send_whole_judged(ep, s);
}

const struct wsuv__shared_frame *wsuv__prepared_plain(const wsuv_prepared_t *prepared) {
  return prepared->plain;
}

void wsuv__endpoint_count_prepared(struct wsuv_endpoint *ep, const wsuv_prepared_t *prepared) {
  wsuv__traffic_message_sent(ep, (int)prepared->type, wsuv__prepared_len(prepared), 1);
  wsuv__traffic_count_shared(ep);
  ep->limits.message_ms = ep->now_ms;
}

int wsuv__endpoint_send_prepared_rest(struct wsuv_endpoint *ep, wsuv_prepared_t *prepared,
                                      size_t off) {
  int err = wsuv__outbox_append_shared_rest(&ep->outbox, prepared->plain, off);

  if (err == 0)
    wsuv__endpoint_count_prepared(ep, prepared);
  return err;
}

int wsuv_endpoint_send_prepared(wsuv_endpoint_t *ep, wsuv_prepared_t *prepared) {
  struct wsuv__whole whole = {.keeping = KEEPING_ALWAYS};

  return wsuv__endpoint_send_whole_prepared(ep, &whole, prepared);
}
