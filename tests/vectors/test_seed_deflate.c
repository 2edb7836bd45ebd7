/* The seed's rows about permessage-deflate: PMH (negotiation) and PMD (data, streaming). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deflate/codec.h"
#include "support/check.h"
#include "support/deflate_rig.h"
#include "vectors/seed_vectors.h"
#include "wsuv/handshake.h"

/* ---- a row's params ---- */

static int param_number(const struct seed_row *row, const char *key) {
  struct seed_text text = {NULL, 0};
  int number = 0;
  if (seed_row_param(row, key, &text))
    number = (int)strtol(text.data, NULL, 10);
  seed_text_free(&text);
  return number;
}

static int is_param(const struct seed_row *row, const char *key, const char *value) {
  struct seed_text text = {NULL, 0};
  int is = seed_row_param(row, key, &text) && strcmp(text.data, value) == 0;
  seed_text_free(&text);
  return is;
}

static wsuv_deflate_options_t options_of(const struct seed_row *row) {
  wsuv_deflate_options_t o = WSUV_DEFLATE_DEDICATED_INIT;
  o.params.deflate_max_window_bits = param_number(row, "deflate_max_window_bits");
  o.params.inflate_max_window_bits = param_number(row, "inflate_max_window_bits");
  o.params.deflate_no_context_takeover = param_number(row, "deflate_no_context_takeover");
  o.params.inflate_no_context_takeover = param_number(row, "inflate_no_context_takeover");
  return o;
}

static wsuv_deflate_t *new_deflate(const wsuv_deflate_options_t *o) {
  wsuv_deflate_t *deflate;
  CHECK_ERR(0, wsuv_deflate_new(&deflate, o));
  return deflate;
}

static void add_hex(struct seed_text *out, const uint8_t *octets, size_t len) {
  static const char digits[] = "0123456789abcdef";
  size_t i;
  if (len == 0)
    seed_text_add_str(out, "-");
  for (i = 0; i < len; i++) {
    seed_text_add(out, &digits[octets[i] >> 4], 1);
    seed_text_add(out, &digits[octets[i] & 15], 1);
  }
}

/* ---- negotiation ---- */

/* Not usable: the settings as they are without a peer. */
static void add_params(struct seed_text *out, const wsuv_negotiated_t *negotiated) {
  wsuv_deflate_params_t params = {15, 15, 0, 0};
  char line[100];
  int use = negotiated->session != NULL;
  if (use)
    CHECK_ERR(0, wsuv_deflate_params(negotiated, &params));
  snprintf(line, sizeof line,
           "deflate_bits=%d inflate_bits=%d deflate_nct=%d inflate_nct=%d use=%d",
           params.deflate_max_window_bits, params.inflate_max_window_bits,
           params.deflate_no_context_takeover, params.inflate_no_context_takeover, use);
  seed_text_add_str(out, line);
}

/* "08" and unknown names cannot be said in C. */
static void refuse(const struct seed_row *row, const wsuv_deflate_options_t *o,
                   struct seed_text *out) {
  wsuv_deflate_t *deflate;
  if (is_param(row, "deflate_max_window_bits", "08") || is_param(row, "foo", "1"))
    seed_skip(row, "the options are numbers with names: neither 08 nor foo can be given");
  CHECK_ERR(WSUV_EINVAL, wsuv_deflate_new(&deflate, o));
  CHECK_NULL(deflate);
  seed_text_add_str(out, "err BadArg ");
  seed_text_add_str(out, wsuv_deflate_fault(o));
}

static void offer(const struct seed_row *row, struct seed_text *out) {
  wsuv_deflate_options_t o = options_of(row);
  char text[RIG_TEXT_MAX];
  wsuv_deflate_t *deflate;
  if (strncmp(seed_row_expected(row), "err", 3) == 0) {
    refuse(row, &o, out);
    return;
  }
  deflate = new_deflate(&o);
  CHECK_ERR(0, deflate_rig_offer(deflate, text));
  seed_text_add_str(out, "ok ");
  seed_text_add_escaped(out, text, strlen(text));
  wsuv_deflate_free(deflate);
}

