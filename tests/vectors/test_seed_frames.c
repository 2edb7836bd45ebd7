/* The seed's rows about constants, frames, the parser and close payloads: CON, FRM, PAR, CLO. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/guard_page.h"
#include "vectors/seed_vectors.h"
#include "wsuv/frame_parser.h"

/* Where the interface in C took the place of what the row asks for. */
static const struct {
  const char *id;
  const char *expected;
} decided[] = {
    {"CLO-053", "ok 8800"}, /* code 0 is how "no code" is said (wsuv/frame.h) */
};

static const char *expected_of(const struct seed_row *row) {
  size_t i;
  for (i = 0; i < sizeof decided / sizeof decided[0]; i++)
    if (strcmp(decided[i].id, row->id) == 0)
      return decided[i].expected;
  return seed_row_expected(row);
}

static void add_number_or_none(struct seed_text *out, int number) {
  if (number == 0)
    seed_text_add_str(out, "none");
  else
    seed_text_add_number(out, number);
}

/* Both sides of "ok BYTES" as octets. */
static void check_ok_bytes(const struct seed_row *row, const void *actual, size_t len) {
  struct seed_text expected = {NULL, 0};
  const char *text = expected_of(row);
  CHECK_TRUE(strncmp(text, "ok ", 3) == 0);
  seed_text_add_bytes(&expected, text + 3);
  CHECK_BYTES(expected.data, expected.len, actual, len);
  seed_text_free(&expected);
}

static long param_number(const struct seed_row *row, const char *key, long otherwise) {
  struct seed_text text = {NULL, 0};
  long number = seed_row_param(row, key, &text) ? strtol(text.data, NULL, 10) : otherwise;
  seed_text_free(&text);
  return number;
}

/* ---- constants ---- */

static void status_code(const struct seed_row *row) {
  struct seed_text out = {NULL, 0};
  seed_text_add_str(&out, "ok ");
  add_number_or_none(&out, wsuv_close_code_by_name(row->input));
  CHECK_STR(expected_of(row), out.data);
  seed_text_free(&out);
}

static void check_name(const struct seed_row *row, const char *name) {
  CHECK_STR(expected_of(row) + 3, name != NULL ? name : "none");
}

static void status_name(const struct seed_row *row) {
  check_name(row, wsuv_close_code_name((int)strtol(row->input, NULL, 10)));
}

static void opcode_type(const struct seed_row *row) {
  check_name(row, wsuv_opcode_name((int)strtol(row->input, NULL, 10)));
}

/* ---- frames ---- */

static uint8_t opcode_of(const char *name) {
  int opcode;
  for (opcode = 0; opcode < 16; opcode++)
    if (wsuv_opcode_name(opcode) != NULL && strcmp(wsuv_opcode_name(opcode), name) == 0)
      return (uint8_t)opcode;
  fail_msg("no opcode is called %s", name);
  return 0;
}

static int header_of(const struct seed_row *row, size_t len, wsuv_frame_header_t *header) {
  struct seed_text type = {NULL, 0};
  struct seed_text mask = {NULL, 0};
  struct seed_text octets = {NULL, 0};
  memset(header, 0, sizeof *header);
  CHECK_TRUE(seed_row_param(row, "type", &type));
  header->opcode = opcode_of(type.data);
  header->fin = (uint8_t)param_number(row, "fin", 1);
  header->rsv = (uint8_t)param_number(row, "rsv", 0);
  header->payload_len = len;
  if (seed_row_param(row, "mask", &mask)) {
    seed_text_add_bytes(&octets, mask.data);
    header->masked = 1;
    if (octets.len == 4)
      memcpy(header->masking_key, octets.data, 4);
  }
  len = octets.len;
  seed_text_free(&type);
  seed_text_free(&mask);
  seed_text_free(&octets);
  return !header->masked || len == 4;
}

