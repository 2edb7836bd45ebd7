#include "proto/frame.h"

#include <string.h>

#include "base/bytes.h"

#define LEN_16 126 /* RFC 6455 5.2: the 7-bit length says that 2 or 8 octets of length follow */
#define LEN_64 127

static int judge_header(const wsuv_frame_header_t *h) {
  if (h->opcode > 15 || h->rsv > 7 || h->payload_len > INT64_MAX)
    return WSUV_EINVAL;
  if (!wsuv_opcode_is_control(h->opcode))
    return 0;
  if (!h->fin)
    return WSUV_ECONTROLFIN;
  return h->payload_len > WSUV_CONTROL_PAYLOAD_MAX ? WSUV_ECONTROLSIZE : 0;
}

static uint8_t *put_length(uint8_t *p, uint64_t len, uint8_t mask_bit) {
  if (len < LEN_16) {
    *p++ = (uint8_t)(mask_bit | len);
  } else if (len <= UINT16_MAX) {
    *p++ = (uint8_t)(mask_bit | LEN_16);
    wsuv__store_be16(p, (uint16_t)len);
    p += 2;
  } else {
    *p++ = (uint8_t)(mask_bit | LEN_64);
    wsuv__store_be64(p, len);
    p += 8;
  }
  return p;
}

int wsuv_frame_header_encode(const wsuv_frame_header_t *header,
                             uint8_t out[WSUV_FRAME_HEADER_MAX]) {
  uint8_t *p = out;
  int err = judge_header(header);

  if (err != 0)
    return err;
  *p++ = (uint8_t)((header->fin ? 0x80 : 0) | (header->rsv << 4) | header->opcode);
  p = put_length(p, header->payload_len, header->masked ? 0x80 : 0);
  if (header->masked) {
    memcpy(p, header->masking_key, 4);
    p += 4;
  }
  return (int)(p - out);
}

int wsuv__frame_read_length(const uint8_t *octets, uint8_t len7, uint64_t *len) {
  if (len7 == LEN_16) {
    *len = wsuv__load_be16(octets);
    return *len < LEN_16 ? WSUV_ELENGTH : 0;
  }
  if (len7 == LEN_64) {
    *len = wsuv__load_be64(octets);
    return *len <= UINT16_MAX || *len > INT64_MAX ? WSUV_ELENGTH : 0;
  }
  *len = len7;
  return 0;
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
    err = judge_header(header);
  if (err != 0)
    return err;
  if (header->masked)
    memcpy(header->masking_key, data + 2 + noctets, 4);
  return (int)total;
}