static void accept_answer(const struct seed_row *row, int strict, struct seed_text *out) {
  wsuv_deflate_options_t o = options_of(row);
  struct seed_text answer = {NULL, 0};
  wsuv_negotiated_t negotiated = {NULL, NULL};
  wsuv_deflate_t *deflate;
  int err = 0;
  o.strict = strict;
  deflate = new_deflate(&o);
  seed_text_add_unescaped(&answer, row->input, strlen(row->input));
  if (strcmp(answer.data, "NOHEADER") != 0)
    err = deflate_rig_accept(deflate, answer.data, &negotiated);
  if (err == 0) {
    seed_text_add_str(out, "ok ");
    add_params(out, &negotiated);
  } else {
    CHECK_ERR(WSUV_EBADEXTENSION, err);
    seed_text_add_str(out, "err BadExtension");
  }
  deflate_rig_end(&negotiated);
  seed_text_free(&answer);
  wsuv_deflate_free(deflate);
}

/* "A strict=1 | B": strict and not; "A | B": either will do. */
static void client_accept(const struct seed_row *row, struct seed_text *out) {
  const char *expected = seed_row_expected(row);
  const char *bar = strstr(expected, " | ");
  struct seed_text strict = {NULL, 0};
  accept_answer(row, 0, out);
  accept_answer(row, 1, &strict);
  if (bar != NULL && strncmp(expected, "err BadExtension strict=1", 25) == 0) {
    CHECK_STR("err BadExtension", strict.data);
    seed_text_add_str(&strict, " strict=1 | ");
    seed_text_add_str(&strict, out->data);
    seed_text_free(out);
    seed_text_add_str(out, strict.data);
  } else if (bar != NULL && strcmp(out->data, bar + 3) == 0) {
    seed_text_free(out);
    seed_text_add_str(out, expected);
  }
  seed_text_free(&strict);
}

static void respond(const struct seed_row *row, struct seed_text *out) {
  wsuv_deflate_options_t o = options_of(row);
  wsuv_deflate_t *deflate = new_deflate(&o);
  struct seed_text offers = {NULL, 0};
  const char *lines = row->input;
  char answer[RIG_TEXT_MAX];
  wsuv_negotiated_t negotiated;
  const char *line;
  size_t len;
  while (seed_next_piece(&lines, "|", &line, &len)) {
    seed_text_add_str(&offers, offers.len > 0 ? ", " : "");
    seed_text_add_unescaped(&offers, line, len);
  }
  deflate_rig_answer(deflate, offers.data, answer, &negotiated);
  seed_text_add_str(out, "ok header=");
  for (line = answer; *line != '\0'; line++)
    if (*line == ';' || *line == ' ')
      seed_text_add_str(out, *line == ';' ? "%3B" : "%20");
    else
      seed_text_add(out, line, 1);
  seed_text_add_str(out, answer[0] == '\0' ? "- " : " ");
  add_params(out, &negotiated);
  deflate_rig_end(&negotiated);
  seed_text_free(&offers);
  wsuv_deflate_free(deflate);
}

static void new_server(const struct seed_row *row, struct seed_text *out) {
  wsuv_deflate_options_t o = options_of(row);
  refuse(row, &o, out);
}

static void server_state(const struct seed_row *row, struct seed_text *out) {
  static const wsuv_negotiated_t none = {NULL, NULL};
  wsuv_deflate_params_t params;
  (void)row;
  CHECK_ERR(WSUV_EINVAL, wsuv_deflate_params(&none, &params));
  seed_text_add_str(out, "ok ");
  add_params(out, &none);
}

/* ---- data: two endpoints ---- */

struct pair {
  wsuv_deflate_t *deflate;
  struct deflate_side sender;
  struct deflate_side receiver;
};

