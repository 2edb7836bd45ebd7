#include <string.h>

#include "proto/endpoint.h"

/* Errors that a frame of the peer's caused. Nothing is parsed after one, so that its header is still the parser's. */
static int is_about_a_frame(int err) {
  return (err <= WSUV_EUNMASKED && err >= WSUV_EMSGSIZE) || err == WSUV_EPAYLOAD ||
         err == WSUV_EFRAGMENTS;
}

int wsuv_endpoint_fault(const wsuv_endpoint_t *ep, wsuv_endpoint_fault_t *fault) {
  memset(fault, 0, sizeof *fault);
  fault->error = ep->error;
  if (!is_about_a_frame(ep->error))
    return fault->error;
  fault->frame = ep->parser.header;
  memset(fault->frame.masking_key, 0, sizeof fault->frame.masking_key);
  fault->close_code = ep->error == WSUV_ECLOSECODE ? ep->bad_code : 0;
  fault->message_size = ep->message.size;
  return fault->error;
}
