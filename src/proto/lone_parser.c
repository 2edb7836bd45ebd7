/* The parser of wsuv/frame_parser.h: the engine with its rules, for programs that have no endpoint. */
#include <string.h>

#include "base/option.h"
#include "proto/frame.h"
#include "proto/frame_parser.h"

int wsuv_frame_parser_init(wsuv_frame_parser_t *parser,
                           const wsuv_frame_parser_options_t *options) {
  static const wsuv_frame_parser_options_t unjudged = {sizeof unjudged, (wsuv_role_t)0, 0, 7,
                                                       WSUV_CUSTOM_OPCODES};
  const wsuv_frame_parser_options_t *o = options != NULL ? options : &unjudged;
  struct wsuv__frame_rules *rules = &parser->rules;

  memset(parser, 0, sizeof *parser);
  if (o->size < sizeof *o || (int)o->role < 0 || (int)o->role > (int)WSUV_CLIENT)
    return WSUV_EINVAL;
  if (o->rsv < 0 || o->rsv > 7 || (o->opcodes & ~WSUV_CUSTOM_OPCODES) != 0)
    return WSUV_EINVAL;
  rules->role = (uint8_t)o->role;
  rules->lenient_masking = (int)o->role == 0;
  rules->rsv_data = (uint8_t)o->rsv;
  rules->rsv_control = (uint8_t)o->rsv;
  rules->opcodes = (uint16_t)o->opcodes;
  return wsuv__option_take(&rules->max_payload_len, o->max_frame_size, INT64_MAX, INT64_MAX);
}

/* The engine keeps the key only where it needs it later. It is what stands right before the payload, unless a split was in
 * between, and then it was kept. */
static void keep_key(struct wsuv__frame_parser *p, const uint8_t *data,
                     const struct wsuv__frame_slice *piece) {
  if (piece->first && p->header.masked && piece->data - data >= 4)
    memcpy(p->header.masking_key, piece->data - 4, 4);
}

int wsuv_frame_parser_next(wsuv_frame_parser_t *parser, uint8_t **data, size_t *len,
                           wsuv_frame_slice_t *slice) {
  struct wsuv__frame_input in = {*data, *len};
  struct wsuv__frame_slice piece;
  int rc = wsuv__frame_parser_next(&parser->state, &parser->rules, &in, &piece);

  if (rc <= 0) {
    memset(slice, 0, sizeof *slice);
  } else {
    keep_key(&parser->state, *data, &piece);
    slice->data = piece.data;
    slice->len = piece.len;
    slice->offset = parser->state.header.payload_len - parser->state.remaining - piece.len;
    slice->first = piece.first;
    slice->last = piece.last;
  }
  *data = in.data;
  *len = in.len;
  return rc;
}

const wsuv_frame_header_t *wsuv_frame_parser_header(const wsuv_frame_parser_t *parser) {
  return &parser->state.header;
}

uint64_t wsuv_frame_parser_outstanding(const wsuv_frame_parser_t *parser) {
  const struct wsuv__frame_parser *p = &parser->state;
  size_t nlength = wsuv__frame_length_octets(p->len7);

  if (p->state == FRAME_PAYLOAD_DATA)
    return p->remaining;
  if (p->state == FRAME_BASE_HEADER)
    return p->npartial > 0 ? 1 : 0;
  if (p->state != FRAME_EXTENDED_HEADER)
    return 0;
  return nlength + (p->header.masked ? 4u : 0u) - p->npartial + (nlength == 0 ? p->len7 : 0u);
}

int wsuv_frame_parser_error(const wsuv_frame_parser_t *parser) {
  return parser->state.error;
}
