/* A message made once for many connections: what extensions make of it is made once for all receivers for which it would be the
 * same, with permessage-deflate all that have the same window and no context takeover.
 *
 * Threads: a prepared message, and those it is sent to, belong to one thread at a time.
 */
#ifndef WSUV_PREPARED_H
#define WSUV_PREPARED_H

#include "wsuv/endpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wsuv_prepared wsuv_prepared_t;

/* Copies the payload. `type`: WSUV_TEXT (must be valid UTF-8, else WSUV_EENCODING), WSUV_BINARY or an opcode of 3-7 that the
 * receivers claim. `flags`: 0 or WSUV_SEND_NO_COMPRESS. `allocator` NULL: malloc. WSUV_EINVAL, WSUV_ENOMEM; then *out is
 * NULL. */
WSUV_EXTERN int wsuv_prepared_new(wsuv_prepared_t **out, const wsuv_allocator_t *allocator,
                                  wsuv_opcode_t type, const void *payload, size_t len, int flags);

/* One more owner. */
WSUV_EXTERN void wsuv_prepared_ref(wsuv_prepared_t *prepared);

/* Ends an ownership, at any time: where it waits to be sent it is kept. The last owner's is to be called before the extensions
 * of the receivers are freed. NULL is allowed. */
WSUV_EXTERN void wsuv_prepared_free(wsuv_prepared_t *prepared);

/* Sends it, as wsuv_endpoint_send_message and with its errors. */
WSUV_EXTERN int wsuv_endpoint_send_prepared(wsuv_endpoint_t *endpoint, wsuv_prepared_t *prepared);

/* How often extensions were asked to encode it for receivers that share what comes of it. */
WSUV_EXTERN size_t wsuv_prepared_nvariants(const wsuv_prepared_t *prepared);

#ifdef __cplusplus
}
#endif

#endif
