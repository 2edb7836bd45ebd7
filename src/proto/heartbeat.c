#include "proto/heartbeat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int write_payload(uint32_t number, uint64_t nonce, char out[WSUV__HEARTBEAT_PAYLOAD_MAX]) {
  return snprintf(out, WSUV__HEARTBEAT_PAYLOAD_MAX, "ping #%" PRIu32 " %016" PRIx64, number, nonce);
}

int wsuv__heartbeat_next(struct wsuv__heartbeat *heartbeat,
                         int (*random)(void *arg, void *buf, size_t len), void *random_arg,
                         char out[WSUV__HEARTBEAT_PAYLOAD_MAX]) {
  if (heartbeat->outstanding == 0) {
    int err = random(random_arg, &heartbeat->nonce, sizeof heartbeat->nonce);
    if (err != 0)
      return err;
  }
  heartbeat->outstanding++;
  return write_payload(heartbeat->outstanding, heartbeat->nonce, out);
}

void wsuv__heartbeat_undo(struct wsuv__heartbeat *heartbeat) {
  heartbeat->outstanding--;
}

int wsuv__heartbeat_answer(struct wsuv__heartbeat *heartbeat, const uint8_t *payload, size_t len) {
  char expected[WSUV__HEARTBEAT_PAYLOAD_MAX];
  uint32_t i;

  for (i = 1; i <= heartbeat->outstanding; i++) {
    int n = write_payload(i, heartbeat->nonce, expected);
    if ((size_t)n == len && memcmp(expected, payload, len) == 0) {
      heartbeat->outstanding = 0;
      return (int)i;
    }
  }
  return 0;
}
