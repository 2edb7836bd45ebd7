/* The public frame parser, without endpoint or engine's header. */
#include <stdio.h>
#include <string.h>

#include "support/check.h"
#include "support/frame_text.h"
#include "support/guard_page.h"
#include "wsuv/frame_parser.h"

#define STR(literal) literal, sizeof(literal) - 1

static void take_slice(struct frame_text *o, const wsuv_frame_header_t *header,
                       const wsuv_frame_slice_t *slice) {
  CHECK_TRUE(!slice->first || slice->offset == 0);
  CHECK_INT(slice->last, slice->offset + slice->len == header->payload_len);
  frame_text_add(o, header, slice->first, slice->last, slice->data, slice->len);
}

static void feed(wsuv_frame_parser_t *p, const void *octets, size_t len, struct frame_text *o) {
  struct guard_page page = guard_page_new(octets, len);
  uint8_t *data = page.data;
  wsuv_frame_slice_t slice;
  int rc;
  while ((rc = wsuv_frame_parser_next(p, &data, &len, &slice)) > 0)
    take_slice(o, wsuv_frame_parser_header(p), &slice);
  if (rc == 0)
    CHECK_SIZE(0, len);
  CHECK_ERR(rc, wsuv_frame_parser_error(p));
  o->err = rc;
  guard_page_free(&page);
}

static wsuv_frame_parser_t new_parser(wsuv_role_t role, int rsv, unsigned opcodes,
                                      int64_t max_frame_size) {
  wsuv_frame_parser_options_t options = WSUV_FRAME_PARSER_OPTIONS_INIT(role);
  wsuv_frame_parser_t p;
  options.rsv = rsv;
  options.opcodes = opcodes;
  options.max_frame_size = max_frame_size;
  CHECK_ERR(0, wsuv_frame_parser_init(&p, &options));
  return p;
}

/* covers: CORE.3 PAR.1 PAR.3 PAR.14 IOC.9 PAR-088 */
static void any_split_gives_the_same_frames(void **state) {
  static const char octets[] = "\x01\x83\1\1\1\1``a\x89\x80\5\6\7\10"
                               "\x80\x81\2\2\2\2`\x82\xfe\0\x7e\0\0\0\0xxxxx";
  size_t cut;
  size_t cut2;
  (void)state;
  for (cut = 0; cut < sizeof octets; cut++)
    for (cut2 = cut; cut2 < sizeof octets; cut2++) {
      wsuv_frame_parser_t p = new_parser(WSUV_SERVER, 0, 0, 126);
      struct frame_text o = {"", 0, 0};
      feed(&p, octets, cut, &o);
      feed(&p, octets + cut, cut2 - cut, &o);
      feed(&p, octets + cut2, sizeof octets - 1 - cut2, &o);
      CHECK_ERR(0, o.err);
      CHECK_STR("~1:aa`.9:.0:b.2:xxxxx", o.text);
      CHECK_SIZE(121, wsuv_frame_parser_outstanding(&p));
    }
}

/* covers: PAR.7 PAR.9 PAR.11 CORE.7 */
static void without_options_what_needs_an_agreement_is_not_judged(void **state) {
  wsuv_frame_parser_t p;
  struct frame_text o = {"", 0, 0};
  (void)state;
  CHECK_ERR(0, wsuv_frame_parser_init(&p, NULL));
  feed(&p, STR("\xf1\1x\x81\x81\1\1\1\1x\x73\1z\xff\0"), &o);
  CHECK_ERR(0, o.err);
  CHECK_STR("1:x.1:y.~3:z.15:.", o.text);
  CHECK_INT(7, wsuv_frame_parser_header(&p)->rsv);
  feed(&p, STR("\x09\0"), &o); /* but a control frame in fragments never is right */
  CHECK_ERR(WSUV_ECONTROLFIN, o.err);
}

/* covers: FRM.16 PAR.7 PAR.11 */
static void options_say_what_may_come(void **state) {
  wsuv_frame_parser_t p = new_parser(WSUV_CLIENT, 4, 1u << 3 | 1u << 12, WSUV_OFF);
  struct frame_text o = {"", 0, 0};
  (void)state;
  feed(&p, STR("\xc3\1a\xcc\1b\x80\1c"), &o);
  CHECK_STR("3:a.12:b.0:c.", o.text);
  feed(&p, STR("\x91\1x"), &o);
  CHECK_ERR(WSUV_ERSV, o.err);
  p = new_parser(WSUV_CLIENT, 0, 1u << 3, 0);
  feed(&p, STR("\x84\1x"), &o);
  CHECK_ERR(WSUV_EOPCODE, o.err);
}

/* covers: FRM.16 */
static void options_out_of_range_are_refused(void **state) {
  wsuv_frame_parser_options_t good = WSUV_FRAME_PARSER_OPTIONS_INIT(WSUV_SERVER);
  wsuv_frame_parser_options_t o;
  wsuv_frame_parser_t p;
  (void)state;
  CHECK_ERR(0, wsuv_frame_parser_init(&p, &good));
  o = good;
  o.size--;
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_parser_init(&p, &o));
  o = good;
  o.role = (wsuv_role_t)3;
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_parser_init(&p, &o));
  o = good;
  o.rsv = 8;
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_parser_init(&p, &o));
  o = good;
  o.opcodes = 1u << WSUV_TEXT;
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_parser_init(&p, &o));
  o = good;
  o.max_frame_size = -1;
  CHECK_ERR(WSUV_EINVAL, wsuv_frame_parser_init(&p, &o));
}

