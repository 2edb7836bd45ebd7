/* PEM and DER from files or from memory: certificates, keys, authorities, revocation lists. */
#ifndef WSUV_IO_TLS_SOURCE_H
#define WSUV_IO_TLS_SOURCE_H

#include <openssl/ssl.h>

#include "base/alloc.h"
#include "io/tls_fault.h"
#include "wsuv/tls.h"

/* One of the two, or neither. */
struct wsuv__tls_source {
  const char *what; /* for errors, such as "key" */
  const char *file;
  const void *data;
  size_t len;
};

static inline int wsuv__tls_source_is_set(const struct wsuv__tls_source *source) {
  return source->file != NULL || source->data != NULL;
}

/* The identity's certificate, chain and key into the SSL_CTX. Each function here: 0, or the fault's error. */
int wsuv__tls_source_use_identity(SSL_CTX *ctx, const wsuv_tls_identity_t *identity,
                                  const wsuv_allocator_t *a, struct wsuv__tls_fault *fault);

/* All certificates as authorities; `shown` non-zero: a server names them to its clients. */
int wsuv__tls_source_use_authorities(SSL_CTX *ctx, const struct wsuv__tls_source *source, int shown,
                                     const wsuv_allocator_t *a, struct wsuv__tls_fault *fault);

/* All revocation lists; from then on they are asked. */
int wsuv__tls_source_use_crls(SSL_CTX *ctx, const struct wsuv__tls_source *source,
                              const wsuv_allocator_t *a, struct wsuv__tls_fault *fault);

/* An OCSP response, in memory of OpenSSL's that is the caller's. */
int wsuv__tls_source_read_ocsp(const struct wsuv__tls_source *source, unsigned char **out,
                               size_t *len, const wsuv_allocator_t *a,
                               struct wsuv__tls_fault *fault);

#endif
