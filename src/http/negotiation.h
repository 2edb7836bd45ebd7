/* Which extensions a handshake agrees on (RFC 6455 9.1): ours as configured, the peer's as a list; and the sessions that come
 * of it, each of which is ended exactly once unless the application took it over. */
#ifndef WSUV_HTTP_NEGOTIATION_H
#define WSUV_HTTP_NEGOTIATION_H

#include "base/buf.h"
#include "http/fault.h"
#include "http/token.h"
#include "wsuv/extension.h"

/* What offer and answer write to. The token goes before the first parameter or element. */
struct wsuv_extension_writer {
  const wsuv_allocator_t *allocator;
  const wsuv_extension_t *extension;
  struct wsuv__buf text;
  size_t nelements;
  int error; /* the first one */
};

struct wsuv__agreed {
  wsuv_negotiated_t is;
  size_t configured;       /* its place among ours */
  struct wsuv__buf answer; /* server: the element */
};

struct wsuv__negotiation {
  const wsuv_extension_t **ours;
  size_t nours;
  struct wsuv__agreed *agreed; /* room for each of ours; in the order of the answer */
  size_t nagreed;
  int released; /* the sessions are the application's */
};

/* Takes ours. 0, WSUV_EINVAL (see wsuv_handshake_new), WSUV_ENOMEM. */
int wsuv__negotiation_init(struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                           const wsuv_extension_t *const *extensions, size_t nextensions);

/* Client: appends the offers' text, "" without any. 0, WSUV_ENOMEM, or what an offer hook said. */
int wsuv__negotiation_offer(const struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                            struct wsuv__buf *out);

/* Client: judges the answer. 0, WSUV_EEXTENSION, WSUV_EBADEXTENSION, WSUV_ENOMEM, or what an accept hook said. After an error
 * nothing is agreed. */
int wsuv__negotiation_accept(struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                             struct wsuv__text answer, wsuv_extension_grammar_t grammar,
                             struct wsuv__fault *fault);

/* Server: judges the offers, each alone and in their order. 0, WSUV_ENOMEM, or what an answer hook said; then nothing is
 * agreed. */
int wsuv__negotiation_answer(struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                             struct wsuv__text offers, wsuv_extension_grammar_t grammar,
                             struct wsuv__fault *fault);

/* Server: takes one out again. 0; WSUV_EINVAL if it is not agreed on. */
int wsuv__negotiation_decline(struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                              const char *token);

/* Server: appends the answer's text. 0, WSUV_ENOMEM. */
int wsuv__negotiation_write(const struct wsuv__negotiation *n, const wsuv_allocator_t *a,
                            struct wsuv__buf *out);

/* Ends the sessions that were not released; nothing is agreed on any more. */
void wsuv__negotiation_drop(struct wsuv__negotiation *n, const wsuv_allocator_t *a);

/* The same, and frees the memory. */
void wsuv__negotiation_free(struct wsuv__negotiation *n, const wsuv_allocator_t *a);

#endif
