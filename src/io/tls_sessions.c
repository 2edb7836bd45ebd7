#include "io/tls_sessions.h"

#include <string.h>

static unsigned find(const struct wsuv__tls_sessions *sessions, const char *host) {
  unsigned i;

  for (i = 0; i < sessions->n; i++)
    if (strcmp(sessions->entries[i].host, host) == 0)
      break;
  return i;
}

/* Those behind it move up. The session is the caller's. */
static SSL_SESSION *take_out(struct wsuv__tls_sessions *sessions, const wsuv_allocator_t *a,
                             unsigned at) {
  SSL_SESSION *session = sessions->entries[at].session;

  wsuv__release(a, sessions->entries[at].host);
  sessions->n--;
  memmove(&sessions->entries[at], &sessions->entries[at + 1],
          (sessions->n - at) * sizeof sessions->entries[0]);
  return session;
}

SSL_SESSION *wsuv__tls_sessions_take(struct wsuv__tls_sessions *sessions, const wsuv_allocator_t *a,
                                     const char *host) {
  unsigned at = find(sessions, host);
  SSL_SESSION *session;

  if (at == sessions->n)
    return NULL;
  session = sessions->entries[at].session;
  if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
    return take_out(sessions, a, at);
  return SSL_SESSION_up_ref(session) ? session : NULL;
}

void wsuv__tls_sessions_put(struct wsuv__tls_sessions *sessions, const wsuv_allocator_t *a,
                            const char *host, SSL_SESSION *session) {
  size_t size = strlen(host) + 1;
  char *copy = wsuv__alloc(a, size);
  unsigned at;

  if (copy == NULL) {
    SSL_SESSION_free(session);
    return;
  }
  memcpy(copy, host, size);
  at = find(sessions, host);
  if (at < sessions->n)
    SSL_SESSION_free(take_out(sessions, a, at));
  else if (sessions->n == WSUV__TLS_SESSIONS_MAX)
    SSL_SESSION_free(take_out(sessions, a, 0));
  sessions->entries[sessions->n].host = copy;
  sessions->entries[sessions->n].session = session;
  sessions->n++;
}

void wsuv__tls_sessions_clear(struct wsuv__tls_sessions *sessions, const wsuv_allocator_t *a) {
  while (sessions->n > 0)
    SSL_SESSION_free(take_out(sessions, a, sessions->n - 1));
}
