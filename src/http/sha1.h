/* The digest of the opening handshake (RFC 6455 4.2.2). Looking an algorithm up is new in OpenSSL 3, and takes longer there
 * than using it: hence sha1_fetched.c for that, and sha1_constant.c for earlier ones. */
#ifndef WSUV_HTTP_SHA1_H
#define WSUV_HTTP_SHA1_H

#include <openssl/evp.h>

/* Any thread. */
const EVP_MD *wsuv__sha1(void);

#endif
