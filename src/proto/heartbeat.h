/* Pings not yet answered (RFC 6455 5.5.2). All pings since the last answer share one random nonce, so that a Pong can be
 * recognised without keeping payloads; a Pong for any of them answers all. */
#ifndef WSUV_PROTO_HEARTBEAT_H
#define WSUV_PROTO_HEARTBEAT_H

#include <stddef.h>
#include <stdint.h>

#define WSUV__HEARTBEAT_PAYLOAD_MAX 40

struct wsuv__heartbeat {
  uint64_t nonce;
  uint32_t outstanding;
};

/* The next Ping's payload, "ping #N NONCE": returns its length. N counts from 1; a new nonce is drawn for the first. A
 * negative error comes from `random`, and nothing changed. */
int wsuv__heartbeat_next(struct wsuv__heartbeat *heartbeat,
                         int (*random)(void *arg, void *buf, size_t len), void *random_arg,
                         char out[WSUV__HEARTBEAT_PAYLOAD_MAX]);

/* The last Ping did not get queued after all. */
void wsuv__heartbeat_undo(struct wsuv__heartbeat *heartbeat);

/* The number of the outstanding Ping that the Pong answers, and then none is outstanding; 0: it answers none. */
int wsuv__heartbeat_answer(struct wsuv__heartbeat *heartbeat, const uint8_t *payload, size_t len);

#endif
