/* What the files of the TLS stream know of one another: tls_stream.c (its life), tls_input.c, tls_output.c. */
#ifndef WSUV_IO_TLS_STREAM_PARTS_H
#define WSUV_IO_TLS_STREAM_PARTS_H

#include <openssl/ssl.h>

#include "io/tls_io.h"
#include "io/tls_setup.h"
#include "io/tls_stream.h"

/* Full records are safe under one key 24.5 million times (RFC 8446 5.5). */
#define WSUV__TLS_RECORDS_PER_KEY (1u << 23)

/* The owner's write, as far as it is not encrypted yet. */
struct wsuv__tls_write {
  unsigned nbufs;
  unsigned at;   /* the buffer that goes on */
  size_t offset; /* in it */
  size_t left;   /* octets from there to the end of all */
  int has_begun; /* some of it is encrypted: what is flying is of this write, else of what was taken before */
  uv_buf_t bufs[];
};

struct wsuv__tls_stream {
  struct wsuv__stream base;
  struct wsuv__stream *lower;
  struct wsuv__loop *loop;
  SSL *ssl;
  struct wsuv__tls_setup *setup;
  struct wsuv__task
      task; /* what must not be done inside of a call: reading what is kept, going on with a write */
  struct wsuv__buf kept; /* ciphertext received and not decrypted, while the owner does not read */
  struct wsuv__buf flying;       /* ciphertext that the lower stream is writing */
  struct wsuv__buf waiting;      /* ciphertext behind it */
  struct wsuv__tls_write *write; /* of the owner's, under way; NULL: none */
  char *host;                    /* client: "host:port" for its session, or NULL */
  char *detail;
  int end;               /* of the lower stream, which waits for what is unread; 0: none */
  uint32_t records_left; /* to send until the keys are to be changed */
  uint8_t state;         /* enum wsuv__tls_state */
  uint8_t reading;       /* the owner wants to be told */
  uint8_t lower_reading; /* the lower stream was told to read */
  uint8_t lower_writing; /* it has a write under way */
  uint8_t ending;        /* the owner shut its side down, and the lower one was not told yet */
  uint8_t ended;         /* the owner was told of the end */
  uint8_t stuck; /* OpenSSL has the beginning of a message, and writes nothing before the rest */
  uint8_t was_connected;
  uint8_t has_failed;
  uint8_t heard;    /* something came from the peer */
  uint8_t got_http; /* which looks like an HTTP request */
};

/* The only writer of the state. */
void wsuv__tls_set_state(struct wsuv__tls_stream *tls, enum wsuv__tls_state state);

/* The TLS connection is over: keeps the line, sends what OpenSSL has left, an alert as a rule. The caller tells the owner. */
void wsuv__tls_fail(struct wsuv__tls_stream *tls, const struct wsuv__tls_fault *fault);

/* Whether the lower stream is to read, and has it so. 0 or its error. */
int wsuv__tls_set_lower_reading(struct wsuv__tls_stream *tls);

/* ---- tls_input.c ---- */

/* Ciphertext, or what was kept of it. The owner is told of all that comes of it. */
void wsuv__tls_take(struct wsuv__tls_stream *tls, struct wsuv__tls_input *in);

/* The end of the lower stream: UV_EOF or an error. */
void wsuv__tls_take_end(struct wsuv__tls_stream *tls, int err);

/* Something decrypted or kept waits for the owner to read on. */
int wsuv__tls_has_unread(const struct wsuv__tls_stream *tls);

/* ---- tls_output.c ---- */

/* Hands the operation's output to the lower stream, behind what waits there. 0 or an error. */
int wsuv__tls_pass_down(struct wsuv__tls_stream *tls);

int wsuv__tls_try_write(struct wsuv__stream *base, const uv_buf_t *bufs, unsigned nbufs);
int wsuv__tls_write(struct wsuv__stream *base, const uv_buf_t *bufs, unsigned nbufs);
int wsuv__tls_shutdown(struct wsuv__stream *base);
size_t wsuv__tls_unwritten(const struct wsuv__stream *base);
size_t wsuv__tls_held(const struct wsuv__stream *base);

/* The lower stream's write is done. */
void wsuv__tls_take_written(struct wsuv__tls_stream *tls, int status);

/* Goes on with the owner's write, and with its shutdown behind it. Not inside of the owner's calls. */
void wsuv__tls_advance_output(struct wsuv__tls_stream *tls);

/* The owner's write will not be finished. */
void wsuv__tls_cancel_write(struct wsuv__tls_stream *tls, int status);

/* close_notify as far as it goes at once. */
void wsuv__tls_say_goodbye(struct wsuv__tls_stream *tls);

#endif
