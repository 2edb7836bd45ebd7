/* A connection of the load generator: blocking until it is upgraded, then as its mode wants it. */
#ifndef WSUV_BENCH_CLIENT_H
#define WSUV_BENCH_CLIENT_H

#include <sys/types.h>

#include "load.h"
#include "tls_client.h"

typedef struct client {
  int fd;
  tls_client_t *tls; /* NULL: none */
} client_t;

/* Connects, and speaks TLS and the opening handshake, as far as the options have them. */
void client_open(client_t *client, const load_options_t *options, size_t index);
void client_close(client_t *client);

/* The request that begins a connection with these options, and its length. */
const char *client_request(const load_options_t *options, size_t *len);

/* Ends the program where the head of an answer is not what the options need. */
void client_judge(const load_options_t *options, const char *answer);

/* As read(2) and write(2), or as tls_client.h has them. */
ssize_t client_read(const client_t *client, void *data, size_t size);
ssize_t client_write(const client_t *client, const void *data, size_t len);

/* All of it, on a blocking connection. */
void client_write_all(const client_t *client, const void *data, size_t len);

#endif
