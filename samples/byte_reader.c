#include "byte_reader.h"

#include <string.h>

#if !defined(_WIN32)
#include <fcntl.h>
#endif

static void read_file(byte_reader_t *reader);

/* libuv makes pipes and sockets non-blocking, for every program that has them open. */
static void save_flags(byte_reader_t *reader) {
  reader->fd_flags = -1;
#if !defined(_WIN32)
  reader->fd_flags = fcntl(reader->fd, F_GETFL);
#endif
}

static void restore_flags(const byte_reader_t *reader) {
#if !defined(_WIN32)
  if (reader->fd_flags != -1)
    (void)fcntl(reader->fd, F_SETFL, reader->fd_flags);
#else
  (void)reader;
#endif
}

void byte_reader_close(byte_reader_t *reader) {
  if (reader->state == BYTE_READER_ENDED)
    return;
  reader->state = BYTE_READER_ENDED;
  restore_flags(reader);
  if (!reader->is_file)
    uv_close(&reader->input.handle, NULL);
}

static void end_input(byte_reader_t *reader, int status) {
  byte_reader_close(reader);
  reader->on_end(reader, status);
}

/* `n` octets were read, or `n` is an error. */
static void take_input(byte_reader_t *reader, ssize_t n) {
  if (n > 0)
    reader->on_bytes(reader, reader->bytes, (size_t)n);
  else
    end_input(reader, n == UV_EOF ? 0 : (int)n);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  byte_reader_t *reader = (byte_reader_t *)handle->data;
  (void)suggested;
  *buf = uv_buf_init(reader->bytes, BYTE_READER_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void)buf;
  if (n != 0)
    take_input((byte_reader_t *)stream->data, n);
}

static void on_file_read(uv_fs_t *req) {
  byte_reader_t *reader = (byte_reader_t *)req->data;
  ssize_t n = req->result;
  uv_fs_req_cleanup(req);
  reader->fs_busy = 0;
  if (reader->state == BYTE_READER_ENDED)
    return;
  take_input(reader, n != 0 ? n : UV_EOF);
  if (reader->state == BYTE_READER_READING)
    read_file(reader);
}

static void read_file(byte_reader_t *reader) {
  if (reader->fs_busy)
    return;
  uv_buf_t buf = uv_buf_init(reader->bytes, BYTE_READER_SIZE);
  reader->fs_req.data = reader;
  int err = uv_fs_read(reader->loop, &reader->fs_req, reader->fd, &buf, 1, -1, on_file_read);
  reader->fs_busy = err == 0;
  if (err != 0)
    end_input(reader, err);
}

int byte_reader_init(byte_reader_t *reader, uv_loop_t *loop, int fd,
                     void (*on_bytes)(byte_reader_t *reader, const char *bytes, size_t len),
                     void (*on_end)(byte_reader_t *reader, int status)) {
  memset(reader, 0, offsetof(byte_reader_t, bytes));
  reader->on_bytes = on_bytes;
  reader->on_end = on_end;
  reader->loop = loop;
  reader->fd = fd;
  reader->state = BYTE_READER_PAUSED;
  save_flags(reader);
  int err = 0;
  switch (uv_guess_handle(fd)) {
  case UV_TTY:
    err = uv_tty_init(loop, &reader->input.tty, fd, 1);
    reader->is_file = err != 0; /* no handle to close then */
    break;
  case UV_NAMED_PIPE:
    uv_pipe_init(loop, &reader->input.pipe, 0);
    err = uv_pipe_open(&reader->input.pipe, fd);
    break;
  case UV_TCP:
    uv_tcp_init(loop, &reader->input.tcp);
    err = uv_tcp_open(&reader->input.tcp, fd);
    break;
  default:
    reader->is_file = 1;
  }
  reader->input.handle.data = reader;
  return err;
}

void byte_reader_resume(byte_reader_t *reader) {
  if (reader->state != BYTE_READER_PAUSED)
    return;
  reader->state = BYTE_READER_READING;
  if (reader->is_file) {
    read_file(reader);
    return;
  }
  int err = uv_read_start(&reader->input.stream, on_alloc, on_read);
  if (err != 0)
    end_input(reader, err);
}

void byte_reader_pause(byte_reader_t *reader) {
  if (reader->state != BYTE_READER_READING)
    return;
  reader->state = BYTE_READER_PAUSED;
  if (!reader->is_file)
    uv_read_stop(&reader->input.stream);
}
