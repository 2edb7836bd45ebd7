/* The client's half of the opening handshake (RFC 6455 4.1). */
#ifndef WSUV_HTTP_CLIENT_HANDSHAKE_H
#define WSUV_HTTP_CLIENT_HANDSHAKE_H

#include "http/handshake.h"

/* Reads the options that are for clients and writes the request. 0, WSUV_EINVAL, WSUV_EURL, WSUV_ERANDOM, WSUV_ENOMEM. */
int wsuv__client_handshake_prepare(wsuv_handshake_t *h, const wsuv_handshake_options_t *options);

/* The verdict on the response. */
int wsuv__client_handshake_judge(wsuv_handshake_t *h);

#endif
