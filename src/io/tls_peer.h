/* What an SSL knows of its connection and its peer. */
#ifndef WSUV_IO_TLS_PEER_H
#define WSUV_IO_TLS_PEER_H

#include <openssl/ssl.h>

#include "wsuv/tls.h"

void wsuv__tls_peer_info(const SSL *ssl, int skips_verification, wsuv_tls_info_t *info);

/* WSUV_ENOCERT, WSUV_ENOBUFS, WSUV_EINVAL, WSUV_ENOMEM. */
int wsuv__tls_peer_fact(const SSL *ssl, wsuv_tls_peer_fact_t fact, char *out, size_t size);

#endif
