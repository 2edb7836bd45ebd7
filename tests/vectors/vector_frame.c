/* Frames in vectors: "text fin=0 rsv=4 key=01020304 masked unmasked len16 len64 opcode=3 code=1000 OCTETS". */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/frame_parser.h"
#include "support/check.h"
#include "vectors/vector_run.h"

enum form { FORM_SHORTEST, FORM_16, FORM_64 };

struct peer_frame {
  uint8_t opcode;
  uint8_t rsv;
  uint8_t fin;
  uint8_t masked;
  enum form form;
  uint8_t key[4];
};

static int starts_with(const char *line, const char *word) {
  return strncmp(line, word, strlen(word)) == 0;
}

static unsigned take_assigned(const char **line) {
  char word[VECTOR_WORD_MAX];
  vector_next_word(line, word);
  return (unsigned)strtoul(strchr(word, '=') + 1, NULL, 10);
}

static void take_key(struct peer_frame *frame, const char **line) {
  char word[VECTOR_WORD_MAX];
  unsigned long key;
  int i;
  vector_next_word(line, word);
  key = strtoul(word + 4, NULL, 16);
  for (i = 3; i >= 0; i--) {
    frame->key[i] = (uint8_t)key;
    key >>= 8;
  }
}

static int take_flag(struct peer_frame *frame, const char **line) {
  if (starts_with(*line, "fin="))
    frame->fin = (uint8_t)take_assigned(line);
  else if (starts_with(*line, "rsv="))
    frame->rsv = (uint8_t)take_assigned(line);
  else if (starts_with(*line, "opcode="))
    frame->opcode = (uint8_t)take_assigned(line);
  else if (starts_with(*line, "key="))
    take_key(frame, line);
  else if (vector_take_word(line, "masked"))
    frame->masked = 1;
  else if (vector_take_word(line, "unmasked"))
    frame->masked = 0;
  else if (vector_take_word(line, "len16"))
    frame->form = FORM_16;
  else if (vector_take_word(line, "len64"))
    frame->form = FORM_64;
  else
    return 0;
  return 1;
}

static size_t put_length(uint8_t *p, enum form form, size_t len) {
  if (form == FORM_SHORTEST)
    form = len > UINT16_MAX ? FORM_64 : len > 125 ? FORM_16 : FORM_SHORTEST;
  if (form == FORM_64) {
    p[0] = 127;
    wsuv__store_be64(p + 1, len);
    return 9;
  }
  if (form == FORM_16) {
    p[0] = 126;
    wsuv__store_be16(p + 1, (uint16_t)len);
    return 3;
  }
  p[0] = (uint8_t)len;
  return 1;
}

static void add_frame(struct vector_bytes *out, const struct peer_frame *frame,
                      const struct vector_bytes *payload) {
  uint8_t head[14];
  size_t len;
  size_t i;
  head[0] = (uint8_t)(frame->fin << 7 | frame->rsv << 4 | frame->opcode);
  len = 1 + put_length(head + 1, frame->form, payload->len);
  if (frame->masked) {
    head[1] |= 0x80;
    memcpy(head + len, frame->key, 4);
    len += 4;
  }
  vector_bytes_add(out, head, len);
  for (i = 0; i < payload->len; i++) {
    uint8_t octet = payload->data[i];
    if (frame->masked)
      octet ^= frame->key[i % 4];
    vector_bytes_add(out, &octet, 1);
  }
}

static void take_payload(const char **line, struct vector_bytes *payload) {
  if (starts_with(*line, "code=")) {
    unsigned code = take_assigned(line);
    uint8_t octets[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    vector_bytes_add(payload, octets, 2);
  }
  vector_take_bytes(line, payload);
}

void vector_add_peer_frame(struct vector_run *run, const char **line) {
  struct peer_frame frame = {
      0, 0, 1, run->role == WSUV_SERVER, FORM_SHORTEST, {0x37, 0xfa, 0x21, 0x3d}};
  struct vector_bytes payload = {NULL, 0, 0};
  char word[VECTOR_WORD_MAX];
  int opcode = vector_opcode_by_name(vector_next_word(line, word));
  if (opcode < 0)
    fail_msg("no opcode is called %s", word);
  frame.opcode = (uint8_t)opcode;
  while (take_flag(&frame, line))
    continue;
  take_payload(line, &payload);
  add_frame(&run->pending, &frame, &payload);
  vector_bytes_free(&payload);
}

void vector_take_frame(const char **line, wsuv_frame_header_t *header) {
  struct peer_frame frame = {.fin = 1};
  char word[VECTOR_WORD_MAX];
  memset(header, 0, sizeof *header);
  header->opcode = (uint8_t)vector_opcode_by_name(vector_next_word(line, word));
  while (take_flag(&frame, line))
    continue;
  header->fin = frame.fin;
  header->rsv = frame.rsv;
}

static void check_next(const struct vector_bytes *sent, size_t at, int *closed) {
  uint8_t opcode = sent->data[at] & 15;
  if (*closed)
    CHECK_INT(WSUV_PONG, opcode);
  if (opcode == WSUV_CLOSE)
    *closed = 1;
}

void vector_check_sent(const struct vector_run *run) {
  struct wsuv__frame_rules rules = {.max_payload_len = INT64_MAX};
  struct guard_page copy = guard_page_new(run->sent.data, run->sent.len);
  struct wsuv__frame_input in = {copy.data, copy.len};
  struct wsuv__frame_parser parser;
  struct wsuv__frame_slice slice;
  size_t at = 0;
  int closed = 0;
  int rc;
  rules.role = run->role == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER;
  rules.opcodes = (uint16_t)run->options.opcodes;
  rules.rsv_message = run->deflate != NULL ? 4 : 0;
  rules.rsv_data = (uint8_t)run->options.rsv;
  rules.rsv_control = (uint8_t)run->options.rsv;
  wsuv__frame_parser_init(&parser);
  while ((rc = wsuv__frame_parser_next(&parser, &rules, &in, &slice)) > 0) {
    if (slice.first)
      check_next(&run->sent, at, &closed);
    if (slice.last)
      at = copy.len - in.len;
  }
  CHECK_ERR(0, rc);
  CHECK_FALSE(wsuv__frame_parser_is_midframe(&parser));
  guard_page_free(&copy);
}