/* The row's deflate_ params are about the sender, its inflate_ params about the receiver. Everything is compressed. */
static void open_pair(struct pair *pair, const struct seed_row *row) {
  wsuv_role_t role = is_param(row, "role", "client") ? WSUV_CLIENT : WSUV_SERVER;
  wsuv_deflate_options_t o = WSUV_DEFLATE_DEDICATED_INIT;
  char answer[RIG_TEXT_MAX];
  wsuv_negotiated_t negotiated;
  int inflate_bits = param_number(row, "inflate_bits");
  o.threshold = WSUV_OFF;
  o.no_probe = 1;
  o.params.deflate_max_window_bits = param_number(row, "deflate_bits");
  o.params.deflate_no_context_takeover = param_number(row, "nct");
  pair->deflate = new_deflate(&o);
  CHECK_ERR(0, deflate_rig_accept(pair->deflate, "permessage-deflate", &negotiated));
  CHECK_ERR(0, deflate_side_open(&pair->sender, role, &negotiated, NULL));
  snprintf(answer, sizeof answer, "permessage-deflate; server_max_window_bits=%d%s",
           inflate_bits != 0 ? inflate_bits : 15,
           param_number(row, "inflate_nct") ? "; server_no_context_takeover" : "");
  CHECK_ERR(0, deflate_rig_accept(pair->deflate, answer, &negotiated));
  CHECK_ERR(0, deflate_side_open(&pair->receiver, role == WSUV_SERVER ? WSUV_CLIENT : WSUV_SERVER,
                                 &negotiated, NULL));
}

static void close_pair(struct pair *pair) {
  deflate_side_close(&pair->sender);
  deflate_side_close(&pair->receiver);
  wsuv_deflate_free(pair->deflate);
}

static wsuv_opcode_t type_of(const struct seed_row *row) {
  return is_param(row, "type", "text") ? WSUV_TEXT : WSUV_BINARY;
}

/* One frame of a server's, header taken off. */
static void add_payload(struct seed_text *out, struct deflate_side *sender) {
  size_t len;
  uint8_t *octets = deflate_rig_take(sender, &len);
  CHECK_TRUE(len >= 2 && len < 126);
  CHECK_INT(0xc0, octets[0] & 0xf0);
  add_hex(out, octets + 2, len - 2);
  free(octets);
}

static void compress(const struct seed_row *row, struct seed_text *out) {
  const char *list = row->input;
  struct pair pair;
  const char *piece;
  size_t len;
  open_pair(&pair, row);
  seed_text_add_str(out, "ok ");
  while (seed_next_piece(&list, "|", &piece, &len)) {
    struct seed_text word = {NULL, 0};
    struct seed_text payload = {NULL, 0};
    seed_text_add(&word, piece, len);
    seed_text_add_bytes(&payload, word.data);
    if (out->len > 3)
      seed_text_add_str(out, "|");
    CHECK_ERR(0, wsuv_endpoint_send(pair.sender.ep, WSUV_BINARY, payload.data, payload.len));
    add_payload(out, &pair.sender);
    seed_text_free(&word);
    seed_text_free(&payload);
  }
  close_pair(&pair);
}

static void frame(const struct seed_row *row, struct seed_text *out) {
  struct seed_text payload = {NULL, 0};
  struct pair pair;
  uint8_t *octets;
  size_t len;
  size_t i;
  open_pair(&pair, row);
  seed_text_add_bytes(&payload, row->input);
  CHECK_ERR(0, wsuv_endpoint_send(pair.sender.ep, type_of(row), payload.data, payload.len));
  octets = deflate_rig_take(&pair.sender, &len);
  seed_text_add_str(out, "ok ");
  if ((octets[1] & 0x80) == 0) {
    add_hex(out, octets, len);
  } else {
    for (i = 6; i < len; i++)
      octets[i] ^= octets[2 + (i - 6) % 4];
    seed_text_add_str(out, "masked rsv=");
    seed_text_add_number(out, (octets[0] >> 4) & 7);
    seed_text_add_str(out, " payload=");
    add_hex(out, octets + 6, len - 6);
  }
  free(octets);
  seed_text_free(&payload);
  close_pair(&pair);
}

