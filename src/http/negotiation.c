#include "http/negotiation.h"

#include <string.h>

#include "http/extension_list.h"
#include "wsuv/errno.h"

#define FIELD "Sec-WebSocket-Extensions"

/* ---- ours ---- */

static int is_lower_token(const char *token) {
  size_t i;
  for (i = 0; token[i] != '\0'; i++)
    if (token[i] >= 'A' && token[i] <= 'Z')
      return 0;
  return wsuv__token_is_valid(token, i);
}

static int is_valid(const wsuv_extension_t *extension) {
  return extension != NULL && extension->size >= sizeof *extension && extension->token != NULL &&
         is_lower_token(extension->token) && extension->rsv >= 0 && extension->rsv <= 7 &&
         (extension->opcodes & ~WSUV_CUSTOM_OPCODES) == 0 &&
         (extension->fold == NULL) == (extension->unfold == NULL) &&
         (extension->scope == WSUV_PER_MESSAGE || extension->scope == WSUV_PER_FRAME);
}

/* The place among ours; their number if it is not there. */
static size_t find_ours(const struct wsuv__negotiation *n, const char *token) {
  size_t i;
  for (i = 0; i < n->nours; i++)
    if (strcmp(n->ours[i]->token, token) == 0)
      break;
  return i;
}

int wsuv__negotiation_init(struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                           const wsuv_extension_t *const *extensions, size_t nextensions) {
  size_t i;
  memset(n, 0, sizeof *n);
  if (nextensions == 0)
    return 0;
  if (extensions == NULL || nextensions > SIZE_MAX / sizeof *n->agreed)
    return WSUV_EINVAL;
  n->ours = wsuv__alloc(a, nextensions * sizeof(void *));
  n->agreed = wsuv__alloc_zeroed(a, nextensions * sizeof *n->agreed);
  if (n->ours == NULL || n->agreed == NULL)
    return WSUV_ENOMEM;
  for (i = 0; i < nextensions; i++) {
    if (!is_valid(extensions[i]) || find_ours(n, extensions[i]->token) < n->nours)
      return WSUV_EINVAL;
    n->ours[n->nours++] = extensions[i];
  }
  return 0;
}

/* ---- what is agreed ---- */

static void end_session(const wsuv_extension_t *extension, void *session) {
  if (extension->end != NULL)
    extension->end(extension, session);
}

static size_t find_agreed(const struct wsuv__negotiation *n, const char *token) {
  size_t i;
  for (i = 0; i < n->nagreed; i++)
    if (strcmp(n->agreed[i].is.extension->token, token) == 0)
      break;
  return i;
}

static int conflicts(const struct wsuv__negotiation *n, const wsuv_extension_t *extension) {
  size_t i;
  for (i = 0; i < n->nagreed; i++) {
    const wsuv_extension_t *other = n->agreed[i].is.extension;
    if ((other->rsv & extension->rsv) != 0 || (other->opcodes & extension->opcodes) != 0)
      return 1;
  }
  return 0;
}

/* Takes over the session and the text of the answer. */
static void insert(struct wsuv__negotiation *n, size_t at, size_t configured, void *session,
                   struct wsuv__buf answer) {
  struct wsuv__agreed *agreed = &n->agreed[at];
  memmove(agreed + 1, agreed, (n->nagreed - at) * sizeof *agreed);
  agreed->is.extension = n->ours[configured];
  agreed->is.session = session;
  agreed->configured = configured;
  agreed->answer = answer;
  n->nagreed++;
}

/* The hook is user code: the list is in order before it runs. */
static void take_out(struct wsuv__negotiation *n, const wsuv_allocator_t *a, size_t at) {
  struct wsuv__agreed gone = n->agreed[at];
  n->nagreed--;
  memmove(&n->agreed[at], &n->agreed[at + 1], (n->nagreed - at) * sizeof gone);
  wsuv__buf_free(&gone.answer, a);
  if (!n->released)
    end_session(gone.is.extension, gone.is.session);
}

void wsuv__negotiation_drop(struct wsuv__negotiation *n, const wsuv_allocator_t *a) {
  while (n->nagreed > 0)
    take_out(n, a, n->nagreed - 1);
}

