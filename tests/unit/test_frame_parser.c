/* The frame parser at every split; what its rules mean for whole connections is in vectors/. */
#include <stdio.h>
#include <string.h>

#include "proto/frame_parser.h"
#include "support/check.h"
#include "support/frame_text.h"
#include "support/guard_page.h"

#define STR(literal) literal, sizeof(literal) - 1

static void take_slice(struct frame_text *o, const struct wsuv__frame_parser *p,
                       const struct wsuv__frame_slice *slice) {
  frame_text_add(o, &p->header, slice->first, slice->last, slice->data, slice->len);
  CHECK_INT(slice->last, p->remaining == 0);
}

static void feed(struct wsuv__frame_parser *p, const struct wsuv__frame_rules *rules,
                 const uint8_t *data, size_t len, struct frame_text *o) {
  struct guard_page page = guard_page_new(data, len);
  struct wsuv__frame_input in = {page.data, page.len};
  struct wsuv__frame_slice slice;
  int rc;
  while ((rc = wsuv__frame_parser_next(p, rules, &in, &slice)) > 0)
    take_slice(o, p, &slice);
  if (rc == 0)
    CHECK_SIZE(0, in.len);
  o->err = rc;
  guard_page_free(&page);
}

struct stream_row {
  const char *name;
  wsuv_role_t role;
  const char *octets;
  size_t len;
  const char *frames;
  int err;
};

