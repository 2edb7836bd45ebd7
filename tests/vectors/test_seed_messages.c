/* The seed's rows about streamers and messages, run by the objects of wsuv/message.h: STR, MSG, PAR-070. */
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "vectors/seed_vectors.h"
#include "wsuv/handshake.h"
#include "wsuv/message.h"

enum { FRAMES_MAX = 16 };

static void add_hex(struct seed_text *out, const uint8_t *octets, size_t len) {
  static const char digits[] = "0123456789abcdef";
  size_t i;
  for (i = 0; i < len; i++) {
    seed_text_add(out, &digits[octets[i] >> 4], 1);
    seed_text_add(out, &digits[octets[i] & 15], 1);
  }
}

static int type_by_name(const char *name) {
  int opcode;
  if (strncmp(name, "custom", 6) == 0)
    return (int)strtol(name + 6, NULL, 10);
  for (opcode = 0; opcode < 16; opcode++)
    if (wsuv_opcode_name(opcode) != NULL && strcmp(wsuv_opcode_name(opcode), name) == 0)
      return opcode;
  fail_msg("no opcode is called %s", name);
  return -1;
}

static int is_param(const struct seed_row *row, const char *key, const char *value) {
  struct seed_text text = {NULL, 0};
  int is = seed_row_param(row, key, &text) && strcmp(text.data, value) == 0;
  seed_text_free(&text);
  return is;
}

static int init_streamer(const struct seed_row *row, wsuv_streamer_t *streamer) {
  struct seed_text type = {NULL, 0};
  int is_client = is_param(row, "role", "client");
  int err;
  CHECK_TRUE(seed_row_param(row, "type", &type));
  err = wsuv_streamer_init(streamer, is_client ? WSUV_CLIENT : WSUV_SERVER, type_by_name(type.data),
                           is_client ? wsuv_random : NULL, NULL);
  seed_text_free(&type);
  return err;
}

/* chunk:BYTES, final:BYTES or drop. The payload is the frame's until the row is done. */
static int run_step(wsuv_streamer_t *streamer, const char *step, size_t len,
                    struct seed_text *payload, wsuv_frame_t *frame) {
  struct seed_text word = {NULL, 0};
  int err;
  if (strncmp(step, "drop", 4) == 0)
    return wsuv_streamer_end(streamer);
  seed_text_add(&word, step + 6, len - 6);
  seed_text_add_bytes(payload, word.data);
  err = *step == 'c' ? wsuv_streamer_chunk(streamer, payload->data, payload->len, frame)
                     : wsuv_streamer_final(streamer, payload->data, payload->len, frame);
  seed_text_free(&word);
  return err;
}

static void add_frame(struct seed_text *out, const wsuv_frame_t *frame) {
  uint8_t octets[64];
  size_t n;
  CHECK_ERR(0, wsuv_frame_encode(frame, octets, sizeof octets, &n));
  add_hex(out, octets, n);
}

/* An error takes the place of all frames; only that of dropping stands behind them. */
static const char *name_of_error(int err) {
  return err == WSUV_ESTATE        ? "err BadState"
         : err == WSUV_EUNFINISHED ? "err UnfinishedStream"
                                   : "err BadArg type";
}

static void stream_encode(const struct seed_row *row) {
  const char *steps = row->input;
  struct seed_text out = {NULL, 0};
  wsuv_streamer_t streamer;
  const char *step;
  size_t len;
  int err = init_streamer(row, &streamer);
  seed_text_add_str(&out, "ok ");
  while (err == 0 && seed_next_piece(&steps, "|", &step, &len)) {
    struct seed_text payload = {NULL, 0};
    wsuv_frame_t frame;
    err = run_step(&streamer, step, len, &payload, &frame);
    if (out.len > 3)
      seed_text_add_str(&out, "|");
    if (err == 0)
      add_frame(&out, &frame);
    seed_text_free(&payload);
  }
  if (err != 0 && err != WSUV_EUNFINISHED)
    seed_text_free(&out);
  if (err != 0)
    seed_text_add_str(&out, name_of_error(err));
  CHECK_STR(seed_row_expected(row), out.data);
  seed_text_free(&out);
}