void wsuv__negotiation_free(struct wsuv__negotiation *n, const wsuv_allocator_t *a) {
  wsuv__negotiation_drop(n, a);
  wsuv__release(a, (void *)n->ours);
  wsuv__release(a, n->agreed);
  memset(n, 0, sizeof *n);
}

int wsuv__negotiation_decline(struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                              const char *token) {
  size_t at = find_agreed(n, token);
  if (at == n->nagreed)
    return WSUV_EINVAL;
  take_out(n, a, at);
  return 0;
}

int wsuv__negotiation_write(const struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                            struct wsuv__buf *out) {
  size_t i;
  for (i = 0; i < n->nagreed; i++) {
    const struct wsuv__buf *answer = &n->agreed[i].answer;
    if (wsuv__buf_append_text(out, a, i > 0 ? ", " : "") != 0 ||
        wsuv__buf_append(out, a, answer->base, answer->len) != 0)
      return WSUV_ENOMEM;
  }
  return 0;
}

/* ---- client: offer, accept ---- */

static int write_offer(const wsuv_extension_t *extension, wsuv_extension_writer_t *writer) {
  int err = 0;
  if (extension->offer == NULL)
    wsuv_extension_writer_element(writer);
  else
    err = extension->offer(extension, writer);
  return err < 0 ? err : writer->error;
}

int wsuv__negotiation_offer(const struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                            struct wsuv__buf *out) {
  int err = 0;
  size_t i;
  for (i = 0; i < n->nours && err == 0; i++) {
    wsuv_extension_writer_t writer = {a, n->ours[i], {NULL, 0, 0}, 0, 0};
    err = write_offer(n->ours[i], &writer);
    if (err == 0 && out->len > 0 && writer.text.len > 0)
      err = wsuv__buf_append_text(out, a, ", ");
    if (err == 0)
      err = wsuv__buf_append(out, a, writer.text.base, writer.text.len);
    wsuv__buf_free(&writer.text, a);
  }
  return err;
}

/* The element as text: what the peer wrote, in our spelling. */
static int refuse_element(struct wsuv__fault *fault, const wsuv_allocator_t *a,
                          const wsuv_extension_element_t *element, int err, const char *why,
                          const char *clause) {
  struct wsuv__buf text = {NULL, 0, 0};
  struct wsuv__text value;
  if (wsuv__extension_list_write(&text, a, element, 1) != 0)
    return WSUV_ENOMEM;
  value.data = (const char *)text.base;
  value.len = text.len;
  wsuv__fault_set_element(fault, FIELD, value, why, clause);
  wsuv__buf_free(&text, a);
  return err;
}

static int accept_session(const wsuv_extension_t *extension, const wsuv_extension_element_t *answer,
                          void **session) {
  if (extension->accept != NULL)
    return extension->accept(extension, answer, session);
  return answer->nparams == 0 ? 0 : WSUV_EEXTENSION;
}

static int accept_element(struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                          const wsuv_extension_element_t *element, struct wsuv__fault *fault) {
  static const struct wsuv__buf none = {NULL, 0, 0};
  size_t configured = find_ours(n, element->token);
  void *session = NULL;
  int err;
  if (configured == n->nours)
    return refuse_element(fault, a, element, WSUV_EEXTENSION, "was not offered", "RFC 6455 4.1");
  if (find_agreed(n, element->token) < n->nagreed)
    return refuse_element(fault, a, element, WSUV_EBADEXTENSION, "is there twice", "RFC 6455 9.1");
  if (conflicts(n, n->ours[configured]))
    return refuse_element(fault, a, element, WSUV_EBADEXTENSION, "uses what another extension uses",
                          "RFC 6455 9.1");
  err = accept_session(n->ours[configured], element, &session);
  if (err >= 0)
    insert(n, n->nagreed, configured, session, none);
  else if (err == WSUV_EEXTENSION || err == WSUV_EBADEXTENSION)
    return refuse_element(fault, a, element, WSUV_EBADEXTENSION, "is not what was offered",
                          "RFC 6455 9.1");
  return err < 0 ? err : 0;
}

