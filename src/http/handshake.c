#include "http/handshake.h"

#include <string.h>

#include "http/client_handshake.h"
#include "http/origin.h"
#include "http/server_handshake.h"

#define VALUES_SIZE 256u /* what a browser's fields need */

static const struct {
  const char *name;
  size_t len;
} known[NFIELDS] = {
#define FIELD(name) \
  { name, sizeof(name) - 1 }
    FIELD("Host"),
    FIELD("Connection"),
    FIELD("Upgrade"),
    FIELD("Sec-WebSocket-Version"),
    FIELD("Sec-WebSocket-Key"),
    FIELD("Sec-WebSocket-Accept"),
    FIELD("Sec-WebSocket-Protocol"),
    FIELD("Sec-WebSocket-Extensions"),
    FIELD("Origin"),
    FIELD("Expect"),
#undef FIELD
};

const char *wsuv__handshake_field_name(enum wsuv__handshake_field field) {
  return known[field].name;
}

struct wsuv__text wsuv__handshake_value(const wsuv_handshake_t *h,
                                        enum wsuv__handshake_field field) {
  const struct wsuv__handshake_slot *slot = &h->slots[field];
  struct wsuv__text value = {"", 0};
  if (slot->count > 1) {
    value.data = (const char *)slot->joined.base;
    value.len = slot->joined.len;
  } else if (slot->value_len > 0) {
    value.data = (const char *)h->values.base + slot->value_at;
    value.len = slot->value_len;
  }
  return value;
}

int wsuv__handshake_lists(struct wsuv__text list, struct wsuv__text name) {
  struct wsuv__text element;
  while (wsuv__token_next(&list, &element) == 1)
    if (element.len == name.len && memcmp(element.data, name.data, name.len) == 0)
      return 1;
  return 0;
}

int wsuv__handshake_choose(wsuv_handshake_t *h, struct wsuv__text name) {
  size_t before = h->chosen.len;
  h->chosen.len = 0; /* `name` may be the old choice: then there is room and it does not move */
  if (wsuv__buf_reserve(&h->chosen, &h->allocator, name.len + 1) != 0) {
    h->chosen.len = before;
    return WSUV_ENOMEM;
  }
  memmove(h->chosen.base, name.data, name.len);
  h->chosen.base[name.len] = '\0';
  h->chosen.len = name.len + 1;
  return 0;
}

/* ---- judgements of both roles ---- */

int wsuv__handshake_check_missing(wsuv_handshake_t *h, const enum wsuv__handshake_field *fields,
                                  size_t nfields, const char *clause) {
  size_t i;
  for (i = 0; i < nfields; i++)
    if (h->slots[fields[i]].count == 0)
      wsuv__fault_add_missing(&h->fault, known[fields[i]].name);
  if (h->fault.is.nnames == 0)
    return 0;
  wsuv__fault_end_missing(&h->fault, clause);
  return WSUV_EMISSING;
}

int wsuv__handshake_check_repeated(wsuv_handshake_t *h, const enum wsuv__handshake_field *fields,
                                   size_t nfields, const char *clause) {
  size_t i;
  for (i = 0; i < nfields; i++) {
    if (h->slots[fields[i]].count < 2)
      continue;
    wsuv__fault_set(&h->fault, h->slots[fields[i]].repeat, "appears more than once", clause);
    if (fields[i] != FIELD_KEY)
      wsuv__fault_keep_value(&h->fault, wsuv__handshake_value(h, fields[i]));
    return WSUV_EDUPLICATE;
  }
  return 0;
}

int wsuv__handshake_refuse_value(wsuv_handshake_t *h, int err, enum wsuv__handshake_field field,
                                 const char *expected, const char *clause) {
  wsuv__fault_set_value(&h->fault, known[field].name, wsuv__handshake_value(h, field), expected,
                        clause);
  return err;
}

int wsuv__handshake_refuse_element(wsuv_handshake_t *h, enum wsuv__handshake_field field,
                                   struct wsuv__text element) {
  wsuv__fault_set_element(&h->fault, known[field].name, element, "is not a token",
                          "RFC 9110 5.6.2");
  return WSUV_ETOKEN;
}

int wsuv__handshake_check_connection(wsuv_handshake_t *h, const char *clause) {
  struct wsuv__text rest = wsuv__handshake_value(h, FIELD_CONNECTION);
  struct wsuv__text token;
  int found = 0;
  int got;
  while ((got = wsuv__token_next(&rest, &token)) == 1)
    found |= wsuv__token_is(token.data, token.len, "upgrade");
  if (got != 0)
    return wsuv__handshake_refuse_element(h, FIELD_CONNECTION, token);
  if (found)
    return 0;
  return wsuv__handshake_refuse_value(h, WSUV_EHEADER, FIELD_CONNECTION, "Upgrade", clause);
}

