#include "line_reader.h"

#include <stdlib.h>
#include <string.h>

enum { READ_SIZE = 16 * 1024 };

static void read_file(line_reader_t *reader);

static void stop_input(line_reader_t *reader) {
  reader->state = LINE_READER_ENDED;
  if (!reader->is_file && !uv_is_closing(&reader->input.handle))
    uv_close(&reader->input.handle, NULL);
  if (!reader->fs_busy) {
    free(reader->text);
    reader->text = NULL;
    reader->text_len = reader->text_size = 0;
  }
}

static void end_input(line_reader_t *reader, int status) {
  if (status == 0 && reader->text_len > 0)
    reader->on_line(reader, reader->text, reader->text_len); /* the last line lacks its end */
  if (reader->state == LINE_READER_ENDED)
    return;
  stop_input(reader);
  reader->on_end(reader, status);
}

/* Room for READ_SIZE more octets. */
static int reserve(line_reader_t *reader) {
  if (reader->text_size - reader->text_len >= READ_SIZE)
    return 0;
  size_t size = 2 * reader->text_size + READ_SIZE;
  char *text = (char *)realloc(reader->text, size);
  if (text == NULL)
    return UV_ENOMEM;
  reader->text = text;
  reader->text_size = size;
  return 0;
}

/* `n` octets were added to the text, or `n` is an error. */
static void take_input(line_reader_t *reader, ssize_t n) {
  if (n <= 0) {
    end_input(reader, n == UV_EOF ? 0 : (int)n);
    return;
  }
  char *line = reader->text;
  char *fresh = reader->text + reader->text_len;
  char *end = fresh + n;
  for (;;) {
    char *newline = (char *)memchr(fresh, '\n', (size_t)(end - fresh));
    if (newline == NULL)
      break;
    reader->on_line(reader, line, (size_t)(newline - line));
    if (reader->state == LINE_READER_ENDED)
      return;
    line = fresh = newline + 1;
  }
  reader->text_len = (size_t)(end - line);
  memmove(reader->text, line, reader->text_len);
  if (reader->text_len > LINE_READER_MAX)
    end_input(reader, UV_E2BIG);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  line_reader_t *reader = (line_reader_t *)handle->data;
  (void)suggested;
  *buf = reserve(reader) == 0 ? uv_buf_init(reader->text + reader->text_len, READ_SIZE)
                              : uv_buf_init(NULL, 0); /* on_read gets UV_ENOBUFS */
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void)buf;
  if (n != 0)
    take_input((line_reader_t *)stream->data, n);
}

static void on_file_read(uv_fs_t *req) {
  line_reader_t *reader = (line_reader_t *)req->data;
  ssize_t n = req->result;
  uv_fs_req_cleanup(req);
  reader->fs_busy = 0;
  if (reader->state == LINE_READER_ENDED) {
    stop_input(reader); /* it waited for this request */
    return;
  }
  take_input(reader, n != 0 ? n : UV_EOF);
  if (reader->state == LINE_READER_READING)
    read_file(reader);
}

static void read_file(line_reader_t *reader) {
  if (reader->fs_busy)
    return;
  int err = reserve(reader);
  if (err == 0) {
    uv_buf_t buf = uv_buf_init(reader->text + reader->text_len, READ_SIZE);
    reader->fs_req.data = reader;
    err = uv_fs_read(reader->loop, &reader->fs_req, reader->fd, &buf, 1, -1, on_file_read);
    reader->fs_busy = err == 0;
  }
  if (err != 0)
    end_input(reader, err);
}

int line_reader_init(line_reader_t *reader, uv_loop_t *loop, int fd,
                     void (*on_line)(line_reader_t *reader, const char *line, size_t len),
                     void (*on_end)(line_reader_t *reader, int status)) {
  memset(reader, 0, sizeof *reader);
  reader->on_line = on_line;
  reader->on_end = on_end;
  reader->loop = loop;
  reader->fd = fd;
  reader->state = LINE_READER_PAUSED;
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

void line_reader_resume(line_reader_t *reader) {
  if (reader->state != LINE_READER_PAUSED)
    return;
  reader->state = LINE_READER_READING;
  if (reader->is_file) {
    read_file(reader);
    return;
  }
  int err = uv_read_start(&reader->input.stream, on_alloc, on_read);
  if (err != 0)
    end_input(reader, err);
}

void line_reader_pause(line_reader_t *reader) {
  if (reader->state != LINE_READER_READING)
    return;
  reader->state = LINE_READER_PAUSED;
  if (!reader->is_file)
    uv_read_stop(&reader->input.stream);
}

void line_reader_close(line_reader_t *reader) {
  if (reader->state != LINE_READER_ENDED)
    stop_input(reader);
}
