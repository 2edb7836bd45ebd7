/* Requests: head parser, server handshake, response or refusal. covers: W210 */
#include "fuzz/head_fuzz.h"
#include "http/response.h"
#include "http/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Our own answer has to be a head that our own parser takes. */
static void check_answer(const uint8_t *data, size_t len, int is_upgrade) {
  static const struct wsuv__head_limits limits = {16384, 20, 4096};
  struct wsuv__head_parser p;
  size_t used;
  wsuv__head_parser_init(&p, HEAD_RESPONSE, &limits, NULL);
  FUZZ_CHECK(wsuv__head_parser_feed(&p, data, len, &used) == 0);
  FUZZ_CHECK(p.state == HEAD_COMPLETE && used == len);
  FUZZ_CHECK((p.status == 101) == is_upgrade);
  wsuv__head_parser_free(&p);
}

static void check_refusal(int err, const char *detail) {
  struct wsuv__buf buf = {NULL, 0, 0};
  size_t i;
  FUZZ_CHECK(strlen(detail) <= 200);
  for (i = 0; detail[i] != '\0'; i++)
    FUZZ_CHECK(detail[i] >= 0x20 && detail[i] < 0x7f);
  FUZZ_CHECK(wsuv__response_write_refusal(&buf, &wsuv__default_allocator, err, detail) == 0);
  check_answer(buf.base, buf.len, 0);
  wsuv__buf_free(&buf, &wsuv__default_allocator);
}

/* Whatever the target was, an authority is one that Host could name, and a path is left. */
static void check_target(const struct wsuv__head_parser *p) {
  wsuv_span_t authority = wsuv__head_parser_authority(p);
  wsuv_span_t target = wsuv__head_parser_target(p);
  FUZZ_CHECK(authority.data[authority.len] == '\0' && target.data[target.len] == '\0');
  FUZZ_CHECK(strlen((const char *)target.data) == target.len);
  if (authority.len == 0)
    return;
  FUZZ_CHECK(wsuv__token_is_host((const char *)authority.data, authority.len));
  FUZZ_CHECK(target.data[0] == '/');
}

static int judge(const struct wsuv__head_parser *p) {
  static const char *const supported[] = {"a", "chat"};
  wsuv_handshake_options_t options = WSUV_HANDSHAKE_OPTIONS_INIT(WSUV_SERVER);
  wsuv_span_t method = wsuv__head_parser_method(p);
  wsuv_handshake_t *h;
  wsuv_span_t text;
  size_t nended_before = nended;
  size_t nagreed;
  size_t i;
  int err;
  check_target(p);
  options.subprotocols = supported;
  options.nsubprotocols = 2;
  options.extensions = extensions;
  options.nextensions = 1;
  options.same_origin = (int)(wsuv__head_parser_nheaders(p) & 1);
  options.secure = (int)(wsuv__head_parser_nheaders(p) & 2);
  FUZZ_CHECK(wsuv_handshake_new(&h, &options) == 0);
  FUZZ_CHECK(wsuv_handshake_request_line(h, (const char *)method.data, method.len, p->version_major,
                                         p->version_minor) == 0);
  for (i = 0; i < wsuv__head_parser_nheaders(p); i++) {
    wsuv_header_t header = wsuv__head_parser_header(p, i);
    FUZZ_CHECK(wsuv_handshake_header(h, header.name, header.name_len, header.value,
                                     header.value_len) == 0);
  }
  err = wsuv_handshake_finish(h);
  FUZZ_CHECK(err != 0 || p->upgrade);
  if (err == 0) {
    FUZZ_CHECK(wsuv_handshake_response(h, NULL, 0, &text) == 0);
    check_answer(text.data, text.len, 1);
  } else {
    check_refusal(err, wsuv_handshake_detail(h));
  }
  nagreed = wsuv_handshake_nextensions(h);
  wsuv_handshake_free(h);
  FUZZ_CHECK(nended - nended_before == nagreed || err != 0);
  return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  run_heads(HEAD_REQUEST, data, size, judge);
  return 0;
}
