#include "cost_zlib.h"

#include "process.h"

size_t cost_zlib_pack(stream_t *z, const message_t *text, uint8_t *out, size_t room) {
  z->next_in = text->payload;
  z->avail_in = (unsigned)text->len;
  z->next_out = out;
  z->avail_out = (unsigned)room;
  must(Z(deflate)(z, Z_SYNC_FLUSH) == Z_OK && z->avail_out > 0, "deflate");
  return room - z->avail_out;
}

static size_t unpack(stream_t *z, const uint8_t *octets, size_t len, uint8_t *out, size_t room) {
  z->next_in = octets;
  z->avail_in = (unsigned)len;
  z->next_out = out;
  z->avail_out = (unsigned)room;
  must(Z(inflate)(z, Z_SYNC_FLUSH) == Z_OK && z->avail_in == 0, "inflate");
  return room - z->avail_out;
}

void cost_zlib_open(cost_zlib_t *zlib, const cost_mode_t *mode, const cost_texts_t *texts,
                    const cost_input_t *input) {
  zlib->mode = mode;
  zlib->compressed = &input->compressed;
  zlib->nmessages = texts->messages.n;
  zlib->room = texts->room;
  zlib->plain = allocate(texts->room);
  zlib->packed = allocate(texts->room);
  zlib->npairs = mode->takeover ? texts->nconns : 1;
  zlib->pairs = allocate(zlib->npairs * sizeof *zlib->pairs);
  for (size_t i = 0; i < zlib->npairs; i++) {
    cost_pair_t *pair = &zlib->pairs[i];
    must(Z(inflateInit2)(&pair->inflate, -mode->inflate_bits) == Z_OK, "inflateInit2");
    must(Z(deflateInit2)(&pair->deflate, mode->level, Z_DEFLATED, -mode->deflate_bits,
                         mode->mem_level, Z_DEFAULT_STRATEGY) == Z_OK,
         "deflateInit2");
  }
}

size_t cost_zlib_convert(cost_zlib_t *zlib, size_t i) {
  cost_pair_t *pair = &zlib->pairs[i % zlib->npairs];
  size_t len;
  const uint8_t *octets = cost_piece(zlib->compressed, i, &len);
  message_t text = {zlib->plain, unpack(&pair->inflate, octets, len, zlib->plain, zlib->room)};
  len = cost_zlib_pack(&pair->deflate, &text, zlib->packed, zlib->room);
  if (!zlib->mode->takeover) {
    (void)Z(inflateReset)(&pair->inflate);
    (void)Z(deflateReset)(&pair->deflate);
  }
  return len;
}

void cost_zlib_convert_all(cost_zlib_t *zlib) {
  for (size_t i = 0; i < zlib->nmessages; i++) {
    (void)cost_zlib_convert(zlib, i);
  }
}