/* A compressed text message as a server's frame. */
static int receive_compressed(struct deflate_side *side, const char *bytes, size_t len) {
  struct seed_text word = {NULL, 0};
  struct seed_text octets = {NULL, 0};
  uint8_t header[2] = {0xc1, 0};
  int err;
  seed_text_add(&word, bytes, len);
  seed_text_add_bytes(&octets, word.data);
  CHECK_TRUE(octets.len < 126);
  header[1] = (uint8_t)octets.len;
  err = deflate_rig_receive(side, header, 2);
  if (err == 0 && octets.len > 0)
    err = deflate_rig_receive(side, octets.data, octets.len);
  seed_text_free(&word);
  seed_text_free(&octets);
  return err;
}

static void add_code(struct seed_text *out, const char *words, int err) {
  seed_text_free(out);
  seed_text_add_str(out, words);
  seed_text_add_number(out, wsuv_err_close_code(err));
}

static void decompress(const struct seed_row *row, struct seed_text *out) {
  const char *list = row->input;
  struct pair pair;
  const char *piece;
  size_t len;
  int err = 0;
  int n = 0;
  open_pair(&pair, row);
  seed_text_add_str(out, "ok ");
  while (err == 0 && seed_next_piece(&list, "|", &piece, &len)) {
    err = receive_compressed(&pair.receiver, piece, len);
    if (err != 0)
      break;
    CHECK_INT(++n, pair.receiver.nmessages);
    seed_text_add_str(out, n > 1 ? "|" : "");
    add_hex(out, pair.receiver.seen, pair.receiver.nseen);
  }
  if (err != 0)
    add_code(out, n == 0 ? "err " : "err-second ", err);
  close_pair(&pair);
}

static void bomb(const struct seed_row *row, struct seed_text *out) {
  struct seed_text payload = {NULL, 0};
  struct pair pair;
  open_pair(&pair, row);
  seed_text_add_bytes(&payload, row->input);
  CHECK_ERR(0, wsuv_endpoint_send(pair.sender.ep, WSUV_BINARY, payload.data, payload.len));
  add_code(out, "err ", deflate_rig_move(&pair.sender, &pair.receiver, 0));
  CHECK_INT(0, pair.receiver.nmessages);
  seed_text_free(&payload);
  close_pair(&pair);
}

/* ---- streams ---- */

static void stream(struct deflate_side *side, const struct seed_row *row) {
  const char *steps = row->input;
  const char *step;
  size_t len;
  CHECK_ERR(0, wsuv_endpoint_send_begin(side->ep, type_of(row), 0));
  while (seed_next_piece(&steps, "|", &step, &len)) {
    struct seed_text word = {NULL, 0};
    struct seed_text payload = {NULL, 0};
    int is_final = *step == 'f';
    seed_text_add(&word, step + 6, len - 6);
    seed_text_add_bytes(&payload, word.data);
    CHECK_ERR(0, is_final ? wsuv_endpoint_send_end(side->ep, payload.data, payload.len)
                          : wsuv_endpoint_send_chunk(side->ep, payload.data, payload.len, 0));
    seed_text_free(&word);
    seed_text_free(&payload);
  }
}

static void stream_once(const struct seed_row *row, struct seed_text *out) {
  struct pair pair;
  uint8_t *octets;
  size_t len;
  open_pair(&pair, row);
  stream(&pair.sender, row);
  octets = deflate_rig_take(&pair.sender, &len);
  if (strncmp(seed_row_expected(row), "ok frames=", 10) == 0) {
    seed_text_add_str(out, "ok frames=");
    add_hex(out, octets, len);
  } else {
    CHECK_ERR(0, deflate_rig_receive(&pair.receiver, octets, len));
    CHECK_INT(1, pair.receiver.nmessages);
    seed_text_add_str(out, "ok roundtrip=");
    add_hex(out, pair.receiver.seen, pair.receiver.nseen);
  }
  free(octets);
  close_pair(&pair);
}

