/* A client's sessions, by host: the last ones, and each of TLS 1.3 is used once (RFC 8446 C.4). */
#ifndef WSUV_IO_TLS_SESSIONS_H
#define WSUV_IO_TLS_SESSIONS_H

#include <openssl/ssl.h>

#include "base/alloc.h"

#define WSUV__TLS_SESSIONS_MAX 64u

struct wsuv__tls_session {
  char *host; /* "localhost:443" */
  SSL_SESSION *session;
};

/* In the order in which they were put in; all zero is an empty one. */
struct wsuv__tls_sessions {
  struct wsuv__tls_session entries[WSUV__TLS_SESSIONS_MAX];
  unsigned n;
};

/* Takes the caller's reference; replaces the host's, or else the oldest. Without memory it is dropped. */
void wsuv__tls_sessions_put(struct wsuv__tls_sessions *sessions, const wsuv_allocator_t *a,
                            const char *host, SSL_SESSION *session);

/* A reference to the host's session, now the caller's; NULL: there is none. */
SSL_SESSION *wsuv__tls_sessions_take(struct wsuv__tls_sessions *sessions, const wsuv_allocator_t *a,
                                     const char *host);

void wsuv__tls_sessions_clear(struct wsuv__tls_sessions *sessions, const wsuv_allocator_t *a);

#endif
