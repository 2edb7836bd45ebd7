#include "proto/frame_parser.h"

#include <string.h>

#include "proto/frame.h"
#include "proto/whole_frame.h"

enum { USED_UP = 0, SLICE = 1, NEXT_STATE = 2 };

static void advance(struct wsuv__frame_input *in, size_t n) {
  in->data += n;
  in->len -= n;
}

/* Header octets that a split tore apart, collected in `partial`. NULL: not all there yet. */
static const uint8_t *collect_octets(struct wsuv__frame_parser *p, struct wsuv__frame_input *in,
                                     size_t need) {
  size_t n = need - p->npartial;

  if (n > in->len)
    n = in->len;
  if (n > 0) { /* `data` may be NULL where nothing is left */
    memcpy(p->partial + p->npartial, in->data, n);
    advance(in, n);
  }
  p->npartial = (uint8_t)(p->npartial + n);
  if (p->npartial < need)
    return NULL;
  p->npartial = 0;
  return p->partial;
}

/* `need` consecutive header octets, straight from the input where they lie together. */
static const uint8_t *take_octets(struct wsuv__frame_parser *p, struct wsuv__frame_input *in,
                                  size_t need) {
  const uint8_t *octets = in->data;

  if (p->npartial > 0 || in->len < need)
    return collect_octets(p, in, need);
  advance(in, need);
  return octets;
}

static int is_known_opcode(uint8_t opcode, const struct wsuv__frame_rules *rules) {
  return opcode <= WSUV_BINARY || (opcode >= WSUV_CLOSE && opcode <= WSUV_PONG) ||
         ((rules->opcodes >> opcode) & 1) != 0;
}

static int allowed_rsv(uint8_t opcode, const struct wsuv__frame_rules *rules) {
  if ((opcode & 8) != 0)
    return rules->rsv_control;
  return opcode == WSUV_CONTINUATION ? rules->rsv_data : rules->rsv_data | rules->rsv_message;
}

static int judge_control(const wsuv_frame_header_t *h, uint8_t len7) {
  if (!h->fin)
    return WSUV_ECONTROLFIN;
  return len7 > WSUV_CONTROL_PAYLOAD_MAX ? WSUV_ECONTROLSIZE : 0;
}

static int judge_base_header(const struct wsuv__frame_parser *p,
                             const struct wsuv__frame_rules *rules) {
  const wsuv_frame_header_t *h = &p->header;

  if ((h->rsv & ~allowed_rsv(h->opcode, rules)) != 0)
    return WSUV_ERSV;
  if (!is_known_opcode(h->opcode, rules))
    return WSUV_EOPCODE;
  if (!rules->lenient_masking && h->masked != (rules->role == WSUV_SERVER))
    return h->masked ? WSUV_EMASKED : WSUV_EUNMASKED;
  return (h->opcode & 8) != 0 ? judge_control(h, p->len7) : 0;
}

static int read_base_header(struct wsuv__frame_parser *p, const struct wsuv__frame_rules *rules,
                            struct wsuv__frame_input *in) {
  const uint8_t *octets = take_octets(p, in, 2);
  uint8_t first;
  uint8_t second;
  int err;

  if (octets == NULL)
    return USED_UP;
  first = octets[0];
  second = octets[1];
  p->header.fin = first >> 7;
  p->header.rsv = (first >> 4) & 7;
  p->header.opcode = first & 15;
  p->header.masked = second >> 7;
  p->len7 = second & 0x7F;
  p->header.payload_len = 0; /* who looks behind an error must not see the last frame's */
  err = judge_base_header(p, rules);
  if (err != 0)
    return err;
  p->state = FRAME_EXTENDED_HEADER;
  return NEXT_STATE;
}

static int read_extended_header(struct wsuv__frame_parser *p, const struct wsuv__frame_rules *rules,
                                struct wsuv__frame_input *in) {
  size_t nlength = wsuv__frame_length_octets(p->len7);
  const uint8_t *octets = take_octets(p, in, nlength + (p->header.masked ? 4u : 0u));
  int err;

  if (octets == NULL)
    return USED_UP;
  err = wsuv__frame_read_length(octets, p->len7, &p->header.payload_len);
  if (err != 0)
    return err;
  if (p->header.payload_len > rules->max_payload_len)
    return WSUV_EMSGSIZE;
  if (p->header.masked)
    memcpy(p->header.masking_key, octets + nlength, 4);
  p->remaining = p->header.payload_len;
  p->begun = 0;
  p->state = FRAME_PAYLOAD_DATA;
  return NEXT_STATE;
}

/* The first slice is handed on even when it is empty, so that limits are judged before any payload is awaited. */
static int read_payload_data(struct wsuv__frame_parser *p, struct wsuv__frame_input *in,
                             struct wsuv__frame_slice *slice) {
  size_t n = in->len;

  if (n > p->remaining)
    n = (size_t)p->remaining;
  if (n == 0 && p->remaining > 0 && p->begun)
    return USED_UP;
  slice->data = in->data;
  slice->len = n;
  slice->first = !p->begun;
  if (p->header.masked)
    wsuv_mask(in->data, in->data, n, p->header.masking_key, p->header.payload_len - p->remaining);
  advance(in, n);
  p->remaining -= n;
  p->begun = 1;
  slice->last = p->remaining == 0;
  if (slice->last)
    p->state = FRAME_BASE_HEADER;
  return SLICE;
}

void wsuv__frame_parser_init(struct wsuv__frame_parser *parser) {
  memset(parser, 0, sizeof *parser);
}

static int read_whole_frame(struct wsuv__frame_parser *p, const struct wsuv__frame_rules *rules,
                            struct wsuv__frame_input *in, struct wsuv__frame_slice *slice) {
  int is_masked = rules->role == WSUV_SERVER;
  struct wsuv__whole_frame frame;

  if (p->npartial > 0 || !wsuv__whole_frame_read(&frame, rules, is_masked, in->data, in->len))
    return 0;
  p->header.opcode = frame.opcode;
  p->header.fin = frame.fin;
  p->header.rsv = 0;
  p->header.masked = (uint8_t)is_masked;
  p->header.payload_len = frame.len;
  p->remaining = 0;
  slice->data = frame.payload;
  slice->len = frame.len;
  slice->first = 1;
  slice->last = 1;
  if (is_masked)
    wsuv__whole_frame_unmask(frame.payload, frame.len);
  advance(in, (size_t)(frame.payload - in->data) + frame.len);
  return SLICE;
}

/* The states in order, so that a frame that came whole is read without turning back. */
int wsuv__frame_parser_next(struct wsuv__frame_parser *parser,
                            const struct wsuv__frame_rules *rules, struct wsuv__frame_input *in,
                            struct wsuv__frame_slice *slice) {
  int rc = NEXT_STATE;

  if (parser->state == FRAME_BASE_HEADER) {
    if (read_whole_frame(parser, rules, in, slice))
      return SLICE;
    rc = read_base_header(parser, rules, in);
  }
  if (rc == NEXT_STATE && parser->state == FRAME_EXTENDED_HEADER)
    rc = read_extended_header(parser, rules, in);
  if (rc == NEXT_STATE && parser->state == FRAME_PAYLOAD_DATA)
    return read_payload_data(parser, in, slice);
  if (parser->state == FRAME_FAILED)
    return parser->error;
  if (rc < 0) {
    parser->state = FRAME_FAILED;
    parser->error = rc;
  }
  return rc;
}
