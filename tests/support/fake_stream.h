/* A transport without a socket under a real connection: the test says how many octets it takes, when a write ends and when
 * it breaks, so that what sockets do rarely is done at every place. */
#ifndef WSUV_TESTS_FAKE_STREAM_H
#define WSUV_TESTS_FAKE_STREAM_H

#include "api/conn.h"
#include "integration/loopback.h"

struct fake_stream {
  struct wsuv__conn_config config;
  wsuv_conn_t *conn;
  uint8_t *out; /* what was taken */
  size_t out_len;
  size_t nwrites;  /* try_write calls */
  size_t room;     /* octets that try_write still takes */
  int error;       /* what try_write, write and shutdown say instead, if it is not 0 */
  int wants_write; /* a write is under way: finish it */
  uv_buf_t bufs[WSUV__OUTBOX_MAX_SPANS];
  unsigned nbufs;
  int reading;
  int shut;
  int closing; /* close was called: settle it */
};

/* An open connection whose endpoint has that role. `t` is its user. */
void fake_open(struct fake_stream *fake, struct talker *t, wsuv_role_t role,
               const wsuv_conn_options_t *options);

/* What comes from the peer: octets, or an error such as UV_EOF. Only while the connection reads. */
void fake_receive(struct fake_stream *fake, const void *bytes, size_t len);
void fake_receive_error(struct fake_stream *fake, int error);

/* Ends the write under way: all of it was taken, or with an error nothing. */
void fake_finish_write(struct fake_stream *fake, int status);

/* Ends the loop, calls back what close owes, and frees the fake's own memory. */
void fake_end(struct fake_stream *fake, struct loopback *lb);

#endif
