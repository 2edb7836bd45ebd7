/* What the TLS streams of one loop share: the BIO under every SSL, and the memory that an operation reads from and writes to.
 * An operation of OpenSSL's never waits: it takes the ciphertext it is lent and leaves what it makes in `out`. */
#ifndef WSUV_IO_TLS_IO_H
#define WSUV_IO_TLS_IO_H

#include <openssl/bio.h>

#include "base/buf.h"
#include "io/loop.h"

#define WSUV__TLS_RECORD_SIZE 16384u /* plaintext of a full record (RFC 8446 5.1) */

struct wsuv__tls_stream;

/* Ciphertext that was received; what OpenSSL takes goes off its beginning. */
struct wsuv__tls_input {
  const uint8_t *base;
  size_t len;
};

struct wsuv__tls_io {
  const wsuv_allocator_t *allocator;
  BIO_METHOD *method;
  BIO *bio;
  struct wsuv__read_buffer plain;  /* what was decrypted, while the owner is told of it */
  uint8_t *record;                 /* plaintext of several pieces that make one record */
  struct wsuv__buf out;            /* ciphertext of the operation */
  struct wsuv__tls_input *in;      /* of the operation; NULL: none */
  struct wsuv__tls_stream *stream; /* whose operation it is */
};

/* Makes loop->tls, if there is none yet. WSUV_ENOMEM. */
int wsuv__tls_io_prepare(struct wsuv__loop *loop);

/* At the loop's end, when no stream is left. */
void wsuv__tls_io_free(struct wsuv__loop *loop);

/* The beginning of an operation: empties `out` and OpenSSL's error queue. `in` may be NULL. */
void wsuv__tls_io_begin(struct wsuv__tls_io *io, struct wsuv__tls_stream *stream,
                        struct wsuv__tls_input *in);

#endif
