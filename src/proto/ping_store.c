/* Pings by number: since payloads can be made again from their number none has to be kept. */
#include "wsuv/heartbeat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "wsuv/errno.h"

#define PREFIX "ping #"

int wsuv_ping_store_init(wsuv_ping_store_t *store, wsuv_ping_policy_t policy,
                         int (*random)(void *arg, void *buf, size_t len), void *random_arg) {
  memset(store, 0, sizeof *store);
  if (random == NULL || (policy != WSUV_PONG_ANSWERS_ALL && policy != WSUV_PONG_IN_ORDER))
    return WSUV_EINVAL;
  store->random = random;
  store->random_arg = random_arg;
  store->policy = (uint8_t)policy;
  store->oldest = 1;
  store->next = 1;
  return 0;
}

/* The serial number makes the payload certainly unlike all others, the nonce makes it hard to guess. */
static int write_payload(const wsuv_ping_store_t *store, uint32_t number,
                         char out[WSUV_PING_PAYLOAD_MAX]) {
  return snprintf(out, WSUV_PING_PAYLOAD_MAX, PREFIX "%" PRIu32 " %" PRIu64 "-%016" PRIx64, number,
                  store->serial + number, store->nonce);
}

int wsuv_ping_store_add(wsuv_ping_store_t *store, char payload[WSUV_PING_PAYLOAD_MAX]) {
  if (store->next == UINT32_MAX)
    return WSUV_ENOBUFS;
  if (store->oldest == store->next &&
      store->random(store->random_arg, &store->nonce, sizeof store->nonce) != 0)
    return WSUV_ERANDOM;
  return write_payload(store, store->next++, payload);
}

/* The N of "ping #N ..."; 0: none. */
static uint64_t read_number(const char *text, size_t len) {
  uint64_t number = 0;
  size_t i = sizeof PREFIX - 1;

  if (len < i || memcmp(text, PREFIX, i) != 0)
    return 0;
  for (; i < len && text[i] >= '0' && text[i] <= '9' && number <= UINT32_MAX; i++)
    number = number * 10 + (uint64_t)(text[i] - '0');
  return number;
}

int wsuv_ping_store_remove(wsuv_ping_store_t *store, const void *payload, size_t len) {
  char expected[WSUV_PING_PAYLOAD_MAX];
  uint64_t number = len > 0 ? read_number(payload, len) : 0;

  if (number < store->oldest || number >= store->next)
    return 0;
  if ((size_t)write_payload(store, (uint32_t)number, expected) != len ||
      memcmp(expected, payload, len) != 0)
    return 0;
  if (store->policy == WSUV_PONG_IN_ORDER) {
    if (number != store->oldest)
      return 0;
    store->oldest++;
  }
  if (store->policy == WSUV_PONG_ANSWERS_ALL || store->oldest == store->next)
    wsuv_ping_store_reset(store);
  return 1;
}

uint32_t wsuv_ping_store_count(const wsuv_ping_store_t *store) {
  return store->next - store->oldest;
}

void wsuv_ping_store_reset(wsuv_ping_store_t *store) {
  store->serial += store->next - 1;
  store->oldest = 1;
  store->next = 1;
}
