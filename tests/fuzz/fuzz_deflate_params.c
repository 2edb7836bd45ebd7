/* permessage-deflate in a peer's Sec-WebSocket-Extensions: what a server answers to any text is one good
 * element; what a client accepts of any text is within what it asked for. Octet 0 and 1: what each wants. covers: D005 D022 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/counting_memory.h"
#include "http/negotiation.h"
#include "wsuv/deflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static wsuv_deflate_t *open_deflate(uint8_t setup, const wsuv_allocator_t *a) {
  static const int windows[] = {0, 8, 11, 15};
  static const wsuv_deflate_params_t fallback = {0, 0, 0, 0};
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_deflate_t *deflate;
  options.allocator = a;
  options.params.deflate_max_window_bits = windows[setup & 3];
  options.params.inflate_max_window_bits = windows[setup >> 2 & 3];
  options.params.deflate_no_context_takeover = setup >> 4 & 1;
  options.params.inflate_no_context_takeover = setup >> 5 & 1;
  options.strict = setup >> 6 & 1;
  options.fallbacks = &fallback;
  options.nfallbacks = setup >> 7;
  FUZZ_CHECK(wsuv_deflate_new(&deflate, &options) == 0);
  return deflate;
}

static void check_params(const wsuv_negotiated_t *negotiated) {
  wsuv_deflate_params_t params;
  FUZZ_CHECK(wsuv_deflate_params(negotiated, &params) == 0);
  FUZZ_CHECK(params.deflate_max_window_bits >= 8 && params.deflate_max_window_bits <= 15);
  FUZZ_CHECK(params.inflate_max_window_bits >= 8 && params.inflate_max_window_bits <= 15);
}

/* As one element, read by the library's own list. */
static void judge(const wsuv_deflate_t *deflate, const wsuv_extension_element_t *element,
                  uint8_t setup) {
  static const int windows[] = {15, 8, 11, 15};
  const wsuv_extension_t *extension = wsuv_deflate_extension(deflate);
  wsuv_negotiated_t negotiated = {extension, NULL};
  wsuv_deflate_params_t params;
  int err = extension->accept(extension, element, &negotiated.session);
  FUZZ_CHECK(err == 0 || err == WSUV_EEXTENSION);
  if (err != 0)
    return;
  check_params(&negotiated);
  FUZZ_CHECK(wsuv_deflate_params(&negotiated, &params) == 0);
  if ((setup & 128) == 0) {
    FUZZ_CHECK(params.deflate_max_window_bits <= windows[setup & 3]);
    FUZZ_CHECK(params.deflate_no_context_takeover || (setup >> 4 & 1) == 0);
    if ((setup >> 6 & 1) != 0)
      FUZZ_CHECK(params.inflate_max_window_bits <= windows[setup >> 2 & 3]);
  }
  extension->end(extension, negotiated.session);
}

/* The answer is one element that has nothing in it which the client side of this library would not take. */
static void answer_text(const wsuv_deflate_t *deflate, const wsuv_allocator_t *a,
                        const char *offers, size_t len) {
  const wsuv_extension_t *extension = wsuv_deflate_extension(deflate);
  const struct wsuv__text text = {offers, len};
  struct wsuv__negotiation n;
  struct wsuv__fault fault;
  struct wsuv__buf answer = {NULL, 0, 0};
  wsuv_extension_list_t *list;
  memset(&fault, 0, sizeof fault);
  FUZZ_CHECK(wsuv__negotiation_init(&n, a, &extension, 1) == 0);
  FUZZ_CHECK(wsuv__negotiation_answer(&n, a, text, WSUV_GRAMMAR_QUOTED, &fault) == 0);
  FUZZ_CHECK(wsuv__negotiation_write(&n, a, &answer) == 0);
  FUZZ_CHECK((answer.len > 0) == (n.nagreed == 1));
  if (n.nagreed == 1) {
    check_params(&n.agreed[0].is);
    FUZZ_CHECK(wsuv_extension_list_parse(&list, a, (const char *)answer.base, answer.len,
                                         WSUV_GRAMMAR_STRICT) == 0);
    FUZZ_CHECK(wsuv_extension_list_len(list) == 1);
    wsuv_extension_list_free(list);
  }
  wsuv__buf_free(&answer, a);
  wsuv__negotiation_free(&n, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct memory memory = {0};
  wsuv_allocator_t allocator = counting_allocator(&memory);
  wsuv_extension_list_t *list;
  wsuv_deflate_t *client;
  wsuv_deflate_t *server;
  size_t i;
  if (size < 2)
    return 0;
  client = open_deflate(data[0], &allocator);
  server = open_deflate(data[1], &allocator);
  answer_text(server, &allocator, (const char *)data + 2, size - 2);
  if (wsuv_extension_list_parse(&list, &allocator, (const char *)data + 2, size - 2,
                                WSUV_GRAMMAR_QUOTED) == 0)
    for (i = 0; i < wsuv_extension_list_len(list); i++)
      judge(client, wsuv_extension_list_at(list, i), data[0]);
  wsuv_extension_list_free(list);
  wsuv_deflate_free(client);
  wsuv_deflate_free(server);
  FUZZ_CHECK(memory.outstanding == 0);
  return 0;
}
