#include "line_reader.h"

#include <stdlib.h>
#include <string.h>

static void free_text(line_reader_t *reader) {
  if (reader->delivering)
    return;
  free(reader->text);
  reader->text = NULL;
  reader->text_len = reader->text_size = 0;
}

static int has_ended(const line_reader_t *reader) {
  return reader->input.state == BYTE_READER_ENDED;
}

static void deliver(line_reader_t *reader, const char *line, size_t len) {
  reader->delivering = 1;
  reader->on_line(reader, line, len);
  reader->delivering = 0;
}

static void end_lines(line_reader_t *reader, int status) {
  byte_reader_close(&reader->input);
  free_text(reader);
  reader->on_end(reader, status);
}

/* Keeps a piece of a line whose end is in a later read. */
static int keep(line_reader_t *reader, const char *piece, size_t len) {
  size_t needed = reader->text_len + len;
  if (needed > LINE_READER_MAX)
    return UV_E2BIG;
  if (needed > reader->text_size) {
    size_t size = 2 * needed;
    char *text = (char *)realloc(reader->text, size);
    if (text == NULL)
      return UV_ENOMEM;
    reader->text = text;
    reader->text_size = size;
  }
  if (len > 0)
    memcpy(reader->text + reader->text_len, piece, len);
  reader->text_len = needed;
  return 0;
}

/* The end of a line came, with its last `len` octets. */
static int finish_line(line_reader_t *reader, const char *piece, size_t len) {
  if (reader->text_len == 0) {
    deliver(reader, piece, len);
    return 0;
  }
  int err = keep(reader, piece, len);
  if (err == 0)
    deliver(reader, reader->text, reader->text_len);
  reader->text_len = 0;
  return err;
}

static void on_bytes(byte_reader_t *input, const char *bytes, size_t len) {
  line_reader_t *reader = (line_reader_t *)input->data;
  const char *end = bytes + len;
  int err = 0;
  while (err == 0 && !has_ended(reader)) {
    const char *newline = (const char *)memchr(bytes, '\n', (size_t)(end - bytes));
    if (newline == NULL) {
      err = keep(reader, bytes, (size_t)(end - bytes));
      break;
    }
    err = finish_line(reader, bytes, (size_t)(newline - bytes));
    bytes = newline + 1;
  }
  if (has_ended(reader))
    free_text(reader);
  else if (err != 0)
    end_lines(reader, err);
}

static void on_bytes_end(byte_reader_t *input, int status) {
  line_reader_t *reader = (line_reader_t *)input->data;
  if (status == 0 && reader->text_len > 0)
    deliver(reader, reader->text, reader->text_len); /* the last line lacks its end */
  free_text(reader);
  if (reader->on_end != NULL)
    reader->on_end(reader, status);
}

int line_reader_init(line_reader_t *reader, uv_loop_t *loop, int fd,
                     void (*on_line)(line_reader_t *reader, const char *line, size_t len),
                     void (*on_end)(line_reader_t *reader, int status)) {
  reader->on_line = on_line;
  reader->on_end = on_end;
  reader->delivering = 0;
  reader->text = NULL;
  reader->text_len = reader->text_size = 0;
  int err = byte_reader_init(&reader->input, loop, fd, on_bytes, on_bytes_end);
  reader->input.data = reader;
  return err;
}

void line_reader_resume(line_reader_t *reader) {
  byte_reader_resume(&reader->input);
}

void line_reader_pause(line_reader_t *reader) {
  byte_reader_pause(&reader->input);
}

void line_reader_close(line_reader_t *reader) {
  byte_reader_close(&reader->input);
  reader->on_end = NULL; /* where it was closed inside the last on_line */
  free_text(reader);
}
