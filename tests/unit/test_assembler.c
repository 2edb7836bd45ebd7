/* Public parser and assembler together, at every split. */
#include <stdio.h>
#include <string.h>

#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/guard_page.h"
#include "wsuv/message.h"

#define STR(literal) literal, sizeof(literal) - 1

/* A stream's both ends: what went in, and as text what came out: "1:Hello. 9:p." */
struct reader {
  wsuv_frame_parser_t parser;
  wsuv_assembler_t *assembler;
  char text[800];
  size_t len;
  int err;
};

static void init_reader(struct reader *r, const wsuv_assembler_options_t *options) {
  memset(r, 0, sizeof *r);
  CHECK_ERR(0, wsuv_frame_parser_init(&r->parser, NULL));
  r->err = wsuv_assembler_new(&r->assembler, options);
}

static void say(struct reader *r, const void *data, size_t len) {
  CHECK_TRUE(r->len + len < sizeof r->text);
  if (len > 0)
    memcpy(r->text + r->len, data, len);
  r->len += len;
  r->text[r->len] = '\0';
}

static void say_piece(struct reader *r, const wsuv_message_piece_t *piece) {
  char start[32];
  if ((piece->flags & WSUV_FIRST) != 0) {
    snprintf(start, sizeof start, "%d%s:", piece->type, piece->rsv == 4 ? "!" : "");
    say(r, start, strlen(start));
  }
  say(r, piece->data, piece->len);
  if ((piece->flags & WSUV_FINAL) != 0)
    say(r, ".", 1);
}

/* The page goes as soon as its octets are taken: what is kept has to be a copy. */
static void read_octets(struct reader *r, const char *octets, size_t len) {
  struct guard_page page = guard_page_new(octets, len);
  uint8_t *data = page.data;
  wsuv_frame_slice_t slice;
  wsuv_message_piece_t piece;
  int rc = r->err;
  while (rc >= 0 && (rc = wsuv_frame_parser_next(&r->parser, &data, &len, &slice)) > 0) {
    rc = wsuv_assembler_take(r->assembler, wsuv_frame_parser_header(&r->parser), &slice, &piece);
    if (rc > 0)
      say_piece(r, &piece);
  }
  r->err = rc;
  guard_page_free(&page);
}

struct stream_row {
  const char *name;
  const char *octets;
  size_t len;
  const char *text;
  int err;
  int midmessage;
};

/* covers: DEF.1 DEF.2 DEF.3 DEF.4 DEF.5 DEF.9 DEF.10 DEF.11 PER.1 PER.2 CORE.3 */
static const struct stream_row streams[] = {
    {"nothing", STR(""), "", 0, 0},
    {"whole", STR("\x81\5Hello\x82\0\x83\1c"), "1:Hello.2:.3:c.", 0, 0},
    {"masked", STR("\x81\x82\1\1\1\1``"), "1:aa.", 0, 0},
    {"fragments", STR("\1\3Hel\0\0\x80\2lo"), "1:Hello.", 0, 0},
    {"fragments of a custom type", STR("\7\1a\0\1b\x80\1c"), "7:abc.", 0, 0},
    {"control frames in between", STR("\1\1a\x89\2pp\0\1b\x8a\0\x8b\1x\x80\1c"),
     "9:pp.10:.11:x.1:abc.", 0, 0},
    {"only the first frame's bits", STR("\x41\1a\xa0\1b\xcb\1x\x81\1c"), "1!:ab.11!:x.1:c.", 0, 0},
    {"cut off", STR("\2\1a\0\5bc"), "", 0, 1},
    {"continuation of nothing", STR("\x82\1a\x80\1b"), "2:a.", WSUV_ECONTINUATION, 0},
    {"data inside a message", STR("\2\1a\x89\0\x82\1b"), "9:.", WSUV_EINTERLEAVED, 0},
    {"text across fragments", STR("\1\1\xe2\0\1\x82\x80\1\xac"), "1:\xe2\x82\xac.", 0, 0},
    {"text that stops in a character", STR("\1\1\xe2\x80\1\x82"), "", WSUV_EENCODING, 0},
    {"text that is none", STR("\1\2\xe2(\x80\0"), "", WSUV_EENCODING, 0},
    {"binary is anything", STR("\2\1\xff\x80\1\xe2"), "2:\xff\xe2.", 0, 0},
    {"at the limit", STR("\2\4abcd\x80\6efghij"), "2:abcdefghij.", 0, 0},
    {"over the limit", STR("\2\4abcd\x80\7efghijk"), "", WSUV_EMSGSIZE, 0},
    {"four fragments", STR("\2\1a\0\1b\0\1c\x80\1d\x82\1e"), "2:abcd.2:e.", 0, 0},
    {"five fragments", STR("\2\1a\0\1b\0\1c\0\1d\x80\0"), "", WSUV_EMSGSIZE, 0},
};

