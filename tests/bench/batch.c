#include "batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client_deflate.h"
#include "process.h"
#include "ws_client.h"

#define FIRST_COMPRESSED 0xc1 /* text with RSV1 */

void batch_messages(messages_t *messages, const load_options_t *options, size_t n) {
  if (options->file != NULL) {
    messages_read(messages, options->file);
  } else {
    messages_make(messages, options->kind, n, (size_t)options->payload);
  }
}

static size_t room_of(const messages_t *messages, size_t n) {
  size_t room = 0;
  for (size_t i = 0; i < n; i++) {
    room += client_deflate_room(messages->list[i % messages->n].len) + WS_HEADER_MAX;
  }
  return room;
}

static void add_compressed(batch_t *batch, const message_t *message) {
  size_t room = client_deflate_room(message->len);
  unsigned char *packed = allocate(room);
  size_t len = client_deflate_compress(message->payload, message->len, packed, room);
  batch->sent_len += ws_put_frame(batch->sent + batch->sent_len, FIRST_COMPRESSED, packed, len, 1);
  free(packed);
}

static void add_plain(batch_t *batch, const message_t *message) {
  unsigned char first = batch->messages->is_text ? WS_FIRST_TEXT : WS_FIRST_BINARY;
  batch->sent_len +=
      ws_put_frame(batch->sent + batch->sent_len, first, message->payload, message->len, 1);
  batch->echo_len +=
      ws_put_frame(batch->echo + batch->echo_len, first, message->payload, message->len, 0);
}

void batch_build(batch_t *batch, const load_options_t *options, const messages_t *messages,
                 size_t n) {
  size_t room = room_of(messages, n);
  batch->n = n;
  batch->messages = messages;
  batch->sent = allocate(room);
  batch->echo = allocate(room);
  batch->sent_ends = allocate(n * sizeof *batch->sent_ends);
  batch->echo_ends = allocate(n * sizeof *batch->echo_ends);
  batch->read_buffer = allocate(BATCH_READ_SIZE);
  for (size_t i = 0; i < n; i++) {
    const message_t *message = &messages->list[i % messages->n];
    if (options->deflate) {
      add_compressed(batch, message);
    } else {
      add_plain(batch, message);
    }
    batch->sent_ends[i] = batch->sent_len;
    batch->echo_ends[i] = batch->echo_len;
  }
  if (options->raw) {
    free(batch->echo);
    free(batch->echo_ends);
    batch->echo = batch->sent;
    batch->echo_len = batch->sent_len;
    batch->echo_ends = batch->sent_ends;
  }
}

static int is_echo(unsigned char *echo, size_t head_len, size_t len, const message_t *message,
                   int is_text) {
  if (echo[0] == FIRST_COMPRESSED) {
    return client_deflate_is(echo + head_len, len - head_len, message->payload, message->len);
  }
  return echo[0] == (is_text ? WS_FIRST_TEXT : WS_FIRST_BINARY) && len - head_len == message->len &&
         memcmp(echo + head_len, message->payload, message->len) == 0;
}

size_t batch_exchange(const batch_t *batch, const client_t *client, size_t index) {
  const message_t *message = &batch->messages->list[index % batch->messages->n];
  size_t begin = index == 0 ? 0 : batch->sent_ends[index - 1];
  size_t head_len = 0;
  size_t len = 0;
  client_write_all(client, batch->sent + begin, batch->sent_ends[index] - begin);
  while (len == 0 || ws_whole_frame(batch->read_buffer, len, &head_len) == 0) {
    ssize_t n =
        client_read(client, batch->read_buffer + len, BATCH_READ_SIZE - CLIENT_DEFLATE_TAIL - len);
    if (n <= 0) {
      errno = n == 0 ? 0 : errno;
      die("no echo");
    }
    len += (size_t)n;
  }
  if (ws_whole_frame(batch->read_buffer, len, &head_len) != len) {
    fail("more than an echo");
  }
  if (!is_echo(batch->read_buffer, head_len, len, message, batch->messages->is_text)) {
    fail("an echo differs from what was sent");
  }
  return len;
}

void batch_learn(batch_t *batch, const load_options_t *options) {
  client_t client;
  client_open(&client, options, 0);
  client_deflate_begin();
  batch->echo_len = 0;
  for (size_t i = 0; i < batch->n; i++) {
    size_t len = batch_exchange(batch, &client, i);
    memcpy(batch->echo + batch->echo_len, batch->read_buffer, len);
    batch->echo_len += len;
    batch->echo_ends[i] = batch->echo_len;
  }
  client_close(&client);
}

size_t batch_octets(const size_t *ends, size_t n, size_t count) {
  return count / n * ends[n - 1] + (count % n > 0 ? ends[count % n - 1] : 0);
}
