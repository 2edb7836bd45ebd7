/* Responses: head parser and client handshake. covers: W210 */
#include "fuzz/head_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_detail(const char *detail) {
  size_t i;
  FUZZ_CHECK(strlen(detail) <= 200);
  for (i = 0; detail[i] != '\0'; i++)
    FUZZ_CHECK(detail[i] >= 0x20 && detail[i] < 0x7f);
}

static int judge(const struct wsuv__head_parser *p) {
  static const char *const offered[] = {"a", "chat"};
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_CLIENT);
  wsuv_handshake_t *h;
  size_t nended_before = nended;
  size_t nagreed;
  size_t i;
  int err;
  options.url = "ws://h/";
  options.key = "dGhlIHNhbXBsZSBub25jZQ==";
  options.subprotocols = offered;
  options.nsubprotocols = 2;
  options.extensions = extensions;
  options.nextensions = 1;
  FUZZ_CHECK(wsuv_handshake_new(&h, &options) == 0);
  FUZZ_CHECK(wsuv_handshake_status_line(h, p->status) == 0);
  for (i = 0; i < wsuv__head_parser_nheaders(p); i++) {
    wsuv_header_t header = wsuv__head_parser_header(p, i);
    FUZZ_CHECK(wsuv_handshake_header(h, header.name, header.name_len, header.value,
                                     header.value_len) == 0);
  }
  err = wsuv_handshake_finish(h);
  FUZZ_CHECK(err != 0 || (p->status == 101 && p->upgrade));
  FUZZ_CHECK((err == 0) == (wsuv_handshake_detail(h)[0] == '\0'));
  check_detail(wsuv_handshake_detail(h));
  nagreed = wsuv_handshake_nextensions(h);
  wsuv_handshake_free(h);
  FUZZ_CHECK(nended - nended_before == nagreed || err != 0);
  return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  run_heads(HEAD_RESPONSE, data, size, judge);
  return 0;
}