/* The error, and what it was about. covers: PAR.10 CORE.11 */
static void tells_the_header_it_choked_on(void **state) {
  wsuv_frame_parser_t p = new_parser(WSUV_CLIENT, 0, 0, 1000);
  struct frame_text o = {"", 0, 0};
  (void)state;
  feed(&p, STR("\x82\1x\x0d\5"), &o);
  CHECK_ERR(WSUV_EOPCODE, o.err);
  CHECK_INT(13, wsuv_frame_parser_header(&p)->opcode);
  CHECK_INT(0, wsuv_frame_parser_header(&p)->fin);
  CHECK_SIZE(0, wsuv_frame_parser_header(&p)->payload_len);
  CHECK_SIZE(0, wsuv_frame_parser_outstanding(&p));
  feed(&p, STR("\x82\1x"), &o);
  CHECK_ERR(WSUV_EOPCODE, o.err);
  CHECK_STR("2:x.", o.text);
  p = new_parser(WSUV_CLIENT, 0, 0, 1000);
  feed(&p, STR("\xe2\5"), &o);
  CHECK_ERR(WSUV_ERSV, o.err);
  CHECK_INT(6, wsuv_frame_parser_header(&p)->rsv);
  p = new_parser(WSUV_CLIENT, 0, 0, 1000);
  feed(&p, STR("\x82\x7e\3\xe9"), &o);
  CHECK_ERR(WSUV_EMSGSIZE, o.err);
  CHECK_SIZE(1001, wsuv_frame_parser_header(&p)->payload_len);
}

struct truncated_row {
  const char *octets;
  size_t len;
  uint64_t outstanding;
};

/* covers: IOC.7 IOC.8 PAR.13 */
static void counts_what_a_truncated_frame_lacks(void **state) {
  static const struct truncated_row rows[] = {
      {STR(""), 0},
      {STR("\x82\2xy"), 0},
      {STR("\x82"), 1},
      {STR("\x82\5"), 5},
      {STR("\x82\x85"), 9},
      {STR("\x82\x85\1\2"), 7},
      {STR("\x82\x85\1\2\3\4"), 5},
      {STR("\x82\x85\1\2\3\4abcd"), 1},
      {STR("\x82\x7e"), 2}, /* of the length itself, as long as that is not known */
      {STR("\x82\xfe\1"), 5},
      {STR("\x82\x7e\1\0"), 256},
      {STR("\x82\x7f\0"), 7},
      {STR("\x82\x7f\0\0\0\1\0\0\0\0x"), 4294967295u},
  };
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    wsuv_frame_parser_t p;
    struct frame_text o = {"", 0, 0};
    CHECK_ERR(0, wsuv_frame_parser_init(&p, NULL));
    feed(&p, rows[i].octets, rows[i].len, &o);
    CHECK_ERR(0, o.err);
    CHECK_SIZE(rows[i].outstanding, wsuv_frame_parser_outstanding(&p));
  }
}

/* Through the fast way and the slow one. covers: FRM.7 FRM.8 PAR.2 */
static void a_parsed_frame_encodes_to_the_same_octets(void **state) {
  static const struct truncated_row rows[] = {
      {STR("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), 0},
      {STR("\xd9\x81\1\2\3\4x"), 0},
      {STR("\x02\x80\5\6\7\10"), 0},
      {STR("\x81\5Hello"), 0},
      {STR("\x88\2\3\xe8"), 0},
  };
  size_t cut;
  size_t i;
  (void)state;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    for (cut = 0; cut <= rows[i].len; cut++) {
      wsuv_frame_parser_t p = new_parser((wsuv_role_t)0, 7, 0, 0);
      struct frame_text o = {"", 0, 0};
      wsuv_frame_t frame;
      uint8_t out[32];
      size_t n;
      if (cut % 2 == 0 && (rows[i].octets[1] & 0x80) != 0)
        p = new_parser(WSUV_SERVER, 7, 0, 0);
      feed(&p, rows[i].octets, cut, &o);
      feed(&p, rows[i].octets + cut, rows[i].len - cut, &o);
      CHECK_ERR(0, o.err);
      frame.header = *wsuv_frame_parser_header(&p);
      frame.payload = (const uint8_t *)strchr(o.text, ':') + 1;
      CHECK_ERR(0, wsuv_frame_encode(&frame, out, sizeof out, &n));
      CHECK_BYTES(rows[i].octets, rows[i].len, out, n);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_split_gives_the_same_frames),
      cmocka_unit_test(without_options_what_needs_an_agreement_is_not_judged),
      cmocka_unit_test(options_say_what_may_come),
      cmocka_unit_test(options_out_of_range_are_refused),
      cmocka_unit_test(tells_the_header_it_choked_on),
      cmocka_unit_test(counts_what_a_truncated_frame_lacks),
      cmocka_unit_test(a_parsed_frame_encodes_to_the_same_octets),
  };
  return cmocka_run_group_tests_name("lone_parser", tests, NULL, NULL);
}
