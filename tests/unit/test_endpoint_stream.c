/* Messages in fragments: sent by begin, chunk, end; delivered in pieces by on_fragment. */
#include <string.h>

#include "proto/endpoint.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/guard_page.h"
#include "wsuv/handshake.h"

/* What on_fragment heard: the octets of all pieces, and a letter for each: F(irst) L(ast) B(oth) -(neither). */
struct heard {
  wsuv_endpoint_t *ep;
  char octets[256];
  size_t len;
  char marks[64];
  size_t nmarks;
  int type;
  int pause;
};

static void on_fragment(void *data, wsuv_opcode_t type, uint8_t *payload, size_t len, int flags) {
  static const char marks[] = "-FLB";
  struct heard *heard = data;
  CHECK_TRUE(heard->len + len <= sizeof heard->octets && heard->nmarks < sizeof heard->marks - 1);
  memcpy(heard->octets + heard->len, payload, len);
  heard->len += len;
  heard->marks[heard->nmarks++] = marks[flags];
  heard->type = (int)type;
  if (heard->pause)
    wsuv_endpoint_pause(heard->ep);
}

static const wsuv_endpoint_handler_t handler = {.size = sizeof handler, .on_fragment = on_fragment};

static wsuv_endpoint_t *new_endpoint(wsuv_role_t role, struct heard *heard,
                                     int64_t max_message_size) {
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(role);
  wsuv_endpoint_t *ep = NULL;
  options.random = wsuv_random;
  options.max_message_size = max_message_size;
  memset(heard, 0, sizeof *heard);
  CHECK_ERR(0, wsuv_endpoint_new(&ep, &options, &handler, heard));
  heard->ep = ep;
  return ep;
}

static void check_output(wsuv_endpoint_t *ep, const char *octets, size_t len) {
  wsuv_span_t spans[16];
  uint8_t out[256];
  size_t n = wsuv_endpoint_output(ep, spans, 16);
  size_t at = 0;
  size_t i;
  for (i = 0; i < n; i++) {
    memcpy(out + at, spans[i].data, spans[i].len);
    at += spans[i].len;
  }
  CHECK_BYTES(octets, len, out, at);
  wsuv_endpoint_output_done(ep, at);
}

#define CHECK_OUTPUT(ep, literal) check_output(ep, literal, sizeof(literal) - 1)

static int receive(wsuv_endpoint_t *ep, const char *octets, size_t len) {
  struct guard_page page = guard_page_new(octets, len);
  int err = wsuv_endpoint_receive(ep, page.data, len);
  guard_page_free(&page);
  return err;
}

/* covers: STR.1 STR.3 W119 */
static void the_first_frame_has_the_type_the_last_is_final(void **state) {
  struct heard heard;
  wsuv_endpoint_t *ep = new_endpoint(WSUV_SERVER, &heard, 0);
  (void)state;
  CHECK_ERR(0, wsuv_endpoint_send_begin(ep, WSUV_TEXT, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(ep, "a", 1, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(ep, NULL, 0, 0));
  CHECK_ERR(0, wsuv_endpoint_send_end(ep, "b", 1));
  CHECK_OUTPUT(ep, "\x01\x01"
                   "a\x00\x00\x80\x01"
                   "b");
  CHECK_ERR(0, wsuv_endpoint_send_begin(ep, WSUV_BINARY, 0));
  CHECK_ERR(0, wsuv_endpoint_send_end(ep, NULL, 0));
  CHECK_OUTPUT(ep, "\x82\x00");
  wsuv_endpoint_free(ep);
}

/* covers: STR.6 STR.7 STR.9 ERR.10 EPT.41 W121 */
static void guards(void **state) {
  struct heard heard;
  wsuv_endpoint_t *ep = new_endpoint(WSUV_SERVER, &heard, 0);
  (void)state;
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send_chunk(ep, "x", 1, 0));
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send_end(ep, "x", 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send_begin(ep, WSUV_CLOSE, 0));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send_begin(ep, WSUV_CONTINUATION, 0));
  CHECK_ERR(0, wsuv_endpoint_send_begin(ep, WSUV_BINARY, 0));
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send_begin(ep, WSUV_BINARY, 0));
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send(ep, WSUV_TEXT, "x", 1));
  CHECK_ERR(WSUV_EINVAL, wsuv_endpoint_send_chunk(ep, NULL, 1, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(ep, "x", 1, 0));
  CHECK_ERR(0, wsuv_endpoint_ping(ep, "p", 1));
  CHECK_ERR(0, wsuv_endpoint_send_end(ep, "y", 1));
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send_end(ep, "z", 1));
  CHECK_ERR(0, wsuv_endpoint_send(ep, WSUV_TEXT, "t", 1));
  CHECK_OUTPUT(ep, "\x89\x01p\x02\x01x\x80\x01y\x81\x01t");
  CHECK_ERR(0, wsuv_endpoint_send_begin(ep, WSUV_TEXT, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(ep, "cut", 3, 0));
  CHECK_ERR(0, wsuv_endpoint_close(ep, 1000, NULL, 0));
  CHECK_ERR(WSUV_ESTATE, wsuv_endpoint_send_end(ep, "off", 3));
  CHECK_OUTPUT(ep, "\x01\x03"
                   "cut\x88\x02\x03\xe8");
  wsuv_endpoint_free(ep);
}

