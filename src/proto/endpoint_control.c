/* Control frames beyond those of RFC 6455. */
#include "proto/endpoint_filter.h"
#include "proto/extensions.h"

static int ask_extension(struct wsuv_endpoint *ep, uint8_t opcode, const uint8_t *payload,
                         size_t len) {
  struct wsuv__extensions *set = ep->extensions;
  size_t i;

  for (i = 0; set != NULL && i < set->nstages; i++) {
    const wsuv_extension_t *extension = set->stages[i].extension;
    if (((extension->opcodes >> opcode) & 1) != 0 && extension->control != NULL)
      return extension->control(set->stages[i].session, opcode, payload, len);
  }
  return 0;
}

/* Claimed, but nobody is there to take it: as an unknown one (SEED-SPEC PER.8). */
int wsuv__endpoint_take_custom_control(struct wsuv_endpoint *ep, uint8_t opcode,
                                       const uint8_t *payload, size_t len) {
  int rc = ask_extension(ep, opcode, payload, len);

  if (rc != 0 || !wsuv__endpoint_is_parsing(ep))
    return rc < 0 ? rc : 0;
  if (ep->handler->on_control == NULL)
    return WSUV_EOPCODE;
  ep->handler->on_control(ep->data, opcode, payload, len);
  return 0;
}

int wsuv_endpoint_message_rsv(const wsuv_endpoint_t *ep) {
  return ep->message.rsv;
}
