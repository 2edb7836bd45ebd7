/* Numbers: what happened on a connection, a server, a loop. */
#ifndef WSUV_STATS_H
#define WSUV_STATS_H

#include "wsuv/server.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why a server did not open a connection that came. */
typedef enum wsuv_rejection {
  WSUV_REJECTED_MALFORMED, /* no HTTP, or not a handshake of RFC 6455: 400, 405, 413, 426, 431, 505 */
  WSUV_REJECTED_ORIGIN,    /* 403 by the server's rule on Origin */
  WSUV_REJECTED_BY_APPLICATION, /* wsuv_upgrade_reject or redirect of a handshake */
  WSUV_REJECTED_CONNECTIONS,    /* max_connections: 503 */
  WSUV_REJECTED_ADDRESS,        /* max_connections_per_address: 429 */
  WSUV_REJECTED_HANDSHAKES,     /* max_handshakes: 503 */
  WSUV_REJECTED_SLOW,           /* handshake_timeout_ms: 408, or nothing for who said nothing */
  WSUV_REJECTED_STOPPING,       /* the server drains or is closed: 503 */
  WSUV_REJECTED_BUDGET,         /* the loop's memory_budget: 503 */
  WSUV_REJECTED_TLS,            /* the TLS handshake failed */
  WSUV_REJECTED_RESOURCES,      /* no memory, no descriptors: dropped */
  WSUV_NREJECTIONS
} wsuv_rejection_t;

#ifdef __cplusplus
}
#endif

#endif