/* A character may be cut by two chunks, but not by the end; what is refused leaves the message as it was. */
static void text_is_checked_over_its_chunks(void **state) {
  struct heard heard;
  wsuv_endpoint_t *ep = new_endpoint(WSUV_SERVER, &heard, 0);
  (void)state;
  CHECK_ERR(0, wsuv_endpoint_send_begin(ep, WSUV_TEXT, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(ep, "\xe2\x82", 2, 0));
  CHECK_ERR(WSUV_EENCODING, wsuv_endpoint_send_chunk(ep, "x", 1, 0));
  CHECK_ERR(WSUV_EENCODING, wsuv_endpoint_send_end(ep, NULL, 0));
  CHECK_ERR(0, wsuv_endpoint_send_end(ep, "\xac", 1));
  CHECK_OUTPUT(ep, "\x01\x02\xe2\x82\x80\x01\xac");
  wsuv_endpoint_free(ep);
}

/* covers: STR.2 STR.8 */
static void a_client_masks_each_fragment_and_leaves_the_payload_alone(void **state) {
  struct heard sent;
  struct heard heard;
  wsuv_endpoint_t *client = new_endpoint(WSUV_CLIENT, &sent, 0);
  wsuv_endpoint_t *server = new_endpoint(WSUV_SERVER, &heard, 0);
  char payload[] = "payload";
  wsuv_span_t spans[8];
  size_t n;
  size_t i;
  size_t total = 0;
  (void)state;
  CHECK_ERR(0, wsuv_endpoint_send_begin(client, WSUV_BINARY, 0));
  CHECK_ERR(0, wsuv_endpoint_send_chunk(client, payload, 7, 0));
  CHECK_ERR(0, wsuv_endpoint_send_end(client, payload, 7));
  CHECK_STR("payload", payload);
  n = wsuv_endpoint_output(client, spans, 8);
  for (i = 0; i < n; i++) {
    CHECK_ERR(0, receive(server, (const char *)spans[i].data, spans[i].len));
    total += spans[i].len;
  }
  CHECK_SIZE(2 * (6 + 7), total);
  CHECK_STR("FL", heard.marks);
  CHECK_BYTES("payloadpayload", 14, heard.octets, heard.len);
  CHECK_INT(WSUV_BINARY, heard.type);
  wsuv_endpoint_free(client);
  wsuv_endpoint_free(server);
}

/* covers: DEF.8 PAR.4 */
static void pieces_come_as_they_arrive(void **state) {
  struct heard heard;
  wsuv_endpoint_t *ep = new_endpoint(WSUV_CLIENT, &heard, 0);
  (void)state;
  CHECK_ERR(0, receive(ep, "\x01\x05", 2)); /* only the header: nothing to hear yet */
  CHECK_STR("", heard.marks);
  CHECK_ERR(0, receive(ep, "he", 2));
  CHECK_ERR(0, receive(ep, "llo\x89\x00\x00\x00\x80\x00\x82\x01x", 12));
  CHECK_STR("F-LB", heard.marks);
  CHECK_BYTES("hellox", 6, heard.octets, heard.len);
  CHECK_SIZE(6, wsuv_endpoint_queued(ep)); /* the Pong, masked */
  wsuv_endpoint_free(ep);
}

static void text_in_pieces_fails_at_the_first_bad_octet(void **state) {
  struct heard heard;
  wsuv_endpoint_t *ep = new_endpoint(WSUV_CLIENT, &heard, 0);
  (void)state;
  CHECK_ERR(0, receive(ep, "\x01\x02\xe2\x82", 4));
  CHECK_ERR(WSUV_EENCODING, receive(ep, "\x80\x00", 2));
  CHECK_STR("F", heard.marks);
  wsuv_endpoint_free(ep);
}

static void a_limit_holds_over_all_fragments(void **state) {
  struct heard heard;
  wsuv_endpoint_t *ep = new_endpoint(WSUV_CLIENT, &heard, 5);
  (void)state;
  CHECK_ERR(0, receive(ep,
                       "\x02\x03"
                       "abc",
                       5));
  CHECK_ERR(WSUV_EMSGSIZE, receive(ep, "\x80\x03", 2));
  wsuv_endpoint_free(ep);
  ep = new_endpoint(WSUV_CLIENT, &heard, 0); /* none set: announcing 2^62 octets is nothing yet */
  CHECK_ERR(0, receive(ep, "\x02\x7f\x40\0\0\0\0\0\0\0x", 11));
  CHECK_STR("F", heard.marks);
  wsuv_endpoint_free(ep);
}

/* Stopped at every piece, at every split: none lost, none twice. */
static void pausing_at_each_piece(void **state) {
  static const char octets[] = "\x01\x03"
                               "abc\x00\x02"
                               "de\x80\x01"
                               "f\x82\x02gh";
  size_t cut;
  (void)state;
  for (cut = 1; cut < sizeof octets - 1; cut++) {
    struct heard heard;
    wsuv_endpoint_t *ep = new_endpoint(WSUV_CLIENT, &heard, 0);
    int rounds = 0;
    heard.pause = 1;
    CHECK_ERR(0, receive(ep, octets, cut));
    while (ep->delivery == DELIVERY_PAUSED && rounds++ < 20)
      CHECK_ERR(0, wsuv_endpoint_resume(ep));
    CHECK_ERR(0, receive(ep, octets + cut, sizeof octets - 1 - cut));
    while (ep->delivery == DELIVERY_PAUSED && rounds++ < 20)
      CHECK_ERR(0, wsuv_endpoint_resume(ep));
    CHECK_BYTES("abcdefgh", 8, heard.octets, heard.len);
    wsuv_endpoint_free(ep);
  }
}

static void no_memory_leaves_the_message_as_it_was(void **state) {
  struct failing_alloc fa;
  struct heard heard;
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_SERVER);
  wsuv_endpoint_t *ep = NULL;
  (void)state;
  failing_alloc_init(&fa);
  options.allocator = &fa.allocator;
  memset(&heard, 0, sizeof heard);
  CHECK_ERR(0, wsuv_endpoint_new(&ep, &options, &handler, &heard));
  CHECK_ERR(0, wsuv_endpoint_send_begin(ep, WSUV_TEXT, 0));
  failing_alloc_fail_once(&fa, 1);
  CHECK_ERR(WSUV_ENOMEM, wsuv_endpoint_send_chunk(ep, "a", 1, 0));
  CHECK_ERR(0, wsuv_endpoint_send_end(ep, "b", 1));
  CHECK_OUTPUT(ep, "\x81\x01"
                   "b");
  wsuv_endpoint_free(ep);
  failing_alloc_check_no_leaks(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_frame_has_the_type_the_last_is_final),
      cmocka_unit_test(guards),
      cmocka_unit_test(text_is_checked_over_its_chunks),
      cmocka_unit_test(a_client_masks_each_fragment_and_leaves_the_payload_alone),
      cmocka_unit_test(pieces_come_as_they_arrive),
      cmocka_unit_test(text_in_pieces_fails_at_the_first_bad_octet),
      cmocka_unit_test(a_limit_holds_over_all_fragments),
      cmocka_unit_test(pausing_at_each_piece),
      cmocka_unit_test(no_memory_leaves_the_message_as_it_was),
  };
  return cmocka_run_group_tests_name("messages in fragments", tests, NULL, NULL);
}
