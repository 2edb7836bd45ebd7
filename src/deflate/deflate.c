#include "wsuv/deflate.h"

#include <string.h>

#include "base/option.h"
#include "deflate/params.h"
#include "deflate/session.h"

#define NOFFERS_MAX 8u

#define DEFAULT_LEVEL               6
#define DEFAULT_MEM_LEVEL           8
#define DEFAULT_THRESHOLD           16u
#define DEFAULT_THRESHOLD_NO_WINDOW 64u
#define DEFAULT_MAX_RATIO           256u
#define STRATEGY_MAX                4

struct wsuv_deflate {
  wsuv_extension_t extension;
  wsuv_allocator_t allocator;
  size_t nrefs; /* the application's and one of each session */
  int strict;
  size_t noffers;
  wsuv_deflate_params_t offers[NOFFERS_MAX];
  struct wsuv__deflate_base base;
};

static void release(struct wsuv_deflate *deflate) {
  const wsuv_allocator_t a = deflate->allocator;

  if (--deflate->nrefs > 0)
    return;
  wsuv__pool_clear(&deflate->base.pool);
  wsuv__release(&a, deflate);
}

/* ---- hooks of the negotiation ---- */

static int begin_session(struct wsuv_deflate *deflate, const wsuv_deflate_params_t *agreed,
                         void **out) {
  struct wsuv__deflate_session *session = wsuv__alloc_zeroed(&deflate->allocator, sizeof *session);

  if (session == NULL)
    return WSUV_ENOMEM;
  session->base = &deflate->base;
  session->deflate_bits = (uint8_t)agreed->deflate_max_window_bits;
  session->inflate_bits = (uint8_t)agreed->inflate_max_window_bits;
  session->deflate_no_takeover = agreed->deflate_no_context_takeover != 0;
  session->inflate_no_takeover = agreed->inflate_no_context_takeover != 0;
  deflate->nrefs++;
  *out = session;
  return 0;
}

/* config points to what the extension is a part of. */
static struct wsuv_deflate *deflate_of(const wsuv_extension_t *extension) {
  return (struct wsuv_deflate *)(uintptr_t)extension->config;
}

static void end_session(const wsuv_extension_t *extension, void *arg) {
  struct wsuv__deflate_session *session = arg;
  struct wsuv_deflate *deflate = deflate_of(extension);

  wsuv__deflate_session_end(session);
  wsuv__release(&deflate->allocator, session);
  release(deflate);
}

static void *unfold_session(const wsuv_extension_t *extension, const void *example,
                            const void *kept) {
  struct wsuv_deflate *deflate = deflate_of(extension);
  struct wsuv__deflate_session *session = wsuv__alloc(&deflate->allocator, sizeof *session);

  if (session == NULL)
    return NULL;
  *session = *(const struct wsuv__deflate_session *)example;
  wsuv__deflate_restore(session, kept);
  deflate->nrefs++;
  return session;
}

static int offer(const wsuv_extension_t *extension, wsuv_extension_writer_t *writer) {
  const struct wsuv_deflate *deflate = deflate_of(extension);
  struct wsuv__deflate_element element;
  size_t i;

  for (i = 0; i < deflate->noffers; i++) {
    wsuv__deflate_offer(&deflate->offers[i], &element);
    wsuv__deflate_element_write(&element, writer);
  }
  return 0;
}

/* An offer that makes no sense is declined, so that the next is asked (RFC 7692 7). */
static int answer(const wsuv_extension_t *extension, const wsuv_extension_element_t *offered,
                  wsuv_extension_writer_t *writer, void **session) {
  struct wsuv_deflate *deflate = deflate_of(extension);
  struct wsuv__deflate_element element;
  struct wsuv__deflate_element answered;
  wsuv_deflate_params_t agreed;
  int err;

  if (wsuv__deflate_element_read(&element, offered, DEFLATE_OFFER) != 0)
    return WSUV_OFFER_DECLINED;
  wsuv__deflate_answer(&deflate->offers[0], &element, &agreed, &answered);
  err = begin_session(deflate, &agreed, session);
  if (err != 0)
    return err;
  wsuv__deflate_element_write(&answered, writer);
  return WSUV_OFFER_ACCEPTED;
}

