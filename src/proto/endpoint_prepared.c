/* Messages prepared once for many endpoints. */
#include <string.h>

#include "base/list.h"
#include "proto/endpoint_send.h"
#include "proto/extensions.h"
#include "proto/traffic.h"
#include "wsuv/prepared.h"

/* What one kind of session makes of it. */
struct variant {
  struct wsuv__list link;
  const wsuv_extension_t *extension;
  const void *key;
  int is_passed; /* the extension leaves it as it is */
  uint8_t rsv;
  struct wsuv__buf payload;
};

struct wsuv_prepared {
  wsuv_allocator_t allocator;
  struct wsuv__list variants;
  size_t nvariants;
  wsuv_opcode_t type;
  int flags;
  size_t len;
  uint8_t payload[];
};

int wsuv_prepared_new(wsuv_prepared_t **out, const wsuv_allocator_t *allocator, wsuv_opcode_t type,
                      const void *payload, size_t len, int flags) {
  const wsuv_allocator_t *a = wsuv__allocator_or_default(allocator);
  struct wsuv_prepared *prepared;

  *out = NULL;
  if ((payload == NULL && len > 0) || (int)type < WSUV_TEXT || (int)type > 7 ||
      (flags & ~WSUV_SEND_NO_COMPRESS) != 0)
    return WSUV_EINVAL;
  if (type == WSUV_TEXT && !wsuv_utf8_is_valid(payload, len))
    return WSUV_EENCODING;
  prepared = len <= SIZE_MAX - sizeof *prepared ? wsuv__alloc(a, sizeof *prepared + len) : NULL;
  if (prepared == NULL)
    return WSUV_ENOMEM;
  prepared->allocator = *a;
  wsuv__list_init(&prepared->variants);
  prepared->nvariants = 0;
  prepared->type = type;
  prepared->flags = flags;
  prepared->len = len;
  if (len > 0)
    memcpy(prepared->payload, payload, len);
  *out = prepared;
  return 0;
}

void wsuv_prepared_free(wsuv_prepared_t *prepared) {
  wsuv_allocator_t a;

  if (prepared == NULL)
    return;
  a = prepared->allocator;
  while (!wsuv__list_is_empty(&prepared->variants)) {
    struct variant *variant = WSUV__LIST_ENTRY(prepared->variants.next, struct variant, link);
    wsuv__list_remove(&variant->link);
    wsuv__buf_free(&variant->payload, &a);
    wsuv__release(&a, variant);
  }
  wsuv__release(&a, prepared);
}

size_t wsuv_prepared_nvariants(const wsuv_prepared_t *prepared) {
  return prepared->nvariants;
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

/* Has the endpoint's stage encode it. On an error the endpoint has failed. */
static int add_variant(struct wsuv_endpoint *ep, wsuv_prepared_t *prepared,
                       const struct wsuv__stage *stage, const void *key, struct variant **out) {
  const wsuv_allocator_t *a = &prepared->allocator;
  struct wsuv__outgoing o = {.opcode = (uint8_t)prepared->type,
                             .fin = 1,
                             .payload = prepared->payload,
                             .len = prepared->len,
                             .flags = (uint8_t)prepared->flags};
  struct variant *variant = wsuv__alloc_zeroed(a, sizeof *variant);
  int err;

  if (variant == NULL)
    return WSUV_ENOMEM;
  err = wsuv__endpoint_encode(ep, &o);
  wsuv__endpoint_end_encoding(ep);
  if (err == 0 && o.transformed)
    err = wsuv__buf_append(&variant->payload, a, o.payload, o.len);
  wsuv__buf_free(&o.buf, ep->config->allocator);
  if (err != 0) {
    wsuv__release(a, variant);
    return err;
  }
  variant->extension = stage->extension;
  variant->key = key;
  variant->is_passed = !o.transformed;
  variant->rsv = o.rsv;
  wsuv__list_append(&prepared->variants, &variant->link);
  prepared->nvariants++;
  *out = variant;
  return 0;
}

static int send_variant(struct wsuv_endpoint *ep, wsuv_prepared_t *prepared,
                        const struct wsuv__stage *stage, const void *key) {
  struct variant *variant = find_variant(prepared, stage, key);
  wsuv_frame_header_t header;
  const uint8_t *payload = prepared->payload;
  size_t len = prepared->len;
  int err = variant == NULL ? add_variant(ep, prepared, stage, key, &variant) : 0;

  if (err != 0)
    return err;
  if (!variant->is_passed) {
    payload = variant->payload.base;
    len = variant->payload.len;
  }
  err = wsuv__endpoint_frame_header(ep, &header, (uint8_t)prepared->type, len);
  if (err != 0)
    return err;
  header.rsv = variant->rsv;
  err = wsuv__outbox_append(&ep->outbox, &header, payload, len);
  if (err == 0)
    wsuv__traffic_data_sent(ep, (int)prepared->type, prepared->len, &header, !variant->is_passed);
  return err;
}

/* The one stage that has something to do with it, if what it does is the same for others; its key. */
static const struct wsuv__stage *find_shared(const struct wsuv_endpoint *ep,
                                             const wsuv_prepared_t *prepared, const void **key) {
  const struct wsuv__extensions *set = ep->extensions;
  const struct wsuv__stage *only = NULL;
  size_t i;

  for (i = 0; set != NULL && i < set->nstages; i++) {
    const struct wsuv__stage *stage = &set->stages[i];
    if (!wsuv__stage_encodes(stage, (uint8_t)prepared->type))
      continue;
    if (only != NULL || stage->extension->scope != WSUV_PER_MESSAGE ||
        stage->extension->variant == NULL)
      return NULL;
    only = stage;
  }
  *key = only != NULL ? only->extension->variant(only->session) : NULL;
  return *key != NULL ? only : NULL;
}

int wsuv_endpoint_send_prepared(wsuv_endpoint_t *ep, wsuv_prepared_t *prepared) {
  const struct wsuv__stage *stage;
  const void *key = NULL;
  int err = wsuv__endpoint_judge_prepared(ep, prepared->type, prepared->len);

  if (err != 0)
    return err;
  stage = find_shared(ep, prepared, &key);
  if (stage != NULL)
    return send_variant(ep, prepared, stage, key);
  return wsuv__endpoint_queue_message(ep, prepared->type, 0, prepared->payload, prepared->len,
                                      prepared->flags);
}
