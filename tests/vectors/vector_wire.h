/* What is between a vector and what it drives, where that is more than a call: vector_tls.h has one. */
#ifndef WSUV_TESTS_VECTOR_WIRE_H
#define WSUV_TESTS_VECTOR_WIRE_H

#include "vectors/vector_text.h"
#include "wsuv/protocol.h"

struct vector_wire {
  /* The peer writes a piece, which need not have arrived when this returns. */
  void (*put)(struct vector_wire *wire, const void *piece, size_t len);

  /* Until all that was put has arrived, or the owner wants no more of it. */
  void (*arrive)(struct vector_wire *wire);

  /* The peer ends its side; returns when our side has seen it. */
  void (*end_input)(struct vector_wire *wire);

  /* Our side writes: how many octets were taken, not 0. */
  size_t (*send)(struct vector_wire *wire, const wsuv_span_t *spans, size_t nspans);

  /* Adds what has come out at the peer; returns when that is all that was sent. */
  void (*collect)(struct vector_wire *wire, struct vector_bytes *out);

  /* The owner of our side: whether it reads, and what it is told. */
  int (*wants)(void *owner);
  void (*take)(void *owner, const uint8_t *bytes, size_t len);
  void *owner;
};

#endif
