#include "proto/extensions_rest.h"

#include <string.h>

/* In one block with the set that it is about, which stands behind it. */
struct shared {
  struct wsuv__list link;
  struct wsuv__shared_sets *sets;
};

void wsuv__shared_sets_init(struct wsuv__shared_sets *sets) {
  wsuv__list_init(&sets->list);
  sets->n = 0;
}

static size_t size_of(const struct wsuv__extensions *set) {
  return sizeof *set + set->nstages * sizeof set->stages[0];
}

static struct wsuv__extensions *set_of(struct shared *shared) {
  return (struct wsuv__extensions *)(void *)(shared + 1);
}

static struct shared *shared_of(struct wsuv__extensions *set) {
  return (struct shared *)(void *)set - 1;
}

static int is_idle(const struct wsuv__stage *stage) {
  return stage->input == NULL && stage->decoding != DECODING_BUSY &&
         stage->encoding == ENCODING_IDLE && stage->error == 0;
}

/* Non-zero: the sessions can be made anew, from what is in `kept` and others for which there are the same values. */
static int fold(const struct wsuv__extensions *set, const void **values, uint8_t *kept) {
  size_t i;

  if (set->is_lent || set->sending_rsv != 0)
    return 0;
  for (i = 0; i < set->nstages; i++) {
    const struct wsuv__stage *stage = &set->stages[i];
    if (stage->extension->fold == NULL || !is_idle(stage))
      return 0;
    values[i] =
        stage->extension->fold(stage->session, kept != NULL ? kept + i * WSUV_FOLD_MAX : NULL);
    if (values[i] == NULL)
      return 0;
  }
  return 1;
}

/* ---- sets that there are ---- */

static int are_rules_equal(const struct wsuv__frame_rules *a, const struct wsuv__frame_rules *b) {
  return a->max_payload_len == b->max_payload_len && a->role == b->role &&
         a->lenient_masking == b->lenient_masking && a->rsv_message == b->rsv_message &&
         a->rsv_data == b->rsv_data && a->rsv_control == b->rsv_control && a->opcodes == b->opcodes;
}

static int is_alike(const struct wsuv__extensions *example, const struct wsuv__extensions *set,
                    const void *const *values) {
  uint8_t kept[WSUV_FOLD_MAX];
  size_t i;

  if (example->nstages != set->nstages || !are_rules_equal(&example->rules, &set->rules))
    return 0;
  for (i = 0; i < set->nstages; i++) {
    const wsuv_extension_t *extension = set->stages[i].extension;
    if (example->stages[i].extension != extension ||
        extension->fold(example->stages[i].session, kept) != values[i])
      return 0;
  }
  return 1;
}

/* The one that was asked for last stands first. */
static struct shared *find(struct wsuv__shared_sets *sets, const struct wsuv__extensions *set,
                           const void *const *values) {
  struct wsuv__list *node = sets->list.next;

  while (node != &sets->list &&
         !is_alike(set_of(WSUV__LIST_ENTRY(node, struct shared, link)), set, values))
    node = node->next;
  if (node == &sets->list)
    return NULL;
  wsuv__list_remove(node);
  wsuv__list_insert_before(sets->list.next, node);
  return WSUV__LIST_ENTRY(node, struct shared, link);
}

/* The first of its kind: its sessions are the example for those to come. */
static void make_shared(struct wsuv__extensions **set, struct wsuv__shared_sets *sets,
                        const wsuv_allocator_t *a) {
  struct wsuv__extensions *own = *set;
  struct shared *shared;

  if (sets->n >= WSUV__SHARED_SETS_MAX)
    return;
  shared = wsuv__alloc(a, sizeof *shared + size_of(own));
  if (shared == NULL)
    return;
  shared->sets = sets;
  wsuv__list_insert_before(sets->list.next, &shared->link);
  sets->n++;
  *set = set_of(shared);
  memcpy(*set, own, size_of(own));
  (*set)->nsharers = 1;
  wsuv__release(a, own);
}

void wsuv__extensions_share(struct wsuv__extensions **set, struct wsuv__shared_sets *sets,
                            uint8_t *kept, const wsuv_allocator_t *a) {
  const void *values[WSUV_EXTENSION_ELEMENTS_MAX];
  struct wsuv__extensions *own = *set;
  struct shared *shared;

  if (own == NULL || own->nsharers > 0 || !fold(own, values, kept))
    return;
  shared = find(sets, own, values);
  if (shared == NULL || set_of(shared)->nsharers == UINT32_MAX) {
    make_shared(set, sets, a);
    return;
  }
  *set = set_of(shared);
  (*set)->nsharers++;
  wsuv__extensions_free(own, a);
}

/* ---- sets of one's own ---- */

static void end_first(struct wsuv__extensions *set, size_t n, const wsuv_allocator_t *a) {
  set->nstages = (uint8_t)n;
  wsuv__extensions_free(set, a);
}

int wsuv__extensions_unshare(struct wsuv__extensions **set, const uint8_t *kept,
                             const wsuv_allocator_t *a) {
  struct wsuv__extensions *shared = *set;
  struct wsuv__extensions *own;
  size_t i;

  if (shared == NULL || shared->nsharers == 0)
    return 0;
  own = wsuv__alloc(a, size_of(shared));
  if (own == NULL)
    return WSUV_ENOMEM;
  memcpy(own, shared, size_of(shared));
  own->nsharers = 0;
  for (i = 0; i < own->nstages; i++) {
    struct wsuv__stage *stage = &own->stages[i];
    stage->session = stage->extension->unfold(stage->extension, stage->session,
                                              kept != NULL ? kept + i * WSUV_FOLD_MAX : NULL);
    if (stage->session == NULL) {
      end_first(own, i, a);
      return WSUV_ENOMEM;
    }
  }
  *set = own;
  wsuv__extensions_drop(shared, a);
  return 0;
}

void wsuv__extensions_drop(struct wsuv__extensions *set, const wsuv_allocator_t *a) {
  struct shared *shared;

  if (set == NULL || set->nsharers == 0) {
    wsuv__extensions_free(set, a);
    return;
  }
  if (--set->nsharers > 0)
    return;
  shared = shared_of(set);
  wsuv__list_remove(&shared->link);
  shared->sets->n--;
  wsuv__extensions_end(set, a);
  wsuv__release(a, shared);
}
