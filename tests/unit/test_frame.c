#include <string.h>

#include "proto/frame.h"
#include "support/check.h"
#include "support/guard_page.h"
#include "wsuv/frame.h"

struct header_row {
  const char *name;
  wsuv_frame_header_t header;
  size_t len;
  const char *octets;
};

#define KEY \
  { 0x37, 0xfa, 0x21, 0x3d }
#define NO_KEY \
  { 0, 0, 0, 0 }

/* Length, opcode, rsv, fin, masked, key.
 * covers: W101 W103 W105 W111 W144 FRM.2 FRM.3 FRM.6 FRM.7 FRM.17 CORE.10 MSK.6 */
static const struct header_row headers[] = {
    {"RFC 5.7: unmasked text", {5, 1, 0, 1, 0, NO_KEY}, 2, "\x81\x05"},
    {"RFC 5.7: masked text", {5, 1, 0, 1, 1, KEY}, 6, "\x81\x85\x37\xfa\x21\x3d"},
    {"RFC 5.7: first fragment", {3, 1, 0, 0, 0, NO_KEY}, 2, "\x01\x03"},
    {"RFC 5.7: last fragment", {2, 0, 0, 1, 0, NO_KEY}, 2, "\x80\x02"},
    {"RFC 5.7: ping", {5, 9, 0, 1, 0, NO_KEY}, 2, "\x89\x05"},
    {"RFC 5.7: masked pong", {5, 10, 0, 1, 1, KEY}, 6, "\x8a\x85\x37\xfa\x21\x3d"},
    {"RFC 5.7: 256 octets", {256, 2, 0, 1, 0, NO_KEY}, 4, "\x82\x7e\x01\0"},
    {"RFC 5.7: 64 KiB", {65536, 2, 0, 1, 0, NO_KEY}, 10, "\x82\x7f\0\0\0\0\0\1\0\0"},
    {"0 octets", {0, 1, 0, 1, 0, NO_KEY}, 2, "\x81\x00"},
    {"0 octets, masked with zeros", {0, 1, 0, 1, 1, NO_KEY}, 6, "\x81\x80\0\0\0\0"},
    {"1 octet", {1, 1, 0, 1, 0, NO_KEY}, 2, "\x81\x01"},
    {"125 octets", {125, 1, 0, 1, 0, NO_KEY}, 2, "\x81\x7d"},
    {"126 octets", {126, 1, 0, 1, 0, NO_KEY}, 4, "\x81\x7e\0\x7e"},
    {"127 octets", {127, 1, 0, 1, 0, NO_KEY}, 4, "\x81\x7e\0\x7f"},
    {"65535 octets, masked", {65535, 2, 0, 1, 1, KEY}, 8, "\x82\xfe\xff\xff\x37\xfa\x21\x3d"},
    {"65536 octets, masked",
     {65536, 2, 0, 1, 1, KEY},
     14,
     "\x82\xff\0\0\0\0\0\1\0\0\x37\xfa\x21\x3d"},
    {"2^32 + 1 octets", {4294967297u, 2, 0, 1, 0, NO_KEY}, 10, "\x82\x7f\0\0\0\1\0\0\0\1"},
    {"2^63 - 1 octets",
     {INT64_MAX, 2, 0, 1, 0, NO_KEY},
     10,
     "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"},
    {"all reserved bits", {1, 1, 7, 1, 0, NO_KEY}, 2, "\xf1\x01"},
    {"RSV1", {1, 1, 4, 0, 0, NO_KEY}, 2, "\x41\x01"},
    {"RSV2", {1, 1, 2, 0, 0, NO_KEY}, 2, "\x21\x01"},
    {"RSV3", {1, 1, 1, 0, 0, NO_KEY}, 2, "\x11\x01"},
    {"reserved data opcode", {0, 7, 0, 0, 0, NO_KEY}, 2, "\x07\x00"},
    {"reserved control opcode", {125, 15, 0, 1, 0, NO_KEY}, 2, "\x8f\x7d"},
    {"close with a reserved bit", {0, 8, 4, 1, 0, NO_KEY}, 2, "\xc8\x00"},
};

static void check_same_header(const wsuv_frame_header_t *a, const wsuv_frame_header_t *b) {
  CHECK_SIZE(a->payload_len, b->payload_len);
  CHECK_INT(a->opcode, b->opcode);
  CHECK_INT(a->rsv, b->rsv);
  CHECK_INT(a->fin, b->fin);
  CHECK_INT(a->masked, b->masked);
  CHECK_BYTES(a->masking_key, 4, b->masking_key, 4);
}

/* Written, read back, and not readable from any part of it. */
static void run_header(const void *data) {
  const struct header_row *row = data;
  struct guard_page out = guard_page_new(NULL, WSUV_FRAME_HEADER_MAX);
  wsuv_frame_header_t got;
  size_t len;
  CHECK_INT(row->len, wsuv_frame_header_encode(&row->header, out.data));
  CHECK_BYTES(row->octets, row->len, out.data, row->len);
  CHECK_SIZE(row->len, wsuv__frame_header_len(&row->header));
  for (len = 0; len <= row->len; len++) {
    struct guard_page in = guard_page_new(row->octets, len);
    CHECK_INT(len < row->len ? 0 : row->len, wsuv_frame_header_decode(&got, in.data, len));
    guard_page_free(&in);
  }
  check_same_header(&row->header, &got);
  guard_page_free(&out);
}

