/* The server that a load goes to. */
#ifndef WSUV_BENCH_TARGET_H
#define WSUV_BENCH_TARGET_H

#include <stddef.h>
#include <sys/socket.h>

typedef struct target {
  char host[256];
  unsigned int port;
  const char *path; /* with the query; begins with a slash */
  int tls;
  struct sockaddr_storage address; /* after target_resolve */
  socklen_t address_len;
} target_t;

/* Takes ws:// or wss://, host, port and path. Returns NULL, or what is wrong. */
const char *target_parse(target_t *target, const char *url);

/* Looks the host up, or ends the program. */
void target_resolve(target_t *target);

/* A socket to connect with; `index` is the connection's number, as in ws_client_socket. */
int target_socket(const target_t *target, size_t index);

/* Connects a blocking one. */
int target_connect(const target_t *target, size_t index);

#endif