/* "ok masked distinct": of four octets each, from the system's random source. */
static void stream_masks(const struct seed_row *row) {
  const char *steps = row->input;
  uint8_t keys[FRAMES_MAX][4];
  wsuv_streamer_t streamer;
  const char *step;
  size_t len;
  size_t n = 0;
  size_t i;
  CHECK_STR("ok masked distinct", seed_row_expected(row));
  CHECK_ERR(0, init_streamer(row, &streamer));
  while (seed_next_piece(&steps, "|", &step, &len)) {
    struct seed_text payload = {NULL, 0};
    wsuv_frame_t frame;
    CHECK_ERR(0, run_step(&streamer, step, len, &payload, &frame));
    CHECK_INT(1, frame.header.masked);
    CHECK_TRUE(n < FRAMES_MAX);
    memcpy(keys[n], frame.header.masking_key, 4);
    for (i = 0; i < n; i++)
      CHECK_TRUE(memcmp(keys[i], keys[n], 4) != 0);
    n++;
    seed_text_free(&payload);
  }
  CHECK_TRUE(n > 1);
  CHECK_ERR(0, wsuv_streamer_end(&streamer));
}

/* ---- there and back ---- */

struct back {
  wsuv_frame_parser_t parser;
  wsuv_assembler_t *assembler;
  struct seed_text payload;
  size_t nmessages;
};

static void read_frame(struct back *back, const wsuv_frame_t *frame) {
  uint8_t octets[64];
  uint8_t *data = octets;
  wsuv_message_piece_t piece;
  wsuv_frame_slice_t slice;
  size_t len;
  CHECK_ERR(0, wsuv_frame_encode(frame, octets, sizeof octets, &len));
  while (wsuv_frame_parser_next(&back->parser, &data, &len, &slice) == 1) {
    int rc = wsuv_assembler_take(back->assembler, wsuv_frame_parser_header(&back->parser), &slice,
                                 &piece);
    CHECK_TRUE(rc >= 0);
    if (rc == 0)
      continue;
    CHECK_INT(WSUV_TEXT, piece.type);
    seed_text_add(&back->payload, piece.data, piece.len);
    back->nmessages++;
  }
  CHECK_ERR(0, wsuv_frame_parser_error(&back->parser));
}

/* One message of `len` octets, `sub` in each fragment. */
static void stream_message(const struct seed_row *row, struct back *back, const char *text,
                           size_t len, size_t sub) {
  wsuv_streamer_t streamer;
  wsuv_frame_t frame;
  CHECK_ERR(0, init_streamer(row, &streamer));
  for (; len > sub; text += sub, len -= sub) {
    CHECK_ERR(0, wsuv_streamer_chunk(&streamer, text, sub, &frame));
    read_frame(back, &frame);
  }
  CHECK_ERR(0, wsuv_streamer_final(&streamer, text, len, &frame));
  read_frame(back, &frame);
  CHECK_ERR(0, wsuv_streamer_end(&streamer));
}

static size_t param_number(const struct seed_row *row, const char *key) {
  struct seed_text text = {NULL, 0};
  size_t number;
  CHECK_TRUE(seed_row_param(row, key, &text));
  number = strtoul(text.data, NULL, 10);
  seed_text_free(&text);
  return number;
}

