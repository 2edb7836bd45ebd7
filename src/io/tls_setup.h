/* One reading of a context's options: the SSL_CTXs of its identities, and what their callbacks need. Any number of connections
 * on any threads share it; what changes in it is under its lock. */
#ifndef WSUV_IO_TLS_SETUP_H
#define WSUV_IO_TLS_SETUP_H

#include <openssl/ssl.h>
#include <uv.h>

#include "base/alloc.h"
#include "io/tls_fault.h"
#include "io/tls_sessions.h"
#include "io/tls_tickets.h"
#include "wsuv/tls.h"

#define WSUV__TLS_PIN_SIZE 32 /* SHA-256 */

struct wsuv__tls_staple {
  unsigned char *response;
  size_t len;
};

struct wsuv__tls_setup {
  wsuv_allocator_t allocator;
  uv_mutex_t lock; /* of nrefs, tickets and sessions */
  unsigned nrefs;
  wsuv_role_t role;
  SSL_CTX **ctxs; /* one for each identity; the first is the one that connections are made of */
  struct wsuv__tls_staple *staples; /* one for each */
  size_t nctxs;
  unsigned char (*pins)[WSUV__TLS_PIN_SIZE];
  size_t npins;
  int skips_verification;
  uint64_t session_lifetime_s;        /* 0: no resumption */
  unsigned char id[16];               /* sessions of another reading are not resumed */
  struct wsuv__tickets tickets;       /* server */
  struct wsuv__tls_sessions sessions; /* client */
  uv_file keylog;                     /* -1: none */
  int is_foreign;                     /* of an SSL_CTX of the application's */
};

/* The options are judged and everything is read. 0, or the fault's error and *out is NULL. */
int wsuv__tls_setup_new(struct wsuv__tls_setup **out, wsuv_role_t role,
                        const wsuv_tls_options_t *options, const wsuv_allocator_t *a,
                        struct wsuv__tls_fault *fault);

/* Of an SSL_CTX of the application's, to which a reference is taken. WSUV_ENOMEM. */
int wsuv__tls_setup_of_ssl_ctx(struct wsuv__tls_setup **out, wsuv_role_t role, SSL_CTX *ssl_ctx,
                               const wsuv_allocator_t *a);

/* One reference more, and one less: the last one frees it. Any thread. */
void wsuv__tls_setup_ref(struct wsuv__tls_setup *setup);
void wsuv__tls_setup_unref(struct wsuv__tls_setup *setup);

#endif
