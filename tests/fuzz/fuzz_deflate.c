/* What is sent over permessage-deflate arrives, whatever is sent in whatever pieces, with frames as RFC 7692 6.1 wants them.
 *
 * Octet 0: context takeover of both directions, level, the window. Octet 1: memLevel and strategy. Then steps: an octet that
 * says what to do, one with a length, and so many octets. covers: D009 D013 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/counting_memory.h"
#include "wsuv/deflate.h"
#include "wsuv/endpoint.h"
#include "wsuv/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 1 << 16 };

struct side {
  wsuv_endpoint_t *ep;
  uint8_t seen[MESSAGE_MAX];
  size_t nseen;
  size_t nmessages;
};

struct run {
  struct memory memory;
  wsuv_allocator_t allocator;
  wsuv_deflate_t *deflate;
  struct side from;
  struct side to;
  uint8_t sent[MESSAGE_MAX]; /* the message that is open */
  size_t nsent;
  size_t nmessages;
  int is_open;
};

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  struct side *side = data;
  FUZZ_CHECK(type == WSUV_BINARY && len <= MESSAGE_MAX);
  if (len > 0)
    memcpy(side->seen, payload, len);
  side->nseen = len;
  side->nmessages++;
}

static const wsuv_endpoint_handler_t handler = {.size = sizeof handler, .on_message = on_message};

static void open_side(struct run *r, struct side *side, wsuv_role_t role,
                      const wsuv_extension_element_t *answer) {
  const wsuv_endpoint_options_t defaults = WSUV_ENDPOINT_OPTIONS_INIT(role);
  wsuv_endpoint_options_t o = defaults;
  wsuv_negotiated_t negotiated;
  negotiated.extension = wsuv_deflate_extension(r->deflate);
  FUZZ_CHECK(negotiated.extension->accept(negotiated.extension, answer, &negotiated.session) == 0);
  o.allocator = &r->allocator;
  o.random = wsuv_random;
  o.extensions = &negotiated;
  o.nextensions = 1;
  FUZZ_CHECK(wsuv_endpoint_new(&side->ep, &o, &handler, side) == 0);
}

static void open_run(struct run *r, const uint8_t *setup) {
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  int bits = 8 + (setup[0] >> 1) % 5;
  char value[3] = {'1', (char)('0' + bits - 10), '\0'};
  wsuv_extension_param_t params[2] = {{"server_max_window_bits", value},
                                      {"server_no_context_takeover", NULL}};
  wsuv_extension_element_t plain = {"permessage-deflate", NULL, 0};
  wsuv_extension_element_t answer = {"permessage-deflate", params, 1};
  memset(r, 0, sizeof *r);
  r->allocator = counting_allocator(&r->memory);
  options.allocator = &r->allocator;
  options.params.deflate_no_context_takeover = setup[0] & 1;
  options.params.deflate_max_window_bits = bits;
  options.level = 1 + (setup[0] >> 4) % 9;
  options.mem_level = 1 + setup[1] % 5;
  options.strategy = (setup[1] >> 3) % 5;
  options.threshold = setup[1] & 128 ? 0 : WSUV_OFF;
  if (bits < 10) {
    value[0] = (char)('0' + bits);
    value[1] = '\0';
  }
  answer.nparams += setup[0] & 1;
  FUZZ_CHECK(wsuv_deflate_new(&r->deflate, &options) == 0);
  open_side(r, &r->from, WSUV_SERVER, &plain);
  open_side(r, &r->to, WSUV_CLIENT, &answer);
}

static void close_run(struct run *r) {
  wsuv_endpoint_free(r->from.ep);
  wsuv_endpoint_free(r->to.ep);
  wsuv_deflate_free(r->deflate);
  FUZZ_CHECK(r->memory.outstanding == 0);
}

static void move(struct run *r) {
  wsuv_span_t span;
  while (wsuv_endpoint_output(r->from.ep, &span, 1) > 0) {
    uint8_t *copy = malloc(span.len);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, span.data, span.len);
    FUZZ_CHECK(wsuv_endpoint_receive(r->to.ep, copy, span.len) == 0);
    free(copy);
    wsuv_endpoint_output_done(r->from.ep, span.len);
  }
}

static void end_message(struct run *r) {
  r->is_open = 0;
  r->nmessages++;
  move(r);
  FUZZ_CHECK(r->to.nmessages == r->nmessages);
  FUZZ_CHECK(r->to.nseen == r->nsent && memcmp(r->to.seen, r->sent, r->nsent) == 0);
  r->nsent = 0;
}

static void send_piece(struct run *r, uint8_t what, const uint8_t *payload, size_t len) {
  int no_compress = what & 1 ? WSUV_SEND_NO_COMPRESS : 0;
  if (!r->is_open && (what & 2) != 0) {
    memcpy(r->sent, payload, len);
    r->nsent = len;
    FUZZ_CHECK(wsuv_endpoint_send_message(r->from.ep, WSUV_BINARY, payload, len, no_compress) == 0);
    end_message(r);
    return;
  }
  if (!r->is_open)
    FUZZ_CHECK(wsuv_endpoint_send_begin(r->from.ep, WSUV_BINARY, no_compress) == 0);
  r->is_open = 1;
  memcpy(r->sent + r->nsent, payload, len);
  r->nsent += len;
  if ((what & 4) != 0) {
    FUZZ_CHECK(wsuv_endpoint_send_end(r->from.ep, payload, len) == 0);
    end_message(r);
    return;
  }
  FUZZ_CHECK(wsuv_endpoint_send_chunk(r->from.ep, payload, len, what & 8 ? WSUV_SEND_FLUSH : 0) ==
             0);
  move(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct run r;
  if (size < 2)
    return 0;
  open_run(&r, data);
  data += 2;
  size -= 2;
  while (size >= 2 && r.nsent + 4096 < MESSAGE_MAX) {
    size_t len = data[1];
    if (len > size - 2)
      len = size - 2;
    send_piece(&r, data[0], data + 2, len);
    if ((data[0] & 16) != 0) {
      static const uint8_t repeated[2000] = {'r', 'e', 'p'};
      send_piece(&r, data[0], repeated, sizeof repeated);
    }
    data += 2 + len;
    size -= 2 + len;
  }
  close_run(&r);
  return 0;
}