/* ---- life ---- */

/* RFC 6455 4.1 item 10 of the request: non-empty, unique tokens. */
static int take_subprotocols(wsuv_handshake_t *h, const wsuv_handshake_options_t *options) {
  struct wsuv__buf *list = &h->subprotocols;
  size_t i;
  if (options->subprotocols == NULL && options->nsubprotocols > 0)
    return WSUV_EINVAL;
  for (i = 0; i < options->nsubprotocols; i++) {
    struct wsuv__text name;
    struct wsuv__text before;
    if (options->subprotocols[i] == NULL)
      return WSUV_EINVAL;
    name.data = options->subprotocols[i];
    name.len = strlen(name.data);
    before.data = (const char *)list->base;
    before.len = list->len;
    if (!wsuv__token_is_valid(name.data, name.len) || wsuv__handshake_lists(before, name))
      return WSUV_EINVAL;
    if ((i > 0 && wsuv__buf_append_text(list, &h->allocator, ", ") != 0) ||
        wsuv__buf_append(list, &h->allocator, name.data, name.len) != 0)
      return WSUV_ENOMEM;
  }
  return 0;
}

static int allows_any_origin(const wsuv_handshake_options_t *options) {
  return options->norigins == 1 && options->origins[0] != NULL &&
         strcmp(options->origins[0], "*") == 0;
}

static int take_origins(wsuv_handshake_t *h, const wsuv_handshake_options_t *options) {
  size_t i;
  if (options->norigins > 0 && (options->origins == NULL || options->same_origin))
    return WSUV_EINVAL;
  if (allows_any_origin(options))
    return 0;
  for (i = 0; i < options->norigins; i++) {
    const char *origin = options->origins[i];
    if (origin == NULL || !wsuv__origin_is_listable(origin))
      return WSUV_EINVAL;
    if (wsuv__buf_append(&h->origins, &h->allocator, origin, strlen(origin) + 1) != 0)
      return WSUV_ENOMEM;
  }
  return 0;
}

static int is_grammar(wsuv_extension_grammar_t grammar) {
  return grammar == WSUV_GRAMMAR_QUOTED || grammar == WSUV_GRAMMAR_STRICT ||
         grammar == WSUV_GRAMMAR_TOLERANT;
}

static int check_options(const wsuv_handshake_options_t *options) {
  if (options == NULL || options->size < sizeof *options || !is_grammar(options->extension_grammar))
    return WSUV_EINVAL;
  return options->role == WSUV_SERVER || options->role == WSUV_CLIENT ? 0 : WSUV_EINVAL;
}

static int take_options(wsuv_handshake_t *h, const wsuv_handshake_options_t *options) {
  int err = take_subprotocols(h, options);
  h->role = options->role;
  h->grammar = options->extension_grammar;
  if (err == 0)
    err = wsuv__negotiation_init(&h->negotiation, &h->allocator, options->extensions,
                                 options->nextensions);
  if (err != 0)
    return err;
  if (h->role == WSUV_CLIENT)
    return wsuv__client_handshake_prepare(h, options);
  h->require_host = options->require_host;
  h->require_subprotocol = options->require_subprotocol;
  h->require_origin = options->require_origin;
  h->same_origin = options->same_origin;
  h->secure = options->secure;
  return take_origins(h, options);
}

int wsuv_handshake_new(wsuv_handshake_t **out, const wsuv_handshake_options_t *options) {
  const wsuv_allocator_t *a;
  wsuv_handshake_t *h;
  int err;

  if (out == NULL)
    return WSUV_EINVAL;
  *out = NULL;
  if (check_options(options) != 0)
    return WSUV_EINVAL;
  a = wsuv__allocator_or_default(options->allocator);
  h = wsuv__alloc_zeroed(a, sizeof *h);
  if (h == NULL)
    return WSUV_ENOMEM;
  h->allocator = *a;
  err = take_options(h, options);
  if (err != 0) {
    wsuv_handshake_free(h);
    return err;
  }
  *out = h;
  return 0;
}

void wsuv_handshake_free(wsuv_handshake_t *h) {
  wsuv_allocator_t a;
  size_t i;
  if (h == NULL)
    return;
  a = h->allocator;
  wsuv__negotiation_free(&h->negotiation, &a);
  for (i = 0; i < NFIELDS; i++)
    wsuv__buf_free(&h->slots[i].joined, &a);
  wsuv__buf_free(&h->values, &a);
  wsuv__buf_free(&h->subprotocols, &a);
  wsuv__buf_free(&h->chosen, &a);
  wsuv__buf_free(&h->origins, &a);
  wsuv__buf_free(&h->response, &a);
  wsuv__buf_free(&h->request, &a);
  wsuv__url_free(&h->url, &a);
  wsuv__release(&a, h);
}

