#include "io/tls_io.h"

#include <openssl/err.h>
#include <string.h>

#include "wsuv/errno.h"

/* The ciphertext of four full records, with room to spare; a handshake's flight may take more. */
#define OUT_SIZE (72u * 1024)

static int write_out(BIO *bio, const char *data, size_t len, size_t *written) {
  struct wsuv__tls_io *io = BIO_get_data(bio);

  BIO_clear_retry_flags(bio);
  *written = 0;
  if (wsuv__buf_append(&io->out, io->allocator, data, len) != 0)
    return -1;
  *written = len;
  return 1;
}

static int read_in(BIO *bio, char *data, size_t size, size_t *nread) {
  struct wsuv__tls_io *io = BIO_get_data(bio);
  struct wsuv__tls_input *in = io->in;

  BIO_clear_retry_flags(bio);
  if (in == NULL || in->len == 0) {
    BIO_set_retry_read(bio);
    *nread = 0;
    return -1;
  }
  *nread = in->len < size ? in->len : size;
  memcpy(data, in->base, *nread);
  in->base += *nread;
  in->len -= *nread;
  return 1;
}

static long control(BIO *bio, int command, long number, void *pointer) {
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

static int make_bio(struct wsuv__tls_io *io) {
  io->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wsuv");
  if (io->method == NULL || BIO_meth_set_write_ex(io->method, write_out) != 1 ||
      BIO_meth_set_read_ex(io->method, read_in) != 1 || BIO_meth_set_ctrl(io->method, control) != 1)
    return WSUV_ENOMEM;
  io->bio = BIO_new(io->method);
  if (io->bio == NULL)
    return WSUV_ENOMEM;
  BIO_set_data(io->bio, io);
  BIO_set_init(io->bio, 1);
  return 0;
}

static int make_memory(struct wsuv__tls_io *io) {
  int err = wsuv__buf_reserve(&io->out, io->allocator, OUT_SIZE);

  if (err == 0)
    err = wsuv__read_buffer_init(&io->plain, io->allocator);
  if (err != 0)
    return err;
  io->record = wsuv__alloc(io->allocator, WSUV__TLS_RECORD_SIZE);
  return io->record != NULL ? 0 : WSUV_ENOMEM;
}

static void release(struct wsuv__tls_io *io) {
  BIO_free(io->bio);
  BIO_meth_free(io->method);
  wsuv__buf_free(&io->out, io->allocator);
  wsuv__read_buffer_free(&io->plain);
  wsuv__release(io->allocator, io->record);
  wsuv__release(io->allocator, io);
}

int wsuv__tls_io_prepare(struct wsuv__loop *loop) {
  struct wsuv__tls_io *io;
  int err;

  if (loop->tls != NULL)
    return 0;
  io = wsuv__alloc_zeroed(loop->allocator, sizeof *io);
  if (io == NULL)
    return WSUV_ENOMEM;
  io->allocator = loop->allocator;
  io->plain.allocator = loop->allocator;
  err = make_bio(io);
  if (err == 0)
    err = make_memory(io);
  if (err == 0)
    loop->tls = io;
  else
    release(io);
  ERR_clear_error();
  return err;
}

void wsuv__tls_io_free(struct wsuv__loop *loop) {
  if (loop->tls != NULL)
    release(loop->tls);
  loop->tls = NULL;
}

void wsuv__tls_io_begin(struct wsuv__tls_io *io, struct wsuv__tls_stream *stream,
                        struct wsuv__tls_input *in) {
  if (ERR_peek_error() != 0) /* clearing an empty queue takes 600 instructions of OpenSSL 3.0 */
    ERR_clear_error();
  io->out.len = 0;
  io->in = in;
  io->stream = stream;
}