static wsuv_assembler_options_t options_of(const wsuv_allocator_t *allocator, int pieces) {
  wsuv_assembler_options_t options = WSUV_ASSEMBLER_OPTIONS_INIT;
  options.allocator = allocator;
  options.max_message_size = 10;
  options.max_fragments = 4;
  options.pieces = pieces;
  return options;
}

/* In pieces a message is told before its end, so that text says less: errors are the same. */
static void run_at_split(const struct stream_row *row, size_t cut, size_t cut2, int pieces) {
  struct failing_alloc fa;
  struct reader r;
  wsuv_assembler_options_t options;
  failing_alloc_init(&fa);
  options = options_of(&fa.allocator, pieces);
  init_reader(&r, &options);
  read_octets(&r, row->octets, cut);
  read_octets(&r, row->octets + cut, cut2 - cut);
  read_octets(&r, row->octets + cut2, row->len - cut2);
  CHECK_ERR(row->err, r.err);
  CHECK_INT(row->midmessage, wsuv_assembler_is_midmessage(r.assembler));
  if (!pieces)
    CHECK_STR(row->text, r.text);
  else
    CHECK_SIZE(1, fa.ncalls); /* the assembler itself */
  wsuv_assembler_free(r.assembler);
  failing_alloc_check_no_leaks(&fa);
}

static void run_stream(const void *data) {
  const struct stream_row *row = data;
  size_t cut;
  size_t cut2;
  for (cut = 0; cut <= row->len; cut++)
    for (cut2 = cut; cut2 <= row->len; cut2++) {
      run_at_split(row, cut, cut2, 0);
      run_at_split(row, cut, cut2, 1);
    }
}

/* Every allocation refused once. covers: DEF.7 */
static void run_without_memory(const void *data) {
  const struct stream_row *row = data;
  struct failing_alloc fa;
  size_t n = 0;
  do {
    struct reader r;
    wsuv_assembler_options_t options;
    failing_alloc_init(&fa);
    failing_alloc_fail_once(&fa, ++n);
    options = options_of(&fa.allocator, 0);
    init_reader(&r, &options);
    if (r.err == 0)
      read_octets(&r, row->octets, row->len);
    CHECK_ERR(failing_alloc_has_failed(&fa) ? WSUV_ENOMEM : row->err, r.err);
    wsuv_assembler_free(r.assembler);
    failing_alloc_check_no_leaks(&fa);
  } while (failing_alloc_has_failed(&fa));
}

/* covers: DEF.8 PAR.4 CORE.9 */
static void pieces_come_as_the_slices_do(void **state) {
  wsuv_assembler_options_t options = WSUV_ASSEMBLER_OPTIONS_INIT;
  struct reader r;
  (void)state;
  options.pieces = 1;
  init_reader(&r, &options);
  read_octets(&r, STR("\1\5he"));
  CHECK_STR("1:he", r.text);
  read_octets(&r, STR("l"));
  CHECK_STR("1:hel", r.text);
  read_octets(&r, STR("lo\x89\1p\x80\0"));
  CHECK_STR("1:hello9:p..", r.text);
  read_octets(&r, STR("\2\x7f\x40\0\0\0\0\0\0\0x")); /* no limit: 2^62 octets are announced */
  CHECK_STR("1:hello9:p..2:x", r.text);
  CHECK_ERR(0, r.err);
  wsuv_assembler_free(r.assembler);
}

/* covers: DEF.6 DEF.7 EPT-060 */
static void stays_failed(void **state) {
  wsuv_frame_header_t header = {1, WSUV_BINARY, 0, 1, 0, {0, 0, 0, 0}};
  uint8_t octet = 'x';
  wsuv_frame_slice_t slice = {&octet, 1, 0, 1, 1};
  wsuv_message_piece_t piece;
  struct reader r;
  (void)state;
  init_reader(&r, NULL);
  read_octets(&r, STR("\2\3abc\x82\1d"));
  CHECK_ERR(WSUV_EINTERLEAVED, r.err);
  CHECK_FALSE(wsuv_assembler_is_midmessage(r.assembler));
  CHECK_ERR(WSUV_EINTERLEAVED, wsuv_assembler_take(r.assembler, &header, &slice, &piece));
  CHECK_NULL(piece.data);
  wsuv_assembler_free(r.assembler);
}

