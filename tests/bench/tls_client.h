/* The load generator's side of TLS. It looks like read(2) and write(2): what is written leaves in one system call however many
 * records it makes, and one system call takes whatever has come. Certificates are not verified. Whatever fails ends the
 * program; all of this does where it was built without TLS. */
#ifndef WSUV_TESTS_BENCH_TLS_CLIENT_H
#define WSUV_TESTS_BENCH_TLS_CLIENT_H

#include <sys/types.h>

typedef struct tls_client tls_client_t;

/* Once, before everything else. The version is 12 or 13; the host is what the server is asked for by name. */
void tls_client_begin(int version, const char *host);

/* The handshake on a connected, blocking socket. */
tls_client_t *tls_client_new(int fd);

/* Without a goodbye. The socket is the caller's. */
void tls_client_free(tls_client_t *tls);

/* All octets were taken and all of the ciphertext is with the kernel, or -1 and errno EAGAIN: then the call is to be repeated
 * with the same octets when the socket is writable. */
ssize_t tls_client_write(tls_client_t *tls, const void *data, size_t len);

/* As read(2). The socket is only watched in vain for what was decrypted already: read until EAGAIN, or until nothing more can
 * come. */
ssize_t tls_client_read(tls_client_t *tls, void *data, size_t size);

#endif