static void stream_roundtrip(const struct seed_row *row) {
  wsuv_frame_parser_options_t options = WSUV_FRAME_PARSER_OPTIONS_INIT(WSUV_SERVER);
  size_t total = strlen(row->input);
  size_t len = param_number(row, "msg");
  struct back back;
  size_t at;
  memset(&back, 0, sizeof back);
  CHECK_STR("ok identical", seed_row_expected(row));
  CHECK_ERR(0, wsuv_frame_parser_init(&back.parser, &options));
  CHECK_ERR(0, wsuv_assembler_new(&back.assembler, NULL));
  for (at = 0; at < total; at += len)
    stream_message(row, &back, row->input + at, total - at < len ? total - at : len,
                   param_number(row, "sub"));
  CHECK_SIZE((total + len - 1) / len, back.nmessages);
  CHECK_BYTES(row->input, total, back.payload.data, back.payload.len);
  wsuv_assembler_free(back.assembler);
  seed_text_free(&back.payload);
}

/* ---- messages ---- */

/* The frames of "0103313233|0003343536", parsed in place. */
static size_t read_frames(struct seed_text *octets, wsuv_frame_t *frames) {
  uint8_t *data = (uint8_t *)octets->data;
  size_t len = octets->len;
  wsuv_frame_parser_t parser;
  wsuv_frame_slice_t slice;
  size_t n = 0;
  CHECK_ERR(0, wsuv_frame_parser_init(&parser, NULL));
  while (wsuv_frame_parser_next(&parser, &data, &len, &slice) == 1) {
    CHECK_TRUE(slice.last && n < FRAMES_MAX);
    frames[n].header = *wsuv_frame_parser_header(&parser);
    frames[n++].payload = slice.data;
  }
  CHECK_ERR(0, wsuv_frame_parser_error(&parser));
  return n;
}

static void add_message(struct seed_text *out, const wsuv_message_t *message) {
  uint8_t octets[256];
  size_t n;
  seed_text_add_str(out, "ok type=");
  seed_text_add_str(out, wsuv_opcode_name(wsuv_message_type(message)));
  seed_text_add_str(out, " control=");
  seed_text_add_number(out, wsuv_opcode_is_control(wsuv_message_type(message)));
  seed_text_add_str(out, " frames=");
  seed_text_add_number(out, (long long)message->nframes);
  seed_text_add_str(out, " payload=");
  CHECK_ERR(0, wsuv_message_copy_payload(message, octets, sizeof octets));
  add_hex(out, octets, (size_t)message->payload_len);
  seed_text_add_str(out, " bytes=");
  CHECK_ERR(0, wsuv_message_encode(message, octets, sizeof octets, &n));
  add_hex(out, octets, n);
}

static void msg_join(const struct seed_row *row) {
  const char *list = row->input;
  struct seed_text octets = {NULL, 0};
  struct seed_text out = {NULL, 0};
  wsuv_frame_t frames[FRAMES_MAX];
  wsuv_message_t message;
  const char *piece;
  size_t len;
  while (seed_next_piece(&list, "|", &piece, &len)) {
    struct seed_text text = {NULL, 0};
    seed_text_add(&text, piece, len);
    seed_text_add_bytes(&octets, text.data);
    seed_text_free(&text);
  }
  if (wsuv_message_init(&message, frames, read_frames(&octets, frames)) == 0)
    add_message(&out, &message);
  else
    seed_text_add_str(&out, "err BadArg");
  CHECK_STR(seed_row_expected(row), out.data);
  seed_text_free(&octets);
  seed_text_free(&out);
}

static void run_row(const struct seed_row *row) {
  if (strcmp(row->op, "stream.encode") == 0)
    stream_encode(row);
  else if (strcmp(row->op, "stream.masks") == 0)
    stream_masks(row);
  else if (strcmp(row->op, "stream.roundtrip") == 0)
    stream_roundtrip(row);
  else if (strcmp(row->op, "msg.join") == 0)
    msg_join(row);
  else
    fail_msg("%s: unknown operation %s", row->id, row->op);
}

int main(void) {
  static const char *const prefixes[] = {"STR-", "MSG-", "PAR-07"};
  return seed_run("seed: messages", prefixes, sizeof prefixes / sizeof prefixes[0], run_row);
}