static void stream_twice(const struct seed_row *row, struct seed_text *out) {
  struct pair pair;
  uint8_t *octets[2];
  size_t len[2];
  size_t i;
  open_pair(&pair, row);
  for (i = 0; i < 2; i++) {
    stream(&pair.sender, row);
    octets[i] = deflate_rig_take(&pair.sender, &len[i]);
    CHECK_ERR(0, deflate_rig_receive(&pair.receiver, octets[i], len[i]));
  }
  CHECK_INT(2, pair.receiver.nmessages);
  seed_text_add_str(out, len[0] == len[1] && memcmp(octets[0], octets[1], len[0]) == 0
                             ? "ok second_identical"
                             : "ok second_differs");
  free(octets[0]);
  free(octets[1]);
  close_pair(&pair);
}

/* Numbers of 16 digits until something comes out. */
static void stream_big(const struct seed_row *row, struct seed_text *out) {
  struct seed_text sent = {NULL, 0};
  uint64_t number = 88172645463325252u;
  struct pair pair;
  open_pair(&pair, row);
  CHECK_ERR(0, wsuv_endpoint_send_begin(pair.sender.ep, type_of(row), 0));
  while (wsuv_endpoint_queued(pair.sender.ep) == 0) {
    char digits[24];
    number ^= number << 13;
    number ^= number >> 7;
    number ^= number << 17;
    snprintf(digits, sizeof digits, "%016llu", (unsigned long long)(number % 10000000000000000u));
    seed_text_add(&sent, digits, 16);
    CHECK_ERR(0, wsuv_endpoint_send_chunk(pair.sender.ep, digits, 16, 0));
    CHECK_TRUE(sent.len < 1u << 20);
  }
  CHECK_ERR(0, wsuv_endpoint_send_end(pair.sender.ep, NULL, 0));
  CHECK_ERR(0, deflate_rig_move(&pair.sender, &pair.receiver, 0));
  CHECK_BYTES(sent.data, sent.len, pair.receiver.seen, pair.receiver.nseen);
  seed_text_add_str(out, "ok roundtrip");
  seed_text_free(&sent);
  close_pair(&pair);
}

/* "ok fins=0,0,0,1 rsv=4,0,0,0" */
static void add_headers(struct seed_text *out, const uint8_t *octets, size_t len) {
  struct seed_text rsv = {NULL, 0};
  size_t at = 0;
  seed_text_add_str(out, "ok fins=");
  while (at < len) {
    wsuv_frame_header_t header;
    int n = wsuv_frame_header_decode(&header, octets + at, len - at);
    CHECK_TRUE(n > 0);
    seed_text_add_str(at > 0 ? out : &rsv, at > 0 ? "," : "");
    seed_text_add_str(&rsv, at > 0 ? "," : "");
    seed_text_add_number(out, header.fin);
    seed_text_add_number(&rsv, header.rsv);
    at += (size_t)n + (size_t)header.payload_len;
  }
  seed_text_add_str(out, " rsv=");
  seed_text_add_str(out, rsv.data);
  seed_text_free(&rsv);
}

static void stream_big_headers(const struct seed_row *row, struct seed_text *out) {
  enum { CHUNK = 60000 };
  uint8_t *chunk = malloc(CHUNK);
  struct pair pair;
  uint8_t *octets;
  size_t len;
  int i;
  CHECK_NOT_NULL(chunk);
  CHECK_STR("3 x 60000 random bytes then final", row->input);
  open_pair(&pair, row);
  CHECK_ERR(0, wsuv_endpoint_send_begin(pair.sender.ep, WSUV_BINARY, 0));
  for (i = 0; i < 3; i++) {
    CHECK_ERR(0, wsuv_random(NULL, chunk, CHUNK));
    CHECK_ERR(0, wsuv_endpoint_send_chunk(pair.sender.ep, chunk, CHUNK, 0));
  }
  CHECK_ERR(0, wsuv_endpoint_send_end(pair.sender.ep, NULL, 0));
  octets = deflate_rig_take(&pair.sender, &len);
  CHECK_ERR(0, deflate_rig_receive(&pair.receiver, octets, len));
  CHECK_SIZE(3 * (size_t)CHUNK, pair.receiver.nseen);
  add_headers(out, octets, len);
  free(octets);
  free(chunk);
  close_pair(&pair);
}

