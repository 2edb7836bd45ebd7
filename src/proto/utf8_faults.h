/* What can be wrong about two octets of UTF-8 in sequence, as bits by their half octets: those that all three rows have. */
#ifndef WSUV_PROTO_UTF8_FAULTS_H
#define WSUV_PROTO_UTF8_FAULTS_H

#include <stdint.h>

/* A bit may stand for two faults whose half octets do not mix. */
enum {
  SHORT = 1,       /* a lead, and no continuation behind it */
  LONG = 2,        /* ASCII, and a continuation behind it */
  OVERLONG_2 = 4,  /* C0 and C1 */
  OVERLONG_3 = 8,  /* E0 80 to E0 9F */
  SURROGATE = 16,  /* ED A0 to ED BF */
  TOO_LARGE = 32,  /* F4 90 and above */
  OVERLONG_4 = 64, /* F0 80 to F0 8F; and F5 80 to F5 8F and above, which are too large */
  TWO = 128,       /* two continuations: right only where a third or fourth octet has to be */
  ANY = SHORT | LONG | TWO,
  LARGE = ANY | TOO_LARGE | OVERLONG_4,
  TAIL = LONG | OVERLONG_2 | TWO
};

#define FOUR(x) x, x, x, x

static const uint8_t first_by_high_half[16] = {
    FOUR(LONG),
    FOUR(LONG),
    FOUR(TWO),
    SHORT | OVERLONG_2,
    SHORT,
    SHORT | OVERLONG_3 | SURROGATE,
    SHORT | TOO_LARGE | OVERLONG_4,
};

static const uint8_t first_by_low_half[16] = {
    ANY | OVERLONG_2 | OVERLONG_3 | OVERLONG_4,
    ANY | OVERLONG_2,
    ANY,
    ANY,
    ANY | TOO_LARGE,
    FOUR(LARGE),
    FOUR(LARGE),
    LARGE | SURROGATE,
    LARGE,
    LARGE,
};

static const uint8_t second_by_high_half[16] = {
    FOUR(SHORT),
    FOUR(SHORT),
    TAIL | OVERLONG_3 | OVERLONG_4,
    TAIL | OVERLONG_3 | TOO_LARGE,
    TAIL | SURROGATE | TOO_LARGE,
    TAIL | SURROGATE | TOO_LARGE,
    FOUR(SHORT),
};

#undef FOUR

#endif