static void check_encode_error(const struct seed_row *row, int err, uint8_t opcode) {
  struct seed_text out = {NULL, 0};
  if (err == WSUV_ECONTROLSIZE) {
    seed_text_add_str(&out, "err ControlPayloadTooLong type=");
    seed_text_add_str(&out, wsuv_opcode_name(opcode));
  } else {
    CHECK_ERR(WSUV_EINVAL, err);
    seed_text_add_str(&out, "err BadArg rsv");
  }
  CHECK_STR(expected_of(row), out.data);
  seed_text_free(&out);
}

static void frame_encode(const struct seed_row *row) {
  struct seed_text payload = {NULL, 0};
  struct seed_text out = {NULL, 0};
  uint8_t head[WSUV_FRAME_HEADER_MAX];
  wsuv_frame_header_t header;
  int n;
  seed_text_add_bytes(&payload, row->input);
  if (!header_of(row, payload.len, &header)) {
    seed_text_free(&payload);
    seed_skip(row, "a masking key is an array of four octets: no other length can be given");
  }
  n = wsuv_frame_header_encode(&header, head);
  if (n < 0) {
    check_encode_error(row, n, header.opcode);
  } else {
    if (header.masked)
      wsuv_mask((uint8_t *)payload.data, (const uint8_t *)payload.data, payload.len,
                header.masking_key, 0);
    seed_text_add(&out, head, (size_t)n);
    seed_text_add(&out, payload.data, payload.len);
    check_ok_bytes(row, out.data, out.len);
  }
  seed_text_free(&payload);
  seed_text_free(&out);
}

/* ---- the parser: wsuv/frame_parser.h, which is what the endpoint parses with ---- */

struct parsed {
  wsuv_frame_parser_t parser;
  struct seed_text payload;
  int is_complete;
  int err;
};

/* Strict but for masking: rows give both. */
static void start(struct parsed *p) {
  wsuv_frame_parser_options_t options = WSUV_FRAME_PARSER_OPTIONS_INIT((wsuv_role_t)0);
  memset(p, 0, sizeof *p);
  CHECK_ERR(0, wsuv_frame_parser_init(&p->parser, &options));
}

static void feed(struct parsed *p, const char *octets, size_t len) {
  struct guard_page page = guard_page_new(octets, len);
  uint8_t *data = page.data;
  wsuv_frame_slice_t slice;
  while ((p->err = wsuv_frame_parser_next(&p->parser, &data, &len, &slice)) > 0) {
    seed_text_add(&p->payload, slice.data, slice.len);
    p->is_complete = slice.last;
  }
  guard_page_free(&page);
}

static void add_hex(struct seed_text *out, const void *data, size_t len) {
  const uint8_t *octets = data;
  size_t i;
  if (len == 0)
    seed_text_add_str(out, "-");
  for (i = 0; i < len; i++) {
    char pair[3];
    snprintf(pair, sizeof pair, "%02x", octets[i]);
    seed_text_add_str(out, pair);
  }
}

/* A Close frame's payload is judged by the endpoint; here, by what that calls. */
static void add_close(struct seed_text *out, struct parsed *p) {
  wsuv_span_t reason;
  int code;
  p->err =
      wsuv_close_payload_decode((const uint8_t *)p->payload.data, p->payload.len, &code, &reason);
  seed_text_add_str(out, " code=");
  add_number_or_none(out, code);
  seed_text_add_str(out, " reason=");
  add_hex(out, p->payload.data + 2, p->payload.len > 2 ? p->payload.len - 2 : 0);
}

static void add_header(struct seed_text *out, const wsuv_frame_header_t *header) {
  seed_text_add_str(out, "ok type=");
  seed_text_add_str(out, wsuv_opcode_name(header->opcode));
  seed_text_add_str(out, " fin=");
  seed_text_add_number(out, header->fin);
  seed_text_add_str(out, " rsv=");
  seed_text_add_number(out, header->rsv);
  seed_text_add_str(out, " mask=");
  add_hex(out, header->masking_key, header->masked ? 4 : 0);
}