static int guard_step(struct deflate_side *side, const char *step, size_t len) {
  if (strncmp(step, "open", len) == 0)
    return wsuv_endpoint_send_begin(side->ep, WSUV_TEXT, 0);
  if (strncmp(step, "final", len) == 0)
    return wsuv_endpoint_send_end(side->ep, "x", 1);
  if (strncmp(step, "drop", len) == 0)
    return wsuv_endpoint_unfinished(side->ep);
  return wsuv_endpoint_send(side->ep, WSUV_TEXT, "x", 1);
}

static void stream_guard(const struct seed_row *row, struct seed_text *out) {
  const char *steps = row->input;
  struct pair pair;
  const char *step;
  size_t len;
  int err = 0;
  open_pair(&pair, row);
  while (err == 0 && seed_next_piece(&steps, ",", &step, &len))
    err = guard_step(&pair.sender, step, len);
  seed_text_add_str(out, err == 0                  ? "ok"
                         : err == WSUV_ESTATE      ? "err BadState"
                         : err == WSUV_EUNFINISHED ? "err UnfinishedStream"
                                                   : wsuv_err_name(err));
  close_pair(&pair);
}

/* ---- received frames ---- */

static int receive_frames(struct deflate_side *side, const struct seed_row *row) {
  const char *list = row->input;
  const char *piece;
  size_t len;
  int err = 0;
  while (err == 0 && seed_next_piece(&list, "|", &piece, &len)) {
    struct seed_text word = {NULL, 0};
    struct seed_text octets = {NULL, 0};
    seed_text_add(&word, piece, len);
    seed_text_add_bytes(&octets, word.data);
    err = deflate_rig_receive(side, octets.data, octets.len);
    seed_text_free(&word);
    seed_text_free(&octets);
  }
  return err;
}

/* RSV1 of the first frame; the two other bits are the application's here. What is in the frames is no compressed data. */
static void is_compressed(const struct seed_row *row, struct seed_text *out) {
  struct seed_text octets = {NULL, 0};
  wsuv_frame_header_t header;
  struct pair pair;
  int err;
  if (strncmp(seed_row_expected(row), "err", 3) == 0) {
    open_pair(&pair, row);
    err = receive_frames(&pair.receiver, row);
    add_code(out, "err ", err);
    close_pair(&pair);
    return;
  }
  seed_text_add_bytes(&octets, row->input);
  CHECK_TRUE(wsuv_frame_header_decode(&header, (const uint8_t *)octets.data, octets.len) > 0);
  seed_text_add_str(out, (header.rsv & 4) != 0 ? "ok 1" : "ok 0");
  seed_text_free(&octets);
}

/* A client's view of a server's frames, without their masks. */
static void reassemble(const struct seed_row *row, struct seed_text *out) {
  struct pair pair;
  open_pair(&pair, row);
  CHECK_ERR(0, receive_frames(&pair.receiver, row));
  CHECK_INT(1, pair.receiver.nmessages);
  seed_text_add_str(out, "ok ");
  add_hex(out, pair.receiver.seen, pair.receiver.nseen);
  close_pair(&pair);
}

/* ---- zlib's own ---- */