struct refused_row {
  const char *name;
  wsuv_frame_header_t header;
  int err;
};

/* covers: FRM.3 FRM.5 FRM.18 W113 W122 */
static const struct refused_row refused[] = {
    {"opcode 16", {0, 16, 0, 1, 0, NO_KEY}, WSUV_EINVAL},
    {"rsv 8", {0, 1, 8, 1, 0, NO_KEY}, WSUV_EINVAL},
    {"2^63 octets", {(uint64_t)INT64_MAX + 1, 2, 0, 1, 0, NO_KEY}, WSUV_EINVAL},
    {"2^64 - 1 octets", {UINT64_MAX, 2, 0, 1, 0, NO_KEY}, WSUV_EINVAL},
    {"ping of 126", {126, 9, 0, 1, 0, NO_KEY}, WSUV_ECONTROLSIZE},
    {"close of 65536", {65536, 8, 0, 1, 0, NO_KEY}, WSUV_ECONTROLSIZE},
};

static void run_refused(const void *data) {
  const struct refused_row *row = data;
  uint8_t out[WSUV_FRAME_HEADER_MAX];
  CHECK_ERR(row->err, wsuv_frame_header_encode(&row->header, out));
}

struct malformed_row {
  const char *name;
  const char *octets;
  size_t len;
  int err;
};

/* covers: W102 W104 W113 W123 PAR.5 PAR.6 */
static const struct malformed_row malformed[] = {
    {"125 as 16 bits", "\x81\x7e\0\x7d", 4, WSUV_ELENGTH},
    {"0 as 16 bits", "\x81\x7e\0\0", 4, WSUV_ELENGTH},
    {"65535 as 64 bits", "\x81\x7f\0\0\0\0\0\0\xff\xff", 10, WSUV_ELENGTH},
    {"5 as 64 bits", "\x81\x7f\0\0\0\0\0\0\0\5", 10, WSUV_ELENGTH},
    {"top bit", "\x81\x7f\x80\0\0\0\0\0\0\0", 10, WSUV_ELENGTH},
    {"all bits, masked", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2\3\4", 14, WSUV_ELENGTH},
    {"ping of 126", "\x89\x7e\0\x7e", 4, WSUV_ECONTROLSIZE},
    {"ping of 65536", "\x89\x7f\0\0\0\0\0\1\0\0", 10, WSUV_ECONTROLSIZE},
    {"ping without FIN", "\x09\x00", 2, WSUV_ECONTROLFIN},
};

static void run_malformed(const void *data) {
  const struct malformed_row *row = data;
  wsuv_frame_header_t got;
  size_t len;
  for (len = 0; len <= row->len; len++) {
    struct guard_page in = guard_page_new(row->octets, len);
    CHECK_INT(len < row->len ? 0 : row->err, wsuv_frame_header_decode(&got, in.data, len));
    guard_page_free(&in);
  }
}

/* Every first octet and every length form survives the way there and back, or is refused; a control frame comes out final. */
static void all_first_octets(void **state) {
  static const uint64_t lens[] = {0, 1, 125, 126, 65535, 65536, 1u << 31, INT64_MAX};
  unsigned first;
  size_t i;
  (void)state;
  for (first = 0; first < 256; first++) {
    for (i = 0; i < sizeof lens / sizeof lens[0]; i++) {
      wsuv_frame_header_t header = {lens[i], first & 15, first >> 4 & 7, (uint8_t)(first >> 7),
                                    1,       KEY};
      wsuv_frame_header_t got;
      uint8_t out[WSUV_FRAME_HEADER_MAX];
      int n = wsuv_frame_header_encode(&header, out);
      if ((first & 8) != 0 && lens[i] > 125) {
        CHECK_ERR(WSUV_ECONTROLSIZE, n);
        continue;
      }
      if ((first & 8) != 0)
        header.fin = 1;
      CHECK_INT(first | (unsigned)header.fin << 7, out[0]);
      CHECK_INT(n, wsuv_frame_header_decode(&got, out, (size_t)n));
      check_same_header(&header, &got);
    }
  }
}

static void the_length_of_a_whole_frame_is_in_its_header(void **state) {
  (void)state;
  CHECK_SIZE(2, wsuv__frame_total_len((const uint8_t *)"\x81\x00"));
  CHECK_SIZE(2 + 5, wsuv__frame_total_len((const uint8_t *)"\x81\x05"));
  CHECK_SIZE(6 + 125, wsuv__frame_total_len((const uint8_t *)"\x89\xfd"));
  CHECK_SIZE(4 + 256, wsuv__frame_total_len((const uint8_t *)"\x82\x7e\1\0"));
  CHECK_SIZE(14 + 65536, wsuv__frame_total_len((const uint8_t *)"\x82\xff\0\0\0\0\0\1\0\0"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_first_octets),
      cmocka_unit_test(the_length_of_a_whole_frame_is_in_its_header),
  };
  return CHECK_RUN_TABLE("frame headers", headers, run_header) +
         CHECK_RUN_TABLE("frame headers that are not written", refused, run_refused) +
         CHECK_RUN_TABLE("frame headers that are not read", malformed, run_malformed) +
         cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
