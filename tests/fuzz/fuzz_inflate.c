/* Compressed messages of a hostile peer's: received in one piece and cut up, they come to the same; what zlib alone makes of
 * the first one is what is delivered.
 *
 * Octet 0: context takeover, text, pieces of messages, the window. Octet 1: how it is cut up. Then frames: an octet with the
 * length, 0-127, its top bit FIN, and the payload. covers: W210 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fuzz/counting_memory.h"
#include "wsuv/deflate.h"
#include "wsuv/endpoint.h"
#include "wsuv/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_MESSAGE = 5000 };

struct input {
  uint8_t *wire;
  size_t len;
  size_t first_len; /* payload of the first message, 0 if it has no end */
  uint8_t *first;
};

struct run {
  struct memory memory;
  wsuv_allocator_t allocator;
  wsuv_deflate_t *deflate;
  wsuv_endpoint_t *ep;
  uint64_t sum;
  size_t nmessages;
  uint8_t first[MAX_MESSAGE]; /* the first message */
  size_t first_len;
  size_t len; /* of the one that is coming in */
  int error;
};

/* ---- events ---- */

static void take(struct run *r, const uint8_t *payload, size_t len, int flags) {
  size_t i;
  if ((flags & WSUV_FIRST) != 0)
    r->len = 0;
  FUZZ_CHECK(len <= MAX_MESSAGE - r->len);
  for (i = 0; i < len && r->nmessages == 0; i++)
    r->first[r->len + i] = payload[i];
  r->len += len;
  if (r->nmessages == 0)
    r->first_len = r->len;
  if ((flags & WSUV_FINAL) == 0)
    return;
  r->nmessages++;
  r->sum = r->sum * 1000003 + r->len;
}

static void on_message(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len) {
  FUZZ_CHECK(type != WSUV_TEXT || wsuv_utf8_is_valid(payload, len));
  take(data, payload, len, WSUV_FIRST | WSUV_FINAL);
}

static void on_fragment(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len, int flags) {
  (void)type;
  take(data, payload, len, flags);
}

static const wsuv_endpoint_handler_t whole = {.size = sizeof whole, .on_message = on_message};
static const wsuv_endpoint_handler_t pieces = {.size = sizeof pieces, .on_fragment = on_fragment};

/* ---- a run ---- */

static void open_run(struct run *r, uint8_t setup) {
  const wsuv_endpoint_options_t defaults = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_CLIENT);
  wsuv_deflate_options_t options = WSUV_DEFLATE_DEDICATED_INIT;
  wsuv_endpoint_options_t o = defaults;
  char bits[3] = {(char)('8' + (setup >> 3) % 2), '\0', '\0'};
  wsuv_extension_param_t params[2];
  wsuv_extension_element_t answer = {"permessage-deflate", params, 1};
  wsuv_negotiated_t negotiated;
  memset(r, 0, sizeof *r);
  r->allocator = counting_allocator(&r->memory);
  options.allocator = &r->allocator;
  FUZZ_CHECK(wsuv_deflate_new(&r->deflate, &options) == 0);
  if ((setup & 16) != 0)
    memcpy(bits, "15", 3);
  params[0].name = "server_max_window_bits";
  params[0].value = bits;
  params[1].name = "server_no_context_takeover";
  params[1].value = NULL;
  answer.nparams += setup & 1;
  negotiated.extension = wsuv_deflate_extension(r->deflate);
  FUZZ_CHECK(negotiated.extension->accept(negotiated.extension, &answer, &negotiated.session) == 0);
  o.allocator = &r->allocator;
  o.random = wsuv_random;
  o.max_message_size = MAX_MESSAGE;
  o.extensions = &negotiated;
  o.nextensions = 1;
  FUZZ_CHECK(wsuv_endpoint_new(&r->ep, &o, setup & 4 ? &pieces : &whole, r) == 0);
}

static void close_run(struct run *r) {
  wsuv_endpoint_free(r->ep);
  wsuv_deflate_free(r->deflate);
  FUZZ_CHECK(r->memory.outstanding == 0);
}

/* pattern 0: in one piece; else that many octets at a time, or 1 to 20 in turn. */
static void receive(struct run *r, const struct input *in, uint8_t pattern) {
  size_t at = 0;
  while (at < in->len) {
    size_t piece = pattern == 0 ? in->len : pattern > 30 ? 1 + at % 20 : pattern;
    uint8_t *copy;
    if (piece > in->len - at)
      piece = in->len - at;
    copy = malloc(piece);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, in->wire + at, piece);
    r->error = wsuv_endpoint_receive(r->ep, copy, piece);
    free(copy);
    at += piece;
  }
}