/* "payload=78*3" as "payload=787878", so that texts can be compared. */
static void add_expected(struct seed_text *out, const char *text) {
  const char *at = strstr(text, "payload=");
  struct seed_text bytes = {NULL, 0};
  struct seed_text payload = {NULL, 0};
  if (at == NULL) {
    seed_text_add_str(out, text);
    return;
  }
  at += 8;
  seed_text_add(out, text, (size_t)(at - text));
  seed_text_add(&bytes, at, strcspn(at, " "));
  seed_text_add_bytes(&payload, bytes.data);
  add_hex(out, payload.data, payload.len);
  seed_text_add_str(out, at + strcspn(at, " "));
  seed_text_free(&bytes);
  seed_text_free(&payload);
}

static void check_text(const struct seed_row *row, const struct seed_text *actual) {
  struct seed_text expected = {NULL, 0};
  add_expected(&expected, expected_of(row));
  CHECK_STR(expected.data, actual->data);
  seed_text_free(&expected);
}

static void add_frame(struct seed_text *out, struct parsed *p) {
  if (p->err == 0 && !p->is_complete) {
    seed_text_add_str(out, "more");
    return;
  }
  if (p->err == 0) {
    add_header(out, wsuv_frame_parser_header(&p->parser));
    seed_text_add_str(out, " payload=");
    add_hex(out, p->payload.data, p->payload.len);
    if (wsuv_frame_parser_header(&p->parser)->opcode == WSUV_CLOSE)
      add_close(out, p);
  }
  if (p->err != 0) {
    seed_text_free(out);
    seed_text_add_str(out, "err ");
    seed_text_add_number(out, wsuv_err_close_code(p->err));
  }
}

static void frame_decode(const struct seed_row *row) {
  struct seed_text input = {NULL, 0};
  struct seed_text out = {NULL, 0};
  struct parsed p;
  start(&p);
  seed_text_add_bytes(&input, row->input);
  feed(&p, input.data, input.len);
  add_frame(&out, &p);
  check_text(row, &out);
  seed_text_free(&input);
  seed_text_free(&out);
  seed_text_free(&p.payload);
}

static void frame_header(const struct seed_row *row) {
  struct seed_text input = {NULL, 0};
  struct seed_text out = {NULL, 0};
  struct parsed p;
  start(&p);
  seed_text_add_bytes(&input, row->input);
  feed(&p, input.data, input.len);
  add_header(&out, wsuv_frame_parser_header(&p.parser));
  seed_text_add_str(&out, " length=");
  seed_text_add_number(&out, (long long)wsuv_frame_parser_header(&p.parser)->payload_len);
  check_text(row, &out);
  seed_text_free(&input);
  seed_text_free(&out);
  seed_text_free(&p.payload);
}

/* In pieces; "frame_after" is the number of octets that completed the frame. */
static void decode_pieces(const struct seed_row *row, const struct seed_text *pieces, size_t n) {
  struct seed_text out = {NULL, 0};
  struct parsed p;
  size_t total = 0;
  size_t i;
  start(&p);
  for (i = 0; i < n && !p.is_complete; i++) {
    feed(&p, pieces[i].data, pieces[i].len);
    total += pieces[i].len;
  }
  CHECK_ERR(0, p.err);
  CHECK_TRUE(p.is_complete);
  seed_text_add_str(&out, "ok frame_after=");
  seed_text_add_number(&out, (long long)total);
  seed_text_add_str(&out, " payload=");
  add_hex(&out, p.payload.data, p.payload.len);
  check_text(row, &out);
  seed_text_free(&out);
  seed_text_free(&p.payload);
}

static void decode_bytewise(const struct seed_row *row) {
  struct seed_text input = {NULL, 0};
  struct seed_text *pieces;
  size_t i;
  seed_text_add_bytes(&input, row->input);
  pieces = calloc(input.len, sizeof *pieces);
  CHECK_NOT_NULL(pieces);
  for (i = 0; i < input.len; i++)
    pieces[i] = (struct seed_text){input.data + i, 1};
  decode_pieces(row, pieces, input.len);
  free(pieces);
  seed_text_free(&input);
}