/* ---- the peer's head ---- */

static int find_slot(const char *name, size_t len) {
  int i;
  for (i = 0; i < NFIELDS; i++)
    if (len == known[i].len && wsuv__token_is(name, len, known[i].name))
      return i;
  return -1;
}

static int judges_origin(const wsuv_handshake_t *h) {
  return h->require_origin || h->same_origin || h->origins.len > 0;
}

/* One allocation for the fields of most requests. */
static int keep_first_line(wsuv_handshake_t *h, struct wsuv__handshake_slot *slot,
                           struct wsuv__text line) {
  size_t room = h->values.cap == 0 && line.len < VALUES_SIZE ? VALUES_SIZE : line.len;
  if (wsuv__buf_reserve(&h->values, &h->allocator, room) != 0)
    return WSUV_ENOMEM;
  slot->value_at = h->values.len;
  slot->value_len = line.len;
  slot->count = 1;
  return wsuv__buf_append(&h->values, &h->allocator, line.data, line.len);
}

static int join_line(wsuv_handshake_t *h, struct wsuv__handshake_slot *slot,
                     struct wsuv__text line) {
  size_t first_len = slot->count == 1 ? slot->value_len : 0;
  if (wsuv__buf_reserve(&slot->joined, &h->allocator, first_len + 2 + line.len) != 0)
    return WSUV_ENOMEM;
  if (first_len > 0)
    wsuv__buf_append(&slot->joined, &h->allocator, h->values.base + slot->value_at, first_len);
  wsuv__buf_append(&slot->joined, &h->allocator, ", ", 2);
  wsuv__buf_append(&slot->joined, &h->allocator, line.data, line.len);
  slot->count++;
  return 0;
}

int wsuv_handshake_header(wsuv_handshake_t *h, const char *name, size_t name_len, const char *value,
                          size_t value_len) {
  struct wsuv__handshake_slot *slot;
  struct wsuv__text line;
  int field;

  if (h->state != HANDSHAKE_COLLECTING)
    return WSUV_ESTATE;
  field = find_slot(name, name_len);
  if (field < 0 || value == NULL || (field == FIELD_ORIGIN && !judges_origin(h)))
    return 0;
  slot = &h->slots[field];
  line = wsuv__token_trim(value, value_len); /* RFC 9110 5.5 */
  if (slot->count == 0)
    return keep_first_line(h, slot, line);
  if (slot->count == 1)
    memcpy(slot->repeat, name, name_len);
  return join_line(h, slot, line);
}

int wsuv_handshake_finish(wsuv_handshake_t *h) {
  if (h->state != HANDSHAKE_COLLECTING)
    return h->verdict;
  if (!h->has_line)
    return WSUV_ESTATE; /* without it the first item of the list could not be judged */
  h->verdict =
      h->role == WSUV_CLIENT ? wsuv__client_handshake_judge(h) : wsuv__server_handshake_judge(h);
  h->fault.is.error = h->verdict;
  h->state = h->verdict == 0 ? HANDSHAKE_ACCEPTED : HANDSHAKE_REFUSED;
  if (h->state == HANDSHAKE_REFUSED)
    wsuv__negotiation_drop(&h->negotiation, &h->allocator);
  return h->verdict;
}

const char *wsuv_handshake_detail(const wsuv_handshake_t *h) {
  return h->fault.line.text;
}

int wsuv_handshake_fault(const wsuv_handshake_t *h, wsuv_handshake_fault_t *fault) {
  *fault = h->fault.is;
  return fault->error;
}

/* ---- what was agreed ---- */

const char *wsuv_handshake_subprotocol(const wsuv_handshake_t *h) {
  return h->state == HANDSHAKE_ACCEPTED && h->chosen.len > 0 ? (const char *)h->chosen.base : NULL;
}

size_t wsuv_handshake_nextensions(const wsuv_handshake_t *h) {
  return h->state == HANDSHAKE_ACCEPTED ? h->negotiation.nagreed : 0;
}

wsuv_negotiated_t wsuv_handshake_extension_at(const wsuv_handshake_t *h, size_t index) {
  return h->negotiation.agreed[index].is;
}

void wsuv_handshake_release_extensions(wsuv_handshake_t *h) {
  if (h->state == HANDSHAKE_ACCEPTED)
    h->negotiation.released = 1;
}