/* covers: W093 W095 W097 W099 W102 W104 W105 W113 W123 W151 PAR.1 PAR.4 PAR.5 PAR.6 PAR.7 PAR.8 PAR.9 PAR.14 IOC.9 */
static const struct stream_row streams[] = {
    {"nothing", WSUV_CLIENT, STR(""), "", 0},
    {"one frame", WSUV_CLIENT, STR("\x81\5Hello"), "1:Hello.", 0},
    {"masked", WSUV_SERVER, STR("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "1:Hello.", 0},
    {"empty frames", WSUV_CLIENT, STR("\x82\0\x89\0\x8a\0"), "2:.9:.10:.", 0},
    {"empty masked frames", WSUV_SERVER, STR("\x82\x80\1\2\3\4\x88\x80\5\6\7\10"), "2:.8:.", 0},
    {"fragments", WSUV_CLIENT, STR("\1\3Hel\x80\2lo"), "~1:Hel.0:lo.", 0},
    {"16 bits of length", WSUV_CLIENT,
     STR("\x82\x7e\0\x7e"
         "0123456789012345678901234567890123456789012345678901234567890123456789"
         "01234567890123456789012345678901234567890123456789012345\x89\1p"),
     "2:0123456789012345678901234567890123456789012345678901234567890123456789"
     "01234567890123456789012345678901234567890123456789012345.9:p.",
     0},
    {"part of a frame", WSUV_CLIENT, STR("\x81\5Hel"), "1:Hel", 0},
    {"part of a header", WSUV_CLIENT, STR("\x82\1x\x82\x7f\0\0\0"), "2:x.", 0},
    {"a header alone", WSUV_CLIENT, STR("\x82\5"), "2:", 0},
    {"unmasked for a server", WSUV_SERVER, STR("\x81\1x"), "", WSUV_EUNMASKED},
    {"masked for a client", WSUV_CLIENT, STR("\x81\x81\0\0\0\0x"), "", WSUV_EMASKED},
    {"reserved bit", WSUV_CLIENT, STR("\x81\1a\xc1\1b"), "1:a.", WSUV_ERSV},
    {"reserved opcode", WSUV_CLIENT, STR("\x83\1a"), "", WSUV_EOPCODE},
    {"reserved control opcode", WSUV_CLIENT, STR("\x8b\0"), "", WSUV_EOPCODE},
    {"control without FIN", WSUV_CLIENT, STR("\x09\0"), "", WSUV_ECONTROLFIN},
    {"control over 125", WSUV_CLIENT, STR("\x89\x7e"), "", WSUV_ECONTROLSIZE},
    {"16 bits for 125", WSUV_CLIENT, STR("\x82\x7e\0\x7d"), "", WSUV_ELENGTH},
    {"64 bits for 65535", WSUV_CLIENT, STR("\x82\x7f\0\0\0\0\0\0\xff\xff"), "", WSUV_ELENGTH},
    {"top bit", WSUV_CLIENT, STR("\x82\x7f\x80\0\0\0\0\0\0\0"), "", WSUV_ELENGTH},
    {"over the limit", WSUV_CLIENT, STR("\x82\x7e\1\x2d"), "", WSUV_EMSGSIZE},
    {"at the limit", WSUV_CLIENT, STR("\x82\x7e\1\x2cxyz"), "2:xyz", 0},
};

static void check_outcome(const struct stream_row *row, const struct frame_text *o) {
  CHECK_STR(row->frames, o->text);
  CHECK_ERR(row->err, o->err);
}

static void run_at_splits(const struct stream_row *row, size_t cut, size_t cut2) {
  struct wsuv__frame_rules rules = {.max_payload_len = 300};
  struct wsuv__frame_parser p;
  struct frame_text o = {"", 0, 0};
  rules.role = (uint8_t)row->role;
  wsuv__frame_parser_init(&p);
  feed(&p, &rules, (const uint8_t *)row->octets, cut, &o);
  feed(&p, &rules, (const uint8_t *)row->octets + cut, cut2 - cut, &o);
  feed(&p, &rules, (const uint8_t *)row->octets + cut2, row->len - cut2, &o);
  check_outcome(row, &o);
}

static void run_by_octet(const struct stream_row *row) {
  struct wsuv__frame_rules rules = {.max_payload_len = 300};
  struct wsuv__frame_parser p;
  struct frame_text o = {"", 0, 0};
  size_t i;
  rules.role = (uint8_t)row->role;
  wsuv__frame_parser_init(&p);
  for (i = 0; i < row->len; i++)
    feed(&p, &rules, (const uint8_t *)row->octets + i, 1, &o);
  check_outcome(row, &o);
}

static void run_stream(const void *data) {
  const struct stream_row *row = data;
  size_t cut;
  size_t cut2;
  run_by_octet(row);
  for (cut = 0; cut <= row->len; cut++)
    for (cut2 = cut; cut2 <= row->len && cut2 < cut + 20; cut2++)
      run_at_splits(row, cut, cut2);
}

static void stays_failed(void **state) {
  static const struct wsuv__frame_rules rules = {.max_payload_len = INT64_MAX, .role = WSUV_CLIENT};
  struct wsuv__frame_parser p;
  struct frame_text o = {"", 0, 0};
  (void)state;
  wsuv__frame_parser_init(&p);
  feed(&p, &rules, (const uint8_t *)"\x83\0", 2, &o);
  CHECK_ERR(WSUV_EOPCODE, o.err);
  feed(&p, &rules, (const uint8_t *)"\x81\1x", 3, &o);
  CHECK_ERR(WSUV_EOPCODE, o.err);
  feed(&p, &rules, (const uint8_t *)"\xc1\1x", 3, &o);
  CHECK_ERR(WSUV_EOPCODE, o.err);
  CHECK_STR("", o.text);
  CHECK_FALSE(wsuv__frame_parser_is_midframe(&p));
}

/* covers: PAR-060 PAR-066 IOC.8 */
static void knows_when_it_is_inside_a_frame(void **state) {
  static const struct wsuv__frame_rules rules = {.max_payload_len = INT64_MAX, .role = WSUV_CLIENT};
  static const char octets[] = "\x82\x7e\0\x80";
  struct wsuv__frame_parser p;
  struct frame_text o = {"", 0, 0};
  size_t i;
  (void)state;
  wsuv__frame_parser_init(&p);
  CHECK_FALSE(wsuv__frame_parser_is_midframe(&p));
  for (i = 0; i < 4 + 127; i++) {
    feed(&p, &rules, (const uint8_t *)(i < 4 ? octets + i : "x"), 1, &o);
    CHECK_TRUE(wsuv__frame_parser_is_midframe(&p));
  }
  feed(&p, &rules, (const uint8_t *)"x", 1, &o);
  CHECK_FALSE(wsuv__frame_parser_is_midframe(&p));
}

static void allowed_reserved_bits_pass(void **state) {
  static const struct wsuv__frame_rules rules = {
      .max_payload_len = INT64_MAX, .role = WSUV_CLIENT, .rsv_message = 4};
  struct wsuv__frame_parser p;
  struct frame_text o = {"", 0, 0};
  (void)state;
  wsuv__frame_parser_init(&p);
  feed(&p, &rules, (const uint8_t *)"\xc1\1x", 3, &o);
  CHECK_ERR(0, o.err);
  CHECK_INT(4, p.header.rsv);
  feed(&p, &rules, (const uint8_t *)"\xe1\1x", 3, &o);
  CHECK_ERR(WSUV_ERSV, o.err);
}

static void lenient_masking_takes_both(void **state) {
  static const struct wsuv__frame_rules rules = {
      .max_payload_len = INT64_MAX, .role = WSUV_SERVER, .lenient_masking = 1};
  struct wsuv__frame_parser p;
  struct frame_text o = {"", 0, 0};
  (void)state;
  wsuv__frame_parser_init(&p);
  feed(&p, &rules, (const uint8_t *)"\x81\1x\x81\x81\1\1\1\1x", 10, &o);
  CHECK_STR("1:x.1:y.", o.text);
}

/* A frame longer than any memory passes in slices. covers: PAR.3 PAR.4 PAR-040 CORE.10 */
static void a_frame_of_4_gib_is_a_row_of_slices(void **state) {
  static const struct wsuv__frame_rules rules = {.max_payload_len = INT64_MAX, .role = WSUV_CLIENT};
  static uint8_t piece[1 << 20];
  uint8_t head[10] = {0x81, 0x7f, 0, 0, 0, 1, 0, 1, 0, 0};
  struct wsuv__frame_input in = {head, sizeof head};
  struct wsuv__frame_parser p;
  struct wsuv__frame_slice slice;
  uint64_t total = 0;
  (void)state;
  wsuv__frame_parser_init(&p);
  CHECK_INT(1, wsuv__frame_parser_next(&p, &rules, &in, &slice));
  CHECK_SIZE(4295032832u, p.header.payload_len);
  while (!slice.last) {
    in.data = piece;
    in.len = sizeof piece;
    CHECK_INT(1, wsuv__frame_parser_next(&p, &rules, &in, &slice));
    total += slice.len;
  }
  CHECK_SIZE(4295032832u, total);
  CHECK_SIZE(sizeof piece - 65536, in.len);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stays_failed),
      cmocka_unit_test(knows_when_it_is_inside_a_frame),
      cmocka_unit_test(allowed_reserved_bits_pass),
      cmocka_unit_test(lenient_masking_takes_both),
      cmocka_unit_test(a_frame_of_4_gib_is_a_row_of_slices),
  };
  return CHECK_RUN_TABLE("frame streams, every split", streams, run_stream) +
         cmocka_run_group_tests_name("frame_parser", tests, NULL, NULL);
}
