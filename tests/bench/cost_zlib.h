/* zlib alone, the side that bench_deflate_cost compares with: a pair of contexts with the parameters of a mode decompresses and
 * compresses what the library's side does. */
#ifndef WSUV_BENCH_COST_ZLIB_H
#define WSUV_BENCH_COST_ZLIB_H

#include "cost_input.h"
#include "zlib_stream.h"

typedef struct cost_pair {
  stream_t inflate;
  stream_t deflate;
} cost_pair_t;

/* A pair for each connection, or one for all where contexts are not taken over. */
typedef struct cost_zlib {
  const cost_mode_t *mode;
  const cost_row_t *compressed;
  cost_pair_t *pairs;
  size_t npairs;
  size_t nmessages;
  uint8_t *plain; /* one message */
  uint8_t *packed;
  size_t room; /* of the two */
} cost_zlib_t;

void cost_zlib_open(cost_zlib_t *zlib, const cost_mode_t *mode, const cost_texts_t *texts,
                    const cost_input_t *input);

/* That message decompressed and compressed again: what it is as an echo. Returns its length in `packed`, with the tail. */
size_t cost_zlib_convert(cost_zlib_t *zlib, size_t i);

/* All of them: what is measured, and what a profile can be told to begin with. */
void cost_zlib_convert_all(cost_zlib_t *zlib);

/* A message with the tail at its end, into `room` octets. Returns the length. */
size_t cost_zlib_pack(stream_t *z, const message_t *text, uint8_t *out, size_t room);

#endif
