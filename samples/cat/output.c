#include "cat/output.h"

#include <string.h>

static void write_more(output_t *output);

size_t output_waiting(const output_t *output) {
  return output->text.len + output->writing.len - output->written;
}

static void fail_output(output_t *output, int err) {
  octets_clear(&output->text);
  octets_clear(&output->writing);
  output->written = 0;
  if (output->error != 0)
    return;
  output->error = err;
  output->on_error(output, err);
}

static void on_retry(uv_timer_t *timer) {
  output_t *output = (output_t *)timer->data;
  output->busy = 0;
  write_more(output);
}

static void on_written(uv_fs_t *req) {
  enum { RETRY_MS = 10 };
  output_t *output = (output_t *)req->data;
  ssize_t n = req->result;
  uv_fs_req_cleanup(req);
  output->busy = 0;
  if (output->error != 0)
    return;
  if (n == UV_EAGAIN) { /* somebody made it non-blocking */
    output->busy = 1;
    uv_timer_start(&output->retry, on_retry, RETRY_MS, 0);
    return;
  }
  if (n < 0) {
    fail_output(output, (int)n);
    return;
  }
  output->written += (size_t)n;
  write_more(output);
}

static void take_next(output_t *output) {
  octets_t done = output->writing;
  output->writing = output->text;
  output->text = done;
  octets_clear(&output->text);
  output->written = 0;
}

/* By the thread pool, which may wait where the loop must not. */
static void write_more(output_t *output) {
  if (output->busy)
    return;
  if (output->written == output->writing.len)
    take_next(output);
  size_t rest = output->writing.len - output->written;
  if (rest == 0) {
    if (output->filled) {
      output->filled = 0;
      output->on_drain(output);
    }
    return;
  }
  enum { WRITE_SIZE = 256 * 1024 };
  uv_buf_t buf = uv_buf_init(output->writing.data + output->written,
                             rest < WRITE_SIZE ? (unsigned)rest : WRITE_SIZE);
  output->req.data = output;
  int err = uv_fs_write(output->loop, &output->req, output->fd, &buf, 1, -1, on_written);
  output->busy = err == 0;
  if (err != 0)
    fail_output(output, err);
}

void output_init(output_t *output, uv_loop_t *loop, int fd) {
  memset(output, 0, sizeof *output);
  output->loop = loop;
  output->fd = fd;
  uv_timer_init(loop, &output->retry);
  output->retry.data = output;
}

void output_flush(output_t *output) {
  if (output->error != 0) {
    octets_clear(&output->text);
    return;
  }
  if (output->text.failed) {
    fail_output(output, UV_ENOMEM);
    return;
  }
  if (output_waiting(output) > OUTPUT_HIGH_WATER)
    output->filled = 1;
  write_more(output);
}

void output_close(output_t *output) {
  octets_free(&output->text);
  octets_free(&output->writing);
  uv_close((uv_handle_t *)&output->retry, NULL);
}
