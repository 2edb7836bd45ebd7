#include "wsuv/protocol.h"

const char *wsuv_opcode_name(int opcode) {
  switch (opcode) {
  case WSUV_CONTINUATION:
    return "continuation";
  case WSUV_TEXT:
    return "text";
  case WSUV_BINARY:
    return "binary";
  case WSUV_CLOSE:
    return "close";
  case WSUV_PING:
    return "ping";
  case WSUV_PONG:
    return "pong";
  default:
    return NULL;
  }
}

int wsuv_opcode_is_control(int opcode) {
  return opcode >= 8 && opcode <= 15;
}
