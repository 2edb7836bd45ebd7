/* Pings and the Pongs that answer them (RFC 6455 5.5.2, 5.5.3), without an endpoint: which payload to send, and whether a
 * Pong counts. Knows no clock.
 */
#ifndef WSUV_HEARTBEAT_H
#define WSUV_HEARTBEAT_H

#include "wsuv/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WSUV_PING_PAYLOAD_MAX 64 /* octets that wsuv_ping_store_add may write, the NUL included */

typedef enum wsuv_ping_policy {
  WSUV_PONG_ANSWERS_ALL = 0, /* a Pong for any unanswered Ping answers all of them */
  WSUV_PONG_IN_ORDER = 1     /* only one for the oldest counts, and answers that */
} wsuv_ping_policy_t;

/* The Pings that are not answered, in a few octets however many they are. Its members are private. One thread at a time. */
typedef struct wsuv_ping_store {
  int (*random)(void *arg, void *buf, size_t len);
  void *random_arg;
  uint64_t nonce;  /* of the Pings since none was outstanding */
  uint64_t serial; /* of the first of them */
  uint32_t oldest; /* number of the oldest that is outstanding, from 1 */
  uint32_t next;   /* number of the next one */
  uint8_t policy;
} wsuv_ping_store_t;

/* `random` fills `buf` and returns 0 or a negative error (wsuv_random will do): it makes payloads that a peer cannot answer
 * without having received them. WSUV_EINVAL (no `random`, an unknown policy). */
WSUV_EXTERN int wsuv_ping_store_init(wsuv_ping_store_t *store, wsuv_ping_policy_t policy,
                                     int (*random)(void *arg, void *buf, size_t len),
                                     void *random_arg);

/* One Ping more: writes its payload, printable ASCII with a NUL behind it, and returns its length. It begins "ping #N ", N
 * counting from 1 since none was outstanding, and differs from all others of this store, also those before a reset.
 * WSUV_ERANDOM, WSUV_ENOBUFS (2^32 are outstanding): nothing was added. */
WSUV_EXTERN int wsuv_ping_store_add(wsuv_ping_store_t *store, char payload[WSUV_PING_PAYLOAD_MAX]);

/* A Pong came: non-zero if it answers an outstanding Ping as the policy has it. Any other Pong changes nothing. */
WSUV_EXTERN int wsuv_ping_store_remove(wsuv_ping_store_t *store, const void *payload, size_t len);

/* How many are outstanding. */
WSUV_EXTERN uint32_t wsuv_ping_store_count(const wsuv_ping_store_t *store);

/* Forgets them: late Pongs will not count. */
WSUV_EXTERN void wsuv_ping_store_reset(wsuv_ping_store_t *store);

#ifdef __cplusplus
}
#endif

#endif
