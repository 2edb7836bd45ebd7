/* What OpenSSL asks during a handshake: which certificate, which protocol, which ticket key, whether the peer will do. */
#ifndef WSUV_IO_TLS_CALLBACKS_H
#define WSUV_IO_TLS_CALLBACKS_H

#include "io/tls_setup.h"

/* All that the setup's i-th SSL_CTX needs. 0, or -1 for want of memory. */
int wsuv__tls_callbacks_set(SSL_CTX *ctx, struct wsuv__tls_setup *setup, size_t i);

/* SHA-256 of a certificate's SubjectPublicKeyInfo: non-zero when done. */
int wsuv__tls_callbacks_pin_of(const X509 *cert, unsigned char out[WSUV__TLS_PIN_SIZE]);

#endif
