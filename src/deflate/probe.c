#include "deflate/probe.h"

#define SAMPLE_SIZE 256u
#define NPIECES     8u
#define PIECE_SIZE  (SAMPLE_SIZE / NPIECES)
#define MIN_LEN     512u

/* Of 256 random octets about 162 are different, and fewer than 140 once in a thousand times; text has under 100. */
#define RANDOM_VALUES 140u

int wsuv__looks_random(const uint8_t *data, size_t len) {
  uint8_t seen[256] = {0};
  size_t stride = len / NPIECES;
  unsigned nvalues = 0;
  size_t i;
  size_t k;

  if (len < MIN_LEN)
    return 0;
  for (i = 0; i < NPIECES; i++) {
    const uint8_t *piece = data + i * stride + (stride - PIECE_SIZE) / 2;
    for (k = 0; k < PIECE_SIZE; k++) {
      nvalues += !seen[piece[k]];
      seen[piece[k]] = 1;
    }
  }
  return nvalues >= RANDOM_VALUES;
}
