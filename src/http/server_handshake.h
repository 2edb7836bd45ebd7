/* The server's half of the opening handshake (RFC 6455 4.2). */
#ifndef WSUV_HTTP_SERVER_HANDSHAKE_H
#define WSUV_HTTP_SERVER_HANDSHAKE_H

#include "http/handshake.h"

/* The verdict on the request. */
int wsuv__server_handshake_judge(wsuv_handshake_t *h);

#endif
