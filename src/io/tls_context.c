#include "io/tls_context.h"

#include <stdio.h>
#include <string.h>

#include "io/tls_setup.h"
#include "wsuv/errno.h"

struct wsuv_tls_context {
  wsuv_allocator_t allocator;
  uv_mutex_t lock; /* of nrefs and setup */
  unsigned nrefs;
  wsuv_role_t role;
  struct wsuv__tls_setup *setup;
};

/* Hands the error on. */
static int tell(int err, const struct wsuv__tls_fault *fault, char *why, size_t size) {
  const char *text = fault->detail[0] != '\0' ? fault->detail : wsuv_strerror(err);

  if (why != NULL && size > 0)
    (void)snprintf(why, size, "%s", err != 0 ? text : "");
  return err;
}

static int is_role(wsuv_role_t role) {
  return role == WSUV_SERVER || role == WSUV_CLIENT;
}

static wsuv_tls_context_t *new_context(wsuv_role_t role, const wsuv_allocator_t *a) {
  wsuv_tls_context_t *context = wsuv__alloc_zeroed(a, sizeof *context);

  if (context == NULL)
    return NULL;
  if (uv_mutex_init(&context->lock) != 0) {
    wsuv__release(a, context);
    return NULL;
  }
  context->allocator = *a;
  context->nrefs = 1;
  context->role = role;
  return context;
}

int wsuv_tls_context_new(wsuv_tls_context_t **out, wsuv_role_t role,
                         const wsuv_tls_options_t *options, char *why, size_t why_size) {
  static const wsuv_tls_options_t presets = WSUV_TLS_OPTIONS_INIT;
  const wsuv_tls_options_t *o = options != NULL ? options : &presets;
  const wsuv_allocator_t *a = wsuv__allocator_or_default(o->allocator);
  struct wsuv__tls_fault fault = {0, ""};
  wsuv_tls_context_t *context;
  int err;

  *out = NULL;
  if (!is_role(role) || o->size < sizeof *o)
    return tell(WSUV_EINVAL, &fault, why, why_size);
  context = new_context(role, a);
  if (context == NULL)
    return tell(WSUV_ENOMEM, &fault, why, why_size);
  err = wsuv__tls_setup_new(&context->setup, role, o, a, &fault);
  if (err == 0)
    *out = context;
  else
    wsuv_tls_context_release(context);
  return tell(err, &fault, why, why_size);
}

int wsuv_tls_context_from_ssl_ctx(wsuv_tls_context_t **out, wsuv_role_t role,
                                  struct ssl_ctx_st *ssl_ctx) {
  const wsuv_allocator_t *a = wsuv__allocator_or_default(NULL);
  wsuv_tls_context_t *context;
  int err;

  *out = NULL;
  if (!is_role(role) || ssl_ctx == NULL)
    return WSUV_EINVAL;
  context = new_context(role, a);
  if (context == NULL)
    return WSUV_ENOMEM;
  err = wsuv__tls_setup_of_ssl_ctx(&context->setup, role, ssl_ctx, a);
  if (err == 0)
    *out = context;
  else
    wsuv_tls_context_release(context);
  return err;
}

static void use_setup(wsuv_tls_context_t *context, struct wsuv__tls_setup *setup) {
  struct wsuv__tls_setup *old;

  uv_mutex_lock(&context->lock);
  old = context->setup;
  context->setup = setup;
  uv_mutex_unlock(&context->lock);
  wsuv__tls_setup_unref(old);
}

/* Whether a context is of an SSL_CTX never changes. */
static int is_foreign(wsuv_tls_context_t *context) {
  struct wsuv__tls_setup *setup = wsuv__tls_context_setup(context);
  int foreign = setup->is_foreign;

  wsuv__tls_setup_unref(setup);
  return foreign;
}

int wsuv_tls_context_reload(wsuv_tls_context_t *context, const wsuv_tls_options_t *options,
                            char *why, size_t why_size) {
  static const wsuv_tls_options_t presets = WSUV_TLS_OPTIONS_INIT;
  const wsuv_tls_options_t *o = options != NULL ? options : &presets;
  struct wsuv__tls_fault fault = {0, ""};
  struct wsuv__tls_setup *setup;
  int err;

  if (is_foreign(context))
    return tell(WSUV_ESTATE, &fault, why, why_size);
  err = wsuv__tls_setup_new(&setup, context->role, o, &context->allocator, &fault);
  if (err == 0)
    use_setup(context, setup);
  return tell(err, &fault, why, why_size);
}

int wsuv_tls_context_set_ssl_ctx(wsuv_tls_context_t *context, struct ssl_ctx_st *ssl_ctx) {
  struct wsuv__tls_setup *setup;
  int err;

  if (ssl_ctx == NULL)
    return WSUV_EINVAL;
  if (!is_foreign(context))
    return WSUV_ESTATE;
  err = wsuv__tls_setup_of_ssl_ctx(&setup, context->role, ssl_ctx, &context->allocator);
  if (err == 0)
    use_setup(context, setup);
  return err;
}

void wsuv_tls_context_release(wsuv_tls_context_t *context) {
  wsuv_allocator_t a;
  unsigned left;

  if (context == NULL)
    return;
  uv_mutex_lock(&context->lock);
  left = --context->nrefs;
  uv_mutex_unlock(&context->lock);
  if (left > 0)
    return;
  a = context->allocator;
  if (context->setup != NULL)
    wsuv__tls_setup_unref(context->setup);
  uv_mutex_destroy(&context->lock);
  wsuv__release(&a, context);
}

wsuv_role_t wsuv__tls_context_role(const wsuv_tls_context_t *context) {
  return context->role;
}

void wsuv__tls_context_ref(wsuv_tls_context_t *context) {
  uv_mutex_lock(&context->lock);
  context->nrefs++;
  uv_mutex_unlock(&context->lock);
}

struct wsuv__tls_setup *wsuv__tls_context_setup(wsuv_tls_context_t *context) {
  struct wsuv__tls_setup *setup;

  uv_mutex_lock(&context->lock);
  setup = context->setup;
  wsuv__tls_setup_ref(setup);
  uv_mutex_unlock(&context->lock);
  return setup;
}
