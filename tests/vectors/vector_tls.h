/* A wire for vectors: two TLS streams of one loop, on a loopback connection or a pair of unix sockets. Every octet is counted
 * and compared where it comes out, so that nothing waits for time to pass. */
#ifndef WSUV_TESTS_VECTOR_TLS_H
#define WSUV_TESTS_VECTOR_TLS_H

#include "io/tls_stream.h"
#include "io/uv_stream.h"
#include "support/failing_alloc.h"
#include "vectors/vector_wire.h"

enum vector_tls_path { OVER_TCP, OVER_PIPE };

/* What a record is, and when it arrives. */
struct vector_tls_mode {
  int is_apart; /* a piece has arrived before the next is written */
  int rekeys;   /* with each piece the peer changes its keys, and asks for new ones of ours */
  int is_early; /* what the vector puts in first is written as soon as the peer has shaken hands, perhaps before ours has */
  int ends;     /* the connection is not used for the next vector */
};

/* One side of the connection. */
struct vector_tls_end {
  struct vector_tls *wire;
  struct vector_tls_end *other;
  struct wsuv__uv_stream lower;
  struct wsuv__tls_stream *tls;
  struct vector_bytes flying;   /* what a write of its TLS stream has to find in its place */
  struct vector_bytes backlog;  /* the peer's, behind that */
  struct vector_bytes expected; /* written by the other end, and not yet come out here */
  struct vector_bytes arrived;  /* the peer's, not yet collected */
  size_t nwrites;
  int is_connected;
  int is_reading;
  int is_writing;
  int is_shut_down; /* close_notify and FIN have left */
  int has_ended;    /* it was told UV_EOF */
  int is_closed;
};

struct vector_tls {
  struct vector_wire base;
  enum vector_tls_path path;
  wsuv_role_t role; /* of our end */
  struct vector_tls_mode mode;
  uv_loop_t uv;
  uv_timer_t watchdog;
  uv_tcp_t listener;
  struct failing_alloc fa;
  struct wsuv__loop loop;
  wsuv_tls_context_t *contexts[WSUV_CLIENT + 1]; /* by role */
  struct vector_tls_end ours;
  struct vector_tls_end peer;
  int is_open; /* there is a connection */
  int is_loop_closed;
  int idle;            /* turns in a row with nothing left to wait for */
  size_t nconnections; /* all there have been */
};

/* Our end has that role. With TLS 1.3, or with 1.2 alone. */
struct vector_tls *vector_tls_open(enum vector_tls_path path, wsuv_role_t role, int is_1_2);

/* The wire for one vector, lying idle. */
struct vector_wire *vector_tls_begin(struct vector_tls *wire, struct vector_tls_mode mode);

/* Behind a vector that ran to its end: what nobody read is read, and a connection that is not whole any more is ended. */
void vector_tls_rest(struct vector_tls *wire);

/* Checks that nothing is left. */
void vector_tls_close(struct vector_tls *wire);

/* ---- for the parts of it ---- */

/* Fills in the functions and the events that carry octets. */
void vector_tls_init_wire(struct vector_tls *wire);
extern const struct wsuv__stream_events vector_tls_events;

void vector_tls_turn(struct vector_tls *wire);

#define VECTOR_TLS_UNTIL(wire, condition) \
  do {                                    \
    (wire)->idle = 0;                     \
    while (!(condition))                  \
      vector_tls_turn(wire);              \
  } while (0)

/* Whether the end reads; the stream is told if that is new. */
void vector_tls_read(struct vector_tls_end *end, int wanted);

/* Its write side ends, if it has not. */
void vector_tls_shut_down(struct vector_tls_end *end);

#endif