static void decode_shortreader(const struct seed_row *row) {
  struct seed_text pieces[4];
  const char *list = row->input;
  const char *piece;
  size_t len;
  size_t n = 0;
  memset(pieces, 0, sizeof pieces);
  while (seed_next_piece(&list, "|", &piece, &len)) {
    struct seed_text text = {NULL, 0};
    seed_text_add(&text, piece, len);
    seed_text_add_bytes(&pieces[n++], text.data);
    seed_text_free(&text);
  }
  decode_pieces(row, pieces, n);
  while (n > 0)
    seed_text_free(&pieces[--n]);
}

/* The seed's two ways to treat the end of input are one here: what counts is whether a frame was cut. */
static void parse_eof(const struct seed_row *row) {
  struct seed_text input = {NULL, 0};
  struct parsed p;
  const char *end = strstr(row->input, "EOF");
  uint64_t missing;
  start(&p);
  if (end > row->input) {
    struct seed_text text = {NULL, 0};
    seed_text_add(&text, row->input, (size_t)(end - row->input - 1));
    seed_text_add_bytes(&input, text.data);
    seed_text_free(&text);
  }
  feed(&p, input.data, input.len);
  CHECK_ERR(0, p.err);
  missing = wsuv_frame_parser_outstanding(&p.parser);
  CHECK_STR(expected_of(row), missing > 0 ? "err UnexpectedEOF partial=1" : "eof");
  seed_text_free(&input);
  seed_text_free(&p.payload);
}

/* ---- setters: here a header is a plain struct, and they are assignments ---- */

