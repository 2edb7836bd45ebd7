#include "cat/input.h"

#include <wsuv.h>

static void on_line(line_reader_t *lines, const char *line, size_t len) {
  input_t *input = (input_t *)lines->data;
  input->on_piece(input, line, len, WSUV_FIRST | WSUV_FINAL);
}

static void end_input(input_t *input, int status) {
  input_close(input);
  input->on_end(input, status);
}

static void on_lines_end(line_reader_t *lines, int status) {
  end_input((input_t *)lines->data, status);
}

static void deliver_block(input_t *input) {
  input->on_piece(input, input->block.data, input->block.len, WSUV_FIRST | WSUV_FINAL);
  octets_clear(&input->block);
}

static void take_blocks(input_t *input, const char *bytes, size_t len) {
  while (len > 0 && !input->ended) {
    size_t missing = input->block_size - input->block.len;
    size_t n = len < missing ? len : missing;
    octets_append(&input->block, bytes, n);
    if (input->block.failed) {
      end_input(input, UV_ENOMEM);
      return;
    }
    if (input->block.len == input->block_size)
      deliver_block(input);
    bytes += n;
    len -= n;
  }
}

static void on_bytes(byte_reader_t *reader, const char *bytes, size_t len) {
  input_t *input = (input_t *)reader->data;
  if (input->form == INPUT_BLOCKS)
    take_blocks(input, bytes, len);
  else if (input->form == INPUT_READS)
    input->on_piece(input, bytes, len, WSUV_FIRST | WSUV_FINAL);
  else {
    int flags = input->begun ? 0 : WSUV_FIRST;
    input->begun = 1;
    input->on_piece(input, bytes, len, flags);
  }
}

static void on_bytes_end(byte_reader_t *reader, int status) {
  input_t *input = (input_t *)reader->data;
  if (status == 0 && input->block.len > 0)
    deliver_block(input);
  if (status == 0 && input->form == INPUT_WHOLE)
    input->on_piece(input, "", 0, input->begun ? WSUV_FINAL : WSUV_FIRST | WSUV_FINAL);
  if (!input->ended) /* it may have been closed by then */
    end_input(input, status);
}

int input_init(input_t *input, uv_loop_t *loop, int fd, input_form_t form, size_t block_size) {
  input->form = form;
  input->block_size = block_size;
  input->ended = input->begun = 0;
  int err;
  if (form == INPUT_LINES) {
    err = line_reader_init(&input->reader.lines, loop, fd, on_line, on_lines_end);
    input->reader.lines.data = input;
  } else {
    err = byte_reader_init(&input->reader.bytes, loop, fd, on_bytes, on_bytes_end);
    input->reader.bytes.data = input;
  }
  return err;
}

void input_resume(input_t *input) {
  if (input->ended)
    return;
  if (input->form == INPUT_LINES)
    line_reader_resume(&input->reader.lines);
  else
    byte_reader_resume(&input->reader.bytes);
}

void input_pause(input_t *input) {
  if (input->form == INPUT_LINES)
    line_reader_pause(&input->reader.lines);
  else
    byte_reader_pause(&input->reader.bytes);
}

void input_close(input_t *input) {
  input->ended = 1;
  if (input->form == INPUT_LINES)
    line_reader_close(&input->reader.lines);
  else
    byte_reader_close(&input->reader.bytes);
}

void input_free(input_t *input) {
  octets_free(&input->block);
}
