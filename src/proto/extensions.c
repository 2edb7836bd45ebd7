#include "proto/extensions.h"

#include <string.h>

static int judge(const wsuv_extension_t *extension) {
  if (extension == NULL || extension->size < sizeof *extension || extension->token == NULL)
    return WSUV_EINVAL;
  if ((extension->fold == NULL) != (extension->unfold == NULL))
    return WSUV_EINVAL;
  if (extension->rsv < 0 || extension->rsv > 7 || (extension->opcodes & ~WSUV_CUSTOM_OPCODES) != 0)
    return WSUV_EINVAL;
  return extension->scope == WSUV_PER_MESSAGE || extension->scope == WSUV_PER_FRAME ? 0
                                                                                    : WSUV_EINVAL;
}

static int claim(struct wsuv__frame_rules *rules, const wsuv_extension_t *extension) {
  int taken = rules->rsv_message | rules->rsv_data;

  if ((taken & extension->rsv) != 0 || (rules->opcodes & extension->opcodes) != 0)
    return WSUV_ECLAIM;
  rules->opcodes = (uint16_t)(rules->opcodes | extension->opcodes);
  if (extension->scope == WSUV_PER_MESSAGE)
    rules->rsv_message = (uint8_t)(rules->rsv_message | extension->rsv);
  else
    rules->rsv_data = (uint8_t)(rules->rsv_data | extension->rsv);
  return 0;
}

int wsuv__extensions_judge(const struct wsuv__frame_rules *rules,
                           const wsuv_extension_t *const *extensions, size_t n) {
  size_t i;
  int err = 0;

  for (i = 0; i < n && err == 0; i++) {
    struct wsuv__frame_rules alone = *rules;
    err = judge(extensions[i]);
    if (err == 0)
      err = claim(&alone, extensions[i]);
  }
  return err;
}

static void add_stages(struct wsuv__extensions *set, const wsuv_negotiated_t *negotiated, size_t n,
                       wsuv_extension_scope_t scope) {
  size_t i;

  for (i = 0; i < n; i++) {
    if (negotiated[i].extension->scope != scope)
      continue;
    set->stages[set->nstages].extension = negotiated[i].extension;
    set->stages[set->nstages++].session = negotiated[i].session;
  }
}

int wsuv__extensions_new(struct wsuv__extensions **out, const wsuv_allocator_t *a,
                         const struct wsuv__frame_rules *rules, const wsuv_negotiated_t *negotiated,
                         size_t n) {
  struct wsuv__frame_rules merged = *rules;
  struct wsuv__extensions *set;
  size_t i;
  int err = 0;

  *out = NULL;
  if (n == 0)
    return 0;
  if (n > WSUV_EXTENSION_ELEMENTS_MAX)
    return WSUV_EINVAL;
  for (i = 0; i < n && err == 0; i++) {
    err = judge(negotiated[i].extension);
    if (err == 0)
      err = claim(&merged, negotiated[i].extension);
  }
  if (err != 0)
    return err;
  set = wsuv__alloc_zeroed(a, sizeof *set + n * sizeof set->stages[0]);
  if (set == NULL)
    return WSUV_ENOMEM;
  set->rules = merged;
  add_stages(set, negotiated, n, WSUV_PER_MESSAGE);
  add_stages(set, negotiated, n, WSUV_PER_FRAME);
  *out = set;
  return 0;
}

void wsuv__extensions_end(struct wsuv__extensions *set, const wsuv_allocator_t *a) {
  size_t i;

  for (i = 0; i < set->nstages; i++) {
    struct wsuv__stage *stage = &set->stages[i];
    if (stage->input != NULL) /* kept: nothing is lent outside of receive */
      wsuv__release(a, stage->input);
    if (stage->extension->end != NULL)
      stage->extension->end(stage->extension, stage->session);
  }
}

void wsuv__extensions_free(struct wsuv__extensions *set, const wsuv_allocator_t *a) {
  if (set == NULL)
    return;
  wsuv__extensions_end(set, a);
  wsuv__release(a, set);
}