static int starts_with(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

static void get_word(const char *step, const wsuv_frame_header_t *header,
                     const struct seed_text *payload, struct seed_text *out) {
  if (out->len > 0)
    seed_text_add_str(out, " ");
  if (starts_with(step, "get_rsv")) {
    seed_text_add_number(out, header->rsv);
  } else if (starts_with(step, "has_rsv")) {
    seed_text_add_number(out, header->rsv >> (3 - (step[7] - '0')) & 1);
  } else if (starts_with(step, "get_fin")) {
    seed_text_add_number(out, header->fin);
  } else {
    uint8_t head[WSUV_FRAME_HEADER_MAX];
    int n = wsuv_frame_header_encode(header, head);
    if (n < 0)
      seed_text_free(out);
    seed_text_add_str(out, n < 0 ? "err BadArg rsv" : "");
    if (n > 0) {
      add_hex(out, head, (size_t)n);
      add_hex(out, payload->data, payload->len);
    }
  }
}

static void frame_mutate(const struct seed_row *row) {
  struct seed_text bytes = {NULL, 0};
  struct seed_text payload = {NULL, 0};
  struct seed_text out = {NULL, 0};
  wsuv_frame_header_t header;
  const char *steps = row->input;
  const char *step;
  size_t len;
  CHECK_TRUE(seed_row_param(row, "payload", &bytes));
  seed_text_add_bytes(&payload, bytes.data);
  CHECK_TRUE(header_of(row, payload.len, &header));
  while (seed_next_piece(&steps, ",", &step, &len)) {
    if (starts_with(step, "set_rsv:"))
      header.rsv = (uint8_t)(step[8] - '0');
    else if (starts_with(step, "set_rsv"))
      header.rsv |= (uint8_t)(1 << (3 - (step[7] - '0')));
    else if (starts_with(step, "set_fin"))
      header.fin = 1;
    else
      get_word(step, &header, &payload, &out);
  }
  CHECK_STR(expected_of(row), out.data);
  seed_text_free(&bytes);
  seed_text_free(&payload);
  seed_text_free(&out);
}

/* ---- close payloads ---- */

/* A number in its only spelling, or a name. -1: neither. */
static int code_of(const char *text) {
  char digits[16];
  int number = (int)strtol(text, NULL, 10);
  snprintf(digits, sizeof digits, "%d", number);
  if (strcmp(digits, text) == 0)
    return number;
  number = wsuv_close_code_by_name(text);
  return number != 0 ? number : -1;
}

static int is_none(const char *text) {
  return strcmp(text, "null") == 0 || strcmp(text, "-") == 0;
}

static void check_close(const struct seed_row *row, int code, const struct seed_text *reason) {
  uint8_t frame[2 + WSUV_CONTROL_PAYLOAD_MAX] = {0x88};
  int n = wsuv_close_payload_encode(code, reason->data, reason->len, frame + 2);
  if (n >= 0) {
    frame[1] = (uint8_t)n;
    check_ok_bytes(row, frame, 2 + (size_t)n);
    return;
  }
  CHECK_ERR(WSUV_EINVAL, n);
  CHECK_STR(expected_of(row),
            wsuv_close_code_is_sendable(code) ? "err BadArg reason" : "err BadArg code");
}

/* A Close frame whose payload the caller makes himself. */
static void check_raw_close(const struct seed_row *row, const char *bytes) {
  struct seed_text payload = {NULL, 0};
  uint8_t octets[2 + WSUV_CONTROL_PAYLOAD_MAX];
  wsuv_frame_t frame;
  size_t n;
  seed_text_add_bytes(&payload, bytes);
  CHECK_ERR(
      0, wsuv_frame_create(&frame, WSUV_SERVER, NULL, NULL, WSUV_CLOSE, payload.data, payload.len));
  CHECK_ERR(0, wsuv_frame_encode(&frame, octets, sizeof octets, &n));
  check_ok_bytes(row, octets, n);
  seed_text_free(&payload);
}

static void close_encode(const struct seed_row *row) {
  struct seed_text code = {NULL, 0};
  struct seed_text reason = {NULL, 0};
  struct seed_text octets = {NULL, 0};
  int number = 0;
  if (seed_row_param(row, "payload", &octets)) {
    check_raw_close(row, octets.data);
    seed_text_free(&octets);
    return;
  }
  if (seed_row_param(row, "code", &code) && !is_none(code.data))
    number = code_of(code.data);
  if (seed_row_param(row, "reason", &reason) && !is_none(reason.data))
    seed_text_add_bytes(&octets, reason.data);
  check_close(row, number, &octets);
  seed_text_free(&code);
  seed_text_free(&reason);
  seed_text_free(&octets);
}

static const struct {
  const char *op;
  seed_run_fn run;
} operations[] = {
    {"const.status_code", status_code},
    {"const.status_name", status_name},
    {"const.opcode_type", opcode_type},
    {"frame.encode", frame_encode},
    {"frame.mutate", frame_mutate},
    {"frame.decode", frame_decode},
    {"frame.decode_bytewise", decode_bytewise},
    {"frame.decode_shortreader", decode_shortreader},
    {"frame.header", frame_header},
    {"parse.eof", parse_eof},
    {"close.encode", close_encode},
};

static void run_row(const struct seed_row *row) {
  size_t i;
  for (i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    if (strcmp(operations[i].op, row->op) == 0) {
      operations[i].run(row);
      return;
    }
  }
  fail_msg("%s: unknown operation %s", row->id, row->op);
}

int main(void) {
  /* PAR-085 to 087, custom opcodes, are in test_seed_endpoint, PAR-070 in test_seed_messages. */
  static const char *const prefixes[] = {"CON-",    "FRM-",    "CLO-",    "PAR-00", "PAR-01",
                                         "PAR-02",  "PAR-03",  "PAR-04",  "PAR-05", "PAR-06",
                                         "PAR-080", "PAR-081", "PAR-082", "PAR-088"};
  return seed_run("seed: frames", prefixes, sizeof prefixes / sizeof prefixes[0], run_row);
}