/* Every message is the same in steps of any room. */
static void run_steps(struct wsuv__codec *codec, const struct seed_text *payload, size_t first_room,
                      struct seed_text *out) {
  uint8_t room[256];
  struct seed_text whole = {NULL, 0};
  wsuv_extension_step_t step;
  int rc = WSUV_STEP_MORE;
  memset(&step, 0, sizeof step);
  step.in = (const uint8_t *)payload->data;
  step.in_len = payload->len;
  while (rc == WSUV_STEP_MORE) {
    step.out = room;
    step.out_len = whole.len == 0 ? first_room : sizeof room;
    rc = wsuv__deflater_run(codec, &step, CODEC_FINISH);
    seed_text_add(&whole, room, (size_t)(step.out - room));
  }
  CHECK_INT(WSUV_STEP_DONE, rc);
  add_hex(out, (const uint8_t *)whole.data, whole.len);
  seed_text_free(&whole);
}

static struct wsuv__codec *new_codec(size_t *total, int bits) {
  static const struct wsuv__codec_settings settings = {6, 8, 0};
  struct wsuv__codec *codec;
  *total = 0;
  CHECK_ERR(0,
            wsuv__deflater_new(&codec, wsuv__allocator_or_default(NULL), total, bits, &settings));
  return codec;
}

static void flush_buffer(const struct seed_row *row, struct seed_text *out) {
  struct seed_text payload = {NULL, 0};
  size_t room;
  seed_text_add_bytes(&payload, row->input);
  for (room = 1; room <= 20; room++) {
    size_t total;
    struct wsuv__codec *codec = new_codec(&total, 15);
    seed_text_free(out);
    seed_text_add_str(out, "ok ");
    run_steps(codec, &payload, room, out);
    CHECK_STR(seed_row_expected(row), out->data);
    wsuv__deflater_free(codec);
    CHECK_SIZE(0, total);
  }
  seed_text_free(&payload);
}

static void flush_repeat(const struct seed_row *row, struct seed_text *out) {
  const struct seed_text nothing = {NULL, 0};
  size_t total;
  struct wsuv__codec *codec = new_codec(&total, 15);
  CHECK_STR("-|-", row->input);
  seed_text_add_str(out, "ok ");
  run_steps(codec, &nothing, 256, out);
  seed_text_add_str(out, "|");
  run_steps(codec, &nothing, 256, out);
  wsuv__deflater_free(codec);
}

static void init_window(const struct seed_row *row, struct seed_text *out) {
  size_t total;
  struct wsuv__codec *codec = new_codec(&total, param_number(row, "deflate_bits"));
  wsuv__deflater_free(codec);
  seed_text_add_str(out, "ok (use 9)");
}

/* ---- rows ---- */

static const struct {
  const char *op;
  void (*run)(const struct seed_row *row, struct seed_text *out);
} operations[] = {
    {"pmce.offer", offer},
    {"pmce.client.accept", client_accept},
    {"pmce.server.respond", respond},
    {"pmce.server.new", new_server},
    {"pmce.server.state", server_state},
    {"pmd.compress", compress},
    {"pmd.compress_ref", compress},
    {"pmd.frame", frame},
    {"pmd.decompress", decompress},
    {"pmd.bomb", bomb},
    {"pmd.stream", stream_once},
    {"pmd.stream_twice", stream_twice},
    {"pmd.stream_big", stream_big},
    {"pmd.stream_big_headers", stream_big_headers},
    {"pmd.stream_guard", stream_guard},
    {"pmd.is_compressed", is_compressed},
    {"pmd.reassemble", reassemble},
    {"pmd.flush_buffer", flush_buffer},
    {"pmd.flush_repeat", flush_repeat},
    {"pmd.init", init_window},
};

static void run_row(const struct seed_row *row) {
  struct seed_text actual = {NULL, 0};
  size_t i;
  for (i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    if (strcmp(operations[i].op, row->op) != 0)
      continue;
    operations[i].run(row, &actual);
    CHECK_STR(seed_row_expected(row), actual.data);
    seed_text_free(&actual);
    return;
  }
  fail_msg("%s: unknown operation %s", row->id, row->op);
}

int main(void) {
  static const char *const prefixes[] = {"PMH-", "PMD-"};
  return seed_run("seed: permessage-deflate", prefixes, 2, run_row);
}