/* ---- input ---- */

static void add_frame(struct input *in, const uint8_t *payload, size_t len, int opcode, int fin) {
  uint8_t *header = in->wire + in->len;
  header[0] = (uint8_t)((fin ? 0x80 : 0) | (opcode != 0 ? 0x40 : 0) | opcode);
  if (len < 126) {
    header[1] = (uint8_t)len;
    in->len += 2;
  } else {
    header[1] = 126;
    header[2] = 0;
    header[3] = (uint8_t)len;
    in->len += 4;
  }
  memcpy(in->wire + in->len, payload, len);
  in->len += len;
}

static void build(struct input *in, const uint8_t *data, size_t size, int type) {
  size_t nfirst = 0;
  int first_is_open = 1;
  int opcode = type;
  in->wire = malloc(5 * size + 8);
  in->first = malloc(size + 1);
  in->len = 0;
  in->first_len = 0;
  FUZZ_CHECK(in->wire != NULL && in->first != NULL);
  while (size > 0) {
    size_t len = data[0] & 127;
    int fin = data[0] >> 7;
    data++;
    size--;
    if (len > size)
      len = size;
    add_frame(in, data, len, opcode, fin);
    if (first_is_open) {
      memcpy(in->first + nfirst, data, len);
      nfirst += len;
      if (fin)
        in->first_len = nfirst;
      first_is_open = !fin;
    }
    opcode = fin ? type : 0;
    data += len;
    size -= len;
  }
}

/* ---- the first message, by zlib alone ---- */

/* The inflated length; -1: it is no whole message, or one that only we take (with final blocks), or too long. */
static long inflate_alone(const struct input *in, uint8_t *out) {
  static const uint8_t tail[4] = {0, 0, 0xff, 0xff};
  uint8_t *octets = malloc(in->first_len + 4);
  z_stream z;
  long len = -1;
  FUZZ_CHECK(octets != NULL);
  memcpy(octets, in->first, in->first_len);
  memcpy(octets + in->first_len, tail, 4);
  memset(&z, 0, sizeof z);
  FUZZ_CHECK(inflateInit2(&z, -15) == Z_OK);
  z.next_in = octets;
  z.avail_in = (unsigned)in->first_len + 4;
  z.next_out = out;
  z.avail_out = MAX_MESSAGE + 1;
  if (inflate(&z, Z_SYNC_FLUSH) == Z_OK && z.avail_in == 0 && (z.data_type & 128) != 0 &&
      (z.data_type & 63) == 0 && z.avail_out > 1)
    len = MAX_MESSAGE + 1 - (long)z.avail_out;
  inflateEnd(&z);
  free(octets);
  return len;
}

/* One way only: zlib alone also takes a message that stops four octets before the end of a stored block. */
static void check_first(const struct run *r, const struct input *in, int type) {
  static uint8_t out[MAX_MESSAGE + 1];
  long len;
  if (in->first_len == 0 || r->nmessages == 0)
    return;
  len = inflate_alone(in, out);
  if (len < 0)
    return;
  FUZZ_CHECK(type != WSUV_TEXT || wsuv_utf8_is_valid(out, (size_t)len));
  FUZZ_CHECK(r->first_len == (size_t)len && memcmp(r->first, out, (size_t)len) == 0);
}

/* With a full window only: zlib follows a peer that reaches further back than was agreed on as far as octets of the same step
 * are there. */
static void compare(const struct run *one, const struct run *cut) {
  FUZZ_CHECK(one->error == cut->error);
  FUZZ_CHECK(one->nmessages == cut->nmessages && one->sum == cut->sum);
  if (one->first_len == cut->first_len)
    FUZZ_CHECK(memcmp(one->first, cut->first, one->first_len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct run one;
  static struct run cut;
  struct input in;
  int type;
  if (size < 3)
    return 0;
  type = data[0] & 2 ? WSUV_TEXT : WSUV_BINARY;
  build(&in, data + 2, size - 2, type);
  open_run(&one, data[0]);
  open_run(&cut, data[0]);
  receive(&one, &in, 0);
  receive(&cut, &in, (uint8_t)(data[1] | 1));
  FUZZ_CHECK(one.error == 0 || one.error == WSUV_EPAYLOAD || one.error == WSUV_EENCODING ||
             one.error == WSUV_EMSGSIZE);
  if ((data[0] & 16) != 0)
    compare(&one, &cut);
  check_first(&one, &in, type);
  close_run(&one);
  close_run(&cut);
  free(in.wire);
  free(in.first);
  return 0;
}
