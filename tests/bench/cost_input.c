#include "cost_input.h"

#include <stdlib.h>
#include <string.h>

#include "cost_zlib.h"
#include "process.h"
#include "ws_client.h"

#define FULL_WINDOW      32768U
#define FIRST_COMPRESSED 0xc1 /* text with RSV1 */

void cost_texts_read(cost_texts_t *texts, const char *path, size_t nconns) {
  size_t longest = 0;
  messages_read(&texts->messages, path);
  texts->nconns = nconns;
  for (size_t i = 0; i < texts->messages.n; i++) {
    size_t len = texts->messages.list[i].len;
    longest = len > longest ? len : longest;
    texts->total += len;
  }
  texts->room = 2 * longest + 1024;
  if (texts->total / nconns < 2 * (size_t)FULL_WINDOW) {
    fail("too few messages: with context takeover they would be found in the window, round for "
         "round; 64 KiB are needed for each connection");
  }
}

size_t cost_row_size(const cost_texts_t *texts) {
  return texts->total + texts->messages.n * 64 + texts->room;
}

static void begin_row(cost_row_t *row, const cost_texts_t *texts) {
  row->octets = allocate(cost_row_size(texts));
  row->ends = allocate(texts->messages.n * sizeof *row->ends);
}

static void add_payload(cost_row_t *row, size_t i, const uint8_t *octets, size_t len) {
  memcpy(row->octets + row->len, octets, len);
  row->len += len;
  row->ends[i] = row->len;
}

static void add_frame(cost_row_t *row, size_t i, unsigned char first, const uint8_t *payload,
                      size_t len) {
  row->len += ws_put_frame(row->octets + row->len, first, payload, len, 1);
  row->ends[i] = row->len;
}

static void make_plain(cost_input_t *input, const cost_texts_t *texts) {
  for (size_t i = 0; i < texts->messages.n; i++) {
    const message_t *text = &texts->messages.list[i];
    add_frame(&input->frames, i, WS_FIRST_TEXT, text->payload, text->len);
  }
}

static void make_compressed(cost_input_t *input, const cost_texts_t *texts,
                            const cost_mode_t *mode) {
  stream_t *contexts = allocate(texts->nconns * sizeof *contexts);
  uint8_t *packed = allocate(texts->room);
  begin_row(&input->compressed, texts);
  for (size_t i = 0; i < texts->nconns; i++) {
    must(Z(deflateInit2)(&contexts[i], 6, Z_DEFLATED, -mode->inflate_bits, 8, Z_DEFAULT_STRATEGY) ==
             Z_OK,
         "deflateInit2");
  }
  for (size_t i = 0; i < texts->messages.n; i++) {
    stream_t *z = &contexts[i % texts->nconns];
    size_t len = cost_zlib_pack(z, &texts->messages.list[i], packed, texts->room);
    add_payload(&input->compressed, i, packed, len);
    add_frame(&input->frames, i, FIRST_COMPRESSED, packed, len - COST_TAIL);
    if (!mode->takeover) {
      (void)Z(deflateReset)(z);
    }
  }
  for (size_t i = 0; i < texts->nconns; i++) {
    (void)Z(deflateEnd)(&contexts[i]);
  }
  free(packed);
  free(contexts);
}

void cost_input_make(cost_input_t *input, const cost_texts_t *texts, const cost_mode_t *mode) {
  begin_row(&input->frames, texts);
  if (mode->deflate_bits > 0) {
    make_compressed(input, texts, mode);
  } else {
    make_plain(input, texts);
  }
}
