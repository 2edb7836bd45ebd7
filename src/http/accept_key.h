/* What the opening handshake needs of cryptography; the only module of http/ that knows OpenSSL. wsuv_handshake_accept_key
 * and wsuv_random (wsuv/handshake.h) live here too. */
#ifndef WSUV_HTTP_ACCEPT_KEY_H
#define WSUV_HTTP_ACCEPT_KEY_H

#include <stddef.h>

#define WSUV__KEY_LEN    24 /* base64 of 16 bytes */
#define WSUV__ACCEPT_LEN 28 /* base64 of 20 bytes */

/* Characters of base64 for `len` bytes, without the NUL. */
#define WSUV__BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* Standard alphabet with padding and a NUL; `out` holds WSUV__BASE64_LEN(len) + 1. `len` is below 1 GiB. */
void wsuv__accept_key_base64(char *out, const void *data, size_t len);

/* A fresh Sec-WebSocket-Key (RFC 6455 4.1 item 7 of the request). 0, WSUV_ERANDOM. */
int wsuv__accept_key_generate(char key[WSUV__KEY_LEN + 1]);

/* Non-zero for 22 characters of the standard alphabet and "==": 16 bytes. */
int wsuv__accept_key_is_valid(const char *key, size_t len);

#endif