/* extension-list is 1#extension. */
static int is_missing(const wsuv_extension_list_t *list, wsuv_extension_grammar_t grammar) {
  return grammar != WSUV_GRAMMAR_TOLERANT && wsuv_extension_list_len(list) == 0;
}

int wsuv__negotiation_accept(struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                             struct wsuv__text answer, wsuv_extension_grammar_t grammar,
                             struct wsuv__fault *fault) {
  wsuv_extension_list_t *list;
  size_t i;
  int err = wsuv_extension_list_parse(&list, a, answer.data, answer.len, grammar);
  if (err == WSUV_EHEADER || (err == 0 && is_missing(list, grammar))) {
    wsuv__fault_set_element(fault, FIELD, answer, "is malformed", "RFC 6455 9.1");
    err = WSUV_EBADEXTENSION;
  }
  for (i = 0; err == 0 && i < wsuv_extension_list_len(list); i++)
    err = accept_element(n, a, wsuv_extension_list_at(list, i), fault);
  wsuv_extension_list_free(list);
  if (err != 0)
    wsuv__negotiation_drop(n, a);
  return err;
}

/* ---- server: answer ---- */

/* The hook's verdict; accepted means that `writer` holds one element and *session is ours. */
static int judge_offer(const wsuv_extension_t *extension, const wsuv_extension_element_t *offer,
                       wsuv_extension_writer_t *writer, void **session) {
  int verdict = WSUV_OFFER_ACCEPTED;
  if (extension->answer != NULL)
    verdict = extension->answer(extension, offer, writer, session);
  if (verdict != WSUV_OFFER_ACCEPTED)
    return verdict < 0 ? verdict : WSUV_OFFER_DECLINED;
  if (writer->nelements == 0)
    wsuv_extension_writer_element(writer);
  if (writer->nelements > 1 && writer->error == 0)
    writer->error = WSUV_EINVAL; /* an answer is one element */
  if (writer->error == 0)
    return WSUV_OFFER_ACCEPTED;
  end_session(extension, *session);
  return writer->error;
}

static size_t place_of(const struct wsuv__negotiation *n, size_t configured) {
  size_t at = 0;
  while (at < n->nagreed && n->agreed[at].configured < configured)
    at++;
  return at;
}

static int answer_offer(struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                        const wsuv_extension_element_t *offer, struct wsuv__fault *fault) {
  size_t configured = find_ours(n, offer->token);
  const wsuv_extension_t *extension;
  wsuv_extension_writer_t writer = {a, NULL, {NULL, 0, 0}, 0, 0};
  void *session = NULL;
  int verdict;
  if (configured == n->nours || find_agreed(n, offer->token) < n->nagreed)
    return 0;
  extension = n->ours[configured];
  if (conflicts(n, extension))
    return 0;
  writer.extension = extension;
  verdict = judge_offer(extension, offer, &writer, &session);
  if (verdict == WSUV_OFFER_ACCEPTED) {
    insert(n, place_of(n, configured), configured, session, writer.text);
    return 0;
  }
  wsuv__buf_free(&writer.text, a);
  if (verdict == WSUV_OFFER_DECLINED || verdict == WSUV_ENOMEM)
    return verdict;
  return refuse_element(fault, a, offer, verdict, "could not be answered", "RFC 6455 9.1");
}

int wsuv__negotiation_answer(struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                             struct wsuv__text offers, wsuv_extension_grammar_t grammar,
                             struct wsuv__fault *fault) {
  wsuv_extension_list_t *list;
  size_t i;
  int err;
  if (n->nours == 0)
    return 0;
  err = wsuv_extension_list_parse(&list, a, offers.data, offers.len, grammar);
  if (err == WSUV_EHEADER)
    return 0; /* malformed is no offer */
  for (i = 0; err == 0 && i < wsuv_extension_list_len(list); i++)
    err = answer_offer(n, a, wsuv_extension_list_at(list, i), fault);
  wsuv_extension_list_free(list);
  if (err != 0)
    wsuv__negotiation_drop(n, a);
  return err;
}