static int accept_answer(const wsuv_extension_t *extension,
                         const wsuv_extension_element_t *answered, void **session) {
  struct wsuv_deflate *deflate = deflate_of(extension);
  struct wsuv__deflate_element element;
  wsuv_deflate_params_t agreed;
  int err = wsuv__deflate_element_read(&element, answered, DEFLATE_ANSWER);

  if (err == 0)
    err =
        wsuv__deflate_accept(deflate->offers, deflate->noffers, deflate->strict, &element, &agreed);
  return err != 0 ? err : begin_session(deflate, &agreed, session);
}

/* ---- options ---- */

static int is_bits(int bits) {
  return bits == 0 || (bits >= WSUV__WINDOW_BITS_MIN && bits <= WSUV__WINDOW_BITS_MAX);
}

static const char *fault_of_params(const wsuv_deflate_params_t *params) {
  if (!is_bits(params->deflate_max_window_bits))
    return "deflate_max_window_bits";
  return is_bits(params->inflate_max_window_bits) ? NULL : "inflate_max_window_bits";
}

static const char *fault_of_offers(const wsuv_deflate_options_t *o) {
  const char *fault = fault_of_params(&o->params);
  size_t i;

  if (fault == NULL && o->nfallbacks > (o->fallbacks != NULL ? NOFFERS_MAX - 1 : 0))
    fault = "nfallbacks";
  for (i = 0; fault == NULL && i < o->nfallbacks; i++)
    fault = fault_of_params(&o->fallbacks[i]);
  return fault;
}

static int is_limit(int64_t value) {
  return value >= 0 || value == WSUV_OFF;
}

static const char *fault_of_numbers(const wsuv_deflate_options_t *o) {
  if (o->level < 0 || o->level > 9)
    return "level";
  if (o->mem_level < 0 || o->mem_level > 9)
    return "mem_level";
  if (o->strategy < 0 || o->strategy > STRATEGY_MAX)
    return "strategy";
  if (!is_limit(o->threshold))
    return "threshold";
  if (!is_limit(o->max_ratio))
    return "max_ratio";
  return is_limit(o->max_memory) ? NULL : "max_memory";
}

const char *wsuv_deflate_fault(const wsuv_deflate_options_t *options) {
  const char *fault;

  if (options == NULL)
    return NULL;
  if (options->size < sizeof *options)
    return "size";
  fault = fault_of_offers(options);
  return fault != NULL ? fault : fault_of_numbers(options);
}

static void take_offers(struct wsuv_deflate *deflate, const wsuv_deflate_options_t *o) {
  deflate->noffers = 1 + o->nfallbacks;
  deflate->offers[0] = o->params;
  if (o->nfallbacks > 0)
    memcpy(&deflate->offers[1], o->fallbacks, o->nfallbacks * sizeof o->fallbacks[0]);
  deflate->strict = o->strict;
}

static void take_numbers(struct wsuv_deflate *deflate, const wsuv_deflate_options_t *o) {
  struct wsuv__codec_settings *settings = &deflate->base.pool.settings;
  uint64_t max_memory = SIZE_MAX;
  uint64_t threshold =
      o->params.deflate_no_context_takeover ? DEFAULT_THRESHOLD_NO_WINDOW : DEFAULT_THRESHOLD;

  settings->level = o->level != 0 ? o->level : DEFAULT_LEVEL;
  settings->mem_level = o->mem_level != 0 ? o->mem_level : DEFAULT_MEM_LEVEL;
  settings->strategy = o->strategy;
  (void)wsuv__option_take(&deflate->base.policy.threshold, o->threshold, threshold, 0);
  (void)wsuv__option_take(&deflate->base.policy.max_ratio, o->max_ratio, DEFAULT_MAX_RATIO,
                          UINT64_MAX);
  (void)wsuv__option_take(&max_memory, o->max_memory, SIZE_MAX, SIZE_MAX);
  deflate->base.pool.max_memory = max_memory < SIZE_MAX ? (size_t)max_memory : SIZE_MAX;
  deflate->base.policy.probe = !o->no_probe;
}

