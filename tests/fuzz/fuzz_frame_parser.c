/* The frame parser: the same frames however the octets are cut, headers that encode to what was read, failures that
 * stay. The first octet picks the rules, the second the pieces. covers: W210 */
#include <stdlib.h>
#include <string.h>

#include "proto/frame_parser.h"

#define FUZZ_CHECK(condition) \
  do {                        \
    if (!(condition))         \
      abort();                \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FRAMES = 512, TINY_LIMIT = 200 };

struct frame {
  wsuv_frame_header_t header;
  uint64_t received;
  uint64_t sum; /* of the payload, by place */
  int is_complete;
};

struct trace {
  struct frame frames[MAX_FRAMES];
  size_t nframes;
  int err;
};

static struct wsuv__frame_rules rules_of(uint8_t choice) {
  struct wsuv__frame_rules rules = {.max_payload_len = INT64_MAX, .role = WSUV_SERVER};
  if ((choice & 1) != 0)
    rules.role = WSUV_CLIENT;
  if ((choice & 2) != 0)
    rules.lenient_masking = 1;
  if ((choice & 4) != 0)
    rules.max_payload_len = TINY_LIMIT;
  rules.rsv_message = choice >> 5;
  rules.rsv_data = (choice >> 4) & 1;
  return rules;
}

static size_t next_piece(uint8_t pattern, uint32_t *random, size_t left) {
  size_t piece = pattern;
  if (pattern == 0)
    return left;
  if (pattern > 15) {
    *random = *random * 1664525u + 1013904223u;
    piece = 1 + (*random >> 16) % 40;
  }
  return piece < left ? piece : left;
}

static void take_slice(struct trace *t, const struct wsuv__frame_parser *p,
                       const struct wsuv__frame_rules *rules,
                       const struct wsuv__frame_slice *slice) {
  struct frame *frame;
  size_t i;
  if (slice->first)
    t->nframes++;
  FUZZ_CHECK(t->nframes > 0 && t->nframes <= MAX_FRAMES);
  frame = &t->frames[t->nframes - 1];
  FUZZ_CHECK(!frame->is_complete);
  if (slice->first)
    frame->header = p->header;
  for (i = 0; i < slice->len; i++)
    frame->sum = frame->sum * 31 + slice->data[i];
  frame->received += slice->len;
  frame->is_complete = slice->last;
  FUZZ_CHECK(frame->received + p->remaining == p->header.payload_len);
  FUZZ_CHECK(slice->last == (p->remaining == 0));
  FUZZ_CHECK(p->header.payload_len <= rules->max_payload_len);
}

/* What follows a failure changes nothing. */
static void check_stays_failed(struct wsuv__frame_parser *p,
                               const struct wsuv__frame_rules *rules) {
  uint8_t good[] = {0x81, 0x80, 0, 0, 0, 0};
  struct wsuv__frame_input in = {good, sizeof good};
  struct wsuv__frame_slice slice;
  int err = p->error;
  FUZZ_CHECK(wsuv__frame_parser_next(p, rules, &in, &slice) == err);
  FUZZ_CHECK(in.len == sizeof good);
}

static void run(struct trace *t, const struct wsuv__frame_rules *rules, uint8_t pattern,
                const uint8_t *data, size_t size) {
  struct wsuv__frame_parser p;
  uint8_t *copy = malloc(size + 1);
  uint32_t random = pattern;
  size_t at = 0;
  FUZZ_CHECK(copy != NULL);
  memcpy(copy, data, size);
  memset(t, 0, sizeof *t);
  wsuv__frame_parser_init(&p);
  while (at < size && t->err == 0 && t->nframes < MAX_FRAMES - 1) {
    size_t piece = next_piece(pattern, &random, size - at);
    struct wsuv__frame_input in = {copy + at, piece};
    struct wsuv__frame_slice slice;
    at += piece;
    while (t->nframes < MAX_FRAMES - 1 &&
           (t->err = wsuv__frame_parser_next(&p, rules, &in, &slice)) > 0)
      take_slice(t, &p, rules, &slice);
    if (t->err > 0)
      t->err = 0;
  }
  FUZZ_CHECK((t->err < 0) == (p.state == FRAME_FAILED));
  if (t->err < 0)
    check_stays_failed(&p, rules);
  free(copy);
}

static void check_same_header(const wsuv_frame_header_t *a, const wsuv_frame_header_t *b) {
  FUZZ_CHECK(a->payload_len == b->payload_len && a->opcode == b->opcode);
  FUZZ_CHECK(a->rsv == b->rsv && a->fin == b->fin && a->masked == b->masked);
}

/* The headers are those that the codec reads, and encoded again they are what stood in the input. */
static void check_headers(const struct trace *t, const uint8_t *data, size_t size) {
  size_t at = 0;
  size_t i;
  for (i = 0; i < t->nframes; i++) {
    uint8_t out[WSUV_FRAME_HEADER_MAX];
    wsuv_frame_header_t again;
    int n = wsuv_frame_header_decode(&again, data + at, size - at);
    FUZZ_CHECK(n >= 2 && at + (size_t)n <= size);
    check_same_header(&again, &t->frames[i].header);
    FUZZ_CHECK(wsuv_frame_header_encode(&again, out) == n);
    FUZZ_CHECK(memcmp(out, data + at, (size_t)n) == 0);
    at += (size_t)n + (size_t)t->frames[i].received;
  }
  FUZZ_CHECK(at <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct trace whole;
  static struct trace split;
  struct wsuv__frame_rules rules;
  size_t i;
  if (size < 2)
    return 0;
  rules = rules_of(data[0]);
  run(&whole, &rules, 0, data + 2, size - 2);
  run(&split, &rules, data[1], data + 2, size - 2);
  FUZZ_CHECK(whole.nframes == split.nframes);
  FUZZ_CHECK(whole.err == split.err || whole.nframes == MAX_FRAMES - 1);
  for (i = 0; i < whole.nframes; i++) {
    FUZZ_CHECK(whole.frames[i].sum == split.frames[i].sum || whole.nframes == MAX_FRAMES - 1);
    check_same_header(&whole.frames[i].header, &split.frames[i].header);
  }
  check_headers(&whole, data + 2, size - 2);
  return 0;
}
