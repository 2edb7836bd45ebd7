/* The least of a WebSocket client on Linux, with blocking sockets: for load generators. Whatever goes wrong ends the
 * program. */
#ifndef WSUV_BENCH_WS_CLIENT_H
#define WSUV_BENCH_WS_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define WS_HEADER_MAX   14
#define WS_FIRST_TEXT   0x81
#define WS_FIRST_BINARY 0x82
#define WS_FIRST_CLOSE  0x88

/* The key is that of RFC 6455 1.3, and so is the value that the answer must have. */
#define WS_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define WS_UPGRADE_FIELDS                                                                        \
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
  "Sec-WebSocket-Version: 13\r\n"

/* A blocking socket that gives up after 10 s. As ws_client_connect has it, where `to` is this machine. */
int ws_client_socket(const struct sockaddr *to, size_t index);

/* To 127.0.0.1. The `index` of the connection chooses the address it comes from, so that more fit than an address has ports. */
int ws_client_connect(size_t index, unsigned int port);

/* Sends the request for `target`, a handshake or with `plain` an HTTP request, and reads the head of the answer: 101, or
 * 200. */
void ws_client_upgrade(int fd, const char *target, int plain);

/* The request with these fields beside Host; ends the program where it does not fit. Returns its length. */
size_t ws_put_request(char *p, size_t size, const char *host, const char *target,
                      const char *fields);

/* Writes all of it to a blocking socket. */
void ws_client_write(int fd, const void *data, size_t len);

size_t ws_put_header(unsigned char *p, unsigned char first, size_t len, int is_masked);

/* A whole frame; WS_HEADER_MAX octets longer than its payload at most. Returns its length. */
size_t ws_put_frame(unsigned char *p, unsigned char first, const void *payload, size_t len,
                    int is_masked);

/* The length of the frame at `p` and where its payload begins; 0: not all of it is there. */
size_t ws_whole_frame(const unsigned char *p, size_t len, size_t *head_len);

void ws_set_nonblocking(int fd);

#endif
