/* A program that uses the core only: it must link without libuv. */
#include <stdio.h>
#include <string.h>

#include <wsuv/errno.h>
#include <wsuv/protocol.h>
#include <wsuv/version.h>

int main(void) {
  printf("wsuv-core %s, %s\n", wsuv_version_string(), wsuv_err_name(WSUV_EQUEUEFULL));
  return strcmp(wsuv_opcode_name(WSUV_TEXT), "text") == 0 ? 0 : 1;
}
