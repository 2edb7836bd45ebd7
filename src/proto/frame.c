#include "proto/frame.h"

#include <string.h>

int wsuv_frame_header_encode(const wsuv_frame_header_t *header,
                             uint8_t out[WSUV_FRAME_HEADER_MAX]) {
  int err = wsuv__frame_judge_header(header);

  return err != 0 ? err : (int)(wsuv__frame_put_header(out, header) - out);
}

size_t wsuv__frame_total_len(const uint8_t *data) {
  uint8_t len7 = data[1] & 0x7F;
  uint64_t payload_len = 0;

  (void)wsuv__frame_read_length(data + 2, len7, &payload_len);
  return 2 + wsuv__frame_length_octets(len7) + ((data[1] & 0x80) != 0 ? 4u : 0u) +
         (size_t)payload_len;
}

int wsuv_frame_header_decode(wsuv_frame_header_t *header, const uint8_t *data, size_t len) {
  size_t noctets;
  size_t total;
  int err;

  if (len < 2)
    return 0;
  noctets = wsuv__frame_length_octets(data[1] & 0x7F);
  total = 2 + noctets + ((data[1] & 0x80) != 0 ? 4 : 0);
  if (len < total)
    return 0;
  memset(header, 0, sizeof *header);
  header->fin = data[0] >> 7;
  header->rsv = (data[0] >> 4) & 7;
  header->opcode = data[0] & 15;
  header->masked = data[1] >> 7;
  err = wsuv__frame_read_length(data + 2, data[1] & 0x7F, &header->payload_len);
  if (err == 0)
    err = wsuv__frame_judge_header(header);
  if (err == 0 && !header->fin && (header->opcode & 8) != 0)
    err = WSUV_ECONTROLFIN;
  if (err != 0)
    return err;
  if (header->masked)
    memcpy(header->masking_key, data + 2 + noctets, 4);
  return (int)total;
}
