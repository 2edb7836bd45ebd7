/* What an endpoint says of the fault that it found. */
#include <wsuv/endpoint.h>
#include <wsuv/handshake.h>

#include "support/check.h"
#include "support/guard_page.h"

struct fault_row {
  const char *name;
  const char *octets;
  size_t len;
  int err;
  int opcode;
  int rsv;
  uint64_t payload_len;
  int close_code;
  uint64_t message_size;
};

#define FAULT(octets, err, ...) \
  { #err, octets, sizeof(octets) - 1, err, __VA_ARGS__ }

static const struct fault_row faults[] = {
    FAULT("\x81\0", 0, 0, 0, 0, 0, 0),
    FAULT("\x81\3abc\x8b\1x", WSUV_EOPCODE, 11, 0, 0, 0, 0),
    FAULT("\x81\3abc\xd2\1x", WSUV_ERSV, 2, 5, 0, 0, 0),
    FAULT("\x01\3abc\x8b\1x", WSUV_EOPCODE, 11, 0, 0, 0, 3),
    FAULT("\x02\3abc\x80\1x\x80\1x", WSUV_ECONTINUATION, 0, 0, 1, 0, 0),
    FAULT("\x81\x84", WSUV_EMASKED, 1, 0, 0, 0, 0),
    FAULT("\x09\0", WSUV_ECONTROLFIN, 9, 0, 0, 0, 0),
    FAULT("\x89\x7e\0\x7e", WSUV_ECONTROLSIZE, 9, 0, 0, 0, 0),
    FAULT("\x82\x7e\0\x03", WSUV_ELENGTH, 2, 0, 3, 0, 0),
    FAULT("\x80\1x", WSUV_ECONTINUATION, 0, 0, 1, 0, 0),
    FAULT("\x01\3abc\x82\2x", WSUV_EINTERLEAVED, 2, 0, 2, 0, 3),
    FAULT("\x88\1x", WSUV_ECLOSEPAYLOAD, 8, 0, 1, 0, 0),
    FAULT("\x88\2\3\xed", WSUV_ECLOSECODE, 8, 0, 2, 1005, 0),
    FAULT("\x81\2\xff\xff", WSUV_EENCODING, 1, 0, 2, 0, 2),
    FAULT("\x02\3abc\x80\x0f", WSUV_EMSGSIZE, 0, 0, 15, 0, 3),
    FAULT("\x82\x7f\0\0\1\0\0\0\0\0", WSUV_EMSGSIZE, 2, 0, (uint64_t)1 << 40, 0, 0),
    FAULT("\x02\1a\0\1b\0\1c\0\0\x80\7", WSUV_EFRAGMENTS, 0, 0, 7, 0, 3),
};

/* covers: CORE.11 ERR.23 ERR.12 ERR.13 ERR.21 */
static void run_fault(const void *data) {
  const struct fault_row *row = data;
  static const wsuv_endpoint_handler_t handler = {.size = sizeof handler};
  wsuv_endpoint_options_t options = WSUV_ENDPOINT_OPTIONS_INIT(WSUV_CLIENT);
  struct guard_page page = guard_page_new(row->octets, row->len);
  wsuv_endpoint_fault_t fault;
  wsuv_endpoint_t *ep;
  options.random = wsuv_random;
  options.max_message_size = 10;
  options.max_fragments = 4;
  CHECK_ERR(0, wsuv_endpoint_new(&ep, &options, &handler, NULL));
  CHECK_ERR(row->err, wsuv_endpoint_receive(ep, page.data, page.len));
  guard_page_free(&page);
  CHECK_ERR(row->err, wsuv_endpoint_fault(ep, &fault));
  CHECK_ERR(row->err, fault.error);
  CHECK_INT(row->opcode, fault.frame.opcode);
  CHECK_INT(row->rsv, fault.frame.rsv);
  CHECK_SIZE(row->payload_len, fault.frame.payload_len);
  CHECK_INT(row->close_code, fault.close_code);
  CHECK_SIZE(row->message_size, fault.message_size);
  wsuv_endpoint_free(ep);
}

int main(void) {
  return CHECK_RUN_TABLE("endpoint faults", faults, run_fault);
}
