/* The name in a ClientHello (RFC 6066 3), and who answers to it. */
#ifndef WSUV_IO_TLS_HELLO_H
#define WSUV_IO_TLS_HELLO_H

#include <stddef.h>
#include <stdint.h>

#define WSUV__SERVER_NAME_MAX 255

/* The first host_name of a server_name extension, in lower case and without a trailing dot. 0 and *out is "" where there is
 * none, or where it is malformed or holds what no host name does. */
size_t wsuv__tls_hello_name(const uint8_t *extension, size_t len,
                            char out[WSUV__SERVER_NAME_MAX + 1]);

#endif
