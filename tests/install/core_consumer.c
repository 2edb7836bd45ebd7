/* A program that uses the core only: it must link without libuv. */
#include <stdio.h>
#include <string.h>

#include <wsuv/errno.h>
#include <wsuv/message.h>
#include <wsuv/protocol.h>
#include <wsuv/version.h>

/* A frame there and back, through the layers that need no endpoint. */
static int is_read_again(void) {
  wsuv_frame_parser_t parser;
  wsuv_streamer_t streamer;
  wsuv_frame_slice_t slice;
  wsuv_frame_t frame;
  uint8_t octets[16];
  uint8_t *data = octets;
  size_t len;

  if (wsuv_streamer_init(&streamer, WSUV_SERVER, WSUV_TEXT, NULL, NULL) != 0 ||
      wsuv_streamer_final(&streamer, "hello", 5, &frame) != 0 ||
      wsuv_frame_encode(&frame, octets, sizeof octets, &len) != 0 ||
      wsuv_frame_parser_init(&parser, NULL) != 0 ||
      wsuv_frame_parser_next(&parser, &data, &len, &slice) != 1)
    return 0;
  return slice.last && slice.len == 5 && memcmp(slice.data, "hello", 5) == 0;
}

int main(void) {
  printf("wsuv-core %s, %s\n", wsuv_version_string(), wsuv_err_name(WSUV_EQUEUEFULL));
  return strcmp(wsuv_opcode_name(WSUV_TEXT), "text") == 0 && is_read_again() ? 0 : 1;
}
