#include "support/deflate_rig.h"

#include <stdlib.h>
#include <string.h>

#include "http/negotiation.h"
#include "support/check.h"
#include "wsuv/handshake.h"

/* ---- negotiating ---- */

static struct wsuv__text text_of(const char *string) {
  struct wsuv__text text;
  text.data = string;
  text.len = strlen(string);
  return text;
}

static void begin(struct wsuv__negotiation *n, const wsuv_deflate_t *deflate) {
  const wsuv_extension_t *extension = wsuv_deflate_extension(deflate);
  CHECK_ERR(0, wsuv__negotiation_init(n, wsuv__allocator_or_default(NULL), &extension, 1));
}

static void copy_text(char *out, struct wsuv__buf *text) {
  CHECK_TRUE(text->len < RIG_TEXT_MAX);
  if (text->len > 0)
    memcpy(out, text->base, text->len);
  out[text->len] = '\0';
  wsuv__buf_free(text, wsuv__allocator_or_default(NULL));
}

/* The session changes hands. */
static void take_agreed(struct wsuv__negotiation *n, wsuv_negotiated_t *negotiated) {
  memset(negotiated, 0, sizeof *negotiated);
  if (n->nagreed > 0)
    *negotiated = n->agreed[0].is;
  n->released = 1;
  wsuv__negotiation_free(n, wsuv__allocator_or_default(NULL));
}

int deflate_rig_offer(const wsuv_deflate_t *client, char *out) {
  struct wsuv__negotiation n;
  struct wsuv__buf text = {NULL, 0, 0};
  int err;
  begin(&n, client);
  err = wsuv__negotiation_offer(&n, wsuv__allocator_or_default(NULL), &text);
  copy_text(out, &text);
  wsuv__negotiation_free(&n, wsuv__allocator_or_default(NULL));
  return err;
}

void deflate_rig_answer(const wsuv_deflate_t *server, const char *offers, char *out,
                        wsuv_negotiated_t *negotiated) {
  const wsuv_allocator_t *a = wsuv__allocator_or_default(NULL);
  struct wsuv__buf text = {NULL, 0, 0};
  struct wsuv__fault fault;
  struct wsuv__negotiation n;
  memset(&fault, 0, sizeof fault);
  begin(&n, server);
  CHECK_ERR(0, wsuv__negotiation_answer(&n, a, text_of(offers), WSUV_GRAMMAR_QUOTED, &fault));
  CHECK_ERR(0, wsuv__negotiation_write(&n, a, &text));
  copy_text(out, &text);
  take_agreed(&n, negotiated);
}

int deflate_rig_accept(const wsuv_deflate_t *client, const char *answer,
                       wsuv_negotiated_t *negotiated) {
  struct wsuv__negotiation n;
  struct wsuv__fault fault;
  int err;
  memset(&fault, 0, sizeof fault);
  begin(&n, client);
  err = wsuv__negotiation_accept(&n, wsuv__allocator_or_default(NULL), text_of(answer),
                                 WSUV_GRAMMAR_QUOTED, &fault);
  take_agreed(&n, negotiated);
  return err;
}

void deflate_rig_agree(const wsuv_deflate_t *client, const wsuv_deflate_t *server,
                       struct deflate_deal *deal) {
  CHECK_ERR(0, deflate_rig_offer(client, deal->offer));
  deflate_rig_answer(server, deal->offer, deal->answer, &deal->server);
  CHECK_NOT_NULL(deal->server.session);
  deal->err = deflate_rig_accept(client, deal->answer, &deal->client);
  CHECK_ERR(0, deal->err);
}

void deflate_rig_end(const wsuv_negotiated_t *negotiated) {
  if (negotiated->session != NULL)
    negotiated->extension->end(negotiated->extension, negotiated->session);
}

/* ---- endpoints ---- */

static void take(struct deflate_side *side, wsuv_opcode_t type, const uint8_t *payload, size_t len,
                 int flags) {
  if ((flags & WSUV_FIRST) != 0)
    side->nseen = 0;
  if (len > side->cap - side->nseen) {
    side->cap = 2 * (side->nseen + len);
    side->seen = realloc(side->seen, side->cap);
    CHECK_NOT_NULL(side->seen);
  }
  if (len > 0)
    memcpy(side->seen + side->nseen, payload, len);
  side->nseen += len;
  side->npieces++;
  side->nmessages += (flags & WSUV_FINAL) != 0;
  side->type = (int)type;
}

static void on_fragment(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len, int flags) {
  take(data, type, payload, len, flags);
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  take(data, type, payload, len, WSUV_FIRST | WSUV_FINAL);
}

static const wsuv_endpoint_handler_t whole = {.size = sizeof whole, .on_message = on_message};
static const wsuv_endpoint_handler_t pieces = {.size = sizeof pieces, .on_fragment = on_fragment};

int deflate_side_open(struct deflate_side *side, wsuv_role_t role,
                      const wsuv_negotiated_t *negotiated,
                      const struct deflate_side_options *options) {
  const wsuv_endpoint_options_t defaults = WSUV_ENDPOINT_OPTIONS_INIT(role);
  wsuv_endpoint_options_t o = defaults;
  int err;
  memset(side, 0, sizeof *side);
  side->negotiated = *negotiated;
  o.random = wsuv_random;
  o.write_limit = WSUV_OFF;
  o.extensions = negotiated;
  o.nextensions = 1;
  o.max_fragments = WSUV_OFF; /* limits are on what they become */
  if (options != NULL) {
    o.allocator = options->allocator;
    o.max_message_size = options->max_message_size;
  }
  err = wsuv_endpoint_new(&side->ep, &o, options != NULL && options->fragments ? &pieces : &whole,
                          side);
  if (err != 0)
    deflate_rig_end(negotiated);
  return err;
}

void deflate_side_close(struct deflate_side *side) {
  wsuv_endpoint_free(side->ep);
  free(side->seen);
  memset(side, 0, sizeof *side);
}

uint8_t *deflate_rig_take(struct deflate_side *side, size_t *len) {
  size_t total = wsuv_endpoint_queued(side->ep);
  uint8_t *octets = malloc(total + 1);
  wsuv_span_t span;
  CHECK_NOT_NULL(octets);
  *len = 0;
  while (wsuv_endpoint_output(side->ep, &span, 1) > 0) {
    CHECK_TRUE(span.len <= total - *len);
    memcpy(octets + *len, span.data, span.len);
    *len += span.len;
    wsuv_endpoint_output_done(side->ep, span.len);
  }
  return octets;
}

int deflate_rig_receive(struct deflate_side *side, const void *octets, size_t len) {
  uint8_t *copy = malloc(len + 1);
  int err;
  CHECK_NOT_NULL(copy);
  memcpy(copy, octets, len);
  err = wsuv_endpoint_receive(side->ep, copy, len);
  free(copy);
  return err;
}

int deflate_rig_move(struct deflate_side *from, struct deflate_side *to, size_t step) {
  size_t len;
  uint8_t *octets = deflate_rig_take(from, &len);
  size_t at = 0;
  int err = 0;
  while (at < len && err == 0) {
    size_t n = step == 0 || len - at < step ? len - at : step;
    err = deflate_rig_receive(to, octets + at, n);
    at += n;
  }
  free(octets);
  return err;
}