/* Between parser and assembler stands the caller: it may look at, alter and take away payload. covers: DEF.8 EPT-062 PAR.12 */
static void a_caller_may_consume_payload(void **state) {
  wsuv_frame_header_t first = {0, WSUV_TEXT, 0, 0, 0, {0, 0, 0, 0}};
  wsuv_frame_header_t last = {2, WSUV_CONTINUATION, 0, 1, 0, {0, 0, 0, 0}};
  uint8_t octets[] = "ok";
  wsuv_frame_slice_t empty = {octets, 0, 0, 1, 1};
  wsuv_frame_slice_t slice = {octets, 2, 0, 1, 1};
  wsuv_message_piece_t piece;
  struct reader r;
  (void)state;
  init_reader(&r, NULL);
  CHECK_INT(0, wsuv_assembler_take(r.assembler, &first, &empty, &piece));
  CHECK_INT(1, wsuv_assembler_take(r.assembler, &last, &slice, &piece));
  CHECK_INT(WSUV_TEXT, piece.type);
  CHECK_INT(WSUV_FIRST | WSUV_FINAL, piece.flags);
  CHECK_BYTES("ok", 2, piece.data, piece.len);
  wsuv_assembler_free(r.assembler);
}

struct odd_row {
  uint8_t opcode;
  uint8_t rsv;
  uint8_t fin;
  uint64_t payload_len;
  wsuv_frame_slice_t slices[2];
  int err;
};

static void slices_that_make_no_frame_are_refused(void **state) {
  static uint8_t octets[200];
  static const struct odd_row rows[] = {
      {2, 0, 1, 5, {{octets, 5, 0, 0, 1}}, WSUV_EINVAL},                       /* never begun */
      {2, 0, 1, 5, {{octets, 2, 0, 1, 0}, {octets, 3, 0, 1, 1}}, WSUV_EINVAL}, /* begun twice */
      {2, 0, 1, 5, {{octets, 6, 0, 1, 1}}, WSUV_EINVAL},
      {2, 0, 1, 5, {{octets, 4, 0, 1, 1}}, WSUV_EINVAL},
      {2, 0, 1, 5, {{octets, 5, 0, 1, 0}}, WSUV_EINVAL},
      {2, 0, 1, 5, {{octets, 2, 0, 1, 0}, {octets, 4, 0, 0, 1}}, WSUV_EINVAL},
      {2, 0, 1, 5, {{NULL, 5, 0, 1, 1}}, WSUV_EINVAL},
      {2, 8, 1, 5, {{octets, 5, 0, 1, 1}}, WSUV_EINVAL},
      {16, 0, 1, 5, {{octets, 5, 0, 1, 1}}, WSUV_EINVAL},
      {2, 0, 1, UINT64_MAX, {{octets, 5, 0, 1, 0}}, WSUV_EINVAL},
      {2, 0, 1, INT64_MAX, {{octets, 5, 0, 1, 0}}, WSUV_EMSGSIZE},
      {9, 0, 0, 5, {{octets, 5, 0, 1, 1}}, WSUV_ECONTROLFIN},
      {9, 0, 1, 126, {{octets, 126, 0, 1, 1}}, WSUV_ECONTROLSIZE},
      {9, 0, 1, 125, {{octets, 100, 0, 1, 0}, {octets, 26, 0, 0, 1}}, WSUV_EINVAL},
  };
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    wsuv_frame_header_t header = {rows[i].payload_len, rows[i].opcode, rows[i].rsv, rows[i].fin, 0,
                                  {0, 0, 0, 0}};
    wsuv_message_piece_t piece;
    struct reader r;
    int rc;
    init_reader(&r, NULL);
    rc = wsuv_assembler_take(r.assembler, &header, &rows[i].slices[0], &piece);
    if (rc == 0)
      rc = wsuv_assembler_take(r.assembler, &header, &rows[i].slices[1], &piece);
    CHECK_ERR(rows[i].err, rc);
    wsuv_assembler_free(r.assembler);
  }
}

static void options_out_of_range_are_refused(void **state) {
  wsuv_assembler_options_t options = WSUV_ASSEMBLER_OPTIONS_INIT;
  wsuv_assembler_t *assembler;
  (void)state;
  options.max_fragments = -1;
  CHECK_ERR(WSUV_EINVAL, wsuv_assembler_new(&assembler, &options));
  CHECK_NULL(assembler);
  options.max_fragments = WSUV_OFF;
  options.max_message_size = -1;
  CHECK_ERR(WSUV_EINVAL, wsuv_assembler_new(&assembler, &options));
  options.max_message_size = 0;
  options.size--;
  CHECK_ERR(WSUV_EINVAL, wsuv_assembler_new(&assembler, &options));
  wsuv_assembler_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_come_as_the_slices_do),
      cmocka_unit_test(stays_failed),
      cmocka_unit_test(a_caller_may_consume_payload),
      cmocka_unit_test(slices_that_make_no_frame_are_refused),
      cmocka_unit_test(options_out_of_range_are_refused),
  };
  return CHECK_RUN_TABLE("messages, every split", streams, run_stream) +
         CHECK_RUN_TABLE("messages, every allocation failing", streams, run_without_memory) +
         cmocka_run_group_tests_name("assembler", tests, NULL, NULL);
}