static const wsuv_extension_t permessage_deflate = {
    .size = sizeof(wsuv_extension_t),
    .token = "permessage-deflate",
    .rsv = 4,
    .scope = WSUV_PER_MESSAGE,
    .offer = offer,
    .answer = answer,
    .accept = accept_answer,
    .end = end_session,
    .encode = wsuv__deflate_encode,
    .decode = wsuv__deflate_decode,
    .variant = wsuv__deflate_variant,
    .fold = wsuv__deflate_fold,
    .unfold = unfold_session,
};

/* ---- public ---- */

int wsuv_deflate_new(wsuv_deflate_t **out, const wsuv_deflate_options_t *options) {
  static const wsuv_deflate_options_t shared = WSUV_DEFLATE_SHARED_INIT;
  const wsuv_deflate_options_t *o = options != NULL ? options : &shared;
  const wsuv_allocator_t *a;
  struct wsuv_deflate *deflate;

  *out = NULL;
  if (wsuv_deflate_fault(o) != NULL)
    return WSUV_EINVAL;
  a = wsuv__allocator_or_default(o->allocator);
  deflate = wsuv__alloc_zeroed(a, sizeof *deflate);
  if (deflate == NULL)
    return WSUV_ENOMEM;
  deflate->allocator = *a;
  deflate->base.pool.allocator = &deflate->allocator;
  deflate->nrefs = 1;
  deflate->extension = permessage_deflate;
  deflate->extension.config = deflate;
  take_offers(deflate, o);
  take_numbers(deflate, o);
  *out = deflate;
  return 0;
}

void wsuv_deflate_free(wsuv_deflate_t *deflate) {
  if (deflate != NULL)
    release(deflate);
}

const wsuv_extension_t *wsuv_deflate_extension(const wsuv_deflate_t *deflate) {
  return &deflate->extension;
}

size_t wsuv_deflate_memory(const wsuv_deflate_t *deflate) {
  return deflate->base.pool.memory;
}

static const struct wsuv__deflate_session *session_of(const wsuv_negotiated_t *negotiated) {
  const wsuv_extension_t *extension = negotiated->extension;

  return extension != NULL && extension->encode == wsuv__deflate_encode ? negotiated->session
                                                                        : NULL;
}

int wsuv_deflate_params(const wsuv_negotiated_t *negotiated, wsuv_deflate_params_t *params) {
  const struct wsuv__deflate_session *session = session_of(negotiated);

  if (session == NULL)
    return WSUV_EINVAL;
  params->deflate_max_window_bits = session->deflate_bits;
  params->inflate_max_window_bits = session->inflate_bits;
  params->deflate_no_context_takeover = session->deflate_no_takeover;
  params->inflate_no_context_takeover = session->inflate_no_takeover;
  return 0;
}

int wsuv_deflate_stats(const wsuv_negotiated_t *negotiated, wsuv_deflate_stats_t *stats) {
  const struct wsuv__deflate_session *session = session_of(negotiated);

  if (session == NULL)
    return WSUV_EINVAL;
  *stats = session->stats;
  return 0;
}

size_t wsuv_deflate_contexts(const wsuv_negotiated_t *negotiated) {
  const struct wsuv__deflate_session *session = session_of(negotiated);
  size_t octets = 0;

  if (session != NULL && session->deflater != NULL)
    octets += session->deflater->memory;
  if (session != NULL && session->inflater != NULL)
    octets += session->inflater->memory;
  return octets;
}
